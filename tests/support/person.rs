//! Somebody at the chat page, over plain HTTP: a cookie, a token against forgery, and an ear for events.

use std::time::Duration;

use reqwest::header::{ACCEPT, COOKIE, SET_COOKIE};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use url::Url;

/// Far longer than anything takes that is certain to come.
const CERTAIN: Duration = Duration::from_mins(1);

/// One browser's worth of identity.
#[derive(Clone)]
pub struct Person {
    client: Client,
    base: Url,
    cookie: String,
    csrf: String,
}

impl Person {
    /// Opens a one-time link, presses the button there, and opens the page behind it.
    pub async fn enter(link: &Url) -> Self {
        let client = client();
        let (page, root) = (
            client.get(link.clone()),
            link.join("/").expect("a root is an address"),
        );
        let page = page
            .header(ACCEPT, "text/html")
            .send()
            .await
            .expect("the page answers");
        let html = page.text().await.expect("a page is text");
        let entered = client
            .post(link.join("/enter").expect("a path makes an address"))
            .header(ACCEPT, "text/html")
            .header("origin", root.origin().ascii_serialization())
            .form(&[("key", hidden(&html, "key"))])
            .send()
            .await
            .expect("the page answers");
        let cookie = entered
            .headers()
            .get(SET_COOKIE)
            .unwrap_or_else(|| panic!("the link lets nobody in: {}", entered.status()))
            .to_str()
            .expect("a cookie is text")
            .split(';')
            .next()
            .expect("there is a first part")
            .to_owned();
        let mut person = Self {
            client,
            base: root,
            cookie,
            csrf: String::new(),
        };
        person.read_token().await;
        person
    }

    /// The same browser at a host that was started again, on the same port.
    pub async fn again(&mut self) {
        // Connections to the host before may not know yet that they ended.
        self.client = client();
        self.read_token().await;
    }

    /// The same browser, with connections of its own.
    #[must_use]
    pub fn anew(&self) -> Self {
        Self {
            client: client(),
            ..self.clone()
        }
    }

    async fn read_token(&mut self) {
        let html = self.page("/").await;
        let (_, rest) = html
            .split_once("name=\"csrf\" content=\"")
            .unwrap_or_else(|| panic!("no token in the page: {html}"));
        rest.split('"')
            .next()
            .expect("there is a first part")
            .clone_into(&mut self.csrf);
    }

    /// A page as text.
    pub async fn page(&self, path: &str) -> String {
        let answer = self
            .request(Method::GET, path)
            .header(ACCEPT, "text/html")
            .send()
            .await;
        answer
            .expect("the page answers")
            .text()
            .await
            .expect("a page is text")
    }

    /// A request with this person's cookie and token.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client
            .request(method, self.base.join(path).expect("a path makes an address"))
            .header(COOKIE, &self.cookie)
            .header("x-csrf-token", &self.csrf)
            .header("origin", self.base.origin().ascii_serialization())
    }

    /// Posts JSON.
    pub async fn post(&self, path: &str, body: &Value) -> (StatusCode, Value) {
        match self.try_post(path, body).await {
            Ok(answer) => answer,
            Err(error) => panic!("POST {path}: {error}"),
        }
    }

    /// Posts JSON to a host that may die meanwhile.
    pub async fn try_post(&self, path: &str, body: &Value) -> reqwest::Result<(StatusCode, Value)> {
        let answer = self.request(Method::POST, path).json(body).send().await?;
        let status = answer.status();
        let text = answer.text().await?;
        let value = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Ok((status, value))
    }

    /// Opens a thread with this message. Gives back the part of its id after the colon.
    pub async fn open(&self, text: &str) -> String {
        let (status, answer) = self
            .post("/api/threads", &json!({ "text": text, "files": [] }))
            .await;
        assert!(status.is_success(), "{status}: {answer}");
        let thread = answer["thread"]
            .as_str()
            .unwrap_or_else(|| panic!("no thread in {answer}"));
        thread
            .rsplit(':')
            .next()
            .expect("there is a last part")
            .to_owned()
    }

    /// Says something in a thread, under this name of the message.
    pub async fn say(&self, thread: &str, id: &str, text: &str) -> Value {
        let (status, answer) = self
            .post(
                &format!("/api/t/{thread}/messages"),
                &json!({ "id": id, "text": text, "files": [] }),
            )
            .await;
        assert!(status.is_success(), "{status}: {answer}");
        answer
    }

    /// Listens to a thread.
    pub async fn listen(&self, thread: &str) -> Ear {
        let answer = self
            .request(Method::GET, &format!("/events?thread={thread}"))
            .header(ACCEPT, "text/event-stream")
            .send()
            .await
            .expect("the page answers");
        assert!(answer.status().is_success(), "{}", answer.status());
        Ear {
            answer,
            buffer: String::new(),
        }
    }

    /// A one-time link for somebody else.
    pub async fn invite(&self) -> Url {
        let (status, answer) = self.post("/api/invite", &json!({ "other": true })).await;
        assert!(status.is_success(), "{status}: {answer}");
        let link = answer["url"]
            .as_str()
            .unwrap_or_else(|| panic!("no link in {answer}"));
        Url::parse(link).expect("a link is an address")
    }

    /// Signs this person in to a service by its link, as the consent page's visitor of this name would.
    pub async fn sign_in(&self, service: &str, visitor: &str) {
        let (status, begun) = self.post("/api/auth/begin", &json!({ "service": service })).await;
        assert!(status.is_success(), "{status}: {begun}");
        let link = begun["url"]
            .as_str()
            .unwrap_or_else(|| panic!("no link in {begun}"));
        let pasted = consent(&self.client, link, visitor).await;
        let (status, done) = self
            .post(
                "/api/auth/complete",
                &json!({ "service": service, "pasted": pasted }),
            )
            .await;
        assert!(status.is_success(), "{status}: {done}");
    }
}

/// Approves at the rehearsal vendor's page; gives back the address that the browser is sent to.
pub async fn consent(client: &Client, link: &str, visitor: &str) -> String {
    let page = client.get(link).send().await.expect("the vendor answers");
    let html = page.text().await.expect("a page is text");
    let ticket = hidden(&html, "ticket");
    let target = Url::parse(link)
        .and_then(|link| link.join("/authorize"))
        .expect("the vendor's address is one");
    let answer = client
        .post(target)
        .form(&[("ticket", ticket), ("user", visitor), ("decision", "approve")])
        .send()
        .await
        .expect("the vendor answers");
    let location = answer.headers().get("location").expect("the vendor sends back");
    location.to_str().expect("an address is text").to_owned()
}

/// The value of a form's hidden field.
fn hidden<'h>(html: &'h str, name: &str) -> &'h str {
    html.split(&format!("name=\"{name}\" value=\""))
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .unwrap_or_else(|| panic!("no {name} in {html}"))
}

/// A client that goes nowhere by itself, and is nobody.
pub fn client() -> Client {
    // Whoever was first in this process installed it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()
        .expect("a client is made")
}

/// A stream of events.
pub struct Ear {
    answer: Response,
    buffer: String,
}

/// One event.
#[derive(Debug, Clone)]
pub struct Heard {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its data.
    pub data: Value,
}

impl Heard {
    /// Whether nothing runs or waits in the thread. Where that has come before somebody listens, no event tells it: the
    /// snapshot does.
    pub fn is_idle(&self) -> bool {
        match self.name.as_str() {
            "snapshot" => self.data["phase"]["busy"] == false,
            "phase" => self.data["busy"] == false,
            _ => false,
        }
    }
}

impl Ear {
    /// The next event; `None` when the stream ends.
    pub async fn next(&mut self) -> Option<Heard> {
        loop {
            if let Some((event, rest)) = self.buffer.split_once("\n\n") {
                let heard = parse(event);
                self.buffer = String::from(rest);
                if let Some(heard) = heard {
                    return Some(heard);
                }
                continue;
            }
            let chunk = tokio::time::timeout(CERTAIN, self.answer.chunk()).await;
            let chunk = chunk.expect("an event was certain to come");
            match chunk {
                Ok(Some(bytes)) => self.buffer.push_str(&String::from_utf8_lossy(&bytes)),
                _ => return None,
            }
        }
    }

    /// Waits for an event that fits. Panics when the stream ends first.
    pub async fn until(&mut self, mut fits: impl FnMut(&Heard) -> bool) -> Heard {
        let mut last = Vec::new();
        while let Some(heard) = self.next().await {
            if fits(&heard) {
                return heard;
            }
            last.push(format!("{} {}", heard.name, heard.data));
        }
        panic!("the stream ended first; it said {last:#?}");
    }

    /// Waits for an event whose HTML has this attribute, and returns what it says.
    pub async fn attribute(&mut self, name: &str) -> String {
        // Inside JSON.
        let begins = format!("{name}=\"").replace('"', "\\\"");
        let heard = self.until(|heard| heard.data.to_string().contains(&begins)).await;
        let html = heard.data.to_string();
        let value = html.split(&begins).nth(1);
        let value = value.and_then(|rest| rest.split('\\').next());
        value.expect("it was just seen").to_owned()
    }
}

fn parse(event: &str) -> Option<Heard> {
    let field = |wanted: &str| {
        let values: Vec<&str> = event
            .lines()
            .filter_map(|line| line.strip_prefix(wanted)?.strip_prefix(':'))
            .map(|value| value.strip_prefix(' ').unwrap_or(value))
            .collect();
        (!values.is_empty()).then(|| values.join("\n"))
    };
    let data = field("data")?;
    Some(Heard {
        id: field("id").unwrap_or_default(),
        name: field("event").unwrap_or_else(|| "message".to_owned()),
        data: serde_json::from_str(&data).unwrap_or(Value::String(data)),
    })
}
