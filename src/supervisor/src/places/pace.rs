//! How fast workers may be started.

use std::time::Duration;

use tokio::time::Instant;

/// So many starts in a second, evenly, after one second's worth that may come at once (the generic cell rate algorithm,
/// ITU-T I.371).
///
/// The limit of starts at the same time does not bound this: workers that die at once would be replaced as fast as the
/// machine can.
#[derive(Debug)]
pub(super) struct Pace {
    interval: Duration,
    /// What may come early: one second's worth but one.
    ahead: Duration,
    /// When the next one is due, if all came evenly.
    due: Instant,
}

impl Pace {
    pub(super) fn new(per_second: u32, now: Instant) -> Self {
        let interval = Duration::from_secs(1) / per_second.max(1);
        Self {
            interval,
            ahead: Duration::from_secs(1).saturating_sub(interval),
            due: now,
        }
    }

    /// When the next one may start: now, or later. It counts as started.
    pub(super) fn next(&mut self, now: Instant) -> Instant {
        let due = self.due.max(now);
        self.due = due + self.interval;
        due.checked_sub(self.ahead)
            .map_or(now, |earliest| earliest.max(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_second_s_worth_starts_at_once_and_the_rest_evenly() {
        // Some way after the clock's zero, so that what is early has a place on it.
        let now = Instant::now() + Duration::from_mins(1);
        let mut pace = Pace::new(4, now);
        let waits: Vec<u128> = (0..8).map(|_| (pace.next(now) - now).as_millis()).collect();
        assert_eq!(waits, [0, 0, 0, 0, 250, 500, 750, 1000]);
        let later = now + Duration::from_mins(1);
        let waits: Vec<u128> = (0..5).map(|_| (pace.next(later) - later).as_millis()).collect();
        assert_eq!(waits, [0, 0, 0, 0, 250], "what was not used does not add up");
    }

    #[test]
    fn one_a_second_is_one_a_second() {
        let now = Instant::now() + Duration::from_mins(1);
        let mut pace = Pace::new(1, now);
        let waits: Vec<u128> = (0..3).map(|_| (pace.next(now) - now).as_millis()).collect();
        assert_eq!(waits, [0, 1000, 2000]);
    }
}
