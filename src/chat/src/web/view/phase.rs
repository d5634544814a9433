//! What a thread is at, in words, for the line above the composer and the dot in the list.

use conversation::{Dispatch, TurnState};
use serde::Serialize;
use supervisor::{Doing, ThreadPhase, ThreadStatus};

use super::harmless;

/// What a thread is at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct PhaseView {
    /// A class: `quiet`, `working`, `waiting`, `failed`.
    pub(crate) tone: &'static str,
    /// In a few words; empty when there is nothing to say.
    pub(crate) words: String,
    /// Whether a turn runs: the stop button and the mode are shown.
    pub(crate) busy: bool,
    /// Whether it is being stopped: what comes then is no answer.
    pub(crate) stopping: bool,
    /// The running turn.
    pub(crate) turn: Option<i64>,
    /// Since when it runs, in milliseconds since 1970.
    pub(crate) since: Option<i64>,
    /// When something ends by itself, in milliseconds since 1970.
    pub(crate) until: Option<i64>,
    /// The mode that holds for messages that come now.
    pub(crate) dispatch: Option<Dispatch>,
}

/// For the line above the composer.
pub(crate) fn phase(phase: ThreadPhase, doing: Option<&Doing>) -> PhaseView {
    let what = doing
        .map(|doing| harmless::line(&doing.what, 120))
        .unwrap_or_default();
    let (tone, words, busy) = match phase {
        ThreadPhase::Cold | ThreadPhase::Idle => ("quiet", String::new(), false),
        ThreadPhase::Starting => ("working", "Starting the agent".to_owned(), true),
        ThreadPhase::Waiting => (
            "working",
            "Waiting for a free place among the workers".to_owned(),
            true,
        ),
        ThreadPhase::Working => (
            "working",
            first_upper(if what.is_empty() { "working" } else { &what }),
            true,
        ),
        ThreadPhase::AwaitingPermission => ("waiting", "Waiting for permission".to_owned(), true),
        ThreadPhase::AwaitingLogin => ("waiting", "Waiting for a sign-in".to_owned(), true),
        ThreadPhase::Stopping => ("working", "Stopping".to_owned(), true),
        ThreadPhase::Failed { until: Some(_) } => {
            ("failed", "The agent failed; it is tried again".to_owned(), false)
        }
        ThreadPhase::Failed { until: None } => (
            "failed",
            "The agent failed; send a message or press Retry to try again".to_owned(),
            false,
        ),
    };
    let until = match phase {
        ThreadPhase::Failed { until } => until.map(credentials::Timestamp::millis),
        _ => None,
    };
    PhaseView {
        tone,
        words,
        busy,
        stopping: phase == ThreadPhase::Stopping,
        turn: doing.map(|doing| doing.turn.0),
        since: doing.map(|doing| doing.since.millis()),
        until,
        dispatch: doing.map(|doing| doing.dispatch),
    }
}

/// For the list: a class for the dot, and the word that a screen reader says.
pub(crate) fn dot(status: &ThreadStatus) -> (&'static str, &'static str) {
    match status.phase {
        ThreadPhase::AwaitingPermission => ("waiting", "waiting for permission"),
        ThreadPhase::AwaitingLogin => ("waiting", "waiting for a sign-in"),
        ThreadPhase::Failed { .. } => ("failed", "failed"),
        ThreadPhase::Starting => ("working", "starting"),
        ThreadPhase::Waiting => ("working", "waiting for a worker"),
        ThreadPhase::Working => ("working", "working"),
        ThreadPhase::Stopping => ("working", "stopping"),
        ThreadPhase::Cold | ThreadPhase::Idle => match status.summary.last_end {
            Some(TurnState::Failed) => ("failed", "failed"),
            Some(TurnState::Cut) => ("failed", "cut off"),
            Some(TurnState::Stopped) => ("quiet", "stopped"),
            _ => ("quiet", ""),
        },
    }
}

fn first_upper(words: &str) -> String {
    let mut letters = words.chars();
    letters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_can_not_decide_is_not_told_that_it_waits_for_them() {
        let line = phase(ThreadPhase::AwaitingPermission, None);
        assert!(line.busy && line.tone == "waiting");
        assert_eq!(line.words, "Waiting for permission");
    }
}
