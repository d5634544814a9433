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

/// From so many in ten minutes on, the host asks for nothing that could as well be left out: so what strangers cause holds up
/// nobody.
pub const INVALID_MANY: usize = 200;

/// From so many on it asks for nothing at all, until fewer are that recent.
pub const INVALID_MOST: usize = 500;

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
    /// For how many seconds it is not connected, if it is not.
    #[serde(default)]
    pub down_s: Option<u64>,
    /// Discord does not know the token any more.
    #[serde(default)]
    pub no_token: bool,
    /// Channels, by Discord's id, in which it may attach no files: it says as text what would be in them.
    #[serde(default)]
    pub without_files: Vec<u64>,
}

/// The connection, and who is connected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The connection to the gateway.
    pub gateway: Gateway,
    /// For how long it is not there.
    pub down: Option<Duration>,
    /// The bot's name; `None` as long as Discord has not said it.
    pub name: Option<String>,
    /// Servers that it was in when it last connected.
    pub servers: usize,
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
    /// Since when it was seen not to be connected.
    down: Option<Instant>,
    /// Servers of each shard.
    servers: BTreeMap<Shard, usize>,
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
    pub(super) fn is_shared(&self) -> bool {
        self.known().shared.is_some_and(|last| last.elapsed() < LATELY)
    }

    /// A session of a shard began with so many servers.
    pub(super) fn has_servers(&self, shard: Shard, count: usize) {
        self.known().servers.insert(shard, count);
    }

    /// Servers, as the sessions of now began.
    fn servers(&self) -> usize {
        self.known().servers.values().sum()
    }

    /// How it stands now, and for how long it has been seen not to be connected.
    fn standing(&self) -> (Gateway, Option<Duration>) {
        let gateway = self.state();
        let mut known = self.known();
        if gateway == Gateway::Connected {
            known.down = None;
            return (gateway, None);
        }
        let since = *known.down.get_or_insert_with(Instant::now);
        (gateway, Some(since.elapsed()))
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

/// How the connection stands, as far as it is known who connects.
pub(super) fn standing(link: &Link, bot: Option<&Bot>) -> Standing {
    let (gateway, down) = link.standing();
    Standing {
        gateway,
        down,
        name: bot.map(|bot| bot.identity.name.clone()),
        servers: link.servers(),
    }
}

impl Health {
    /// Of a bot of which nothing else is known.
    pub(super) fn of_nobody(link: &Link) -> Self {
        let (gateway, down) = link.standing();
        Self {
            gateway,
            limited_1h: 0,
            invalid_10min: 0,
            shared: false,
            deliveries_waiting: 0,
            held: 0,
            held_because: None,
            stale: vec![],
            down_s: down.map(|down| down.as_secs()),
            no_token: false,
            without_files: vec![],
        }
    }
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Link").finish_non_exhaustive()
    }
}

impl Bot {
    /// How it stands now.
    pub(super) async fn health(&self) -> Result<Health, ConversationError> {
        let (limited_1h, invalid_10min) = self.rest.tally.lately();
        let waiting = self.house.conversation.waiting_deliveries(FRONT_END).await?;
        let (held, held_because) = self.held.now();
        Ok(Health {
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
            no_token: self.rest.tally.has_no_token(),
            without_files: self.without_files(),
            ..Health::of_nobody(&self.link)
        })
    }
}
