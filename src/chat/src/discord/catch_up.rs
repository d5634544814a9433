//! What was said while nobody listened: read again, and dealt with as if it had just come. The keys of the inbox see to it
//! that nothing counts twice.

use std::sync::Arc;
use std::time::Duration;

use credentials::Timestamp;
use serenity::all::{ChannelId, Guild, GuildChannel, Message, MessageId, Permissions, UserId};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::sleep;

use super::admission::{Id, hears};
use super::bot::Bot;
use super::clock;
use super::haste::hurried;
use super::hear;
use super::persist::{Behind, Tried, persist};
use super::places::{Kind, Spot};
use super::rest::{PutAway, Trouble};
use super::seen::DIRECT;

mod direct;
mod sight;

pub(super) use direct::{Conversations, OF_DIRECT, direct, direct_first};
pub(super) use sight::{Sight, came_into_sight};

/// What it takes to read what was said before.
const READING: Permissions = Permissions::VIEW_CHANNEL.union(Permissions::READ_MESSAGE_HISTORY);
/// So long what happened may take to be told by the gateway. No mark waits for that: what is read again after a stop is decided
/// again, and by then others have spoken.
const NEWS: Duration = Duration::from_secs(5);

/// Messages of a channel that were perhaps missed: those after `after`. What comes after `upto` comes live.
#[derive(Debug, Clone, Copy)]
struct Gap {
    channel: Id,
    guild: Option<Id>,
    after: Id,
    upto: Id,
}

/// A guild as Discord describes it at the beginning of a session, with its channels, those among them that the bot does not
/// see, and its open threads.
pub(super) fn guild(bot: &Arc<Bot>, guild: &Guild) {
    let id = guild.id.get();
    let before = bot.seen().before(id);
    bot.sight.met(id, before.max(joined(guild)));
    for channel in guild.channels.values().chain(&guild.threads) {
        let newest = channel.last_message_id.map_or(0, MessageId::get);
        // What this host heard in a channel says more of it than the mark, which is the whole guild's.
        let after = bot.sight.upto(id, channel.id.get()).unwrap_or(before);
        let given = given(bot, guild, channel);
        let is_seen = given.contains(Permissions::VIEW_CHANNEL) && Spot::of(channel).kind.has_messages();
        if newest <= after || !is_heard(bot, channel) || !is_seen {
            continue;
        }
        if given.contains(READING) {
            let gap = Gap {
                channel: channel.id.get(),
                guild: Some(id),
                after,
                upto: newest,
            };
            missed(bot, gap);
        } else {
            let channel = channel.id.get();
            bot.leaves_unread(channel, after);
            tracing::warn!(
                channel,
                "what was said here while the bot was away waits to be read: it lacks the permission Read Message History"
            );
        }
    }
    let parents = guild.channels.values().filter(|channel| {
        Spot::of(channel).kind.has_threads()
            && is_heard(bot, channel)
            && given(bot, guild, channel).contains(READING)
    });
    let parents: Vec<(Id, Kind)> = parents
        .map(|parent| (parent.id.get(), Spot::of(parent).kind))
        .collect();
    // Until it was looked, nothing after it counts as seen.
    let first = before + 1;
    for _ in &parents {
        bot.seen().holds(id, first);
    }
    let known = guild.channels.keys().copied();
    let known = known.chain(guild.threads.iter().map(|thread| thread.id));
    let is_told = |_| true;
    let known = known.map(ChannelId::get);
    let of = parents.iter().map(|(parent, _)| *parent);
    bot.sight.looks(id, before, of, is_told, known);
    let again = Arc::clone(bot);
    // One after the other: what people say now is not to wait for all of them.
    tokio::spawn(async move {
        for parent in parents {
            put_away(&again, (parent, id), before, first).await;
        }
    });
    let all = guild.channels.values().chain(&guild.threads);
    let newest = all.filter_map(|channel| channel.last_message_id).max();
    bot.seen().heard(id, newest.map_or(0, MessageId::get));
}

/// What was said in a guild before this message was before the bot, by Discord's clock: it may have been thrown out, and have come
/// back.
fn joined(guild: &Guild) -> Id {
    let at = Timestamp::from_seconds(guild.joined_at.unix_timestamp());
    clock::moment(at, None)
}

/// Whether anything that is said there can be meant for the bot.
fn is_heard(bot: &Bot, channel: &GuildChannel) -> bool {
    let place = hear::place(channel.id.get(), Some(channel.guild_id.get()), Spot::of(channel));
    hears(&bot.config.rules, place)
}

/// What the bot may do there.
fn given(bot: &Bot, guild: &Guild, channel: &GuildChannel) -> Permissions {
    let Some(us) = guild.members.get(&UserId::new(bot.identity.user)) else {
        // Discord says what it refuses.
        return Permissions::all();
    };
    // A thread has its channel's permissions.
    let parent = Spot::of(channel).parent.map(ChannelId::new);
    let decides = parent.and_then(|parent| guild.channels.get(&parent));
    guild.user_permissions_in(decides.unwrap_or(channel), us)
}

/// Threads of a channel that were put away meanwhile, private ones that the bot is a member of among them: nobody tells of
/// them. Until they were looked for, `first` is under way.
async fn put_away(bot: &Arc<Bot>, (of, guild): ((Id, Kind), Id), before: Id, first: Id) {
    let (parent, _) = of;
    let looking = Arc::clone(bot);
    let attempt = move |_| {
        let bot = Arc::clone(&looking);
        async move {
            match bot.rest.put_away(of, before).await {
                Ok(threads) => {
                    for PutAway {
                        channel,
                        newest,
                        is_ours,
                    } in threads
                    {
                        let after = bot.sight.upto(guild, channel).unwrap_or(before);
                        if newest <= after {
                            continue;
                        }
                        let spot = Spot {
                            guild: Some(guild),
                            parent: Some(parent),
                            kind: Kind::Thread,
                        };
                        bot.places.learn(channel, spot);
                        if !is_ours {
                            hear::is_missing(&bot, channel);
                        }
                        let gap = Gap {
                            channel,
                            guild: Some(guild),
                            after,
                            upto: newest,
                        };
                        missed(&bot, gap);
                    }
                }
                Err(trouble @ Trouble::Refused { .. }) => {
                    tracing::info!(channel = parent, %trouble, "may not look for threads that were put away");
                }
                Err(trouble) => return Tried::Again(trouble.to_string()),
            }
            bot.seen().done(guild, first);
            // That one woke just before it was looked for may still be told.
            tokio::spawn(async move {
                sleep(hurried(NEWS)).await;
                bot.sight.looked(guild, parent);
            });
            Tried::Done
        }
    };
    persist(&bot.held, first, Behind::Waits, attempt).await;
}

/// A thread is open: perhaps it was put away until now, and the host itself has woken it.
pub(super) fn woke(bot: &Arc<Bot>, thread: &GuildChannel) {
    if thread.thread_metadata.is_some_and(|metadata| !metadata.archived) {
        woken(bot, thread.guild_id.get(), thread.id.get(), Id::MAX);
    }
}

/// A message came live. Where it wakes a thread that was put away before that was found out, what was said there before it is
/// read first: nobody else tells of that any more.
pub(super) fn woken(bot: &Arc<Bot>, guild: Id, channel: Id, message: Id) {
    let place = |spot| hear::place(channel, Some(guild), spot);
    let is_nothing = |spot: Spot| spot.parent.is_none() || !hears(&bot.config.rules, place(spot));
    let spot = bot.places.spot(channel);
    if spot.is_some_and(is_nothing) {
        return;
    }
    let parent = spot.and_then(|spot| spot.parent);
    if let Some(after) = bot.sight.wakes(guild, channel, parent) {
        let gap = Gap {
            channel,
            guild: Some(guild),
            after,
            upto: message,
        };
        missed(bot, gap);
    }
}

/// Permissions are others now, in a channel or everywhere in a guild: what could not be read there is tried once more.
pub(super) fn again_in(bot: &Arc<Bot>, guild: Id, channel: Option<Id>) {
    for (of, after) in bot.sight.all_unread() {
        let Some(spot) = bot.places.spot(of).filter(|spot| spot.guild == Some(guild)) else {
            continue;
        };
        if channel.is_none_or(|channel| channel == of || spot.parent == Some(channel)) {
            let gap = Gap {
                channel: of,
                guild: Some(guild),
                after,
                upto: Id::MAX,
            };
            missed(bot, gap);
        }
    }
}

/// Reads what was missed, in order with what comes live. Until it was read it is under way, and nothing after it counts as seen,
/// also if it comes before what does already: what is read twice is decided as it was the first time.
fn missed(bot: &Arc<Bot>, gap: Gap) {
    missed_as_one_of(bot, gap, None);
}

/// The same of one of several, as long as which it has this place among them.
fn missed_as_one_of(bot: &Arc<Bot>, gap: Gap, place: Option<OwnedSemaphorePermit>) {
    let (again, of) = (Arc::clone(bot), gap.guild.unwrap_or(DIRECT));
    let first = gap.after + 1;
    bot.sight.reads(gap.channel);
    bot.seen().holds(of, first);
    bot.in_order(gap.channel, async move {
        let behind = match hear::behind(&again, gap.channel, gap.guild) {
            // A call may be among it.
            Behind::WaitsLonger if !again.places.listens(gap.channel) => Behind::WaitsForIt,
            behind => behind,
        };
        let reading = Arc::clone(&again);
        let attempt = move |_| {
            let _until_it_is_done = &place;
            let bot = Arc::clone(&reading);
            async move {
                match read(&bot, gap, behind).await {
                    Ok(()) => bot.has_read(gap.channel),
                    Err(trouble @ Trouble::Refused { .. }) => {
                        bot.leaves_unread(gap.channel, gap.after);
                        tracing::warn!(channel = gap.channel, %trouble, "may not read what was said meanwhile");
                    }
                    Err(trouble) => return Tried::Again(trouble.to_string()),
                }
                bot.seen().done(of, first);
                Tried::Done
            }
        };
        persist(&again.held, first, behind, attempt).await;
    });
}

/// In a thread all of it, before what comes live; in a channel a page, and the next one after what has come meanwhile.
async fn read(bot: &Arc<Bot>, mut gap: Gap, behind: Behind) -> Result<(), Trouble> {
    begin_with_its_message(bot, gap).await?;
    loop {
        let page = bot.rest.page(gap.channel, gap.after).await?;
        let is_last = page.is_last;
        if page.upto.is_none() && gap.guild.is_some() {
            bot.rest.may_read(gap.channel, gap.after).await?;
        }
        hear_late(bot, page.messages, gap.guild).await;
        gap.after = page.upto.unwrap_or(gap.after);
        if is_last || gap.after >= gap.upto {
            if gap.upto < Id::MAX {
                // Perhaps it was deleted: it is not to be looked for in each session.
                bot.sight.heard(gap.channel, gap.upto);
            }
            return Ok(());
        }
        if behind == Behind::Waits {
            missed(bot, gap);
            return Ok(());
        }
    }
}

/// A thread that is newer than what was seen, and not served, may have been opened by a host that was killed right then: the
/// message that it was opened from, if there is one, comes before what was said in it.
async fn begin_with_its_message(bot: &Arc<Bot>, gap: Gap) -> Result<(), Trouble> {
    let is_new = gap.channel > gap.after && !bot.places.is_served(gap.channel);
    let spot = bot.places.spot(gap.channel).filter(|_| is_new);
    let parent = spot.and_then(|spot| spot.parent);
    let has_messages = |parent: &Id| {
        bot.places
            .spot(*parent)
            .is_some_and(|spot| spot.kind.has_messages())
    };
    let Some(parent) = parent.filter(has_messages) else {
        return Ok(());
    };
    let page = match bot.rest.page(parent, gap.channel - 1).await {
        Ok(page) => page,
        // Where nothing may be read nothing was asked for.
        Err(Trouble::Refused { .. }) => return Ok(()),
        Err(trouble) => return Err(trouble),
    };
    let first = page.messages.into_iter().next();
    let first = first.filter(|first| first.id.get() == gap.channel);
    hear_late(bot, first, gap.guild).await;
    Ok(())
}

/// All of them are under way before the first is dealt with: what becomes of the others meanwhile is known by their turn.
async fn hear_late(bot: &Arc<Bot>, messages: impl IntoIterator<Item = Message>, guild: Option<Id>) {
    let late = true;
    let came = |message| hear::came(bot, message, guild, late);
    let all: Vec<_> = messages.into_iter().filter_map(came).map(Arc::new).collect();
    let mut behind = &all[..];
    while let [came, rest @ ..] = behind {
        tokio::select! {
            () = hear::hear(bot, Arc::clone(came)) => {}
            never = hear::wait_behind(bot, rest) => match never {}
        }
        behind = rest;
    }
}
