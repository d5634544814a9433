//! One worker process: started, spoken to over ACP, and ended with everything it started.
#![expect(
    dead_code,
    clippy::todo,
    clippy::unused_async,
    unused_variables,
    reason = "skeleton, being filled in"
)]

use std::path::PathBuf;
use std::time::Duration;

use agent_client_protocol::v1::schema::{ContentBlock, SessionUpdate, StopReason, ToolCallUpdate};
use contract::{LoginAnswer, LoginNeeded};
use conversation::ThreadId;
use credentials::UserId;
use thiserror::Error;
use tokio::sync::mpsc;

use crate::config::{Agent, Limits};
use crate::sweep::Reaper;

/// What is started.
#[derive(Debug, Clone)]
pub(crate) struct Spec {
    /// Whom it serves.
    pub(crate) thread: ThreadId,
    /// What runs in it.
    pub(crate) agent: Agent,
    /// Its working folder; it exists.
    pub(crate) workspace: PathBuf,
    /// The thread's own folder, outside the workspace; made if it is not there.
    pub(crate) session_folder: PathBuf,
    /// Whose logins pay.
    pub(crate) owner: UserId,
    /// The session to go on with.
    pub(crate) session: Option<String>,
    /// `agent-host-worker`.
    pub(crate) worker_program: PathBuf,
    /// Limits.
    pub(crate) limits: Limits,
}

/// Why a worker could not be started; nothing of it lives. Variants by what the caller does next.
#[derive(Debug, Error)]
pub(crate) enum StartError {
    /// The program or the workspace is not there, or may not be run.
    #[error("could not start `{program}`: {cause}")]
    NotFound {
        /// What was to be started.
        program: String,
        /// Its words.
        cause: String,
    },
    /// It wants a login before it opens a session.
    #[error("{0}")]
    LoginNeeded(String),
    /// It broke the protocol, or speaks another version of it.
    #[error("{0}")]
    Protocol(String),
    /// It answered with an error.
    #[error("{0}")]
    Refused(String),
    /// It did not answer in time.
    #[error("the agent did not answer `{waiting_for}` within {} s", after.as_secs())]
    Timeout {
        /// The request.
        waiting_for: &'static str,
        /// How long.
        after: Duration,
        /// The end of what it wrote to its standard error.
        stderr: String,
    },
    /// It ended.
    #[error("the agent ended before it was ready ({exit})")]
    Died {
        /// How, in words.
        exit: String,
        /// The end of what it wrote to its standard error.
        stderr: String,
    },
    /// Something of the system.
    #[error("could not {what}: {cause}")]
    System {
        /// What was tried.
        what: String,
        /// Its words.
        cause: String,
    },
}

/// What a worker tells, in order. The receiver must go on receiving while it waits for a prompt's answer: when the
/// channel is full the worker's pipe is no longer read.
#[derive(Debug)]
pub(crate) enum Event {
    /// A part of the running turn.
    Update(Box<SessionUpdate>),
    /// What it is doing, in words.
    Status(String),
    /// It asks for permission.
    Permission(PermissionAsked),
    /// A model call needs a login.
    Login(LoginAsked),
    /// It has ended, and nothing of it lives. Always the last one, also after [`Worker::end`].
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
}

/// A permission request. Dropped without an answer it counts as cancelled.
#[derive(Debug)]
pub(crate) struct PermissionAsked {
    /// What is to be done, as the agent describes it.
    pub(crate) tool_call: ToolCallUpdate,
    /// Whether it offers to remember a yes.
    pub(crate) can_always: bool,
}

/// What a permission request is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PermissionAnswer {
    /// Yes, this time.
    Once,
    /// Yes, and do not ask again for the like of it.
    Always,
    /// No.
    Deny {
        /// Why; goes to the agent.
        reason: Option<String>,
    },
    /// The turn is over or being cancelled.
    Cancelled,
}

impl PermissionAsked {
    /// Answers.
    pub(crate) fn answer(self, answer: PermissionAnswer) {
        todo!()
    }
}

/// A request for a login. Dropped without an answer it counts as given up.
#[derive(Debug)]
pub(crate) struct LoginAsked {
    /// Which one, and why.
    pub(crate) needed: LoginNeeded,
}

impl LoginAsked {
    /// Answers.
    pub(crate) fn answer(self, answer: LoginAnswer) {
        todo!()
    }
}

/// Why a prompt got no answer. Variants by what the caller does next.
#[derive(Debug, Clone, Error)]
pub(crate) enum PromptError {
    /// The agent wants a login (ACP `auth_required`).
    #[error("{0}")]
    LoginNeeded(String),
    /// The agent answered with an error; the worker lives.
    #[error("{0}")]
    Failed(String),
    /// The worker ended; [`Event::Gone`] says how.
    #[error("the agent's process ended")]
    Gone,
}

/// A handle on a worker that has a session. Dropped, it ends the worker at once and hard.
#[derive(Debug)]
pub(crate) struct Worker {}

/// Starts a worker and opens its session, within `spec.limits.start`. Dropping the future ends what was started.
pub(crate) async fn start(
    spec: Spec,
    reaper: &Reaper,
    events: mpsc::Sender<Event>,
) -> Result<Worker, StartError> {
    todo!()
}

impl Worker {
    /// Its ACP session.
    pub(crate) fn session(&self) -> &str {
        todo!()
    }

    /// Its process.
    pub(crate) fn pid(&self) -> i32 {
        todo!()
    }

    /// Whether the session that was asked for goes on; `false` if it is a new one.
    pub(crate) fn resumed(&self) -> bool {
        todo!()
    }

    /// Whether prompts may hold images.
    pub(crate) fn accepts_images(&self) -> bool {
        todo!()
    }

    /// Proportional set size of its process in bytes, or, where that may not be read, what it does not share.
    pub(crate) fn memory(&self) -> Option<u64> {
        todo!()
    }

    /// Sends a turn and waits for its end; every update of it was sent to the events before. The future borrows nothing.
    /// Dropped, it asks the agent to cancel the request, but the agent may go on: [`Worker::cancel`] is the way to stop.
    pub(crate) fn prompt(
        &self,
        content: Vec<ContentBlock>,
        model: Option<String>,
    ) -> impl Future<Output = Result<StopReason, PromptError>> + Send + use<> {
        async { todo!() }
    }

    /// Asks the agent to stop the running turn, whose prompt then ends with [`StopReason::Cancelled`].
    pub(crate) fn cancel(&self) {
        todo!()
    }

    /// Ends it: cancel, end of its input, after `grace` SIGTERM, after `grace` SIGKILL. Returns when nothing that it
    /// started lives, but for a refresh in flight. Needs nobody to receive events. Dropped, it ends at once and hard.
    pub(crate) async fn end(self, grace: Duration) {
        todo!()
    }
}
