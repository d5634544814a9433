//! A message that this host can't write down yet, as on a full disk: whoever wrote it sees that it waits, for which no disk is
//! needed.

use serenity::all::{Message, MessageReaction};

use super::answer::say;
use super::deal::Came;
use crate::discord::bot::Bot;
use crate::discord::render::WAITS;

/// Shows it by a sign, and says it, but no more often than a refusal. Both are a help, no more: what Discord does not take is
/// not tried again here. What passes before the second try needs none.
pub(super) async fn show(bot: &Bot, came: &Came, why: &str, tries: u32) {
    let message = &came.message;
    let (channel, id) = (message.channel_id.get(), message.id.get());
    // One with another sign is a turn of an earlier host, and shows how that stands.
    if tries == 0 || signs(message).any(|sign| !is_waiting(sign)) {
        return;
    }
    bot.signs.waits(channel, id);
    if !bot.tell_refusal(channel, message.author.id.get()) {
        return;
    }
    let words = format!(
        "{WAITS} I can't take this in now: {why}. I try again until I can; you need not write it again."
    );
    if let Err(trouble) = say(bot, message, &words, came.late || tries > 1).await {
        tracing::info!(channel, %trouble, "it could not be said that a message waits");
    }
}

/// Whether an earlier host left on a message that it waits.
pub(super) fn was_shown(message: &Message) -> bool {
    signs(message).any(is_waiting)
}

fn signs(message: &Message) -> impl Iterator<Item = &MessageReaction> {
    message.reactions.iter().filter(|sign| sign.me)
}

/// Whether a sign of the bot's says no more than that the message waits.
pub(super) fn is_waiting(sign: &MessageReaction) -> bool {
    sign.reaction_type.unicode_eq(WAITS)
}
