//! What waits for its turn says what its message says now: what was changed runs in its new words, what was deleted does not
//! run. What runs is left alone.

use std::sync::Arc;

use conversation::{Part, SourceId, Turn, TurnId};
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
const ALL_DELETED: &str = "its messages were deleted";
const EMPTIED: &str = "its message says nothing any more";

/// The name of a message, as a turn keeps it.
pub(super) fn source(channel: Id, message: Id) -> SourceId {
    SourceId(format!("{channel}/{message}"))
}

/// The messages that a turn answers. One that waits and is no repetition answers its own.
async fn parts_of(bot: &Bot, turn: &Turn) -> Result<Vec<Part>, SupervisorError> {
    if ids(&turn.source).is_none() {
        return Ok(bot.house.conversation.parts(turn.id).await?);
    }
    Ok(vec![Part::of(turn.clone())])
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

/// A turn is asked for again and waits: its messages may have been changed or deleted before, when nothing waited. They are
/// looked at once more before it runs.
pub(in crate::discord) async fn look_at_message_of(bot: &Arc<Bot>, turn: TurnId) {
    match bot.house.conversation.parts(turn).await {
        Ok(parts) => {
            // With one of them all are.
            if let Some((channel, message)) = parts.iter().find_map(|part| ids(&part.source)) {
                told(bot, channel, message, News::Changed);
            }
        }
        Err(error) => tracing::debug!(%turn, %error, "the messages of a turn could not be looked up"),
    }
}

/// Errors: why it can't be known or done now. What the next host does by itself, since this one is stopping, is no error.
pub(super) async fn take_in(bot: &Bot, (channel, message): (Id, Id), news: News) -> Result<(), String> {
    let taken = async {
        let Some((turn, is_alone)) = waits(bot, channel, message).await? else {
            return Ok(());
        };
        let reason = match news {
            News::Deleted if is_alone => Some(DELETED),
            _ => look_again(bot, &turn).await?,
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

/// A turn that has waited: what was changed of its messages by their authors meanwhile it says from now on, and what was deleted
/// it says no more. Why it is not to run, behind a colon; `None`: it may.
///
/// Errors: it can't be said or done now.
pub(in crate::discord) async fn look_again(bot: &Bot, turn: &Turn) -> Result<Option<&'static str>, Failed> {
    let parts = parts_of(bot, turn).await?;
    let deleted = if parts.len() > 1 { ALL_DELETED } else { DELETED };
    let Some(first) = parts.first() else {
        return Ok(None);
    };
    let before = before::part_of(&first.text).to_owned();
    let mut left = vec![];
    for part in parts {
        left.extend(as_it_is(bot, part).await?);
    }
    if left.is_empty() {
        return Ok(Some(deleted));
    }
    let says_nothing = |part: &Part| part.text.is_empty() && part.files.is_empty();
    if left.iter().all(says_nothing) {
        return Ok(Some(EMPTIED));
    }
    // What stood in the thread before it stays, whose message is the first now.
    let first = left.first_mut().filter(|first| !first.text.starts_with(&before));
    if let Some(first) = first {
        first.text.insert_str(0, &before);
    }
    if Part::joined(left.clone()) != (turn.text.clone(), turn.files.clone()) {
        amend(bot, turn, Amended::Says(left)).await?;
    }
    Ok(None)
}

/// A message as it is now; `None`: it was deleted.
async fn as_it_is(bot: &Bot, part: Part) -> Result<Option<Part>, Failed> {
    // What was said elsewhere stays as it was.
    let Some((channel, message)) = ids(&part.source) else {
        return Ok(Some(part));
    };
    match bot.rest.message(channel, message).await {
        Ok(message) => Ok(Some(reworded(bot, part, &message))),
        Err(Trouble::Refused {
            code: UNKNOWN_MESSAGE,
            ..
        }) => Ok(None),
        // What may not be read stays as it was.
        Err(Trouble::Refused { .. }) => Ok(Some(part)),
        Err(trouble) => Err(trouble.into()),
    }
}

/// What a message says now, if its author has changed that. What stood in the thread before it stays.
fn reworded(bot: &Bot, part: Part, message: &Message) -> Part {
    if message.edited_timestamp.is_none() {
        return part;
    }
    let text = format!("{}{}", before::part_of(&part.text), said(bot, message).text());
    Part { text, ..part }
}

/// The turn of a message, if it waits: in the thread that it was said in, or that was opened from it. Whether it answers that
/// message alone.
async fn waits(bot: &Bot, channel: Id, message: Id) -> Result<Option<(Turn, bool)>, Failed> {
    let served = [channel, message]
        .into_iter()
        .filter(|id| bot.places.is_served(*id));
    for thread in served.filter_map(thread) {
        let queued = bot.house.conversation.queued(&thread).await;
        for turn in queued.map_err(SupervisorError::from)? {
            let parts = parts_of(bot, &turn).await?;
            let is_it = |part: &Part| ids(&part.source) == Some((channel, message));
            if parts.iter().any(is_it) {
                return Ok(Some((turn, parts.len() == 1)));
            }
        }
    }
    Ok(None)
}

/// Errors: not now.
pub(super) async fn amend(bot: &Bot, turn: &Turn, amended: Amended) -> Result<(), Failed> {
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
