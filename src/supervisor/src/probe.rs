//! Whether an external agent could serve a thread: it is started as for a thread, greeted, and ended.

use std::path::Path;

use conversation::ThreadId;
use credentials::UserId;
use tokio::sync::mpsc;

use crate::config::{Agent, Limits};
use crate::sweep::Reaper;
use crate::worker::{self, Spec, StartError};

/// Starts an agent in an empty folder that is there, greets it, and ends it with whatever it started. It has
/// `limits.start` for its answer. An error says in words for people why it could not serve a thread.
///
/// Makes this process the parent of the agent's orphans. Dropped, it ends the agent hard.
pub async fn probe(agent: &Agent, folder: &Path, limits: &Limits) -> Result<(), String> {
    let reaper = Reaper::new(folder, None).map_err(|error| format!("could not start anything: {error}"))?;
    let spec = Spec {
        thread: ThreadId::parse("web:nobody").expect("a literal id is valid"),
        agent: agent.clone(),
        workspace: folder.to_owned(),
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
    let tried = worker::try_out(&spec, &reaper).await;
    tried.map_err(|error| told(&error))
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
