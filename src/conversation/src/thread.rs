//! Threads, as they are kept.

use std::path::PathBuf;

use credentials::{Timestamp, UserId};
use serde::{Deserialize, Serialize};

use crate::id::ThreadId;
use crate::item::Item;
use crate::turn::Dropped;

/// What a message does that comes while a turn runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dispatch {
    /// It waits its turn.
    #[default]
    Queue,
    /// The turn is cancelled, the new text merged into it, and it is sent again.
    Steer,
    /// The turn is cancelled, what is queued is dropped, and the new one runs.
    Interrupt,
}

/// What happens before a tool changes something or runs a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permissions {
    /// People are asked.
    Ask,
    /// It is allowed.
    Allow,
    /// It is denied.
    Deny,
}

/// A thread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thread {
    /// Its id.
    pub id: ThreadId,
    /// Who opened it; decides whose login pays.
    pub owner: UserId,
    /// For lists; empty until somebody names it or the first message does.
    pub title: String,
    /// The agent that serves it, by its name in the configuration.
    pub agent: String,
    /// Overrides the agent's model.
    pub model: Option<String>,
    /// The agent's mode, by its name of it; `None` is the one that it begins with.
    pub mode: Option<String>,
    /// The model that the agent used in its session before it was told one: what it goes back to. `None` where it was told
    /// none, has gone back, or has no session.
    pub own_model: Option<String>,
    /// The same of its mode.
    pub own_mode: Option<String>,
    /// Mode for messages that come while a turn runs.
    pub dispatch: Dispatch,
    /// The folder in which it has a workspace of its own; `None` is where all have theirs.
    pub workspaces: Option<PathBuf>,
    /// What happens before a tool changes something; `None` is what its agent is set to.
    pub permissions: Option<Permissions>,
    /// The agent's session (ACP), to be resumed; `None` before the first turn and after a reset.
    pub session: Option<String>,
    /// When it was opened.
    pub created: Timestamp,
    /// When something last happened in it that a person would call new: a message, a question, the end of a turn.
    pub active: Timestamp,
}

/// A thread to be opened.
#[derive(Debug, Clone)]
pub struct NewThread {
    /// Its id. Opening one that exists gives that one back, unchanged.
    pub id: ThreadId,
    /// Who opens it.
    pub owner: UserId,
    /// Its title; may be empty.
    pub title: String,
    /// Its agent.
    pub agent: String,
    /// Overrides the agent's model.
    pub model: Option<String>,
    /// Its mode.
    pub dispatch: Dispatch,
    /// The folder in which it gets a workspace of its own, if not where all get theirs.
    pub workspaces: Option<PathBuf>,
    /// What happens before a tool changes something, if not what its agent is set to.
    pub permissions: Option<Permissions>,
}

/// Changes to a thread; `None` leaves a field as it is.
#[derive(Debug, Clone, Default)]
pub struct ThreadChange {
    /// New title.
    pub title: Option<String>,
    /// Another agent.
    pub agent: Option<String>,
    /// Another model; `Some(None)` goes back to the agent's.
    pub model: Option<Option<String>>,
    /// Another mode of the agent; `Some(None)` goes back to the one that it begins with.
    pub mode: Option<Option<String>>,
    /// The model that the agent goes back to; `Some(None)`: it has.
    pub own_model: Option<Option<String>>,
    /// The same of its mode.
    pub own_mode: Option<Option<String>>,
    /// Another mode.
    pub dispatch: Option<Dispatch>,
    /// What happens before a tool changes something; `Some(None)` goes back to the agent's.
    pub permissions: Option<Option<Permissions>>,
    /// The agent's session; `Some(None)` forgets it. What the agent remembered in the former one ends, and so does what it
    /// would go back to there; together with another agent, all that was always allowed.
    pub session: Option<Option<String>>,
}

/// A thread in which the agent begins anew.
#[derive(Debug, Clone)]
pub struct Reset {
    /// The thread.
    pub thread: Thread,
    /// What waited in it.
    pub dropped: Vec<Dropped>,
    /// What it was told.
    pub told: Item,
}

/// Which threads to list.
#[derive(Debug, Clone, Default)]
pub struct ThreadFilter {
    /// Only this one.
    pub only: Option<ThreadId>,
    /// Only those of this owner.
    pub owner: Option<UserId>,
    /// Only those of this front-end.
    pub front_end: Option<String>,
    /// At most so many; 0 for all.
    pub limit: usize,
}

/// A thread in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThreadSummary {
    /// The thread.
    pub thread: Thread,
    /// Turns that wait.
    pub queued: u32,
    /// Deliveries that need attention.
    pub undelivered: u32,
    /// Whether a turn runs.
    pub running: bool,
    /// The state of its newest ended turn.
    pub last_end: Option<crate::turn::TurnState>,
}

/// How many of what there are, for a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Threads.
    pub threads: u32,
    /// Turns that wait.
    pub queued: u32,
    /// Turns that run.
    pub running: u32,
    /// Threads whose newest ended turn failed.
    pub failed: u32,
    /// Threads whose newest ended turn was cut.
    pub cut: u32,
    /// Deliveries on their way.
    pub deliveries: u32,
    /// Deliveries that need attention.
    pub stuck_deliveries: u32,
}
