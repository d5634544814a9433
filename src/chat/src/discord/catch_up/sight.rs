//! A channel comes into sight again while a host runs: what was said there meanwhile nobody has told.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex};

use serenity::all::{ChannelId, MessageId, ThreadListSyncEvent};

use super::{Gap, is_heard, missed, put_away};
use crate::discord::admission::{Id, hears};
use crate::discord::bot::Bot;
use crate::discord::hear;
use crate::discord::places::{Places, lock};

/// How far this host has heard each channel and thread: one mark for all of them says nothing of those that it did not see.
#[derive(Debug, Default)]
pub(in crate::discord) struct Sight(Mutex<Heard>);

#[derive(Debug, Default)]
struct Heard {
    /// What was seen of a guild before this host met it.
    guilds: HashMap<Id, Id>,
    /// The newest message of a channel or thread that came.
    channels: HashMap<Id, Id>,
    /// Channels and threads in which what came after this message could not be read.
    unread: HashMap<Id, Id>,
    /// Guilds of which it is still being found out which threads were put away.
    looking: HashMap<Id, Looking>,
}

/// What is being looked for in a guild.
#[derive(Debug, Default)]
struct Looking {
    /// Channels that are still to be looked into, each as often as that is under way.
    left: HashMap<Id, usize>,
    /// Up to here it was heard.
    before: Id,
    /// Channels and threads that are read without that.
    known: HashSet<Id>,
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

    /// These channels of a guild are being looked into for threads that were put away since `before`; `known` are read anyway.
    /// What was known before of these channels, as `is_told` says, is not known any more: nobody has told what became of it.
    pub(super) fn looks(
        &self,
        guild: Id,
        before: Id,
        channels: impl Iterator<Item = Id>,
        is_told: impl Fn(Id) -> bool,
        known: impl Iterator<Item = Id>,
    ) {
        let mut heard = lock(&self.0);
        let mut channels = channels.peekable();
        if channels.peek().is_none() && !heard.looking.contains_key(&guild) {
            return;
        }
        let looking = heard.looking.entry(guild).or_insert_with(|| Looking {
            before,
            ..Looking::default()
        });
        for channel in channels {
            *looking.left.entry(channel).or_default() += 1;
        }
        looking.before = looking.before.min(before);
        looking.known.retain(|place| !is_told(*place));
        looking.known.extend(known);
    }

    /// A thread is told of: what is said in one that is made now is heard from its beginning.
    pub(in crate::discord) fn made(&self, guild: Id, thread: Id) {
        let mut heard = lock(&self.0);
        if let Some(looking) = heard
            .looking
            .get_mut(&guild)
            .filter(|looking| thread > looking.before)
        {
            looking.known.insert(thread);
        }
    }

    /// One of them was.
    pub(super) fn looked(&self, guild: Id, channel: Id) {
        let mut heard = lock(&self.0);
        if let Some(looking) = heard.looking.get_mut(&guild) {
            if let Entry::Occupied(mut count) = looking.left.entry(channel) {
                *count.get_mut() -= 1;
                if *count.get() == 0 {
                    count.remove();
                }
            }
            if looking.left.is_empty() {
                heard.looking.remove(&guild);
            }
        }
    }

    /// Somebody speaks here, in a thread of `parent` if that is known. From where on it is to be read, if it may be a thread that
    /// was put away and not found yet: it is not among those any more.
    pub(super) fn wakes(&self, guild: Id, channel: Id, parent: Option<Id>) -> Option<Id> {
        let mut heard = lock(&self.0);
        let looking = heard.looking.get_mut(&guild)?;
        let may_be = parent.is_none_or(|parent| looking.left.contains_key(&parent));
        let is_news = may_be && looking.known.insert(channel);
        is_news.then(|| heard.upto(guild, channel)).flatten()
    }

    /// A message came.
    pub(in crate::discord) fn heard(&self, channel: Id, message: Id) {
        let mut heard = lock(&self.0);
        let newest = heard.channels.entry(channel).or_default();
        *newest = message.max(*newest);
    }

    /// What came after this message in a channel could not be read.
    pub(in crate::discord) fn leaves(&self, channel: Id, after: Id) {
        let mut heard = lock(&self.0);
        let left = heard.unread.entry(channel).or_insert(after);
        *left = after.min(*left);
    }

    /// It is being read now.
    pub(super) fn reads(&self, channel: Id) {
        lock(&self.0).unread.remove(&channel);
    }

    /// What could not be read: channels and threads, and after which message.
    pub(super) fn all_unread(&self) -> Vec<(Id, Id)> {
        let heard = lock(&self.0);
        heard
            .unread
            .iter()
            .map(|(channel, after)| (*channel, *after))
            .collect()
    }

    /// Up to where a channel of a guild was heard; `None`: the guild has not told of itself.
    pub(super) fn upto(&self, guild: Id, channel: Id) -> Option<Id> {
        lock(&self.0).upto(guild, channel)
    }
}

impl Heard {
    fn upto(&self, guild: Id, channel: Id) -> Option<Id> {
        let met = *self.guilds.get(&guild)?;
        let heard = self.channels.get(&channel).map_or(met, |newest| met.max(*newest));
        let unread = self.unread.get(&channel);
        Some(unread.map_or(heard, |after| heard.min(*after)))
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
    let gap = |channel| Gap {
        channel,
        guild: Some(guild),
        after: bot.sight.upto(guild, channel).unwrap_or(met),
        upto: Id::MAX,
    };
    for parent in told_of(&bot.places, event) {
        let spot = bot.places.spot(parent);
        let heard = spot.filter(|spot| hears(&bot.config.rules, hear::place(parent, Some(guild), *spot)));
        let Some(spot) = heard.filter(|spot| spot.kind.has_threads()) else {
            continue;
        };
        tracing::info!(channel = parent, "a channel has come into sight");
        if spot.kind.has_messages() {
            missed(bot, gap(parent));
        }
        let held = met + 1;
        bot.seen().holds(guild, held);
        let known = event.threads.iter().map(|thread| thread.id.get());
        let is_told = |place| {
            let spot = bot.places.spot(place);
            spot.is_some_and(|spot| spot.parent == Some(parent))
        };
        bot.sight
            .looks(guild, met, [parent].into_iter(), is_told, known.chain([parent]));
        let again = Arc::clone(bot);
        tokio::spawn(async move { put_away(&again, ((parent, spot.kind), guild), met, held).await });
    }
    for thread in event.threads.iter().filter(|thread| is_heard(bot, thread)) {
        let gap = gap(thread.id.get());
        if thread.last_message_id.map_or(0, MessageId::get) > gap.after {
            missed(bot, gap);
        }
    }
}

/// The channels that a list of open threads is about. Where it names none it is about all of the guild.
/// <https://docs.discord.com/developers/events/gateway-events#thread-list-sync>
fn told_of(places: &Places, event: &ThreadListSyncEvent) -> BTreeSet<Id> {
    let named = event.channel_ids.as_ref();
    let named = named.map(|named| named.iter().copied().map(ChannelId::get).collect());
    let named: Vec<Id> = named.unwrap_or_else(|| places.channels_of(event.guild_id.get()));
    let of_threads = event.threads.iter().filter_map(|thread| thread.parent_id);
    named.into_iter().chain(of_threads.map(ChannelId::get)).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::discord::places::{Kind, Spot};

    #[test]
    fn a_list_of_open_threads_that_names_no_channels_is_about_all_of_its_guild() {
        let places = Places::default();
        let learn = |channel, guild, parent, kind| {
            let guild = Some(guild);
            places.learn(channel, Spot { guild, parent, kind });
        };
        learn(10, 1, None, Kind::Text);
        learn(11, 1, None, Kind::Forum);
        learn(12, 1, Some(10), Kind::Thread);
        learn(20, 2, None, Kind::Text);
        let about = |named: serde_json::Value| {
            let mut event = json!({ "guild_id": "1", "threads": [], "members": [] });
            if !named.is_null() {
                event["channel_ids"] = named;
            }
            let event = serde_json::from_value(event).unwrap();
            Vec::from_iter(told_of(&places, &event))
        };
        assert_eq!(about(json!(null)), [10, 11]);
        assert_eq!(about(json!(["10"])), [10]);
        assert_eq!(about(json!([])), [0; 0], "it is about no channel");
    }

    /// Those of guild 1 that are looked into are 10 and 11.
    fn looking(before: Id, known: &[Id]) -> Sight {
        let sight = Sight::default();
        sight.met(1, 40);
        let known = known.iter().copied();
        sight.looks(1, before, [10, 11].into_iter(), |_| true, known);
        sight
    }

    fn wakes(sight: &Sight, thread: Id) -> Option<Id> {
        sight.wakes(1, thread, Some(10))
    }

    #[test]
    fn a_thread_that_wakes_is_read_once_as_long_as_it_is_looked_for() {
        let sight = Sight::default();
        sight.met(1, 40);
        assert_eq!(wakes(&sight, 7), None, "nothing is looked for");
        let sight = looking(40, &[5]);
        assert_eq!(wakes(&sight, 5), None, "it is read anyway");
        assert_eq!(sight.wakes(2, 7, Some(10)), None, "elsewhere");
        assert_eq!(
            sight.wakes(1, 7, Some(12)),
            None,
            "of a channel that is not looked into"
        );
        sight.made(1, 60);
        assert_eq!(wakes(&sight, 60), None, "it is new");
        sight.made(1, 30);
        assert!(wakes(&sight, 30).is_some(), "it was there before");
        assert!(
            sight.wakes(1, 31, None).is_some(),
            "nobody knows of which channel it is"
        );
        sight.looked(1, 11);
        assert_eq!((wakes(&sight, 7), wakes(&sight, 7)), (Some(40), None));
        sight.looked(1, 10);
        assert_eq!(wakes(&sight, 8), None, "all were found");
    }

    #[test]
    fn a_thread_that_wakes_is_read_from_where_this_host_heard_it_last() {
        let sight = looking(40, &[]);
        sight.heard(7, 55);
        assert_eq!(wakes(&sight, 7), Some(55));
    }

    #[test]
    fn what_was_known_before_a_guild_told_of_itself_again_is_known_no_more() {
        let sight = looking(40, &[5, 6]);
        sight.made(1, 60);
        sight.looks(1, 50, [10, 11].into_iter(), |_| true, [6].into_iter());
        assert_eq!(wakes(&sight, 6), None, "it is open still");
        let from = Some(40);
        assert_eq!((wakes(&sight, 5), wakes(&sight, 60)), (from, from));
        // Of two channels one came into sight again, without its thread.
        sight.looks(1, 50, [10].into_iter(), |place| place == 5, [].into_iter());
        assert_eq!((wakes(&sight, 5), wakes(&sight, 60)), (from, None));
        // No channel of it has threads any more.
        sight.looks(1, 50, [].into_iter(), |_| true, [].into_iter());
        assert_eq!(wakes(&sight, 6), from);
        sight.looks(2, 50, [].into_iter(), |_| true, [].into_iter());
        assert_eq!(sight.wakes(2, 6, None), None, "nothing is looked for there");
    }

    #[test]
    fn what_could_not_be_read_is_read_from_there_whatever_came_since() {
        let sight = Sight::default();
        sight.met(1, 40);
        sight.leaves(7, 50);
        sight.leaves(7, 60);
        sight.heard(7, 70);
        assert_eq!((sight.upto(1, 7), sight.all_unread()), (Some(50), vec![(7, 50)]));
        sight.reads(7);
        assert_eq!((sight.upto(1, 7), sight.all_unread()), (Some(70), vec![]));
    }

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
