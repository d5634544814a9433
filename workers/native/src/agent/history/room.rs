//! How much of the model's context a history takes, and what of it can go first.

use std::fmt::Write as _;

use super::History;
use super::view::SHORT;
use crate::message::{Message, Part, ReplyPart};

/// Bytes of a token, where nobody counted: text in English has four, code and other languages have fewer.
const BYTES_PER_TOKEN: u64 = 3;

/// A picture takes so many, whatever its size as a file.
const TOKENS_OF_IMAGE: u64 = 1500;

/// So many new tokens are much.
const MUCH: u64 = 2000;

/// Bytes of an output, and of a call's arguments, that go into the text to be summed up.
const OUTPUT: usize = 1500;
const ARGUMENTS: usize = 500;

/// What can be left out next. The newest turn stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Room {
    /// The turns before this message.
    Turns {
        /// Where the newest one begins.
        before: usize,
    },
    /// Outputs of tools before this message.
    Outputs {
        /// The model's last reply.
        before: usize,
    },
}

impl History {
    /// What to leave out next; `None` when only the newest turn is left, with its last outputs.
    pub(crate) fn room(&self) -> Option<Room> {
        let newest = self.last(|message| matches!(message, Message::User { .. }));
        if let Some(before) = newest
            && self.shown(before).next().is_some()
        {
            return Some(Room::Turns { before });
        }
        let before = self.last(|message| matches!(message, Message::Assistant { .. }))?;
        self.has_outputs(before).then_some(Room::Outputs { before })
    }

    /// Whether outputs before this message take room.
    pub(crate) fn has_outputs(&self, before: usize) -> bool {
        let from = self.first().max(self.trimmed).min(before);
        self.messages[from..before]
            .iter()
            .any(|message| matches!(message, Message::ToolResult { text, .. } if text.len() > SHORT))
    }

    /// About how many tokens the next request has. `around` is the size of its other parts in bytes. The same after a load.
    pub(crate) fn tokens(&self, around: usize) -> u64 {
        match self.used {
            Some((counted, tokens)) => tokens + self.messages[counted..].iter().map(tokens_of).sum::<u64>(),
            None => around as u64 / BYTES_PER_TOKEN + self.view().iter().map(tokens_of).sum::<u64>(),
        }
    }

    /// Whether the next request is much longer than the last that was answered: a refusal may be about that, whatever it says.
    pub(crate) fn has_grown(&self) -> bool {
        let view = self.view();
        let Some(replied) = view
            .iter()
            .rposition(|message| matches!(message, Message::Assistant { .. }))
        else {
            return false;
        };
        let tokens = |messages: &[Message]| messages.iter().map(tokens_of).sum::<u64>();
        let new = tokens(&view[replied + 1..]);
        new >= MUCH && new * 4 >= tokens(&view[..=replied])
    }

    /// What is shown before this message, as a text to be summed up, of at most `limit` bytes: of more, the middle is left out.
    pub(crate) fn told(&self, before: usize, limit: usize) -> String {
        let mut text = String::new();
        if let Some((_, note)) = &self.summary {
            quote(&mut text, "Your note on what was before", note);
        }
        for message in self.shown(before) {
            match message.as_ref() {
                Message::User { parts } => {
                    for part in parts {
                        match part {
                            Part::Text { text: words } => quote(&mut text, "A person", words),
                            Part::Image { .. } => quote(&mut text, "A person", "[a picture]"),
                        }
                    }
                }
                Message::Assistant { parts } => parts.iter().for_each(|part| match part {
                    ReplyPart::Text { text: words } => quote(&mut text, "You", words),
                    ReplyPart::Thought { .. } => {}
                    ReplyPart::ToolCall(call) => {
                        let words = format!("{} {}", call.name, middle_out(&call.arguments, ARGUMENTS));
                        quote(&mut text, "You called a tool", &words);
                    }
                }),
                Message::ToolResult { text: words, .. } => {
                    quote(&mut text, "It gave back", &middle_out(words, OUTPUT));
                }
            }
        }
        middle_out(&text, limit)
    }

    fn last(&self, wanted: impl Fn(&Message) -> bool) -> Option<usize> {
        self.messages.iter().rposition(wanted)
    }
}

fn tokens_of(message: &Message) -> u64 {
    let bytes = |text: &str| text.len() as u64 / BYTES_PER_TOKEN + 4;
    match message {
        Message::User { parts } => parts
            .iter()
            .map(|part| match part {
                Part::Text { text } => bytes(text),
                Part::Image { .. } => TOKENS_OF_IMAGE,
            })
            .sum(),
        Message::Assistant { parts } => parts
            .iter()
            .map(|part| match part {
                ReplyPart::Text { text } | ReplyPart::Thought { text, .. } => bytes(text),
                ReplyPart::ToolCall(call) => bytes(&call.name) + bytes(&call.arguments),
            })
            .sum(),
        Message::ToolResult { text, .. } => bytes(text),
    }
}

/// Each line is marked, so that nothing in it can pass for ours.
fn quote(text: &mut String, who: &str, words: &str) {
    // Writing into a string can't fail.
    let _ = writeln!(text, "{who}:");
    for line in words.lines() {
        let _ = writeln!(text, "> {line}");
    }
    text.push('\n');
}

/// A quarter of the room for the beginning, the rest for the end.
fn middle_out(text: &str, limit: usize) -> String {
    if text.len() <= limit {
        return text.to_owned();
    }
    let head = text.floor_char_boundary(limit / 4);
    let tail = text.ceil_char_boundary(text.len() - (limit - limit / 4));
    format!(
        "{}\n[{} bytes are left out here]\n{}",
        &text[..head],
        tail - head,
        &text[tail..]
    )
}
