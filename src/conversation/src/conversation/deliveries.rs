//! Calls about deliveries: the outbox.

use credentials::Timestamp;
use rusqlite::Connection;

use super::{Conversation, within};
use crate::delivery::{Claim, Delivery, DeliveryState, NewDelivery, Outcome, settled};
use crate::error::{ConversationError, Result};
use crate::id::{DeliveryId, ThreadId, TurnId};
use crate::recovery::give_back;
use crate::tables::{Work, deliveries};

impl Conversation {
    /// Puts deliveries into the outbox, all or none. What has the identity of an earlier one is that one, unchanged,
    /// whatever has become of it.
    ///
    /// Errors: `NoThread`; `NoTurn` for a turn that is not of that thread; `TooLarge` above 1 MiB of text.
    pub async fn put_deliveries(&self, new: Vec<NewDelivery>) -> Result<Vec<Delivery>> {
        for one in &new {
            within("delivery", one.text.len(), deliveries::MAX_TEXT)?;
        }
        self.write("put a delivery into the outbox", move |database| {
            let now = Timestamp::now();
            new.iter()
                .map(|one| deliveries::put(database, one, now))
                .collect()
        })
        .await
    }

    /// Claims deliveries that may be sent now; they are `sent` then, and nobody else gets them. Of one thread only the oldest
    /// is claimed, and the next one when that has arrived. What comes back with `doubt` may be in the chat already: look
    /// first. Each must be settled before the lease ends.
    ///
    /// Errors: `TooLarge` above 1 MiB of text.
    ///
    /// Cancelled, it may have claimed some; they come back, uncertain, when the lease ends.
    pub async fn claim_deliveries(&self, claim: Claim) -> Result<Vec<Delivery>> {
        let length = claim.text.as_ref().map_or(0, String::len);
        within("delivery", length, deliveries::MAX_TEXT)?;
        self.write("claim deliveries", move |database| {
            give_back(database, claim.now)?;
            let due = deliveries::due(database, &claim)?;
            due.into_iter()
                .map(|found| {
                    let new = claim.text.clone().filter(|_| found.doubt.is_none());
                    let claimed = Delivery {
                        state: DeliveryState::Sent,
                        text: new.or_else(|| found.text.clone()),
                        tries: found.tries.saturating_add(1),
                        claimed: Some(claim.now),
                        lease: Some(claim.now.plus(claim.lease)),
                        ..found
                    };
                    deliveries::store(database, claimed)
                })
                .collect()
        })
        .await
    }

    /// Says how a try ended. `claim` is what `claim_deliveries` gave. That it is in the chat is believed at any time; anything
    /// else only of the newest claim. Gives back the delivery as it stands now.
    pub async fn settle_delivery(
        &self,
        claim: &Delivery,
        outcome: Outcome,
        now: Timestamp,
    ) -> Result<Delivery> {
        let (claim, began) = (claim.clone(), self.shared.began);
        self.write("settle a delivery", move |database| {
            let found = deliveries::get(database, claim.id)?;
            deliveries::store(database, settled(found, &claim, outcome.clone(), (now, began)))
        })
        .await
    }

    /// A delivery.
    pub async fn delivery(&self, id: DeliveryId) -> Result<Delivery> {
        self.read("read a delivery", move |database| deliveries::get(database, id))
            .await
    }

    /// All deliveries of a turn (or of a thread, those that belong to no turn), by part.
    pub async fn deliveries(&self, thread: &ThreadId, turn: Option<TurnId>) -> Result<Vec<Delivery>> {
        let thread = thread.clone();
        self.read("list deliveries", move |database| {
            deliveries::of_turn(database, &thread, turn)
        })
        .await
    }

    /// Deliveries of a thread that are in the chat, oldest first.
    pub async fn delivered(&self, thread: &ThreadId) -> Result<Vec<Delivery>> {
        let thread = thread.clone();
        self.read("list what was delivered", move |database| {
            deliveries::delivered(database, &thread)
        })
        .await
    }

    /// Deliveries of a front-end that are on their way, or wait for their next try, oldest first.
    pub async fn waiting_deliveries(&self, front_end: &str) -> Result<Vec<Delivery>> {
        let front_end = front_end.to_owned();
        self.read("look into the outbox", move |database| {
            deliveries::waiting(database, Some(&front_end))
        })
        .await
    }

    /// The same of one thread.
    pub async fn waiting_in(&self, thread: &ThreadId) -> Result<Vec<Delivery>> {
        let thread = thread.clone();
        self.read("look into the outbox", move |database| {
            deliveries::waiting_in(database, &thread)
        })
        .await
    }

    /// Deliveries that need attention, oldest first.
    pub async fn stuck_deliveries(&self, thread: Option<&ThreadId>, limit: usize) -> Result<Vec<Delivery>> {
        let thread = thread.cloned();
        self.read("list deliveries that need attention", move |database| {
            deliveries::stuck(database, thread.as_ref(), limit)
        })
        .await
    }

    /// One more try for a delivery that needs attention. Errors: `NoDelivery` if it does not.
    pub async fn retry_delivery(&self, id: DeliveryId, now: Timestamp) -> Result<Delivery> {
        self.write("try a delivery again", move |database| {
            let found = deliveries::get(database, id)?;
            if found.state != DeliveryState::NeedsAttention {
                return Err(ConversationError::NoDelivery(id).into());
            }
            let state = if found.doubt.is_some() {
                DeliveryState::Uncertain
            } else {
                DeliveryState::Pending
            };
            deliveries::store(
                database,
                Delivery {
                    state,
                    next_try: now,
                    ..found
                },
            )
        })
        .await
    }

    /// Gives up a delivery. Errors: `NoDelivery` if it has ended, or is being sent just now.
    pub async fn skip_delivery(&self, id: DeliveryId) -> Result<Delivery> {
        self.write("give up a delivery", move |database| {
            let found = deliveries::get(database, id)?;
            match found.state {
                DeliveryState::Pending | DeliveryState::Uncertain | DeliveryState::NeedsAttention => {
                    give_up(database, found, Timestamp::now())
                }
                DeliveryState::Sent | DeliveryState::Delivered | DeliveryState::GivenUp => {
                    Err(ConversationError::NoDelivery(id).into())
                }
            }
        })
        .await
    }

    /// Gives up all deliveries of a thread that are not in the chat, also one that is being sent just now: what it was for is
    /// not there any more. How many.
    pub async fn give_up_deliveries(&self, thread: &ThreadId) -> Result<usize> {
        let thread = thread.clone();
        self.write("give up the deliveries of a thread", move |database| {
            deliveries::give_up_all(database, &thread, Timestamp::now())
        })
        .await
    }
}

pub(super) fn give_up(database: &Connection, found: Delivery, now: Timestamp) -> Work<Delivery> {
    let given_up = Delivery {
        state: DeliveryState::GivenUp,
        text: None,
        ended: Some(now),
        ..found
    };
    deliveries::store(database, given_up)
}
