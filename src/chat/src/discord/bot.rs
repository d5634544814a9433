//! The bot: what all parts of this front-end share.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use conversation::{ThreadFilter, ThreadSummary};
use credentials::UserId;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::admission::{Id, Rules};
use super::catch_up::{Conversations, Searches, Sight};
use super::config::Config;
use super::custom_id::Sealer;
use super::health::Link;
use super::hear::{Trying, Unsettled};
use super::memory::Memory;
use super::mouth::Mouth;
use super::nonce::Nonces;
use super::persist::Held;
use super::places::{self, Places, Spot, UPLOAD_LIMIT, lock};
use super::refusals::Refusals;
use super::render::Look;
use super::rest::{Rest, Trouble};
use super::rules::Known;
use super::seen::{Hold, Seen, Unread};
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
    pub(super) link: Link,
}

/// The bot.
pub(super) struct Bot {
    pub(super) config: Config,
    pub(super) house: House,
    pub(super) memory: Memory,
    pub(super) sealer: Sealer,
    pub(super) rest: Arc<Rest>,
    pub(super) identity: Identity,
    rules: Arc<Known>,
    refusals: Mutex<Refusals>,
    began: Instant,
    /// What is tried again.
    pub(super) held: Arc<Held>,
    pub(super) places: Places,
    pub(super) signs: Signs,
    pub(super) mouth: Mouth,
    pub(super) nonces: Nonces,
    /// The connection to the gateway.
    pub(super) link: Link,
    seen: Mutex<Seen>,
    /// One task writes that down at a time, so that the newest is written last. Whether that failed.
    keeping: Mutex<bool>,
    pub(super) sight: Sight,
    pub(super) searches: Searches,
    pub(super) conversations: Conversations,
    pub(super) trying: Trying,
    pub(super) unsettled: Unsettled,
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
            link,
        } = parts;
        let rules = Known::new(config.rules.clone(), identity.owners.clone(), Arc::clone(&rest));
        // What was said before the bot first came is nothing to it; what is said while it connects is.
        let seen = memory.seen().unwrap_or_else(|error| {
            tracing::error!(%error, "`discord/seen` in the state folder can't be read: what was said while no host ran is not heard");
            None
        });
        let seen = Seen::new(seen, identity.came);
        let (places, began) = (Places::default(), Instant::now());
        places.learn_bot_turns(memory.bot_turns());
        places.learn_taken_out(memory.taken_out());
        places.learn_called(called(&memory, &seen));
        for (channel, user, pays) in memory.payers() {
            places.told_payer(channel, user, pays);
        }
        Arc::new(Self {
            rules,
            refusals: Mutex::default(),
            began,
            held: Arc::default(),
            signs: Signs::new(Arc::clone(&rest)),
            mouth: Mouth::new(),
            places,
            link,
            nonces: Nonces::new(&sealer),
            seen: Mutex::new(seen),
            keeping: Mutex::default(),
            sight: Sight::default(),
            searches: Searches::default(),
            conversations: Conversations::new(&memory.direct()),
            trying: Trying::default(),
            unsettled: Unsettled::default(),
            tails: Mutex::default(),
            config,
            house,
            memory,
            sealer,
            rest,
            identity,
        })
    }

    /// Learns which threads are served, until it knows. Before that nothing may be heard: what is said in a thread without
    /// a mention would be taken for nothing.
    pub(super) async fn know_threads(&self) {
        for thread in self.threads().await {
            if let Some(channel) = places::channel(&thread.thread.id) {
                self.places.serve(channel);
            }
        }
    }

    /// All threads of Discord. Tries until it knows.
    pub(super) async fn threads(&self) -> Vec<ThreadSummary> {
        let filter = ThreadFilter {
            front_end: Some(super::FRONT_END.to_owned()),
            ..ThreadFilter::default()
        };
        loop {
            match self.house.conversation.threads(filter.clone()).await {
                Ok(threads) => return threads,
                Err(error) => tracing::error!(%error, "could not list the threads of Discord; trying again"),
            }
            tokio::time::sleep(KEEP).await;
        }
    }

    /// Who may speak and where, with the application's owners as they were a moment ago.
    ///
    /// Errors: Discord does not say who they are.
    pub(super) async fn rules(&self) -> Result<Arc<Rules>, Trouble> {
        self.rules.now().await
    }

    /// Whether somebody is to be told that they are not listened to.
    pub(super) fn tell_refusal(&self, channel: Id, author: Id) -> bool {
        lock(&self.refusals).tell(channel, author, self.began.elapsed())
    }

    /// A turn was begun in these places.
    pub(super) fn began(&self, places: &[Id], by_bot: bool) {
        if let Some(turns) = self.places.began(places, by_bot)
            && let Err(error) = self.memory.set_bot_turns(&turns)
        {
            tracing::warn!(%error, "could not write down how many turns bots began");
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
            upload_limit: self.places.upload_limit(channel).unwrap_or(UPLOAD_LIMIT),
            without_files: BTreeMap::new(),
            postings: BTreeMap::new(),
            unsaid: BTreeSet::new(),
            unshown: BTreeSet::new(),
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

    /// Whether something is still to be done in a channel.
    pub(super) fn is_busy(&self, channel: Id) -> bool {
        lock(&self.tails)
            .get(&channel)
            .is_some_and(|tail| !tail.is_finished())
    }

    /// Which messages were dealt with.
    pub(super) fn seen(&self) -> MutexGuard<'_, Seen> {
        lock(&self.seen)
    }

    /// What was said in a channel or thread after this message is read now. A host that is killed from here on leaves it to the
    /// next one.
    pub(super) fn reads(&self, guild: Id, channel: Id, after: Id) -> Hold {
        let (hold, is_written) = {
            let mut seen = self.seen();
            let hold = seen.reads(guild, channel, after);
            seen.takes(channel);
            (hold, seen.is_written(hold))
        };
        if !is_written {
            self.remember_seen();
        }
        hold
    }

    /// What came after this message in a channel or thread can't be read: it is once that is possible, also by the next host.
    pub(super) fn leaves_unread(&self, guild: Option<Id>, channel: Id, after: Id) {
        if let Some(guild) = guild {
            let unread = Unread {
                after,
                is_hidden: false,
                is_kept: true,
            };
            self.seen().leaves(guild, channel, unread);
        }
    }

    /// Writes down what was seen.
    pub(super) fn remember_seen(&self) {
        let mut has_failed = lock(&self.keeping);
        let Some(upto) = self.seen().news() else {
            return;
        };
        let written = self.memory.set_seen(&upto);
        let fails_again = std::mem::replace(&mut *has_failed, written.is_err());
        if let Err(error) = written {
            self.seen().is_unwritten();
            // It is tried each second.
            if !fails_again {
                tracing::warn!(%error, "could not write down which messages of Discord were seen");
            }
        }
    }

    pub(super) async fn keep_seen(&self) {
        loop {
            tokio::time::sleep(KEEP).await;
            self.remember_seen();
        }
    }
}

/// The messages that called the bot into threads. One is forgotten when nothing that was said before it can be read again.
fn called(memory: &Memory, seen: &Seen) -> BTreeMap<Id, Id> {
    let mut calls = memory.called();
    let all = calls.len();
    calls.retain(|_, call| seen.may_read_before(call.guild, call.message));
    if calls.len() < all
        && let Err(error) = memory.set_called(&calls)
    {
        tracing::warn!(%error, "could not forget old calls into threads");
    }
    let calls = calls.into_iter();
    calls.map(|(thread, call)| (thread, call.message)).collect()
}

/// A user of Discord, as everything else knows them.
pub(super) fn user(id: Id) -> Option<UserId> {
    UserId::parse(&format!("discord:{id}")).ok()
}

impl fmt::Debug for Bot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bot")
            .field("identity", &self.identity)
            .finish_non_exhaustive()
    }
}
