//! What was said while nobody listened: read again, and dealt with as if it had just come. The keys of the inbox see to it
//! that nothing counts twice.

use std::sync::Arc;

use conversation::ThreadFilter;
use serenity::all::{GuildChannel, MessageId};

use super::FRONT_END;
use super::admission::Id;
use super::bot::Bot;
use super::hear;
use super::places;
use super::rest::Trouble;

/// Direct conversations that are looked into, the most recently active first.
const MOST_DIRECT: usize = 50;
/// Messages of one channel, in hundreds: after a long absence the newest are what people wait for, but so much is read.
const PAGES: usize = 10;

/// A channel as Discord describes it at the beginning of a session.
pub(super) fn channel(bot: &Arc<Bot>, channel: &GuildChannel) {
    let Some(seen) = bot.seen() else {
        return;
    };
    let newest = channel.last_message_id.map(MessageId::get);
    if newest.is_none_or(|newest| newest <= seen) {
        return;
    }
    missed(bot, channel.id.get(), Some(channel.guild_id.get()), seen);
}

/// Direct conversations: nobody says which of them have something new.
pub(super) async fn direct(bot: &Arc<Bot>) {
    let Some(seen) = bot.seen().filter(|_| bot.rules.dms) else {
        return;
    };
    let filter = ThreadFilter {
        front_end: Some(FRONT_END.to_owned()),
        limit: 10 * MOST_DIRECT,
        ..ThreadFilter::default()
    };
    let Ok(threads) = bot.house.conversation.threads(filter).await else {
        return;
    };
    let ids = threads.iter().filter_map(|one| places::channel(&one.thread.id));
    let mut looked = 0;
    for id in ids {
        if looked == MOST_DIRECT {
            return;
        }
        let Ok(spot) = bot.spot(id).await else {
            continue;
        };
        if spot.guild.is_none() {
            looked += 1;
            missed(bot, id, None, seen);
        }
    }
}

fn missed(bot: &Arc<Bot>, channel: Id, guild: Option<Id>, after: Id) {
    let again = Arc::clone(bot);
    // Until it was read, nothing after it counts as seen.
    let first = after + 1;
    bot.came(first);
    bot.in_order(channel, async move {
        match read(&again, channel, guild, after).await {
            Ok(()) => again.done(first),
            // It never holds up other channels.
            Err(trouble @ Trouble::Refused { .. }) => {
                tracing::info!(channel, %trouble, "may not read what was said meanwhile");
                again.done(first);
            }
            Err(trouble) => {
                tracing::warn!(channel, %trouble, "could not read what was said meanwhile; tried again after a restart");
            }
        }
    });
}

async fn read(bot: &Arc<Bot>, channel: Id, guild: Option<Id>, mut after: Id) -> Result<(), Trouble> {
    for _ in 0..PAGES {
        let messages = bot.rest.after(channel, after).await?;
        let count = messages.len();
        for message in messages {
            after = message.id.get();
            bot.came(after);
            hear::hear(bot, message, guild, true).await;
        }
        if count < 100 {
            break;
        }
    }
    Ok(())
}
