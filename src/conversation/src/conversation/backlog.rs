//! Calls about what waits: looking at it, and taking it out of the way.

use credentials::Timestamp;
use rusqlite::Connection;

use super::Conversation;
use super::deliveries::give_up;
use super::turns::{Again, drop_each};
use crate::backlog::{Backlog, BacklogFilter, Waiting, WaitingKind};
use crate::error::Result;
use crate::recovery;
use crate::tables::{Work, deliveries, threads, turns};

/// Why a turn was dropped that an operator took out of the way.
const SKIPPED: &str = "the operator took it out of the queue";

impl Conversation {
    /// What waits: queued turns and deliveries that need attention, the oldest first.
    ///
    /// Errors: `NoThread`.
    pub async fn backlog(&self, filter: BacklogFilter) -> Result<Backlog> {
        self.read("list what waits", move |database| {
            let entries = oldest(database, &filter)?;
            counted(database, &filter, entries)
        })
        .await
    }

    /// Takes what waits out of the way, all or none of it: turns end as stopped, each told as by
    /// [`drop_queued`](Self::drop_queued); deliveries are given up. Gives back what was taken, as it stands now, and how
    /// much is left. Where a thread is named, its last turn is [dismissed](Self::dismiss). Only while no host runs: the task of a thread has to know of its queue.
    ///
    /// Errors: `NoThread`.
    pub async fn skip(&self, filter: BacklogFilter) -> Result<Backlog> {
        let ids = self.shared.ids.clone();
        self.write("skip what waits", move |database| {
            let now = Timestamp::now();
            let mut skipped = Vec::new();
            let dismissed = match filter.dismisses() {
                Some(thread) => {
                    recovery::end_left(database, thread, now)?;
                    turns::dismiss(database, thread)?
                }
                None => false,
            };
            for waiting in oldest(database, &filter)? {
                match waiting {
                    Waiting::Turn(turn) => {
                        let dropped = drop_each(database, vec![turn], (SKIPPED, Again::Offered), &ids)?;
                        skipped.extend(dropped.into_iter().map(|dropped| Waiting::Turn(dropped.turn)));
                    }
                    Waiting::Delivery(delivery) => {
                        skipped.push(Waiting::Delivery(give_up(database, delivery, now)?));
                    }
                }
            }
            Ok(Backlog {
                dismissed,
                ..counted(database, &filter, skipped)?
            })
        })
        .await
    }
}

fn oldest(database: &Connection, filter: &BacklogFilter) -> Work<Vec<Waiting>> {
    let thread = filter.thread.as_ref();
    if let Some(thread) = thread {
        threads::expect(database, thread)?;
    }
    let mut found = Vec::new();
    if filter.wants(WaitingKind::Turns) {
        let turns = turns::oldest(database, thread, filter.max)?;
        found.extend(turns.into_iter().map(Waiting::Turn));
    }
    if filter.wants(WaitingKind::Deliveries) {
        let stuck = deliveries::stuck(database, thread, filter.max)?;
        found.extend(stuck.into_iter().map(Waiting::Delivery));
    }
    // Stable: of one kind they are in order already.
    found.sort_by_key(Waiting::since);
    found.truncate(filter.max);
    Ok(found)
}

fn counted(database: &Connection, filter: &BacklogFilter, entries: Vec<Waiting>) -> Work<Backlog> {
    let thread = filter.thread.as_ref();
    Ok(Backlog {
        entries,
        turns: turns::count_queued(database, thread)?,
        deliveries: deliveries::count_stuck(database, thread)?,
        dismissed: false,
    })
}
