//! What is answered directly, as a reply: why a message became nothing.

use serenity::all::Message;

use crate::discord::bot::Bot;
use crate::discord::rest::{Outgoing, Trouble};

/// Why no thread can be opened, in words; `None`: it is not about threads.
pub(in crate::discord) fn no_thread(trouble: &Trouble) -> Option<&'static str> {
    let Trouble::Refused { code, .. } = trouble else {
        return None;
    };
    match code {
        50_001 | 50_013 => Some(
            "I can't open a thread here: I lack the permission Create Public Threads in this channel. Whoever manages this server can give it to me.",
        ),
        50_024 => Some("There are no threads in this kind of channel. Mention me in a text channel."),
        160_006 | 160_007 => Some(
            "I can't open a thread: this server has as many open threads as Discord allows. Close some that are over, and write it once more.",
        ),
        _ => None,
    }
}

/// Answers a message, once. Discord knows the reply by its nonce, for some minutes; where an earlier host may have answered
/// (`late`), the reply is looked for.
pub(super) async fn say(bot: &Bot, message: &Message, words: &str, late: bool) {
    let mut reply = Outgoing::words(words);
    reply.reply_to = Some(message.id.get());
    reply.nonce = Some(format!("r{}", message.id));
    let channel = message.channel_id.get();
    if late && was_answered(bot, message).await {
        return;
    }
    if let Err(trouble) = bot.rest.send(channel, reply, true).await {
        tracing::warn!(channel, %trouble, %words, "this could not be said");
    }
}

/// Whether one of the hundred messages after it is our reply.
async fn was_answered(bot: &Bot, message: &Message) -> bool {
    let is_reply = |said: &Message| {
        let answers = said
            .message_reference
            .as_ref()
            .and_then(|answers| answers.message_id);
        said.author.id.get() == bot.identity.user && answers == Some(message.id)
    };
    let channel = message.channel_id.get();
    match bot.rest.after(channel, message.id.get()).await {
        Ok(later) => later.iter().any(is_reply),
        // Rather not at all than twice.
        Err(trouble) => {
            tracing::warn!(channel, %trouble, "it can't be seen whether a message was answered");
            true
        }
    }
}
