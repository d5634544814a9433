//! The right to write, which one process has at a time.

use std::fs::{File, TryLockError};
use std::path::Path;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::private;
use crate::error::{ConversationError, Result, file};

/// A process that the last host had just forked keeps the lock until it executes its program, even if that host is dead:
/// so a lock that is held gets a moment to become free.
const MOMENT: Duration = Duration::from_secs(1);

/// A lock (flock) on a file of its own: one on the database would be lost with the first descriptor of it that anybody in
/// this process closes. The kernel frees it when the process ends, whatever way it ends.
#[derive(Debug)]
pub(crate) struct Claimed {
    lock: File,
}

impl Claimed {
    /// Takes the lock at `path`; `guarded` is what the error names. Blocks for at most a moment.
    pub(super) fn take(path: &Path, guarded: &Path) -> Result<Self> {
        let lock = private()
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(|error| file("open the lock", path, &error))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { lock }),
            Err(TryLockError::WouldBlock) => {
                Self::wait(lock, path)?.ok_or_else(|| ConversationError::InUse(guarded.display().to_string()))
            }
            Err(TryLockError::Error(error)) => Err(file("lock", path, &error)),
        }
    }

    /// Waits for the lock, on a thread because flock(2) knows no time-out. If nobody waits any more when that gets the lock,
    /// it gives it back at once.
    fn wait(lock: File, path: &Path) -> Result<Option<Self>> {
        let (waited, waiting) = mpsc::channel();
        thread::Builder::new()
            .name("conversation-lock".to_owned())
            .spawn(move || waited.send(lock.lock().map(|()| Self { lock })))
            .map_err(|error| file("wait for the lock", path, &error))?;
        let answer = waiting.recv_timeout(MOMENT).ok().transpose();
        answer.map_err(|error| file("lock", path, &error))
    }
}

impl Drop for Claimed {
    #[expect(
        clippy::disallowed_methods,
        reason = "nobody else has a use for this lock, and closing would leave it to a child that is just being started"
    )]
    fn drop(&mut self) {
        if let Err(error) = self.lock.unlock() {
            // Closing the file frees it as well, in all cases but the one above.
            tracing::debug!(%error, "could not free the lock on the conversation");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::MetadataExt as _;

    use super::*;

    #[test]
    fn a_child_that_is_just_being_started_does_not_keep_the_lock() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let claimed = Claimed::take(&path, &path).unwrap();
        // What fork(2) gives to a child: the same open file.
        let _of_child = claimed.lock.try_clone().unwrap();
        drop(claimed);
        Claimed::take(&path, &path).unwrap();
    }

    #[test]
    fn a_lock_that_is_held_gets_a_moment_to_become_free() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let claimed = Claimed::take(&path, &path).unwrap();
        let inode = format!(":{} ", fs::metadata(&path).unwrap().ino());
        let waiter = thread::spawn(move || Claimed::take(&path, &path).map(drop));
        // The kernel marks who waits with an arrow.
        let waits = || fs::read_to_string("/proc/locks").unwrap();
        while !waits()
            .lines()
            .any(|line| line.contains("->") && line.contains(&inode))
        {
            assert!(!waiter.is_finished(), "{:?}", waiter.join());
            thread::yield_now();
        }
        drop(claimed);
        waiter.join().unwrap().unwrap();
    }
}
