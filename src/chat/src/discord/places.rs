//! Where threads and channels belong, as Discord tells of them.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use conversation::ThreadId;
use serenity::all::GuildChannel;
use tokio::sync::Notify;

use super::admission::Id;
use crate::harmless;
use crate::origins::Origin;

mod guilds;
mod inside;
mod opening;
mod speakers;
mod spot;
mod taken_out;
#[cfg(test)]
mod tests;
mod told;

pub(super) use spot::{Kind, Spot};

/// The largest file that Discord takes of a bot anywhere, in bytes.
pub(super) const UPLOAD_LIMIT: u64 = 10 << 20;

/// What is known of channels and threads.
#[derive(Debug, Default)]
pub(super) struct Places {
    known: Mutex<HashMap<Id, Spot>>,
    /// One more is.
    more: Notify,
    /// Of channels, not of threads.
    names: Mutex<HashMap<Id, Box<str>>>,
    /// Threads and direct conversations that are served.
    served: Mutex<HashSet<Id>>,
    /// Those among them that the bot was taken out of.
    taken_out: Mutex<BTreeSet<Id>>,
    guilds: Mutex<guilds::Guilds>,
    /// The message that called the bot into a thread where it did not listen until then; the last one.
    called: Mutex<BTreeMap<Id, Id>>,
    /// Messages that may call the bot and are not dealt with, each as often as it is under way: where it was said, and the
    /// thread that may be opened from it, which has its id.
    calls: Mutex<BTreeMap<(Id, Id), u32>>,
    /// Channels in which a thread is to be opened for somebody, by the interaction that asked for it.
    awaited: Mutex<HashMap<Id, Id>>,
    /// The largest file that each guild takes, in bytes.
    limits: Mutex<HashMap<Id, u64>>,
    /// Who was told once that they are not listened to, and where.
    told: Mutex<BTreeSet<(Id, Id)>>,
    /// Who was told whose login pays, and where.
    payers: Mutex<BTreeMap<(Id, Id), String>>,
    /// Turns in a row that bots began.
    bot_turns: Mutex<BTreeMap<Id, u32>>,
    /// Where another program speaks as this bot, when it was last noticed, and the newest message that it said there.
    anothers: Mutex<HashMap<Id, (Instant, Id)>>,
    /// Who is a bot or a webhook, of those who were asked about.
    machines: Mutex<HashMap<Id, bool>>,
    /// The roles that came with the bot, one in each guild.
    our_roles: Mutex<HashSet<Id>>,
}

/// The thread of a channel's id.
pub(super) fn thread(channel: Id) -> Option<ThreadId> {
    ThreadId::parse(&format!("discord:{channel}")).ok()
}

/// The channel of a thread, if it is one of Discord's.
pub(super) fn channel(thread: &ThreadId) -> Option<Id> {
    let local = thread.local().parse().ok();
    local.filter(|_| thread.front_end() == super::FRONT_END)
}

impl Places {
    pub(super) fn learn(&self, channel: Id, spot: Spot) {
        lock(&self.known).insert(channel, spot);
        self.more.notify_waiters();
    }

    /// A channel or thread as the gateway describes it.
    pub(super) fn learn_of(&self, channel: &GuildChannel) {
        let (id, spot) = (channel.id.get(), Spot::of(channel));
        self.learn(id, spot);
        if spot.parent.is_none() {
            lock(&self.names).insert(id, channel.name.as_str().into());
        }
    }

    pub(super) fn forget(&self, channel: Id) {
        lock(&self.known).remove(&channel);
        lock(&self.names).remove(&channel);
    }

    /// Where people find it.
    pub(super) fn origin(&self, thread: &ThreadId) -> Option<Origin> {
        let id = channel(thread)?;
        let spot = self.spot(id)?;
        let of = match spot.guild {
            Some(guild) => guild.to_string(),
            None => "@me".to_owned(),
        };
        let name = lock(&self.names).get(&spot.parent.unwrap_or(id)).cloned();
        let place = match (spot.guild, name) {
            (None, _) => "Discord · direct".to_owned(),
            (Some(_), Some(name)) => format!("Discord · #{}", harmless::line(&name, 60)),
            (Some(_), None) => "Discord".to_owned(),
        };
        Some(Origin {
            place,
            link: Some(format!("https://discord.com/channels/{of}/{id}")),
        })
    }

    pub(super) fn spot(&self, channel: Id) -> Option<Spot> {
        lock(&self.known).get(&channel).copied()
    }

    /// A guild is of this tier, from 0 to 3, by how much it is boosted.
    /// <https://docs.discord.com/developers/reference#uploading-files>
    pub(super) fn learn_tier(&self, guild: Id, tier: u8) {
        let limit = match tier {
            2 => 50 << 20,
            3 => 100 << 20,
            _ => UPLOAD_LIMIT,
        };
        lock(&self.limits).insert(guild, limit);
    }

    /// The largest file that can be sent there, in bytes; `None`: nobody has told.
    pub(super) fn upload_limit(&self, channel: Id) -> Option<u64> {
        match self.spot(channel)?.guild {
            Some(guild) => lock(&self.limits).get(&guild).copied(),
            None => Some(UPLOAD_LIMIT),
        }
    }

    pub(super) fn serve(&self, channel: Id) {
        lock(&self.served).insert(channel);
    }

    pub(super) fn is_served(&self, channel: Id) -> bool {
        lock(&self.served).contains(&channel)
    }
}

/// What was being written when a task broke is as good as anything else.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
