//! Why something could not be kept or found.

use std::path::Path;

use rusqlite::ErrorCode;
use thiserror::Error;

use crate::id::{DeliveryId, ThreadId, TurnId};

/// Why something could not be kept or found. Variants by what the caller does next.
#[derive(Debug, Error)]
pub enum ConversationError {
    /// No such thread.
    #[error("there is no thread `{0}`")]
    NoThread(ThreadId),
    /// No such turn, or it is past the state that the call needs.
    #[error("turn {0} is not there, or no longer in the state this needs")]
    NoTurn(TurnId),
    /// No such delivery, or it is past the state that the call needs.
    #[error("delivery {0} is not there, or no longer in the state this needs")]
    NoDelivery(DeliveryId),
    /// More than is kept. Nothing was written.
    #[error("the {what} is too large: {bytes} bytes, at most {limit}")]
    TooLarge {
        /// What it is: a message, a delivery.
        what: &'static str,
        /// Its size in bytes.
        bytes: usize,
        /// The most that is accepted.
        limit: usize,
    },
    /// The disk is full. Nothing was written; the same call works again when there is room.
    #[error("could not {what} in `{path}`: the disk is full")]
    Full {
        /// What was tried.
        what: &'static str,
        /// The file.
        path: String,
    },
    /// The file is damaged, or is something else. It is left as it is.
    #[error("`{path}` is damaged, or no conversation: {cause}")]
    Damaged {
        /// The file.
        path: String,
        /// What gave it away.
        cause: String,
    },
    /// Another version of this program wrote the file. It is left as it is.
    #[error("`{path}` has format {found}, this program needs {known}")]
    Version {
        /// The file.
        path: String,
        /// Its format. Greater than `known`: a newer program wrote it. Less: the host has to start once, which brings it up to date.
        found: i64,
        /// The format of this program.
        known: i64,
    },
    /// A tool wanted to look, and there is no file yet.
    #[error("there is no `{0}` yet")]
    Missing(String),
    /// A host (or a tool that writes) has it open.
    #[error("`{0}` is in use by another program, probably a running host")]
    InUse(String),
    /// The handle is for looking only.
    #[error("could not {0}: the conversation is open for reading only")]
    ReadOnly(&'static str),
    /// The database refused.
    #[error("could not {what} in `{path}`: {cause}")]
    Database {
        /// What was tried.
        what: &'static str,
        /// The file.
        path: String,
        /// Its words.
        cause: String,
    },
    /// The writer has ended.
    #[error("the conversation is closed")]
    Closed,
}

impl ConversationError {
    /// The same for people in a chat, who need not know where the host keeps what.
    pub fn in_chat(&self) -> String {
        match self {
            Self::Full { .. } => "the host’s disk is full".to_owned(),
            Self::Database { what, cause, .. } => format!("the host could not {what}: {cause}"),
            Self::Damaged { .. } | Self::Version { .. } | Self::Missing(_) | Self::InUse(_) => {
                "the host can’t read or write its conversations".to_owned()
            }
            _ => self.to_string(),
        }
    }

    /// What a person can do about it, if anything helps.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Damaged { path, .. } => format!(
                "move `{path}` aside, with `{path}-wal` and `{path}-shm` if they are there, and put a backup in its place, or \
                 nothing: without one the next host begins with no threads, and the files of the old ones stay"
            ),
            Self::Version { path, found, known } if found > known => format!(
                "use the version of agent-host that wrote it; or move `{path}` aside, and the next host begins with no threads"
            ),
            Self::Version { .. } => "the next start of the host brings it up to date".to_owned(),
            Self::InUse(_) => "`agent-host status` shows which host that is".to_owned(),
            Self::Full { .. } => "make room there, and try again".to_owned(),
            Self::Database { path, .. } => {
                format!("check the disk, and who may read and write `{path}` and its folder")
            }
            _ => return None,
        })
    }
}

pub(crate) type Result<T> = std::result::Result<T, ConversationError>;

/// What stops a piece of work on the database: its own decision, or the database's.
#[derive(Debug)]
pub(crate) enum Trouble {
    Ours(ConversationError),
    Database(rusqlite::Error),
}

impl From<ConversationError> for Trouble {
    fn from(error: ConversationError) -> Self {
        Self::Ours(error)
    }
}

impl From<rusqlite::Error> for Trouble {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error)
    }
}

impl Trouble {
    pub(crate) fn named(self, what: &'static str, path: &Path) -> ConversationError {
        match self {
            Self::Ours(error) => error,
            Self::Database(error) => database(what, path, &error),
        }
    }
}

/// The database's words as one of our errors.
pub(crate) fn database(what: &'static str, path: &Path, error: &rusqlite::Error) -> ConversationError {
    let path = path.display().to_string();
    let cause = error.to_string();
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => ConversationError::Full { what, path },
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            ConversationError::Damaged { path, cause }
        }
        _ => ConversationError::Database { what, path, cause },
    }
}

/// A failure of the file system as one of our errors.
pub(crate) fn file(what: &'static str, path: &Path, error: &std::io::Error) -> ConversationError {
    let path = path.display().to_string();
    if error.kind() == std::io::ErrorKind::StorageFull {
        return ConversationError::Full { what, path };
    }
    ConversationError::Database {
        what,
        path,
        cause: error.to_string(),
    }
}
