//! Which messages were dealt with. Ids of messages are moments, so one number says it of all channels of a shard, each of which
//! has a connection of its own; what is under way, and what nobody has told yet, holds it back. Pure.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use super::admission::Id;

/// Stands for the direct conversations, which belong to no guild.
pub(super) const DIRECT: Id = 0;

/// The number of a shard, from 0.
pub(super) type Shard = u32;

/// Messages that were dealt with, as it is written down: `TOTAL SHARD:ID …`, or one id where no shard has begun yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Marks {
    /// Shards that there are, those of other hosts among them; 0: nobody has told.
    total: u32,
    of: BTreeMap<Shard, Id>,
}

/// Messages that were dealt with.
#[derive(Debug)]
pub(super) struct Seen {
    /// What came before this one was before the bot.
    first: Id,
    total: u32,
    shards: BTreeMap<Shard, OfShard>,
    /// Sessions so far, of all shards.
    sessions: u32,
    written: Option<Marks>,
}

/// The same of one shard.
#[derive(Debug)]
struct OfShard {
    /// All up to this one, but for those under way.
    newest: Id,
    /// Each as often as it is under way.
    under_way: BTreeMap<Id, u32>,
    /// Guilds of this session that have not told yet what is new in them, and what was seen before it.
    silent: BTreeMap<Id, Id>,
    /// The number of its session.
    session: u32,
}

impl Seen {
    /// What an earlier host wrote down; else all up to `first`, which is now: what was written down and is later than that
    /// was written by a clock that was wrong.
    pub(super) fn new(written: Option<Marks>, first: Id) -> Self {
        let written = written.map(|mut marks| {
            marks.of.values_mut().for_each(|upto| *upto = first.min(*upto));
            marks
        });
        let marks = written.clone().unwrap_or_else(|| Marks {
            total: 0,
            of: [(0, first)].into(),
        });
        Self {
            first,
            total: marks.total,
            shards: marks
                .of
                .into_iter()
                .map(|(shard, upto)| (shard, OfShard::new(upto)))
                .collect(),
            sessions: 0,
            written,
        }
    }

    /// A session of a shard begins, and will tell of each of these guilds what is new there. What it tells of one says nothing
    /// of the others. `ours`: the shards that this host connects, of `total`. The session's number.
    pub(super) fn begin(
        &mut self,
        shard: Shard,
        (ours, total): (RangeInclusive<Shard>, u32),
        guilds: impl IntoIterator<Item = Id>,
    ) -> u32 {
        if self.total != total {
            // Guilds have other shards now: what was certainly seen everywhere.
            let least = self.shards.values().map(OfShard::all_upto).min();
            self.shards.clear();
            self.total = total;
            for shard in ours {
                self.shards
                    .insert(shard, OfShard::new(least.unwrap_or(self.first)));
            }
        }
        // One that this host has not connected before was another host's.
        let first = self.first;
        let begun = self.shards.entry(shard).or_insert_with(|| OfShard::new(first));
        let before = begun.all_upto();
        // One that is no longer among them has nothing to tell.
        let known = std::mem::take(&mut begun.silent);
        begun.silent = guilds
            .into_iter()
            .map(|guild| (guild, known.get(&guild).copied().unwrap_or(before)))
            .collect();
        self.sessions += 1;
        begun.session = self.sessions;
        begun.session
    }

    /// Whether this is the session of its shard still.
    pub(super) fn is_session(&self, shard: Shard, session: u32) -> bool {
        self.shards.get(&shard).is_some_and(|of| of.session == session)
    }

    /// A guild of this session is out of order: what is said there meanwhile is told nobody, until it is back.
    pub(super) fn away(&mut self, shard: Shard, guild: Id) {
        if let Some(of) = self.shards.get_mut(&shard) {
            let before = of.all_upto();
            of.silent.entry(guild).or_insert(before);
        }
    }

    /// A message has come that is nothing to the bot.
    pub(super) fn passed(&mut self, shard: Shard, message: Id) {
        if let Some(of) = self.shards.get_mut(&shard) {
            of.newest = of.newest.max(message);
        }
    }

    /// A message has come. Until it is [`done`](Self::done), it is asked for again after a restart.
    pub(super) fn came(&mut self, shard: Shard, message: Id) {
        if let Some(of) = self.shards.get_mut(&shard) {
            *of.under_way.entry(message).or_default() += 1;
            of.newest = of.newest.max(message);
        }
    }

    /// What it asked for is durable, or nothing.
    pub(super) fn done(&mut self, shard: Shard, message: Id) {
        let Some(of) = self.shards.get_mut(&shard) else {
            return;
        };
        if let Some(count) = of.under_way.get_mut(&message) {
            *count -= 1;
            if *count == 0 {
                of.under_way.remove(&message);
            }
        }
    }

    /// A guild tells what is new in it: what came after this id was not seen. It holds nothing back once that is
    /// [under way](Self::came) and it was [heard](Self::heard).
    pub(super) fn before(&self, shard: Shard, guild: Id) -> Option<Id> {
        let of = self.shards.get(&shard)?;
        Some(of.silent.get(&guild).copied().unwrap_or_else(|| of.all_upto()))
    }

    /// All that is new in direct conversations is under way, as far as it was missed before this session.
    pub(super) fn heard_direct(&mut self, shard: Shard, session: u32) {
        if self.is_session(shard, session) {
            self.heard(shard, DIRECT);
        }
    }

    /// All that is new in a guild is under way.
    pub(super) fn heard(&mut self, shard: Shard, guild: Id) {
        if let Some(of) = self.shards.get_mut(&shard) {
            of.silent.remove(&guild);
        }
    }

    /// What is to be written down now; `None`: nothing new.
    pub(super) fn news(&mut self) -> Option<Marks> {
        let of = self.shards.iter().map(|(shard, of)| (*shard, of.all_upto()));
        let marks = Marks {
            total: self.total,
            of: of.collect(),
        };
        if self.written.as_ref() == Some(&marks) {
            return None;
        }
        self.written = Some(marks.clone());
        Some(marks)
    }
}

impl OfShard {
    fn new(upto: Id) -> Self {
        Self {
            newest: upto,
            under_way: BTreeMap::new(),
            silent: BTreeMap::new(),
            session: 0,
        }
    }

    /// All messages up to this one were dealt with.
    fn all_upto(&self) -> Id {
        let under_way = self.under_way.keys().next().map(|first| first - 1);
        let silent = self.silent.values().min().copied();
        [under_way, silent]
            .into_iter()
            .flatten()
            .fold(self.newest, Id::min)
    }
}

impl fmt::Display for Marks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.total == 0 {
            return self.of.values().min().copied().unwrap_or_default().fmt(f);
        }
        write!(f, "{}", self.total)?;
        self.of
            .iter()
            .try_for_each(|(shard, upto)| write!(f, " {shard}:{upto}"))
    }
}

impl FromStr for Marks {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let Some((total, marks)) = text.split_once(' ') else {
            return Ok(Self {
                total: 0,
                of: [(0, text.parse()?)].into(),
            });
        };
        let mark = |mark: &str| {
            let (shard, upto) = mark.split_once(':').unwrap_or((mark, ""));
            Ok((shard.parse()?, upto.parse()?))
        };
        Ok(Self {
            total: total.parse()?,
            of: marks.split_whitespace().map(mark).collect::<Result<_, _>>()?,
        })
    }
}

#[cfg(test)]
mod tests;
