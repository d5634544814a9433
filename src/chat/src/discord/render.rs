//! What a turn looks like in its thread: its entries as a list of messages that should be there. The same entries always
//! make the same messages.
//!
//! Every message is to be sent without `allowed_mentions` and without embeds.

use std::borrow::{Borrow, Cow};
use std::collections::{BTreeMap, BTreeSet};

use conversation::{Body, Item, ItemId, TurnId};
use supervisor::LONGEST_TEXT;

mod activity;
mod asks;
mod diff;
mod message;
mod offer;
mod postings;
mod unattached;
mod words;

#[cfg(test)]
mod tests;

pub use activity::{Details, details};
pub use message::{Button, Content, DesiredMessage, Face, Key, OutFile, Press, Style};
pub use postings::{after, is_card, waits};
pub use unattached::is_unattached;
pub use words::{Footer, HEARD, SIGNS, UNSAID, WAITS, bytes, escaped, happened, reaction};

use super::split::{LONGEST_MESSAGE, MOST_PARTS, split, split_into, units};
use activity::Activity;

/// The name of the file with an answer that is too long for messages.
const WHOLE_ANSWER: &str = "answer.md";

/// How turns are shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// The largest file in bytes that Discord takes here.
    pub upload_limit: u64,
    /// Turns in which nothing is attached from an entry on: the bot may not. What a file would hold is text then.
    pub without_files: BTreeMap<Option<TurnId>, ItemId>,
    /// Which posting of a card stands there, or is to, where earlier ones were deleted.
    pub postings: BTreeMap<ItemId, u16>,
    /// Entries of which Discord does not take a message: what is not read is not allowed.
    pub unsaid: BTreeSet<ItemId>,
    /// Messages whose own words Discord does not take, of the first posting of their card.
    pub unshown: BTreeSet<Key>,
}

impl Look {
    fn attaches(&self, item: &Item) -> bool {
        self.attaches_to(Key::of(item))
    }

    fn attaches_to(&self, key: Key) -> bool {
        let from = self.without_files.get(&key.turn);
        from.is_none_or(|from| key.item < *from)
    }
}

/// How a turn stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// It runs: its last answer may still grow.
    Running,
    /// It is over.
    Over {
        /// What stands in small letters below it.
        footer: Footer,
    },
}

/// The messages that should be in the thread for these entries, in order. `items`: all entries of one turn, or entries
/// without a turn, in order. Files come at the end, when all else is said: nothing waits behind an upload, and they part no
/// lines that belong together.
pub fn messages<I: Borrow<Item>>(items: &[I], progress: &Progress, look: &Look) -> Vec<DesiredMessage> {
    let mut out = vec![];
    let mut activity = Activity::default();
    let mut files = vec![];
    let mut shown = 0;
    for (at, item) in items.iter().map(Borrow::borrow).enumerate() {
        if at < shown {
            continue;
        }
        if activity.take(item) {
            continue;
        }
        if let Body::File(file) = &item.body {
            files.push((Key::of(item), file));
            continue;
        }
        if !is_shown(&item.body) {
            continue;
        }
        out.extend(activity.finish());
        match &item.body {
            Body::Answer { .. } => {
                let (text, entries) = whole_answer(&items[at..], look);
                shown = at + entries;
                let is_written = *progress != Progress::Running
                    || items[shown..].iter().any(|item| ends_text(item.borrow()));
                out.extend(answer(item, &text, is_written, look));
            }
            Body::Plan { entries } => out.push(words::plan(Key::of(item), entries)),
            Body::Permission { .. } => out.extend(postings::posted(item, asks::permission(item, look), look)),
            Body::Login { .. } => out.extend(postings::posted(item, asks::login(item), look)),
            Body::Note { kind, text, retry } => out.push(words::note(Key::of(item), *kind, text, *retry)),
            Body::Said { .. } | Body::Thought { .. } | Body::Tool(_) | Body::Usage { .. } | Body::File(_) => {
            }
        }
    }
    out.extend(activity.finish());
    if let Progress::Over { footer } = progress {
        let files = offer::messages(&files, look);
        // With the last words, so that an edit for its sake uploads nothing again.
        if out.is_empty() {
            out = files;
            put_below(&mut out, footer);
        } else {
            put_below(&mut out, footer);
            out.extend(files);
        }
    }
    out
}

/// A message with these quiet lines below it.
pub fn with_lines(mut content: String, lines: &[String]) -> String {
    for line in lines {
        content.push_str("\n-# ");
        content.push_str(line);
    }
    content
}

/// What was said stands in the thread already; what was used stands in the footer.
fn is_shown(body: &Body) -> bool {
    !matches!(
        body,
        Body::Said { .. } | Body::Usage { .. } | Body::Thought { .. }
    )
}

/// Whether an answer before this entry does not grow any more.
fn ends_text(item: &Item) -> bool {
    matches!(
        item.body,
        Body::Answer { .. } | Body::Thought { .. } | Body::File(_)
    )
}

/// The answer that begins with the first of these entries, and how many entries it has: a long one is kept in several. What
/// Discord does not take as one file stays apart.
fn whole_answer<'a, I: Borrow<Item>>(items: &'a [I], look: &Look) -> (Cow<'a, str>, usize) {
    let texts = items.iter().map_while(|item| match &item.borrow().body {
        Body::Answer { text } => Some(text.as_str()),
        _ => None,
    });
    let (mut whole, mut entries, mut goes_on) = (Cow::<str>::default(), 0, true);
    for text in texts {
        if !goes_on || entries > 0 && (whole.len() + text.len()) as u64 > look.upload_limit {
            break;
        }
        // There was no room in it for one more letter.
        goes_on = text.len() + 4 > LONGEST_TEXT;
        entries += 1;
        whole += text;
    }
    (whole, entries)
}

fn answer(item: &Item, text: &str, is_written: bool, look: &Look) -> Vec<DesiredMessage> {
    let attaches = look.attaches(item);
    let split = if attaches {
        split(text, is_written)
    } else {
        split_into(text, is_written, unattached::MOST_PARTS)
    };
    let count = split.parts.len();
    let mut messages: Vec<DesiredMessage> = (0..)
        .zip(split.parts)
        .map(|(part, content)| {
            DesiredMessage::new(
                Key {
                    part,
                    ..Key::of(item)
                },
                content,
            )
        })
        .collect();
    if split.more {
        let part = u16::try_from(count).unwrap_or(u16::MAX);
        let key = Key {
            part,
            ..Key::of(item)
        };
        messages.push(if !attaches {
            DesiredMessage::new(key, unattached::MORE)
        } else if is_written {
            let mut more = DesiredMessage::new(key, "-# The whole answer is in this file.");
            more.files.push(OutFile::text(WHOLE_ANSWER, text));
            more
        } else {
            DesiredMessage::new(key, "-# There is more; the whole answer will be here as a file.")
        });
    } else if !attaches
        && is_written
        && count > MOST_PARTS
        && let Some(last) = messages.last_mut()
    {
        last.content.push_str(unattached::BELOW);
    }
    messages
}

/// Puts the footer below the last message.
fn put_below(messages: &mut [DesiredMessage], footer: &Footer) {
    let Some(line) = footer.line() else {
        return;
    };
    let fits = |message: &&mut DesiredMessage| units(&message.content) + units(&line) < LONGEST_MESSAGE;
    if let Some(last) = messages.last_mut().filter(fits) {
        last.content.push('\n');
        last.content.push_str(&line);
    }
}
