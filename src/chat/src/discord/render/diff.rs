//! Changes to files: how much changed, and the change as a file that people can read.

use std::time::{Duration, Instant};

use conversation::Diff;
use similar::{Algorithm, ChangeTag, TextDiff};

use crate::harmless;

/// Larger changes, in bytes of old and new together, are not compared.
const LARGEST: usize = 512 * 1024;
/// What differs in more lines than this, or is found to only in more steps, is not compared exactly: some hundred milliseconds.
/// Counted and not measured: the same change is always the same file, however busy the machine is.
const MOST_CHANGED: usize = 4000;
const MOST_STEPS: usize = 10_000_000;
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
    let (old, new) = (diff.old.as_deref().unwrap_or_default(), diff.new.as_str());
    let mut how = TextDiff::configure();
    how.algorithm(Algorithm::Myers);
    if !is_soon_compared(old, new) {
        // As if there were no time: all between their common beginning and end is taken out, and put in anew.
        let now = Instant::now();
        how.deadline(now.checked_sub(Duration::from_secs(1)).unwrap_or(now));
    }
    how.diff_lines(old, new)
}

/// Whether that takes few enough steps: Myers' search for the fewest changed lines, which gives up.
fn is_soon_compared(old: &str, new: &str) -> bool {
    let [old, new] = [old, new].map(|text| text.lines().collect::<Vec<_>>());
    // How far into `old` one comes with so many more lines of it than of `new`, from this place on.
    let even = MOST_CHANGED + 1;
    let mut furthest = vec![0; 2 * even + 1];
    let mut steps = 0;
    for changed in 0..=MOST_CHANGED {
        for more in (even - changed..=even + changed).step_by(2) {
            let is_put_in =
                more == even - changed || more != even + changed && furthest[more - 1] < furthest[more + 1];
            let mut at = if is_put_in {
                furthest[more + 1]
            } else {
                furthest[more - 1] + 1
            };
            let begin = at;
            while let (Some(one), Some(other)) = (old.get(at), new.get(at + even - more))
                && one == other
            {
                at += 1;
            }
            steps += 1 + at - begin;
            furthest[more] = at;
            if at >= old.len() && at + even - more >= new.len() {
                return true;
            }
            if steps > MOST_STEPS {
                return false;
            }
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbered(numbers: impl Iterator<Item = usize>) -> String {
        numbers
            .map(|number| ["line ", &number.to_string(), "\n"].concat())
            .collect()
    }

    fn counted(old: String, new: String) -> String {
        let path = "a".to_owned();
        count(&[Diff {
            path,
            old: Some(old),
            new,
        }])
        .unwrap()
    }

    #[test]
    fn what_is_compared_does_not_depend_on_how_fast_that_goes() {
        let old = || numbered(0..19_000);
        // More than a slow machine compares in a moment.
        let new = numbered((0..19_000).map(|line| if line % 10 == 0 { line + 50_000 } else { line }));
        assert_eq!(counted(old(), new), "+1900 −1900");
        // And more than any is asked to: only the ends that they have in common stay.
        let moved = (0..1).chain(9000..18_000).chain(1..9000).chain(18_000..19_000);
        assert_eq!(counted(old(), numbered(moved)), "+17999 −17999");
        assert_eq!(counted(old(), old()), "+0 −0");
        assert_eq!(counted(String::new(), old()), "+19000 −0");
    }
}
