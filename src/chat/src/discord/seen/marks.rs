//! Which messages were dealt with, as it is written down.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use super::{Shard, shard_of};
use crate::discord::admission::Id;

/// Messages that were dealt with, as it is written down: `TOTAL SHARD:ID …`, or one id where no shard has begun yet, and then a
/// line `GUILD:ID` for each guild and a line `GUILD/CHANNEL:ID` for each channel or thread that has a mark of its own. Earlier
/// formats had no such lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::discord) struct Marks {
    /// Shards that there are, those of other hosts among them; 0: nobody has told.
    pub(super) total: u32,
    /// Of guilds that have no mark of their own, by their shards.
    pub(super) shards: BTreeMap<Shard, Id>,
    pub(super) guilds: BTreeMap<Id, Id>,
    /// Channels and threads of which something is to be read that their guild's mark says nothing of.
    pub(super) channels: BTreeMap<Id, Mark>,
}

/// The mark of a channel or thread of a guild.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) guild: Id,
    pub(super) upto: Id,
}

impl Marks {
    /// No shard has begun: this one for all.
    pub(super) fn one(upto: Id) -> Self {
        Self {
            total: 0,
            shards: [(0, upto)].into(),
            guilds: BTreeMap::new(),
            channels: BTreeMap::new(),
        }
    }

    /// None is later than this.
    pub(super) fn set_back(&mut self, latest: Id) {
        let channels = self.channels.values_mut().map(|mark| &mut mark.upto);
        let all = self.shards.values_mut().chain(self.guilds.values_mut());
        all.chain(channels).for_each(|upto| *upto = latest.min(*upto));
    }

    /// From where on the next host reads a channel or thread of this guild.
    pub(super) fn upto(&self, guild: Id, channel: Id) -> Id {
        let of_shard = || self.shards.get(&shard_of(guild, self.total)).copied();
        let of_guild = self.guilds.get(&guild).copied().or_else(of_shard);
        let of_guild = of_guild.unwrap_or_default();
        let own = self.channels.get(&channel);
        own.map_or(of_guild, |mark| mark.upto.min(of_guild))
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
        for (guild, upto) in &self.guilds {
            write!(f, "\n{guild}:{upto}")?;
        }
        self.channels
            .iter()
            .try_for_each(|(channel, Mark { guild, upto })| write!(f, "\n{guild}/{channel}:{upto}"))
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
        let (head, places) = text.split_once('\n').unwrap_or((text, ""));
        let Some((total, shards)) = head.split_once(' ') else {
            return Ok(Self::one(head.parse()?));
        };
        let (channels, guilds): (Vec<&str>, Vec<&str>) = places.lines().partition(|line| line.contains('/'));
        let channels = channels.into_iter().map(|line| {
            let (guild, channel) = line.split_once('/').unwrap_or((line, ""));
            let (guild, (channel, upto)) = (guild.parse()?, mark(channel)?);
            Ok((channel, Mark { guild, upto }))
        });
        Ok(Self {
            total: total.parse()?,
            shards: shards.split_whitespace().map(mark).collect::<Result<_, _>>()?,
            guilds: guilds.into_iter().map(mark).collect::<Result<_, _>>()?,
            channels: channels.collect::<Result<_, Self::Err>>()?,
        })
    }
}
