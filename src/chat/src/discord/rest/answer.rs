//! What came of a request.

use std::time::{Duration, SystemTime};

use reqwest_of_serenity as reqwest;
use serde_json::Value;
use thiserror::Error;

use super::Call;
use crate::discord::reconcile::Bucket;
use crate::discord::trust;

/// Discord's code for a message that is not there.
pub(in crate::discord) const UNKNOWN_MESSAGE: i64 = 10_008;
/// The same of a channel or thread.
pub(in crate::discord) const UNKNOWN_CHANNEL: i64 = 10_003;
/// HTTP's status for a file that is larger than Discord takes, or what stands before it.
pub(in crate::discord) const TOO_LARGE: u16 = 413;
/// Discord's code for a place that the bot does not see, now or for good.
pub(in crate::discord) const NO_ACCESS: i64 = 50_001;
/// Discord's code where the bot lacks a permission.
pub(in crate::discord) const NO_PERMISSION: i64 = 50_013;

/// Why a request was not answered as wanted.
#[derive(Debug, Clone, Error)]
pub(in crate::discord) enum Trouble {
    /// Too much for now.
    #[error("too many requests")]
    Limited {
        /// For so long.
        after: Duration,
        /// Whether that holds for everything.
        global: bool,
    },
    /// Discord does not know the token any more. Nothing was done; with a good token it may be.
    #[error("Discord does not know the bot's token any more")]
    NoToken,
    /// Discord does not do that.
    #[error("Discord refuses it: {message} ({status}, code {code})")]
    Refused {
        /// HTTP's status.
        status: u16,
        /// Discord's own number.
        code: i64,
        /// Discord's words.
        message: String,
        /// What is wrong in the request, if it says so, as `content`: the names on top.
        names: Vec<String>,
    },
    /// Not done; later it may work.
    #[error("Discord could not be reached: {0}")]
    Failed(String),
    /// Not done: something between here and Discord answered, with this status of HTTP.
    #[error("something between here and Discord refuses it ({0})")]
    Barred(u16),
    /// Nobody knows whether it was done.
    #[error("Discord did not answer: {0}")]
    Unknown(String),
}

/// Discord's code for a request that is wrong in itself.
const WRONG: i64 = 50_035;
/// Discord's codes for what a message says: nothing at all, words that the guild or Discord does not let through, a link that it
/// lists as harmful. <https://docs.discord.com/developers/topics/opcodes-and-status-codes#json>
const OF_WORDS: [i64; 4] = [50_006, 200_000, 20_009, 240_000];
/// What of a message can be seen.
const SEEN: [&str; 3] = ["content", "embeds", "components"];

impl Trouble {
    /// With what Discord says is wrong in the request.
    pub(super) fn naming(mut self, wrong: Vec<String>) -> Self {
        if let Self::Refused { names, .. } = &mut self {
            *names = wrong;
        }
        self
    }

    /// Whether it is what a message says or shows that Discord does not take: with other words it might.
    pub(in crate::discord) fn is_of_words(&self) -> bool {
        match self {
            Self::Refused {
                code: WRONG, names, ..
            } => names.is_empty() || names.iter().any(|name| SEEN.contains(&name.as_str())),
            Self::Refused { code, .. } => OF_WORDS.contains(code),
            _ => false,
        }
    }

    /// Whether nobody can tell from it why: the same may be taken later.
    pub(in crate::discord) fn is_unexplained(&self) -> bool {
        let is_odd = matches!(
            self,
            Self::Refused {
                status: 400,
                code: 0 | WRONG,
                ..
            }
        );
        is_odd && !self.is_of_words()
    }
}

/// What was answered.
pub(in crate::discord) struct Reply {
    pub(in crate::discord) body: Value,
    pub(in crate::discord) bucket: Option<Bucket>,
    /// When, by Discord's own clock, to the second.
    pub(in crate::discord) said: Option<SystemTime>,
}

pub(super) async fn read(call: &Call<'_>, response: reqwest::Response) -> Result<Reply, Trouble> {
    let status = response.status();
    let header = |name: &str| {
        let text = response.headers().get(name)?.to_str().ok()?;
        text.parse::<f64>().ok()
    };
    let seconds = |name: &str| header(name).and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let bucket = match (
        header("x-ratelimit-remaining"),
        seconds("x-ratelimit-reset-after"),
    ) {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a small count"
        )]
        (Some(remaining), Some(reset_after)) => Some(Bucket {
            remaining: remaining as u32,
            reset_after,
        }),
        _ => None,
    };
    let said = response.headers().get("date").and_then(|date| date.to_str().ok());
    let said = said.and_then(|date| httpdate::parse_http_date(date).ok());
    let after = seconds("retry-after");
    let global = response.headers().contains_key("x-ratelimit-global");
    let body: Value = match response.bytes().await {
        Ok(bytes) => serde_json::from_slice(&bytes).unwrap_or(Value::Null),
        // It was done; what it became is not known.
        Err(error) if status.is_success() => return Err(Trouble::Unknown(cause(&error))),
        Err(_) => Value::Null,
    };
    if status.is_success() {
        return Ok(Reply { body, bucket, said });
    }
    let code = body["code"].as_i64().unwrap_or_default();
    let words = body["message"].as_str().map(str::to_owned);
    let limited = after.map(|after| (after, global || body["global"] == true));
    let names = body["errors"].as_object().into_iter().flatten();
    let names = names.map(|(name, _)| name.clone()).collect();
    Err(call.trouble(status.as_u16(), code, words, limited).naming(names))
}

/// Without the address, which may carry an interaction's token.
pub(super) fn cause(error: &reqwest::Error) -> String {
    if let Some(words) = trust::unsafe_because(error) {
        return words;
    }
    let mut words = match (error.is_timeout(), error.is_connect()) {
        (true, _) => "it took too long".to_owned(),
        (_, true) => "no connection".to_owned(),
        _ => "the connection broke".to_owned(),
    };
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        words = format!("{words}: {error}");
        source = error.source();
    }
    words
}

pub(super) fn unanswered(error: &reqwest::Error) -> Trouble {
    if error.is_connect() || error.is_builder() {
        Trouble::Failed(cause(error))
    } else {
        Trouble::Unknown(cause(error))
    }
}
