//! Changes that were drawn are remembered: a card is drawn again whenever its call says a word, and for every page.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Arc, LazyLock, Mutex, OnceLock, PoisonError};

use conversation::Diff;

use super::Drawn;

/// Bytes of files and HTML that are remembered; the oldest go first.
const MOST: usize = 48 * 1024 * 1024;

/// Smaller ones are drawn sooner than they are found.
const LEAST: usize = 512;

static MEMO: LazyLock<Memo> = LazyLock::new(Memo::default);

#[derive(Default)]
struct Memo {
    state: RandomState,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    entries: HashMap<u64, Arc<Entry>>,
    order: VecDeque<u64>,
    bytes: usize,
}

struct Entry {
    diff: Diff,
    most: usize,
    /// Whoever comes while it is being drawn waits for it.
    drawn: OnceLock<Arc<Drawn>>,
}

/// What `draw` gave for this change the last time, or gives now.
pub(super) fn recall(diff: &Diff, most: usize, draw: impl FnOnce() -> Drawn) -> Arc<Drawn> {
    let size = diff.new.len() + diff.old.as_ref().map_or(0, String::len);
    if size < LEAST {
        return Arc::new(draw());
    }
    let key = MEMO.state.hash_one((diff, most));
    let entry = {
        let mut known = MEMO.known.lock().unwrap_or_else(PoisonError::into_inner);
        let found = known.entries.get(&key).map(Arc::clone);
        found.unwrap_or_else(|| {
            let (diff, drawn) = (diff.clone(), OnceLock::new());
            let entry = Arc::new(Entry { diff, most, drawn });
            known.entries.insert(key, Arc::clone(&entry));
            known.order.push_back(key);
            entry
        })
    };
    // Two changes with one hash: what is shown must be what is asked for.
    if entry.diff != *diff || entry.most != most {
        return Arc::new(draw());
    }
    let mut is_new = false;
    let drawn = Arc::clone(entry.drawn.get_or_init(|| {
        is_new = true;
        Arc::new(draw())
    }));
    if is_new {
        let mut known = MEMO.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.bytes += cost(&entry);
        known.make_room();
    }
    drawn
}

impl Known {
    /// The newest stays, however large it is.
    fn make_room(&mut self) {
        while self.bytes > MOST && self.order.len() > 1 {
            let Some(entry) = self.order.pop_front().and_then(|key| self.entries.remove(&key)) else {
                return;
            };
            self.bytes = self.bytes.saturating_sub(cost(&entry));
        }
    }
}

/// Nothing until it is drawn.
fn cost(entry: &Entry) -> usize {
    let size = entry.diff.new.len() + entry.diff.old.as_ref().map_or(0, String::len);
    entry.drawn.get().map_or(0, |drawn| size + drawn.html.len())
}

#[cfg(test)]
mod tests {
    use super::super::{Count, Size};
    use super::*;

    #[test]
    fn what_was_drawn_is_not_drawn_again_and_the_memory_is_bounded() {
        let change = |number: usize| Diff {
            path: "a".into(),
            old: None,
            new: format!("{number} {}", "x".repeat(1024 * 1024)),
            ..Diff::default()
        };
        let drawn = |html: &str| Drawn {
            html: html.into(),
            count: Count { added: 1, removed: 0 },
            size: Size { lines: 1, bytes: 1 },
        };
        let first = recall(&change(0), 1, || drawn("first"));
        assert!(Arc::ptr_eq(
            &first,
            &recall(&change(0), 1, || unreachable!("it is known"))
        ));
        assert_eq!(recall(&change(0), 2, || drawn("other")).html, "other");
        for number in 1..60 {
            recall(&change(number), 1, || drawn("more"));
        }
        let known = MEMO.known.lock().unwrap();
        assert!(known.bytes <= MOST && known.entries.len() == known.order.len());
        drop(known);
        assert_eq!(recall(&change(0), 1, || drawn("again")).html, "again");
    }
}
