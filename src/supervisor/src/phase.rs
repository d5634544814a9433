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
        _ => {}
    }
    match facts.state {
        WorkerState::Starting if facts.no_place => ThreadPhase::Waiting,
        WorkerState::Starting => ThreadPhase::Starting,
        WorkerState::Failed { until } => ThreadPhase::Failed { until },
        // Something that waits has its worker in a moment.
        WorkerState::Cold if facts.wanted => ThreadPhase::Starting,
        WorkerState::Cold => ThreadPhase::Cold,
        WorkerState::Ready | WorkerState::Busy | WorkerState::Idle
            if facts.wanted || facts.turn.is_some() =>
        {
            ThreadPhase::Working
        }
        WorkerState::Ready | WorkerState::Busy | WorkerState::Idle => ThreadPhase::Idle,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUIET: Facts = Facts {
        turn: None,
        wanted: false,
        no_place: false,
        state: WorkerState::Cold,
    };
    const RUNS: TurnFacts = TurnFacts {
        prompted: true,
        cancelled: None,
        permission: false,
        login: false,
    };

    #[test]
    fn without_a_running_turn_the_phase_is_this_table() {
        use WorkerState::{Failed, Idle, Ready, Starting};
        let at = |state| Facts { state, ..QUIET };
        let wanted = |state| Facts {
            wanted: true,
            ..at(state)
        };
        let failed = Failed { until: None };
        let no_place = Facts {
            no_place: true,
            ..wanted(Starting)
        };
        for (facts, expected) in [
            (QUIET, ThreadPhase::Cold),
            (at(Idle), ThreadPhase::Idle),
            (at(Ready), ThreadPhase::Idle),
            (wanted(WorkerState::Cold), ThreadPhase::Starting),
            (wanted(Starting), ThreadPhase::Starting),
            (no_place, ThreadPhase::Waiting),
            (wanted(failed), ThreadPhase::Failed { until: None }),
            (wanted(Ready), ThreadPhase::Working),
        ] {
            assert_eq!(phase(facts), expected, "{facts:?}");
        }
    }

    #[test]
    fn of_a_running_turn_the_phase_is_this_table() {
        let waits = TurnFacts {
            prompted: false,
            ..RUNS
        };
        let asks = TurnFacts {
            permission: true,
            ..RUNS
        };
        let asks_both = TurnFacts { login: true, ..asks };
        let stops = TurnFacts {
            cancelled: Some(Intent::Stop),
            ..asks
        };
        for (turn, state, expected) in [
            (RUNS, WorkerState::Busy, ThreadPhase::Working),
            (asks, WorkerState::Busy, ThreadPhase::AwaitingPermission),
            (asks_both, WorkerState::Busy, ThreadPhase::AwaitingLogin),
            (stops, WorkerState::Busy, ThreadPhase::Stopping),
            (waits, WorkerState::Starting, ThreadPhase::Starting),
        ] {
            let facts = Facts {
                turn: Some(turn),
                state,
                ..QUIET
            };
            assert_eq!(phase(facts), expected, "{facts:?}");
        }
    }
}
