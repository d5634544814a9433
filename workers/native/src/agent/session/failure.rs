//! Why a turn ended without an answer, as the client gets it.

use agent_client_protocol::{Error, ErrorCode};
use contract::{FAILURE, META_KEY, TurnFailure};
use serde_json::json;
use thiserror::Error as ThisError;

use crate::agent::transcript::TranscriptError;
use crate::providers::ProviderError;

/// Why a turn ended without an answer.
#[derive(Debug, ThisError)]
pub(crate) enum TurnError {
    /// It failed.
    #[error("{words}")]
    Failed {
        /// How.
        failure: TurnFailure,
        /// In words.
        words: String,
    },
    /// A login is needed, and this client can only be told so by an error.
    #[error("{0}")]
    LoginRequired(String),
}

impl TurnError {
    pub(crate) fn failed(failure: TurnFailure, words: impl Into<String>) -> Self {
        Self::Failed {
            failure,
            words: words.into(),
        }
    }

    /// The answer to the prompt.
    pub(crate) fn answer(self) -> Error {
        match self {
            Self::Failed { failure, words } => Error::new(ErrorCode::INTERNAL_ERROR.value(), words)
                .data(json!({ (META_KEY): { (FAILURE): failure } })),
            Self::LoginRequired(words) => Error::new(ErrorCode::AUTH_REQUIRED.value(), words)
                .data(json!({ (META_KEY): { (FAILURE): TurnFailure::LoginRequired } })),
        }
    }
}

impl From<TranscriptError> for TurnError {
    fn from(error: TranscriptError) -> Self {
        Self::failed(TurnFailure::Transcript, error.to_string())
    }
}

impl From<ProviderError> for TurnError {
    fn from(error: ProviderError) -> Self {
        let failure = match &error {
            ProviderError::LoginRequired { .. } => TurnFailure::LoginRequired,
            ProviderError::WrongKey(_) => TurnFailure::WrongKey,
            ProviderError::Unavailable(_) | ProviderError::Faulty(_) => TurnFailure::Unavailable,
            ProviderError::Cut { .. } => TurnFailure::Cut,
            ProviderError::TooLong(_)
            | ProviderError::PerhapsTooLong(_)
            | ProviderError::Pictures(_)
            | ProviderError::Barred(_)
            | ProviderError::Refused(_) => TurnFailure::Refused,
        };
        Self::failed(failure, error.to_string())
    }
}
