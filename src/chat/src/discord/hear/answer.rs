//! What is answered directly, as a reply: why a message became nothing.

use std::sync::Arc;

use serenity::all::Message;

use super::Failed;
use super::deal::Came;
use crate::discord::bot::Bot;
use crate::discord::persist::{Behind, Tried, persist};
use crate::discord::render::WAITS;
use crate::discord::rest::{Outgoing, Trouble};

/// Why no thread can be opened, in words; `None`: it is not about threads.
pub(in crate::discord) fn no_thread(trouble: &Trouble) -> Option<&'static str> {
    let Trouble::Refused { code, .. } = trouble else {
        return None;
    };
    match code {
        50_001 | 50_013 => Some(
            "I can't open a thread here: I lack the permission Create Public Threads or Read Message History in this channel. Whoever manages this server can give it to me.",
        ),
        50_024 => Some("There are no threads in this kind of channel. Mention me in a text channel."),
        160_006 | 160_007 => Some(
            "I can't open a thread: this server has as many open threads as Discord allows. Close some that are over, and write it once more.",
        ),
        _ => None,
    }
}

/// Why no thread was opened from a message.
pub(super) async fn unopened(bot: &Bot, message: &Message, trouble: Trouble) -> Failed {
    let Some(words) = no_thread(&trouble) else {
        return trouble.into();
    };
    let is_forbidden = matches!(
        trouble,
        Trouble::Refused {
            code: 50_001 | 50_013,
            ..
        }
    );
    let words = if is_forbidden && !may_read(bot, message).await {
        "I can't open a thread here: I lack the permission Read Message History in this channel. Whoever manages this server can give it to me."
    } else {
        words
    };
    Failed::Here(words.to_owned())
}

/// Without the permission Discord gives nothing, though there is this message.
async fn may_read(bot: &Bot, message: &Message) -> bool {
    let before = message.id.get() + 1;
    let read = bot.rest.before(message.channel_id.get(), before, 1).await;
    read.map_or(true, |read| !read.is_empty())
}

/// Answers a message, once; then it is done with. Nobody waits for that: it goes on by itself. Discord knows the reply by its
/// nonce, for some minutes; where it may have been said before (`again`), it is looked for.
pub(super) fn answer(bot: &Arc<Bot>, came: Arc<Came>, words: String, again: bool) {
    let (id, again) = (came.message.id.get(), again || came.late);
    let (bot, saying) = (Arc::clone(bot), Arc::clone(bot));
    let attempt = move |tries| {
        let (bot, came, words) = (Arc::clone(&saying), Arc::clone(&came), words.clone());
        async move {
            if bot.trying.is_deleted(id) {
                // Nobody is there to be told.
                came.is_done(&bot);
                return Tried::Done;
            }
            match say(&bot, &came.message, &words, again || tries > 0).await {
                Ok(()) => {}
                Err(trouble @ Trouble::Refused { .. }) => {
                    let channel = came.message.channel_id.get();
                    if trouble.is_hidden() {
                        // Hidden meanwhile: heard again once it is seen.
                        bot.leaves_unread(came.guild, channel, id - 1);
                    }
                    tracing::warn!(channel, %trouble, %words, "this could not be said");
                }
                Err(trouble) => return Tried::Again(trouble.to_string()),
            }
            came.is_done(&bot);
            Tried::Done
        }
    };
    tokio::spawn(async move { persist(&bot.held, id, Behind::Waits, attempt).await });
}

/// Says it as a reply, once: of a message that waits that it does, and of each what became of it.
///
/// Errors: as for a request.
pub(super) async fn say(bot: &Bot, message: &Message, words: &str, again: bool) -> Result<(), Trouble> {
    if again && was_answered(bot, message, words).await? {
        return Ok(());
    }
    let kind = if waits(words) { 'w' } else { 'r' };
    let mut reply = Outgoing::words(words);
    reply.reply_to = Some(message.id.get());
    reply.nonce = Some(bot.nonces.named(&format!("{kind}{}", message.id)));
    let channel = message.channel_id.get();
    bot.rest.send(channel, reply, true).await.map(drop)
}

/// Whether words say that a message waits.
fn waits(words: &str) -> bool {
    words.starts_with(WAITS)
}

/// Whether one of the hundred messages after it is our reply of this kind.
async fn was_answered(bot: &Bot, message: &Message, words: &str) -> Result<bool, Trouble> {
    let is_reply = |said: &Message| {
        let answers = said
            .message_reference
            .as_ref()
            .and_then(|answers| answers.message_id);
        let is_ours = said.author.id.get() == bot.identity.user;
        is_ours && answers == Some(message.id) && waits(&said.content) == waits(words)
    };
    let later = bot.rest.page(message.channel_id.get(), message.id.get()).await?;
    Ok(later.messages.iter().any(is_reply))
}
