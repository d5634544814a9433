//! A change to a file, compared line by line: the page and Discord show the same one, and nothing that differs is left out of it.
//!
//! The texts are compared as they are. Only what is shown of them has its hidden characters written out: so lines that differ in
//! nothing else are among the changed ones, too.

use std::borrow::Cow;
use std::ops::Add;
use std::time::{Duration, Instant};

use conversation::Diff;
use similar::{Algorithm, Change, DiffOp, DiffTag, capture_diff_slices_deadline, group_diff_ops};

use crate::harmless;

/// More than this, in bytes of old and new together without what both begin and end with, is not compared exactly.
const LARGEST: usize = 512 * 1024;
/// What differs in more lines than this, or is found to only in more steps, is not either: some hundred milliseconds.
/// Counted and not measured: the same change always looks the same, however busy the machine is.
const MOST_CHANGED: usize = 4000;
const MOST_STEPS: usize = 10_000_000;

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

/// A change, compared. Of the lines that both texts begin and end with it has the last and the first few.
pub(crate) struct Compared<'d> {
    /// With their line ends.
    old: Vec<&'d str>,
    new: Vec<&'d str>,
    ops: Vec<DiffOp>,
    /// Lines of the common beginning and end that are not among them.
    before: usize,
    after: usize,
    /// Whether the carriage returns of line ends are written out.
    shows_returns: bool,
}

impl<'d> Compared<'d> {
    pub(crate) fn of(diff: &'d Diff) -> Self {
        let (old, new) = (diff.old.as_deref().unwrap_or_default(), diff.new.as_str());
        let (begin, end) = diff.common();
        let differs = |text: &'d str| &text[begin..text.len() - end];
        let lines = |text: &'d str| differs(text).split_inclusive('\n').collect::<Vec<_>>();
        let (old_lines, new_lines) = (lines(old), lines(new));
        let size = differs(old).len() + differs(new).len();
        let deadline = if size <= LARGEST && is_soon_compared(&old_lines, &new_lines) {
            None
        } else {
            // As if there were no time: all between their common beginning and end is taken out, and put in anew.
            let now = Instant::now();
            Some(now.checked_sub(Duration::from_secs(1)).unwrap_or(now))
        };
        Self {
            ops: placed(capture_diff_slices_deadline(
                Algorithm::Myers,
                &old_lines,
                &new_lines,
                deadline,
            )),
            before: diff.before + old[..begin].split_inclusive('\n').count(),
            after: diff.after + old[old.len() - end..].split_inclusive('\n').count(),
            shows_returns: shows_returns(old, new),
            old: old_lines,
            new: new_lines,
        }
    }

    pub(crate) fn count(&self) -> Count {
        let changed = self.ops.iter().filter(|op| op.tag() != DiffTag::Equal);
        let counts = changed.map(|op| Count {
            added: op.new_range().len(),
            removed: op.old_range().len(),
        });
        counts.fold(Count { added: 0, removed: 0 }, Add::add)
    }

    /// The changes with what stands around them; those that touch are one.
    pub(crate) fn groups(&self) -> Vec<Vec<DiffOp>> {
        group_diff_ops(self.ops.clone(), Diff::CONTEXT)
    }

    /// Lines of the old text.
    pub(crate) fn lines(&self) -> usize {
        self.before + self.old.len() + self.after
    }

    /// Lines before these, counted in the whole text.
    pub(crate) fn before(&self) -> usize {
        self.before
    }

    /// What goes, and what comes.
    pub(crate) fn texts(&self, op: &DiffOp) -> (&[&'d str], &[&'d str]) {
        (&self.old[op.old_range()], &self.new[op.new_range()])
    }

    /// Its lines, those that go first.
    pub(crate) fn changes(&self, op: &DiffOp) -> impl Iterator<Item = Change<&'d str>> {
        op.iter_changes(&self.old, &self.new)
    }

    /// A line, or a part of one, as it is shown: without its end, hidden characters by their names.
    pub(crate) fn shown<'t>(&self, line: &'t str) -> Cow<'t, str> {
        let words = match line.strip_suffix('\n') {
            Some(words) if !self.shows_returns => words.strip_suffix('\r').unwrap_or(words),
            Some(words) => words,
            None => line,
        };
        harmless::named(words)
    }
}

/// The same, each where it stands: what the library has moved may keep its former place in the text of which it takes nothing.
fn placed(ops: Vec<DiffOp>) -> Vec<DiffOp> {
    let (mut old, mut new) = (0, 0);
    let place = |op: DiffOp| {
        let (old_index, new_index) = (old, new);
        let (old_len, new_len) = (op.old_range().len(), op.new_range().len());
        (old, new) = (old + old_len, new + new_len);
        match op.tag() {
            DiffTag::Equal => DiffOp::Equal {
                old_index,
                new_index,
                len: old_len,
            },
            DiffTag::Delete => DiffOp::Delete {
                old_index,
                old_len,
                new_index,
            },
            DiffTag::Insert => DiffOp::Insert {
                old_index,
                new_index,
                new_len,
            },
            DiffTag::Replace => DiffOp::Replace {
                old_index,
                old_len,
                new_index,
                new_len,
            },
        }
    };
    ops.into_iter().map(place).collect()
}

/// Where all lines of both texts end in CR LF, as on Windows, that is no news.
fn shows_returns(old: &str, new: &str) -> bool {
    let ends = |text: &str| (text.matches('\n').count(), text.matches("\r\n").count());
    let ((old, old_windows), (new, new_windows)) = (ends(old), ends(new));
    let is_same = old_windows > 0 && old_windows == old && new_windows == new;
    old_windows + new_windows > 0 && !is_same
}

/// Whether comparing takes few enough steps: Myers' search for the fewest changed lines, which gives up.
fn is_soon_compared(old: &[&str], new: &[&str]) -> bool {
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
mod tests;
