//! What subscribers of a thread get. State-based: an update carries the newest whole state of what changed, so that a
//! slow subscriber may skip some and still be right.

use conversation::{Dispatch, Item, ItemId, ThreadId, Turn};
use credentials::Timestamp;

use crate::feed::Tap;

/// A thread at one moment.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The thread.
    pub thread: conversation::Thread,
    /// The newest entries of its timeline, in order, as far as there is room for them; and before them those that wait for
    /// an answer.
    pub items: Vec<Item>,
    /// The entry from which on none is missing in them; `None`: none is missing at all.
    pub from: Option<ItemId>,
    /// Turns that wait, in order.
    pub queued: Vec<Turn>,
    /// Its phase.
    pub phase: ThreadPhase,
    /// What it is doing, while it works.
    pub doing: Option<Doing>,
    /// The revision of this state; updates with a higher one follow.
    pub revision: u64,
}

/// Something changed.
#[derive(Debug, Clone)]
pub struct Update {
    /// Where.
    pub thread: ThreadId,
    /// Grows by one with each change of this thread within this host's life.
    pub revision: u64,
    /// What.
    pub change: Change,
}

/// What changed.
#[derive(Debug, Clone)]
pub enum Change {
    /// An entry is new, or has another body.
    Item(Item),
    /// Words were added to the end of an answer or a thought.
    Append {
        /// Its entry.
        item: ItemId,
        /// Where the added words begin, in bytes of the whole text.
        at: usize,
        /// The added words.
        text: String,
    },
    /// Turns wait, or no longer do; the whole queue.
    Queue(Vec<Turn>),
    /// The phase or what it is doing.
    Phase {
        /// The phase.
        phase: ThreadPhase,
        /// What it is doing, while it works.
        doing: Option<Doing>,
    },
    /// Title, agent, model or mode.
    Thread(conversation::Thread),
    /// The subscriber fell behind, or something is too long to be sent to all: take a new snapshot.
    Resync,
}

/// What a thread is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ThreadPhase {
    /// Nothing runs, no process.
    Cold,
    /// Nothing runs, the worker is there.
    Idle,
    /// The worker is being started.
    Starting,
    /// Waits for a free place among the workers.
    Waiting,
    /// A turn runs.
    Working,
    /// A turn runs and waits for somebody's permission.
    AwaitingPermission,
    /// A turn runs and waits for a login.
    AwaitingLogin,
    /// A turn is being cancelled.
    Stopping,
    /// The worker failed; it is tried again then, or (`None`) when somebody asks.
    Failed {
        /// When.
        until: Option<Timestamp>,
    },
}

/// What a running turn is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doing {
    /// The turn.
    pub turn: conversation::TurnId,
    /// In a few words: `thinking`, `writing`, `running ls -la`, `waiting: the provider is overloaded (503)`.
    pub what: String,
    /// Since when the turn runs.
    pub since: Timestamp,
    /// The mode that holds for messages that come now.
    pub dispatch: Dispatch,
}

/// A stream of updates of one thread.
#[derive(Debug)]
pub struct Subscription {
    tap: Tap,
}

impl Subscription {
    pub(crate) fn new(tap: Tap) -> Self {
        Self { tap }
    }

    /// The next update; `None` when the supervisor has ended. Cancel safe. A subscriber that is too slow gets `Resync`,
    /// and then what is newer than what it missed; after a new snapshot everything up to its revision is to be skipped.
    pub async fn next(&mut self) -> Option<Update> {
        self.tap.next().await
    }
}
