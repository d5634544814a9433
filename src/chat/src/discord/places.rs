//! Where threads and channels belong, as Discord tells of them.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use conversation::ThreadId;
use serde_json::Value;
use serenity::all::{ChannelId, GuildChannel};
use tokio::sync::Notify;

use super::admission::Id;
use crate::harmless;
use crate::origins::Origin;

mod guilds;
mod inside;
mod taken_out;
#[cfg(test)]
mod tests;
mod told;

/// The largest file that Discord takes of a bot anywhere, in bytes.
pub(super) const UPLOAD_LIMIT: u64 = 10 << 20;

/// So long a place is left to another program that spoke there with the same token.
const ANOTHERS: Duration = Duration::from_mins(10);

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

/// A channel or a thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spot {
    /// Its guild; `None` for a direct conversation.
    pub(super) guild: Option<Id>,
    /// Of a thread or a post: the channel or forum.
    pub(super) parent: Option<Id>,
    /// What it is.
    pub(super) kind: Kind,
}

/// Kinds of channels, by what can be opened in them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Threads. Also what came after this version: Discord then says what it does not do.
    Text,
    /// Threads of their own kind.
    News,
    /// Nothing but posts.
    Forum,
    /// Nothing: other channels stand below it.
    Category,
    /// Nothing: the text beside voices.
    Voice,
    /// A thread or a post.
    Thread,
    /// A direct conversation.
    Direct,
}

impl Kind {
    /// Whether it may have threads or posts that are put away.
    pub(super) fn has_threads(self) -> bool {
        matches!(self, Self::Text | Self::News | Self::Forum)
    }

    /// Whether something is said in it itself: of a forum Discord calls its newest post its last message.
    pub(super) fn has_messages(self) -> bool {
        !matches!(self, Self::Forum | Self::Category)
    }
}

impl From<u8> for Kind {
    /// <https://docs.discord.com/developers/resources/channel#channel-object-channel-types>
    fn from(number: u8) -> Self {
        match number {
            1 | 3 => Self::Direct,
            2 | 13 => Self::Voice,
            4 => Self::Category,
            5 => Self::News,
            10..=12 => Self::Thread,
            15 | 16 => Self::Forum,
            _ => Self::Text,
        }
    }
}

impl Spot {
    /// A direct conversation.
    pub(super) const DIRECT: Self = Self {
        guild: None,
        parent: None,
        kind: Kind::Direct,
    };

    /// As the gateway describes it.
    pub(super) fn of(channel: &GuildChannel) -> Self {
        let kind = Kind::from(u8::from(channel.kind));
        Self {
            guild: Some(channel.guild_id.get()),
            parent: channel
                .parent_id
                .filter(|_| kind == Kind::Thread)
                .map(ChannelId::get),
            kind,
        }
    }

    /// As REST describes it.
    pub(super) fn of_json(channel: &Value) -> Self {
        let id = |key: &str| channel[key].as_str().and_then(|id| id.parse().ok());
        let kind = channel["type"].as_u64().and_then(|kind| u8::try_from(kind).ok());
        let kind = kind.map_or(Kind::Text, Kind::from);
        Self {
            guild: id("guild_id"),
            // Of a channel it is the category that it stands below.
            parent: id("parent_id").filter(|_| kind == Kind::Thread),
            kind,
        }
    }
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

    /// A message of a guild came that may call the bot into its thread, or into one that is opened from it. Until it is
    /// [`dealt_with`](Self::dealt_with), what comes after it there waits.
    pub(super) fn calls(&self, place: Id, message: Id) {
        let mut calls = lock(&self.calls);
        for thread in BTreeSet::from([place, message]) {
            *calls.entry((thread, message)).or_default() += 1;
        }
    }

    /// Its thread is one of the bot's now, or does not become one by it.
    pub(super) fn dealt_with(&self, place: Id, message: Id) {
        let mut calls = lock(&self.calls);
        for thread in BTreeSet::from([place, message]) {
            if let Entry::Occupied(mut count) = calls.entry((thread, message)) {
                *count.get_mut() -= 1;
                if *count.get() == 0 {
                    count.remove();
                }
            }
        }
    }

    /// The first message that may call the bot into a thread and is not dealt with; this one, if there is none.
    pub(super) fn first_call(&self, thread: Id, message: Id) -> Id {
        let calls = lock(&self.calls);
        let mut upto = calls.range((thread, 0)..(thread, message));
        upto.next().map_or(message, |((_, first), _)| *first)
    }

    /// Whether nobody else deals with this message just now.
    pub(super) fn is_called_once(&self, message: Id) -> bool {
        lock(&self.calls).get(&(message, message)) == Some(&1)
    }

    /// Somebody asked for a thread in this channel. Until [`came`](Self::came), what is said in younger ones there, which are
    /// not served, waits: one of them may be it.
    pub(super) fn awaits(&self, asked: Id, channel: Id) {
        lock(&self.awaited).insert(asked, channel);
    }

    /// It is served now, or never will be.
    pub(super) fn came(&self, asked: Id) {
        lock(&self.awaited).remove(&asked);
    }

    /// Whether a message in a thread comes after one that is still to open it, or may make it one of the bot's.
    pub(super) fn is_opening(&self, thread: Id, message: Id) -> bool {
        self.is_called_before(thread, message) || self.may_be_awaited(thread)
    }

    fn is_called_before(&self, thread: Id, message: Id) -> bool {
        let is_thread = self.spot(thread).is_none_or(|spot| spot.parent.is_some());
        let (listens, calls) = (self.listens(thread), lock(&self.calls));
        // Ids grow with time. In a channel each call opens a thread of its own.
        let mut before = calls.range((thread, 0)..(thread, message));
        let opens = thread < message && calls.contains_key(&(thread, thread));
        opens || (is_thread && !listens && before.next().is_some())
    }

    fn may_be_awaited(&self, thread: Id) -> bool {
        let awaited = lock(&self.awaited);
        if awaited.is_empty() || self.is_served(thread) {
            return false;
        }
        let parent = self.spot(thread).and_then(|spot| spot.parent);
        // Ids grow with time.
        parent.is_some_and(|parent| {
            awaited
                .iter()
                .any(|(asked, channel)| *channel == parent && *asked < thread)
        })
    }

    /// Whether this is the first time.
    pub(super) fn tell_once(&self, channel: Id, user: Id) -> bool {
        lock(&self.told).insert((channel, user))
    }

    /// Whether somebody was told that this login pays there.
    pub(super) fn knows_payer(&self, channel: Id, user: Id, pays: &str) -> bool {
        lock(&self.payers)
            .get(&(channel, user))
            .is_some_and(|told| told == pays)
    }

    pub(super) fn told_payer(&self, channel: Id, user: Id, pays: String) {
        lock(&self.payers).insert((channel, user), pays);
    }

    pub(super) fn bot_turns(&self, channel: Id) -> u32 {
        lock(&self.bot_turns).get(&channel).copied().unwrap_or_default()
    }

    /// As it was when an earlier host wrote it down.
    pub(super) fn learn_bot_turns(&self, turns: BTreeMap<Id, u32>) {
        *lock(&self.bot_turns) = turns;
    }

    /// A turn was begun that belongs to all of these; a person's ends their rows, and that of the channel they belong to.
    /// What is to be written down, if something changed.
    pub(super) fn began(&self, places: &[Id], by_bot: bool) -> Option<BTreeMap<Id, u32>> {
        let places: BTreeSet<Id> = places.iter().copied().collect();
        let parents = places.iter().filter_map(|place| self.spot(*place)?.parent);
        let parents: Vec<Id> = parents.filter(|_| !by_bot).collect();
        let mut turns = lock(&self.bot_turns);
        let before = turns.clone();
        for place in places.into_iter().chain(parents) {
            if by_bot {
                *turns.entry(place).or_default() += 1;
            } else {
                turns.remove(&place);
            }
        }
        (*turns != before).then(|| turns.clone())
    }

    /// Another program speaks there as this bot. `said`: the message by which that was noticed; 0 if by none.
    pub(super) fn learn_anothers(&self, channel: Id, said: Id) {
        let mut anothers = lock(&self.anothers);
        anothers.retain(|_, (noticed, _)| noticed.elapsed() < ANOTHERS);
        let before = anothers.get(&channel).map_or(0, |(_, said)| *said);
        anothers.insert(channel, (Instant::now(), said.max(before)));
    }

    /// If one did a moment ago: the newest message that it said there.
    pub(super) fn said_by_another(&self, channel: Id) -> Option<Id> {
        let (noticed, said) = lock(&self.anothers).get(&channel).copied()?;
        (noticed.elapsed() < ANOTHERS).then_some(said)
    }

    pub(super) fn learn_machine(&self, user: Id, is_machine: bool) {
        lock(&self.machines).insert(user, is_machine);
    }

    /// Whether a user is a bot or a webhook; `None`: nobody has told.
    pub(super) fn is_machine(&self, user: Id) -> Option<bool> {
        lock(&self.machines).get(&user).copied()
    }

    pub(super) fn learn_our_role(&self, role: Id) {
        lock(&self.our_roles).insert(role);
    }

    pub(super) fn is_our_role(&self, role: Id) -> bool {
        lock(&self.our_roles).contains(&role)
    }
}

/// What was being written when a task broke is as good as anything else.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
