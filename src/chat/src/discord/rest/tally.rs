//! How requests ended lately, and whether one more may be made: what Discord refuses too often it ends by silence for
//! everything that a token does.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serenity::http::HttpError;
use tokio::time::Instant;

use crate::discord::health::{INVALID_MANY, INVALID_MOST};

const HOUR: Duration = Duration::from_hours(1);
const TEN_MINUTES: Duration = Duration::from_mins(10);
/// More than these are only more.
const MOST: usize = 10_000;
const BUDGET: Budget = Budget {
    niceties: INVALID_MANY,
    all: INVALID_MOST,
};

/// Counts. Cloned, it is the same.
#[derive(Debug, Clone, Default)]
pub(in crate::discord) struct Tally(Arc<Mutex<Counts>>);

#[derive(Debug, Default)]
struct Counts {
    limited: VecDeque<Instant>,
    invalid: VecDeque<Instant>,
    budget: Budget,
    /// The last answer said that the token is not known.
    no_token: bool,
    /// Until when it is told in the log that all is held back, and that niceties are.
    told: [Option<Instant>; 2],
}

/// How many requests may be invalid before none is made any more.
#[derive(Debug, Clone, Copy)]
pub(super) struct Budget {
    /// None that could as well be left out.
    pub(super) niceties: usize,
    /// None at all.
    pub(super) all: usize,
}

impl Default for Budget {
    fn default() -> Self {
        BUDGET
    }
}

impl Tally {
    #[cfg(test)]
    pub(super) fn with(budget: Budget) -> Self {
        let tally = Self::default();
        tally.counts().budget = budget;
        tally
    }

    /// How long a request has to wait, so that no more are invalid than may be.
    pub(super) fn held_back(&self, is_nicety: bool) -> Option<Duration> {
        let mut counts = self.counts();
        let most = if is_nicety {
            counts.budget.niceties
        } else {
            counts.budget.all
        };
        let invalid = within(&mut counts.invalid, TEN_MINUTES);
        let last = *counts.invalid.get(invalid.checked_sub(most)?)?;
        let wait = TEN_MINUTES.saturating_sub(last.elapsed());
        let now = Instant::now();
        let told = &mut counts.told[usize::from(is_nicety)];
        if told.is_none_or(|until| until <= now) {
            *told = Some(now + wait);
            let what = if is_nicety {
                "nothing that can be left out"
            } else {
                "nothing"
            };
            tracing::warn!(
                seconds = wait.as_secs(),
                "Discord has refused {invalid} requests in ten minutes: {what} is asked of it for now"
            );
        }
        Some(wait)
    }

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

    /// Whether the token was known, as the last answer said.
    pub(super) fn token_is_known(&self, is_known: bool) {
        self.counts().no_token = !is_known;
    }

    /// Whether Discord does not know the token any more.
    pub(in crate::discord) fn has_no_token(&self) -> bool {
        self.counts().no_token
    }

    /// What serenity says of a request that it made.
    pub(super) fn failed(&self, error: &serenity::Error) {
        if let serenity::Error::Http(HttpError::UnsuccessfulRequest(refused)) = error {
            self.answered(refused.status_code.as_u16());
        }
    }

    /// serenity waits for so long. After a 429 that is what Discord said, in whole milliseconds; before one it is what is left
    /// of a moment.
    pub(super) fn waits(&self, span: Duration) {
        if span.subsec_nanos().is_multiple_of(1_000_000) {
            self.answered(429);
        } else {
            self.limit_met();
        }
    }

    /// A limit was met, or just not.
    fn limit_met(&self) {
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
    async fn before_too_much_is_invalid_nothing_is_asked_and_what_can_be_left_out_least() {
        let tally = Tally::with(Budget { niceties: 2, all: 3 });
        let held_back = || (tally.held_back(true), tally.held_back(false));
        let span = |seconds| Some(Duration::from_secs(seconds));
        for expected in [
            (None, None),
            (None, None),
            (span(590), None),
            (span(590), span(580)),
        ] {
            assert_eq!(held_back(), expected);
            tokio::time::advance(Duration::from_secs(10)).await;
            tally.answered(403);
        }
        tokio::time::advance(Duration::from_secs(580)).await;
        assert_eq!(held_back(), (span(10), None));
    }

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
