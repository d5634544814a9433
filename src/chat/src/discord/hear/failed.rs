//! Why a message became nothing, or not yet something.

use std::io;

use supervisor::SupervisorError;

use crate::discord::rest::Trouble;
use crate::notes::sentence;

/// Why a message became nothing.
pub(in crate::discord) enum Failed {
    /// To be told where it was said.
    Here(String),
    /// It may work in a moment.
    Later(String),
    /// This host can't write it down now, as on a full disk; it may work in a moment.
    Unkept {
        /// Why.
        why: String,
        /// The same for who said it.
        told: String,
    },
    /// The host is stopping; the next one asks for it again.
    Stopping,
}

impl Failed {
    /// Nothing is accepted before it is written down where it is to be answered.
    pub(in crate::discord) fn unkept(error: &io::Error) -> Self {
        let told = match error.kind() {
            io::ErrorKind::StorageFull => "the host’s disk is full",
            _ => "the host can’t write into its folder",
        };
        Self::Unkept {
            why: format!("it can't be written down where it is answered: {error}"),
            told: told.to_owned(),
        }
    }
}

impl std::fmt::Display for Failed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Here(words) | Self::Later(words) | Self::Unkept { why: words, .. } => f.write_str(words),
            Self::Stopping => f.write_str("the host is stopping"),
        }
    }
}

impl From<SupervisorError> for Failed {
    fn from(error: SupervisorError) -> Self {
        match error {
            // At its end the host closes the book.
            SupervisorError::Draining
            | SupervisorError::Conversation(conversation::ConversationError::Closed) => Self::Stopping,
            SupervisorError::Conversation(conversation::ConversationError::TooLarge { .. })
            | SupervisorError::TooMuch(_)
            | SupervisorError::NoAgent(_)
            | SupervisorError::NotOffered(_)
            | SupervisorError::NotAllowed(_)
            | SupervisorError::Gone(_) => Self::Here(sentence(&error.to_string())),
            SupervisorError::Conversation(_) | SupervisorError::System { .. } => Self::Unkept {
                why: error.to_string(),
                told: error.in_chat(),
            },
        }
    }
}

impl From<Trouble> for Failed {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Refused { .. } => Self::Here(trouble.to_string()),
            _ => Self::Later(trouble.to_string()),
        }
    }
}
