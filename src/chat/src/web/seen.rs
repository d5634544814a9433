//! How far each person has read, so that lists can mark what is new. Kept across restarts; losing the last seconds of it
//! only marks something as new that is not.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use conversation::{Thread, ThreadId};
use credentials::{Timestamp, UserId};
use dashmap::DashMap;
use serde::{Deserialize, Serialize};

use super::private_file;

/// Where it is kept in the state folder.
const FILE: &str = "web-seen.json";

/// The first counted entries; this one keeps moments.
const VERSION: u32 = 2;

/// Marks of every person.
pub(crate) struct Seen {
    path: PathBuf,
    /// Until when each thread was seen, in milliseconds since 1970.
    marks: DashMap<UserId, HashMap<ThreadId, i64>>,
    changed: AtomicBool,
}

#[derive(Serialize, Deserialize)]
struct File {
    version: u32,
    seen: BTreeMap<UserId, HashMap<ThreadId, i64>>,
}

impl Seen {
    /// Reads what is kept. Blocking. A file that makes no sense is as good as none.
    pub(crate) fn open(folder: &Path) -> Self {
        let path = folder.join(FILE);
        let marks = match private_file::read::<File>(&path) {
            Ok(Some(file)) if file.version == VERSION => file.seen.into_iter().collect(),
            Ok(_) => DashMap::new(),
            Err(error) => {
                tracing::warn!(%error, "what was read is not known; all threads count as new");
                DashMap::new()
            }
        };
        Self {
            path,
            marks,
            changed: AtomicBool::new(false),
        }
    }

    /// Somebody has seen a thread as it was then; whether that is news.
    pub(crate) fn mark(&self, user: &UserId, thread: &ThreadId, then: Timestamp) -> bool {
        let mut marks = self.marks.entry(user.clone()).or_default();
        let mark = marks.entry(thread.clone()).or_insert(0);
        let is_later = *mark < then.millis();
        if is_later {
            *mark = then.millis();
            self.changed.store(true, Ordering::Release);
        }
        is_later
    }

    /// Whether something in a thread is new to somebody.
    pub(crate) fn is_unread(&self, user: &UserId, thread: &Thread) -> bool {
        let marks = self.marks.get(user);
        let seen = marks.and_then(|marks| marks.get(&thread.id).copied());
        thread.active.millis() > seen.unwrap_or(0)
    }

    /// Writes it down, if there is something new.
    pub(crate) async fn save(&self) {
        if !self.changed.swap(false, Ordering::AcqRel) {
            return;
        }
        let seen = self
            .marks
            .iter()
            .map(|entry| (entry.key().clone(), entry.value().clone()))
            .collect();
        let (path, file) = (
            self.path.clone(),
            File {
                version: VERSION,
                seen,
            },
        );
        let written = tokio::task::spawn_blocking(move || private_file::write(&path, &file)).await;
        if let Ok(Err(error)) = written {
            self.changed.store(true, Ordering::Release);
            tracing::warn!(%error, "what was read could not be noted");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::testing::thread;

    #[tokio::test]
    async fn what_was_read_stays_read_and_what_comes_after_is_new() {
        let folder = tempfile::tempdir().unwrap();
        let (alice, bob) = (UserId::parse("web:a").unwrap(), UserId::parse("web:b").unwrap());
        let at = |millis| Thread {
            active: Timestamp::from_millis(millis),
            ..thread("web:t", &alice)
        };
        let id = at(0).id;
        let seen = Seen::open(folder.path());
        assert!(seen.is_unread(&alice, &at(4)));
        assert!(seen.mark(&alice, &id, Timestamp::from_millis(4)));
        assert!(!seen.mark(&alice, &id, Timestamp::from_millis(3)));
        assert!(!seen.is_unread(&alice, &at(4)));
        assert!(seen.is_unread(&alice, &at(5)));
        assert!(seen.is_unread(&bob, &at(4)));
        seen.save().await;
        let seen = Seen::open(folder.path());
        assert!(!seen.is_unread(&alice, &at(4)));
    }

    #[test]
    fn a_broken_file_or_one_of_another_version_only_makes_everything_new() {
        let folder = tempfile::tempdir().unwrap();
        let alice = UserId::parse("web:a").unwrap();
        for text in ["{", r#"{"version":1,"seen":{"web:a":{"web:t":9000000000000}}}"#] {
            std::fs::write(folder.path().join(FILE), text).unwrap();
            assert!(
                Seen::open(folder.path()).is_unread(&alice, &thread("web:t", &alice)),
                "{text}"
            );
        }
    }
}
