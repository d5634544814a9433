//! Changes to files, as line diffs: unchanged stretches folded, changed words marked.

use std::time::{Duration, Instant};

use conversation::Diff;
use similar::{Algorithm, ChangeTag, TextDiff};

use super::harmless;
use super::html::{escape, push, push_escaped};

/// Unchanged lines around a change.
const CONTEXT: usize = 3;
/// Files larger than this are not compared: only said to have changed.
const LARGEST: usize = 512 * 1024;
/// Lines that are drawn; the rest is counted.
const MOST_LINES: usize = 1500;
/// Comparing stops being exact after this.
const PATIENCE: Duration = Duration::from_millis(100);

/// Lines changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) added: usize,
    pub(crate) removed: usize,
}

/// Lines changed in all; `None` where nothing is to be changed or a file is too large to compare.
pub(crate) fn count(diffs: &[Diff]) -> Option<Count> {
    if diffs.is_empty() || diffs.iter().any(is_too_large) {
        return None;
    }
    let mut count = Count { added: 0, removed: 0 };
    for one in diffs {
        for change in compare(one.old.as_deref().unwrap_or_default(), &one.new).iter_all_changes() {
            match change.tag() {
                ChangeTag::Insert => count.added += 1,
                ChangeTag::Delete => count.removed += 1,
                ChangeTag::Equal => {}
            }
        }
    }
    Some(count)
}

/// One file's change, at most [`MOST_LINES`] lines of it.
pub(crate) fn html(diff: &Diff) -> String {
    drawn(diff, MOST_LINES)
}

/// One file's change without a limit: for what a person is asked to approve.
pub(crate) fn whole(diff: &Diff) -> String {
    drawn(diff, usize::MAX)
}

fn is_too_large(diff: &Diff) -> bool {
    diff.old.as_ref().map_or(0, String::len) + diff.new.len() > LARGEST
}

fn compare<'t>(old: &'t str, new: &'t str) -> TextDiff<'t, 't, 't, str> {
    TextDiff::configure()
        .algorithm(Algorithm::Myers)
        .deadline(Instant::now() + PATIENCE)
        .diff_lines(old, new)
}

fn drawn(diff: &Diff, most: usize) -> String {
    let path = escape(&harmless::named(&diff.path));
    let new_file = if diff.old.is_none() {
        " <small>new file</small>"
    } else {
        ""
    };
    let mut out = format!("<figure class=\"diff\"><figcaption>{path}{new_file}</figcaption>");
    if most != usize::MAX && is_too_large(diff) {
        return out + "<p class=\"quiet\">Too large to compare here.</p></figure>";
    }
    let (old, new) = (
        harmless::named(diff.old.as_deref().unwrap_or_default()),
        harmless::named(&diff.new),
    );
    let compared = compare(&old, &new);
    push!(
        out,
        "<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"Changes to {path}\"><table>"
    );
    let (mut drawn, mut left, mut last) = (0, 0, 0);
    for group in compared.grouped_ops(CONTEXT) {
        let begins = group.first().map_or(0, |op| op.old_range().start);
        if begins > last {
            gap(&mut out, begins - last);
        }
        last = group.last().map_or(last, |op| op.old_range().end);
        for op in &group {
            for change in compared.iter_inline_changes(op) {
                if drawn >= most {
                    left += 1;
                    continue;
                }
                drawn += 1;
                line(&mut out, &change);
            }
        }
    }
    let lines = old.lines().count();
    if lines > last && drawn > 0 {
        gap(&mut out, lines - last);
    }
    if left > 0 {
        push!(
            out,
            "<tr class=\"gap\"><td colspan=\"3\">{left} more lines</td></tr>"
        );
    }
    if drawn == 0 {
        out.push_str("<tr class=\"gap\"><td colspan=\"3\">no change</td></tr>");
    }
    out + "</table></div></figure>"
}

fn gap(out: &mut String, lines: usize) {
    let word = if lines == 1 { "line" } else { "lines" };
    push!(
        out,
        "<tr class=\"gap\"><td colspan=\"3\">{lines} unchanged {word}</td></tr>"
    );
}

fn line(out: &mut String, change: &similar::InlineChange<'_, str>) {
    let (class, sign, hear) = match change.tag() {
        ChangeTag::Equal => ("same", " ", ""),
        ChangeTag::Insert => ("plus", "+", "<span class=\"hear\">added: </span>"),
        ChangeTag::Delete => ("minus", "−", "<span class=\"hear\">removed: </span>"),
    };
    let number = change
        .new_index()
        .or(change.old_index())
        .map_or(0, |index| index + 1);
    push!(
        out,
        "<tr class=\"{class}\"><td class=\"no\">{number}</td><td class=\"sign\">{sign}</td><td>{hear}"
    );
    for (marked, text) in change.iter_strings_lossy() {
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
mod tests {
    use super::super::html::each;
    use super::*;

    fn change(old: Option<&str>, new: &str) -> Diff {
        Diff {
            path: "src/main.rs".into(),
            old: old.map(str::to_owned),
            new: new.into(),
        }
    }

    #[test]
    fn changed_lines_are_shown_with_context_and_the_rest_is_folded() {
        let old = each(0..40, |number| format!("line {number}\n"));
        let new = old.replace("line 20\n", "line twenty\n");
        let html = html(&change(Some(&old), &new));
        assert!(html.contains("17 unchanged lines"), "{html}");
        assert!(html.contains("16 unchanged lines"), "{html}");
        assert_eq!(html.matches("class=\"same\"").count(), 6);
        assert!(html.contains("<mark>twenty</mark>"), "{html}");
        assert_eq!(
            count(&[change(Some(&old), &new)]),
            Some(Count { added: 1, removed: 1 })
        );
    }

    #[test]
    fn a_new_file_is_all_additions_and_escaped() {
        let html = html(&change(None, "<script>\n\u{202e}x\n"));
        assert!(
            html.contains("new file") && html.contains("&lt;script&gt;") && html.contains("⟨U+202E⟩"),
            "{html}"
        );
        assert_eq!(html.matches("class=\"plus\"").count(), 2);
    }

    #[test]
    fn what_is_to_be_approved_is_never_shortened() {
        let long = "x\n".repeat(MOST_LINES * 2);
        assert!(html(&change(None, &long)).contains("more lines"));
        assert_eq!(
            whole(&change(None, &long)).matches("class=\"plus\"").count(),
            MOST_LINES * 2
        );
    }

    #[test]
    fn files_that_have_nothing_in_common_are_compared_in_bounded_time() {
        let old = each(0..20_000, |number| format!("a{}\n", number * 7919 % 10_007));
        let new = each(0..20_000, |number| format!("a{}\n", number * 104_729 % 10_009));
        let start = Instant::now();
        let _ = html(&change(Some(&old), &new));
        assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
    }
}
