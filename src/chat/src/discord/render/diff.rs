//! Changes to files: how much changed, and the change as a file that people can read.

use std::time::{Duration, Instant};

use conversation::Diff;
use similar::{Algorithm, ChangeTag, TextDiff};

use crate::harmless;

/// Larger changes, in bytes of old and new together, are not compared.
const LARGEST: usize = 512 * 1024;
/// Comparing stops being exact after this.
const PATIENCE: Duration = Duration::from_millis(100);
const CONTEXT: usize = 3;

/// `+3 −1`; `None` where nothing is changed, or too much to compare.
pub(super) fn count(diffs: &[Diff]) -> Option<String> {
    if diffs.is_empty() || diffs.iter().any(is_large) {
        return None;
    }
    let (mut added, mut removed) = (0_usize, 0_usize);
    for diff in diffs {
        for change in compare(diff).iter_all_changes() {
            match change.tag() {
                ChangeTag::Insert => added += 1,
                ChangeTag::Delete => removed += 1,
                ChangeTag::Equal => {}
            }
        }
    }
    Some(format!("+{added} −{removed}"))
}

/// All changes as a unified diff. Hidden characters are written out.
pub(super) fn unified(diffs: &[Diff]) -> String {
    let mut out = String::new();
    for diff in diffs {
        let path = harmless::named(&diff.path);
        if is_large(diff) {
            // Without a comparison it is shown whole: nothing may be left out.
            let line = format!("--- {path}\n+++ {path}\n{}\n", diff.new);
            out.push_str(&line);
            continue;
        }
        let old = if diff.old.is_some() {
            path.as_ref()
        } else {
            "/dev/null"
        };
        let compared = compare(diff);
        let mut unified = compared.unified_diff();
        unified.context_radius(CONTEXT).header(old, &path);
        out.push_str(&unified.to_string());
    }
    harmless::named(&out).into_owned()
}

fn is_large(diff: &Diff) -> bool {
    diff.old.as_ref().map_or(0, String::len) + diff.new.len() > LARGEST
}

fn compare(diff: &Diff) -> TextDiff<'_, '_, '_, str> {
    TextDiff::configure()
        .algorithm(Algorithm::Myers)
        .deadline(Instant::now() + PATIENCE)
        .diff_lines(diff.old.as_deref().unwrap_or_default(), &diff.new)
}
