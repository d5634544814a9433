//! What a thread is at, for people, from what its task knows. Pure.

use crate::ending::Intent;
use crate::status::WorkerState;
use crate::update::ThreadPhase;

/// What the task knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Facts {
    /// The running turn, if one runs.
    pub(crate) turn: Option<TurnFacts>,
    /// Whether something waits for a worker.
    pub(crate) wanted: bool,
    /// Whether a worker can't open its session without a login.
    pub(crate) login_first: bool,
    /// Whether all places are taken.
    pub(crate) no_place: bool,
    /// The worker.
    pub(crate) state: WorkerState,
}

/// The running turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TurnFacts {
    /// Whether the worker has it.
    pub(crate) prompted: bool,
    /// Whether it is being cancelled.
    pub(crate) cancelled: Option<Intent>,
    /// Whether it waits for a permission.
    pub(crate) permission: bool,
    /// Whether it waits for a login.
    pub(crate) login: bool,
}

/// The phase.
pub(crate) fn phase(facts: Facts) -> ThreadPhase {
    match facts.turn {
        Some(turn) if turn.cancelled.is_some() => return ThreadPhase::Stopping,
        Some(turn) if turn.login => return ThreadPhase::AwaitingLogin,
        Some(turn) if turn.permission => return ThreadPhase::AwaitingPermission,
        Some(turn) if turn.prompted => return ThreadPhase::Working,
        _ if facts.login_first => return ThreadPhase::AwaitingLogin,
        _ => {}
    }
    match facts.state {
        WorkerState::Starting if facts.no_place => ThreadPhase::Waiting,
        WorkerState::Starting => ThreadPhase::Starting,
        WorkerState::Failed { until } => ThreadPhase::Failed { until },
        // Something that waits has its worker in a moment.
        WorkerState::Cold if facts.wanted => ThreadPhase::Starting,
        WorkerState::Cold => ThreadPhase::Cold,
        WorkerState::Ready | WorkerState::Busy | WorkerState::Idle if facts.wanted || facts.turn.is_some() => {
            ThreadPhase::Working
        }
        WorkerState::Ready | WorkerState::Busy | WorkerState::Idle => ThreadPhase::Idle,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_phase_is_this_table() {
        use WorkerState::{Busy, Cold, Failed, Idle, Ready, Starting};
        let quiet = Facts {
            turn: None,
            wanted: false,
            login_first: false,
            no_place: false,
            state: Cold,
        };
        let runs = TurnFacts {
            prompted: true,
            cancelled: None,
            permission: false,
            login: false,
        };
        let works = Facts { turn: Some(runs), state: Busy, ..quiet };
        let turn = |turn| Facts { turn: Some(turn), ..works };
        let wanted = Facts { wanted: true, ..quiet };
        for (facts, expected) in [
            (quiet, ThreadPhase::Cold),
            (Facts { state: Idle, ..quiet }, ThreadPhase::Idle),
            (Facts { state: Ready, ..quiet }, ThreadPhase::Idle),
            (wanted, ThreadPhase::Starting),
            (Facts { state: Starting, ..wanted }, ThreadPhase::Starting),
            (Facts { state: Starting, no_place: true, ..wanted }, ThreadPhase::Waiting),
            (Facts { state: Failed { until: None }, ..wanted }, ThreadPhase::Failed { until: None }),
            (Facts { login_first: true, ..wanted }, ThreadPhase::AwaitingLogin),
            (Facts { state: Ready, ..wanted }, ThreadPhase::Working),
            (works, ThreadPhase::Working),
            (turn(TurnFacts { permission: true, ..runs }), ThreadPhase::AwaitingPermission),
            (turn(TurnFacts { login: true, ..runs }), ThreadPhase::AwaitingLogin),
            (turn(TurnFacts { login: true, permission: true, ..runs }), ThreadPhase::AwaitingLogin),
            (
                turn(TurnFacts { cancelled: Some(Intent::Stop), permission: true, ..runs }),
                ThreadPhase::Stopping,
            ),
            (
                Facts { state: Starting, ..turn(TurnFacts { prompted: false, ..runs }) },
                ThreadPhase::Starting,
            ),
        ] {
            assert_eq!(phase(facts), expected, "{facts:?}");
        }
    }
}
