//! Where a growing Markdown text may be cut: between blocks that nothing to come can join.

use std::borrow::Cow;
use std::ops::Range;

use super::markdown::fold;

/// A block that grows beyond this is cut at the next line all the same. It bounds the work of one update, and the cost of
/// what is not linear below us: the serializer of `html5ever` looks from each `&` to the end of its text.
const LONGEST_BLOCK: usize = 16 * 1024;
/// A line that grows beyond this counts as ended.
const LONGEST_LINE: usize = 16 * 1024;

/// What was seen of a text so far. Reads each complete line once.
#[derive(Debug, Clone, Default)]
pub(super) struct Blocks {
    /// Where the next line begins.
    next: usize,
    /// Where the open block begins.
    start: usize,
    /// The line that opened the code block we are in.
    fence: Option<Fence>,
    /// The fence that the open block must be read as the continuation of.
    inherited: Option<Fence>,
    /// Whether the open block is a list: further items belong to it.
    list: bool,
    /// Whether the last line was blank.
    blank: bool,
}

/// An open code fence (`CommonMark` §4.5).
#[derive(Debug, Clone, PartialEq, Eq)]
struct Fence {
    mark: char,
    count: usize,
}

/// A piece of a text that is whole.
#[derive(Debug, Clone)]
pub(super) struct Chunk {
    range: Range<usize>,
    inherited: Option<Fence>,
}

/// `[label]: url`, found at a byte of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Definition {
    pub(super) label: String,
    pub(super) url: String,
    pub(super) at: usize,
}

impl Chunk {
    /// Its Markdown, readable alone.
    pub(super) fn markdown<'t>(&self, text: &'t str) -> Cow<'t, str> {
        reopened(self.inherited.as_ref(), &text[self.range.clone()])
    }

    /// Whether it is the continuation of a code block.
    pub(super) fn continues(&self) -> bool {
        self.inherited.is_some()
    }

    /// Where it ends in the text.
    pub(super) fn end(&self) -> usize {
        self.range.end
    }
}

fn reopened<'t>(fence: Option<&Fence>, part: &'t str) -> Cow<'t, str> {
    match fence {
        Some(fence) => {
            let line = fence.mark.to_string().repeat(fence.count);
            Cow::Owned(format!("{line}\n{part}"))
        }
        None => Cow::Borrowed(part),
    }
}

impl Blocks {
    /// Reads the lines that are new in `text` and gives the blocks that ended, and link definitions.
    pub(super) fn advance(&mut self, text: &str) -> (Vec<Chunk>, Vec<Definition>) {
        let (mut chunks, mut definitions) = (vec![], vec![]);
        while let Some(end) = line_end(text, self.next) {
            let line = text[self.next..end].trim_end_matches(['\n', '\r']);
            if self.fence.is_none()
                && let Some((label, url)) = definition(line)
            {
                definitions.push(Definition {
                    label,
                    url,
                    at: self.next,
                });
            }
            self.line(line, end, &mut chunks);
            self.next = end;
        }
        (chunks, definitions)
    }

    /// Whether the open block is the continuation of a code block.
    pub(super) fn continues(&self) -> bool {
        self.inherited.is_some()
    }

    /// How far the text was read: the end of its last complete line.
    pub(super) fn read(&self) -> usize {
        self.next
    }

    /// The Markdown of the block that is still open, as it is to be shown for now.
    pub(super) fn open_end<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let part = &text[self.start..];
        // After a line of words, a lone `-` is most likely a list to come, not an underline that makes a heading.
        let last = &text[self.next..];
        let underline = matches!(last.trim_end(), "-" | "--" | "=" | "==");
        if underline && !self.blank && self.next > self.start && self.fence.is_none() {
            let lines = &text[self.start..self.next];
            return reopened(self.inherited.as_ref(), &format!("{lines}\\{last}"))
                .into_owned()
                .into();
        }
        reopened(self.inherited.as_ref(), part)
    }

    fn line(&mut self, line: &str, end: usize, chunks: &mut Vec<Chunk>) {
        if let Some(fence) = &self.fence {
            let closed = fence.is_closed_by(line);
            // Indented, it may belong to a list item, and the list goes on.
            let top = closed && !self.list;
            if closed {
                self.fence = None;
            }
            self.blank = false;
            if top || end - self.start > LONGEST_BLOCK {
                self.cut(end, chunks);
            }
            return;
        }
        if line.trim().is_empty() {
            self.blank = true;
        } else {
            let at_margin = !line.starts_with([' ', '\t']);
            let item = is_list_item(line);
            let opened = Fence::opened_by(line);
            let begins =
                at_margin && (self.blank && !(self.list && item) || is_heading(line) || opened.is_some());
            if begins {
                self.cut(self.next, chunks);
            }
            self.list = (self.list && !begins) || item;
            self.fence = opened;
            self.blank = false;
        }
        if end - self.start > LONGEST_BLOCK {
            self.cut(end, chunks);
        }
    }

    fn cut(&mut self, at: usize, chunks: &mut Vec<Chunk>) {
        if at > self.start {
            chunks.push(Chunk {
                range: self.start..at,
                inherited: self.inherited.take(),
            });
        }
        self.start = at;
        self.inherited.clone_from(&self.fence);
        self.list = false;
        self.blank = false;
    }
}

impl Fence {
    fn opened_by(line: &str) -> Option<Self> {
        let body = line.trim_start_matches(' ');
        let mark = body.chars().next().filter(|mark| matches!(mark, '`' | '~'))?;
        let count = body.chars().take_while(|letter| *letter == mark).count();
        let backticks_in_info = mark == '`' && body[count..].contains('`');
        (line.len() - body.len() <= 3 && count >= 3 && !backticks_in_info).then_some(Self { mark, count })
    }

    fn is_closed_by(&self, line: &str) -> bool {
        let body = line.trim_start_matches(' ');
        let marks = body.trim_end();
        line.len() - body.len() <= 3
            && marks.len() >= self.count
            && marks.chars().all(|letter| letter == self.mark)
    }
}

/// The end of the line that begins at `from`, its line feed included; `None` while it is not complete.
fn line_end(text: &str, from: usize) -> Option<usize> {
    let rest = &text.as_bytes()[from..];
    let window = &rest[..rest.len().min(LONGEST_LINE)];
    if let Some(at) = window.iter().position(|byte| *byte == b'\n') {
        return Some(from + at + 1);
    }
    // One byte more must be there, to know whether the cut would split a letter.
    (rest.len() > LONGEST_LINE).then(|| text.floor_char_boundary(from + LONGEST_LINE))
}

/// `#` to `######`, then a space or the end.
fn is_heading(line: &str) -> bool {
    let marks = line.bytes().take_while(|byte| *byte == b'#').count();
    (1..=6).contains(&marks)
        && line[marks..]
            .chars()
            .next()
            .is_none_or(|next| matches!(next, ' ' | '\t'))
}

/// `-`, `+`, `*`, `1.` or `1)`, then a space or the end; at the margin or less than four spaces in.
fn is_list_item(line: &str) -> bool {
    let body = line.trim_start_matches(' ');
    let digits = body.bytes().take_while(u8::is_ascii_digit).count();
    let rest = match body.as_bytes().first() {
        Some(b'-' | b'+' | b'*') => &body[1..],
        Some(b'0'..=b'9') if digits <= 9 && body[digits..].starts_with(['.', ')']) => &body[digits + 1..],
        _ => return false,
    };
    line.len() - body.len() <= 3 && rest.chars().next().is_none_or(|next| matches!(next, ' ' | '\t'))
}

/// `[label]: url`, folded label.
fn definition(line: &str) -> Option<(String, String)> {
    let (label, rest) = line.strip_prefix('[')?.split_once("]:")?;
    let url = rest.split_whitespace().next()?;
    let url = url
        .strip_prefix('<')
        .and_then(|url| url.strip_suffix('>'))
        .unwrap_or(url);
    let sound = !label.trim().is_empty()
        && label.len() <= 200
        && !label.contains(['[', ']'])
        && !label.starts_with('^');
    sound.then(|| (fold(label), url.to_owned()))
}
