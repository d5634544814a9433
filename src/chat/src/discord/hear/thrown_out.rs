//! Guilds that the bot was thrown out of: nothing waits for them. Discord tells of it when it happens, and, where that was while
//! no host ran, by not naming the guild when a session begins.

use std::collections::BTreeSet;
use std::sync::Arc;

use supervisor::{Amended, SupervisorError};

use super::Failed;
use super::waiting::amend;
use crate::discord::admission::Id;
use crate::discord::bot::Bot;
use crate::discord::persist::{Behind, Tried, persist};
use crate::discord::places::{channel, thread};
use crate::discord::seen::{Shard, shard_of};

/// Why a turn there is not to run, behind a colon.
pub(in crate::discord) const GONE: &str = "I was removed from the server that its thread is in";

/// A session of a shard begins, and names all guilds that the bot is in.
pub(super) fn told_by_session(bot: &Arc<Bot>, (shard, total): (Shard, Shard), guilds: &BTreeSet<Id>) {
    for guild in guilds {
        bot.places.set_gone(*guild, false);
    }
    for guild in bot.places.guilds() {
        if shard_of(guild, total) == shard && !guilds.contains(&guild) {
            is_out_of(bot, guild);
        }
    }
}

/// The bot was thrown out. What runs goes on, what waits there does not run. Returns at once.
pub(super) fn is_out_of(bot: &Arc<Bot>, guild: Id) {
    bot.places.set_gone(guild, true);
    tracing::warn!(
        guild,
        "the bot was removed from a server: what waits in its threads is dropped"
    );
    let bot = Arc::clone(bot);
    tokio::spawn(async move {
        for summary in bot.threads().await {
            let id = channel(&summary.thread.id).filter(|id| summary.queued > 0 && bot.places.is_gone(*id));
            if let Some(id) = id {
                let again = Arc::clone(&bot);
                bot.in_order(id, async move { drop_all(&again, id).await });
            }
        }
    });
}

/// Tries until nothing waits in a thread, or the bot is back.
async fn drop_all(bot: &Arc<Bot>, id: Id) {
    let again = Arc::clone(bot);
    let attempt = move |_| {
        let bot = Arc::clone(&again);
        async move {
            match drop_each(&bot, id).await {
                // The next host does it.
                Ok(()) | Err(Failed::Stopping) => Tried::Done,
                Err(failed) => Tried::Again(failed.to_string()),
            }
        }
    };
    persist(&bot.held, id, Behind::Waits, attempt).await;
}

async fn drop_each(bot: &Bot, id: Id) -> Result<(), Failed> {
    let Some(thread) = thread(id).filter(|_| bot.places.is_gone(id)) else {
        return Ok(());
    };
    let queued = bot.house.conversation.queued(&thread).await;
    for turn in queued.map_err(SupervisorError::from)? {
        let reason = GONE.to_owned();
        amend(bot, &turn, Amended::Withdrawn { reason }).await?;
    }
    Ok(())
}
