//! Requests that are held until the test lets them go.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::watch;

use crate::clock::Clock;

/// All that is held.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    /// How often everything was let go.
    times: watch::Sender<u64>,
    waiting: AtomicUsize,
}

/// One that was held, until it has happened or its client has left.
pub(crate) struct One<'a>(&'a Requests, &'a Clock);

impl Drop for One<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::AcqRel);
        self.1.signal();
    }
}

impl Requests {
    /// Waits until everything is let go the next time.
    pub(crate) async fn wait<'a>(&'a self, clock: &'a Clock) -> One<'a> {
        let mut times = self.times.subscribe();
        let before = *times.borrow_and_update();
        self.waiting.fetch_add(1, Ordering::AcqRel);
        let one = One(self, clock);
        // It lives as long as the one that waits.
        let _ = times.wait_for(|times| *times > before).await;
        one
    }

    pub(crate) fn let_go(&self) {
        self.times.send_modify(|times| *times += 1);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.load(Ordering::Acquire) == 0
    }
}
