//! How requests ended lately: what Discord refuses too often it ends by silence for everything that a token does.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serenity::http::HttpError;
use tokio::time::Instant;

const HOUR: Duration = Duration::from_hours(1);
const TEN_MINUTES: Duration = Duration::from_mins(10);
/// More than these are only more.
const MOST: usize = 10_000;

/// Counts. Cloned, it is the same.
#[derive(Debug, Clone, Default)]
pub(in crate::discord) struct Tally(Arc<Mutex<Counts>>);

#[derive(Debug, Default)]
struct Counts {
    limited: VecDeque<Instant>,
    invalid: VecDeque<Instant>,
}

impl Tally {
    /// An answer had this status.
    pub(super) fn answered(&self, status: u16) {
        if status == 429 {
            self.limit_met();
        }
        // What Discord counts: https://discord.com/developers/docs/topics/rate-limits#invalid-request-limit
        if matches!(status, 401 | 403 | 429) {
            push(&mut self.counts().invalid);
        }
    }

    /// What serenity says of a request that it made.
    pub(super) fn failed(&self, error: &serenity::Error) {
        if let serenity::Error::Http(HttpError::UnsuccessfulRequest(refused)) = error {
            self.answered(refused.status_code.as_u16());
        }
    }

    /// A limit was met, or just not.
    pub(super) fn limit_met(&self) {
        push(&mut self.counts().limited);
    }

    /// Limits that were met in the last hour, and requests of the last ten minutes that were invalid.
    pub(in crate::discord) fn lately(&self) -> (usize, usize) {
        let mut counts = self.counts();
        (
            within(&mut counts.limited, HOUR),
            within(&mut counts.invalid, TEN_MINUTES),
        )
    }

    fn counts(&self) -> std::sync::MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn push(moments: &mut VecDeque<Instant>) {
    if moments.len() == MOST {
        moments.pop_front();
    }
    moments.push_back(Instant::now());
}

fn within(moments: &mut VecDeque<Instant>, span: Duration) -> usize {
    while moments.front().is_some_and(|moment| moment.elapsed() >= span) {
        moments.pop_front();
    }
    moments.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_is_long_ago_counts_no_more() {
        let tally = Tally::default();
        for status in [200, 404, 429, 403, 401, 502] {
            tally.answered(status);
        }
        assert_eq!(tally.lately(), (1, 3));
        tokio::time::advance(TEN_MINUTES).await;
        tally.answered(403);
        assert_eq!(tally.lately(), (1, 1));
        tokio::time::advance(HOUR).await;
        assert_eq!(tally.lately(), (0, 0));
        for _ in 0..2 * MOST {
            tally.limit_met();
        }
        assert_eq!(tally.lately(), (MOST, 0));
    }
}
