//! A supervisor in this process, and the agents that it can have: this program in its role as the smallest one, and our own.

use std::collections::BTreeMap;
use std::path::Path;

use conversation::{Conversation, NewThread, SourceId, ThreadId};
use credentials::{Credentials, Refresher, Store, UserId, Vendors};
use supervisor::{Agent, AgentKind, Config, Limits, Message, Supervisor};

/// The agent's name.
pub(crate) const AGENT: &str = "bench";

/// The person who opens threads.
pub(crate) fn person() -> UserId {
    UserId::parse("web:bench").expect("a valid name")
}

/// Credentials that nobody needs.
pub(crate) fn credentials(folder: &Path) -> Credentials {
    let store = Store::open(&folder.join("auth.json"), true).expect("the store opens");
    Credentials::new(
        store,
        Vendors::builtin(None),
        Refresher::this_program().expect("a program"),
    )
}

/// The smallest agent.
pub(crate) fn smallest() -> AgentKind {
    let own = std::env::current_exe().expect("the system tells");
    AgentKind::External {
        command: vec![own.display().to_string(), "agent".to_owned()],
        environment: BTreeMap::new(),
    }
}

/// Our own agent, with a model that needs no login.
pub(crate) fn native(base_url: &str) -> AgentKind {
    AgentKind::Native(Box::new(contract::Profile {
        session_folder: "/template".into(),
        provider: contract::Provider::OpenaiChat,
        base_url: base_url.parse().expect("a valid address"),
        model: Some("smallest".to_owned()),
        account: None,
        permissions: contract::Permissions::Ask,
        without_layers: vec![],
        readable: vec![],
        patience: contract::PATIENCE,
        ca_file: None,
        context_tokens: None,
        model_calls: contract::MODEL_CALLS,
        processes: contract::PROCESSES,
        instructions: None,
    }))
}

/// Starts one in this folder.
pub(crate) async fn supervisor(folder: &Path, kind: AgentKind, limits: Limits) -> Supervisor {
    let (conversation, found) = Conversation::open(folder).expect("a new one opens");
    let agent = Agent {
        title: AGENT.to_owned(),
        kind,
    };
    let config = Config {
        state_folder: folder.to_owned(),
        workspaces: folder.join("workspaces"),
        worker_program: support::program("agent-host-worker"),
        agents: [(AGENT.to_owned(), agent)].into(),
        default_agent: AGENT.to_owned(),
        dispatch: conversation::Dispatch::Queue,
        limits,
    };
    Supervisor::start(config, conversation, found, credentials(folder))
        .await
        .expect("it starts")
}

/// A new thread.
pub(crate) async fn thread(supervisor: &Supervisor, name: &str) -> ThreadId {
    let id = ThreadId::parse(&format!("web:{name}")).expect("a valid name");
    let new = NewThread {
        id: id.clone(),
        owner: person(),
        title: name.to_owned(),
        agent: AGENT.to_owned(),
        model: None,
        dispatch: conversation::Dispatch::Queue,
        workspaces: None,
        permissions: None,
    };
    supervisor.open_thread(new).await.expect("it opens");
    id
}

/// A message.
pub(crate) fn message(thread: &ThreadId, source: String, text: &str) -> Message {
    Message {
        thread: thread.clone(),
        source: SourceId(source),
        by: person(),
        name: "bench".to_owned(),
        text: text.to_owned(),
        files: vec![],
        dispatch: None,
    }
}
