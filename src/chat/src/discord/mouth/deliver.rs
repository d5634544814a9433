//! One request about one message, and what became of it. What is sent goes through the outbox: its identity is the same for
//! every try, so that nothing is said twice however often it is tried, and by whom.

use std::sync::Arc;

use super::{attach, unshown};
use crate::discord::admission::Id;
use crate::discord::bot::Bot;
use crate::discord::places;
use crate::discord::reconcile::{Bucket, Outcome, Request, RequestKind};
use crate::discord::rest::{Trouble, UNKNOWN_CHANNEL};

mod claim;
mod put;
mod send;

pub(in crate::discord) use put::outgoing;

use put::{delete, put};
use send::send;

/// Discord's code for a message that is not there.
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
            } else if let Some(outcome) = unshown::drawn_anew(&began, key, &answer) {
                outcome.into()
            } else {
                if answer.is_ok() {
                    attach::learn(bot, &began, channel, &message);
                }
                let done = changed(bot, channel, answer.map(|answer| (answer.id, answer.bucket)));
                if done.outcome == Outcome::Gone {
                    // Nobody told it, or not yet.
                    bot.deleted(channel, &[remote]);
                }
                done
            }
        }
        RequestKind::Delete { remote } => {
            let reply = delete(bot, channel, remote).await;
            match reply {
                // As it was to be.
                Err(Trouble::Refused { code: NO_MESSAGE, .. }) => Outcome::Gone.into(),
                reply => changed(bot, channel, reply.map(|reply| (remote, reply.bucket))),
            }
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
        if let Outcome::Done { remote } = done.outcome {
            bot.arrived(channel, &voice, remote);
        }
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
    if let Trouble::Refused {
        code: UNKNOWN_CHANNEL,
        ..
    } = trouble
    {
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
            code: UNKNOWN_CHANNEL | NO_MESSAGE,
            ..
        } => Outcome::Gone,
        trouble if trouble.is_unexplained() => Outcome::Barred,
        Trouble::Refused { .. } => Outcome::Refused,
        Trouble::Failed(_) | Trouble::NoToken => Outcome::Failed,
        Trouble::Barred(_) => Outcome::Barred,
        Trouble::Unknown(_) => Outcome::Unknown,
    }
}
