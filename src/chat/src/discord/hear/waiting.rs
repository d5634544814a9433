//! What waits for its turn says what its message says now: what was changed runs in its new words, what was deleted does not
//! run. What runs is left alone.

use std::sync::Arc;

use conversation::{SourceId, Turn};
use serenity::all::{Message, MessageId};
use supervisor::Amended;

use super::before;
use super::facts::said;
use crate::discord::admission::Id;
use crate::discord::bot::Bot;
use crate::discord::places::thread;
use crate::discord::rest::{Trouble, UNKNOWN_MESSAGE};

const DELETED: &str = "its message was deleted";
const EMPTIED: &str = "its message says nothing any more";

/// The name of a message, as a turn keeps it.
pub(super) fn source(channel: Id, message: Id) -> SourceId {
    SourceId(format!("{channel}/{message}"))
}

/// The message of a turn, if it began with one.
fn message_of(turn: &Turn) -> Option<(Id, Id)> {
    let (channel, message) = turn.source.0.split_once('/')?;
    Some((channel.parse().ok()?, message.parse().ok()?))
}

/// Messages were deleted: people's, or the bot's own.
pub(super) fn deleted(bot: &Arc<Bot>, channel: Id, messages: &[MessageId]) {
    let messages: Vec<Id> = messages.iter().map(|message| message.get()).collect();
    bot.deleted(channel, &messages);
    for message in messages {
        let again = Arc::clone(bot);
        behind(bot, channel, message, async move {
            if let Some(turn) = waits(&again, channel, message).await {
                let reason = DELETED.to_owned();
                amend(&again, &turn, Amended::Withdrawn { reason }).await;
            }
        });
    }
}

/// A message was changed by its author.
pub(super) fn changed(bot: &Arc<Bot>, channel: Id, message: Id) {
    let again = Arc::clone(bot);
    behind(bot, channel, message, async move {
        let Some(turn) = waits(&again, channel, message).await else {
            return;
        };
        match look_again(&again, &turn).await {
            Ok(None) => {}
            Ok(Some(reason)) => {
                let reason = reason.to_owned();
                amend(&again, &turn, Amended::Withdrawn { reason }).await;
            }
            // It is looked at again before it begins.
            Err(trouble) => {
                tracing::debug!(channel, message, %trouble, "could not read a message that was changed");
            }
        }
    });
}

/// A turn that has waited: if its message was changed by its author meanwhile, it says that from now on. Why it is not to run,
/// behind a colon; `None`: it may.
///
/// Errors: Discord does not say it now.
pub(in crate::discord) async fn look_again(bot: &Bot, turn: &Turn) -> Result<Option<&'static str>, Trouble> {
    let Some((channel, message)) = message_of(turn) else {
        return Ok(None);
    };
    match bot.rest.message(channel, message).await {
        Ok(message) => match reworded(bot, turn, &message) {
            Some(text) if text.is_empty() && turn.files.is_empty() => Ok(Some(EMPTIED)),
            Some(text) => {
                amend(bot, turn, Amended::Words(text)).await;
                Ok(None)
            }
            None => Ok(None),
        },
        Err(Trouble::Refused {
            code: UNKNOWN_MESSAGE,
            ..
        }) => Ok(Some(DELETED)),
        // What may not be read stays as it was.
        Err(Trouble::Refused { .. }) => Ok(None),
        Err(trouble) => Err(trouble),
    }
}

/// What a turn says now, if its author has changed that. What stood in the thread before it stays.
fn reworded(bot: &Bot, turn: &Turn, message: &Message) -> Option<String> {
    message.edited_timestamp?;
    let words = format!("{}{}", before::part_of(&turn.text), said(bot, message).text());
    (words != turn.text).then_some(words)
}

/// Does something about a message after it was dealt with, if it can be a turn at all.
fn behind(bot: &Arc<Bot>, channel: Id, message: Id, work: impl Future<Output = ()> + Send + 'static) {
    if bot.places.is_served(channel) || bot.places.is_served(message) || bot.is_busy(channel) {
        bot.in_order(channel, work);
    }
}

/// The turn of a message, if it waits: in the thread that it was said in, or that was opened from it.
async fn waits(bot: &Bot, channel: Id, message: Id) -> Option<Turn> {
    let served = [channel, message]
        .into_iter()
        .filter(|id| bot.places.is_served(*id));
    for thread in served.filter_map(thread) {
        let queued = bot.house.conversation.queued(&thread).await;
        // A host that stops has closed it.
        let queued = queued.inspect_err(|error| tracing::debug!(%error, "could not look up what waits"));
        let source = source(channel, message);
        let mut queued = queued.unwrap_or_default().into_iter();
        if let Some(turn) = queued.find(|turn| turn.source == source) {
            return Some(turn);
        }
    }
    None
}

async fn amend(bot: &Bot, turn: &Turn, amended: Amended) {
    let supervisor = &bot.house.supervisor;
    match supervisor.amend(&turn.thread, turn.source.clone(), amended).await {
        Ok(true) => tracing::info!(turn = %turn.id, "a message that waited was changed or taken back"),
        // It runs by now.
        Ok(false) => {}
        Err(error) => tracing::warn!(turn = %turn.id, %error, "could not change what waits"),
    }
}
