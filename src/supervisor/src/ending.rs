//! What follows from the end of a prompt. Pure.

use agent_client_protocol::v1::schema::StopReason;
use contract::Canceller;
use conversation::{NoteKind, TurnEnd};

use crate::worker::PromptError;

/// Why a running turn was cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Intent {
    /// A person stopped it.
    Stop,
    /// It is to be sent again with more text.
    Steer,
    /// A newer message takes its place.
    Interrupt,
    /// The host is going down.
    Drain,
}

impl Intent {
    /// As the agent is told it.
    pub(crate) fn canceller(self) -> Canceller {
        match self {
            Self::Stop => Canceller::Person,
            Self::Steer | Self::Interrupt => Canceller::Message,
            Self::Drain => Canceller::Host,
        }
    }
}

/// What follows.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Outcome {
    /// The turn is over.
    Finish {
        /// How.
        end: TurnEnd,
        /// Why, where it is not simply answered.
        reason: Option<String>,
        /// What the thread is told.
        note: Option<(NoteKind, String)>,
    },
    /// The turn takes in what is to be merged and is sent again.
    Again,
    /// The worker is dying; its last event says how.
    Dying,
}

/// Decides. Who asked for the end wins over how the agent says it ended, but for an answer that was complete before a
/// steer reached it: sent again, it would be given twice. `has_words`: it said something, thoughts not counted.
pub(crate) fn outcome(
    intent: Option<Intent>,
    result: &Result<StopReason, PromptError>,
    has_words: bool,
) -> Outcome {
    match (intent, result) {
        (Some(Intent::Stop), _) => finish(TurnEnd::Stopped, "stopped", None),
        (Some(Intent::Interrupt), _) => finish(TurnEnd::Stopped, "interrupted by a newer message", None),
        (Some(Intent::Drain | Intent::Steer), Ok(StopReason::EndTurn)) => DONE,
        (Some(Intent::Drain), _) => host_stopped(),
        (Some(Intent::Steer), _) => Outcome::Again,
        (None, Ok(reason)) => ended(*reason, has_words),
        (None, Err(PromptError::Gone)) => Outcome::Dying,
        (None, Err(PromptError::Failed(words))) => {
            finish(TurnEnd::Failed, words, Some((NoteKind::Error, words.clone())))
        }
        (None, Err(PromptError::Refused(why))) => refused(&format!("{REFUSED}: {why}")),
    }
}

/// What a refusal is called.
const REFUSED: &str = "the agent refused to go on";

/// A person who waits sees an end that looks like none.
const WORDLESS: &str =
    "the agent ended its turn without a word. Ask again, or say in other words what is to be done";

fn refused(words: &str) -> Outcome {
    finish(TurnEnd::Failed, words, Some((NoteKind::Warning, sentence(words))))
}

/// A turn that the host did not let end.
pub(crate) fn host_stopped() -> Outcome {
    let words = "the host stopped while this turn ran";
    finish(TurnEnd::Cut, words, Some((NoteKind::Error, sentence(words))))
}

const DONE: Outcome = Outcome::Finish {
    end: TurnEnd::Done,
    reason: None,
    note: None,
};

fn ended(reason: StopReason, has_words: bool) -> Outcome {
    let told = |words: &str| Outcome::Finish {
        end: TurnEnd::Done,
        reason: None,
        note: Some((NoteKind::Warning, sentence(words))),
    };
    match reason {
        StopReason::MaxTokens => told("the answer reached the model's limit of tokens and may be incomplete"),
        StopReason::MaxTurnRequests => {
            told("the agent reached its limit of model calls for one turn; say `go on` to let it continue")
        }
        StopReason::Refusal => refused(REFUSED),
        StopReason::Cancelled => {
            let words = "the agent gave up the turn by itself";
            finish(
                TurnEnd::Stopped,
                words,
                Some((NoteKind::Warning, sentence(words))),
            )
        }
        _ if has_words => DONE,
        _ => told(WORDLESS),
    }
}

fn finish(end: TurnEnd, reason: &str, note: Option<(NoteKind, String)>) -> Outcome {
    Outcome::Finish {
        end,
        reason: Some(reason.to_owned()),
        note,
    }
}

/// Words for a timeline: they begin with a capital and end with a full stop.
pub(crate) fn sentence(words: &str) -> String {
    let mut letters = words.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string());
    let mut sentence = first.unwrap_or_default() + letters.as_str();
    if !sentence.ends_with(['.', '!', '?', ':', '…']) {
        sentence.push('.');
    }
    sentence
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_from_the_end_of_a_prompt_is_this_table() {
        use Intent::{Drain, Interrupt, Steer, Stop};
        let failed = || Err(PromptError::Failed("no".into()));
        for (intent, result, expected) in [
            (None, Ok(StopReason::EndTurn), "done"),
            (None, Ok(StopReason::MaxTokens), "done told"),
            (None, Ok(StopReason::MaxTurnRequests), "done told"),
            (None, Ok(StopReason::Refusal), "failed told"),
            (None, Ok(StopReason::Cancelled), "stopped told"),
            (None, failed(), "failed told"),
            (None, Err(PromptError::Refused("no".into())), "failed told"),
            (Some(Stop), Err(PromptError::Refused("no".into())), "stopped"),
            (None, Err(PromptError::Gone), "dying"),
            (Some(Stop), Ok(StopReason::Cancelled), "stopped"),
            (Some(Stop), Ok(StopReason::EndTurn), "stopped"),
            (Some(Stop), failed(), "stopped"),
            (Some(Stop), Err(PromptError::Gone), "stopped"),
            (Some(Steer), Ok(StopReason::Cancelled), "again"),
            (Some(Steer), Ok(StopReason::EndTurn), "done"),
            (Some(Steer), failed(), "again"),
            (Some(Steer), Err(PromptError::Gone), "again"),
            (Some(Interrupt), Ok(StopReason::Cancelled), "stopped"),
            (Some(Interrupt), Ok(StopReason::EndTurn), "stopped"),
            (Some(Interrupt), failed(), "stopped"),
            (Some(Drain), Ok(StopReason::Cancelled), "cut told"),
            (Some(Drain), Ok(StopReason::EndTurn), "done"),
            (Some(Drain), Err(PromptError::Gone), "cut told"),
        ] {
            let found = match outcome(intent, &result, true) {
                Outcome::Finish { end, reason, note } => {
                    assert_eq!(end == TurnEnd::Done, reason.is_none());
                    let told = if note.is_some() { " told" } else { "" };
                    format!("{end:?}{told}").to_lowercase()
                }
                Outcome::Again => "again".to_owned(),
                Outcome::Dying => "dying".to_owned(),
            };
            assert_eq!(found, expected, "{intent:?} {result:?}");
        }
    }

    #[test]
    fn an_end_without_a_word_is_told_where_nothing_else_explains_it() {
        for (intent, reason, words) in [
            (None, StopReason::EndTurn, Some("without a word")),
            (None, StopReason::MaxTokens, Some("limit of tokens")),
            (Some(Intent::Steer), StopReason::EndTurn, None),
        ] {
            let Outcome::Finish { note, .. } = outcome(intent, &Ok(reason), false) else {
                panic!("it is over");
            };
            let told = note.map(|(_, words)| words);
            assert_eq!(told.is_some(), words.is_some(), "{reason:?}");
            assert!(
                told.unwrap_or_default().contains(words.unwrap_or_default()),
                "{reason:?}"
            );
        }
    }

    #[test]
    fn words_become_a_sentence() {
        for (words, expected) in [("no way", "No way."), ("Über!", "Über!"), ("", ".")] {
            assert_eq!(sentence(words), expected);
        }
    }
}
