//! Turns: one message and the agent's reply to it.

use credentials::{Timestamp, UserId};
use serde::{Deserialize, Serialize};

use crate::id::{SourceId, ThreadId, TurnId};
use crate::item::{Attachment, Item};

/// How a turn stands: `queued → running → done | failed | stopped | cut`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TurnState {
    /// Waits.
    Queued,
    /// Runs.
    Running,
    /// Answered.
    Done,
    /// Ended by an error.
    Failed,
    /// Ended by a person, or dropped by an interrupt, a reset or a skip.
    Stopped,
    /// The host or the worker died while it ran.
    Cut,
}

/// What happens to a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TurnEvent {
    /// It is handed to a worker.
    Start,
    /// It ends.
    End(TurnEnd),
}

impl TurnState {
    /// Whether it stays as it is for ever.
    pub fn is_ended(self) -> bool {
        !matches!(self, Self::Queued | Self::Running)
    }

    /// Whether it may be asked for again.
    pub fn may_retry(self) -> bool {
        matches!(self, Self::Failed | Self::Stopped | Self::Cut)
    }

    /// The state after an event; `None`: that can't happen in this state. What never ran can be neither answered nor cut.
    pub(crate) fn after(self, event: TurnEvent) -> Option<Self> {
        match (self, event) {
            (Self::Queued, TurnEvent::Start) => Some(Self::Running),
            (Self::Running, TurnEvent::End(TurnEnd::Done)) => Some(Self::Done),
            (Self::Running, TurnEvent::End(TurnEnd::Cut)) => Some(Self::Cut),
            (Self::Queued | Self::Running, TurnEvent::End(TurnEnd::Failed)) => Some(Self::Failed),
            (Self::Queued | Self::Running, TurnEvent::End(TurnEnd::Stopped)) => Some(Self::Stopped),
            _ => None,
        }
    }
}

/// A turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// Its id; turns of a thread run in the order of ids.
    pub id: TurnId,
    /// Its thread.
    pub thread: ThreadId,
    /// The chat's name of the message that began it.
    pub source: SourceId,
    /// Who wrote it.
    pub by: UserId,
    /// The name they show.
    pub name: String,
    /// What they wrote; after a steer, everything that was merged, in order, with a blank line between.
    pub text: String,
    /// Files that came with it.
    pub files: Vec<Attachment>,
    /// How it stands.
    pub state: TurnState,
    /// Why it failed, was stopped or was cut, in words.
    pub reason: Option<String>,
    /// How often it was handed to a worker.
    pub attempts: u32,
    /// When it was accepted.
    pub created: Timestamp,
    /// When it began to run.
    pub started: Option<Timestamp>,
    /// When it ended; never before what ended earlier in its thread, whatever the clock said.
    pub ended: Option<Timestamp>,
    /// The model that answered it, for people. `None`: it was not answered, nobody knows the model, or an older program ran it.
    pub model: Option<String>,
}

/// How the reason of a merged turn begins; the number of the other one follows.
pub(crate) const MERGED: &str = "merged into turn ";

/// A message to be accepted.
#[derive(Debug, Clone)]
pub struct NewTurn {
    /// Its thread, which must exist.
    pub thread: ThreadId,
    /// The chat's name of the message.
    pub source: SourceId,
    /// Who wrote it.
    pub by: UserId,
    /// The name they show.
    pub name: String,
    /// What they wrote.
    pub text: String,
    /// Files that came with it.
    pub files: Vec<Attachment>,
}

/// What became of a message.
#[derive(Debug, Clone, PartialEq)]
#[expect(
    clippy::large_enum_variant,
    reason = "new is the rule, and nobody keeps many of these"
)]
pub enum Enqueued {
    /// It is a new turn, and this is its entry in the timeline.
    New(Turn, Item),
    /// It was accepted before.
    Known(Turn),
}

/// How a turn ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TurnEnd {
    /// Answered.
    Done,
    /// By an error.
    Failed,
    /// By a person.
    Stopped,
    /// By a death.
    Cut,
}

/// What became of a merge.
#[derive(Debug, Clone, PartialEq)]
pub struct Merged {
    /// The turn with the new text.
    pub turn: Turn,
    /// The entries of the message that was merged, which are the turn's now.
    pub said: Vec<Item>,
}

/// A queued turn that was dropped.
#[derive(Debug, Clone, PartialEq)]
pub struct Dropped {
    /// It, now stopped.
    pub turn: Turn,
    /// The entry that tells so.
    pub told: Item,
}

#[cfg(test)]
mod tests {
    use super::TurnEnd::{Cut, Done, Failed, Stopped};
    use super::TurnEvent::{End, Start};
    use super::*;

    #[test]
    fn a_turn_moves_only_as_the_table_says() {
        let events = [Start, End(Done), End(Failed), End(Stopped), End(Cut)];
        let none = [None; 5];
        let table = [
            (
                TurnState::Queued,
                [
                    Some(TurnState::Running),
                    None,
                    Some(TurnState::Failed),
                    Some(TurnState::Stopped),
                    None,
                ],
            ),
            (
                TurnState::Running,
                [
                    None,
                    Some(TurnState::Done),
                    Some(TurnState::Failed),
                    Some(TurnState::Stopped),
                    Some(TurnState::Cut),
                ],
            ),
            (TurnState::Done, none),
            (TurnState::Failed, none),
            (TurnState::Stopped, none),
            (TurnState::Cut, none),
        ];
        for (state, expected) in table {
            assert_eq!(events.map(|event| state.after(event)), expected, "{state:?}");
            assert_eq!(state.is_ended(), expected == none, "{state:?}");
        }
    }

    #[test]
    fn only_what_went_wrong_may_be_asked_for_again() {
        use TurnState::{Cut, Done, Failed, Queued, Running, Stopped};
        for state in [Failed, Stopped, Cut] {
            assert!(state.may_retry(), "{state:?}");
        }
        for state in [Queued, Running, Done] {
            assert!(!state.may_retry(), "{state:?}");
        }
    }
}
