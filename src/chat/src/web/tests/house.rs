//! A web chat on a port of its own, browsers for it, and a small agent behind it.

use std::collections::BTreeMap;
use std::time::Duration;

use conversation::{Conversation, Dispatch};
use credentials::{Credentials, Refresher, Service, Store, UserId, Vendors};
use reqwest::header::{ACCEPT, COOKIE, SET_COOKIE};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode, redirect};
use serde_json::{Value, json};
use supervisor::{Agent, AgentKind, Limits, Supervisor};
use url::Url;

use crate::web::{Config, Server};

/// Longer than anything takes that is certain to come.
const CERTAIN: Duration = Duration::from_secs(30);

/// Answers `echo`; a message with `hang` is answered when it is cancelled, one with `ask` after a permission, one with
/// `grow` in many small pieces.
const AGENT: &str = r#"
answer() { printf '{"jsonrpc":"2.0","id":"%s","result":%s}\n' "$id" "$1"; }
say() { printf '{"jsonrpc":"2.0","method":"session/update","params":{"sessionId":"s1","update":{"sessionUpdate":"agent_message_chunk","content":{"type":"text","text":"%s"}}}}\n' "$1"; }
models() { printf '%s' '"configOptions":[{"id":"model","name":"Model","category":"model","type":"select","currentValue":"'"${now:-own}"'","options":[{"value":"own","name":"Own"},{"value":"m-1","name":"One"},{"value":"big","name":"Big"}]}]'; }
while IFS= read -r line; do
  case $line in
    *'"method":"session/cancel"'*) id=$kept; answer '{"stopReason":"cancelled"}'; continue ;;
    *'"method":'*) id=${line#*'"id":"'}; id=${id%%'"'*} ;;
  esac
  case $line in
    *'"method":"initialize"'*) answer '{"protocolVersion":1,"agentCapabilities":{"loadSession":true}}' ;;
    *'"method":"session/new"'*) answer '{"sessionId":"s1",'"$(models)"'}' ;;
    *'"method":"session/load"'*) answer '{'"$(models)"'}' ;;
    *'"method":"session/set_config_option"'*'"big"'*) now=big; answer '{'"$(models)"'}' ;;
    *'"method":"session/set_config_option"'*'"m-1"'*) now=m-1; answer '{'"$(models)"'}' ;;
    *'"method":"session/set_config_option"'*) now=own; answer '{'"$(models)"'}' ;;
    *'"method":"session/prompt"'*hang*) kept=$id; say 'hanging on' ;;
    *'"method":"session/prompt"'*grow*)
      count=0
      while [ $count -lt 400 ]; do say "word$count "; count=$((count + 1)); done
      answer '{"stopReason":"end_turn"}' ;;
    *'"method":"session/prompt"'*flood*)
      many=$(head -c 200000 /dev/zero | tr '\0' x); count=0
      while [ $count -lt 60 ]; do say "$many"; count=$((count + 1)); done
      answer '{"stopReason":"end_turn"}' ;;
    *'"method":"session/prompt"'*'much to ask'*)
      kept=$id
      printf '{"jsonrpc":"2.0","id":77,"method":"session/request_permission","params":{"sessionId":"s1","toolCall":{"toolCallId":"c1","title":"run a command","kind":"execute","rawInput":{"command":"%s"}},"options":[{"optionId":"once","name":"Once","kind":"allow_once"}]}}\n' "$(head -c 3000000 /dev/zero | tr '\0' A)" ;;
    *'"method":"session/prompt"'*ask*)
      kept=$id
      printf '{"jsonrpc":"2.0","id":77,"method":"session/request_permission","params":{"sessionId":"s1","toolCall":{"toolCallId":"c1","title":"run a command","kind":"execute","rawInput":{"command":"rm -rf build"}},"options":[{"optionId":"once","name":"Once","kind":"allow_once"},{"optionId":"always","name":"Always","kind":"allow_always"},{"optionId":"no","name":"No","kind":"reject_once"}]}}\n' ;;
    *'"method":"session/prompt"'*) say 'echo'; answer '{"stopReason":"end_turn"}' ;;
    *'"id":77'*'"once"'*) id=$kept; say 'allowed once'; answer '{"stopReason":"end_turn"}' ;;
    *'"id":77'*) id=$kept; say 'not allowed'; answer '{"stopReason":"end_turn"}' ;;
  esac
done
"#;

/// Everything of a host that the web chat needs.
pub(super) struct House {
    pub(super) folder: tempfile::TempDir,
    pub(super) server: Server,
    pub(super) supervisor: Supervisor,
    pub(super) credentials: Credentials,
}

impl House {
    pub(super) async fn start() -> Self {
        Self::start_with(|_| {}, Vendors::builtin(None)).await
    }

    pub(super) async fn start_with(change: impl FnOnce(&mut Config), vendors: Vendors) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), change, vendors).await
    }

    pub(super) async fn start_in(
        folder: tempfile::TempDir,
        change: impl FnOnce(&mut Config),
        vendors: Vendors,
    ) -> Self {
        Self::start_for("rehearsal", folder, change, vendors).await
    }

    /// With an agent of ours that works with this service, besides the small ones.
    pub(super) async fn start_for(
        service: &str,
        folder: tempfile::TempDir,
        change: impl FnOnce(&mut Config),
        vendors: Vendors,
    ) -> Self {
        let state = folder.path().join("state");
        crate::web::private_file::make_folder(&state).unwrap();
        let store = Store::open(&state.join("auth.json"), true).unwrap();
        let credentials = Credentials::new(store, vendors, Refresher::InProcess);
        let (conversation, found) = Conversation::open(&state).unwrap();
        let config = supervisor::Config {
            state_folder: state.clone(),
            workspaces: folder.path().join("workspaces"),
            worker_program: "/bin/sh".into(),
            agents: BTreeMap::from([
                ("fake".to_owned(), agent()),
                ("other".to_owned(), agent()),
                ("native".to_owned(), native(service)),
            ]),
            default_agent: "fake".into(),
            dispatch: Dispatch::Queue,
            limits: Limits {
                grace: Duration::from_millis(200),
                ..Limits::default()
            },
        };
        let supervisor = Supervisor::start(config, conversation, found, credentials.clone())
            .await
            .unwrap();
        let mut config = Config::new("127.0.0.1:0".parse().unwrap(), state, "fake".into());
        change(&mut config);
        let server = Server::start(config, supervisor.clone(), credentials.clone())
            .await
            .unwrap();
        Self {
            folder,
            server,
            supervisor,
            credentials,
        }
    }

    /// A browser that nobody let in.
    pub(super) fn stranger(&self) -> Browser {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .redirect(redirect::Policy::none())
            .no_proxy()
            .connect_timeout(CERTAIN);
        Browser {
            client: client.build().unwrap(),
            base: Url::parse(&format!("http://{}/", self.server.address())).unwrap(),
            cookie: None,
            csrf: String::new(),
        }
    }

    /// The administrator's browser.
    pub(super) async fn alice(&self) -> Browser {
        let mut browser = self.stranger();
        browser.enter(&self.link()).await;
        browser
    }

    /// A link for a browser of the administrator's.
    pub(super) fn link(&self) -> Url {
        self.server.links().new_link().unwrap()
    }

    /// The browser of somebody whom Alice invited.
    pub(super) async fn guest(&self, host: &Browser) -> Browser {
        let (status, answer) = host.post("/api/invite", json!({ "other": true })).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        let mut browser = self.stranger();
        browser
            .enter(&answer["url"].as_str().unwrap().parse().unwrap())
            .await;
        browser
    }

    /// Ends everything; gives back the folder.
    pub(super) async fn end(self) -> tempfile::TempDir {
        self.server.shutdown().await;
        self.supervisor.drain(Duration::ZERO).await;
        self.folder
    }
}

fn agent() -> Agent {
    Agent {
        title: "Fake".into(),
        kind: AgentKind::External {
            command: vec!["/bin/sh".into(), "-c".into(), AGENT.into()],
            environment: BTreeMap::new(),
        },
    }
}

/// Our own, working with this service. No test here starts it.
fn native(service: &str) -> Agent {
    let account = contract::Account {
        store: "/nowhere/auth.json".into(),
        allow_network_filesystem: false,
        service: Service::parse(service).unwrap(),
        title: service.into(),
        owner: UserId::parse("local:nobody").unwrap(),
        endpoint: None,
        rejection_codes: vec![],
        host_key: None,
        host_token: None,
    };
    Agent {
        title: format!("works with {service}"),
        kind: AgentKind::Native(Box::new(contract::Profile {
            session_folder: "/template".into(),
            provider: contract::Provider::OpenaiChat,
            base_url: "http://127.0.0.1:1/v1".parse().unwrap(),
            model: None,
            account: Some(account),
            permissions: contract::Permissions::Ask,
            without_layers: vec![],
            readable: vec![],
            patience: contract::PATIENCE,
            ca_file: None,
            context_tokens: None,
            model_calls: contract::MODEL_CALLS,
            processes: contract::PROCESSES,
            instructions: None,
        })),
    }
}

/// A browser, as far as this needs one.
#[derive(Clone)]
pub(super) struct Browser {
    pub(super) client: Client,
    pub(super) base: Url,
    pub(super) cookie: Option<String>,
    pub(super) csrf: String,
}

impl Browser {
    /// Opens a link, presses the button there, and opens the page behind it.
    pub(super) async fn enter(&mut self, link: &Url) {
        let answer = self.press(link).await;
        assert_eq!(
            answer.status(),
            StatusCode::SEE_OTHER,
            "{}",
            answer.text().await.unwrap()
        );
        self.keep_cookie(&answer);
        self.read_token().await;
    }

    /// Opens a link, and presses the button there, as a browser does.
    pub(super) async fn press(&self, link: &Url) -> Response {
        let (status, page) = self
            .page(&format!("{}?{}", link.path(), link.query().unwrap()))
            .await;
        assert_eq!(status, StatusCode::OK, "{page}");
        self.send_form(between(&page, "<form", "</form>")).await
    }

    /// Sends a form of a page.
    pub(super) async fn send_form(&self, form: &str) -> Response {
        let fields: Vec<(&str, &str)> = form
            .split("<input type=\"hidden\"")
            .skip(1)
            .map(|field| (between(field, "name=\"", "\""), between(field, "value=\"", "\"")))
            .collect();
        self.request(Method::POST, between(form, "action=\"", "\""))
            .header(ACCEPT, "text/html")
            .header("origin", self.base.origin().ascii_serialization())
            .header("sec-fetch-site", "same-origin")
            .form(&fields)
            .send()
            .await
            .unwrap()
    }

    pub(super) fn keep_cookie(&mut self, answer: &Response) {
        let cookie = answer.headers()[SET_COOKIE].to_str().unwrap();
        self.cookie = Some(cookie.split(';').next().unwrap().to_owned());
    }

    pub(super) async fn read_token(&mut self) {
        let (status, page) = self.page("/").await;
        assert_eq!(status, StatusCode::OK, "{page}");
        self.csrf = between(&page, "name=\"csrf\" content=\"", "\"").to_owned();
    }

    pub(super) fn get(&self, path: &str) -> RequestBuilder {
        self.request(Method::GET, path)
    }

    pub(super) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, self.base.join(path).unwrap());
        match &self.cookie {
            Some(cookie) => request.header(COOKIE, cookie),
            None => request,
        }
    }

    /// A page, as a person asks for it.
    pub(super) async fn page(&self, path: &str) -> (StatusCode, String) {
        let answer = self.get(path).header(ACCEPT, "text/html").send().await.unwrap();
        (answer.status(), answer.text().await.unwrap())
    }

    /// A POST as the page's script makes it.
    pub(super) fn posting(&self, path: &str) -> RequestBuilder {
        self.request(Method::POST, path)
            .header("origin", self.base.origin().ascii_serialization())
            .header("sec-fetch-site", "same-origin")
            .header("x-csrf-token", &self.csrf)
    }

    pub(super) async fn post(&self, path: &str, body: Value) -> (StatusCode, Value) {
        read(self.posting(path).json(&body).send().await.unwrap()).await
    }

    pub(super) async fn fine(&self, path: &str, body: Value) -> Value {
        let (status, answer) = self.post(path, body).await;
        assert_eq!(status, StatusCode::OK, "{path}: {answer}");
        answer
    }

    /// Opens a thread; gives the part of its id after the colon.
    pub(super) async fn open(&self, text: &str) -> String {
        let answer = self.fine("/api/threads", json!({ "text": text })).await;
        answer["thread"]
            .as_str()
            .unwrap()
            .strip_prefix("web:")
            .unwrap()
            .to_owned()
    }

    /// Brings files; gives the answer.
    pub(super) async fn upload(&self, files: &[(&str, &[u8])]) -> (StatusCode, Value) {
        let mut body = vec![];
        for (name, content) in files {
            body.extend(b"--edge\r\ncontent-disposition: form-data; name=\"file\"; filename=\"");
            body.extend(name.as_bytes());
            body.extend(b"\"\r\ncontent-type: text/html\r\n\r\n");
            body.extend(*content);
            body.extend(b"\r\n");
        }
        body.extend(b"--edge--\r\n");
        let posting = self.posting("/api/uploads?thread=new");
        let posting = posting
            .header("content-type", "multipart/form-data; boundary=edge")
            .body(body);
        read(posting.send().await.unwrap()).await
    }

    /// Listens.
    pub(super) async fn events(&self, query: &str) -> Stream {
        let answer = self.get(&format!("/events?{query}")).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        Stream {
            answer,
            buffer: String::new(),
        }
    }
}

async fn read(answer: Response) -> (StatusCode, Value) {
    let status = answer.status();
    let text = answer.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

/// Server-sent events.
pub(super) struct Stream {
    answer: Response,
    buffer: String,
}

#[derive(Debug, Default)]
pub(super) struct Event {
    pub(super) name: String,
    pub(super) id: Option<String>,
    pub(super) data: Value,
}

impl Stream {
    /// The next event; `None` at the end of the stream.
    pub(super) async fn next(&mut self) -> Option<Event> {
        // Comments that keep the connection alive are no event.
        tokio::time::timeout(CERTAIN, self.read())
            .await
            .expect("an event comes, or the end")
    }

    async fn read(&mut self) -> Option<Event> {
        loop {
            if let Some((block, rest)) = self.buffer.split_once("\n\n") {
                let event = parse(block);
                self.buffer = rest.to_owned();
                if event.name.is_empty() {
                    continue;
                }
                return Some(event);
            }
            // A stream that is cut off has ended as well.
            let chunk = self.answer.chunk().await.ok().flatten()?;
            self.buffer.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    /// The next event of this name that satisfies this.
    pub(super) async fn until(&mut self, name: &str, fits: impl Fn(&Value) -> bool) -> Event {
        loop {
            let event = self.next().await.expect("the stream goes on");
            if event.name == name && fits(&event.data) {
                return event;
            }
        }
    }
}

fn parse(block: &str) -> Event {
    let mut event = Event::default();
    for line in block.lines() {
        match line.split_once(':').unwrap_or((line, "")) {
            ("event", value) => event.name = value.trim().to_owned(),
            ("id", value) => event.id = Some(value.trim().to_owned()),
            ("data", value) => event.data = serde_json::from_str(value.trim()).unwrap(),
            _ => {}
        }
    }
    event
}

pub(super) fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
    let (_, rest) = text
        .split_once(start)
        .unwrap_or_else(|| panic!("no {start:?} in {text}"));
    rest.split_once(end).unwrap().0
}
