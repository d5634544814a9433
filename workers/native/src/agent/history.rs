//! The history as the model gets it, built from the transcript's lines by one function, so that a session that goes on
//! and one that was loaded after a kill can't differ.

use std::collections::BTreeSet;

use crate::agent::transcript::Line;
use crate::message::{Message, Part, ReplyPart, ToolCall};

/// What the model is told of a call that began and has no result.
pub(crate) const UNKNOWN_RESULT: &str =
    "interrupted: the worker ended while this ran; its effects are unknown";

/// What the model is told of a call that never began.
pub(crate) const NOT_BEGUN: &str = "stopped before it ran";

/// Everything that the lines so far say.
#[derive(Debug, Default)]
pub(crate) struct History {
    messages: Vec<Message>,
    /// Calls of the last reply that began.
    begun: BTreeSet<String>,
    always: BTreeSet<String>,
    model: Option<String>,
}

impl History {
    /// From the lines of a transcript.
    pub(crate) fn of(lines: Vec<Line>) -> Self {
        let mut history = Self::default();
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
                self.messages.push(message);
            }
            Line::Begun { call } => {
                self.begun.insert(call);
            }
            Line::Withdrawn => {
                if self.is_unanswered() {
                    self.messages.pop();
                }
            }
            Line::Always { key } => {
                self.always.insert(key);
            }
            Line::Model { model } => self.model = Some(model),
            // For people who read the file; the model learns from what is missing.
            Line::Interrupted => {}
        }
    }

    /// In order, for the next request.
    pub(crate) fn messages(&self) -> &[Message] {
        &self.messages
    }

    /// Whether a call with this key needs no permission any more.
    pub(crate) fn always(&self, key: &str) -> bool {
        self.always.contains(key)
    }

    /// The model that was chosen in this session.
    pub(crate) fn model(&self) -> Option<&str> {
        self.model.as_deref()
    }

    /// Whether these very words were the last thing said, and nobody answered: then they are asked again, not twice.
    pub(crate) fn ends_with(&self, said: &[Part]) -> bool {
        matches!(self.messages.last(), Some(Message::User { parts }) if parts == said)
    }

    /// Whether somebody spoke, and nobody answered.
    pub(crate) fn is_unanswered(&self) -> bool {
        matches!(self.messages.last(), Some(Message::User { .. }))
    }

    fn close_calls(&mut self) {
        let open: Vec<String> = self.open_calls().map(|call| call.id.clone()).collect();
        let begun = std::mem::take(&mut self.begun);
        self.messages.extend(open.into_iter().map(|call| {
            let words = if begun.contains(&call) {
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
mod tests {
    use super::*;

    fn user(text: &str) -> Line {
        Line::Message {
            message: Message::User {
                parts: vec![Part::Text { text: text.into() }],
            },
        }
    }

    fn calls(ids: &[&str]) -> Line {
        let call = |id: &&str| {
            ReplyPart::ToolCall(ToolCall {
                id: (*id).to_owned(),
                name: "read".into(),
                arguments: "{}".into(),
            })
        };
        Line::Message {
            message: Message::Assistant {
                parts: ids.iter().map(call).collect(),
            },
        }
    }

    fn result(id: &str) -> Line {
        Line::Message {
            message: Message::ToolResult {
                call: id.into(),
                text: "ok".into(),
                failed: false,
            },
        }
    }

    fn begun(id: &str) -> Line {
        Line::Begun { call: id.into() }
    }

    fn told<'a>(history: &'a History, words: &str) -> Vec<&'a str> {
        let results = history.messages().iter().filter_map(|message| match message {
            Message::ToolResult { call, text, .. } if text == words => Some(call.as_str()),
            _ => None,
        });
        results.collect()
    }

    #[test]
    fn calls_without_a_result_get_one_when_somebody_speaks_again() {
        let mut history = History::of(vec![
            user("go"),
            calls(&["a", "b", "c"]),
            begun("a"),
            result("a"),
            begun("b"),
            Line::Interrupted,
        ]);
        assert_eq!(history.messages().len(), 3);
        history.apply(user("again"));
        assert_eq!(told(&history, UNKNOWN_RESULT), ["b"]);
        assert_eq!(told(&history, NOT_BEGUN), ["c"]);
        assert!(matches!(history.messages().last(), Some(Message::User { .. })));
    }

    #[test]
    fn an_id_that_was_used_before_still_counts_as_open() {
        let lines = vec![
            user("1"),
            calls(&["a"]),
            begun("a"),
            result("a"),
            calls(&["a"]),
            user("2"),
        ];
        let history = History::of(lines);
        assert_eq!(
            told(&history, NOT_BEGUN),
            ["a"],
            "that it began before says nothing"
        );
    }

    #[test]
    fn a_refused_message_is_gone_and_nothing_else_is() {
        let history = History::of(vec![user("1"), user("2"), Line::Withdrawn]);
        let first = Part::Text { text: "1".into() };
        assert!(history.messages().len() == 1 && history.ends_with(&[first]));
        let answered = vec![
            user("1"),
            calls(&["a"]),
            Line::Withdrawn,
            user("2"),
            Line::Withdrawn,
        ];
        assert_eq!(told(&History::of(answered), NOT_BEGUN), ["a"]);
    }

    #[test]
    fn a_message_that_nobody_answered_is_known_again() {
        let again = vec![Part::Text { text: "go".into() }];
        assert!(History::of(vec![user("go"), Line::Interrupted]).ends_with(&again));
        assert!(!History::of(vec![user("go"), calls(&["a"])]).ends_with(&again));
        assert!(!History::of(vec![]).ends_with(&again));
    }

    #[test]
    fn the_last_model_and_every_rule_hold() {
        let model = |model: &str| Line::Model { model: model.into() };
        let history = History::of(vec![model("a"), Line::Always { key: "k".into() }, model("b")]);
        assert_eq!(history.model(), Some("b"));
        assert!(history.always("k") && !history.always("l"));
    }
}
