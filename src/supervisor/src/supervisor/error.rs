//! Why a request to the supervisor failed.

use conversation::ConversationError;
use thiserror::Error;

use crate::rights::{Deed, OPENER};

/// Why a request to the supervisor failed. Variants by what the caller does next.
#[derive(Debug, Error)]
pub enum SupervisorError {
    /// The conversation could not keep or find it.
    #[error(transparent)]
    Conversation(#[from] ConversationError),
    /// The asker may not do that.
    #[error("{}", .0.refused(OPENER))]
    NotAllowed(Deed),
    /// Too late, or it never was: an answered permission request, a stopped turn.
    #[error("{0}")]
    Gone(String),
    /// A limit.
    #[error("{0}")]
    TooMuch(String),
    /// The name of an agent that is not configured.
    #[error("there is no agent `{0}`")]
    NoAgent(String),
    /// The agent does not take this model or mode; why, in words.
    #[error("{0}")]
    NotOffered(String),
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

pub(super) type Result<T> = std::result::Result<T, SupervisorError>;

impl SupervisorError {
    /// The same for people in a chat, who need not know where the host keeps what.
    pub fn in_chat(&self) -> String {
        match self {
            Self::Conversation(error) => error.in_chat(),
            _ => self.to_string(),
        }
    }
}
