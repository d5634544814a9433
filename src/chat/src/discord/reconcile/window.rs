//! A limit of so many in so long.

use std::collections::VecDeque;
use std::time::Duration;

use super::{Bucket, Clock};

/// Discord's window and ours do not begin at the same moment.
const MARGIN: Duration = Duration::from_millis(250);

/// So many in so long, in whatever window of that length one looks.
#[derive(Debug)]
pub(super) struct Window {
    most: usize,
    span: Duration,
    counted: VecDeque<Clock>,
    blocked: Clock,
}

impl Window {
    pub(super) fn new(most: usize, span: Duration) -> Self {
        Self {
            most,
            span,
            counted: VecDeque::with_capacity(most),
            blocked: Clock::ZERO,
        }
    }

    /// When there is room for one more.
    pub(super) fn ready(&self) -> Clock {
        let free = match self.counted.front() {
            Some(first) if self.counted.len() >= self.most => *first + self.span,
            _ => Clock::ZERO,
        };
        free.max(self.blocked)
    }

    /// One more.
    pub(super) fn count(&mut self, now: Clock) {
        self.counted.push_back(now);
        if self.counted.len() > self.most {
            self.counted.pop_front();
        }
    }

    /// Nothing before that moment.
    pub(super) fn block(&mut self, until: Clock) {
        self.blocked = self.blocked.max(until + MARGIN);
    }

    /// What Discord says counts more than what we counted.
    pub(super) fn learn(&mut self, bucket: Bucket, now: Clock) {
        if bucket.remaining == 0 {
            self.block(now + bucket.reset_after);
        }
    }
}
