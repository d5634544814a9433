//! A model that goes round in a circle: the same calls with the same results, answer after answer.

use crate::message::{Message, ToolCall};

/// So many identical rounds one after the other end a turn. (Something that is waited for changes its result in time, or is
/// waited for in one call.)
const MOST: usize = 5;

/// The last round of a turn, and how often it came one after the other.
#[derive(Debug, Default)]
pub(super) struct Circle {
    last: Round,
    times: usize,
}

/// The calls of one answer with their results. (Calls of one answer know nothing of each other's results.)
#[derive(Debug, Default, PartialEq)]
pub(super) struct Round(Vec<Called>);

/// What must be the same to be the same again.
#[derive(Debug, PartialEq)]
struct Called {
    tool: String,
    arguments: String,
    result: String,
}

impl Round {
    /// A call that was answered with `result`.
    pub(super) fn note(&mut self, call: &ToolCall, result: Option<&Message>) {
        if let Some(Message::ToolResult { text, .. }) = result {
            self.0.push(Called {
                tool: call.name.clone(),
                arguments: call.arguments.clone(),
                result: text.clone(),
            });
        }
    }
}

impl Circle {
    /// One more round has ended.
    pub(super) fn note(&mut self, round: Round) {
        self.times = if self.last == round { self.times + 1 } else { 1 };
        self.last = round;
    }

    /// What is said to end the turn, once it has gone round too often.
    pub(super) fn is_closed(&self) -> Option<String> {
        let called = self.last.0.first().filter(|_| self.times >= MOST)?;
        let what = match self.last.0.len() {
            1 => format!("call of `{}`", called.tool),
            many => format!("{many} calls, beginning with `{}`,", called.tool),
        };
        Some(format!(
            "I stop here: I made the same {what} {} times in a row, with the same result each time, and so I get no further. \
             Tell me what to do instead, or to go on.",
            self.times
        ))
    }
}
