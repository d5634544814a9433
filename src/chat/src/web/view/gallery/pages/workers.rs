//! The page of workers with one in every state.

use std::time::Duration;

use conversation::TurnId;
use supervisor::{WorkerState, WorkerStatus};

use super::{id, soon, viewer};
use crate::web::view::{Worker, workers};

pub(super) fn workers_page() -> String {
    let states = [
        WorkerState::Busy,
        WorkerState::Idle,
        WorkerState::Starting,
        WorkerState::Failed {
            until: Some(soon(30)),
        },
    ];
    let all: Vec<_> = (0..4_u64)
        .map(|at| WorkerStatus {
            thread: id(&format!("w{at}")),
            agent: "native".into(),
            pid: (at != 3).then(|| 4100 + i32::try_from(at).unwrap()),
            state: states[usize::try_from(at).unwrap()],
            turn: (at == 0).then_some(TurnId(7)),
            age: Duration::from_secs(at * 4000 + 12),
            memory: (at != 2).then_some(1_250_000 + at * 40_000),
            queued: u32::from(at == 0) * 2,
        })
        .collect();
    let rows: Vec<_> = all
        .iter()
        .map(|status| Worker {
            status,
            title: (status.pid != Some(4101)).then_some("Make the parser fail on trailing commas"),
        })
        .collect();
    workers(&rows, &viewer())
}
