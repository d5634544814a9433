//! How far each person has read, so that lists can mark what is new. Kept across restarts; losing the last seconds of it
//! only marks something as new that is not.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use conversation::ThreadId;
use credentials::UserId;
use dashmap::DashMap;
use serde::{Deserialize, Serialize};
use supervisor::ThreadStatus;

use super::private_file;

/// Where it is kept in the state folder.
const FILE: &str = "web-seen.json";

/// Marks of every person.
pub(crate) struct Seen {
    path: PathBuf,
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
            Ok(Some(file)) if file.version == 1 => file.seen.into_iter().collect(),
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

    /// Somebody sees this thread as it is now.
    pub(crate) fn mark(&self, user: &UserId, status: &ThreadStatus) {
        let mut marks = self.marks.entry(user.clone()).or_default();
        let mark = marks.entry(status.summary.thread.id.clone()).or_insert(0);
        if *mark < status.last_item {
            *mark = status.last_item;
            self.changed.store(true, Ordering::Release);
        }
    }

    /// Whether something in a thread is new to somebody.
    pub(crate) fn is_unread(&self, user: &UserId, status: &ThreadStatus) -> bool {
        let marks = self.marks.get(user);
        let seen = marks.and_then(|marks| marks.get(&status.summary.thread.id).copied());
        status.last_item > seen.unwrap_or(0)
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
        let (path, file) = (self.path.clone(), File { version: 1, seen });
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
    use crate::web::testing::status;

    #[tokio::test]
    async fn what_was_read_stays_read_and_what_comes_after_is_new() {
        let folder = tempfile::tempdir().unwrap();
        let (alice, bob) = (UserId::parse("web:a").unwrap(), UserId::parse("web:b").unwrap());
        let seen = Seen::open(folder.path());
        assert!(seen.is_unread(&alice, &status("web:t", &alice, 4)));
        seen.mark(&alice, &status("web:t", &alice, 4));
        seen.mark(&alice, &status("web:t", &alice, 3));
        assert!(!seen.is_unread(&alice, &status("web:t", &alice, 4)));
        assert!(seen.is_unread(&alice, &status("web:t", &alice, 5)));
        assert!(seen.is_unread(&bob, &status("web:t", &alice, 4)));
        assert!(
            !seen.is_unread(&bob, &status("web:t", &alice, 0)),
            "nothing is not new"
        );
        seen.save().await;
        let seen = Seen::open(folder.path());
        assert!(!seen.is_unread(&alice, &status("web:t", &alice, 4)));
    }

    #[test]
    fn a_broken_file_only_makes_everything_new() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(FILE), "{").unwrap();
        let alice = UserId::parse("web:a").unwrap();
        assert!(Seen::open(folder.path()).is_unread(&alice, &status("web:t", &alice, 1)));
    }
}
