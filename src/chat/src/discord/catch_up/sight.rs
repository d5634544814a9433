//! A channel comes into sight again while a host runs: what was said there meanwhile nobody has told.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex};

use serenity::all::{ChannelId, MessageId, ThreadListSyncEvent};

use super::{Gap, is_heard, missed, put_away};
use crate::discord::admission::{Id, hears};
use crate::discord::bot::Bot;
use crate::discord::hear;
use crate::discord::places::{Kind, lock};

/// How far this host has heard each channel and thread: one mark for all of them says nothing of those that it did not see.
#[derive(Debug, Default)]
pub(in crate::discord) struct Sight(Mutex<Heard>);

#[derive(Debug, Default)]
struct Heard {
    /// What was seen of a guild before this host met it.
    guilds: HashMap<Id, Id>,
    /// The newest message of a channel or thread that came.
    channels: HashMap<Id, Id>,
}

impl Sight {
    /// A guild tells of itself; it was heard up to this message.
    pub(in crate::discord) fn met(&self, guild: Id, upto: Id) {
        lock(&self.0).guilds.entry(guild).or_insert(upto);
    }

    /// It is nothing to the bot any more.
    pub(in crate::discord) fn left(&self, guild: Id) {
        lock(&self.0).guilds.remove(&guild);
    }

    /// A message came.
    pub(in crate::discord) fn heard(&self, channel: Id, message: Id) {
        let mut heard = lock(&self.0);
        let newest = heard.channels.entry(channel).or_default();
        *newest = message.max(*newest);
    }

    /// Up to where a channel of a guild was heard; `None`: the guild has not told of itself.
    pub(super) fn upto(&self, guild: Id, channel: Id) -> Option<Id> {
        let heard = lock(&self.0);
        let met = *heard.guilds.get(&guild)?;
        Some(
            heard
                .channels
                .get(&channel)
                .map_or(met, |newest| met.max(*newest)),
        )
    }
}

/// Discord tells which threads are open in channels that the bot has come to see: they, those that were put away, and the
/// channels themselves are read from where they were last heard.
pub(in crate::discord) fn came_into_sight(bot: &Arc<Bot>, event: &ThreadListSyncEvent) {
    let guild = event.guild_id.get();
    // A guild that has not told of itself will tell of all that is new in it.
    let Some(met) = bot.sight.upto(guild, guild) else {
        return;
    };
    // What is older than the mark of what was seen can't hold it there: only from now on.
    let held = bot.seen().before(guild) + 1;
    let gap = |channel| Gap {
        channel,
        guild: Some(guild),
        after: bot.sight.upto(guild, channel).unwrap_or(met),
        upto: Id::MAX,
    };
    let named = event.channel_ids.iter().flatten().copied();
    let of_threads = event.threads.iter().filter_map(|thread| thread.parent_id);
    let parents: BTreeSet<Id> = named.chain(of_threads).map(ChannelId::get).collect();
    for parent in parents {
        let spot = bot.places.spot(parent);
        let heard = spot.filter(|spot| hears(&bot.config.rules, hear::place(parent, Some(guild), *spot)));
        let Some(spot) = heard.filter(|spot| spot.kind.has_threads()) else {
            continue;
        };
        tracing::info!(channel = parent, "a channel has come into sight");
        if spot.kind != Kind::Forum {
            missed(bot, gap(parent), held);
        }
        bot.seen().came(guild, held);
        let again = Arc::clone(bot);
        tokio::spawn(async move { put_away(&again, ((parent, spot.kind), guild), met, held).await });
    }
    for thread in event.threads.iter().filter(|thread| is_heard(bot, thread)) {
        let gap = gap(thread.id.get());
        if thread.last_message_id.map_or(0, MessageId::get) > gap.after {
            missed(bot, gap, held);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_was_heard_up_to_its_newest_message_or_what_was_seen_of_its_guild() {
        let sight = Sight::default();
        sight.heard(7, 50);
        assert_eq!(sight.upto(1, 7), None, "the guild will tell");
        sight.met(1, 40);
        sight.met(1, 90);
        assert_eq!((sight.upto(1, 7), sight.upto(1, 8)), (Some(50), Some(40)));
        sight.heard(7, 45);
        assert_eq!(sight.upto(1, 7), Some(50), "it was read late");
        sight.left(1);
        sight.met(1, 60);
        assert_eq!(sight.upto(1, 7), Some(60), "what was said while it was not there");
    }
}
