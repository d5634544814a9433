//! The history as the model gets it, built from the transcript's lines by one function, so that a session that goes on
//! and one that was loaded after a kill can't differ.

use std::collections::BTreeSet;

use crate::agent::transcript::{Line, Withdrawal};
use crate::message::{Message, Part, ReplyPart, ToolCall};

mod room;
mod view;

pub(crate) use room::Room;
#[cfg(test)]
pub(crate) use view::{BROKE_OFF, SAID_NOTHING};

/// What the model is told of a call that began and has no result.
pub(crate) const UNKNOWN_RESULT: &str =
    "interrupted: the worker ended while this ran; its effects are unknown";

/// What the model is told of a call that never began.
pub(crate) const NOT_BEGUN: &str = "stopped before it ran";

/// The refusals in a row after which a whole exchange is taken out: what was new is gone by then.
const STUBBORN: u32 = 3;

/// Everything that the lines so far say.
#[derive(Debug, Default)]
pub(crate) struct History {
    /// All of them; the model is shown [`Self::view`].
    messages: Vec<Message>,
    /// Messages that the model is not shown.
    hidden: BTreeSet<usize>,
    /// Answers that were stopped, or broke off.
    cut: BTreeSet<usize>,
    /// Results of tools that the provider took offence at, and messages whose pictures it did not take.
    withheld: BTreeSet<usize>,
    /// What stands for the messages before this one.
    summary: Option<(usize, String)>,
    /// Results before this message are not shown.
    trimmed: usize,
    /// How many messages the last model call had behind it in the end, and the tokens of all that.
    used: Option<(usize, u64)>,
    /// Refusals since the last reply.
    refusals: u32,
    /// Calls since then that failed at each try.
    faults: u32,
    /// Whether whoever wrote the lines did not yet say which calls began.
    is_silent_on_begun: bool,
    /// Calls of the last reply that began.
    begun: BTreeSet<String>,
}

impl History {
    /// From the lines of a transcript.
    pub(crate) fn of(lines: Vec<Line>) -> Self {
        let mut history = Self {
            is_silent_on_begun: lines.contains(&Line::Upgraded),
            ..Self::default()
        };
        for line in lines {
            history.apply(line);
        }
        history
    }

    /// Takes one more line. Before people or the model speak again, calls without a result get one that says so.
    pub(crate) fn apply(&mut self, line: Line) {
        match line {
            Line::Message { message } => {
                if !matches!(message, Message::ToolResult { .. }) {
                    self.close_calls();
                }
                if matches!(message, Message::Assistant { .. }) {
                    self.refusals = 0;
                    self.faults = 0;
                }
                self.messages.push(message);
            }
            Line::Begun { call } => {
                self.is_silent_on_begun = false;
                self.begun.insert(call);
            }
            Line::Upgraded => {
                self.close_calls();
                self.is_silent_on_begun = false;
            }
            Line::Withdrawn { what } => self.withdraw(what),
            Line::Used { tokens } => self.used = Some((self.messages.len(), tokens)),
            Line::Summarized { before, note } => {
                self.summary = Some((before, note));
                self.used = None;
            }
            Line::Trimmed { before } => {
                self.trimmed = before;
                self.used = None;
            }
            // Where there is no answer, the view sees that by itself, also after a kill.
            Line::Interrupted if matches!(self.messages.last(), Some(Message::Assistant { .. })) => {
                self.cut.insert(self.messages.len() - 1);
            }
            Line::Interrupted | Line::Model { .. } | Line::Always { .. } => {}
        }
    }

    /// Everything that was said, in order.
    pub(crate) fn messages(&self) -> &[Message] {
        &self.messages
    }

    /// Whether these very words were the last thing said, and nobody answered: then they are asked again, not twice. Pictures
    /// that were withdrawn since are said anew.
    pub(crate) fn ends_with(&self, said: &[Part]) -> bool {
        let is_whole = !self.withheld.contains(&self.messages.len().saturating_sub(1));
        is_whole && matches!(self.messages.last(), Some(Message::User { parts }) if parts == said)
    }

    /// How many messages there are, and of how many something is withheld.
    pub(crate) fn extent(&self) -> (usize, usize) {
        (self.messages.len(), self.withheld.len())
    }

    /// Whether somebody spoke, and nobody answered.
    pub(crate) fn is_unanswered(&self) -> bool {
        matches!(self.messages.last(), Some(Message::User { .. }))
    }

    fn withdraw(&mut self, what: Withdrawal) {
        self.used = None;
        match what {
            Withdrawal::New => {
                self.refusals += 1;
                self.withdraw_new(self.refusals);
            }
            Withdrawal::Pictures => {
                let new = self.pictures_since(self.replied().map_or(0, |replied| replied + 1));
                let pictures = if new.is_empty() {
                    self.pictures_since(0)
                } else {
                    new
                };
                self.withheld.extend(pictures);
            }
            Withdrawal::Suspect => self.withdraw_suspect(),
        }
    }

    /// The provider failed at each try of a request: a fault of its own, or one that the request leads to. What is new goes
    /// step by step, and what was answered stays, because a fault that lasts must not eat up a thread.
    fn withdraw_suspect(&mut self) {
        self.faults += 1;
        if self.faults <= 2 {
            let pictures = self.pictures_since(self.replied().map_or(0, |replied| replied + 1));
            if self.faults == 1 || !pictures.is_empty() {
                self.withheld.extend(pictures);
                return;
            }
        }
        if self.faults > 2 {
            self.withheld.extend(self.pictures_since(0));
        }
        self.withdraw_new((self.faults - 1).min(STUBBORN - 1));
    }

    /// The provider refused a request, for the nth time in a row. What was new in it goes: the message of a person, or what
    /// tools gave back. If that does not help, what was answered last goes too, one exchange at a time, so that no thread is
    /// refused for ever.
    fn withdraw_new(&mut self, times: u32) {
        let is_said = self.is_unanswered();
        if is_said {
            self.messages.pop();
            // What is said next stands in its place, and was not tried.
            self.withheld.remove(&self.messages.len());
        }
        self.close_calls();
        let Some(replied) = self.replied() else { return };
        let results = replied + 1..self.messages.len();
        let is_new = |index: &usize| {
            matches!(self.messages[*index], Message::ToolResult { .. }) && !self.withheld.contains(index)
        };
        let new: Vec<usize> = results.clone().filter(is_new).collect();
        if !new.is_empty() && (!is_said || times > 1) {
            self.withheld.extend(new);
        } else if times >= STUBBORN {
            let asked = self.messages[..replied]
                .iter()
                .rposition(|message| !matches!(message, Message::User { .. }));
            self.hidden
                .extend(asked.map_or(0, |before| before + 1)..results.end);
        }
    }

    /// The model's last reply that it is shown.
    fn replied(&self) -> Option<usize> {
        self.messages.iter().enumerate().rposition(|(index, message)| {
            matches!(message, Message::Assistant { .. }) && !self.hidden.contains(&index)
        })
    }

    /// Messages from this one on that still show pictures.
    fn pictures_since(&self, first: usize) -> Vec<usize> {
        let shows = |index: &usize| {
            let has_pictures = matches!(&self.messages[*index], Message::User { parts } if parts.iter().any(Part::is_picture));
            has_pictures && !self.withheld.contains(index)
        };
        (first..self.messages.len()).filter(shows).collect()
    }

    fn close_calls(&mut self) {
        let open: Vec<String> = self.open_calls().map(|call| call.id.clone()).collect();
        let begun = std::mem::take(&mut self.begun);
        self.messages.extend(open.into_iter().map(|call| {
            let words = if self.is_silent_on_begun || begun.contains(&call) {
                UNKNOWN_RESULT
            } else {
                NOT_BEGUN
            };
            Message::ToolResult {
                call,
                text: words.to_owned(),
                failed: true,
            }
        }));
    }

    /// Calls of the last reply without a result. Providers use ids again, so only results after it count.
    fn open_calls(&self) -> impl Iterator<Item = &ToolCall> {
        let last = self
            .messages
            .iter()
            .rposition(|message| !matches!(message, Message::ToolResult { .. }));
        let after = last.map_or(0, |last| last + 1);
        let parts: &[ReplyPart] = match last.map(|last| &self.messages[last]) {
            Some(Message::Assistant { parts }) => parts,
            _ => &[],
        };
        let calls = parts.iter().filter_map(|part| match part {
            ReplyPart::ToolCall(call) => Some(call),
            _ => None,
        });
        let results = &self.messages[after..];
        calls.filter(move |call| {
            !results
                .iter()
                .any(|message| matches!(message, Message::ToolResult { call: id, .. } if *id == call.id))
        })
    }
}

#[cfg(test)]
mod tests;
