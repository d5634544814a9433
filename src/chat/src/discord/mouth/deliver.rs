//! One request about one message, and what became of it. What is sent goes through the outbox: its identity is the same for
//! every try, so that nothing is said twice however often it is tried, and by whom.

use std::sync::Arc;
use std::time::Duration;

use conversation::{
    Claim, ConversationError, Delivery, DeliveryState, NewDelivery, Outcome as Settled, ThreadId,
};
use credentials::Timestamp;
use serde_json::{Value, json};

use super::voice::Voice;
use super::{attach, lost};
use crate::discord::admission::Id;
use crate::discord::bot::Bot;
use crate::discord::files;
use crate::discord::places;
use crate::discord::reconcile::{Bucket, Outcome, Request, RequestKind};
use crate::discord::render::{self, Button, DesiredMessage, Key, Press, Style};
use crate::discord::rest::{Answered, NO_PERMISSION, Outgoing, Reply, TOO_LARGE, Trouble};

/// Longer than sending one message takes, as a rule. What takes longer is in doubt, and is looked for before it is sent again.
const LEASE: Duration = Duration::from_mins(3);
/// When the outbox is asked again for what it does not give out yet.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// Discord's codes for a thread that was put away, and for what is not there.
const ARCHIVED: i64 = 50_083;
const NO_CHANNEL: i64 = 10_003;
pub(super) const NO_MESSAGE: i64 = 10_008;

/// What became of a request.
struct Done {
    outcome: Outcome,
    bucket: Option<Bucket>,
    /// It is there, and says something older.
    stale: bool,
}

impl From<Outcome> for Done {
    fn from(outcome: Outcome) -> Self {
        Self {
            outcome,
            bucket: None,
            stale: false,
        }
    }
}

/// Does it, and says how it ended.
pub(super) async fn ask(bot: &Arc<Bot>, request: Request) {
    let Request {
        number,
        thread,
        key,
        kind,
    } = request;
    let channel = places::channel(&thread);
    let voice = || channel.and_then(|channel| bot.mouth.voices().get(&channel).cloned());
    let (Some(began), Some(channel)) = (voice(), channel) else {
        let mut reconciler = bot.mouth.reconciler();
        reconciler.ended((&thread, number), Outcome::Failed, None, bot.mouth.now());
        reconciler.forget(&thread);
        return;
    };
    let done = match kind {
        RequestKind::Send(message) => send(bot, &began, &thread, key, &message).await,
        RequestKind::Edit { remote, message } => {
            let outgoing = outgoing(bot, &thread, channel, &message).await;
            let answer = put(bot, (channel, Some(remote)), &message, outgoing).await;
            if attach::is_refused(&message, &answer) {
                attach::do_without(&began, &message).into()
            } else {
                if answer.is_ok() {
                    attach::learn(bot, &began, channel, &message);
                }
                changed(bot, channel, answer.map(|answer| (answer.id, answer.bucket)))
            }
        }
        RequestKind::Delete { remote } => {
            let reply = delete(bot, channel, remote).await;
            changed(bot, channel, reply.map(|reply| (remote, reply.bucket)))
        }
    };
    {
        let mut reconciler = bot.mouth.reconciler();
        let now = bot.mouth.now();
        let is_of_use = reconciler.ended((&thread, number), done.outcome, done.bucket, now);
        if let (Outcome::Done { remote }, true, true) = (done.outcome, done.stale, is_of_use) {
            // What it says is settled by the next edit.
            reconciler.found(&thread, key, remote, None);
        }
    }
    bot.mouth.wake.notify_one();
    // Whoever speaks now: it may be another one than the one that began this.
    if let Some(voice) = voice() {
        voice.answered.notify_one();
    }
}

fn changed(bot: &Arc<Bot>, channel: Id, answer: Result<(Id, Option<Bucket>), Trouble>) -> Done {
    match answer {
        Ok((remote, bucket)) => Done {
            outcome: Outcome::Done { remote },
            bucket,
            stale: false,
        },
        Err(trouble) => {
            if let Trouble::Refused { .. } | Trouble::Barred(_) = trouble {
                tracing::warn!(channel, %trouble, "a message could not be changed");
            }
            learn_of_the_end(bot, channel, &trouble);
            outcome(&trouble).into()
        }
    }
}

/// Discord may say in an answer that there is no such thread any more.
fn learn_of_the_end(bot: &Arc<Bot>, channel: Id, trouble: &Trouble) {
    if let Trouble::Refused { code: NO_CHANNEL, .. } = trouble {
        bot.gone(channel);
    }
}

fn outcome(trouble: &Trouble) -> Outcome {
    match trouble {
        Trouble::Limited { after, global } => Outcome::Limited {
            after: *after,
            global: *global,
        },
        Trouble::Refused {
            code: NO_CHANNEL | NO_MESSAGE,
            ..
        } => Outcome::Gone,
        Trouble::Refused { .. } => Outcome::Refused,
        Trouble::Failed(_) | Trouble::NoToken => Outcome::Failed,
        Trouble::Barred(_) => Outcome::Barred,
        Trouble::Unknown(_) => Outcome::Unknown,
    }
}

async fn send(bot: &Arc<Bot>, voice: &Voice, thread: &ThreadId, key: Key, message: &DesiredMessage) -> Done {
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
        Err(trouble) => Err(trouble),
    };
    let is_unattached = attach::is_refused(message, &answer);
    let settled = match &answer {
        Err(_) if is_unattached => Settled::NotSent {
            reason: "the bot may attach no files here".to_owned(),
            pause: Some(attach::SOON),
        },
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
        Err(trouble @ Trouble::Refused { .. }) => Settled::Refused {
            reason: refusal(trouble),
        },
    };
    let is_written = write_down(bot, voice, &delivery, settled).await;
    if is_unattached {
        return attach::do_without(voice, message).into();
    }
    match &answer {
        Ok(_) => attach::learn(bot, voice, channel, message),
        Err(trouble @ Trouble::Refused { .. }) => {
            tracing::warn!(%thread, "a message could not be sent: {}", refusal(trouble));
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

/// Why a message without files was refused.
fn refusal(trouble: &Trouble) -> String {
    match trouble {
        // Of a thread that is seen nothing else can be lacking.
        Trouble::Refused {
            code: NO_PERMISSION, ..
        } => format!("{trouble}: the bot lacks the permission Send Messages in Threads"),
        trouble => trouble.to_string(),
    }
}

/// Whether a delivery is ours to send.
enum Claimed {
    Ours(Box<Delivery>),
    /// It is there, under this name.
    Done(Id),
    /// The outbox does not give it out before so long.
    NotBefore(Duration),
    Never,
}

async fn claimed(
    bot: &Bot,
    voice: &Voice,
    thread: &ThreadId,
    key: Key,
    message: &DesiredMessage,
) -> Result<Claimed, ConversationError> {
    let conversation = &bot.house.conversation;
    let part = key.delivery_part();
    let known = voice.deliveries().get(&part).cloned();
    let delivery = if let Some(known) = known {
        conversation.delivery(known.id).await?
    } else {
        // Its first words name it for good, whatever it says when it is there.
        let new = NewDelivery {
            thread: thread.clone(),
            turn: key.turn,
            part,
            text: message.content.clone(),
        };
        let put = conversation.put_deliveries(vec![new]).await?;
        let Some(delivery) = put.into_iter().next() else {
            return Ok(Claimed::NotBefore(LOOK_AGAIN));
        };
        delivery
    };
    voice.deliveries().insert(part, delivery.clone());
    match delivery.state {
        DeliveryState::Delivered => {
            let remote = delivery.remote.as_deref().and_then(|remote| remote.parse().ok());
            return Ok(remote.map_or(Claimed::Never, Claimed::Done));
        }
        DeliveryState::NeedsAttention | DeliveryState::GivenUp => return Ok(Claimed::Never),
        DeliveryState::Pending | DeliveryState::Sent | DeliveryState::Uncertain => {}
    }
    let claim = Claim {
        now: Timestamp::now(),
        lease: LEASE,
        limit: 1,
        front_end: None,
        only: Some(delivery.id),
        text: Some(message.content.clone()),
    };
    let ours = conversation.claim_deliveries(claim).await?;
    if let Some(ours) = ours.into_iter().next() {
        return Ok(Claimed::Ours(Box::new(ours)));
    }
    // Where it is not its pause, something before it in the thread is still on its way.
    bot.take_up_before(voice, &delivery).await?;
    let pause = delivery.next_try.since(Timestamp::now()).max(LOOK_AGAIN);
    Ok(Claimed::NotBefore(pause))
}

/// As it is sent.
pub(in crate::discord) async fn outgoing(
    bot: &Bot,
    thread: &ThreadId,
    channel: Id,
    message: &DesiredMessage,
) -> Outgoing {
    let limit = bot.look(channel).upload_limit;
    let (files, missing) = files::give(bot, thread, &message.files, limit).await;
    Outgoing {
        rows: rows(bot, channel, message, missing.is_empty()),
        content: render::with_lines(message.content.clone(), &missing),
        files,
        ..Outgoing::default()
    }
}

/// Its row of buttons. `is_whole`: all that belongs to it can be read; else it lets nothing be done.
fn rows(bot: &Bot, channel: Id, message: &DesiredMessage, is_whole: bool) -> Vec<Value> {
    let buttons = message.buttons.iter();
    let buttons = buttons.filter(|button| is_whole || !button.allows());
    let buttons: Vec<Value> = buttons
        .filter_map(|button| button_json(bot, channel, button))
        .collect();
    if buttons.is_empty() {
        return vec![];
    }
    vec![json!({ "type": 1, "components": buttons })]
}

/// Sends a message, or changes the one that is there; without its files where Discord takes less than it says, and where they
/// are there already and it takes no others.
async fn put(
    bot: &Bot,
    (channel, there): (Id, Option<Id>),
    message: &DesiredMessage,
    outgoing: Outgoing,
) -> Result<Answered, Trouble> {
    let count = outgoing.files.len();
    if count == 0 {
        return put_once(bot, channel, there, outgoing).await;
    }
    match put_once(bot, channel, there, outgoing.clone()).await {
        Err(Trouble::Refused {
            status: TOO_LARGE, ..
        }) => {
            let mut refused = vec!["Discord did not take the file: it is too large for it here.".to_owned()];
            if message.buttons.iter().any(Button::allows) {
                refused.push(
                    "What nobody can read can't be allowed here: decide on the page of this host.".to_owned(),
                );
            }
            let bare = Outgoing {
                content: render::with_lines(outgoing.content, &refused),
                rows: rows(bot, channel, message, false),
                files: vec![],
                ..outgoing
            };
            put_once(bot, channel, there, bare).await
        }
        Err(
            refused @ Trouble::Refused {
                code: NO_PERMISSION, ..
            },
        ) if there.is_some() => {
            let bare = Outgoing {
                files: vec![],
                ..outgoing
            };
            let answer = put_once(bot, channel, there, bare).await?;
            if answer.files < count {
                Err(refused)
            } else {
                Ok(answer)
            }
        }
        answer => answer,
    }
}

async fn put_once(
    bot: &Bot,
    channel: Id,
    there: Option<Id>,
    outgoing: Outgoing,
) -> Result<Answered, Trouble> {
    let Some(remote) = there else {
        return bot.rest.send(channel, outgoing, false).await;
    };
    let edited = bot.rest.edit(channel, remote, outgoing.clone()).await;
    if is_woken(bot, channel, &edited).await {
        return bot.rest.edit(channel, remote, outgoing).await;
    }
    edited
}

async fn delete(bot: &Bot, channel: Id, remote: Id) -> Result<Reply, Trouble> {
    let deleted = bot.rest.delete(channel, remote).await;
    if is_woken(bot, channel, &deleted).await {
        return bot.rest.delete(channel, remote).await;
    }
    deleted
}

/// Whether it was refused because the thread was put away, which it is no longer. (A new message wakes it by itself.)
async fn is_woken<T>(bot: &Bot, channel: Id, answer: &Result<T, Trouble>) -> bool {
    matches!(answer, Err(Trouble::Refused { code: ARCHIVED, .. })) && bot.rest.wake(channel).await.is_ok()
}

fn button_json(bot: &Bot, channel: Id, button: &Button) -> Option<Value> {
    let style = match button.style {
        Style::Primary => 1,
        Style::Secondary => 2,
        Style::Success => 3,
        Style::Danger => 4,
    };
    match &button.press {
        Press::Open(url) => Some(json!({ "type": 2, "style": 5, "label": button.label, "url": url })),
        Press::Action(action) => {
            let custom_id = bot.sealer.encode(channel, action).ok()?;
            Some(json!({ "type": 2, "style": style, "label": button.label, "custom_id": custom_id }))
        }
    }
}
