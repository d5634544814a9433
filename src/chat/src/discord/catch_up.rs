//! What was said while nobody listened: read again, and dealt with as if it had just come. The keys of the inbox see to it
//! that nothing counts twice.

use std::sync::Arc;
use std::time::Duration;

use conversation::ThreadFilter;
use serenity::all::{ChannelId, ChannelType, Guild, GuildChannel, Message, MessageId, Permissions, UserId};
use tokio::time::sleep;

use super::FRONT_END;
use super::admission::{Id, hears};
use super::bot::Bot;
use super::hear::{self, OF_DIRECT};
use super::persist::{Behind, Tried, persist};
use super::places::{self, Kind, Spot};
use super::rest::Trouble;
use super::seen::{DIRECT, Shard};

/// Direct conversations that are looked into, the most recently active first.
const MOST_DIRECT: usize = 50;
/// Threads of which Discord says at once that the bot does not see them, and the pause after each further one: Discord counts
/// such answers, and who gets too many is not listened to.
const MOST_UNSEEN: usize = 50;
const UNSEEN: Duration = Duration::from_secs(3);
/// What it takes to read what was said before.
const READING: Permissions = Permissions::VIEW_CHANNEL.union(Permissions::READ_MESSAGE_HISTORY);
/// Messages that Discord gives at once.
const PAGE: usize = 100;

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
pub(super) fn guild(bot: &Arc<Bot>, shard: Shard, guild: &Guild) {
    let id = guild.id.get();
    let Some(before) = bot.seen().before(shard, id) else {
        return;
    };
    for channel in guild.channels.values().chain(&guild.threads) {
        let newest = channel.last_message_id.map_or(0, MessageId::get);
        let given = given(bot, guild, channel);
        if newest <= before || !is_heard(bot, channel) || !given.contains(Permissions::VIEW_CHANNEL) {
            continue;
        }
        if given.contains(READING) {
            let gap = Gap {
                channel: channel.id.get(),
                guild: Some(id),
                after: before,
                upto: newest,
            };
            missed(bot, shard, gap);
        } else {
            let channel = channel.id.get();
            tracing::warn!(
                channel,
                "what was said here while the bot was away is lost: it lacks the permission Read Message History"
            );
        }
    }
    let parents = guild.channels.values().filter(|channel| {
        let is_category = channel.kind == ChannelType::Category;
        !is_category
            && Spot::of(channel).kind.has_threads()
            && is_heard(bot, channel)
            && given(bot, guild, channel).contains(READING)
    });
    let parents: Vec<(Id, Kind)> = parents
        .map(|parent| (parent.id.get(), Spot::of(parent).kind))
        .collect();
    // Until it was looked, nothing after it counts as seen.
    let first = before + 1;
    for _ in &parents {
        bot.seen().came(shard, first);
    }
    let again = Arc::clone(bot);
    // One after the other: what people say now is not to wait for all of them.
    tokio::spawn(async move {
        for parent in parents {
            put_away(&again, shard, (parent, id), before).await;
        }
    });
    bot.seen().heard(shard, id);
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
/// them.
async fn put_away(bot: &Arc<Bot>, shard: Shard, (of, guild): ((Id, Kind), Id), before: Id) {
    let (parent, _) = of;
    let first = before + 1;
    let looking = Arc::clone(bot);
    let attempt = move |_| {
        let bot = Arc::clone(&looking);
        async move {
            match bot.rest.put_away(of, before).await {
                Ok(threads) => {
                    for (channel, newest) in threads {
                        let spot = Spot {
                            guild: Some(guild),
                            parent: Some(parent),
                            kind: Kind::Thread,
                        };
                        bot.places.learn(channel, spot);
                        let gap = Gap {
                            channel,
                            guild: Some(guild),
                            after: before,
                            upto: newest,
                        };
                        missed(&bot, shard, gap);
                    }
                }
                Err(trouble @ Trouble::Refused { .. }) => {
                    tracing::info!(channel = parent, %trouble, "may not look for threads that were put away");
                }
                Err(trouble) => return Tried::Again(trouble.to_string()),
            }
            bot.seen().done(shard, first);
            Tried::Done
        }
    };
    persist(&bot.held, first, Behind::Waits, attempt).await;
}

/// Direct conversations: nobody says which of them have something new. Of two sessions, the later one looks.
pub(super) async fn direct(bot: &Arc<Bot>, session: u32) {
    let before = bot.seen().before(OF_DIRECT, DIRECT);
    let is_over = || !bot.seen().is_session(OF_DIRECT, session);
    if let Some(before) = before.filter(|_| bot.config.rules.dms) {
        let filter = ThreadFilter {
            front_end: Some(FRONT_END.to_owned()),
            limit: 10 * MOST_DIRECT,
            ..ThreadFilter::default()
        };
        let threads = loop {
            match bot.house.conversation.threads(filter.clone()).await {
                Ok(threads) => break threads,
                Err(error) => tracing::warn!(%error, "could not look up direct conversations"),
            }
            if is_over() {
                return;
            }
            sleep(UNSEEN).await;
        };
        let (mut looked, mut unseen) = (0, 0);
        for channel in threads.iter().filter_map(|one| places::channel(&one.thread.id)) {
            if looked == MOST_DIRECT {
                break;
            }
            // Until it is known, nothing later counts as seen.
            let spot = loop {
                if is_over() {
                    return;
                }
                match bot.spot(channel).await {
                    Err(trouble) if !matches!(trouble, Trouble::Refused { .. }) => {
                        tracing::debug!(channel, %trouble, "could not look up a direct conversation");
                        sleep(UNSEEN).await;
                    }
                    known => break known,
                }
            };
            if let Err(Trouble::Refused { .. }) = spot {
                unseen += 1;
                if unseen > MOST_UNSEEN {
                    sleep(UNSEEN).await;
                }
            }
            if spot.is_ok_and(|spot| spot.guild.is_none()) {
                looked += 1;
                let gap = Gap {
                    channel,
                    guild: None,
                    after: before,
                    upto: Id::MAX,
                };
                missed(bot, OF_DIRECT, gap);
            }
        }
    }
    bot.seen().heard_direct(OF_DIRECT, session);
}

/// Reads what was missed, in order with what comes live.
fn missed(bot: &Arc<Bot>, shard: Shard, gap: Gap) {
    let again = Arc::clone(bot);
    // Until it was read, nothing after it counts as seen.
    let first = gap.after + 1;
    bot.seen().came(shard, first);
    bot.in_order(gap.channel, async move {
        let behind = match hear::behind(&again, gap.channel, gap.guild) {
            // A call may be among it.
            Behind::WaitsLonger if !again.places.is_served(gap.channel) => Behind::WaitsForIt,
            behind => behind,
        };
        let reading = Arc::clone(&again);
        let attempt = move |_| {
            let bot = Arc::clone(&reading);
            async move {
                match read(&bot, shard, gap, behind).await {
                    Ok(()) => {}
                    Err(trouble @ Trouble::Refused { .. }) => {
                        tracing::warn!(channel = gap.channel, %trouble, "may not read what was said meanwhile");
                    }
                    Err(trouble) => return Tried::Again(trouble.to_string()),
                }
                bot.seen().done(shard, first);
                Tried::Done
            }
        };
        persist(&again.held, first, behind, attempt).await;
    });
}

/// In a thread all of it, before what comes live; in a channel a page, and the next one after what has come meanwhile.
async fn read(bot: &Arc<Bot>, shard: Shard, mut gap: Gap, behind: Behind) -> Result<(), Trouble> {
    begin_with_its_message(bot, shard, gap).await?;
    loop {
        let messages = bot.rest.after(gap.channel, gap.after).await?;
        let is_last = messages.len() < PAGE;
        for message in messages {
            gap.after = message.id.get();
            hear_late(bot, shard, message, gap.guild).await;
        }
        if is_last || gap.after >= gap.upto {
            return Ok(());
        }
        if behind == Behind::Waits {
            missed(bot, shard, gap);
            return Ok(());
        }
    }
}

/// A thread that is newer than what was seen, and not served, may have been opened by a host that was killed right then: the
/// message that it was opened from, if there is one, comes before what was said in it.
async fn begin_with_its_message(bot: &Arc<Bot>, shard: Shard, gap: Gap) -> Result<(), Trouble> {
    let is_new = gap.channel > gap.after && !bot.places.is_served(gap.channel);
    let spot = bot.places.spot(gap.channel).filter(|_| is_new);
    let parent = spot.and_then(|spot| spot.parent);
    let has_messages = |parent: &Id| {
        bot.places
            .spot(*parent)
            .is_some_and(|spot| spot.kind != Kind::Forum)
    };
    let Some(parent) = parent.filter(has_messages) else {
        return Ok(());
    };
    let messages = match bot.rest.after(parent, gap.channel - 1).await {
        Ok(messages) => messages,
        // Where nothing may be read nothing was asked for.
        Err(Trouble::Refused { .. }) => return Ok(()),
        Err(trouble) => return Err(trouble),
    };
    let first = messages.into_iter().next();
    if let Some(message) = first.filter(|first| first.id.get() == gap.channel) {
        hear_late(bot, shard, message, gap.guild).await;
    }
    Ok(())
}

async fn hear_late(bot: &Arc<Bot>, shard: Shard, message: Message, guild: Option<Id>) {
    let late = true;
    if let Some(came) = hear::came(bot, shard, message, guild, late) {
        hear::hear(bot, came).await;
    }
}
