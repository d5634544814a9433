//! What waits and may be taken out of the way: queued turns, and deliveries that need attention.

use credentials::Timestamp;

use crate::delivery::Delivery;
use crate::id::ThreadId;
use crate::turn::Turn;

/// What may be taken out of the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitingKind {
    /// Queued turns.
    Turns,
    /// Deliveries that need attention.
    Deliveries,
}

/// Something that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Waiting {
    /// A queued turn.
    Turn(Turn),
    /// A delivery that needs attention.
    Delivery(Delivery),
}

impl Waiting {
    /// Since when there is such a thing.
    pub fn since(&self) -> Timestamp {
        match self {
            Self::Turn(turn) => turn.created,
            Self::Delivery(delivery) => delivery.created,
        }
    }
}

/// Which part of what waits somebody means.
#[derive(Debug, Clone, Default)]
pub struct BacklogFilter {
    /// Only of this thread.
    pub thread: Option<ThreadId>,
    /// Only these.
    pub only: Option<WaitingKind>,
    /// At most so many, the oldest first.
    pub max: usize,
}

impl BacklogFilter {
    pub(crate) fn wants(&self, kind: WaitingKind) -> bool {
        self.only.is_none_or(|only| only == kind)
    }

    /// The thread of which somebody has seen how its last turn ended: they named it, and mean turns.
    pub fn dismisses(&self) -> Option<&ThreadId> {
        let means_turns = self.max > 0 && self.wants(WaitingKind::Turns);
        self.thread.as_ref().filter(|_| means_turns)
    }
}

/// A part of what waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backlog {
    /// That part, the oldest first.
    pub entries: Vec<Waiting>,
    /// How many turns of the thread, or of all, are queued now.
    pub turns: usize,
    /// How many of its deliveries need attention now.
    pub deliveries: usize,
    /// Whether the thread's last turn was dismissed. Only skipping does that.
    pub dismissed: bool,
}
