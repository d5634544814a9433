//! Threads that somebody took the bot out of. It says nothing more there, and hears only who calls it; that brings it back.
//! Discord tells of it when it happens, and of who is a member of a thread whenever it tells of the thread
//! (<https://discord.com/developers/docs/topics/threads#thread-membership>).

use std::collections::BTreeSet;
use std::sync::Arc;

use serenity::all::{Guild, ThreadListSyncEvent, ThreadMembersUpdateEvent};

use crate::discord::admission::Id;
use crate::discord::bot::Bot;
use crate::discord::places::thread;

/// Somebody came into a thread, or went. Who takes the bot in again without a word has not called it.
pub(super) fn changed(bot: &Arc<Bot>, event: &ThreadMembersUpdateEvent) {
    let us = bot.identity.user;
    if event.removed_member_ids.iter().any(|gone| gone.get() == us) {
        // What was said before still counts.
        behind(bot, event.id.get(), |bot, thread| async move {
            bot.is_taken_out_of(thread);
        });
    }
}

/// A guild tells of its open threads; those that the bot is a member of say so.
pub(super) fn told_by_guild(bot: &Arc<Bot>, guild: &Guild) {
    for thread in guild.threads.iter().filter(|thread| thread.member.is_none()) {
        is_missing(bot, thread.id.get());
    }
}

/// The same of channels that the bot has come to see.
pub(super) fn told_by_list(bot: &Arc<Bot>, event: &ThreadListSyncEvent) {
    let ours: BTreeSet<Id> = event.members.iter().map(|member| member.id.get()).collect();
    let threads = event.threads.iter().map(|thread| thread.id.get());
    for thread in threads.filter(|thread| !ours.contains(thread)) {
        is_missing(bot, thread);
    }
}

/// The bot is no member of a thread. If it has spoken there it was one, and was taken out while nobody told; else it may not
/// have come so far.
pub(in crate::discord) fn is_missing(bot: &Arc<Bot>, thread: Id) {
    if bot.places.listens(thread) {
        behind(bot, thread, |bot, thread| async move {
            if has_spoken(&bot, thread).await {
                bot.is_taken_out_of(thread);
            }
        });
    }
}

async fn has_spoken(bot: &Bot, channel: Id) -> bool {
    let Some(thread) = thread(channel) else {
        return false;
    };
    match bot.house.conversation.delivered(&thread).await {
        Ok(said) => !said.is_empty(),
        Err(error) => {
            tracing::warn!(channel, %error, "could not look up whether the bot was taken out of a thread; it stays");
            false
        }
    }
}

/// After all that came before in the thread.
fn behind<Work>(bot: &Arc<Bot>, thread: Id, work: impl FnOnce(Arc<Bot>, Id) -> Work)
where
    Work: Future<Output = ()> + Send + 'static,
{
    if bot.places.is_served(thread) || bot.is_busy(thread) {
        bot.in_order(thread, work(Arc::clone(bot), thread));
    }
}

impl Bot {
    fn is_taken_out_of(&self, thread: Id) {
        if let Some(all) = self.places.take_out(thread) {
            self.keep_taken_out(&all);
            self.falls_silent(thread);
            tracing::info!(
                thread,
                "the bot was taken out of a thread: it says nothing there until it is called"
            );
        }
    }

    /// Somebody calls it, or the thread is gone.
    pub(in crate::discord) fn is_no_longer_taken_out_of(&self, thread: Id) {
        if let Some(all) = self.places.take_in(thread) {
            self.keep_taken_out(&all);
        }
    }

    fn keep_taken_out(&self, all: &BTreeSet<Id>) {
        if let Err(error) = self.memory.set_taken_out(all) {
            tracing::warn!(%error, "could not write down which threads the bot was taken out of");
        }
    }
}
