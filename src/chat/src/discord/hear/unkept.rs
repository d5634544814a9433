//! A message that this host can't write down yet, as on a full disk: whoever wrote it sees that it waits, for which no disk is
//! needed.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::future::pending;
use std::sync::Arc;

use serenity::all::{Message, MessageReaction};
use tokio::sync::watch;

use super::Failed;
use super::answer::say;
use super::deal::{Came, is_turn};
use super::weigh::weighed;
use crate::discord::admission::{Id, Verdict};
use crate::discord::bot::Bot;
use crate::discord::places::Spot;
use crate::discord::render::WAITS;

/// Messages that can't be written down, each behind its channel.
#[derive(Debug, Default)]
pub(in crate::discord) struct Unkept(watch::Sender<BTreeSet<(Id, Id)>>);

impl Unkept {
    pub(in crate::discord) fn begins(&self, channel: Id, message: Id) {
        self.0.send_if_modified(|all| all.insert((channel, message)));
    }

    /// A message is dealt with.
    pub(in crate::discord) fn ends(&self, channel: Id, message: Id) {
        self.0.send_if_modified(|all| all.remove(&(channel, message)));
    }

    /// Ends when a message of the channel can't be written down, or the one that its thread was opened from.
    async fn holds_up(&self, channel: Id) {
        if self.0.subscribe().wait_for(holding_up(channel)).await.is_err() {
            pending::<()>().await;
        }
    }
}

fn holding_up(channel: Id) -> impl FnMut(&BTreeSet<(Id, Id)>) -> bool {
    // A thread that was opened from a message has its id.
    move |all| {
        all.iter()
            .any(|(place, message)| [*place, *message].contains(&channel))
    }
}

/// Messages of one channel wait for one before them. While that can't be written down, neither can they: whoever wrote them sees
/// that, too.
pub(in crate::discord) async fn wait_behind(bot: &Bot, waiting: &[Arc<Came>]) -> Infallible {
    if let Some(first) = waiting.first() {
        bot.unkept.holds_up(first.message.channel_id.get()).await;
    }
    for came in waiting {
        show_behind(bot, came).await;
    }
    pending().await
}

/// The same of a message that is tried itself, and waits for another one.
pub(super) async fn show_waiting(bot: &Bot, came: &Came) {
    let channel = came.message.channel_id.get();
    let mut is_held_up = holding_up(channel);
    if is_held_up(&bot.unkept.0.borrow()) {
        show_behind(bot, came).await;
    }
}

async fn show_behind(bot: &Bot, came: &Came) {
    let (channel, id) = (came.message.channel_id.get(), came.message.id.get());
    // What can't be known now is known when it is dealt with.
    if !has_another_sign(&came.message) && is_asked(bot, came).await.unwrap_or_default() {
        bot.signs.waits(channel, id);
    }
}

/// Whether a message is to become a turn.
async fn is_asked(bot: &Bot, came: &Came) -> Result<bool, Failed> {
    let message = &came.message;
    let (channel, id) = (message.channel_id.get(), message.id.get());
    if bot.trying.is_deleted(id) || (came.late && is_turn(bot, channel, id).await?) {
        return Ok(false);
    }
    let spot = match came.guild {
        None => Spot::DIRECT,
        Some(_) => bot.spot(channel).await?,
    };
    let verdict = weighed(bot, message, came.guild, spot).await?.verdict;
    Ok(matches!(
        verdict,
        Verdict::Turn | Verdict::Join | Verdict::OpenThread
    ))
}

/// Shows it by a sign, and says it, but no more often than a refusal. Both are a help, no more: what Discord does not take is
/// not tried again here. What passes before the second try needs none.
pub(super) async fn show(bot: &Bot, came: &Came, why: &str, tries: u32) {
    let message = &came.message;
    let (channel, id) = (message.channel_id.get(), message.id.get());
    if tries == 0 {
        return;
    }
    bot.unkept.begins(channel, id);
    if has_another_sign(message) {
        return;
    }
    bot.signs.waits(channel, id);
    if !bot.tell_refusal(channel, message.author.id.get()) {
        return;
    }
    let words = format!(
        "{WAITS} I can't take this in now: {why}. I try again until I can; you need not write it again."
    );
    if let Err(trouble) = say(bot, message, &words, came.late || tries > 1).await {
        tracing::info!(channel, %trouble, "it could not be said that a message waits");
    }
}

/// Whether an earlier host left on a message that it waits.
pub(super) fn was_shown(message: &Message) -> bool {
    signs(message).any(is_waiting)
}

/// One with another sign is a turn of an earlier host, and shows how that stands.
fn has_another_sign(message: &Message) -> bool {
    signs(message).any(|sign| !is_waiting(sign))
}

fn signs(message: &Message) -> impl Iterator<Item = &MessageReaction> {
    message.reactions.iter().filter(|sign| sign.me)
}

/// Whether a sign of the bot's says no more than that the message waits.
pub(super) fn is_waiting(sign: &MessageReaction) -> bool {
    sign.reaction_type.unicode_eq(WAITS)
}
