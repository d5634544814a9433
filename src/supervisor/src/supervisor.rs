//! The handle.

use std::time::Duration;

use conversation::{
    Attachment, Conversation, ConversationError, Dispatch, Found, NewThread, SourceId, Thread, ThreadChange,
    ThreadFilter, ThreadId, TurnId,
};
use credentials::{Credentials, UserId};
use thiserror::Error;

use crate::config::Config;
use crate::status::{Attention, ThreadStatus, WorkerStatus};
use crate::update::{Snapshot, Subscription};

/// A clonable handle on everything that runs.
#[derive(Debug, Clone)]
pub struct Supervisor {}

/// A message from a front-end that was admitted.
#[derive(Debug, Clone)]
pub struct Message {
    /// Its thread, which must have been opened.
    pub thread: ThreadId,
    /// The chat's own name of it; the key that makes it count once.
    pub source: SourceId,
    /// Who wrote it.
    pub by: UserId,
    /// The name they show.
    pub name: String,
    /// What they wrote.
    pub text: String,
    /// Files, already in the workspace.
    pub files: Vec<Attachment>,
    /// Overrides the thread's mode for this message.
    pub dispatch: Option<Dispatch>,
}

/// What became of a message. It is durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posted {
    /// Its turn.
    pub turn: TurnId,
    /// What happened.
    pub happened: Happened,
}

/// What happened to a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Happened {
    /// Its turn begins.
    Started,
    /// It waits, with so many before it.
    Queued {
        /// Turns before it, the running one included.
        ahead: usize,
    },
    /// It was merged into the running turn.
    Steered,
    /// The running turn was cancelled, and so many queued ones dropped.
    Interrupted {
        /// Queued turns that were dropped.
        dropped: usize,
    },
    /// It was accepted before.
    Known,
}

/// What somebody decided about a permission request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// This time.
    Once,
    /// For the rest of the thread.
    Always,
    /// Not.
    Deny {
        /// Why.
        reason: Option<String>,
    },
}

/// Why a request to the supervisor failed. Variants by what the caller does next.
#[derive(Debug, Error)]
pub enum SupervisorError {
    /// The conversation could not keep or find it.
    #[error(transparent)]
    Conversation(#[from] ConversationError),
    /// The asker may not do that.
    #[error("{0}")]
    NotAllowed(String),
    /// Too late, or it never was: an answered permission request, a stopped turn.
    #[error("{0}")]
    Gone(String),
    /// A limit.
    #[error("{0}")]
    TooMuch(String),
    /// The name of an agent that is not configured.
    #[error("there is no agent `{0}`")]
    NoAgent(String),
    /// The host is going down.
    #[error("the host is stopping; try again when it is back")]
    Draining,
    /// Something with a file or a process.
    #[error("could not {what}: {cause}")]
    System {
        /// What was tried.
        what: String,
        /// Its words.
        cause: String,
    },
}

type Result<T> = std::result::Result<T, SupervisorError>;

#[expect(
    clippy::todo,
    clippy::unused_async,
    unused_variables,
    reason = "skeleton, being filled in"
)]
impl Supervisor {
    /// Sweeps what an earlier host left behind, tells the threads whose turns were cut, starts what is queued.
    pub async fn start(
        config: Config,
        conversation: Conversation,
        found: Found,
        credentials: Credentials,
    ) -> Result<Self> {
        todo!()
    }

    /// Opens a thread (and makes its workspace), or gives back the one with that id.
    pub async fn open_thread(&self, new: NewThread) -> Result<Thread> {
        todo!()
    }

    /// The folder that a thread's agent works in; made by `open_thread`.
    pub fn workspace(&self, thread: &ThreadId) -> std::path::PathBuf {
        todo!()
    }

    /// Accepts a message. When this returns it is durable; cancelled before, it may or may not be.
    pub async fn post(&self, message: Message) -> Result<Posted> {
        todo!()
    }

    /// Stops the running turn; what is queued goes on. `false`: nothing ran.
    pub async fn stop(&self, thread: &ThreadId, by: &UserId) -> Result<bool> {
        todo!()
    }

    /// Takes a queued turn out of the queue.
    pub async fn drop_queued(&self, thread: &ThreadId, turn: TurnId, by: &UserId) -> Result<()> {
        todo!()
    }

    /// Runs a failed, stopped or cut turn again.
    pub async fn retry(&self, thread: &ThreadId, turn: TurnId, by: &UserId) -> Result<Posted> {
        todo!()
    }

    /// Stops everything in a thread, ends its worker and forgets the agent's session. The timeline and the files stay.
    pub async fn reset(&self, thread: &ThreadId, by: &UserId) -> Result<()> {
        todo!()
    }

    /// Changes title, agent, model or mode. A new agent takes over with a new session.
    pub async fn change(&self, thread: &ThreadId, change: ThreadChange) -> Result<Thread> {
        todo!()
    }

    /// Decides a permission request. Only the thread's owner may.
    pub async fn decide(
        &self,
        thread: &ThreadId,
        request: &str,
        by: &UserId,
        name: &str,
        answer: Answer,
    ) -> Result<()> {
        todo!()
    }

    /// Somebody signed in or out: turns that wait for a login look again.
    pub fn credentials_changed(&self) {
        todo!()
    }

    /// A thread now, and what changes from then on, without a gap.
    pub async fn subscribe(&self, thread: &ThreadId) -> Result<(Snapshot, Subscription)> {
        todo!()
    }

    /// Older entries of a timeline.
    pub async fn older(
        &self,
        thread: &ThreadId,
        before: conversation::ItemId,
        limit: usize,
    ) -> Result<Vec<conversation::Item>> {
        todo!()
    }

    /// Threads as lists show them.
    pub async fn threads(&self, filter: ThreadFilter) -> Result<Vec<ThreadStatus>> {
        todo!()
    }

    /// Names of threads whose line in a list changed. A slow receiver gets `Lagged` and lists anew.
    pub fn list_changes(&self) -> tokio::sync::broadcast::Receiver<ThreadId> {
        todo!()
    }

    /// All workers.
    pub async fn workers(&self) -> Vec<WorkerStatus> {
        todo!()
    }

    /// What needs attention, the worst first.
    pub async fn attention(&self) -> Result<Vec<Attention>> {
        todo!()
    }

    /// Names and titles of the agents.
    pub fn agents(&self) -> Vec<(String, String)> {
        todo!()
    }

    /// Takes no more messages, lets running turns end for at most `patience`, ends all workers and everything they
    /// started, waits for refreshes in flight, and returns when all is durable.
    pub async fn drain(&self, patience: Duration) {
        todo!()
    }
}
