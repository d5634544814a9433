//! A scripted model and scripted tools around the real agent, and a real ACP client that talks to it.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use acp::schema::{
    ContentBlock, InitializeRequest, LoadSessionRequest, Meta, NewSessionRequest, PromptRequest,
    RequestPermissionOutcome, RequestPermissionRequest, RequestPermissionResponse, SelectedPermissionOutcome,
    SessionNotification, StopReason,
};
use agent_client_protocol::schema::ProtocolVersion;
use agent_client_protocol::v1 as acp;
use agent_client_protocol::{Agent, Client, Error, on_receive_notification, on_receive_request};
use contract::frames::{self, FrameLimits};
use contract::{
    CANCELLER, Canceller, LoginAnswer, LoginNeeded, META_KEY, Permissions, Profile, Provider, Status,
};
use credentials::{Service, UserId};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::{Notify, mpsc};
use tokio::time::timeout;

use crate::agent::Fault;
use crate::agent::kit::{Hands, Kit, Mind};
use crate::message::{Finish, ReplyPart, ToolCall, Usage};
use crate::providers::{Progress, ProviderError, Reply, Request};
use crate::tools::{Always, Change, Kind, Outcome, Prepared, ToolSpec};

/// Nothing here takes long; a test that waits so long has failed.
pub(super) const PATIENCE: Duration = Duration::from_mins(1);

/// What the model does next.
pub(super) enum Step {
    /// Streams, then replies.
    Reply(Vec<Progress>, Reply),
    /// Streams slowly, then replies.
    Slowly(Vec<Progress>, Reply),
    /// Streams, then fails.
    Fail(Vec<Progress>, ProviderError),
    /// Streams, and is silent then.
    Hang(Vec<Progress>),
    /// A defect.
    Panic,
}

/// The script and what came of it. Shared by the model and the tools.
#[derive(Clone, Default)]
pub(super) struct Script(Arc<Inner>);

#[derive(Default)]
pub(super) struct Inner {
    steps: Mutex<VecDeque<Step>>,
    requests: Mutex<Vec<Value>>,
    ran: Mutex<Vec<String>>,
    ended: Mutex<Vec<String>>,
    points: AtomicUsize,
    /// The point at which everything stands still, counted from 1.
    hang_at: AtomicUsize,
    still: Notify,
    spoken: Notify,
}

impl Script {
    pub(super) fn of(steps: impl IntoIterator<Item = Step>) -> Self {
        let script = Self::default();
        script.0.steps.lock().unwrap().extend(steps);
        script
    }

    pub(super) fn then(&self, step: Step) {
        self.0.steps.lock().unwrap().push_back(step);
    }

    /// Requests that the model got.
    pub(super) fn requests(&self) -> Vec<Value> {
        self.0.requests.lock().unwrap().clone()
    }

    pub(super) fn last_request(&self) -> Value {
        self.requests().pop().expect("a request")
    }

    /// Arguments of the tools that were run.
    pub(super) fn ran(&self) -> Vec<String> {
        self.0.ran.lock().unwrap().clone()
    }

    /// Of those, the ones that were dropped before their end.
    pub(super) fn dropped(&self) -> Vec<String> {
        self.0.ended.lock().unwrap().clone()
    }

    pub(super) fn hang_at(&self, point: usize) {
        self.0.hang_at.store(point, Ordering::SeqCst);
    }

    /// Another story; nothing stands still any more.
    pub(super) fn restart(&self, steps: impl IntoIterator<Item = Step>) {
        self.hang_at(0);
        *self.0.steps.lock().unwrap() = steps.into_iter().collect();
    }

    /// Returns when the model has streamed everything of a step.
    pub(super) async fn spoken(&self) {
        let spoken = timeout(PATIENCE, self.0.spoken.notified()).await;
        spoken.expect("the model speaks to its end");
    }

    /// Returns when everything stands still.
    pub(super) async fn standing_still(&self) {
        self.0.still.notified().await;
    }

    pub(super) fn is_standing_still(&self) -> bool {
        let point = self.0.hang_at.load(Ordering::SeqCst);
        point > 0 && self.0.points.load(Ordering::SeqCst) >= point
    }

    /// Whether everything stands still from here on.
    fn stands_still(&self) -> bool {
        let point = self.0.points.fetch_add(1, Ordering::SeqCst) + 1;
        let still = point == self.0.hang_at.load(Ordering::SeqCst);
        if still {
            self.0.still.notify_one();
        }
        still
    }
}

impl Kit for Script {
    type Mind = Self;
    type Hands = Self;

    fn mind(&self, _: &Profile) -> Result<Self, ProviderError> {
        Ok(self.clone())
    }

    fn hands(&self, _: &Path, _: &Profile) -> Self {
        self.clone()
    }
}

impl Mind for Script {
    async fn call(
        &self,
        request: Request<'_>,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<Reply, ProviderError> {
        let tools: Vec<_> = request.tools.iter().map(|tool| tool.name).collect();
        self.0.requests.lock().unwrap().push(json!({
            "model": request.model, "system": request.system, "history": request.history, "tools": tools,
        }));
        if self.stands_still() {
            std::future::pending::<()>().await;
        }
        let step = self
            .0
            .steps
            .lock()
            .unwrap()
            .pop_front()
            .expect("a step for this call");
        let pause = match step {
            Step::Slowly(..) => Duration::from_millis(600),
            _ => Duration::ZERO,
        };
        let (words, end) = match step {
            Step::Reply(words, reply) | Step::Slowly(words, reply) => (words, Some(Ok(reply))),
            Step::Fail(words, error) => (words, Some(Err(error))),
            Step::Hang(words) => (words, None),
            Step::Panic => panic!("a planted defect"),
        };
        for word in words {
            if !pause.is_zero() {
                tokio::time::sleep(pause).await;
            }
            progress(word);
            tokio::task::yield_now().await;
        }
        self.0.spoken.notify_one();
        match end {
            Some(end) => end,
            None => std::future::pending().await,
        }
    }
}

impl Hands for Script {
    type Action = String;

    fn specs(&self) -> Vec<ToolSpec> {
        vec![]
    }

    /// `look` asks nobody; `count` says how many were run; `touch` asks, and its key are its arguments; `rule` asks each time; `hang` ends when it is stopped, and `hang deaf` never; `shout` writes a lot.
    fn prepare(&self, name: &str, arguments: &str) -> Result<Prepared<String>, String> {
        let asks = match name {
            "look" | "count" | "hang" | "shout" => false,
            "touch" | "rule" => true,
            _ => return Err(format!("there is no tool `{name}`")),
        };
        let change = || Change {
            path: "/w/a".into(),
            old: None,
            new: arguments.to_owned(),
        };
        Ok(Prepared {
            kind: Kind::Execute,
            title: format!("{name} {arguments}"),
            input: arguments.to_owned(),
            changes: asks.then(change).into_iter().collect(),
            asks,
            always: (name != "rule").then(|| Always {
                key: arguments.to_owned(),
                scope: "Always touch this",
            }),
            action: format!("{name} {arguments}"),
        })
    }

    async fn run(
        &self,
        prepared: Prepared<String>,
        output: &mut (dyn FnMut(String) + Send),
        stopped: impl Future<Output = ()> + Send,
    ) -> Outcome {
        let action = prepared.action;
        self.0.ran.lock().unwrap().push(action.clone());
        let mut dropped = Dropped(self, Some(action.clone()));
        if self.stands_still() || action.starts_with("hang") {
            output("so far".to_owned());
            if !action.starts_with("hang deaf") {
                stopped.await;
                return Outcome::stopped("so far, and more".to_owned());
            }
            std::future::pending::<()>().await;
        }
        if action.starts_with("shout") {
            for number in 0..5000 {
                output(format!("line {number}\n"));
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
        dropped.1 = None;
        let number = if action.starts_with("count") {
            self.ran().len()
        } else {
            0
        };
        Outcome {
            text: if number > 0 {
                format!("{number} so far")
            } else {
                format!("did {action}")
            },
            failed: false,
            stopped: false,
            exit: Some(0),
            offered: vec![PathBuf::from("/w/a b")],
        }
    }
}

struct Dropped<'a>(&'a Script, Option<String>);

impl Drop for Dropped<'_> {
    fn drop(&mut self) {
        self.0.0.ended.lock().unwrap().extend(self.1.take());
    }
}

pub(super) fn text(words: &str) -> Progress {
    Progress::Text(words.to_owned())
}

pub(super) fn reply(parts: Vec<ReplyPart>) -> Reply {
    Reply {
        parts,
        usage: Usage { input: 10, output: 5 },
        finish: Finish::Complete,
    }
}

/// Streams some words and says nothing else.
pub(super) fn says(words: &str) -> Step {
    let part = ReplyPart::Text {
        text: words.to_owned(),
    };
    Step::Reply(vec![text(words)], reply(vec![part]))
}

/// Calls tools: names and arguments.
pub(super) fn calls(calls: &[[&str; 2]]) -> Step {
    let call = |(number, [name, arguments]): (usize, &[&str; 2])| {
        ReplyPart::ToolCall(ToolCall {
            id: format!("p{number}"),
            name: (*name).to_owned(),
            arguments: (*arguments).to_owned(),
            opaque: None,
        })
    };
    Step::Reply(vec![], reply(calls.iter().enumerate().map(call).collect()))
}

/// Folders of one thread.
pub(super) struct Place {
    folder: TempDir,
}

impl Place {
    pub(super) fn new() -> Self {
        let folder = TempDir::new().unwrap();
        std::fs::create_dir(folder.path().join("work")).unwrap();
        Self { folder }
    }

    pub(super) fn workspace(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    pub(super) fn session(&self) -> PathBuf {
        self.folder.path().join("session")
    }

    pub(super) fn transcript(&self) -> PathBuf {
        self.session().join("transcript.jsonl")
    }

    pub(super) fn profile(&self) -> Profile {
        Profile {
            session_folder: self.session(),
            provider: Provider::OpenaiChat,
            base_url: "http://127.0.0.1:9/v1".parse().unwrap(),
            model: Some("first-model".to_owned()),
            account: Some(contract::Account {
                store: self.folder.path().join("auth.json"),
                allow_network_filesystem: false,
                service: Service::parse("acme").unwrap(),
                title: "Acme".to_owned(),
                owner: UserId::parse("web:1").unwrap(),
                endpoint: None,
                rejection_codes: vec![],
                host_key: None,
                host_token: None,
            }),
            permissions: Permissions::Ask,
            without_layers: vec![],
            readable: vec![],
            patience: contract::PATIENCE,
            ca_file: None,
            context_tokens: None,
            model_calls: contract::MODEL_CALLS,
            processes: contract::PROCESSES,
            instructions: None,
        }
    }

    /// The lines of the transcript as far as they say something.
    pub(super) fn lines(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.transcript()).unwrap();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}

/// What the client answers to permission requests and login requests, in order; nothing left: no answer ever.
#[derive(Clone, Default)]
pub(super) struct Answers {
    pub(super) permissions: Arc<Mutex<VecDeque<RequestPermissionResponse>>>,
    pub(super) logins: Arc<Mutex<VecDeque<LoginAnswer>>>,
    /// Answers as somebody does who never heard of logins.
    pub(super) plain: bool,
    /// Set: updates are read only once somebody opens it.
    pub(super) gate: Option<Arc<Notify>>,
    pub(super) held: Arc<Mutex<Vec<Held>>>,
}

#[expect(dead_code, reason = "only kept, so that nobody answers")]
pub(super) enum Held {
    Permission(acp::Responder<RequestPermissionResponse>),
    Login(acp::Responder<LoginAnswer>),
}

impl Answers {
    pub(super) fn permit(&self, option: &'static str) {
        let chosen = SelectedPermissionOutcome::new(option);
        let answer = RequestPermissionResponse::new(RequestPermissionOutcome::Selected(chosen));
        self.permissions.lock().unwrap().push_back(answer);
    }

    pub(super) fn deny(&self, reason: &str) {
        let chosen = SelectedPermissionOutcome::new("reject_once");
        let answer = RequestPermissionResponse::new(RequestPermissionOutcome::Selected(chosen));
        let mut meta = Meta::new();
        meta.insert(META_KEY.to_owned(), json!({ "reason": reason }));
        self.permissions.lock().unwrap().push_back(answer.meta(meta));
    }
}

/// The client's side of a connection.
pub(super) struct Person {
    pub(super) connection: acp::ConnectionTo<Agent>,
    told: mpsc::UnboundedReceiver<Value>,
    pub(super) heard: Vec<Value>,
    pub(super) id: String,
}

impl Person {
    pub(super) async fn initialize(&self, profile: Option<Value>) -> acp::schema::InitializeResponse {
        let mut request = InitializeRequest::new(ProtocolVersion::V1);
        if let Some(profile) = profile {
            let mut meta = Meta::new();
            meta.insert(META_KEY.to_owned(), profile);
            request = request.meta(meta);
        }
        self.connection.send_request(request).block_task().await.unwrap()
    }

    pub(super) async fn open(&mut self, workspace: &Path) -> Result<(), Error> {
        let request = NewSessionRequest::new(workspace);
        let answer = self.connection.send_request(request).block_task().await?;
        self.id = answer.session_id.0.to_string();
        Ok(())
    }

    pub(super) async fn load(&mut self, workspace: &Path, id: &str) -> Result<(), Error> {
        id.clone_into(&mut self.id);
        let request = LoadSessionRequest::new(id.to_owned(), workspace);
        self.connection
            .send_request(request)
            .block_task()
            .await
            .map(|_| ())
    }

    /// Initialized, with a session.
    pub(super) async fn ready(&mut self, place: &Place) {
        self.initialize(Some(place.profile().to_meta())).await;
        self.open(&place.workspace()).await.unwrap();
    }

    /// Initialized, with this session loaded again.
    pub(super) async fn resumed(&mut self, place: &Place, id: &str) {
        self.initialize(Some(place.profile().to_meta())).await;
        self.load(&place.workspace(), id).await.unwrap();
    }

    pub(super) fn start(&self, words: &str) -> acp::SentRequest<acp::schema::PromptResponse> {
        let blocks = vec![ContentBlock::from(words)];
        self.connection
            .send_request(PromptRequest::new(self.id.clone(), blocks))
    }

    pub(super) async fn prompt(&self, words: &str) -> Result<StopReason, Error> {
        let answer = timeout(PATIENCE, self.start(words).block_task()).await;
        answer
            .expect("an answer in time")
            .map(|answer| answer.stop_reason)
    }

    /// Asks as soon as the cancelled turn has ended.
    pub(super) async fn settled_prompt(&self, words: &str) {
        loop {
            match self.prompt(words).await {
                Err(error) if error.message.contains("a turn is running") => {}
                answer => {
                    answer.unwrap();
                    return;
                }
            }
        }
    }

    pub(super) fn cancel(&self) {
        self.cancel_by(None);
    }

    pub(super) fn cancel_by(&self, by: Option<Canceller>) {
        let mut note = acp::schema::CancelNotification::new(self.id.clone());
        if let Some(by) = by {
            let mut meta = Meta::new();
            meta.insert(META_KEY.to_owned(), json!({ CANCELLER: by }));
            note = note.meta(meta);
        }
        self.connection.send_notification(note).unwrap();
    }

    /// Waits for something that is told.
    pub(super) async fn hears(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        if let Some(found) = self.heard.iter().find(|told| wanted(told)) {
            return found.clone();
        }
        loop {
            let next = timeout(PATIENCE, self.told.recv()).await;
            let Ok(Some(told)) = next else {
                panic!("never told; heard: {:#?}", self.heard)
            };
            self.heard.push(told.clone());
            if wanted(&told) {
                return told;
            }
        }
    }

    /// Everything that was told so far.
    pub(super) fn all(&mut self) -> &[Value] {
        while let Ok(told) = self.told.try_recv() {
            self.heard.push(told);
        }
        &self.heard
    }

    /// All updates of a kind so far.
    pub(super) fn updates(&mut self, kind: &str) -> Vec<Value> {
        let all = self.all().iter();
        all.filter(|told| told["sessionUpdate"] == kind)
            .cloned()
            .collect()
    }

    /// The words of all updates of a kind so far.
    pub(super) fn words(&mut self, kind: &str) -> String {
        let words = |update: Value| update["content"]["text"].as_str().map(str::to_owned);
        self.updates(kind).into_iter().filter_map(words).collect()
    }
}

/// Runs the agent and a client until `body` is done, then closes the client's end, and waits for the agent's.
pub(super) async fn meet<R>(
    script: &Script,
    answers: &Answers,
    body: impl AsyncFnOnce(&mut Person) -> R,
) -> R {
    let (agent_end, client_end) = tokio::io::duplex(64 * 1024);
    let (reader, writer) = tokio::io::split(agent_end);
    let agent = tokio::spawn(crate::agent::serve(script.clone(), reader, writer));
    let (reader, writer) = tokio::io::split(client_end);
    let (channel, frames) = frames::open(reader, writer, FrameLimits::default());
    let (tell, told) = mpsc::unbounded_channel();
    let (statuses, asked, logins) = (tell.clone(), tell.clone(), tell.clone());
    let gate = answers.gate.clone();
    let (permissions, sign_ins, script) = (answers.clone(), answers.clone(), script.clone());
    let client = Client
        .v1()
        .on_receive_notification(
            async move |note: SessionNotification, _| {
                if let Some(gate) = &gate {
                    gate.notified().await;
                    gate.notify_one();
                }
                let _ = tell.send(serde_json::to_value(note.update).unwrap());
                Ok(())
            },
            on_receive_notification!(),
        )
        .on_receive_notification(
            async move |status: Status, _| {
                let _ = statuses.send(json!({ "status": status.what }));
                Ok(())
            },
            on_receive_notification!(),
        )
        .on_receive_request(
            async move |request: RequestPermissionRequest, responder, _| {
                let _ = asked.send(json!({
                    "asked": request.tool_call, "options": request.options, "meta": request.meta,
                }));
                let answer = permissions.permissions.lock().unwrap().pop_front();
                if let Some(answer) = answer.filter(|_| !script.stands_still()) {
                    responder.respond(answer)
                } else {
                    permissions.held.lock().unwrap().push(Held::Permission(responder));
                    Ok(())
                }
            },
            on_receive_request!(),
        )
        .on_receive_request(
            async move |request: LoginNeeded, responder, _| {
                if sign_ins.plain {
                    return responder.respond_with_error(Error::method_not_found());
                }
                let _ = logins.send(json!({ "login": request }));
                let answer = sign_ins.logins.lock().unwrap().pop_front();
                if let Some(answer) = answer {
                    responder.respond(answer)
                } else {
                    sign_ins.held.lock().unwrap().push(Held::Login(responder));
                    Ok(())
                }
            },
            on_receive_request!(),
        );
    let result = client
        .connect_with(channel, async move |connection| {
            let mut person = Person {
                connection,
                told,
                heard: vec![],
                id: String::new(),
            };
            Ok(body(&mut person).await)
        })
        .await
        .unwrap();
    drop(frames);
    let ended = timeout(PATIENCE, agent).await;
    let ended = ended.expect("the agent ends with its client").unwrap();
    assert!(matches!(ended, Ok(()) | Err(Fault::Lost)), "{ended:?}");
    result
}
