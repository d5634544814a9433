//! A message whose sending nobody knows the end of: it is looked for in its thread before it is sent again.

use std::collections::BTreeSet;

use conversation::{ConversationError, Delivery, Turn};
use serenity::all::{Message, MessageType};

use crate::discord::admission::Id;
use crate::discord::bot::Bot;
use crate::discord::render::Key;
use crate::discord::rest::{Answered, Trouble};

/// Messages that are read, in hundreds.
const PAGES: usize = 50;

/// The message that a delivery in doubt became, if it became one: of those that came after all that was there before, the
/// one that says what was sent and is nothing else that was sent. Discord's REST does not give back the nonce.
pub(super) async fn found(bot: &Bot, channel: Id, delivery: &Delivery) -> Result<Option<Answered>, Trouble> {
    if delivery.doubt.is_none() {
        return Ok(None);
    }
    let known = known(bot, channel, delivery).await;
    let (before, others) = known.map_err(|error| Trouble::Failed(error.to_string()))?;
    let mut after = before;
    let text = delivery.text.as_deref().unwrap_or_default().trim();
    let is_it = |message: &Message| {
        message.author.id.get() == bot.identity.user
            // No reply, and no answer to a command.
            && message.kind == MessageType::Regular
            && message.webhook_id.is_none()
            && says(message.content.trim(), text)
            && !others.contains(&message.id.get())
    };
    let mut may = false;
    for _ in 0..PAGES {
        let messages = bot.rest.after(channel, after).await?;
        if let Some(message) = messages.iter().find(|message| is_it(message)) {
            return Ok(Some(Answered {
                id: message.id.get(),
                content: message.content.clone(),
                files: message.attachments.len(),
                bucket: None,
            }));
        }
        match messages.last() {
            Some(last) if messages.len() == 100 => after = last.id.get(),
            // It may have been allowed since: what was not given then is given now.
            None if after == before && !may => {
                bot.rest.may_read(channel, before).await?;
                may = true;
            }
            _ => break,
        }
    }
    Ok(None)
}

/// The last message that was certainly there before the try in doubt, and those that are something else. By Discord's ids,
/// which are its moments: our clock may be wrong.
async fn known(bot: &Bot, channel: Id, delivery: &Delivery) -> Result<(Id, BTreeSet<Id>), ConversationError> {
    let conversation = &bot.house.conversation;
    let there = conversation.delivered(&delivery.thread).await?;
    let remote = |other: &Delivery| other.remote.as_deref()?.parse::<Id>().ok();
    let is_earlier = |other: &&Delivery| other.id < delivery.id && other.ended <= delivery.doubt;
    let key = Key::of_part(delivery.turn, delivery.part);
    let cause = match delivery.turn {
        Some(turn) => began_by(&conversation.turn(turn).await?).map(|(_, message)| message),
        None => key.is_note().then(|| delivery.part.unsigned_abs()),
    };
    let before = there.iter().filter(is_earlier).filter_map(remote);
    // A thread has the id of the message that it began with.
    let before = before.chain(cause).max().unwrap_or(0).max(channel);
    Ok((before, there.iter().filter_map(remote).collect()))
}

/// Whether a message is this text, and below it at most why a file is not there.
fn says(content: &str, text: &str) -> bool {
    let rest = content.strip_prefix(text);
    rest.is_some_and(|rest| {
        rest.is_empty() || rest.trim().lines().all(|line| line.starts_with("-# ")) && rest.starts_with('\n')
    })
}

/// The channel and the message that began a turn, if one did.
pub(super) fn began_by(turn: &Turn) -> Option<(Id, Id)> {
    let (channel, message) = turn.source.0.split_once('/')?;
    Some((channel.parse().ok()?, message.parse().ok()?))
}
