//! How a blocking tool learns that nobody waits for it any more, or that it takes too long.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// A search that takes longer says what it has found so far.
const LONGEST: Duration = Duration::from_secs(30);

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
        (Self::within(LONGEST, Arc::clone(&cancelled)), Guard(cancelled))
    }

    /// For work that nobody cancels.
    pub(super) fn after(limit: Duration) -> Self {
        Self::within(limit, Arc::default())
    }

    fn within(limit: Duration, cancelled: Arc<AtomicBool>) -> Self {
        Self {
            cancelled,
            deadline: Instant::now() + limit,
        }
    }

    pub(super) fn is_due(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed) || Instant::now() >= self.deadline
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
