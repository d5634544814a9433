//! What is told when a request is not done: a status, words, what to do, and whether trying again helps.

use std::fmt::Display;
use std::io::{self, ErrorKind};

use axum::Json;
use axum::extract::multipart::MultipartError;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use conversation::ConversationError;
use supervisor::SupervisorError;

use super::private_file::FileError;
use super::view;
pub(crate) use crate::notes::sentence;

/// Why a request was not done. As an answer it is JSON; [`PageRefused`] makes it a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) status: StatusCode,
    /// Lower case, no full stop.
    pub(crate) error: String,
    pub(crate) hint: Option<String>,
    /// Whether the same request may be sent again, unchanged, in a moment.
    pub(crate) again: bool,
    /// How long to wait before that, in seconds.
    after: Option<u16>,
}

impl Refused {
    pub(crate) fn new(status: StatusCode, error: impl Display) -> Self {
        Self {
            status,
            error: error.to_string(),
            hint: None,
            again: false,
            after: None,
        }
    }

    /// The request makes no sense.
    pub(crate) fn bad(error: impl Display) -> Self {
        Self::new(StatusCode::BAD_REQUEST, error)
    }

    /// There is no such thing, or none that this person may know of: both are told in the same words.
    pub(crate) fn nothing(what: impl Display) -> Self {
        Self::new(StatusCode::NOT_FOUND, format!("there is no such {what}"))
    }

    /// Something of ours failed.
    pub(crate) fn broken(what: &str, error: &(impl std::error::Error + 'static)) -> Self {
        tracing::error!(error = chain(error), "could not {what}");
        if is_full(error) {
            return Self::full();
        }
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            format!("could not {what}: {}", chain(error)),
        )
        .hint("`agent-host doctor` tells what is wrong")
    }

    /// What was typed stays in the page, which sends it again.
    fn full() -> Self {
        Self::new(StatusCode::INSUFFICIENT_STORAGE, "the host's disk is full").again()
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Error and hint, each as a paragraph of its own.
    pub(crate) fn sentences(&self) -> String {
        let hint = self.hint.iter().map(|hint| format!("\n\n{}", sentence(hint)));
        sentence(&self.error) + &hint.collect::<String>()
    }

    fn again(mut self) -> Self {
        self.again = true;
        self
    }

    /// The same request may be sent again after so many seconds.
    pub(crate) fn after(mut self, seconds: u16) -> Self {
        self.after = Some(seconds);
        self.again()
    }

    /// An answer with this body.
    fn answer(after: Option<u16>, answer: impl IntoResponse) -> Response {
        let mut answer = answer.into_response();
        if let Some(seconds) = after {
            answer.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        answer
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let body = view::Refusal {
            error: self.error,
            hint: self.hint,
            again: self.again,
        };
        Self::answer(self.after, (self.status, Json(body)))
    }
}

/// As [`Refused`], for whoever looks at a page.
#[derive(Debug)]
pub(crate) struct PageRefused(pub(crate) Refused);

impl<E: Into<Refused>> From<E> for PageRefused {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for PageRefused {
    fn into_response(self) -> Response {
        let refused = self.0;
        let title = match refused.status.as_u16() {
            403 => "Not allowed",
            404 => "Not found",
            429 => "Too much at once",
            503 => "Not now",
            507 => "No room left",
            500..=599 => "Something went wrong here",
            _ => "That did not work",
        };
        let page = view::message_page(
            title,
            &refused.sentences(),
            "",
            Some(("/", "Back to the threads")),
        );
        Refused::answer(refused.after, (refused.status, Html(page)))
    }
}

impl From<SupervisorError> for Refused {
    fn from(error: SupervisorError) -> Self {
        match error {
            SupervisorError::Conversation(error) => error.into(),
            SupervisorError::Gone(_) => Self::new(StatusCode::CONFLICT, &error),
            SupervisorError::Draining => Self::new(StatusCode::SERVICE_UNAVAILABLE, &error).after(2),
            SupervisorError::NotAllowed(_) => Self::new(StatusCode::FORBIDDEN, &error),
            SupervisorError::TooMuch(_) => Self::new(StatusCode::TOO_MANY_REQUESTS, &error),
            SupervisorError::NoAgent(_) | SupervisorError::NotOffered(_) => Self::bad(&error),
            SupervisorError::System { .. } => Self::broken("do that", &error),
        }
    }
}

impl From<ConversationError> for Refused {
    fn from(error: ConversationError) -> Self {
        match &error {
            ConversationError::NoThread(_) => Self::nothing("thread"),
            ConversationError::NoTurn(_) | ConversationError::NoDelivery(_) => {
                Self::new(StatusCode::CONFLICT, &error)
            }
            ConversationError::TooLarge { .. } => {
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, &error).hint("attach it as a file")
            }
            ConversationError::Closed => Self::new(StatusCode::SERVICE_UNAVAILABLE, &error).again(),
            ConversationError::Full { .. } => {
                tracing::error!(%error, "the disk is full");
                Self::full()
            }
            ConversationError::Database { .. } => Self::broken("keep it", &error).again(),
            _ => Self::broken("do that", &error),
        }
    }
}

impl From<FileError> for Refused {
    fn from(error: FileError) -> Self {
        Self::broken("keep it", &error)
    }
}

impl From<JsonRejection> for Refused {
    fn from(error: JsonRejection) -> Self {
        Self::new(
            error.status(),
            format!("this request is not understood: {}", error.body_text()),
        )
    }
}

impl From<QueryRejection> for Refused {
    fn from(error: QueryRejection) -> Self {
        Self::new(
            error.status(),
            format!("this address is not understood: {}", error.body_text()),
        )
    }
}

impl From<MultipartError> for Refused {
    fn from(error: MultipartError) -> Self {
        let words = error.body_text();
        // The only thing in them that somebody may have chosen badly is a file's name.
        if words.contains("headers") {
            return Self::bad("a file's name can't be read").hint("give the file a plain name");
        }
        Self::new(error.status(), format!("the upload broke off: {words}"))
    }
}

/// Whether an error is that there is no room on a disk.
fn is_full(error: &(dyn std::error::Error + 'static)) -> bool {
    let io = error.downcast_ref::<io::Error>();
    io.is_some_and(|error| matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded))
        // What an io::Error wraps is no cause of it.
        || io.and_then(io::Error::get_ref).is_some_and(|error| is_full(error))
        || error.source().is_some_and(is_full)
}

/// An error with all its causes.
pub(crate) fn chain(error: &(impl std::error::Error + ?Sized)) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        // Some errors repeat their cause.
        if !words.ends_with(&more) {
            words = format!("{words}: {more}");
        }
        cause = error.source();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_errors_become_sentences() {
        assert_eq!(sentence("there is no such thread"), "There is no such thread.");
        assert_eq!(sentence("öffne es!"), "Öffne es!");
        assert_eq!(sentence(""), ".");
    }

    #[test]
    fn a_full_disk_is_told_as_one_wherever_it_is_met() {
        let full = || io::Error::from(ErrorKind::StorageFull);
        let file = || FileError::io("write", std::path::Path::new("/a/state/folder"))(full());
        for refused in [
            Refused::from(file()),
            Refused::broken("put a file there", &full()),
            Refused::broken("put a file there", &io::Error::other(file())),
        ] {
            assert_eq!(
                (refused.status, refused.again),
                (StatusCode::INSUFFICIENT_STORAGE, true)
            );
            assert!(!refused.error.contains("folder"), "{}", refused.error);
        }
        let other = io::Error::from(ErrorKind::PermissionDenied);
        assert_eq!(
            Refused::broken("x", &other).status,
            StatusCode::INTERNAL_SERVER_ERROR
        );
    }

    #[test]
    fn what_may_be_tried_again_says_so() {
        assert!(Refused::from(SupervisorError::Draining).again);
        assert!(Refused::from(SupervisorError::Conversation(ConversationError::Closed)).again);
        assert!(!Refused::from(SupervisorError::Gone("it was answered".into())).again);
        let missing = SupervisorError::Conversation(ConversationError::NoThread("web:a".parse().unwrap()));
        assert_eq!(Refused::from(missing), Refused::nothing("thread"));
    }
}
