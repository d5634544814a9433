//! Whether an external agent could serve a thread: its session is opened as for a thread, and it is ended.

use std::path::Path;

use conversation::ThreadId;
use credentials::UserId;
use tokio::sync::mpsc;

use crate::config::{Agent, Limits};
use crate::sweep::Reaper;
use crate::worker::{self, Spec, StartError};

/// Why an agent could not serve a thread, in words for people that say what to do where that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unfit {
    /// A person has to sign it in first.
    Login(String),
    /// It says so itself; the words are its own.
    Refused(String),
    /// Its program can't be started, or does not do what one that can be talked to does.
    Program(String),
}

/// Opens a session of an agent in an empty folder that is there, as for a thread, and ends it with whatever it started. It has
/// `limits.start` for its answers, and twice `limits.grace` to end by itself.
///
/// `name` is that of its table. Makes this process the parent of the agent's orphans. Dropped, it ends the agent hard.
pub async fn probe(name: &str, agent: &Agent, folder: &Path, limits: &Limits) -> Result<(), Unfit> {
    let reaper = Reaper::new(folder, None)
        .map_err(|error| Unfit::Program(format!("could not start anything: {error}")))?;
    let workspace = folder.join("workspace");
    std::fs::create_dir(&workspace)
        .map_err(|error| Unfit::Program(format!("could not make a folder to try it in: {error}")))?;
    let spec = Spec {
        thread: ThreadId::parse("web:nobody").expect("a literal id is valid"),
        agent: agent.clone(),
        agent_name: name.to_owned(),
        workspace,
        session_folder: folder.to_owned(),
        owner: UserId::parse("local:nobody").expect("a literal name is valid"),
        permissions: None,
        session: None,
        // Only our own agent is this program, and that one is asked for its version instead.
        worker_program: folder.to_owned(),
        limits: limits.clone(),
        life: worker::Life {
            _worker: mpsc::channel(1).0,
            _thread: mpsc::channel(1).0,
        },
    };
    worker::try_out(&spec, &reaper)
        .await
        .map_err(|error| match error {
            StartError::OwnLogin(words) => Unfit::Login(words),
            StartError::Refused(words) => Unfit::Refused(words),
            error => Unfit::Program(told(&error)),
        })
}

/// The error, and the last line that the agent wrote to its standard error.
fn told(error: &StartError) -> String {
    let (StartError::Timeout { stderr, .. } | StartError::Died { stderr, .. }) = error else {
        return error.to_string();
    };
    match stderr.lines().rev().map(str::trim).find(|line| !line.is_empty()) {
        Some(line) => format!("{error}; it said: {line}"),
        None => error.to_string(),
    }
}
