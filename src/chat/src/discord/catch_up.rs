//! What was said while nobody listened: read again, and dealt with as if it had just come. The keys of the inbox see to it
//! that nothing counts twice.

use std::sync::Arc;

use conversation::ThreadFilter;
use serenity::all::{GuildChannel, MessageId};

use super::FRONT_END;
use super::admission::Id;
use super::bot::Bot;
use super::hear::{self, FIRST_PAUSE, LONGEST_PAUSE, OF_DIRECT};
use super::places;
use super::rest::Trouble;
use super::seen::{DIRECT, Shard};

/// Direct conversations that are looked into, the most recently active first.
const MOST_DIRECT: usize = 50;
/// Messages of one channel, in hundreds: after a long absence the newest are what people wait for, but so much is read.
const PAGES: usize = 10;

/// A guild as Discord describes it at the beginning of a session, with its channels and threads.
pub(super) fn guild<'a>(
    bot: &Arc<Bot>,
    shard: Shard,
    guild: Id,
    channels: impl Iterator<Item = &'a GuildChannel>,
) {
    let Some(before) = bot.seen().before(shard, guild) else {
        return;
    };
    for channel in channels {
        let newest = channel.last_message_id.map(MessageId::get);
        if newest.is_some_and(|newest| newest > before) {
            missed(bot, shard, (channel.id.get(), Some(guild)), before);
        }
    }
    bot.seen().heard(shard, guild);
}

/// Direct conversations: nobody says which of them have something new.
pub(super) async fn direct(bot: &Arc<Bot>) {
    let before = bot.seen().before(OF_DIRECT, DIRECT);
    if let Some(before) = before.filter(|_| bot.rules.dms) {
        let filter = ThreadFilter {
            front_end: Some(FRONT_END.to_owned()),
            limit: 10 * MOST_DIRECT,
            ..ThreadFilter::default()
        };
        let threads = bot.house.conversation.threads(filter).await;
        let ids = threads.iter().flatten();
        let mut looked = 0;
        for id in ids.filter_map(|one| places::channel(&one.thread.id)) {
            if looked == MOST_DIRECT {
                break;
            }
            if bot.spot(id).await.is_ok_and(|spot| spot.guild.is_none()) {
                looked += 1;
                missed(bot, OF_DIRECT, (id, None), before);
            }
        }
    }
    bot.seen().heard(OF_DIRECT, DIRECT);
}

/// A channel, and the guild that it is in, had messages after this one.
fn missed(bot: &Arc<Bot>, shard: Shard, (channel, guild): (Id, Option<Id>), after: Id) {
    let again = Arc::clone(bot);
    // Until it was read, nothing after it counts as seen.
    let first = after + 1;
    bot.seen().came(shard, first);
    bot.in_order(channel, async move {
        let mut pause = FIRST_PAUSE;
        loop {
            match read(&again, shard, (channel, guild), after).await {
                Ok(()) => break,
                // It never holds up other channels.
                Err(trouble @ Trouble::Refused { .. }) => {
                    tracing::info!(channel, %trouble, "may not read what was said meanwhile");
                    break;
                }
                Err(trouble) if pause <= LONGEST_PAUSE => {
                    tracing::warn!(channel, %trouble, "could not read what was said meanwhile; trying again");
                    tokio::time::sleep(pause).await;
                    pause *= 2;
                }
                Err(trouble) => {
                    tracing::error!(channel, %trouble, "could not read what was said meanwhile; tried again after a restart");
                    return;
                }
            }
        }
        again.seen().done(shard, first);
    });
}

async fn read(
    bot: &Arc<Bot>,
    shard: Shard,
    (channel, guild): (Id, Option<Id>),
    mut after: Id,
) -> Result<(), Trouble> {
    for _ in 0..PAGES {
        let messages = bot.rest.after(channel, after).await?;
        let count = messages.len();
        for message in messages {
            after = message.id.get();
            bot.seen().came(shard, after);
            if hear::hear(bot, &message, guild, true).await.is_kept() {
                bot.seen().done(shard, after);
            }
        }
        if count < 100 {
            break;
        }
    }
    Ok(())
}
