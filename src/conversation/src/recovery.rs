//! What a host finds at its start: whatever was going on when the last one died has ended with it.

use credentials::Timestamp;
use rusqlite::{Connection, TransactionBehavior};

use crate::delivery::{self, DeliveryState};
use crate::id::ThreadId;
use crate::tables::{Work, deliveries, items, turns};
use crate::turn::{Turn, TurnEnd};

/// Why a turn was cut.
const REASON: &str = "the host stopped while it ran";

/// What was found at start-up.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// Turns that were running when a host died; they are `cut` now. They are found again at every start until an entry
    /// [`Body::Note`](crate::Body::Note) whose item or `retry` names the turn has been written: a host that dies between its
    /// start and that note leaves no thread untold. A retry of the turn counts as told, too.
    pub cut: Vec<Turn>,
    /// Threads that have queued turns, the one that waits longest first.
    pub waiting: Vec<ThreadId>,
    /// How many deliveries were being sent when the last host died; they are `uncertain` now.
    pub uncertain: usize,
}

/// Ends what the last host left, in one transaction.
pub(crate) fn recover(database: &mut Connection, now: Timestamp) -> Work<Found> {
    let transaction = database.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for turn in turns::running(&transaction)? {
        let turn = turns::end(&transaction, turn, TurnEnd::Cut, Some(REASON), now)?;
        turns::not_told(&transaction, turn.id)?;
    }
    // Not only those of the turns above: the last word on a turn that has ended may have been lost with the host.
    items::cut_unfinished(&transaction, None, now)?;
    let mut uncertain = 0;
    for found in deliveries::waiting(&transaction, None)? {
        uncertain += usize::from(found.state == DeliveryState::Sent);
        deliveries::store(&transaction, delivery::taken_over(found, now))?;
    }
    let found = Found {
        cut: turns::untold(&transaction)?,
        waiting: turns::waiting(&transaction)?,
        uncertain,
    };
    transaction.commit()?;
    Ok(found)
}

/// Ends what the last host left running in one thread, for somebody who takes it out of the way: no host has to tell.
pub(crate) fn end_left(database: &Connection, thread: &ThreadId, now: Timestamp) -> Work<()> {
    for turn in turns::running(database)? {
        if turn.thread == *thread {
            turns::end(database, turn, TurnEnd::Cut, Some(REASON), now)?;
        }
    }
    items::cut_unfinished(database, Some(thread), now)
}

/// Claims whose time is over, while the host lives.
pub(crate) fn give_back(database: &Connection, now: Timestamp) -> Work<()> {
    for found in deliveries::lost(database, now)? {
        let lost = deliveries::store(database, delivery::lost(found, now))?;
        let stuck = lost.state == DeliveryState::NeedsAttention;
        tracing::warn!(thread = %lost.thread, delivery = lost.id.0, tries = lost.tries, stuck, "a claim was not settled in time");
    }
    Ok(())
}
