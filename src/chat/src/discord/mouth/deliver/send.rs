//! A message that is new: sent if it is ours to send and not there already, and written down.

use std::sync::Arc;

use conversation::{ConversationError, Delivery, DeliveryState, Outcome as Settled, ThreadId};
use credentials::Timestamp;

use super::claim::{Claimed, claimed};
use super::put::{outgoing, put};
use super::{Done, learn_of_the_end, outcome};
use crate::discord::admission::Id;
use crate::discord::bot::Bot;
use crate::discord::mouth::voice::Voice;
use crate::discord::mouth::{attach, lost, unshown};
use crate::discord::places;
use crate::discord::reconcile::Outcome;
use crate::discord::render::{DesiredMessage, Key};
use crate::discord::rest::{Answered, NO_PERMISSION, Trouble};

pub(super) async fn send(
    bot: &Arc<Bot>,
    voice: &Voice,
    thread: &ThreadId,
    key: Key,
    message: &DesiredMessage,
) -> Done {
    let Some(channel) = places::channel(thread) else {
        return Outcome::Gone.into();
    };
    let delivery = match claimed(bot, voice, thread, key, message).await {
        Ok(Claimed::Ours(delivery)) => delivery,
        Ok(Claimed::Done(remote)) => {
            return Done {
                outcome: Outcome::Done { remote },
                bucket: None,
                stale: true,
            };
        }
        Ok(Claimed::NotBefore(after)) => return Outcome::NotYet { after }.into(),
        Ok(Claimed::Never) => return Outcome::Refused.into(),
        Err(error) => {
            warn(thread, &error, "the outbox can't be used");
            return Outcome::Failed.into();
        }
    };
    let mut needed = "Send Messages in Threads";
    let answer = match lost::found(bot, channel, &delivery).await {
        Ok(Some(answer)) => Ok(answer),
        Ok(None) => {
            let tried = DesiredMessage {
                content: delivery.text.clone().unwrap_or_else(|| message.content.clone()),
                ..message.clone()
            };
            let mut outgoing = outgoing(bot, thread, channel, &tried).await;
            outgoing.nonce = Some(bot.nonces.of(&delivery));
            put(bot, (channel, None), &tried, outgoing).await
        }
        // Whether it is there is still not known.
        Err(trouble) => {
            needed = "Read Message History";
            Err(trouble)
        }
    };
    let is_unattached = attach::is_refused(message, &answer);
    let drawn_anew = unshown::drawn_anew(voice, key, &answer);
    let settled = match &answer {
        Err(trouble) if drawn_anew.is_some() => Settled::NotSent {
            reason: trouble.to_string(),
            pause: Some(attach::SOON),
        },
        Err(_) if is_unattached => Settled::NotSent {
            reason: "the bot may attach no files here".to_owned(),
            pause: Some(attach::SOON),
        },
        answer => settled(answer, |trouble| refusal(bot, channel, trouble, needed)),
    };
    let is_written = write_down(bot, voice, &delivery, settled).await;
    if is_unattached {
        return attach::do_without(voice, message).into();
    }
    if let Some(outcome) = drawn_anew {
        return outcome.into();
    }
    match &answer {
        Ok(_) => attach::learn(bot, voice, channel, message),
        Err(trouble) if trouble.is_unexplained() => {
            tracing::warn!(%thread, %trouble, "a message could not be sent; trying again");
        }
        Err(trouble @ Trouble::Refused { .. }) => {
            tracing::warn!(%thread, "a message could not be sent: {}", refusal(bot, channel, trouble, needed));
        }
        Err(_) => {}
    }
    let done = match answer {
        Ok(answer) => Done {
            outcome: Outcome::Done { remote: answer.id },
            bucket: answer.bucket,
            // What was in doubt may have been sent with other buttons, too.
            stale: delivery.doubt.is_some() || answer.content.trim() != message.content.trim(),
        },
        Err(trouble) => {
            learn_of_the_end(bot, channel, &trouble);
            match outcome(&trouble) {
                // What the message answers or the like: it itself is not there.
                Outcome::Gone => Outcome::Refused.into(),
                outcome => outcome.into(),
            }
        }
    };
    match done.outcome {
        // What the outbox has on its way all the same holds up all that comes behind it: it is to be claimed once more.
        Outcome::Done { .. } | Outcome::Refused if !is_written => Outcome::Unknown.into(),
        _ => done,
    }
}

/// What is written down of a try. `refusal`: why a message was refused, in words.
fn settled(answer: &Result<Answered, Trouble>, refusal: impl Fn(&Trouble) -> String) -> Settled {
    match answer {
        Ok(answer) => Settled::Delivered {
            remote: Some(answer.id.to_string()),
        },
        Err(Trouble::Limited { after, .. }) => Settled::NotSent {
            reason: "too many requests".to_owned(),
            pause: Some(*after),
        },
        Err(trouble @ (Trouble::Failed(_) | Trouble::Barred(_) | Trouble::NoToken)) => Settled::NotSent {
            reason: trouble.to_string(),
            pause: None,
        },
        Err(trouble @ Trouble::Unknown(_)) => Settled::Unknown {
            reason: trouble.to_string(),
        },
        Err(trouble) if trouble.is_unexplained() => Settled::NotSent {
            reason: trouble.to_string(),
            pause: None,
        },
        Err(trouble @ Trouble::Refused { .. }) => Settled::Refused {
            reason: refusal(trouble),
        },
    }
}

/// Writes down what became of a try. Whether the outbox has the delivery on its way no longer.
async fn write_down(bot: &Bot, voice: &Voice, delivery: &Delivery, settled: Settled) -> bool {
    let conversation = &bot.house.conversation;
    let written = conversation.settle_delivery(delivery, settled, Timestamp::now());
    match written.await {
        Ok(delivery) => {
            let is_ended = !matches!(
                delivery.state,
                DeliveryState::Pending | DeliveryState::Sent | DeliveryState::Uncertain
            );
            voice.deliveries().insert(delivery.part, delivery);
            is_ended
        }
        Err(error) => {
            let what = "what became of a message could not be written down";
            warn(&delivery.thread, &error, what);
            false
        }
    }
}

/// At its end the host closes the book: the next one takes up what was left.
fn warn(thread: &ThreadId, error: &ConversationError, what: &str) {
    if matches!(error, ConversationError::Closed) {
        tracing::debug!(%thread, %error, "{what}");
    } else {
        tracing::warn!(%thread, %error, "{what}");
    }
}

/// Why a message without files was refused. `needed`: of a thread that is seen nothing else can be lacking.
fn refusal(bot: &Bot, channel: Id, trouble: &Trouble, needed: &str) -> String {
    match trouble {
        trouble if bot.places.is_gone(channel) => format!("{trouble}: the bot was removed from its server"),
        Trouble::Refused {
            code: NO_PERMISSION, ..
        } => format!("{trouble}: the bot lacks the permission {needed}"),
        trouble => trouble.to_string(),
    }
}
