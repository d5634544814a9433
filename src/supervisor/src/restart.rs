//! When a worker that failed is tried again. Pure.

use std::time::Duration;

use tokio::time::Instant;

use crate::status::WorkerState;

/// The longest wait between two tries.
const LONGEST: Duration = Duration::from_mins(1);

/// What follows from a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is tried again.
    Again {
        /// After so long.
        after: Duration,
    },
    /// It is not tried again until somebody asks.
    Open,
}

/// Whether the same try can end in another way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hope {
    /// It may: a crash, a time-out.
    Some,
    /// It can't: the program is not there.
    None,
}

/// Who wants a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asker {
    /// A turn that waits.
    Queue,
    /// A new message.
    Message,
    /// Somebody who pressed Retry.
    Retry,
}

/// What follows from the `count`th failure in a row: 1, 2, 4 … 60 s, a fifth more or less by `luck` (0 to 1), so that
/// threads that failed together do not come back together.
pub(crate) fn after_failure(count: u32, limit: u32, hope: Hope, luck: f64) -> Verdict {
    if hope == Hope::None || count >= limit.max(1) {
        return Verdict::Open;
    }
    let whole = Duration::from_secs(1 << count.saturating_sub(1).min(6)).min(LONGEST);
    Verdict::Again {
        after: whole.mul_f64(0.8 + 0.4 * luck.clamp(0.0, 1.0)),
    }
}

/// Whether a worker may be started now. After a failure it is tried again at `again`; `None`: when somebody asks. What its
/// state says of that is for people, by a clock that they may set.
pub(crate) fn may_start(state: WorkerState, again: Option<Instant>, asker: Asker, now: Instant) -> bool {
    match (state, again) {
        (WorkerState::Cold, _) => true,
        (WorkerState::Failed { .. }, Some(again)) => asker == Asker::Retry || now >= again,
        (WorkerState::Failed { .. }, None) => asker != Asker::Queue,
        (WorkerState::Starting | WorkerState::Ready | WorkerState::Busy | WorkerState::Idle, _) => false,
    }
}

#[cfg(test)]
mod tests {
    use credentials::Timestamp;

    use super::*;

    #[test]
    fn waits_double_up_to_a_minute_and_then_the_circuit_opens() {
        for (count, seconds) in [
            (1, 1),
            (2, 2),
            (3, 4),
            (4, 8),
            (5, 16),
            (6, 32),
            (7, 60),
            (8, 60),
            (40, 60),
        ] {
            let after = Duration::from_secs(seconds);
            assert_eq!(
                after_failure(count, 99, Hope::Some, 0.5),
                Verdict::Again { after }
            );
        }
        for (count, limit) in [(4, 4), (5, 4), (1, 1), (1, 0)] {
            assert_eq!(
                after_failure(count, limit, Hope::Some, 0.5),
                Verdict::Open,
                "{count} of {limit}"
            );
        }
        assert_eq!(after_failure(1, 4, Hope::None, 0.5), Verdict::Open);
    }

    #[test]
    fn luck_spreads_a_wait_by_a_fifth_to_both_sides() {
        for (luck, millis) in [(0.0, 3200), (0.5, 4000), (1.0, 4800), (9.0, 4800)] {
            let after = Duration::from_millis(millis);
            assert_eq!(after_failure(3, 9, Hope::Some, luck), Verdict::Again { after });
        }
    }

    #[test]
    fn who_may_start_a_worker_when_is_this_table() {
        let now = Instant::now();
        let (soon, waited) = (Some(now + Duration::from_millis(1)), Some(now));
        // What people are shown is no clock to wait by.
        let failed = WorkerState::Failed {
            until: Some(Timestamp::from_seconds(4_000_000_000)),
        };
        for (state, again, queue, message, retry) in [
            (WorkerState::Cold, None, true, true, true),
            (failed, soon, false, false, true),
            (failed, waited, true, true, true),
            (failed, None, false, true, true),
            (WorkerState::Starting, None, false, false, false),
            (WorkerState::Ready, None, false, false, false),
            (WorkerState::Busy, None, false, false, false),
            (WorkerState::Idle, None, false, false, false),
        ] {
            let may = |asker| may_start(state, again, asker, now);
            assert_eq!(may(Asker::Queue), queue, "{state:?}");
            assert_eq!(may(Asker::Message), message, "{state:?}");
            assert_eq!(may(Asker::Retry), retry, "{state:?}");
        }
    }
}
