//! Changes to files, as line diffs: unchanged stretches folded, changed words marked. Each change is drawn once and then
//! remembered, and drawing has an end: what is too much to be compared well is shown plainly.

use std::ops::Add;
use std::sync::Arc;
use std::time::{Duration, Instant};

use conversation::Diff;
use similar::{Algorithm, Change, ChangeTag, DiffOp, TextDiff};

use super::harmless;
use super::html::{escape, push, push_escaped};

mod memo;

/// Unchanged lines around a change.
const CONTEXT: usize = 3;
/// Lines that are drawn in a card; the rest is counted.
const MOST_LINES: usize = 1500;
/// With more changed lines than this, or more bytes, a whole change is one text instead of a table: a browser takes a
/// second for each 50,000 rows.
const MOST_ROWS: usize = 4000;
const MOST_BYTES: usize = 512 * 1024;
/// Comparing stops being exact after this.
const PATIENCE: Duration = Duration::from_millis(100);
/// Words are looked for in changes of at most so many bytes: what was rewritten has none in common.
const MARKED: usize = 16 * 1024;

/// Lines changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) added: usize,
    pub(crate) removed: usize,
}

impl Add for Count {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            added: self.added + other.added,
            removed: self.removed + other.removed,
        }
    }
}

/// One file's change as it is shown.
#[derive(Debug)]
pub(crate) struct Drawn {
    pub(crate) html: String,
    pub(crate) count: Count,
    /// Bytes that were compared.
    pub(crate) size: usize,
}

/// One file's change, at most [`MOST_LINES`] lines of it.
pub(crate) fn part(diff: &Diff) -> Arc<Drawn> {
    memo::recall(diff, MOST_LINES, || draw(diff, MOST_LINES))
}

/// One file's change without a limit: for what a person is asked to approve.
pub(crate) fn whole(diff: &Diff) -> Arc<Drawn> {
    memo::recall(diff, usize::MAX, || draw(diff, usize::MAX))
}

fn draw(diff: &Diff, most: usize) -> Drawn {
    let (old, new) = (
        harmless::named(diff.old.as_deref().unwrap_or_default()),
        harmless::named(&diff.new),
    );
    let compared = TextDiff::configure()
        .algorithm(Algorithm::Myers)
        .timeout(PATIENCE)
        .diff_lines(&*old, &*new);
    let count = count(compared.ops());
    let size = old.len() + new.len();
    let path = escape(&harmless::named(&diff.path));
    let new_file = if diff.old.is_none() {
        " <small>new file</small>"
    } else {
        ""
    };
    let mut out = format!("<figure class=\"diff\"><figcaption>{path}{new_file}</figcaption>");
    let is_long = most == usize::MAX && (count.added + count.removed > MOST_ROWS || size > MOST_BYTES);
    if is_long {
        push!(
            out,
            "<pre class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"Changes to {path}\">"
        );
        text(&mut out, &compared);
        out.push_str("</pre>");
    } else {
        push!(
            out,
            "<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"Changes to {path}\"><table>"
        );
        table(&mut out, &compared, most);
        out.push_str("</table></div>");
    }
    out.push_str("</figure>");
    Drawn {
        html: out,
        count,
        size,
    }
}

fn count(ops: &[DiffOp]) -> Count {
    let mut count = Count { added: 0, removed: 0 };
    for op in ops.iter().filter(|op| op.tag() != similar::DiffTag::Equal) {
        count.removed += op.old_range().len();
        count.added += op.new_range().len();
    }
    count
}

type Compared<'t> = TextDiff<'t, 't, 't, str>;

/// The changes with what stands around them: and what is left out between them.
fn walk(compared: &Compared<'_>, mut step: impl FnMut(Step<'_>)) {
    let mut last = 0;
    for group in compared.grouped_ops(CONTEXT) {
        let begins = group.first().map_or(0, |op| op.old_range().start);
        if begins > last {
            step(Step::Gap(begins - last));
        }
        last = group.last().map_or(last, |op| op.old_range().end);
        for op in &group {
            step(Step::Op(op));
        }
    }
    let lines = compared.old_slices().len();
    if last == 0
        && compared
            .ops()
            .iter()
            .all(|op| op.tag() == similar::DiffTag::Equal)
    {
        step(Step::Same);
    } else if lines > last {
        step(Step::Gap(lines - last));
    }
}

enum Step<'o> {
    /// So many lines are unchanged and not shown.
    Gap(usize),
    Op(&'o DiffOp),
    /// Nothing is changed.
    Same,
}

/// As text, every line: `-`, `+`, or nothing before it.
fn text(out: &mut String, compared: &Compared<'_>) {
    walk(compared, |step| match step {
        Step::Gap(lines) => push!(out, "… {lines} unchanged {}\n", word(lines)),
        Step::Same => out.push_str("no change\n"),
        Step::Op(op) => {
            for change in compared.iter_changes(op) {
                out.push(match change.tag() {
                    ChangeTag::Equal => ' ',
                    ChangeTag::Insert => '+',
                    ChangeTag::Delete => '−',
                });
                push_escaped(out, change.value().trim_end_matches(['\n', '\r']));
                out.push('\n');
            }
        }
    });
}

/// As rows, at most so many.
fn table<'t>(out: &mut String, compared: &'t Compared<'t>, most: usize) {
    let until = Instant::now() + PATIENCE;
    let (mut drawn, mut left) = (0, 0);
    walk(compared, |step| match step {
        Step::Gap(lines) => gap(out, &format!("{lines} unchanged {}", word(lines))),
        Step::Same => gap(out, "no change"),
        Step::Op(op) => {
            let room = op.old_range().len().max(op.new_range().len()) + drawn <= most;
            if room && Instant::now() < until && size(compared, op) <= MARKED {
                for change in compared.iter_inline_changes_deadline(op, Some(until)) {
                    drawn += 1;
                    let index = change.new_index().or(change.old_index());
                    line(out, change.tag(), index, change.iter_strings_lossy());
                }
                return;
            }
            for change in compared.iter_changes(op) {
                if drawn >= most {
                    left += 1;
                    continue;
                }
                drawn += 1;
                let index = change.new_index().or(change.old_index());
                line(out, change.tag(), index, std::iter::once((false, words(&change))));
            }
        }
    });
    if left > 0 {
        gap(out, &format!("{left} more {}", word(left)));
    }
}

fn words<'t>(change: &Change<&'t str>) -> std::borrow::Cow<'t, str> {
    change.value().into()
}

/// Bytes that are compared for the words of a change.
fn size(compared: &Compared<'_>, op: &DiffOp) -> usize {
    let bytes = |lines: &[&str]| lines.iter().map(|line| line.len()).sum::<usize>();
    if op.tag() == similar::DiffTag::Equal {
        return 0;
    }
    bytes(&compared.old_slices()[op.old_range()]) + bytes(&compared.new_slices()[op.new_range()])
}

fn word(lines: usize) -> &'static str {
    if lines == 1 { "line" } else { "lines" }
}

fn gap(out: &mut String, words: &str) {
    push!(out, "<tr class=\"gap\"><td colspan=\"3\">{words}</td></tr>");
}

fn line<'t>(
    out: &mut String,
    tag: ChangeTag,
    index: Option<usize>,
    parts: impl Iterator<Item = (bool, std::borrow::Cow<'t, str>)>,
) {
    let (class, sign, hear) = match tag {
        ChangeTag::Equal => ("same", " ", ""),
        ChangeTag::Insert => ("plus", "+", "<span class=\"hear\">added: </span>"),
        ChangeTag::Delete => ("minus", "−", "<span class=\"hear\">removed: </span>"),
    };
    let number = index.map_or(0, |index| index + 1);
    push!(
        out,
        "<tr class=\"{class}\"><td class=\"no\">{number}</td><td class=\"sign\">{sign}</td><td>{hear}"
    );
    for (marked, text) in parts {
        let text = text.trim_end_matches(['\n', '\r']);
        if marked && !text.is_empty() {
            out.push_str("<mark>");
            push_escaped(out, text);
            out.push_str("</mark>");
        } else {
            push_escaped(out, text);
        }
    }
    out.push_str("</td></tr>");
}

#[cfg(test)]
mod tests;
