//! The states of a thread's worker, and what leads from one to the next. Pure.

use credentials::Timestamp;

use crate::status::WorkerState;

/// What happens to a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// A turn wants one.
    Wanted,
    /// It has a session.
    Started,
    /// It was sent a turn.
    Prompted,
    /// The turn ended, and the worker lives.
    Answered,
    /// We ended it, or no longer want the one that is being started.
    Ended,
    /// It could not be started, or died by itself.
    Failed {
        /// When it may be tried again; `None`: when somebody asks.
        until: Option<Timestamp>,
    },
    /// The time after a failure is over, or somebody wants it tried at once.
    Forgiven,
}

/// The state after a step; `None` where the step can't happen.
pub(crate) fn after(state: WorkerState, step: Step) -> Option<WorkerState> {
    use WorkerState::{Busy, Cold, Failed, Idle, Ready, Starting};
    match (state, step) {
        (Cold, Step::Wanted) => Some(Starting),
        (Starting, Step::Started) => Some(Ready),
        (Ready | Idle, Step::Prompted) => Some(Busy),
        (Busy, Step::Answered) => Some(Idle),
        (Starting | Ready | Busy | Idle, Step::Ended) | (Failed { .. }, Step::Forgiven) => Some(Cold),
        (Starting | Ready | Busy | Idle, Step::Failed { until }) => Some(Failed { until }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_states_of_a_worker_are_this_table() {
        use WorkerState::{Busy, Cold, Failed, Idle, Ready, Starting};
        let until = Some(Timestamp::from_seconds(7));
        let failed = Failed { until };
        let steps = [
            Step::Wanted,
            Step::Started,
            Step::Prompted,
            Step::Answered,
            Step::Ended,
            Step::Failed { until },
            Step::Forgiven,
        ];
        for (state, expected) in [
            (Cold, [Some(Starting), None, None, None, None, None, None]),
            (
                Starting,
                [None, Some(Ready), None, None, Some(Cold), Some(failed), None],
            ),
            (
                Ready,
                [None, None, Some(Busy), None, Some(Cold), Some(failed), None],
            ),
            (
                Busy,
                [None, None, None, Some(Idle), Some(Cold), Some(failed), None],
            ),
            (
                Idle,
                [None, None, Some(Busy), None, Some(Cold), Some(failed), None],
            ),
            (failed, [None, None, None, None, None, None, Some(Cold)]),
        ] {
            for (step, expected) in steps.into_iter().zip(expected) {
                assert_eq!(after(state, step), expected, "{state:?} {step:?}");
            }
        }
    }
}
