//! One worker process: started, spoken to over ACP, and ended with everything it started.

mod asked;
mod child;
mod client;
mod error;
mod gate;
mod handle;
mod heard;
mod keeper;
mod log;
mod memory;
mod menus;
mod prompt;
mod sign_in;
mod spawn;
mod start;
mod trial;
mod words;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::Duration;

use agent_client_protocol as acp;
use agent_client_protocol::v1::ConnectionTo;
use agent_client_protocol::v1::schema::SessionUpdate;
use contract::Canceller;
use conversation::{Permissions, ThreadId};
use credentials::UserId;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

pub(crate) use self::asked::{LoginAsked, PermissionAnswer, PermissionAsked};
use self::client::Opened;
#[cfg(test)]
pub(crate) use self::error::LOAD;
pub(crate) use self::error::{PromptError, StartError};
use self::gate::Gate;
use self::handle::Handle;
pub(crate) use self::start::start;
pub(crate) use self::trial::try_out;
use crate::config::{Agent, Limits};
use crate::models::{Offers, Setting};

/// What is started.
#[derive(Debug, Clone)]
pub(crate) struct Spec {
    /// Whom it serves.
    pub(crate) thread: ThreadId,
    /// What runs in it.
    pub(crate) agent: Agent,
    /// Its name in the configuration.
    pub(crate) agent_name: String,
    /// Its working folder; it exists.
    pub(crate) workspace: PathBuf,
    /// The thread's own folder, outside the workspace; made if it is not there.
    pub(crate) session_folder: PathBuf,
    /// Whose logins pay.
    pub(crate) owner: UserId,
    /// What happens before a tool changes something, if not what the agent is set to.
    pub(crate) permissions: Option<Permissions>,
    /// The session to go on with.
    pub(crate) session: Option<String>,
    /// `agent-host-worker`.
    pub(crate) worker_program: PathBuf,
    /// Limits.
    pub(crate) limits: Limits,
    /// Kept by whatever of the worker lives: the receivers see the end also of a start that was given up.
    pub(crate) life: Life,
}

/// Kept by what lives, until it does not.
#[derive(Debug, Clone)]
pub(crate) struct Life {
    /// For who waits for the end of this worker.
    pub(crate) _worker: mpsc::Sender<()>,
    /// For who waits for the end of all that its thread has started.
    pub(crate) _thread: mpsc::Sender<()>,
}

/// What a worker tells, in order. The receiver must go on receiving while it waits for a prompt's answer: when the
/// channel is full the worker's pipe is no longer read.
#[derive(Debug)]
pub(crate) enum Event {
    /// A part of the running turn.
    Update(Box<SessionUpdate>),
    /// What it is doing, in words.
    Status(String),
    /// It does not use what was chosen of this, and why, in words.
    NotTaken(Setting, String),
    /// Whether it uses what was chosen of this is not known, and why, in words.
    Unsettled(Setting, String),
    /// It asks for permission.
    Permission(Box<PermissionAsked>),
    /// A model call needs a login.
    Login(Box<LoginAsked>),
    /// It has ended, and nothing of it lives. Always the last one, also after it was told to end.
    Gone(Gone),
}

/// How a worker ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Gone {
    /// Its exit in words: `exit code 1`, `killed by SIGKILL`; `None` if that is not known.
    pub(crate) exit: Option<String>,
    /// Why, in words for people.
    pub(crate) reason: String,
    /// The end of what it wrote to its standard error.
    pub(crate) stderr: String,
    /// Whether it was ended because it broke the protocol.
    pub(crate) broke_protocol: bool,
}

/// A handle on a worker that has a session. Dropped, it ends the worker at once and hard.
#[derive(Debug)]
pub(crate) struct Worker {
    connection: ConnectionTo<acp::Agent>,
    opened: Opened,
    process: Handle,
    gate: Arc<Gate>,
    /// Prompts that were sent and not answered.
    prompts: watch::Sender<usize>,
    /// Requests that it had been sent before the last prompt; none once that was answered.
    before: Arc<AtomicU64>,
    /// Whether the last prompt was.
    is_cancelled: Arc<AtomicBool>,
    is_native: bool,
    /// Which agent it is, for people.
    name: String,
    /// How long it may take to sign in.
    patience: Duration,
}

impl Worker {
    /// Its ACP session.
    pub(crate) fn session(&self) -> &str {
        &self.opened.session
    }

    /// Its process.
    pub(crate) fn pid(&self) -> i32 {
        self.process.pid
    }

    /// Whether the session that was asked for goes on; `false` if it is a new one.
    pub(crate) fn resumed(&self) -> bool {
        self.opened.resumed
    }

    /// Whether prompts may hold images.
    pub(crate) fn accepts_images(&self) -> bool {
        self.opened.accepts_images
    }

    /// What its session offers to choose from; our own agent takes any model.
    pub(crate) fn offers(&self) -> Offers {
        self.gate.menus.offers()
    }

    /// The mode that it was told to work in, and the one that it has gone over to since, by itself.
    pub(crate) fn strayed(&self) -> Option<(String, String)> {
        self.gate.menus.strayed()
    }

    /// Whether its connection or its process has ended: it takes nothing more, and [`Event::Gone`] is on its way.
    pub(crate) fn is_over(&self) -> bool {
        self.gate.is_over()
    }

    /// Proportional set size of its process in bytes, or, where that may not be read, what it does not share.
    pub(crate) fn memory(&self) -> Option<u64> {
        memory::of(self.process.pid)
    }

    /// Ends it: cancel, end of its input, after `grace` SIGTERM, after `grace` SIGKILL. Returns when nothing that it
    /// started lives, but for a refresh in flight; once `hurry` is ready, that comes first. Needs nobody to receive events.
    /// Dropped, it ends at once and hard.
    pub(crate) async fn end_unless_hurried(self, grace: Duration, hurry: impl Future<Output = ()>) {
        self.gate.shut();
        tokio::select! {
            () = self.end_in_time(grace) => {}
            () = hurry => self.process.kill().await,
        }
    }

    #[cfg(test)]
    pub(crate) async fn end(self, grace: Duration) {
        self.end_unless_hurried(grace, std::future::pending()).await;
    }

    async fn end_in_time(&self, grace: Duration) {
        if *self.prompts.borrow() > 0 {
            self.cancel(Canceller::Host);
            let mut prompts = self.prompts.subscribe();
            // One that does not answer, or is over, has no say in what follows.
            let _ = timeout(grace, prompts.wait_for(|count| *count == 0)).await;
        }
        self.process.end(grace).await;
    }
}

#[cfg(test)]
pub(crate) mod fake;
#[cfg(test)]
pub(crate) mod tests;
