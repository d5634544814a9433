//! The smallest pieces that a message is put together from, and what stands between two of them.

use std::rc::Rc;

/// How well a message can end before a piece; better ones are greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Break {
    /// In the middle of a word that is too long.
    Letter,
    /// Inside emphasis, or right after a heading.
    Weak,
    /// Between two words.
    Space,
    /// Between two lines of code.
    Code,
    /// After a sentence.
    Sentence,
    /// Between two lines.
    Line,
    /// Between two blocks.
    Block,
}

/// A block of code.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fence {
    /// Tells two blocks apart that follow each other.
    pub(super) number: usize,
    /// The language; may be empty.
    pub(super) language: String,
}

/// A piece that is never cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Atom {
    /// What stands before it when it follows another one in the same message.
    pub(super) gap: String,
    /// What stands before it when it begins a message.
    pub(super) lead: &'static str,
    pub(super) text: String,
    pub(super) before: Break,
    /// The block of code that it is in.
    pub(super) fence: Option<Rc<Fence>>,
}

impl Atom {
    /// As pieces that each fit into a message of this length: nearly always only itself. What shows much more than its source
    /// has letters, as a link full of brackets, may be longer than a message.
    pub(super) fn cut(self, limit: usize) -> Vec<Self> {
        let mut around = String::new();
        join(None, &self, &mut around);
        let room = limit.saturating_sub(units(&around) + end(Some(&self)).len());
        if units(&self.text) <= room {
            return vec![self];
        }
        let piece = |text: String, is_first: bool| Self {
            gap: if is_first { self.gap.clone() } else { String::new() },
            lead: self.lead,
            text,
            before: if is_first { self.before } else { Break::Letter },
            fence: self.fence.clone(),
        };
        let (mut pieces, mut text, mut length) = (vec![], String::new(), 0);
        for letter in self.text.chars() {
            if length > 0 && length + letter.len_utf16() > room {
                pieces.push(piece(std::mem::take(&mut text), pieces.is_empty()));
                length = 0;
            }
            text.push(letter);
            length += letter.len_utf16();
        }
        pieces.push(piece(text, pieces.is_empty()));
        pieces
    }
}

/// What ends a block of code.
const CLOSE: &str = "\n```";

/// Writes what stands between `last`, the end of a message so far, and `next`.
pub(super) fn join(last: Option<&Atom>, next: &Atom, out: &mut String) {
    let before = last.and_then(|last| last.fence.as_ref());
    if last.is_some() && before == next.fence.as_ref() {
        return out.push_str(&next.gap);
    }
    if before.is_some() {
        out.push_str(CLOSE);
    }
    if last.is_some() {
        out.push('\n');
    } else {
        out.push_str(next.lead);
    }
    if let Some(fence) = &next.fence {
        out.push_str("```");
        out.push_str(&fence.language);
        out.push('\n');
    }
}

/// What ends a message after this piece.
pub(super) fn end(last: Option<&Atom>) -> &'static str {
    last.and_then(|last| last.fence.as_ref()).map_or("", |_| CLOSE)
}

/// The message that these pieces make.
pub(super) fn render(atoms: &[Atom]) -> String {
    let mut out = String::new();
    let mut last = None;
    for atom in atoms {
        join(last, atom, &mut out);
        out.push_str(&atom.text);
        last = Some(atom);
    }
    out.push_str(end(last));
    out
}

/// Length as the strictest reading of Discord's limits counts it. (Its API counts code points; UTF-16 never counts fewer.)
pub(in crate::discord) fn units(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}
