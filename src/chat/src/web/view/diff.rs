//! Changes to files, as line diffs: unchanged stretches folded, changed words marked. Each change is drawn once and then
//! remembered, and drawing has an end: what is too much to be compared well is shown plainly.

use std::ops::Add;
use std::sync::Arc;
use std::time::{Duration, Instant};

use conversation::Diff;
use similar::{Algorithm, ChangeTag, DiffOp, DiffTag, TextDiff};

use super::harmless;
use super::html::{escape, push, push_escaped};
use crate::change::{Compared, Count};

mod memo;

/// Lines that are drawn in a card; the rest is counted.
const MOST_LINES: usize = 1500;
/// With more lines than this, or more bytes, a whole change is one text instead of a table: a browser takes a second for each
/// 50,000 rows.
const MOST_ROWS: usize = 4000;
const MOST_BYTES: usize = 512 * 1024;
/// Words are not looked for any more after this.
const PATIENCE: Duration = Duration::from_millis(100);
/// Words are looked for in changes of at most so many bytes: what was rewritten has none in common.
const MARKED: usize = 16 * 1024;

/// What there is to read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) lines: usize,
    pub(crate) bytes: usize,
}

impl Add for Size {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            lines: self.lines + other.lines,
            bytes: self.bytes + other.bytes,
        }
    }
}

/// One file's change as it is shown.
#[derive(Debug)]
pub(crate) struct Drawn {
    pub(crate) html: String,
    pub(crate) count: Count,
    /// Of the changed lines and those around them.
    pub(crate) size: Size,
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
    let compared = Compared::of(diff);
    let count = compared.count();
    let size = size(&compared);
    let path = escape(&harmless::named(&diff.path));
    let new_file = if diff.old.is_none() {
        " <small>new file</small>"
    } else {
        ""
    };
    let mut out = format!("<figure class=\"diff\"><figcaption>{path}{new_file}</figcaption>");
    let is_long = most == usize::MAX && (size.lines > MOST_ROWS || size.bytes > MOST_BYTES);
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

/// What is drawn of it.
fn size(compared: &Compared<'_>) -> Size {
    let groups = compared.groups();
    let lines = groups.iter().flatten().flat_map(|op| compared.changes(op));
    let sizes = lines.map(|line| Size {
        lines: 1,
        bytes: compared.shown(line.value()).len(),
    });
    sizes.fold(Size::default(), Add::add)
}

/// The changes with what stands around them: and what is left out between them.
fn walk(compared: &Compared<'_>, mut step: impl FnMut(Step<'_>)) {
    let mut last = 0;
    let groups = compared.groups();
    for group in &groups {
        let begins = group
            .first()
            .map_or(0, |op| compared.before() + op.old_range().start);
        if begins > last {
            step(Step::Gap(begins - last));
        }
        last = group
            .last()
            .map_or(last, |op| compared.before() + op.old_range().end);
        for op in group {
            step(Step::Op(op));
        }
    }
    if groups.is_empty() {
        step(Step::Same);
    } else if compared.lines() > last {
        step(Step::Gap(compared.lines() - last));
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
            for change in compared.changes(op) {
                out.push(match change.tag() {
                    ChangeTag::Equal => ' ',
                    ChangeTag::Insert => '+',
                    ChangeTag::Delete => '−',
                });
                push_escaped(out, &compared.shown(change.value()));
                out.push('\n');
                if tells_its_end(op, change.value()) {
                    push!(out, "{ENDLESS}\n");
                }
            }
        }
    });
}

/// As rows, at most so many.
fn table(out: &mut String, compared: &Compared<'_>, most: usize) {
    let until = Instant::now() + PATIENCE;
    let (mut drawn, mut left) = (0, 0);
    walk(compared, |step| match step {
        Step::Gap(lines) => gap(out, &format!("{lines} unchanged {}", word(lines))),
        Step::Same => gap(out, "no change"),
        Step::Op(op) => {
            let (old, new) = compared.texts(op);
            let room = old.len().max(new.len()) + drawn <= most;
            let mut put = |tag, index: (Option<usize>, Option<usize>), parts: &[(bool, &str)]| {
                let index = index.1.or(index.0).map(|index| compared.before() + index);
                let shown = parts.iter().map(|(marked, part)| (*marked, compared.shown(part)));
                line(out, tag, index, shown);
                if parts.last().is_some_and(|(_, part)| tells_its_end(op, part)) {
                    gap(out, ENDLESS);
                }
            };
            if room && Instant::now() < until && is_searched(op, old, new) {
                let words = TextDiff::configure()
                    .algorithm(Algorithm::Myers)
                    .diff_slices(old, new);
                let ops = words.ops().iter();
                for change in ops.flat_map(|op| words.iter_inline_changes_deadline(op, Some(until))) {
                    drawn += 1;
                    let at = |index: Option<usize>, begin: usize| index.map(|index| begin + index);
                    let old = at(change.old_index(), op.old_range().start);
                    let new = at(change.new_index(), op.new_range().start);
                    put(change.tag(), (old, new), change.values());
                }
                return;
            }
            for change in compared.changes(op) {
                if drawn >= most {
                    left += 1;
                    continue;
                }
                drawn += 1;
                let index = (change.old_index(), change.new_index());
                put(change.tag(), index, &[(false, change.value())]);
            }
        }
    });
    if left > 0 {
        gap(out, &format!("{left} more {}", word(left)));
    }
}

/// Whether words are looked for in a change.
fn is_searched(op: &DiffOp, old: &[&str], new: &[&str]) -> bool {
    let bytes = |lines: &[&str]| lines.iter().map(|line| line.len()).sum::<usize>();
    op.tag() == DiffTag::Replace && bytes(old) + bytes(new) <= MARKED
}

/// Below a line that is the last one, and has no end.
const ENDLESS: &str = "no newline at the end";

/// Whether that is told of a line: it may be all that differs.
fn tells_its_end(op: &DiffOp, line: &str) -> bool {
    op.tag() != DiffTag::Equal && !line.ends_with('\n')
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
        if marked && !text.is_empty() {
            out.push_str("<mark>");
            push_escaped(out, &text);
            out.push_str("</mark>");
        } else {
            push_escaped(out, &text);
        }
    }
    out.push_str("</td></tr>");
}

#[cfg(test)]
mod tests;
