//! Threads and their lines in the list, in every state.

use conversation::{Dispatch, Thread, ThreadSummary, TurnId, TurnState};
use supervisor::{Doing, ThreadPhase, ThreadStatus};

use super::{ago, id, viewer};
use crate::web::view::Line;

pub(super) fn thread(local: &str, title: &str, active: u64) -> Thread {
    Thread {
        id: id(local),
        owner: viewer().user,
        title: title.into(),
        agent: "native".into(),
        model: None,
        mode: None,
        own_model: None,
        own_mode: None,
        dispatch: Dispatch::Queue,
        workspaces: None,
        permissions: None,
        session: None,
        created: ago(9000),
        active: ago(active),
    }
}

pub(super) fn doing(what: &str) -> Doing {
    Doing {
        turn: TurnId(4),
        what: what.into(),
        since: ago(83),
        dispatch: Dispatch::Queue,
    }
}

fn line(
    thread: Thread,
    phase: ThreadPhase,
    what: Option<&str>,
    queued: u32,
    last_end: Option<TurnState>,
) -> Line {
    let summary = ThreadSummary {
        undelivered: 0,
        thread,
        queued,
        running: what.is_some(),
        last_end,
    };
    Line {
        status: ThreadStatus {
            summary,
            phase,
            doing: what.map(doing),
        },
        unread: queued == 0 && what.is_none() && last_end.is_none(),
        origin: None,
    }
}

pub(super) fn lines() -> Vec<Line> {
    let done = Some(TurnState::Done);
    vec![
        line(
            thread("full", "Make the parser fail on trailing commas", 2),
            ThreadPhase::Working,
            Some("running cargo test --workspace"),
            2,
            None,
        ),
        line(
            thread("b", "Look through yesterday’s logs", 70),
            ThreadPhase::AwaitingPermission,
            Some("waiting"),
            0,
            None,
        ),
        line(
            thread(
                "c",
                "A very long title that does not fit into the list at all, whatever one does",
                400,
            ),
            ThreadPhase::AwaitingLogin,
            Some("waiting"),
            0,
            None,
        ),
        line(
            thread("d", "Plot the latency table", 4000),
            ThreadPhase::Idle,
            None,
            0,
            None,
        ),
        line(
            thread("e", "Rename the crates", 9000),
            ThreadPhase::Failed { until: None },
            None,
            0,
            Some(TurnState::Failed),
        ),
        line(
            thread("f", "Notes for the release", 90_000),
            ThreadPhase::Cold,
            None,
            0,
            done,
        ),
        line(
            thread("g", "", 200_000),
            ThreadPhase::Cold,
            None,
            0,
            Some(TurnState::Stopped),
        ),
    ]
}
