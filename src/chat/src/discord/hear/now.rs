//! What a message says now, where it is dealt with later than it came.

use serenity::all::Message;

use crate::discord::bot::Bot;
use crate::discord::rest::{Trouble, UNKNOWN_MESSAGE};

/// What a message is now.
pub(super) enum Now {
    /// As it came; also where it may not be read.
    Same,
    /// Its author has changed it. With all that only came with it.
    Changed(Box<Message>),
    /// Nobody asks any more.
    Deleted,
}

/// Looks at a message once more if its author has changed it, or if something may have become of it that nobody told: there was
/// a new session since, or it is tried `again`, perhaps between two.
///
/// Errors: Discord does not say it.
pub(super) async fn now(bot: &Bot, came: &Message, again: bool) -> Result<Now, Trouble> {
    let (channel, id) = (came.channel_id.get(), came.id.get());
    if bot.trying.is_deleted(id) {
        return Ok(Now::Deleted);
    }
    let is_doubtful = again || bot.trying.is_unsure(id) || bot.trying.is_changed(id, came.edited_timestamp);
    if !is_doubtful {
        return Ok(Now::Same);
    }
    match bot.rest.message(channel, id).await {
        Ok(now) if now.edited_timestamp <= came.edited_timestamp => Ok(Now::Same),
        Ok(now) => {
            let mut message = came.clone();
            message.content = now.content;
            message.mentions = now.mentions;
            message.mention_roles = now.mention_roles;
            message.attachments = now.attachments;
            message.edited_timestamp = now.edited_timestamp;
            Ok(Now::Changed(Box::new(message)))
        }
        Err(Trouble::Refused {
            code: UNKNOWN_MESSAGE,
            ..
        }) => {
            bot.trying.deleted(id);
            Ok(Now::Deleted)
        }
        Err(Trouble::Refused { .. }) => Ok(Now::Same),
        Err(trouble) => Err(trouble),
    }
}
