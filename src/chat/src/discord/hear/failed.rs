//! Why a message became nothing, or not yet something.

use std::io;

use supervisor::SupervisorError;

use crate::discord::rest::Trouble;
use crate::notes::sentence;

/// Of trouble that only whoever runs the host can look into.
const UNREADY: &str = "something on the host is not as it has to be, which its log names";

/// Why a message became nothing, or not yet something.
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
            _ => UNREADY,
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
            SupervisorError::Conversation(ref known) => Self::Unkept {
                told: known.in_chat(),
                why: error.to_string(),
            },
            // What it names is the host's own.
            SupervisorError::System { .. } => Self::Unkept {
                told: UNREADY.to_owned(),
                why: error.to_string(),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waits_is_told_why_and_not_where_the_host_keeps_what() {
        let unkept = [
            SupervisorError::System {
                what: "make the workspace `/secret/place`".to_owned(),
                cause: "Permission denied".to_owned(),
            }
            .into(),
            SupervisorError::Conversation(conversation::ConversationError::Full {
                what: "keep a message",
                path: "/secret/place".to_owned(),
            })
            .into(),
            Failed::unkept(&io::Error::other("/secret/place")),
        ];
        for failed in unkept {
            let Failed::Unkept { why, told } = failed else {
                panic!("it waits");
            };
            assert!(why.contains("/secret/place"), "{why}");
            assert!(!told.contains('/') && !told.is_empty(), "{told}");
        }
    }
}
