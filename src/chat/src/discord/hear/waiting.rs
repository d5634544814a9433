//! What waits for its turn says what its message says now: what was changed runs in its new words, what was deleted does not
//! run. What runs is left alone.

use std::sync::Arc;

use conversation::{SourceId, Turn, TurnId};
use serenity::all::Message;
use supervisor::{Amended, SupervisorError};

use super::facts::said;
use super::{Failed, before};
use crate::discord::admission::Id;
use crate::discord::bot::Bot;
use crate::discord::places::thread;
use crate::discord::rest::{Trouble, UNKNOWN_MESSAGE};

mod unsettled;

pub(in crate::discord) use unsettled::Unsettled;

const DELETED: &str = "its message was deleted";
const EMPTIED: &str = "its message says nothing any more";

/// The name of a message, as a turn keeps it.
pub(super) fn source(channel: Id, message: Id) -> SourceId {
    SourceId(format!("{channel}/{message}"))
}

/// The message of a turn, if it began with one; of one that was asked for again, what was said at first, if it says no more
/// than that.
async fn message_of(bot: &Bot, turn: &Turn) -> Result<Option<(Id, Id)>, SupervisorError> {
    let own = ids(&turn.source);
    if own.is_some() {
        return Ok(own);
    }
    let first = bot.house.conversation.only_message_of(turn.id).await;
    Ok(first.map_err(SupervisorError::from)?.as_ref().and_then(ids))
}

fn ids(source: &SourceId) -> Option<(Id, Id)> {
    let (channel, message) = source.0.split_once('/')?;
    Some((channel.parse().ok()?, message.parse().ok()?))
}

/// What became of a message. Where both happen it is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum News {
    /// Its author changed it.
    Changed,
    /// It is not there any more.
    Deleted,
}

/// Something became of a message: its turn, if it waits, does as it says now, after all that came before in its channel. Where
/// that can't be known or done now, it is tried again. Returns at once.
pub(super) fn told(bot: &Arc<Bot>, channel: Id, message: Id, news: News) {
    let can_be_a_turn =
        bot.places.is_served(channel) || bot.places.is_served(message) || bot.is_busy(channel);
    if !can_be_a_turn {
        return;
    }
    let again = Arc::clone(bot);
    bot.in_order(channel, async move {
        if let Err(why) = take_in(&again, (channel, message), news).await {
            again.unsettled.add(&again, (channel, message), news, &why);
        }
    });
}

/// A turn is asked for again and waits: its message may have been changed or deleted before, when nothing waited. It is looked
/// at once more before it runs.
pub(in crate::discord) async fn look_at_message_of(bot: &Arc<Bot>, turn: TurnId) {
    match bot.house.conversation.only_message_of(turn).await {
        Ok(source) => {
            if let Some((channel, message)) = source.as_ref().and_then(ids) {
                told(bot, channel, message, News::Changed);
            }
        }
        Err(error) => tracing::debug!(%turn, %error, "the message of a turn could not be looked up"),
    }
}

/// Errors: why it can't be known or done now. What the next host does by itself, since this one is stopping, is no error.
pub(super) async fn take_in(bot: &Bot, (channel, message): (Id, Id), news: News) -> Result<(), String> {
    let taken = async {
        let Some(turn) = waits(bot, channel, message).await? else {
            return Ok(());
        };
        let reason = match news {
            News::Deleted => Some(DELETED),
            News::Changed => look_again(bot, &turn).await?,
        };
        match reason.map(str::to_owned) {
            Some(reason) => amend(bot, &turn, Amended::Withdrawn { reason }).await,
            None => Ok(()),
        }
    };
    match taken.await {
        Ok(()) => Ok(()),
        Err(Failed::Stopping) => {
            tracing::debug!(
                channel,
                message,
                "the host stops before it took in what became of a message"
            );
            Ok(())
        }
        Err(failed) => Err(failed.to_string()),
    }
}

/// A turn that has waited: if its message was changed by its author meanwhile, it says that from now on. Why it is not to run,
/// behind a colon; `None`: it may.
///
/// Errors: it can't be said or done now.
pub(in crate::discord) async fn look_again(bot: &Bot, turn: &Turn) -> Result<Option<&'static str>, Failed> {
    let Some((channel, message)) = message_of(bot, turn).await? else {
        return Ok(None);
    };
    match bot.rest.message(channel, message).await {
        Ok(message) => match reworded(bot, turn, &message) {
            Some(text) if text.is_empty() && turn.files.is_empty() => Ok(Some(EMPTIED)),
            Some(text) => {
                amend(bot, turn, Amended::Words(text)).await?;
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
        Err(trouble) => Err(trouble.into()),
    }
}

/// What a turn says now, if its author has changed that. What stood in the thread before it stays.
fn reworded(bot: &Bot, turn: &Turn, message: &Message) -> Option<String> {
    message.edited_timestamp?;
    let words = format!("{}{}", before::part_of(&turn.text), said(bot, message).text());
    (words != turn.text).then_some(words)
}

/// The turn of a message, if it waits: in the thread that it was said in, or that was opened from it.
async fn waits(bot: &Bot, channel: Id, message: Id) -> Result<Option<Turn>, Failed> {
    let served = [channel, message]
        .into_iter()
        .filter(|id| bot.places.is_served(*id));
    for thread in served.filter_map(thread) {
        let queued = bot.house.conversation.queued(&thread).await;
        for turn in queued.map_err(SupervisorError::from)? {
            if message_of(bot, &turn).await? == Some((channel, message)) {
                return Ok(Some(turn));
            }
        }
    }
    Ok(None)
}

/// Errors: not now.
async fn amend(bot: &Bot, turn: &Turn, amended: Amended) -> Result<(), Failed> {
    let supervisor = &bot.house.supervisor;
    match supervisor.amend(&turn.thread, turn.source.clone(), amended).await {
        Ok(true) => tracing::info!(turn = %turn.id, "a message that waited was changed or taken back"),
        // It runs by now.
        Ok(false) => {}
        Err(error) => match error.into() {
            // It stays as it was.
            Failed::Here(why) => tracing::warn!(turn = %turn.id, %why, "could not change what waits"),
            failed => return Err(failed),
        },
    }
    Ok(())
}
