//! A model that goes round in a circle: the same call with the same result, again and again.

use crate::message::{Message, ToolCall};

/// So many identical calls in a row, each with the same result, end a turn. (Something that is waited for changes its result
/// in time, or is waited for in one call.)
const MOST: usize = 5;

/// The last call of a turn with its result, and how often it came in a row.
#[derive(Debug, Default)]
pub(super) struct Circle {
    last: Option<Round>,
    rounds: usize,
}

/// What must be the same to be the same again.
#[derive(Debug, PartialEq)]
struct Round {
    tool: String,
    arguments: String,
    result: String,
}

impl Circle {
    /// Notes a call that was answered with `result`.
    pub(super) fn note(&mut self, call: &ToolCall, result: Option<&Message>) {
        let Some(Message::ToolResult { text, .. }) = result else {
            return;
        };
        let round = Round {
            tool: call.name.clone(),
            arguments: call.arguments.clone(),
            result: text.clone(),
        };
        if self.last.as_ref() == Some(&round) {
            self.rounds += 1;
        } else {
            (self.last, self.rounds) = (Some(round), 1);
        }
    }

    /// What is said to end the turn, once it has gone round too often.
    pub(super) fn is_closed(&self) -> Option<String> {
        let last = self.last.as_ref().filter(|_| self.rounds >= MOST)?;
        Some(format!(
            "I stop here: I made the same call of `{}` {} times in a row, with the same result each time, and so I get no further. \
             Tell me what to do instead, or to go on.",
            last.tool, self.rounds
        ))
    }
}
