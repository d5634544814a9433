//! How a blocking tool learns that nobody waits for it any more, or that it takes too long.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// A search that takes longer says what it has found so far.
pub(super) const LONGEST: Duration = Duration::from_secs(30);

/// Asked between two steps of a blocking tool.
#[derive(Debug, Clone)]
pub(super) struct Stop {
    cancelled: Arc<AtomicBool>,
    deadline: Instant,
}

/// Stops the tool when it is dropped.
#[derive(Debug)]
pub(super) struct Guard(Arc<AtomicBool>);

impl Stop {
    pub(super) fn new() -> (Self, Guard) {
        let cancelled = Arc::new(AtomicBool::new(false));
        let stop = Self {
            cancelled: Arc::clone(&cancelled),
            deadline: Instant::now() + LONGEST,
        };
        (stop, Guard(cancelled))
    }

    pub(super) fn is_due(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed) || Instant::now() >= self.deadline
    }

    /// An error of the kind `TimedOut` when it is due.
    pub(super) fn check(&self) -> io::Result<()> {
        if self.is_due() {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "it takes too long"));
        }
        Ok(())
    }

    /// A reader that fails as [`Self::check`] does: however long a file or a line is, nobody reads on for nobody.
    pub(super) fn reader<R: Read>(&self, inner: R) -> Patient<R> {
        Patient {
            inner,
            stop: self.clone(),
        }
    }
}

/// Reads until the stop is due.
#[derive(Debug)]
pub(super) struct Patient<R> {
    inner: R,
    stop: Stop,
}

impl<R: Read> Read for Patient<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stop.check()?;
        self.inner.read(buffer)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
