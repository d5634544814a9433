//! How long is waited before a shard connects again. Pure.

use std::time::Duration;

/// After a second failure, and twice as long after each further one.
const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_mins(2);
/// A connection that lived so long has done nothing wrong.
const WELL: Duration = Duration::from_secs(10);
/// After so many failures a session is over, or the place where it was to be gone on with.
const MOST: u32 = 8;

/// What went wrong lately.
#[derive(Debug, Default)]
pub(super) struct Patience {
    /// Connections in a row that did not live.
    short: u32,
    /// Sessions that were begun, but for those before one that lived through the longest pause.
    begun: u32,
}

impl Patience {
    /// Before the next connection, which goes on with a session or begins `anew`. Sessions are begun so seldom that those of a
    /// day are never used up.
    pub(super) fn pause(&mut self, anew: bool) -> Duration {
        let failures = if anew { self.begun } else { self.short };
        self.begun += u32::from(anew);
        match failures.checked_sub(1) {
            None => Duration::ZERO,
            // Discord wants at least a second before another session.
            Some(doubled) => (FIRST * 2u32.saturating_pow(doubled + u32::from(anew))).min(LONGEST),
        }
    }

    /// Whether it makes no sense to go on with a session.
    pub(super) fn is_over(&self) -> bool {
        self.short >= MOST
    }

    /// A connection ended that was a session's for so long.
    pub(super) fn lived(&mut self, span: Option<Duration>) {
        let span = span.unwrap_or_default();
        self.short = if span >= WELL { 0 } else { self.short + 1 };
        if span >= LONGEST {
            self.begun = 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_connection_waits_for_nothing_and_a_day_of_failures_begins_few_sessions() {
        let mut patience = Patience::default();
        assert_eq!(patience.pause(true), Duration::ZERO);
        let (mut waited, mut begun) = (Duration::ZERO, 1);
        loop {
            patience.lived(None);
            waited += patience.pause(true);
            if waited > Duration::from_hours(24) {
                break;
            }
            begun += 1;
        }
        assert!((700..800).contains(&begun), "{begun}");
        // What lives just long enough to be forgiven lives long.
        patience.lived(Some(LONGEST));
        assert_eq!(patience.pause(true), 2 * FIRST);
    }

    #[test]
    fn what_breaks_once_is_gone_on_with_at_once_and_what_breaks_again_and_again_seldom() {
        let mut patience = Patience::default();
        patience.pause(true);
        patience.lived(Some(WELL));
        assert_eq!(patience.pause(false), Duration::ZERO);
        let mut pauses = vec![];
        for _ in 0..10 {
            patience.lived(Some(WELL / 2));
            pauses.push(patience.pause(false).as_secs());
        }
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 64, 120, 120, 120]);
        assert!(patience.is_over());
    }
}
