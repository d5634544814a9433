//! Changes to files: how much changed, and the change as text that people can read.

use std::ops::{Add as _, Range};

use conversation::Diff;
use similar::{ChangeTag, DiffOp};

use crate::change::{Compared, Count};
use crate::harmless;

/// `+3 −1`; `None` where there is no change.
pub(super) fn count(diffs: &[Diff]) -> Option<String> {
    let counts = diffs.iter().map(|diff| Compared::of(diff).count());
    let Count { added, removed } = counts.reduce(Count::add)?;
    Some(format!("+{added} −{removed}"))
}

/// All changes as a unified diff. Hidden characters are written out.
pub(super) fn unified(diffs: &[Diff]) -> String {
    let mut out = String::new();
    for diff in diffs {
        // Nothing in it may look like a line of the change.
        let path = harmless::named(&diff.path).replace('\n', "⟨U+000A⟩");
        let old = if diff.old.is_some() { &path } else { "/dev/null" };
        put(&mut out, &["--- ", old, "\n+++ ", &path, "\n"]);
        let compared = Compared::of(diff);
        let groups = compared.groups();
        if groups.is_empty() {
            let is_empty = diff.new.is_empty();
            put(
                &mut out,
                &[if is_empty {
                    "(an empty file)\n"
                } else {
                    "(no change)\n"
                }],
            );
        }
        for group in groups {
            put_group(&mut out, &compared, &group);
        }
    }
    out
}

fn put_group(out: &mut String, compared: &Compared<'_>, group: &[DiffOp]) {
    let (Some(first), Some(last)) = (group.first(), group.last()) else {
        return;
    };
    let place = |begin: Range<usize>, end: Range<usize>| place(compared.before(), begin.start..end.end);
    let old = place(first.old_range(), last.old_range());
    let new = place(first.new_range(), last.new_range());
    put(out, &["@@ -", &old, " +", &new, " @@\n"]);
    for change in group.iter().flat_map(|op| compared.changes(op)) {
        let sign = match change.tag() {
            ChangeTag::Equal => " ",
            ChangeTag::Insert => "+",
            ChangeTag::Delete => "-",
        };
        put(out, &[sign, &compared.shown(change.value()), "\n"]);
        if !change.value().ends_with('\n') {
            out.push_str("\\ No newline at end of file\n");
        }
    }
}

/// Where lines stand, as POSIX has it (diff -u): counted from 1, and with nothing in it the line before.
fn place(before: usize, lines: Range<usize>) -> String {
    let begin = before + lines.start;
    match lines.len() {
        0 => format!("{begin},0"),
        1 => (begin + 1).to_string(),
        count => format!("{},{count}", begin + 1),
    }
}

fn put(out: &mut String, words: &[&str]) {
    out.extend(words.iter().copied());
}

#[cfg(test)]
mod tests;
