//! The bot: what all parts of this front-end share.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use conversation::ThreadFilter;
use credentials::UserId;
use tokio::task::JoinHandle;

use super::admission::{Id, Rules};
use super::config::Config;
use super::custom_id::Sealer;
use super::health::Link;
use super::hear::now;
use super::memory::Memory;
use super::mouth::Mouth;
use super::places::{self, Places, Spot, UPLOAD_LIMIT};
use super::render::Look;
use super::rest::{Rest, Trouble};
use super::seen::Seen;
use super::server::{House, Identity};
use super::signs::Signs;

/// How often is written down what was seen.
const KEEP: Duration = Duration::from_secs(1);
/// Channels whose last piece of work is remembered before those that have ended are dropped.
const TAILS: usize = 256;

/// What a bot is made of.
pub(super) struct Parts {
    pub(super) config: Config,
    pub(super) house: House,
    pub(super) memory: Memory,
    pub(super) sealer: Sealer,
    pub(super) rest: Arc<Rest>,
}

/// The bot.
pub(super) struct Bot {
    pub(super) config: Config,
    pub(super) house: House,
    pub(super) memory: Memory,
    pub(super) sealer: Sealer,
    pub(super) rest: Arc<Rest>,
    pub(super) identity: Identity,
    pub(super) rules: Rules,
    pub(super) places: Places,
    pub(super) signs: Signs,
    pub(super) mouth: Mouth,
    /// The connection to the gateway.
    pub(super) link: Link,
    seen: Mutex<Seen>,
    /// The last piece of work of each channel: what comes in a channel is done in order.
    tails: Mutex<HashMap<Id, JoinHandle<()>>>,
}

impl Bot {
    pub(super) fn new(parts: Parts, identity: Identity) -> Arc<Self> {
        let Parts {
            config,
            house,
            memory,
            sealer,
            rest,
        } = parts;
        let rules = Rules {
            owners: identity.owners.clone(),
            ..config.rules.clone()
        };
        // What was said before the bot first came is nothing to it; what is said while it connects is.
        let seen = Seen::new(memory.seen(), now());
        Arc::new(Self {
            signs: Signs::new(Arc::clone(&rest)),
            mouth: Mouth::new(),
            places: Places::default(),
            link: Link::default(),
            seen: Mutex::new(seen),
            tails: Mutex::default(),
            config,
            house,
            memory,
            sealer,
            rest,
            identity,
            rules,
        })
    }

    /// Learns which threads are served, until it knows. Before that nothing may be heard: what is said in a thread without
    /// a mention would be taken for nothing.
    pub(super) async fn know_threads(&self) {
        let filter = ThreadFilter {
            front_end: Some(super::FRONT_END.to_owned()),
            ..ThreadFilter::default()
        };
        let threads = loop {
            match self.house.conversation.threads(filter.clone()).await {
                Ok(threads) => break threads,
                Err(error) => tracing::error!(%error, "could not list the threads of Discord; trying again"),
            }
            tokio::time::sleep(KEEP).await;
        };
        for channel in threads.iter().filter_map(|one| places::channel(&one.thread.id)) {
            self.places.serve(channel);
        }
    }

    /// Where a channel belongs; asks Discord if it was not told yet.
    pub(super) async fn spot(&self, channel: Id) -> Result<Spot, Trouble> {
        if let Some(spot) = self.places.spot(channel) {
            return Ok(spot);
        }
        let spot = Spot::of_json(&self.rest.channel(channel).await?);
        self.places.learn(channel, spot);
        Ok(spot)
    }

    /// How turns are shown in a channel.
    pub(super) fn look(&self, channel: Id) -> Look {
        Look {
            thoughts: false,
            upload_limit: self.places.upload_limit(channel).unwrap_or(UPLOAD_LIMIT),
        }
    }

    /// Asks Discord how large files may be in a channel, if nobody has told yet.
    pub(super) async fn learn_upload_limit(&self, channel: Id) {
        if self.places.upload_limit(channel).is_some() {
            return;
        }
        let tier = match self.spot(channel).await {
            Ok(Spot {
                guild: Some(guild), ..
            }) => self
                .rest
                .tier(guild)
                .await
                .map(|tier| self.places.learn_tier(guild, tier)),
            Ok(_) => Ok(()),
            Err(trouble) => Err(trouble),
        };
        if let Err(trouble) = tier {
            tracing::warn!(channel, %trouble, "Discord does not say how large files may be here");
        }
    }

    /// Does something in a channel after everything else that is to be done there.
    pub(super) fn in_order(&self, channel: Id, work: impl Future<Output = ()> + Send + 'static) {
        let mut tails = lock(&self.tails);
        if tails.len() > TAILS {
            tails.retain(|_, tail| !tail.is_finished());
        }
        let before = tails.remove(&channel);
        let task = tokio::spawn(async move {
            if let Some(before) = before {
                // One that broke does not stop those behind it.
                let _ = before.await;
            }
            work.await;
        });
        tails.insert(channel, task);
    }

    /// Which messages were dealt with.
    pub(super) fn seen(&self) -> MutexGuard<'_, Seen> {
        lock(&self.seen)
    }

    /// Writes down what was seen.
    pub(super) fn remember_seen(&self) {
        let upto = self.seen().news();
        if let Some(upto) = upto
            && let Err(error) = self.memory.set_seen(&upto)
        {
            tracing::warn!(%error, "could not write down which messages of Discord were seen");
        }
    }

    pub(super) async fn keep_seen(&self) {
        loop {
            tokio::time::sleep(KEEP).await;
            self.remember_seen();
        }
    }
}

/// A user of Discord, as everything else knows them.
pub(super) fn user(id: Id) -> Option<UserId> {
    UserId::parse(&format!("discord:{id}")).ok()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Bot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bot")
            .field("identity", &self.identity)
            .finish_non_exhaustive()
    }
}
