//! Which messages were dealt with. Ids of messages are moments, so one number says it of all channels of a guild; what came there
//! and is under way, and what the guild has not told yet, holds it back. Each guild has its own: in one connection what is told of
//! one may lag behind what is told of another. What is read late has a mark of its channel alone. Pure.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::RangeInclusive;

use super::admission::Id;

mod channels;
mod marks;

pub(super) use channels::Unread;
pub(super) use marks::Marks;

use channels::OfChannel;

/// Stands for the direct conversations, which belong to no guild.
pub(super) const DIRECT: Id = 0;

/// The number of a shard, from 0.
pub(super) type Shard = u32;

/// Messages that were dealt with.
#[derive(Debug)]
pub(super) struct Seen {
    /// What came before this one was before the bot.
    first: Id,
    total: u32,
    shards: BTreeMap<Shard, OfShard>,
    /// Those of this host's shards.
    guilds: BTreeMap<Id, OfGuild>,
    /// Channels and threads of which something is read late, or is still to be.
    channels: BTreeMap<Id, OfChannel>,
    /// Sessions so far, of all shards.
    sessions: u32,
    written: Option<Marks>,
}

/// A message that is under way: what came after it does not count as seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Hold {
    guild: Id,
    /// Where it is read late.
    channel: Option<Id>,
    message: Id,
}

/// Messages that are under way, each as often as it is.
#[derive(Debug, Default)]
struct UnderWay(BTreeMap<Id, u32>);

/// What is known of one shard.
#[derive(Debug)]
struct OfShard {
    /// Of a guild that is new in it what came up to here was before the bot, or was seen by an earlier host.
    upto: Id,
    /// The number of its session.
    session: u32,
}

/// The messages of one guild.
#[derive(Debug)]
struct OfGuild {
    /// All up to this one, but for those under way.
    newest: Id,
    /// Each as often as it is under way.
    under_way: UnderWay,
    /// It has not told yet in this session what is new in it; what was seen before that.
    silent: Option<Id>,
    /// The newest message that came in its channels and threads, of those that are newer than its mark.
    heard: HashMap<Id, Id>,
}

impl Seen {
    /// What an earlier host wrote down; else all up to `first`, which is now: what was written down and is later than that
    /// was written by a clock that was wrong.
    pub(super) fn new(written: Option<Marks>, first: Id) -> Self {
        let written = written.map(|mut marks| {
            marks.set_back(first);
            marks
        });
        let marks = written.clone().unwrap_or_else(|| Marks::one(first));
        let guilds = marks.guilds.into_iter();
        let channels = marks.channels.into_iter();
        Self {
            first,
            total: marks.total,
            shards: OfShard::all(marks.shards),
            guilds: guilds.map(|(guild, upto)| (guild, OfGuild::new(upto))).collect(),
            channels: channels.map(OfChannel::kept).collect(),
            sessions: 0,
            written,
        }
    }

    /// A session of a shard begins, and will tell of each of these guilds, which are all, what is new there. `ours`: the shards
    /// that this host connects, of `total`. The session's number.
    pub(super) fn begin(
        &mut self,
        shard: Shard,
        (ours, total): (RangeInclusive<Shard>, u32),
        guilds: impl IntoIterator<Item = Id>,
    ) -> u32 {
        let is_other = self.total != total;
        if is_other || !ours.clone().all(|shard| self.shards.contains_key(&shard)) {
            // Guilds have other shards now, or this host further ones: of one without a mark, what was certainly seen everywhere.
            let least = self.shards.keys().map(|shard| self.upto(*shard)).min();
            let least = least.unwrap_or(self.first);
            let is_ours = |guild: Id| ours.contains(&shard_of(guild, total));
            self.guilds.retain(|guild, _| is_ours(*guild));
            self.channels.retain(|_, channel| is_ours(channel.guild));
            let stays = |shard: &Shard| !is_other && self.shards.contains_key(shard);
            let upto = |shard| if stays(&shard) { self.upto(shard) } else { least };
            self.shards = OfShard::all(ours.map(|shard| (shard, upto(shard))));
            self.total = total;
        }
        let upto = self.upto(shard);
        self.sessions += 1;
        let session = self.sessions;
        self.shards.insert(shard, OfShard { upto, session });
        let told: BTreeSet<Id> = guilds.into_iter().collect();
        // One that is no longer among them has nothing to tell.
        self.guilds
            .retain(|guild, _| shard_of(*guild, total) != shard || told.contains(guild));
        for guild in told {
            let of = self.guilds.entry(guild).or_insert_with(|| OfGuild::new(upto));
            of.falls_silent();
        }
        let guilds = &self.guilds;
        self.channels.retain(|_, channel| {
            guilds.contains_key(&channel.guild) || shard_of(channel.guild, total) != shard
        });
        session
    }

    /// Whether this is the session of its shard still.
    pub(super) fn is_session(&self, shard: Shard, session: u32) -> bool {
        self.shards.get(&shard).is_some_and(|of| of.session == session)
    }

    /// A guild of this session is out of order: what is said there meanwhile is told nobody, until it is back.
    pub(super) fn away(&mut self, guild: Id) {
        self.of(guild).falls_silent();
    }

    /// The bot is not in that guild any more.
    pub(super) fn left(&mut self, guild: Id) {
        self.guilds.remove(&guild);
        self.channels.retain(|_, channel| channel.guild != guild);
    }

    /// A message has come that is nothing to the bot.
    pub(super) fn passed(&mut self, guild: Id, message: Id) {
        let of = self.of(guild);
        of.newest = of.newest.max(message);
    }

    /// A message has come. Until it is [`done`](Self::done), it is asked for again after a restart.
    pub(super) fn came(&mut self, guild: Id, message: Id) -> Hold {
        self.of(guild).under_way.hold(message);
        self.passed(guild, message);
        let channel = None;
        Hold {
            guild,
            channel,
            message,
        }
    }

    /// What it asked for is durable, or nothing.
    pub(super) fn done(&mut self, hold: Hold) {
        match hold.channel {
            Some(channel) => self.has_read(channel, hold.message),
            None => {
                if let Some(of) = self.guilds.get_mut(&hold.guild) {
                    of.under_way.done(hold.message);
                }
            }
        }
    }

    /// A message came in a channel or thread of a guild.
    pub(super) fn heard_in(&mut self, guild: Id, channel: Id, message: Id) {
        let newest = self.of(guild).heard.entry(channel).or_default();
        *newest = message.max(*newest);
    }

    /// Up to where a channel or thread of a guild was heard, if all of the guild was up to `before`.
    fn heard_upto(&self, guild: Id, channel: Id, before: Id) -> Id {
        let heard = self.guilds.get(&guild).and_then(|of| of.heard.get(&channel));
        heard.map_or(before, |newest| before.max(*newest))
    }

    /// A guild tells what is new in it: what came after this id was not seen. Its mark is held back until that is
    /// [under way](Self::came) and it was [heard](Self::heard).
    pub(super) fn before(&mut self, guild: Id) -> Id {
        let of = self.of(guild);
        of.silent.unwrap_or_else(|| of.all_upto())
    }

    /// All that is new in direct conversations is under way, as far as it was missed before this session.
    pub(super) fn heard_direct(&mut self, shard: Shard, session: u32) {
        if self.is_session(shard, session) {
            self.heard(DIRECT, 0);
        }
    }

    /// All that is new in a guild is under way: what was said up to this message.
    pub(super) fn heard(&mut self, guild: Id, upto: Id) {
        self.of(guild).silent = None;
        self.passed(guild, upto);
    }

    /// Whether something that was said in a guild before this message may be read still. 0: in any guild.
    pub(super) fn may_read_before(&self, guild: Id, message: Id) -> bool {
        let of = self.guilds.iter().filter(|(of, _)| guild == 0 || **of == guild);
        let of = of.map(|(_, of)| of.all_upto());
        let shards = self.shards.values().map(|shard| shard.upto);
        let shards = shards.filter(|_| guild == 0 || !self.guilds.contains_key(&guild));
        let channels = self.kept().into_values();
        let channels = channels.filter(|mark| guild == 0 || mark.guild == guild);
        let least = of.chain(shards).chain(channels.map(|mark| mark.upto)).min();
        least.is_some_and(|least| least < message)
    }

    /// What is to be written down now; `None`: nothing new.
    pub(super) fn news(&mut self) -> Option<Marks> {
        self.guilds.values_mut().for_each(OfGuild::forget);
        let shards = self.shards.keys().map(|shard| (*shard, self.upto(*shard)));
        let guilds = self.guilds.iter().map(|(guild, of)| (*guild, of.all_upto()));
        let marks = Marks {
            total: self.total,
            shards: shards.collect(),
            guilds: guilds.collect(),
            channels: self.kept(),
        };
        if self.written.as_ref() == Some(&marks) {
            return None;
        }
        self.written = Some(marks.clone());
        Some(marks)
    }

    /// That could not be written down.
    pub(super) fn is_unwritten(&mut self) {
        self.written = None;
    }

    /// One that comes in the middle of a session is new to the bot.
    fn of(&mut self, guild: Id) -> &mut OfGuild {
        let is_known = self.guilds.contains_key(&guild);
        let upto = (!is_known).then(|| self.upto(shard_of(guild, self.total)));
        let new = OfGuild::new(upto.unwrap_or_default());
        self.guilds.entry(guild).or_insert(new)
    }

    /// What is taken for seen of a guild that is new in this shard: all up to the newest of the others.
    fn upto(&self, shard: Shard) -> Id {
        let known = self.shards.get(&shard).map_or(self.first, |of| of.upto);
        let of = |(guild, of): (&Id, &OfGuild)| {
            let is_here = shard_of(*guild, self.total) == shard;
            is_here.then(|| of.all_upto())
        };
        self.guilds.iter().filter_map(of).fold(known, Id::max)
    }
}

/// <https://discord.com/developers/docs/events/gateway#sharding>
fn shard_of(guild: Id, total: u32) -> Shard {
    let shard = (guild >> 22) % u64::from(total.max(1));
    Shard::try_from(shard).unwrap_or_default()
}

impl OfShard {
    fn all(upto: impl IntoIterator<Item = (Shard, Id)>) -> BTreeMap<Shard, Self> {
        let session = 0;
        let all = upto.into_iter();
        all.map(|(shard, upto)| (shard, Self { upto, session })).collect()
    }
}

impl OfGuild {
    fn new(upto: Id) -> Self {
        Self {
            newest: upto,
            under_way: UnderWay::default(),
            silent: None,
            heard: HashMap::new(),
        }
    }

    /// What is new in it is not known from now on.
    fn falls_silent(&mut self) {
        self.silent = Some(self.silent.unwrap_or_else(|| self.all_upto()));
    }

    /// All messages up to this one were dealt with.
    fn all_upto(&self) -> Id {
        let held = [self.under_way.upto(), self.silent].into_iter().flatten();
        held.fold(self.newest, Id::min)
    }

    /// What its mark says anyway.
    fn forget(&mut self) {
        let upto = self.all_upto();
        self.heard.retain(|_, newest| *newest > upto);
    }
}

impl UnderWay {
    fn hold(&mut self, message: Id) {
        *self.0.entry(message).or_default() += 1;
    }

    fn done(&mut self, message: Id) {
        if let Some(count) = self.0.get_mut(&message) {
            *count -= 1;
            if *count == 0 {
                self.0.remove(&message);
            }
        }
    }

    /// All up to this one are not; `None`: none is.
    fn upto(&self) -> Option<Id> {
        self.0.keys().next().map(|first| first - 1)
    }
}

#[cfg(test)]
mod tests;
