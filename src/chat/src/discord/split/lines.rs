//! Markdown line by line: which block a line belongs to, and what Discord knows that is nearest to it.
//!
//! A line that is still being written is not decided before it is complete, or so long that nothing to come can change what
//! it is.

use std::rc::Rc;

use super::atom::{Atom, Break, Fence};
use super::table::{self, Table};
use super::words::{self, Frame};

mod code;
mod prose;

use code::OpenFence;
pub(in crate::discord) use code::kept_inside;

/// A line of so many bytes shows by its beginning what it is.
const TELLING: usize = 300;
/// A row of a table is at most so long, in bytes.
const LONGEST_ROW: usize = 1000;
const RULE: &str = "────────────────";

/// A line and what is known of it and the next one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line<'a> {
    pub(super) text: &'a str,
    /// Nothing more comes to it.
    pub(super) complete: bool,
    /// The next line, and whether that is complete; `None` where the text ends for good.
    pub(super) next: Option<(&'a str, bool)>,
}

/// Reads lines, and puts out pieces.
#[derive(Debug, Default)]
pub(super) struct Reader {
    pub(super) out: Vec<Atom>,
    fence: Option<OpenFence>,
    fences: usize,
    table: Option<Table>,
    /// The next line is the one below a table's head.
    skip: bool,
    /// A blank line came before.
    blank: bool,
    /// A heading came before.
    headed: bool,
}

impl Reader {
    /// Takes a line in. `false`: what it is will be known when there is more text; what is certain of it was put out.
    pub(super) fn take(&mut self, line: Line<'_>) -> bool {
        if self.skip {
            self.skip = false;
            return true;
        }
        if let Some(fence) = self.fence.take() {
            return self.code(fence, line);
        }
        if self.table.is_some() {
            if !line.complete && line.text.len() <= LONGEST_ROW {
                return false;
            }
            if line.text.len() <= LONGEST_ROW && line.text.contains('|') {
                self.row(line.text);
                return true;
            }
            self.end_table();
        }
        if !line.complete && (line.text.len() <= TELLING || line.text.trim().is_empty()) {
            return false;
        }
        if line.text.trim().is_empty() {
            self.blank = true;
            return true;
        }
        if let Some(fence) = OpenFence::of(line.text).or_else(|| OpenFence::quoted(line.text)) {
            self.fence = Some(fence);
            return true;
        }
        match self.head(line) {
            Some(is_known) => is_known,
            None => self.prose(line),
        }
    }

    /// The text is over.
    pub(super) fn end(&mut self) {
        self.end_table();
    }

    /// `None`: no table begins here.
    fn head(&mut self, line: Line<'_>) -> Option<bool> {
        let telling = &line.text[..line.text.floor_char_boundary(TELLING)];
        if !telling.contains('|') || line.text.len() > LONGEST_ROW {
            return None;
        }
        if !line.complete {
            return Some(false);
        }
        let (next, next_complete) = line.next?;
        if !next_complete && next.len() <= LONGEST_ROW {
            return Some(false);
        }
        self.table = Some(Table::of(line.text, next).filter(|_| next_complete)?);
        self.skip = true;
        Some(true)
    }

    fn row(&mut self, row: &str) {
        if let Some(full) = self.table.as_mut().and_then(|table| table.row(row)) {
            self.draw(&full);
        }
    }

    fn end_table(&mut self) {
        if let Some(table) = self.table.take() {
            self.draw(&table.finish());
        }
    }

    fn draw(&mut self, group: &table::Group) {
        let before = self.before();
        match group.grid() {
            Some(grid) => {
                let fence = self.new_fence(String::new());
                self.put(grid, "", before, Some(fence));
            }
            None => {
                for record in group.records() {
                    let frame = Frame {
                        gap: "\n",
                        prefix: "- ".to_owned(),
                        ..Frame::default()
                    };
                    self.out.extend(words::pieces(&record, &frame, Break::Line, true));
                }
            }
        }
    }

    fn new_fence(&mut self, language: String) -> Rc<Fence> {
        self.fences += 1;
        Rc::new(Fence {
            number: self.fences,
            language,
        })
    }

    fn put(&mut self, text: impl Into<String>, gap: &str, before: Break, fence: Option<Rc<Fence>>) {
        self.out.push(Atom {
            gap: gap.to_owned(),
            lead: "",
            text: text.into(),
            before,
            fence,
        });
    }

    /// How well a message can end before the block that comes now. Forgets what came before.
    fn before(&mut self) -> Break {
        let blank = std::mem::take(&mut self.blank);
        match (std::mem::take(&mut self.headed), blank) {
            (true, _) => Break::Weak,
            (false, true) => Break::Block,
            (false, false) => Break::Line,
        }
    }
}
