//! What a file would hold, as messages: where the bot may attach none.

use conversation::{Body, Item};

use super::message::{Content, Key, OutFile};
use crate::discord::split::{self, Split, kept_inside, split};

/// Messages of an answer that can't be given as a file.
pub(super) const MOST_PARTS: usize = 50;
/// Why nothing is attached.
pub(super) const LACKS: &str = "I lack the permission Attach Files here";
/// Below an answer that would have been a file.
pub(super) const BELOW: &str =
    "\n-# ⚠️ I lack the permission Attach Files here, so all of the answer is in messages.";
/// Behind one that is too long for that, too.
pub(super) const MORE: &str = "-# ⚠️ The answer goes on, and I lack the permission Attach Files here: all of it is only on the page of this host.";

/// Whether this message of an entry is there only where nothing can be attached: with files the entry has fewer.
pub fn is_unattached(item: &Item, key: Key) -> bool {
    match item.body {
        Body::Answer { .. } => usize::from(key.part) > split::MOST_PARTS,
        Body::Permission { .. } => key != Key::of(item).posted(key.posting()),
        _ => false,
    }
}

/// These texts as messages, each file under its name, as far as they are no more than an answer may fill.
pub(super) fn as_messages(files: &[OutFile]) -> Split {
    let shown: Vec<String> = files
        .iter()
        .filter_map(|file| match &file.content {
            Content::Text(text) => Some(format!(
                "`{}`\n```\n{}\n```",
                file.name,
                kept_inside(text.trim_end_matches('\n'))
            )),
            Content::Workspace { .. } => None,
        })
        .collect();
    split(&shown.join("\n"), true)
}
