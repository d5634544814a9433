//! The fake's clock: real time plus what a test added. Whoever waits is told of both kinds of change through one signal.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use chrono::{DateTime, SecondsFormat};
use tokio::sync::watch;

/// Time as the fake sees it. It only ever moves forward.
#[derive(Debug)]
pub struct Clock {
    /// Unix milliseconds at `started`.
    base: u64,
    started: Instant,
    ahead: AtomicU64,
    changed: watch::Sender<u64>,
}

impl Clock {
    /// `behind` that of this machine.
    pub(crate) fn new(behind: Duration) -> Self {
        let base = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .expect("this machine's clock stands after 1970");
        Self {
            base: millis(base.saturating_sub(behind)),
            started: Instant::now(),
            ahead: AtomicU64::new(0),
            changed: watch::Sender::new(0),
        }
    }

    /// Unix milliseconds.
    pub fn now(&self) -> u64 {
        self.base + millis(self.started.elapsed()) + self.ahead.load(Ordering::SeqCst)
    }

    /// Moves everything the fake measures: interaction tokens, nonces, rate limits. Heartbeats follow real time.
    pub fn advance(&self, by: Duration) {
        self.ahead.fetch_add(millis(by), Ordering::SeqCst);
        self.signal();
    }

    /// Wakes all that wait for a change.
    pub(crate) fn signal(&self) {
        self.changed.send_modify(|count| *count += 1);
    }

    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }
}

pub(crate) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).expect("no test runs for half a billion years")
}

/// ISO 8601, as Discord writes it.
pub(crate) fn iso(unix_millis: u64) -> String {
    let millis = i64::try_from(unix_millis).expect("a moment of this age");
    DateTime::from_timestamp_millis(millis)
        .expect("a moment that a calendar knows")
        .to_rfc3339_opts(SecondsFormat::Micros, false)
}
