//! Deliveries: what has to appear in a chat, exactly once.

use std::time::Duration;

use credentials::Timestamp;
use sha2::{Digest as _, Sha256};

use crate::id::{DeliveryId, ThreadId, TurnId};

#[cfg(test)]
mod tests;

/// Tries before a person has to look at it: with the pauses between them about half an hour of outage. A chat that says when
/// it takes it is asked on.
pub const MAX_TRIES: u32 = 12;
/// The longest pause that we choose ourselves; a chat may ask for a longer one.
const MAX_PAUSE: Duration = Duration::from_mins(5);

/// How a delivery stands: `pending → sent | uncertain → delivered | needs attention`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryState {
    /// Waits for its next try. No earlier try has put it into the chat.
    Pending,
    /// Somebody has claimed it, and is sending it.
    Sent,
    /// Waits for its next try, and an earlier try may have put it into the chat: look before sending.
    Uncertain,
    /// It is in the chat. Its text is gone.
    Delivered,
    /// Not tried any more until a person says so.
    NeedsAttention,
    /// A person gave it up. Its text is gone.
    GivenUp,
}

/// Something to be put into a chat. Thread, turn, part and hash of its first text are its identity, shared by the first try
/// and every retry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Its id.
    pub id: DeliveryId,
    /// Where it goes.
    pub thread: ThreadId,
    /// The turn it belongs to, if it belongs to one.
    pub turn: Option<TurnId>,
    /// Which part of the turn's answer.
    pub part: i64,
    /// SHA-256 of the text that it was put here with, 64 hex digits.
    pub hash: String,
    /// The text of its last try; in doubt that of the one try that may be in the chat. `None` once it is delivered or
    /// given up.
    pub text: Option<String>,
    /// How it stands.
    pub state: DeliveryState,
    /// How often it was claimed.
    pub tries: u32,
    /// Not to be tried before.
    pub next_try: Timestamp,
    /// When it was last claimed.
    pub claimed: Option<Timestamp>,
    /// While it is being sent: when the claim is lost.
    pub lease: Option<Timestamp>,
    /// When the first try began whose end nobody knows.
    pub doubt: Option<Timestamp>,
    /// The chat's name of the message that it became.
    pub remote: Option<String>,
    /// What the last try ran into, in words.
    pub reason: Option<String>,
    /// When it was put here.
    pub created: Timestamp,
    /// When it was delivered or given up.
    pub ended: Option<Timestamp>,
}

impl Delivery {
    /// The identity as 64 hex digits: the same for every try, different for different content. What a chat limits to
    /// fewer characters takes the first ones.
    pub fn identity(&self) -> String {
        let mut digest = Sha256::new();
        digest.update(self.thread.as_str());
        digest.update([0]);
        digest.update(self.turn.map_or(0, |turn| turn.0).to_be_bytes());
        digest.update(self.part.to_be_bytes());
        digest.update(&self.hash);
        hex(&digest.finalize())
    }
}

/// Something to be put into the outbox.
#[derive(Debug, Clone)]
pub struct NewDelivery {
    /// Where it goes; must exist.
    pub thread: ThreadId,
    /// The turn it belongs to, if it belongs to one.
    pub turn: Option<TurnId>,
    /// Which part of the turn's answer; for words of the host, which belong to no turn, the id of their item.
    pub part: i64,
    /// The text.
    pub text: String,
}

/// Which deliveries somebody wants to send.
#[derive(Debug, Clone)]
pub struct Claim {
    /// Now.
    pub now: Timestamp,
    /// How long sending may take: longer than all time-outs of the network together. A claim that is not settled by
    /// then is lost, and the delivery uncertain.
    pub lease: Duration,
    /// At most so many; of one thread never more than one at a time, so that they arrive in order.
    pub limit: usize,
    /// Only this one.
    pub only: Option<DeliveryId>,
    /// What is to be sent by now. While an earlier try is in doubt, its text stays: what may be in the chat must be known.
    pub text: Option<String>,
}

/// How a try ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is in the chat.
    Delivered {
        /// The chat's name of the message.
        remote: Option<String>,
    },
    /// It is certainly not in the chat; later it may work.
    NotSent {
        /// Why, in words.
        reason: String,
        /// The pause that the chat asked for.
        pause: Option<Duration>,
    },
    /// Nobody knows: no answer, or half of one.
    Unknown {
        /// Why, in words.
        reason: String,
    },
    /// The chat refused for good.
    Refused {
        /// Why, in words.
        reason: String,
    },
}

/// SHA-256 of a text, 64 hex digits.
pub(crate) fn hash(text: &str) -> String {
    hex(&Sha256::digest(text.as_bytes()))
}

/// The delivery after a try that began with `claim` has ended. The lease decides nothing here: who settles late but before
/// anybody else has claimed it still knows best. `began`: when this host did.
pub(crate) fn settled(
    found: Delivery,
    claim: &Delivery,
    outcome: Outcome,
    (now, began): (Timestamp, Timestamp),
) -> Delivery {
    match outcome {
        // The truth, whoever brings it.
        Outcome::Delivered { remote } if found.state != DeliveryState::Delivered => Delivery {
            state: DeliveryState::Delivered,
            text: None,
            lease: None,
            remote,
            reason: None,
            ended: Some(now),
            ..found
        },
        Outcome::NotSent { reason, pause } if holds(&found, claim) => {
            // A chat that says when knows it. How often it was tried, by hosts that died as well, says nothing then.
            let next_try = now.plus(pause.unwrap_or_else(|| pause_after(&found)));
            // An earlier try that nobody knows the end of stays in doubt, whatever became of this one.
            let state = if found.doubt.is_some() {
                DeliveryState::Uncertain
            } else {
                DeliveryState::Pending
            };
            match pause {
                // It takes it later, however often it has said so.
                Some(_) => waits(found, state, next_try, reason),
                None => again(found, state, next_try, reason),
            }
        }
        Outcome::Unknown { reason } if holds(&found, claim) => {
            let next_try = now.plus(pause_in_doubt(&found, now, began));
            again(found, DeliveryState::Uncertain, next_try, reason)
        }
        Outcome::Refused { reason } if holds(&found, claim) => stuck(found, reason),
        _ => found,
    }
}

/// The delivery after its claim was lost, by time or by the death of its host.
pub(crate) fn lost(found: Delivery, now: Timestamp) -> Delivery {
    again(
        found,
        DeliveryState::Uncertain,
        now,
        "nobody knows how the last try ended".to_owned(),
    )
}

/// The delivery as a new host finds it: to be tried at once. That the last host died says nothing about the chat.
pub(crate) fn taken_over(found: Delivery, now: Timestamp) -> Delivery {
    match found.state {
        DeliveryState::Sent => lost(found, now),
        _ => Delivery {
            next_try: now,
            ..found
        },
    }
}

/// Every claim counts one try, so the number names the claim.
fn holds(found: &Delivery, claim: &Delivery) -> bool {
    found.state == DeliveryState::Sent && found.tries == claim.tries
}

fn again(found: Delivery, state: DeliveryState, next_try: Timestamp, reason: String) -> Delivery {
    let doubt = match state {
        DeliveryState::Uncertain => found.doubt.or(found.claimed),
        _ => found.doubt,
    };
    let found = Delivery { doubt, ..found };
    if found.tries >= MAX_TRIES {
        return stuck(found, reason);
    }
    waits(found, state, next_try, reason)
}

fn waits(found: Delivery, state: DeliveryState, next_try: Timestamp, reason: String) -> Delivery {
    Delivery {
        state,
        next_try,
        lease: None,
        reason: Some(reason),
        ..found
    }
}

fn stuck(found: Delivery, reason: String) -> Delivery {
    Delivery {
        state: DeliveryState::NeedsAttention,
        lease: None,
        reason: Some(reason),
        ..found
    }
}

/// As long as this host has been in doubt, and a little more: about 1, 2, 4 … 300 s, too. The tries of hosts that died count
/// nothing here: they say nothing about the chat, which knows a nonce for some minutes only.
fn pause_in_doubt(delivery: &Delivery, now: Timestamp, began: Timestamp) -> Duration {
    let since = delivery.doubt.or(delivery.claimed).unwrap_or(now).max(began);
    let pause = now.since(since).clamp(Duration::from_secs(1), MAX_PAUSE);
    spread(pause, delivery)
}

/// 1, 2, 4 … 300 s, and up to a quarter more, so that what failed together is not tried together. The identity is the
/// source of chance: the same for the same delivery, so that tests can count on it.
fn pause_after(delivery: &Delivery) -> Duration {
    let doublings = delivery.tries.saturating_sub(1).min(16);
    spread(Duration::from_secs(1 << doublings).min(MAX_PAUSE), delivery)
}

fn spread(pause: Duration, delivery: &Delivery) -> Duration {
    let chance = delivery.hash.bytes().fold(delivery.tries, |sum, byte| {
        sum.wrapping_mul(31).wrapping_add(u32::from(byte))
    });
    pause + pause * (chance % 64) / 256
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
            // Writing to a string can't fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}
