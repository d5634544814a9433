//! What follows a failed try: decided here, without any I/O.

use std::time::Duration;

use super::abilities::{Abilities, Ability};
use super::http::LONGEST_RETRY_AFTER;
use super::said::Said;
use crate::message::{Message, Part};
use cause::Cause;

mod cause;

pub(super) use cause::address;

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
        /// Who said so: host, port and path.
        at: String,
        /// Its words.
        said: Box<Said>,
    },
    /// The stream says that the server failed.
    Stream(Said),
    /// There was no connection: why.
    NoConnection(String),
    /// No byte came for the whole idle time-out.
    Silent(Duration),
    /// The connection ended before the answer did: why.
    Broken(String),
    /// The answer is longer than any answer: why.
    Nonsense(String),
    /// What answers there is no model's API, or the other one: why, and what to do.
    NoApi(String),
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
    /// Whether it has pictures.
    pub(super) pictures: Pictures,
    /// Whether the model has answered before in this conversation: then there is an API, and it knew the model.
    pub(super) has_replied: bool,
    /// A number from 0 up to 1, at random.
    pub(super) chance: f64,
}

/// Pictures in a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pictures {
    /// None.
    None,
    /// Only such as were answered already.
    Old,
    /// Some that nobody answered yet.
    New,
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
    /// Give up; it failed each time, and may for ever with what is in it.
    Suspect(String),
    /// Give up; a shorter request may work.
    Shorten(String),
    /// Give up; a shorter request is worth one try.
    TryShorter(String),
    /// Give up; it may work without its pictures.
    WithoutPictures(String),
    /// Give up; it may work once a person has acted, whatever was said.
    Bar(String),
    /// Give up; the same request will never work.
    Refuse(String),
}

impl Failure {
    /// Decides what follows.
    pub(super) fn next(&self, course: Course) -> Step {
        let why = self.words(course.pictures);
        match self {
            Self::Status {
                is_rejection: true, ..
            } => Step::Renew,
            Self::Status {
                status,
                retry_after,
                at,
                said,
                ..
            } => match course.abilities.refused_by(*status, said) {
                Some(ability) => Step::Without(ability),
                None => match Cause::of(Some(*status), said, course.pictures) {
                    Some(cause) => course.final_step(cause, &why, at, said),
                    None if is_passing(*status) => {
                        let step = course.again(why, *retry_after);
                        suspect(step, retry_after.is_none() && course.may_be_at_fault(*status))
                    }
                    None => refuse(why, said),
                },
            },
            Self::Stream(said) => match Cause::of(None, said, course.pictures) {
                Some(cause) => course.final_step(cause, &why, "", said),
                None if is_final(said) => refuse(why, said),
                None => suspect(course.again(why, None), course.pictures == Pictures::New),
            },
            Self::NoToken { after, .. } => course.again(why, *after),
            Self::Silent(_) if course.tries >= MOST_SILENT_TRIES => Step::GiveUp(format!(
                "{why} ({} tries); `patience` in the agent's configuration sets how long it may",
                course.tries
            )),
            Self::NoConnection(_) | Self::Silent(_) | Self::Broken(_) => course.again(why, None),
            Self::Nonsense(_) => Step::Refuse(why),
            Self::NoApi(_) => Step::Bar(why),
        }
    }

    /// In words, for a person.
    pub(super) fn words(&self, pictures: Pictures) -> String {
        match self {
            Self::Status { status, at, said, .. } => {
                let cause = Cause::of(Some(*status), said, pictures);
                let words = cause.and_then(|cause| cause.words(Some(*status), at, said));
                let words = words.unwrap_or_else(|| status_words(*status).to_owned());
                said.after(&format!("{words} ({status})"))
            }
            Self::Stream(said) => {
                let cause = Cause::of(None, said, pictures);
                let words = cause.and_then(|cause| cause.words(None, "", said));
                said.after(
                    words
                        .as_deref()
                        .unwrap_or("the provider failed while it answered"),
                )
            }
            Self::NoConnection(why)
            | Self::Broken(why)
            | Self::Nonsense(why)
            | Self::NoApi(why)
            | Self::NoToken { why, .. } => why.clone(),
            Self::Silent(time) => format!(
                "the provider sent nothing for {}",
                credentials::words::span(*time)
            ),
        }
    }
}

impl Course {
    /// What follows what no other try can change.
    fn final_step(self, cause: Cause, why: &str, at: &str, said: &Said) -> Step {
        let why = hinted(why, &cause.hint(at));
        match cause {
            Cause::TooLong => Step::Shorten(why),
            Cause::Pictures => Step::WithoutPictures(why),
            // An API that has answered before, tools and all, and speaks now takes offence at what is in the request.
            Cause::Address | Cause::Tools if self.has_replied && said.speaks() => Step::Refuse(why),
            _ => Step::Bar(why),
        }
    }

    /// Whether what is in the request may be why the server fails at it. Others of its faults say that it is not there.
    fn may_be_at_fault(self, status: u16) -> bool {
        matches!(status, 500 | 502) || status > 500 && self.pictures == Pictures::New
    }

    fn again(self, why: String, asked: Option<Duration>) -> Step {
        if let Some(asked) = asked.filter(|asked| *asked > LONGEST_ASKED) {
            let span = credentials::words::span(asked);
            let longer = if asked < LONGEST_RETRY_AFTER {
                ""
            } else {
                " or longer"
            };
            return Step::GiveUp(format!(
                "{why}; it asks to wait {span}{longer} before the next try"
            ));
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

impl Pictures {
    /// Of the pictures in a request.
    pub(super) fn of(history: &[Message]) -> Self {
        let shows = |message: &Message| matches!(message, Message::User { parts } if parts.iter().any(Part::is_picture));
        let replied = history.iter().rposition(Message::is_reply);
        match history.iter().rposition(shows) {
            None => Self::None,
            Some(last) if replied.is_some_and(|replied| last < replied) => Self::Old,
            Some(_) => Self::New,
        }
    }
}

/// A failure that came at each try.
fn suspect(step: Step, may_be_at_fault: bool) -> Step {
    match step {
        Step::GiveUp(why) if may_be_at_fault => Step::Suspect(why),
        step => step,
    }
}

fn refuse(why: String, said: &Said) -> Step {
    if cause::is_perhaps_too_long(said) {
        Step::TryShorter(hinted(&why, &Cause::TooLong.hint("")))
    } else if said.mentions("model") {
        Step::Refuse(hinted(&why, &Cause::Model.hint("")))
    } else {
        Step::Refuse(why)
    }
}

fn hinted(why: &str, hint: &str) -> String {
    format!("{why}\nhint: {hint}")
}

fn status_words(status: u16) -> &'static str {
    match status {
        401 => "the provider refused the credential",
        403 => "the provider does not allow this request",
        408 => "the provider waited too long for the request",
        413 => "the request is too long for the provider",
        429 => "the provider's rate limit is reached",
        503 | 529 => "the provider is overloaded",
        500..=599 => "the provider has a fault",
        _ => "the provider refused the request",
    }
}

/// Whether the same request may succeed later.
fn is_passing(status: u16) -> bool {
    matches!(status, 408 | 409 | 425 | 429 | 500..=599)
}

/// Whether a failure that came in the stream will come again.
fn is_final(said: &Said) -> bool {
    ["invalid_prompt", "invalid_request", "content_policy"]
        .iter()
        .any(|code| said.is_coded(code))
}

#[cfg(test)]
mod tests;
