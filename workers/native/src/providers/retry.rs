//! What follows a failed try: decided here, without any I/O.

use std::time::Duration;

use super::abilities::{Abilities, Ability};
use super::said::Said;

/// How often one call is sent at most. Tries that only lacked a fresh token or had too many parts are not counted.
pub(super) const MOST_TRIES: u32 = 6;

/// A call that waits for an answer this long is not sent more than twice: nobody waits for it that often.
const MOST_SILENT_TRIES: u32 = 2;

/// The first wait is at most this long, each later one at most twice the one before.
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// The longest wait of our own choice.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// The longest wait that a server may ask for; if it asks for more, the person is told instead.
pub(super) const LONGEST_ASKED: Duration = Duration::from_mins(5);

/// Why a try brought no reply.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// An answer that is no success.
    Status {
        /// The HTTP status.
        status: u16,
        /// How long the server asks to wait.
        retry_after: Option<Duration>,
        /// Whether it refuses the credential.
        is_rejection: bool,
        /// Its words.
        said: Said,
    },
    /// The stream says that the server failed.
    Stream(Said),
    /// There was no connection: why.
    NoConnection(String),
    /// No byte came for the whole idle time-out.
    Silent(Duration),
    /// The connection ended before the answer did: why.
    Broken(String),
    /// The answer is not what the wire format allows, or too long: why.
    Nonsense(String),
    /// No token is to be had now.
    NoToken {
        /// What is in the way.
        why: String,
        /// How long to wait at least.
        after: Option<Duration>,
    },
}

/// How far the call has come.
#[derive(Debug, Clone, Copy)]
pub(super) struct Course {
    /// How often it was sent, this try included.
    pub(super) tries: u32,
    /// Parts of the request that were sent.
    pub(super) abilities: Abilities,
    /// A number from 0 up to 1, at random.
    pub(super) chance: f64,
}

/// What to do next.
#[derive(Debug, PartialEq)]
pub(super) enum Step {
    /// Wait, then send it again.
    Again {
        /// How long.
        delay: Duration,
        /// In words, for the person who waits.
        why: String,
    },
    /// Ask for another credential and send it again at once.
    Renew,
    /// Send it again at once without this part.
    Without(Ability),
    /// Give up; another time it may work.
    GiveUp(String),
    /// Give up; a shorter request may work.
    Shorten(String),
    /// Give up; it may work once a person has acted, whatever was said.
    Bar(String),
    /// Give up; the same request will never work.
    Refuse(String),
}

impl Failure {
    /// Decides what follows.
    pub(super) fn next(&self, course: Course) -> Step {
        let why = self.words();
        match self {
            Self::Status {
                is_rejection: true, ..
            } => Step::Renew,
            Self::Status {
                status,
                retry_after,
                said,
                ..
            } => match course.abilities.refused_by(*status, said) {
                Some(ability) => Step::Without(ability),
                None if is_too_long(Some(*status), said) => {
                    Step::Shorten(with_hint(why, Some(*status), said))
                }
                None if is_used_up(said) || is_barred(*status) => {
                    Step::Bar(with_hint(why, Some(*status), said))
                }
                None if is_passing(*status) => course.again(why, *retry_after),
                None => Step::Refuse(with_hint(why, Some(*status), said)),
            },
            Self::Stream(said) if is_too_long(None, said) => Step::Shorten(with_hint(why, None, said)),
            Self::Stream(said) if is_used_up(said) => Step::Bar(with_hint(why, None, said)),
            Self::Stream(said) if is_final(said) => Step::Refuse(with_hint(why, None, said)),
            Self::NoToken { after, .. } => course.again(why, *after),
            Self::Silent(_) if course.tries >= MOST_SILENT_TRIES => Step::GiveUp(why),
            Self::Stream(_) | Self::NoConnection(_) | Self::Silent(_) | Self::Broken(_) => {
                course.again(why, None)
            }
            Self::Nonsense(_) => Step::Refuse(why),
        }
    }

    /// In words, for a person.
    pub(super) fn words(&self) -> String {
        match self {
            Self::Status { status, said, .. } => said.after(&status_words(*status)),
            Self::Stream(said) => said.after("the provider failed while it answered"),
            Self::NoConnection(why) | Self::Broken(why) | Self::Nonsense(why) | Self::NoToken { why, .. } => {
                why.clone()
            }
            Self::Silent(time) => format!(
                "the provider sent nothing for {}",
                credentials::words::span(*time)
            ),
        }
    }
}

impl Course {
    fn again(self, why: String, asked: Option<Duration>) -> Step {
        if let Some(asked) = asked.filter(|asked| *asked > LONGEST_ASKED) {
            let span = credentials::words::span(asked);
            return Step::GiveUp(format!("{why}; it asks to wait {span} before the next try"));
        }
        if self.tries >= MOST_TRIES {
            return Step::GiveUp(format!("{why} (also after {} tries)", self.tries));
        }
        // Never sooner than asked, and not everybody at the same moment (full jitter).
        let ceiling = FIRST_WAIT * 2_u32.saturating_pow(self.tries.saturating_sub(1));
        let own = ceiling.min(LONGEST_WAIT).mul_f64(self.chance);
        let delay = match asked {
            Some(asked) => (asked + FIRST_WAIT.mul_f64(self.chance)).min(LONGEST_ASKED),
            None => own,
        };
        Step::Again { delay, why }
    }
}

fn status_words(status: u16) -> String {
    let what = match status {
        300..=399 => "the provider's address leads elsewhere, and that is not followed",
        401 => "the provider refused the credential",
        402 => "the provider wants to be paid first",
        403 => "the provider does not allow this request",
        404 => "the provider does not know this model or address",
        408 => "the provider waited too long for the request",
        413 => "the request is too long for the provider",
        429 => "the provider's rate limit is reached",
        503 | 529 => "the provider is overloaded",
        500..=599 => "the provider has a fault",
        _ => "the provider refused the request",
    };
    format!("{what} ({status})")
}

/// Whether the same request may succeed later.
fn is_passing(status: u16) -> bool {
    matches!(status, 408 | 409 | 425 | 429) || (500..=599).contains(&status) && !matches!(status, 501 | 505)
}

/// Whether a limit is one that no waiting of ours outlasts: money, or the month's share of a plan.
fn is_used_up(said: &Said) -> bool {
    [
        "insufficient_quota",
        "usage_limit_reached",
        "billing",
        "usage_not_included",
    ]
    .iter()
    .any(|words| said.code.as_ref().is_some_and(|code| code.contains(words)))
}

/// Whether an answer is about the account, the plan, the model or the address, and not about what was said.
fn is_barred(status: u16) -> bool {
    matches!(status, 300..=399 | 401 | 402 | 404 | 405)
}

/// Whether the request has more in it than the model can take. Servers say it in many ways, and some with a status of
/// their own faults; only a limit per minute is something else.
fn is_too_long(status: Option<u16>, said: &Said) -> bool {
    let ways = [
        "context_length",
        "context length",
        "context size",
        "context_size",
        "context window",
        "maximum context",
        "prompt is too long",
        "input is too long",
        "too many tokens",
    ];
    status == Some(413) || status != Some(429) && ways.iter().any(|words| said.mentions(words))
}

/// Whether a failure that came in the stream will come again.
fn is_final(said: &Said) -> bool {
    let finals = [
        "invalid_prompt",
        "invalid_request",
        "content_policy",
        "model_not_found",
    ];
    finals
        .iter()
        .any(|words| said.code.as_ref().is_some_and(|code| code.contains(words)))
}

fn with_hint(why: String, status: Option<u16>, said: &Said) -> String {
    let hint = if is_too_long(status, said) {
        "what was said last is too long for this model; say it in parts, or take another model with `/model NAME`"
    } else if said.mentions("not support tools") || said.mentions("tool choice") {
        "this agent needs a model that can call tools; `/model NAME` takes another one"
    } else if said.mentions("image") {
        "the model may not read images; `/model NAME` takes another one"
    } else if status == Some(404) || said.mentions("model") {
        "`/model NAME` takes another model; `model` and `base_url` of the agent stand in the configuration"
    } else if matches!(status, Some(300..=399)) {
        "`base_url` of the agent stands in the configuration"
    } else {
        return why;
    };
    format!("{why}\nhint: {hint}")
}

#[cfg(test)]
mod tests;
