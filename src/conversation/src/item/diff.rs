//! A change to a file: both texts, or what differs of them.

use serde::{Deserialize, Serialize};

/// A change to one file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Diff {
    /// Relative to the workspace where it lies inside.
    pub path: String,
    /// Before; `None` for a new file.
    pub old: Option<String>,
    /// After.
    pub new: String,
    /// Lines that stand before these in both texts, and are left out.
    #[serde(default, skip_serializing_if = "is_none")]
    pub before: usize,
    /// The same after them.
    #[serde(default, skip_serializing_if = "is_none")]
    pub after: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands it so")]
fn is_none(lines: &usize) -> bool {
    *lines == 0
}

impl Diff {
    /// Unchanged lines that are shown on each side of a change.
    pub const CONTEXT: usize = 3;

    /// Bytes that it takes; also what is empty takes room.
    pub fn size(&self) -> usize {
        size_of::<Self>() + self.path.len() + self.new.len() + self.old.as_ref().map_or(0, String::len)
    }

    /// Bytes that both texts begin with, and that both end with: whole lines, but for the last and the first few of them.
    pub fn common(&self) -> (usize, usize) {
        common(self.old.as_deref().unwrap_or_default(), &self.new)
    }

    /// The same change without them: shown, it is the same. In time it costs one look at both texts.
    #[must_use]
    pub fn shortened(&self) -> Self {
        let (begin, end) = self.common();
        let rest = |text: &str| text[begin..text.len() - end].to_owned();
        let lines = |text: &str| text.split_inclusive('\n').count();
        let left_out = self.new.len() - end;
        Self {
            path: self.path.clone(),
            old: self.old.as_deref().map(rest),
            new: rest(&self.new),
            before: self.before + lines(&self.new[..begin]),
            after: self.after + lines(&self.new[left_out..]),
        }
    }
}

fn common(old: &str, new: &str) -> (usize, usize) {
    let [old, new] = [old, new].map(str::as_bytes);
    let same = old.iter().zip(new).take_while(|(old, new)| old == new).count();
    // Where the line begins that the byte before `at` belongs to.
    let begin_of = |at: usize| {
        let end = old[..at].iter().rposition(|byte| *byte == b'\n');
        end.map_or(0, |end| end + 1)
    };
    let whole = begin_of(same);
    let (old_rest, new_rest) = (&old[whole..], &new[whole..]);
    let pairs = old_rest.iter().rev().zip(new_rest.iter().rev());
    let mut tail = &old_rest[old_rest.len() - pairs.take_while(|(old, new)| old == new).count()..];
    // Its first line may begin otherwise in one of them.
    for _ in 0..=Diff::CONTEXT {
        let end = tail.iter().position(|byte| *byte == b'\n');
        tail = end.map_or(&[], |end| &tail[end + 1..]);
    }
    let mut begin = whole;
    for _ in 0..Diff::CONTEXT {
        begin = begin_of(begin.saturating_sub(1));
    }
    (begin, tail.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_change_in_a_large_file_that_stays_which_differs_with_the_lines_around_it() {
        let old: String = (0..10_000)
            .map(|line| ["line ", &line.to_string(), "\n"].concat())
            .collect();
        let new = old.replace("line 7000\n", "line seven thousand\n");
        let whole = Diff {
            old: Some(old),
            new,
            ..Diff::default()
        };
        let short = whole.shortened();
        let around = "line 6997\nline 6998\nline 6999\n";
        assert!(
            short
                .new
                .starts_with(&format!("{around}line seven thousand\nline 7001\n"))
        );
        assert!(short.old.as_deref().is_some_and(|old| old.starts_with(around)));
        assert!(short.size() < 500, "{}", short.size());
        let lines = short.new.lines().count();
        assert_eq!((short.before, short.before + lines + short.after), (6997, 10_000));
        assert_eq!(short.shortened(), short, "it is as short as it can be");
        let json = serde_json::to_string(&whole).unwrap();
        assert!(!json.contains("before"), "as it was always written");
        let json = serde_json::to_string(&short).unwrap();
        assert_eq!(serde_json::from_str::<Diff>(&json).unwrap(), short);
    }

    #[test]
    fn of_a_new_file_and_of_one_that_is_wholly_another_nothing_is_left_out() {
        for old in [None, Some("a\nb\n".to_owned())] {
            let new = "x\ny\n".repeat(10);
            let whole = Diff {
                old,
                new,
                ..Diff::default()
            };
            assert_eq!(whole.shortened(), whole);
        }
    }
}
