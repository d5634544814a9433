//! Another program that uses the same bot: Discord tells neither of the other, but each hears what the other says.

use serenity::all::{Message, Nonce};

use crate::discord::admission::Id;
use crate::discord::bot::Bot;
use crate::discord::rest::Trouble;

/// What the bot has said and this host has not was said by another program with the same token: each of them answers.
pub(super) fn notice_another(bot: &Bot, message: &Message) {
    let is_anothers = |nonce: &Nonce| matches!(nonce, Nonce::String(nonce) if bot.nonces.is_anothers(nonce));
    if message.author.id.get() == bot.identity.user && message.nonce.as_ref().is_some_and(is_anothers) {
        told_of_another(bot, message.channel_id.get());
    }
}

/// Another program speaks as this bot, and in this place. Where this host does not serve it, it leaves it to the other one.
pub(super) fn told_of_another(bot: &Bot, channel: Id) {
    bot.places.learn_anothers(channel);
    if bot.link.is_shared_since_now() {
        tracing::error!(
            channel,
            "another program uses this bot's token: each of them answers some people, and some are answered twice. Stop it, or \
             give it a bot of its own"
        );
    }
}

/// It stays without an answer if that one has gone.
pub(super) fn left_to_another(channel: Id, message: &Message) {
    let message = message.id.get();
    tracing::warn!(
        channel,
        message,
        "left to the other program that uses this bot's token"
    );
}

/// Whether a thread was opened by the bot.
pub(super) async fn was_opened_by_us(bot: &Bot, thread: Id) -> Result<bool, Trouble> {
    let thread = bot.rest.channel(thread).await?;
    let owner = thread["owner_id"].as_str().and_then(|owner| owner.parse().ok());
    Ok(owner == Some(bot.identity.user))
}
