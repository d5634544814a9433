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
    /// When it ended.
    pub ended: Option<Timestamp>,
}

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
