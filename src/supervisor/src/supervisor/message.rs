//! What people say to a thread, and what became of it.

use conversation::{Attachment, Dispatch, ItemId, Part, SourceId, ThreadId, TurnId};
use credentials::UserId;

/// A message from a front-end that was admitted.
#[derive(Debug, Clone)]
pub struct Message {
    /// Its thread, which must have been opened.
    pub thread: ThreadId,
    /// The chat's own name of it; the key that makes it count once.
    pub source: SourceId,
    /// Who wrote it.
    pub by: UserId,
    /// The name they show.
    pub name: String,
    /// What they wrote.
    pub text: String,
    /// Files, already in the workspace.
    pub files: Vec<Attachment>,
    /// Overrides the thread's mode for this message.
    pub dispatch: Option<Dispatch>,
}

/// What became of a message that waits for its turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Amended {
    /// Its messages say this now; their files are already in the workspace.
    Says(Vec<Part>),
    /// It is not to run.
    Withdrawn {
        /// Why, behind a colon.
        reason: String,
    },
}

/// What became of a message. It is durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posted {
    /// Its turn.
    pub turn: TurnId,
    /// Its entry in the timeline, whichever turn that goes into; `None` if it is not a new one.
    pub item: Option<ItemId>,
    /// What happened.
    pub happened: Happened,
}

/// What happened to a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Happened {
    /// Its turn begins.
    Started,
    /// It waits, with so many before it.
    Queued {
        /// Turns before it, the running one included.
        ahead: usize,
    },
    /// It was merged into the running turn.
    Steered,
    /// The running turn was cancelled, and so many queued ones dropped.
    Interrupted {
        /// Queued turns that were dropped.
        dropped: usize,
    },
    /// It was accepted before.
    Known,
}

/// What somebody decided about a permission request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// This time.
    Once,
    /// This time, and again as widely as the agent's first offer of that kind says; where it makes none, this time.
    Always,
    /// What the agent offers under this name.
    Option {
        /// The [`Choice`](conversation::Choice)'s id.
        id: String,
        /// Why, if it denies.
        reason: Option<String>,
    },
    /// Not.
    Deny {
        /// Why.
        reason: Option<String>,
    },
}
