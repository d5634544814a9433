//! Why a worker did not start, or did not answer.

use std::time::Duration;

use thiserror::Error;

/// Why a worker could not be started; nothing of it lives. Variants by what the caller does next.
#[derive(Debug, Error)]
pub(crate) enum StartError {
    /// The workspace is no folder that an agent could work in.
    #[error("could not use the workspace `{path}`: {cause}")]
    Workspace {
        /// Where it should be.
        path: String,
        /// What is in the way.
        cause: String,
    },
    /// The program is not there, or may not be run.
    #[error("could not start `{program}`: {cause}")]
    NotFound {
        /// What was to be started.
        program: String,
        /// Its words.
        cause: String,
    },
    /// It wants a login that only its own program can get. (The built-in agent asks the host for those that it needs.)
    #[error("{0}")]
    OwnLogin(String),
    /// It speaks another version of the protocol, or none.
    #[error("{0}")]
    Incompatible(String),
    /// It broke the protocol.
    #[error("{words}")]
    Protocol {
        /// The request that was not answered.
        waiting_for: &'static str,
        /// How, and what to do.
        words: String,
    },
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
        /// The request that was not answered.
        waiting_for: &'static str,
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

impl StartError {
    /// Whether it was the former session that it could not take up. (One that says so gets a new one at once.)
    pub(crate) fn is_of_load(&self) -> bool {
        matches!(
            self,
            Self::Timeout { waiting_for, .. }
            | Self::Died { waiting_for, .. }
            | Self::Protocol { waiting_for, .. } if *waiting_for == LOAD
        )
    }
}

/// The request that takes up a former session.
pub(crate) const LOAD: &str = "session/load";

/// Why a prompt got no answer. Variants by what the caller does next.
#[derive(Debug, Clone, Error)]
pub(crate) enum PromptError {
    /// The agent answered with an error; the worker lives.
    #[error("{0}")]
    Failed(String),
    /// The agent refused, and said why; the worker lives.
    #[error("{0}")]
    Refused(String),
    /// The worker ended; `Event::Gone` says how.
    #[error("the agent's process ended")]
    Gone,
}
