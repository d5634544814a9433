//! An answer while it grows: finished blocks are rendered once, only the open end again and again.
//!
//! Where a text is cut is decided from left to right over whole lines and never taken back, so it does not matter in
//! which pieces it came: [`TextStream`] and a rendering of the whole are the same by construction.

use std::borrow::Cow;
use std::collections::HashSet;
use std::time::Duration;

use conversation::ThreadId;
use serde::Serialize;

use super::markdown::{self, Definitions};

mod blocks;

use blocks::Blocks;

/// Definitions of reference links within so many bytes of the beginning hold for the whole text (what used them before
/// is then rendered again), later ones for their own block. A fixed place, so that pieces make no difference.
const DEFINITIONS_WITHIN: usize = 64 * 1024;
/// More definitions than that are not looked at.
const MOST_DEFINITIONS: usize = 64;
/// Bytes before the end of what was read, kept to notice that another text came.
const GUARD: usize = 32;

/// A text that grows at its end, as HTML.
#[derive(Debug, Clone)]
pub(crate) struct TextStream {
    thread: ThreadId,
    blocks: Blocks,
    /// Bytes of HTML handed out as stable.
    stable: u64,
    /// Bytes of the text that are behind the stable HTML.
    done: usize,
    /// Bytes of the text that were read for places to cut, and the last of them.
    read: usize,
    guard: Vec<u8>,
    definitions: Definitions,
    unresolved: HashSet<String>,
    tail: usize,
}

/// How to bring a page up to date.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Patch {
    /// The count that the page's stable part must have for this patch to fit; 0: the page drops what it has.
    pub(crate) from: u64,
    /// Goes to the end of the stable part.
    pub(crate) append: String,
    /// The count that the stable part has then.
    pub(crate) to: u64,
    /// Takes the place of everything after the stable part.
    pub(crate) tail: String,
}

impl TextStream {
    /// Nothing yet. `thread` is whose workspace relative links mean.
    pub(crate) fn new(thread: &ThreadId) -> Self {
        Self {
            thread: thread.clone(),
            blocks: Blocks::default(),
            stable: 0,
            done: 0,
            read: 0,
            guard: vec![],
            definitions: Definitions::new(),
            unresolved: HashSet::new(),
            tail: 0,
        }
    }

    /// The whole text so far, which begins with what it was before; gives what changes in the page. The time is that of
    /// the blocks that are new or open, at most 16 KiB plus what was added. Another text than before starts anew.
    pub(crate) fn update(&mut self, text: &str) -> Patch {
        let guarded = self.read.saturating_sub(GUARD)..self.read;
        if text.as_bytes().get(guarded) != Some(&self.guard[..]) {
            *self = Self::new(&self.thread);
        }
        let from = self.stable;
        let (chunks, found) = self.blocks.advance(text);
        if self.define(found) {
            let definitions = std::mem::take(&mut self.definitions);
            *self = Self {
                definitions,
                ..Self::new(&self.thread)
            };
            return Patch {
                from: 0,
                ..self.update(text)
            };
        }
        let mut append = String::new();
        for chunk in chunks {
            let rendered = markdown::render(&chunk.markdown(text), &self.thread, &self.definitions);
            append.push_str(&joined(&rendered.html, chunk.continues()));
            if !rendered.html.ends_with('\n') && !rendered.html.is_empty() {
                append.push('\n');
            }
            self.unresolved.extend(rendered.unresolved);
            self.done = chunk.end();
        }
        self.read = self.blocks.read();
        self.guard = text.as_bytes()[self.read.saturating_sub(GUARD)..self.read].to_vec();
        self.stable += append.len() as u64;
        self.tail = text.len() - self.done;
        let tail = markdown::render(&self.blocks.open_end(text), &self.thread, &self.definitions).html;
        let tail = joined(&tail, self.blocks.continues()).into_owned();
        Patch {
            from,
            append,
            to: self.stable,
            tail,
        }
    }

    /// How long to wait before the next update of this text is worth its work: short while the open end is short.
    pub(crate) fn rest(&self) -> Duration {
        Duration::from_millis(80 + (self.tail as u64) / 32)
    }

    /// Takes definitions in; whether text that is already out has been waiting for one.
    fn define(&mut self, found: Vec<blocks::Definition>) -> bool {
        let mut again = false;
        for one in found {
            let near = one.at < DEFINITIONS_WITHIN;
            if near && self.definitions.len() < MOST_DEFINITIONS && !self.definitions.contains_key(&one.label)
            {
                again |= self.unresolved.contains(&one.label);
                self.definitions.insert(one.label, one.url);
            }
        }
        again
    }
}

/// The continuation of a code block is drawn without a gap above.
fn joined(html: &str, continues: bool) -> Cow<'_, str> {
    match html.strip_prefix("<pre ") {
        Some(rest) if continues => Cow::Owned(format!("<pre class=\"on\" {rest}")),
        _ => Cow::Borrowed(html),
    }
}

#[cfg(test)]
mod tests;
