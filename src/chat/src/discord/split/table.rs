//! Tables. Discord has none: narrow ones are drawn as monospaced text, wide ones become a list of their rows.
//!
//! A long table is cut into groups of rows, each with the head. A group ends when the next complete row does not fit, so it
//! never changes afterwards.

use unicode_width::UnicodeWidthStr as _;

use super::atom::units;
use super::lines::kept_inside;

/// A group is at most so long, in UTF-16 units, unless it has only one row.
const LONGEST_GROUP: usize = 1000;
/// Wider ones would be wrapped, which no reader can follow.
const WIDEST: usize = 80;

/// A table that is being read.
#[derive(Debug)]
pub(super) struct Table {
    group: Group,
}

/// A head and some rows.
#[derive(Debug, Clone)]
pub(super) struct Group {
    head: Vec<String>,
    right: Vec<bool>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// The table that these two lines begin, if they do.
    pub(super) fn of(head: &str, below: &str) -> Option<Self> {
        let (head, below) = (cells(head), cells(below));
        let is_dash = |cell: &String| {
            let dashes = cell.trim_start_matches(':').trim_end_matches(':');
            !dashes.is_empty() && dashes.bytes().all(|byte| byte == b'-')
        };
        if head.len() != below.len() || !below.iter().all(is_dash) {
            return None;
        }
        let right = below
            .iter()
            .map(|cell| cell.ends_with(':') && !cell.starts_with(':'));
        Some(Self {
            group: Group {
                right: right.collect(),
                head,
                rows: vec![],
            },
        })
    }

    /// Takes a row in; gives back the group that it did not fit into.
    pub(super) fn row(&mut self, row: &str) -> Option<Group> {
        let mut row = cells(row);
        row.resize(self.group.head.len(), String::new());
        self.group.rows.push(row);
        if self.group.rows.len() == 1 || units(&self.group.drawn()) <= LONGEST_GROUP {
            return None;
        }
        let row = self.group.rows.pop()?;
        let full = self.group.clone();
        self.group.rows = vec![row];
        Some(full)
    }

    /// The last group.
    pub(super) fn finish(self) -> Group {
        self.group
    }
}

impl Group {
    /// The group as monospaced text; `None` if it would be too wide or too long for that.
    pub(super) fn grid(&self) -> Option<String> {
        let drawn = self.drawn();
        let is_narrow = drawn.lines().all(|line| line.width() <= WIDEST);
        (is_narrow && units(&drawn) <= LONGEST_GROUP).then(|| kept_inside(&drawn))
    }

    /// Each row as a line of Markdown.
    pub(super) fn records(&self) -> Vec<String> {
        let line = |row: &Vec<String>| {
            let cells = self.head.iter().zip(row).filter(|(_, cell)| !cell.is_empty());
            let named = cells.map(|(head, cell)| match head.as_str() {
                "" => cell.clone(),
                head => format!("**{}:** {cell}", head.replace("**", "")),
            });
            named.collect::<Vec<_>>().join(" · ")
        };
        if self.rows.is_empty() {
            return vec![self.head.join(" · ")];
        }
        self.rows
            .iter()
            .map(line)
            .filter(|line| !line.is_empty())
            .collect()
    }

    fn drawn(&self) -> String {
        let lines: Vec<Vec<String>> = std::iter::once(&self.head)
            .chain(&self.rows)
            .map(|row| row.iter().map(|cell| bare(cell)).collect())
            .collect();
        let width = |column: usize| lines.iter().map(|line| line[column].width()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..self.head.len()).map(width).collect();
        let mut out = String::new();
        for (at, line) in lines.iter().enumerate() {
            let cells = line.iter().enumerate().map(|(column, cell)| {
                let space = " ".repeat(widths[column] - cell.width());
                if self.right[column] {
                    space + cell
                } else {
                    cell.clone() + &space
                }
            });
            out.push_str(cells.collect::<Vec<_>>().join(" │ ").trim_end());
            out.push('\n');
            if at == 0 {
                let rules = widths.iter().map(|width| "─".repeat(*width));
                out.push_str(&rules.collect::<Vec<_>>().join("─┼─"));
                out.push('\n');
            }
        }
        out.truncate(out.trim_end().len());
        out
    }
}

/// The cells of a row, without the blanks around them.
fn cells(row: &str) -> Vec<String> {
    let row = row.trim();
    let row = row.strip_prefix('|').unwrap_or(row);
    let mut cells = vec![String::new()];
    let mut letters = row.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' if letters.peek() == Some(&'|') => {
                letters.next();
                cells.last_mut().expect("there is always one").push('|');
            }
            '|' => cells.push(String::new()),
            letter => {
                cells.last_mut().expect("there is always one").push(letter);
            }
        }
    }
    if row.ends_with('|') && !row.ends_with("\\|") {
        cells.pop();
    }
    cells.iter().map(|cell| cell.trim().to_owned()).collect()
}

/// A cell without marks, for monospaced text in which they would stand as they are.
fn bare(cell: &str) -> String {
    let cell = cell.replace("**", "").replace("<br>", " ").replace("<br/>", " ");
    match cell.strip_prefix('`').and_then(|rest| rest.strip_suffix('`')) {
        Some(code) if !code.contains('`') => code.to_owned(),
        _ => cell.replace('`', ""),
    }
}
