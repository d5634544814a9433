//! A line of prose as pieces that are never cut: words, and links, code, mentions and emoji however many words they have.
//!
//! A line that is still being written gives only the pieces that nothing to come can change.

use unicode_segmentation::UnicodeSegmentation as _;

use super::atom::{Atom, Break, units};
use super::spans::{self, Span};

/// Longer runs of letters are cut after a letter: a message must hold every piece.
const LONG_WORD: usize = 500;
/// The same where a mention, an emoji or the like may have begun.
const LONGEST_WORD: usize = 900;
/// So far back such a beginning is looked for.
const SHORT_SPAN: usize = 64;
/// Pieces of writing that has no spaces (Chinese, Japanese, Thai is cut as one long word).
const UNSPACED: usize = 24;
/// A word with spans in it is finished before it becomes longer.
const FULL_WORD: usize = 1200;
/// Of a longer row of blanks (in bytes) only the beginning is kept.
const LONGEST_GAP: usize = 40;
/// Separates what Discord would otherwise read together.
pub(super) const NOTHING: char = '\u{200b}';

/// How a line begins and ends.
#[derive(Debug, Clone, Default)]
pub(super) struct Frame {
    pub(super) gap: &'static str,
    pub(super) lead: &'static str,
    /// What the first word begins with: a bullet, a quote's mark.
    pub(super) prefix: String,
    /// What the last word ends with.
    pub(super) suffix: &'static str,
}

/// The pieces of a line. If it is not complete, only those that stay.
pub(super) fn pieces(text: &str, frame: &Frame, before: Break, complete: bool) -> Vec<Atom> {
    let mut scanner = Scanner {
        text,
        at: 0,
        complete,
        atoms: vec![],
        word: frame.prefix.clone(),
        plain: frame.prefix.len(),
        length: units(&frame.prefix),
        gap: frame.gap.to_owned(),
        lead: frame.lead,
        before,
        emphasis: false,
    };
    while scanner.at < text.len() && scanner.step() {}
    if complete {
        scanner.finish_word();
        if let Some(last) = scanner.atoms.last_mut() {
            last.text.push_str(frame.suffix);
        }
    }
    scanner.atoms
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
    complete: bool,
    atoms: Vec<Atom>,
    /// The word so far, and where in it the letters begin whose mentions were not looked at.
    word: String,
    plain: usize,
    length: usize,
    gap: String,
    lead: &'static str,
    before: Break,
    /// Inside `**…**` or the like.
    emphasis: bool,
}

impl Scanner<'_> {
    /// Takes the next letters. `false`: what they mean depends on what is still to come.
    fn step(&mut self) -> bool {
        let rest = &self.text[self.at..];
        let Some(first) = rest.chars().next() else {
            return false;
        };
        if first.is_whitespace() {
            self.space(rest);
            return true;
        }
        let at_word = !self.text[..self.at].ends_with(char::is_alphanumeric);
        match spans::at(rest, at_word, self.complete) {
            Span::Unknown => false,
            Span::Whole { shown, length } => {
                self.push_span(&shown, length);
                true
            }
            Span::Plain { shown, length } => {
                self.push(&shown, length);
                true
            }
            Span::NewLine { length } => {
                self.finish_word();
                self.at += length;
                "\n".clone_into(&mut self.gap);
                self.before = Break::Line;
                true
            }
            Span::Mark { length } => {
                self.mark(first, &rest[..length]);
                true
            }
            Span::None => self.letter(rest),
        }
    }

    fn letter(&mut self, rest: &str) -> bool {
        let letter = rest.graphemes(true).next().unwrap_or_default();
        // The next character may belong to it.
        if letter.len() == rest.len() && !self.complete {
            return false;
        }
        // Nobody's letter is as long; and every piece must fit into a message.
        let end = letter.floor_char_boundary(120);
        self.push(&letter[..end], end);
        true
    }

    /// `*`, `_` and `~` stay as they are, but a message does not gladly end between two of them.
    fn mark(&mut self, mark: char, run: &str) {
        let before = self.text[..self.at].chars().next_back();
        let after = self.text[self.at + run.len()..].chars().next();
        let is_free = |letter: Option<char>| letter.is_none_or(char::is_whitespace);
        if self.emphasis && !is_free(before) {
            self.emphasis = false;
        } else if !is_free(after) && (mark != '_' || !before.is_some_and(char::is_alphanumeric)) {
            self.emphasis = true;
        }
        self.push(run, run.len());
    }

    fn space(&mut self, rest: &str) {
        let length = rest.len() - rest.trim_start().len();
        let sentence = self.word.ends_with(['.', '!', '?', ':', ';']);
        self.finish_word();
        // Spaces at the beginning of a line say nothing that its prefix does not.
        if !self.atoms.is_empty() {
            rest[..rest.floor_char_boundary(length.min(LONGEST_GAP))].clone_into(&mut self.gap);
            self.before = match (self.emphasis, sentence) {
                (true, _) => Break::Weak,
                (false, true) => Break::Sentence,
                (false, false) => Break::Space,
            };
        }
        self.at += length;
    }

    fn push(&mut self, shown: &str, length: usize) {
        self.word.push_str(shown);
        self.length += units(shown);
        self.at += length;
        let last = shown.chars().next_back().unwrap_or_default();
        if last >= '\u{2e80}' && self.length >= UNSPACED {
            self.finish_word();
            if matches!(last, '。' | '！' | '？' | '；') && !self.emphasis {
                self.before = Break::Sentence;
            }
        } else if self.length >= LONGEST_WORD {
            self.word.push(NOTHING);
            self.finish_word();
        } else if self.length >= LONG_WORD && !self.word[near_end(&self.word)..].contains(['@', '<', ':']) {
            self.finish_word();
        }
    }

    /// Something whole, which is not looked into.
    fn push_span(&mut self, shown: &str, length: usize) {
        // A tag that goes leaves no gap: what stands on both sides of it is looked at as one.
        if shown.is_empty() {
            self.at += length;
            return;
        }
        let long = units(shown);
        if self.length + long > FULL_WORD {
            self.finish_word();
        }
        self.disarm();
        self.word.push_str(shown);
        if shown.ends_with('@') {
            self.word.push(NOTHING);
        }
        self.plain = self.word.len();
        self.length += long;
        self.at += length;
    }

    fn finish_word(&mut self) {
        if self.word.is_empty() {
            return;
        }
        self.disarm();
        self.atoms.push(Atom {
            gap: std::mem::take(&mut self.gap),
            lead: self.lead,
            text: std::mem::take(&mut self.word),
            before: self.before,
            fence: None,
        });
        self.before = if self.emphasis { Break::Weak } else { Break::Letter };
        self.plain = 0;
        self.length = 0;
    }

    fn disarm(&mut self) {
        if self.word[self.plain..].contains('@') {
            let plain = disarmed(&self.word[self.plain..]);
            self.word.truncate(self.plain);
            self.word.push_str(&plain);
        }
    }
}

fn near_end(word: &str) -> usize {
    word.floor_char_boundary(word.len().saturating_sub(SHORT_SPAN))
}

/// Text in which nobody is mentioned. (`allowed_mentions` already keeps everybody from being called; this keeps it from
/// looking as if they were.)
pub(in crate::discord) fn disarmed(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 3);
    let mut rest = text;
    while let Some(at) = rest.find('@') {
        let (before, after) = (&rest[..at], &rest[at + 1..]);
        out.push_str(before);
        out.push('@');
        if out.ends_with("<@") || calls_all(after) {
            out.push(NOTHING);
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

/// Whether this, behind an `@`, calls everybody.
pub(super) fn calls_all(text: &str) -> bool {
    let begins = |word: &str| {
        text.get(..word.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(word))
    };
    begins("everyone") || begins("here")
}
