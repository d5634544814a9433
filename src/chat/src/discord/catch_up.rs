//! What was said while nobody listened: read again, and dealt with as if it had just come. The keys of the inbox see to it
//! that nothing counts twice.

use std::collections::HashMap;
use std::sync::Arc;

use credentials::Timestamp;
use serenity::all::{Guild, GuildChannel, Message, MessageId, Permissions};
use tokio::sync::OwnedSemaphorePermit;

use super::admission::{Id, hears};
use super::bot::Bot;
use super::clock;
use super::hear;
use super::persist::{Behind, Tried, persist};
use super::places::{Kind, Spot};
use super::rest::{Trouble, UNKNOWN_CHANNEL};
use super::seen::DIRECT;

mod direct;
mod looking;
mod put_away;
mod sight;

pub(super) use direct::{Conversations, OF_DIRECT, direct, direct_first};
pub(super) use looking::Searches;
pub(super) use put_away::{woke, woken};
pub(super) use sight::{Sight, came_into_sight, permissions_changed};

use put_away::{Parent, put_away};

/// What it takes to read what was said before.
const READING: Permissions = Permissions::VIEW_CHANNEL.union(Permissions::READ_MESSAGE_HISTORY);
/// Messages of a channel that were perhaps missed: those after `after`. What comes after `upto` comes live.
#[derive(Debug, Clone, Copy)]
struct Gap {
    channel: Id,
    guild: Option<Id>,
    after: Id,
    upto: Id,
}

impl Gap {
    fn all(channel: Id, guild: Option<Id>, after: Id) -> Self {
        Self {
            channel,
            guild,
            after,
            upto: Id::MAX,
        }
    }
}

/// A guild as Discord describes it at the beginning of a session, with its channels, those among them that the bot does not
/// see, and its open threads.
pub(super) fn guild(bot: &Arc<Bot>, guild: &Guild) {
    let id = guild.id.get();
    let joined = joined(guild);
    let before = bot.seen().before(id).max(joined);
    sight::met(bot, guild, before);
    let mut unread = bot.seen().unread(id);
    let all = || guild.channels.values().chain(&guild.threads);
    let since: HashMap<Id, Id> = all()
        .map(|channel| {
            let (place, parent) = (channel.id.get(), Spot::of(channel).parent);
            let of = unread.get(&parent.unwrap_or(place));
            // A mark of its own may be later: it says nothing of what was held before it.
            (
                place,
                of.map_or(before, |unread| before.min(unread.after).max(joined)),
            )
        })
        .collect();
    let mut parents = vec![];
    for channel in all() {
        let (place, spot) = (channel.id.get(), Spot::of(channel));
        let is_left = unread.remove(&place).is_some();
        let given = given(bot, channel);
        if !given.contains(Permissions::VIEW_CHANNEL) {
            continue;
        }
        bot.seen().shows(place);
        if !is_heard(bot, channel) {
            bot.seen().takes(place);
            continue;
        }
        let since = since.get(&place).copied().unwrap_or(before);
        let newest = channel.last_message_id.map_or(0, MessageId::get);
        let gap = Gap {
            channel: place,
            guild: Some(id),
            after: bot.seen().since(id, place, since).max(joined),
            upto: newest,
        };
        let is_missed = spot.kind.has_messages() && newest > gap.after;
        if !given.contains(READING) {
            if is_missed || is_left {
                may_not_read(bot, gap);
            }
            continue;
        }
        if spot.kind.has_threads() {
            parents.push(Parent::new(bot, (place, id), spot.kind, since));
        }
        if is_missed {
            missed(bot, gap);
        }
        bot.seen().takes(place);
    }
    // Threads that were put away before they could be read, and what is not there any more.
    for (channel, unread) in unread {
        let after = before.min(unread.after).max(joined);
        missed(bot, Gap::all(channel, Some(id), after));
    }
    let known = all().map(|channel| channel.id.get());
    let of = parents.iter().map(|parent| (parent.channel, parent.before));
    bot.searches.looks(id, of, |_| true, known);
    let again = Arc::clone(bot);
    // One after the other: what people say now is not to wait for all of them.
    tokio::spawn(async move {
        for parent in parents {
            put_away(&again, parent).await;
        }
    });
    let newest = all().filter_map(|channel| channel.last_message_id).max();
    bot.seen().heard(id, newest.map_or(0, MessageId::get));
}

/// Reads a channel from this message on, and those of its threads that were put away since then; `known` are read without that.
fn read_anew(
    bot: &Arc<Bot>,
    (channel, guild): (Id, Id),
    kind: Kind,
    after: Id,
    known: impl Iterator<Item = Id>,
) {
    if kind.has_threads() {
        let parent = Parent::new(bot, (channel, guild), kind, after);
        let is_told = |place| {
            let spot = bot.places.spot(place);
            spot.is_some_and(|spot| spot.parent == Some(channel))
        };
        let known = known.chain([channel]);
        bot.searches
            .looks(guild, [(channel, after)].into_iter(), is_told, known);
        let again = Arc::clone(bot);
        tokio::spawn(async move { put_away(&again, parent).await });
    }
    if kind.has_messages() {
        missed(bot, Gap::all(channel, Some(guild), after));
    }
}

/// What was missed here can't be read; it is as soon as that is possible, also by the next host.
fn may_not_read(bot: &Bot, gap: Gap) {
    bot.leaves_unread(gap.guild, gap.channel, gap.after);
    tracing::warn!(
        channel = gap.channel,
        "what was said here while the bot was away waits to be read: it lacks the permission Read Message History"
    );
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

/// What the bot may do there. A thread has its channel's permissions.
fn given(bot: &Bot, channel: &GuildChannel) -> Permissions {
    let decides = Spot::of(channel).parent.unwrap_or(channel.id.get());
    bot.sight.given(channel.guild_id.get(), decides)
}

/// Permissions are others now, in a channel or everywhere in a guild: what could not be read there is tried once more, where it is
/// known that it may be read now.
pub(super) fn again_in(bot: &Arc<Bot>, guild: Id, channel: Option<Id>) {
    let all = bot.seen().unread(guild);
    for (of, unread) in all {
        let Some(spot) = bot.places.spot(of) else {
            continue;
        };
        let decides = spot.parent.unwrap_or(of);
        let is_meant = channel.is_none_or(|channel| channel == of || channel == decides);
        // Which threads are open there is told when it comes into sight.
        let is_told = unread.is_hidden && spot.kind.has_threads();
        if !is_meant || is_told || !bot.sight.given(guild, decides).contains(READING) {
            continue;
        }
        if spot.parent.is_some() {
            missed(bot, Gap::all(of, Some(guild), unread.after));
        } else {
            read_anew(bot, (of, guild), spot.kind, unread.after, std::iter::empty());
        }
    }
}

/// Reads what was missed, in order with what comes live. Until it was read it is under way, and nothing after it there counts as
/// seen, also if it comes before what does already: what is read twice is decided as it was the first time.
fn missed(bot: &Arc<Bot>, gap: Gap) {
    missed_as_one_of(bot, gap, None);
}

/// The same of one of several, as long as which it has this place among them.
fn missed_as_one_of(bot: &Arc<Bot>, gap: Gap, place: Option<OwnedSemaphorePermit>) {
    let again = Arc::clone(bot);
    let hold = bot.reads(gap.guild.unwrap_or(DIRECT), gap.channel, gap.after);
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
                    Ok(())
                    | Err(Trouble::Refused {
                        code: UNKNOWN_CHANNEL,
                        ..
                    }) => {}
                    Err(trouble @ Trouble::Refused { .. }) => {
                        bot.leaves_unread(gap.guild, gap.channel, gap.after);
                        tracing::warn!(channel = gap.channel, %trouble, "may not read what was said meanwhile");
                    }
                    Err(trouble) => return Tried::Again(trouble.to_string()),
                }
                bot.seen().done(hold);
                Tried::Done
            }
        };
        persist(&again.held, gap.after + 1, behind, attempt).await;
    });
}

/// In a thread all of it, before what comes live; in a channel a page, and the next one after what has come meanwhile.
async fn read(bot: &Arc<Bot>, mut gap: Gap, behind: Behind) -> Result<(), Trouble> {
    begin_with_its_message(bot, gap).await?;
    loop {
        let mut page = bot.rest.page(gap.channel, gap.after).await?;
        if page.upto.is_none() && gap.guild.is_some() {
            bot.rest.may_read(gap.channel, gap.after).await?;
            // That it may says nothing of the moment at which the list was made.
            page = bot.rest.page(gap.channel, gap.after).await?;
        }
        let is_last = page.is_last;
        hear_late(bot, page.messages, gap.guild).await;
        gap.after = page.upto.unwrap_or(gap.after);
        if is_last || gap.after >= gap.upto {
            if let Some(guild) = gap.guild.filter(|_| gap.upto < Id::MAX) {
                // Perhaps it was deleted: it is not to be looked for in each session.
                bot.seen().heard_in(guild, gap.channel, gap.upto);
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
