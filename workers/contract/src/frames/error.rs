//! Why a connection ended.

use std::fmt;
use std::io;
use std::sync::Arc;

use thiserror::Error;

/// Why a connection ended. Its words hold nothing of what was sent.
#[derive(Debug, Clone, Error)]
pub enum FrameError {
    /// The other end sent a frame that is too long.
    #[error("it sent a message longer than {limit} bytes")]
    TooLong {
        /// The limit in bytes.
        limit: usize,
    },
    /// The other end sent bytes that are not UTF-8.
    #[error("it sent a message that is not UTF-8")]
    NotUtf8,
    /// The other end sent a line that is no message.
    #[error("it sent a line that is {what}")]
    Malformed {
        /// What it is instead.
        what: &'static str,
    },
    /// The other end sent a line that is nothing of JSON: mostly one that was meant for a log.
    #[error("it sent a line that is not a JSON object")]
    Stray {
        /// The line.
        line: Line,
    },
    /// The other end answered a request that was never made, or was answered before.
    #[error("it answered a request that was not made")]
    Forged,
    /// The other end makes requests and does not wait for answers.
    #[error("it made more than {limit} requests at the same time")]
    Flood {
        /// The limit.
        limit: usize,
    },
    /// The other end does not read.
    #[error("it left more than {limit} bytes unread")]
    Stalled {
        /// The limit in bytes.
        limit: usize,
    },
    /// This end was about to send a frame that is too long.
    #[error("a message to it would have been longer than {limit} bytes")]
    TooLongToSend {
        /// The limit in bytes.
        limit: usize,
    },
    /// The pipe broke.
    #[error("could not {what}: {source}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// Its cause.
        source: Arc<io::Error>,
    },
    /// The other end closed the connection, or this one did.
    #[error("the connection was closed")]
    Closed,
}

impl FrameError {
    /// Whether it is the other end's fault, and not just the end.
    pub fn is_violation(&self) -> bool {
        !matches!(self, Self::Io { .. } | Self::Closed)
    }

    pub(super) fn io(what: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io {
            what,
            source: Arc::new(source),
        }
    }
}

/// A line as it was sent, which may hold anything, secrets included: it is not shown by itself.
#[derive(Clone, PartialEq, Eq)]
pub struct Line(Arc<str>);

impl Line {
    pub(super) fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// Whoever shows it takes out what must not be seen.
    pub fn text(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}
