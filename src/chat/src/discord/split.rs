//! An answer in Markdown as messages that Discord takes: at most 2000 characters each, nothing cut in two that belongs
//! together, and nothing in it that Discord would draw as something else.
//!
//! Messages that are full never change when the text grows: while an answer streams, only the last one is edited, and new
//! ones come after it.

mod atom;
mod lines;
mod pack;
mod spans;
mod table;
mod words;

#[cfg(test)]
mod tests;

pub(super) use atom::units;
pub(super) use lines::kept_inside;
pub(super) use spans::as_code;
pub(super) use words::disarmed;

use lines::{Line, Reader};
use pack::Packer;

use crate::harmless;

/// The longest message that Discord takes.
pub const LONGEST_MESSAGE: usize = 2000;
/// Messages of an answer leave room for a line below the last one.
const LONGEST_PART: usize = 1850;
/// Answers that fill more messages are better read as a file.
pub const MOST_PARTS: usize = 12;

/// An answer as messages.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Split {
    /// What each message says; none is empty.
    pub parts: Vec<String>,
    /// The answer is longer than these messages: it is to be given as a file, too.
    pub more: bool,
}

/// Splits `markdown`. As long as the answer is not `finished`, its end is shown as far as it fits into the last message and
/// is then likely to stay as it is.
pub fn split(markdown: &str, finished: bool) -> Split {
    split_into(markdown, finished, MOST_PARTS)
}

/// The same into at most so many messages.
pub fn split_into(markdown: &str, finished: bool, most: usize) -> Split {
    split_at(markdown, finished, LONGEST_PART, most)
}

fn split_at(markdown: &str, finished: bool, limit: usize, most: usize) -> Split {
    let text = harmless::printed(markdown);
    let mut packer = Packer::new(limit);
    let mut certain = 0;
    each_atom(&text, finished, |atom| {
        certain += 1;
        packer.add(atom);
        packer.full() <= most
    });
    if !finished && packer.full() <= most {
        let mut tail = vec![];
        let mut count = 0;
        each_atom(&text, true, |atom| {
            count += 1;
            if count > certain {
                tail.push(atom);
            }
            // More than a message of it is not shown anyway.
            tail.len() < limit
        });
        packer.show(tail);
    }
    let mut parts = packer.finish();
    let more = parts.len() > most;
    parts.truncate(most);
    Split { parts, more }
}

/// Gives the pieces of a text one after the other, as long as they are wanted.
fn each_atom(text: &str, finished: bool, mut take: impl FnMut(atom::Atom) -> bool) {
    let mut reader = Reader::default();
    let mut lines = text.split('\n').peekable();
    while let Some(line) = lines.next() {
        let next = lines.peek().copied();
        let is_known = reader.take(Line {
            text: line,
            complete: finished || next.is_some(),
            next: match next {
                // Whether the next line is complete shows in whether one comes after it.
                Some(next) => Some((next, finished || lines.clone().nth(1).is_some())),
                None if finished => None,
                None => Some(("", false)),
            },
        });
        if !reader.out.drain(..).all(&mut take) {
            return;
        }
        if !is_known {
            return;
        }
    }
    if finished {
        reader.end();
        reader.out.drain(..).all(&mut take);
    }
}
