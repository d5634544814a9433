//! Threads that were put away while nobody listened: no event tells of them, so they are looked for.

use std::sync::Arc;
use std::time::Duration;

use serenity::all::GuildChannel;
use tokio::time::sleep;

use super::{Gap, missed};
use crate::discord::admission::{Id, hears};
use crate::discord::bot::Bot;
use crate::discord::haste::hurried;
use crate::discord::hear;
use crate::discord::persist::{Behind, Tried, persist};
use crate::discord::places::{Kind, Spot};
use crate::discord::rest::{PutAway, Trouble};
use crate::discord::seen::Hold;

/// So long what happened may take to be told by the gateway. No mark waits for that: what is read again after a stop is decided
/// again, and by then others have spoken.
const NEWS: Duration = Duration::from_secs(5);

/// A channel that may have threads which were put away after the message `before`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parent {
    pub(super) channel: Id,
    guild: Id,
    kind: Kind,
    pub(super) before: Id,
    /// Until they were looked for, what came since then does not count as seen.
    hold: Hold,
}

impl Parent {
    pub(super) fn new(bot: &Bot, (channel, guild): (Id, Id), kind: Kind, before: Id) -> Self {
        Self {
            channel,
            guild,
            kind,
            before,
            hold: bot.reads(guild, channel, before),
        }
    }
}

/// Threads of a channel that were put away meanwhile, private ones that the bot is a member of among them: nobody tells of
/// them. Until they were looked for, they are under way.
pub(super) async fn put_away(bot: &Arc<Bot>, parent: Parent) {
    let looking = Arc::clone(bot);
    let Parent {
        channel: of,
        guild,
        kind,
        before,
        hold,
    } = parent;
    let attempt = move |_| {
        let bot = Arc::clone(&looking);
        async move {
            match bot.rest.put_away((of, kind), before).await {
                Ok(threads) => {
                    for PutAway {
                        channel,
                        newest,
                        is_ours,
                    } in threads
                    {
                        let after = bot.seen().since(guild, channel, before);
                        if newest <= after {
                            continue;
                        }
                        let spot = Spot {
                            guild: Some(guild),
                            parent: Some(of),
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
                    if trouble.is_hidden() {
                        bot.leaves_unread(Some(guild), of, before);
                    }
                    tracing::info!(channel = of, %trouble, "may not look for threads that were put away");
                }
                Err(trouble) => return Tried::Again(trouble.to_string()),
            }
            bot.seen().done(hold);
            // That one woke just before it was looked for may still be told.
            tokio::spawn(async move {
                sleep(hurried(NEWS)).await;
                bot.searches.looked(guild, of);
            });
            Tried::Done
        }
    };
    persist(&bot.held, before + 1, Behind::Waits, attempt).await;
}

/// A thread is open: perhaps it was put away until now, and the host itself has woken it.
pub(in crate::discord) fn woke(bot: &Arc<Bot>, thread: &GuildChannel) {
    if thread.thread_metadata.is_some_and(|metadata| !metadata.archived) {
        woken(bot, thread.guild_id.get(), thread.id.get(), Id::MAX);
    }
}

/// A message came live. Where it wakes a thread that was put away before that was found out, what was said there before it is
/// read first: nobody else tells of that any more.
pub(in crate::discord) fn woken(bot: &Arc<Bot>, guild: Id, channel: Id, message: Id) {
    let place = |spot| hear::place(channel, Some(guild), spot);
    let is_nothing = |spot: Spot| spot.parent.is_none() || !hears(&bot.config.rules, place(spot));
    let spot = bot.places.spot(channel);
    if spot.is_some_and(is_nothing) {
        return;
    }
    let parent = spot.and_then(|spot| spot.parent);
    if let Some(before) = bot.searches.wakes(guild, channel, parent) {
        let gap = Gap {
            channel,
            guild: Some(guild),
            after: bot.seen().since(guild, channel, before),
            upto: message,
        };
        missed(bot, gap);
    }
}
