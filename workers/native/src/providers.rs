//! Wire formats. Each turns the history into a request and a stream of events into a reply; none knows a vendor.

use std::time::Duration;

use contract::Profile;
use credentials::Refresher;
use thiserror::Error;

use crate::message::{Finish, Message, ReplyPart, Usage};
use crate::tools::ToolSpec;

mod abilities;
mod attempt;
mod call;
mod chat;
mod format;
mod halves;
mod history;
mod http;
mod opaque;
mod payment;
mod responses;
mod retry;
mod said;
mod sse;

pub(crate) use call::Model;

/// One model call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Request<'a> {
    /// The model's name.
    pub(crate) model: &'a str,
    /// The system prompt.
    pub(crate) system: &'a str,
    /// Everything said so far.
    pub(crate) history: &'a [Message],
    /// Tools that may be called.
    pub(crate) tools: &'a [ToolSpec],
    /// Names the conversation, for the provider's prompt cache.
    pub(crate) session: &'a str,
}

/// What comes while the model answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Progress {
    /// More words.
    Text(String),
    /// More reasoning.
    Thought(String),
    /// More of a call's arguments.
    Call {
        /// The tool.
        name: String,
        /// How many have come.
        bytes: usize,
    },
    /// Something came that says nothing, and yet shows that the provider is at work.
    Alive,
    /// The call has to wait or be sent again: why, and how long until the next try.
    Waiting {
        /// In words, for the person who waits: `the provider is overloaded (503)`.
        why: String,
        /// Until the next try.
        delay: Duration,
    },
}

/// A whole reply.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Reply {
    /// In order.
    pub(crate) parts: Vec<ReplyPart>,
    /// Tokens.
    pub(crate) usage: Usage,
    /// Why it ended.
    pub(crate) finish: Finish,
}

/// Why there is no reply. Variants by what the turn loop does next.
#[derive(Debug, Error)]
pub(crate) enum ProviderError {
    /// A person must sign in; then the same call may be made again.
    #[error("a login is needed: {reason}")]
    LoginRequired {
        /// Whose login: an owner as `credentials::Owner` writes it.
        owner: String,
        /// Why, without what needs it.
        reason: String,
        /// The stored one that does not help, by the number of the write that stored it.
        useless: Option<u64>,
    },
    /// The key or token from the host's environment was refused: says whose it is and where it came from.
    #[error("{0}")]
    WrongKey(String),
    /// Not now, and the retries are used up.
    #[error("{0}")]
    Unavailable(String),
    /// The provider failed at each try: perhaps at what is in the request, which may fail for ever then.
    #[error("{0}")]
    Faulty(String),
    /// The stream was cut after words had come; what came is in `partial`.
    #[error("the model's answer was cut off: {why}")]
    Cut {
        /// Why.
        why: String,
        /// What had come.
        partial: Vec<ReplyPart>,
    },
    /// The history is longer than the model can take; a shorter one may succeed.
    #[error("{0}")]
    TooLong(String),
    /// It may be that: the provider refused the request in words that are not known. Trying a shorter one once is worth it.
    #[error("{0}")]
    PerhapsTooLong(String),
    /// The model can't read the pictures in the request; without them it may succeed.
    #[error("{0}")]
    Pictures(String),
    /// Nothing that was said can change it: unknown model, plan, money, no account. The same may succeed once a person
    /// has acted.
    #[error("{0}")]
    Barred(String),
    /// The request as it is can't succeed: the provider takes offence at what is in it.
    #[error("{0}")]
    Refused(String),
}

/// How a model is chosen, for the thread in which none is.
pub(crate) const NO_MODEL: &str = "no model is chosen for this agent\nhint: write `model = \"NAME\"` into its section of the configuration (such as \
    `[agents.native]`), or say `/model NAME` in the thread";

impl Model {
    /// Opens nothing but the store's path.
    pub(crate) fn new(profile: &Profile) -> Result<Self, ProviderError> {
        let refresher = Refresher::this_program()
            .map_err(|error| ProviderError::Refused(format!("could not find this very program: {error}")))?;
        Self::with_refresher(profile, refresher)
    }
}

#[cfg(test)]
mod tests;
