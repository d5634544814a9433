//! How the bot stands: with the gateway, with Discord's limits, and with what it has to say. For `status` and the doctor.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use conversation::{ConversationError, ThreadId};
use serde::{Deserialize, Serialize};

use super::FRONT_END;
use super::bot::Bot;
use super::places;
use super::seen::Shard;

/// Discord bans an address for an hour that makes so many invalid requests (401, 403, 429) in ten minutes.
pub const INVALID_BAN: usize = 10_000;

/// So long it is told that another program used the token.
const LATELY: Duration = Duration::from_hours(1);

/// How the bot stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// The connection to the gateway.
    pub gateway: Gateway,
    /// How often a limit was met in the last hour: 429s, and with Discord itself also requests that waited not to get one.
    pub limited_1h: usize,
    /// Invalid requests (401, 403, 429) of the last ten minutes, which Discord counts up to [`INVALID_BAN`].
    pub invalid_10min: usize,
    /// Another program speaks with the same token: it said something in the last hour.
    #[serde(default)]
    pub shared: bool,
    /// Messages that wait to be sent, or for their next try.
    pub deliveries_waiting: usize,
    /// What was said and could not be dealt with yet; it is tried again.
    #[serde(default)]
    pub held: usize,
    /// Why not, of one of them.
    #[serde(default)]
    pub held_because: Option<String>,
    /// Threads that show less than was said: Discord did not let a message be changed.
    #[serde(default)]
    pub stale: Vec<ThreadId>,
}

/// The connection to the gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Gateway {
    /// All shards are.
    Connected,
    /// At the beginning, or again.
    Connecting,
    /// Not before Discord lets it.
    Waiting {
        /// Why, and until when.
        why: String,
    },
    /// It makes no sense to try again.
    Refused {
        /// Why, and what to do.
        why: String,
    },
}

/// What is known of the connection. Cloned, it is the same.
#[derive(Clone, Default)]
pub(super) struct Link(Arc<Mutex<Known>>);

#[derive(Default)]
struct Known {
    /// The shards of this host, and whether each is connected.
    shards: BTreeMap<Shard, bool>,
    waits: Option<String>,
    refused: Option<String>,
    /// When another program was last heard to speak as this bot.
    shared: Option<Instant>,
}

impl Link {
    /// These shards are about to connect.
    pub(super) fn begins(&self, shards: RangeInclusive<Shard>) {
        self.known().shards = shards.map(|shard| (shard, false)).collect();
    }

    /// Whether this shard is connected.
    pub(super) fn is_up(&self, shard: Shard, is_up: bool) {
        self.known().shards.insert(shard, is_up);
    }

    /// Why none connects for now, if none does.
    pub(super) fn waits(&self, why: Option<String>) {
        self.known().waits = why;
    }

    /// None will connect any more.
    pub(super) fn refused(&self, why: &str) {
        self.known().refused = Some(why.to_owned());
    }

    /// Another program spoke as this bot. Whether that is news.
    pub(super) fn is_shared_since_now(&self) -> bool {
        let was = self.is_shared();
        self.known().shared = Some(Instant::now());
        !was
    }

    /// Whether another program spoke as this bot lately.
    fn is_shared(&self) -> bool {
        self.known().shared.is_some_and(|last| last.elapsed() < LATELY)
    }

    /// How it stands now.
    pub(super) fn state(&self) -> Gateway {
        let known = self.known();
        if let Some(why) = known.refused.clone() {
            Gateway::Refused { why }
        } else if let Some(why) = known.waits.clone() {
            Gateway::Waiting { why }
        } else if !known.shards.is_empty() && known.shards.values().all(|is_up| *is_up) {
            Gateway::Connected
        } else {
            Gateway::Connecting
        }
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Bot {
    /// How it stands now.
    pub(super) async fn health(&self) -> Result<Health, ConversationError> {
        let (limited_1h, invalid_10min) = self.rest.tally.lately();
        let waiting = self.house.conversation.waiting_deliveries(FRONT_END).await?;
        let (held, held_because) = self.held.now();
        Ok(Health {
            gateway: self.link.state(),
            limited_1h,
            shared: self.link.is_shared(),
            invalid_10min,
            deliveries_waiting: waiting.len(),
            held,
            held_because,
            stale: self
                .stale_threads()
                .into_iter()
                .filter_map(places::thread)
                .collect(),
        })
    }
}
