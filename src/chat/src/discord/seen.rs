//! Which messages were dealt with. Ids of messages are moments, so one number says it of all channels of a guild; what is under
//! way there, and what the guild has not told yet, holds it back. Each guild has its own: in one connection what is told of one
//! may lag behind what is told of another. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use super::admission::Id;

/// Stands for the direct conversations, which belong to no guild.
pub(super) const DIRECT: Id = 0;

/// The number of a shard, from 0.
pub(super) type Shard = u32;

/// Messages that were dealt with, as it is written down: `TOTAL SHARD:ID …`, or one id where no shard has begun yet, and then a
/// line `GUILD:ID` for each guild. An earlier format had no such lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Marks {
    /// Shards that there are, those of other hosts among them; 0: nobody has told.
    total: u32,
    /// Of guilds that have no mark of their own, by their shards.
    shards: BTreeMap<Shard, Id>,
    guilds: BTreeMap<Id, Id>,
}

/// Messages that were dealt with.
#[derive(Debug)]
pub(super) struct Seen {
    /// What came before this one was before the bot.
    first: Id,
    total: u32,
    shards: BTreeMap<Shard, OfShard>,
    /// Those of this host's shards.
    guilds: BTreeMap<Id, OfGuild>,
    /// Sessions so far, of all shards.
    sessions: u32,
    written: Option<Marks>,
}

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
    under_way: BTreeMap<Id, u32>,
    /// It has not told yet in this session what is new in it; what was seen before that.
    silent: Option<Id>,
}

impl Seen {
    /// What an earlier host wrote down; else all up to `first`, which is now: what was written down and is later than that
    /// was written by a clock that was wrong.
    pub(super) fn new(written: Option<Marks>, first: Id) -> Self {
        let written = written.map(|mut marks| {
            let all = marks.shards.values_mut().chain(marks.guilds.values_mut());
            all.for_each(|upto| *upto = first.min(*upto));
            marks
        });
        let marks = written.clone().unwrap_or_else(|| Marks {
            total: 0,
            shards: [(0, first)].into(),
            guilds: BTreeMap::new(),
        });
        let guilds = marks.guilds.into_iter();
        Self {
            first,
            total: marks.total,
            shards: OfShard::all(marks.shards),
            guilds: guilds.map(|(guild, upto)| (guild, OfGuild::new(upto))).collect(),
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
            self.guilds
                .retain(|guild, _| ours.contains(&shard_of(*guild, total)));
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
    }

    /// A message has come that is nothing to the bot.
    pub(super) fn passed(&mut self, guild: Id, message: Id) {
        let of = self.of(guild);
        of.newest = of.newest.max(message);
    }

    /// A message has come. Until it is [`done`](Self::done), it is asked for again after a restart.
    pub(super) fn came(&mut self, guild: Id, message: Id) {
        self.holds(guild, message);
        self.passed(guild, message);
    }

    /// The same of one that was read. What is told comes in order; that this one was said tells nothing of what was said before
    /// it elsewhere.
    pub(super) fn holds(&mut self, guild: Id, message: Id) {
        *self.of(guild).under_way.entry(message).or_default() += 1;
    }

    /// What it asked for is durable, or nothing.
    pub(super) fn done(&mut self, guild: Id, message: Id) {
        let Some(of) = self.guilds.get_mut(&guild) else {
            return;
        };
        if let Some(count) = of.under_way.get_mut(&message) {
            *count -= 1;
            if *count == 0 {
                of.under_way.remove(&message);
            }
        }
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

    /// What is to be written down now; `None`: nothing new.
    pub(super) fn news(&mut self) -> Option<Marks> {
        let shards = self.shards.keys().map(|shard| (*shard, self.upto(*shard)));
        let guilds = self.guilds.iter().map(|(guild, of)| (*guild, of.all_upto()));
        let marks = Marks {
            total: self.total,
            shards: shards.collect(),
            guilds: guilds.collect(),
        };
        if self.written.as_ref() == Some(&marks) {
            return None;
        }
        self.written = Some(marks.clone());
        Some(marks)
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
pub(super) fn shard_of(guild: Id, total: u32) -> Shard {
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
            under_way: BTreeMap::new(),
            silent: None,
        }
    }

    /// What is new in it is not known from now on.
    fn falls_silent(&mut self) {
        self.silent = Some(self.silent.unwrap_or_else(|| self.all_upto()));
    }

    /// All messages up to this one were dealt with.
    fn all_upto(&self) -> Id {
        let under_way = self.under_way.keys().next().map(|first| first - 1);
        let held = [under_way, self.silent].into_iter().flatten();
        held.fold(self.newest, Id::min)
    }
}

impl fmt::Display for Marks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.total == 0 {
            return self.shards.values().min().copied().unwrap_or_default().fmt(f);
        }
        write!(f, "{}", self.total)?;
        for (shard, upto) in &self.shards {
            write!(f, " {shard}:{upto}")?;
        }
        self.guilds
            .iter()
            .try_for_each(|(guild, upto)| write!(f, "\n{guild}:{upto}"))
    }
}

impl FromStr for Marks {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        /// `NUMBER:ID`.
        fn mark<N: FromStr<Err = std::num::ParseIntError>>(text: &str) -> Result<(N, Id), N::Err> {
            let (of, upto) = text.split_once(':').unwrap_or((text, ""));
            Ok((of.parse()?, upto.parse()?))
        }
        let (head, guilds) = text.split_once('\n').unwrap_or((text, ""));
        let Some((total, shards)) = head.split_once(' ') else {
            return Ok(Self {
                total: 0,
                shards: [(0, head.parse()?)].into(),
                guilds: BTreeMap::new(),
            });
        };
        Ok(Self {
            total: total.parse()?,
            shards: shards.split_whitespace().map(mark).collect::<Result<_, _>>()?,
            guilds: guilds.lines().map(mark).collect::<Result<_, _>>()?,
        })
    }
}

#[cfg(test)]
mod tests;
