//! Another program that uses the same bot: Discord tells neither of the other, but each hears what the other says.

use std::time::Duration;

use serenity::all::{Message, MessageReaction, Nonce};

use super::deal::{Came, Dealt};
use super::unkept;
use crate::discord::admission::Id;
use crate::discord::bot::Bot;
use crate::discord::haste::hurried;
use crate::discord::rest::Trouble;

/// Why a message is looked at again.
pub(super) const LEFT: &str =
    "it is left to the other program that uses this bot's token, as long as that one is there";
/// So long that one has to take it.
const PATIENCE: Duration = Duration::from_secs(30);

/// What the bot has said and this host has not was said by another program with the same token: each of them answers.
pub(super) fn notice_another(bot: &Bot, message: &Message) {
    let is_anothers = |nonce: &Nonce| matches!(nonce, Nonce::String(nonce) if bot.nonces.is_anothers(nonce));
    if message.author.id.get() == bot.identity.user && message.nonce.as_ref().is_some_and(is_anothers) {
        told_of_another(bot, message.channel_id.get(), message.id.get());
    }
}

/// Another program speaks as this bot, and in this place; `said`: its message, or 0. Where this host does not serve it, it
/// leaves it to the other one, as long as that is there.
pub(super) fn told_of_another(bot: &Bot, channel: Id, said: Id) {
    bot.places.learn_anothers(channel, said);
    if bot.link.is_shared_since_now() {
        tracing::error!(
            channel,
            "another program uses this bot's token: each of them answers some people, and some are answered twice. Stop it, or \
             give it a bot of its own"
        );
    }
}

/// What becomes of a message that another program may answer, in this thread: it is left to that one for a while (`is_likely`: it
/// speaks there, or has opened it), and for good if it has taken it by then. `None`: that one has gone, or never was; it is this
/// host's.
pub(super) async fn is_left(
    bot: &Bot,
    came: &Came,
    tries: u32,
    thread: Id,
    is_likely: bool,
) -> Result<Option<Dealt>, Trouble> {
    let is_over = came.at.elapsed() >= hurried(PATIENCE);
    // It may have waited for so long behind others.
    let may_have = tries > 0 || (is_likely && is_over);
    if may_have && has_taken(bot, &came.message, thread).await? {
        return Ok(Some(Dealt::With));
    }
    let waits = is_likely && !is_over;
    Ok(waits.then_some(Dealt::Left(PATIENCE)))
}

/// Whether the other program has spoken in the thread since, or put a sign on the message: it does that as this bot. What
/// this host does comes after its turn is durable, but for the sign of a message that can't become one yet.
async fn has_taken(bot: &Bot, message: &Message, thread: Id) -> Result<bool, Trouble> {
    let id = message.id.get();
    if bot.places.said_by_another(thread).is_some_and(|said| said > id) {
        return Ok(true);
    }
    match bot.rest.page(message.channel_id.get(), id - 1).await {
        Ok(page) => {
            let now = page.messages.into_iter().find(|read| read.id == message.id);
            let is_taken = |sign: &MessageReaction| sign.me && !unkept::is_waiting(sign);
            Ok(now.is_some_and(|now| now.reactions.iter().any(is_taken)))
        }
        // Nobody can say it. Answered twice is better than not at all.
        Err(Trouble::Refused { .. }) => Ok(false),
        Err(trouble) => Err(trouble),
    }
}

/// Whether a thread was opened by the bot; where nobody can say it, it was not.
pub(super) async fn was_opened_by_us(bot: &Bot, thread: Id) -> Result<bool, Trouble> {
    let thread = match bot.rest.channel(thread).await {
        Ok(thread) => thread,
        Err(Trouble::Refused { .. }) => return Ok(false),
        Err(trouble) => return Err(trouble),
    };
    let owner = thread["owner_id"].as_str().and_then(|owner| owner.parse().ok());
    Ok(owner == Some(bot.identity.user))
}
