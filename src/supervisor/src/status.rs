//! How everything stands, for pages and programs.

use std::time::Duration;

use conversation::{ThreadId, ThreadSummary, TurnId};
use credentials::Timestamp;

use crate::update::{Doing, ThreadPhase};

/// A thread, as lists show it.
#[derive(Debug, Clone)]
pub struct ThreadStatus {
    /// What is kept of it.
    pub summary: ThreadSummary,
    /// Its phase now.
    pub phase: ThreadPhase,
    /// What it is doing, while it works.
    pub doing: Option<Doing>,
}

/// A worker.
#[derive(Debug, Clone)]
pub struct WorkerStatus {
    /// Whom it serves.
    pub thread: ThreadId,
    /// Its agent.
    pub agent: String,
    /// Its process; `None` while there is none.
    pub pid: Option<i32>,
    /// Its state.
    pub state: WorkerState,
    /// The turn that it runs.
    pub turn: Option<TurnId>,
    /// How long it lives.
    pub age: Duration,
    /// Proportional set size of its process in bytes, where the system tells.
    pub memory: Option<u64>,
    /// Turns that wait for it.
    pub queued: u32,
}

/// `Cold → Starting → Ready → Busy → Idle → Cold`, `Failed{until}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorkerState {
    /// There is no process.
    Cold,
    /// It is being started.
    Starting,
    /// It has a session and no turn yet.
    Ready,
    /// It has a turn.
    Busy,
    /// It had a turn.
    Idle,
    /// It failed, and is not started again before this.
    Failed {
        /// When it may be started again; `None`: only when somebody asks.
        until: Option<Timestamp>,
    },
}

/// Something that a person should look at; the worst first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attention {
    /// The thread, if it is about one.
    pub thread: Option<ThreadId>,
    /// In words.
    pub what: String,
    /// What to do, for whoever runs the host.
    pub hint: Option<String>,
    /// What people in the thread can do, as a sentence; they have no command line.
    pub here: Option<&'static str>,
}
