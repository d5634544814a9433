//! Blocks of code.

use std::rc::Rc;

use unicode_segmentation::UnicodeSegmentation as _;

use super::super::atom::{Atom, Break, Fence, units};
use super::super::words::NOTHING;
use super::{Line, Reader, TELLING};

/// A longer line of code is cut into pieces. As a message counts it: a letter may have many marks.
const LONG_LINE: usize = 400;
/// Of so many letters.
const PIECE: usize = 200;

/// A block of code that has begun.
#[derive(Debug)]
pub(super) struct OpenFence {
    mark: char,
    length: usize,
    indent: usize,
    /// In so many quotes.
    quotes: usize,
    language: String,
    /// Known from its first line on: a block without lines is not shown.
    fence: Option<Rc<Fence>>,
    blank: bool,
}

impl OpenFence {
    /// The block that a line opens.
    pub(super) fn of(line: &str) -> Option<Self> {
        let trimmed = line.trim_start();
        let mark = trimmed.chars().next().filter(|mark| matches!(mark, '`' | '~'))?;
        let info = trimmed.trim_start_matches(mark);
        let length = trimmed.len() - info.len();
        if length < 3 || line.len() > TELLING || mark == '`' && info.contains('`') {
            return None;
        }
        let language = info.trim().split([' ', ',', '{', ':']).next().unwrap_or_default();
        let language = language
            .chars()
            .filter(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '+' | '-' | '#' | '_' | '.'));
        Some(Self {
            mark,
            length,
            indent: line.len() - trimmed.len(),
            quotes: 0,
            language: language.take(20).collect(),
            fence: None,
            blank: false,
        })
    }

    /// The block that a line opens inside a quote. It is shown outside of it.
    pub(super) fn quoted(line: &str) -> Option<Self> {
        let (mut inside, mut quotes) = (line, 0);
        while let Some(rest) = unquoted(inside) {
            (inside, quotes) = (rest, quotes + 1);
        }
        let is_quoted = quotes > 0 && line.len() <= TELLING;
        let open = is_quoted.then(|| Self::of(inside))??;
        Some(Self { quotes, ..open })
    }

    /// What stands in the block of a line; `None`: the quote is over, and the block with it.
    fn inside<'a>(&self, line: &'a str) -> Option<&'a str> {
        if self.quotes == 0 {
            return Some(line);
        }
        let first = unquoted(line)?;
        let further = (1..self.quotes).fold(first, |line, _| unquoted(line).unwrap_or(line));
        Some(further)
    }

    fn is_closed_by(&self, line: &str) -> bool {
        let line = line.trim();
        line.len() >= self.length && line.chars().all(|letter| letter == self.mark)
    }

    /// Whether a line that is still being written may become what closes it.
    fn may_be_closed_by(&self, line: &str) -> bool {
        line.trim().chars().all(|letter| letter == self.mark)
    }
}

impl Reader {
    /// A line while a block of code is open.
    pub(super) fn code(&mut self, mut open: OpenFence, line: Line<'_>) -> bool {
        let text = match open.inside(line.text) {
            Some(text) => text,
            None if line.complete || !line.text.trim().is_empty() => return self.take(line),
            None => {
                self.fence = Some(open);
                return false;
            }
        };
        let line = Line { text, ..line };
        if line.complete && open.is_closed_by(line.text) {
            return true;
        }
        if !line.complete && open.may_be_closed_by(line.text) {
            self.fence = Some(open);
            return false;
        }
        let before = match &open.fence {
            None => self.before(),
            Some(_) if open.blank => Break::Sentence,
            Some(_) => Break::Code,
        };
        let spaces = line.text.len() - line.text.trim_start_matches(' ').len();
        let text = kept_inside(&line.text[spaces.min(open.indent)..]);
        let mut cut = cut(&text);
        if !line.complete {
            cut.pop();
        }
        if cut.is_empty() {
            self.fence = Some(open);
            return false;
        }
        let fence = match &open.fence {
            Some(fence) => Rc::clone(fence),
            None => self.new_fence(std::mem::take(&mut open.language)),
        };
        open.blank = text.trim().is_empty();
        open.fence = Some(Rc::clone(&fence));
        for (at, piece) in cut.into_iter().enumerate() {
            let (gap, before) = if at == 0 {
                ("\n", before)
            } else {
                ("", Break::Letter)
            };
            self.out.push(Atom {
                gap: gap.to_owned(),
                lead: "",
                text: piece,
                before,
                fence: Some(Rc::clone(&fence)),
            });
        }
        self.fence = Some(open);
        line.complete
    }
}

/// A line of a quote without its mark.
fn unquoted(line: &str) -> Option<&str> {
    let inside = line.trim_start_matches(' ').strip_prefix('>')?;
    Some(inside.strip_prefix(' ').unwrap_or(inside))
}

/// Three marks in a row would end the block.
pub(in crate::discord) fn kept_inside(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter == '`' && out.ends_with("``") {
            out.push(NOTHING);
        }
        out.push(letter);
    }
    out
}

fn cut(line: &str) -> Vec<String> {
    if units(line) <= LONG_LINE {
        return vec![line.to_owned()];
    }
    let mut pieces = vec![String::new()];
    let mut count = 0;
    for letter in line.graphemes(true) {
        // Nobody's letter is as long; and every piece must fit into a message.
        if count == PIECE
            || pieces
                .last()
                .is_some_and(|piece| piece.len() + letter.len() > 3 * PIECE)
        {
            pieces.push(String::new());
            count = 0;
        }
        if let Some(last) = pieces.last_mut() {
            last.push_str(&letter[..letter.floor_char_boundary(3 * PIECE)]);
        }
        count += 1;
    }
    pieces
}
