//! Waiting for a lock with a deadline and a way to cancel, without polling.

use std::fs::File;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

#[cfg(unix)]
use super::watch;

/// How a lock is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// Alone.
    Exclusive,
    /// With all others who only wait for the holder to end: they wake together.
    Shared,
}

/// How a wait ended without the lock.
#[derive(Debug)]
pub(super) enum Ended {
    TimedOut,
    Cancelled,
    Failed(io::Error),
}

/// Cancels the waits of one caller. Clones are the same switch.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<Mutex<Switch>>);

#[derive(Debug, Default)]
struct Switch {
    thrown: bool,
    /// The wait under way.
    waiting: Option<u64>,
}

impl Cancel {
    /// Ends the wait under way and every later one. Returns at once.
    pub fn cancel(&self) {
        let mut switch = self.switch();
        switch.thrown = true;
        #[cfg(unix)]
        if let Some(id) = switch.waiting {
            watch::end(id);
        }
    }

    /// Whether [`cancel`](Self::cancel) was called.
    pub fn is_cancelled(&self) -> bool {
        self.switch().thrown
    }

    fn switch(&self) -> MutexGuard<'_, Switch> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Locks `file`, blocking this thread until it is free, `deadline` passes or `cancel` is thrown.
///
/// Whichever way it ends without the lock, the file is closed and nothing waits for it any more.
#[cfg(unix)]
pub(super) fn lock(file: File, mode: Mode, deadline: Instant, cancel: &Cancel) -> Result<File, Ended> {
    let watched = watch::Watched::until(deadline);
    cancel.switch().waiting = Some(watched.id());
    let locked = loop {
        if cancel.is_cancelled() {
            break Err(Ended::Cancelled);
        }
        if Instant::now() >= deadline {
            break Err(Ended::TimedOut);
        }
        match block(&file, mode) {
            Ok(()) => break Ok(()),
            // The word of the watchdog, or a signal that has nothing to do with us.
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => break Err(Ended::Failed(error)),
        }
    };
    cancel.switch().waiting = None;
    locked.map(|()| file)
}

#[cfg(unix)]
fn block(file: &File, mode: Mode) -> io::Result<()> {
    match mode {
        Mode::Exclusive => file.lock(),
        Mode::Shared => file.lock_shared(),
    }
}

/// A blocking call can't be ended early here, so this asks again and again.
#[cfg(not(unix))]
pub(super) fn lock(file: File, mode: Mode, deadline: Instant, cancel: &Cancel) -> Result<File, Ended> {
    const PAUSE: std::time::Duration = std::time::Duration::from_millis(10);
    loop {
        if cancel.is_cancelled() {
            return Err(Ended::Cancelled);
        }
        let tried = match mode {
            Mode::Exclusive => file.try_lock(),
            Mode::Shared => file.try_lock_shared(),
        };
        match tried {
            Ok(()) => return Ok(file),
            Err(std::fs::TryLockError::Error(error)) => return Err(Ended::Failed(error)),
            Err(std::fs::TryLockError::WouldBlock) if Instant::now() >= deadline => {
                return Err(Ended::TimedOut);
            }
            Err(std::fs::TryLockError::WouldBlock) => std::thread::park_timeout(PAUSE),
        }
    }
}
