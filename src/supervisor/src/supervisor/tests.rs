//! The whole supervisor on a real conversation and a real store, with scripted workers.

mod admission;
mod asks;
mod broken;
mod choice;
mod deaths;
mod denials;
mod disk;
mod dispatch;
mod ending;
mod grants;
mod real;
mod retry;
mod snapshots;
mod turns;
mod view;
mod workers;
mod workspace;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use conversation::{Dispatch, TurnState};
use credentials::{Refresher, Store, Vendors};
use tempfile::TempDir;

use super::*;
use crate::config::{Agent, AgentKind, Limits};
use crate::process::scripted::{Act, Gate, Script};
use view::View;

/// A supervisor in a folder of its own.
struct Host {
    folder: TempDir,
    supervisor: Supervisor,
    conversation: Conversation,
    script: Script,
    messages: AtomicU32,
}

/// Limits that let a test see everything soon, but nothing by accident.
fn limits() -> Limits {
    Limits {
        grace: Duration::from_millis(50),
        ..Limits::default()
    }
}

fn agents() -> BTreeMap<String, Agent> {
    let agent = |title: &str| Agent {
        title: title.to_owned(),
        kind: AgentKind::External {
            command: vec!["agent".to_owned()],
            environment: BTreeMap::new(),
        },
    };
    BTreeMap::from([
        ("one".to_owned(), agent("Agent One")),
        ("two".to_owned(), agent("Agent Two")),
    ])
}

/// A process that another test starts at this moment holds copies of all descriptors between its fork and its exec, locks
/// included: so the file may be in use for a moment longer.
async fn open(folder: &TempDir) -> (Conversation, Found) {
    let began = Instant::now();
    loop {
        match Conversation::open(folder.path()) {
            Err(ConversationError::InUse(_)) if began.elapsed() < Duration::from_secs(5) => {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            opened => return opened.unwrap(),
        }
    }
}

fn credentials_in(folder: &TempDir) -> Credentials {
    let store = Store::open(&folder.path().join("auth.json"), true).unwrap();
    Credentials::new(store, Vendors::builtin(None), Refresher::InProcess)
}

fn user(name: &str) -> UserId {
    UserId::parse(&format!("web:{name}")).unwrap()
}

impl Host {
    async fn new() -> Self {
        Self::with(limits()).await
    }

    async fn with(limits: Limits) -> Self {
        Self::on(tempfile::tempdir().unwrap(), limits, Script::default()).await
    }

    async fn on(folder: TempDir, limits: Limits, script: Script) -> Self {
        let host = Self::begun_on(folder, limits, script).await;
        host.supervisor.go_on().await;
        host
    }

    /// It has begun, and not gone on with what waits.
    async fn begun_on(folder: TempDir, limits: Limits, script: Script) -> Self {
        let launcher = Launcher::Scripted(script.clone());
        let config = Config {
            state_folder: folder.path().to_owned(),
            workspaces: folder.path().join("workspaces"),
            worker_program: "none".into(),
            agents: agents(),
            default_agent: "one".into(),
            dispatch: Dispatch::Queue,
            limits,
        };
        let (conversation, found) = open(&folder).await;
        let kept = conversation.clone();
        let credentials = credentials_in(&folder);
        let supervisor = Supervisor::begin(config, conversation, found, credentials, launcher)
            .await
            .unwrap();
        Self {
            folder,
            supervisor,
            conversation: kept,
            script,
            messages: AtomicU32::new(0),
        }
    }

    /// A supervisor whose agent is a shell script with these functions (see `worker::fake`), in processes of its own.
    async fn real(folder: TempDir, functions: &str, limits: Limits) -> Self {
        let agent = crate::worker::fake::spec(folder.path(), functions).agent;
        let config = Config {
            state_folder: folder.path().to_owned(),
            workspaces: folder.path().join("workspaces"),
            worker_program: "none".into(),
            agents: BTreeMap::from([("one".to_owned(), agent)]),
            default_agent: "one".into(),
            dispatch: Dispatch::Queue,
            limits,
        };
        let (conversation, found) = open(&folder).await;
        let kept = conversation.clone();
        let credentials = credentials_in(&folder);
        let supervisor = Supervisor::start(config, conversation, found, credentials)
            .await
            .unwrap();
        supervisor.go_on().await;
        Self {
            folder,
            supervisor,
            conversation: kept,
            script: Script::default(),
            messages: AtomicU32::new(0),
        }
    }

    /// As after a crash of the host: a new one on the same folder.
    async fn again(self, limits: Limits) -> Self {
        let Self {
            folder,
            supervisor,
            conversation,
            script,
            messages,
        } = self;
        supervisor.drain(Duration::ZERO).await;
        drop((supervisor, conversation));
        let host = Self::on(folder, limits, script).await;
        host.messages.store(messages.into_inner(), Ordering::Relaxed);
        host
    }

    async fn thread(&self, name: &str) -> ThreadId {
        let id = ThreadId::parse(&format!("web:{name}")).unwrap();
        let new = NewThread {
            id,
            owner: user("owner"),
            title: String::new(),
            agent: "one".into(),
            model: None,
            dispatch: Dispatch::Queue,
            workspaces: None,
            permissions: None,
        };
        self.supervisor.open_thread(new).await.unwrap().id
    }

    fn message(&self, thread: &ThreadId, text: &str) -> Message {
        let number = self.messages.fetch_add(1, Ordering::Relaxed);
        Message {
            thread: thread.clone(),
            source: SourceId(format!("m{number}")),
            by: user("owner"),
            name: "Owner".into(),
            text: text.into(),
            files: vec![],
            dispatch: None,
        }
    }

    async fn post(&self, thread: &ThreadId, text: &str) -> Posted {
        self.supervisor.post(self.message(thread, text)).await.unwrap()
    }

    async fn post_as(&self, thread: &ThreadId, text: &str, mode: Dispatch) -> Posted {
        let dispatch = Some(mode);
        self.supervisor
            .post(Message {
                dispatch,
                ..self.message(thread, text)
            })
            .await
            .unwrap()
    }

    async fn view(&self, thread: &ThreadId) -> View {
        View::new(&self.supervisor, thread).await
    }

    async fn turn(&self, turn: TurnId) -> Turn {
        self.conversation.turn(turn).await.unwrap()
    }

    async fn state(&self, turn: TurnId) -> TurnState {
        self.turn(turn).await.state
    }
}

/// A turn that goes on until its gate is opened.
fn gated(script: &Script) -> Gate {
    let gate = Gate::default();
    script.prompt_with(vec![
        Act::Say("begun"),
        Act::Wait(gate.clone()),
        Act::Say(" and done"),
    ]);
    gate
}
