//! What could not be said is said again, in its place: the thread is looked at anew from there on.

use std::collections::BTreeSet;
use std::sync::Arc;

use conversation::{ConversationError, Delivery, DeliveryState, Item, ItemId, TurnId};
use credentials::Timestamp;
use serenity::all::Permissions;

use crate::discord::FRONT_END;
use crate::discord::admission::Id;
use crate::discord::bot::Bot;
use crate::discord::memory::{Rest, Told};
use crate::discord::mouth::voice::Voice;
use crate::discord::places::{self, lock, thread};
use crate::discord::render::Key;

/// Messages of one thread that are tried again at once.
const MOST: usize = 100;

impl Bot {
    /// Tries once more what could not be said or changed in a thread. How many messages that is; those that could not be
    /// changed count as one.
    pub(in crate::discord) async fn say_again(self: &Arc<Self>, channel: Id) -> usize {
        self.mouth.chances().forget(channel);
        self.try_again(channel).await
    }

    /// The same by itself, which changes nothing in how often that is done.
    pub(super) async fn try_again(self: &Arc<Self>, channel: Id) -> usize {
        let is_stale = self.look_at_stale(channel);
        let given = self.give_out_again(channel).await.unwrap_or_else(|error| {
            tracing::warn!(channel, %error, "the outbox can't be used");
            0
        });
        let count = given + usize::from(is_stale);
        if count > 0 {
            tracing::info!(channel, count, "what could not be said is tried again");
            self.speak_in(channel).await;
        }
        count
    }

    /// What could not be said or changed in a channel and its threads is tried again: its permissions may be others. Without
    /// a channel, in all of the guild.
    pub(in crate::discord) fn say_again_in(self: &Arc<Self>, guild: Id, channel: Option<Id>) {
        let bot = Arc::clone(self);
        bot.may_attach_again(guild, channel);
        tokio::spawn(async move {
            let stuck = bot.house.conversation.stuck_deliveries(None, usize::MAX).await;
            let stuck = stuck.unwrap_or_default();
            let mut threads = bot.stale_threads();
            threads.extend(stuck.iter().filter_map(|one| places::channel(&one.thread)));
            let is_there = |thread| bot.may_reach(thread, guild, channel);
            for thread in threads.into_iter().filter(|thread| is_there(*thread)) {
                bot.say_again(thread).await;
            }
            bot.sign_again(is_there).await;
        });
    }

    /// Whether a channel or thread is in this guild, in this channel if one is given, and not known to be hidden: what is asked
    /// there then is refused.
    pub(in crate::discord) fn may_reach(&self, place: Id, guild: Id, channel: Option<Id>) -> bool {
        let given = || self.sight.given(guild, self.places.of_permissions(place));
        self.places.is_in(place, guild, channel) && given().contains(Permissions::VIEW_CHANNEL)
    }

    /// Signs that were refused in these channels are set. What lacked nothing but a sign is told from there on.
    pub(in crate::discord) async fn sign_again(
        self: &Arc<Self>,
        is_there: impl Fn(Id) -> bool + Send + Sync,
    ) {
        let signed = self.signs.again(is_there).await;
        // A thread that was opened from a message has its id.
        let threads: BTreeSet<Id> = signed
            .into_iter()
            .flat_map(|(channel, message)| [channel, message])
            .collect();
        for thread in threads {
            if self.places.is_served(thread) {
                self.say_again(thread).await;
            }
        }
    }

    /// Has a thread looked at again from where it shows less than was said. Whether it does.
    fn look_at_stale(&self, channel: Id) -> bool {
        let first = thread(channel).and_then(|thread| self.mouth.reconciler().stale(&thread));
        if let Some(voice) = self.mouth.voices().get(&channel) {
            match first {
                Some(first) => voice.again(ItemId(first.0 - 1)),
                // It may be about to write down that it could not say all.
                None => voice.stay(),
            }
        }
        let told = self.memory.told(channel);
        first.is_some() || told.is_some_and(|told| matches!(told.rest, Rest::Stale | Rest::Unsigned))
    }

    /// Messages that the outbox gives out once more. More than one task may do this in a thread.
    async fn give_out_again(&self, channel: Id) -> Result<usize, ConversationError> {
        let Some(thread) = thread(channel) else {
            return Ok(0);
        };
        let conversation = &self.house.conversation;
        let mut count = 0;
        for delivery in conversation.stuck_deliveries(Some(&thread), MOST).await? {
            match conversation.retry_delivery(delivery.id, Timestamp::now()).await {
                Ok(given) => {
                    self.look_again(channel, &given);
                    count += 1;
                }
                // Somebody else has given it out, or given it up.
                Err(ConversationError::NoDelivery(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(count)
    }

    /// The outbox gives out nothing behind a delivery that waits, and each thread has only what its voice knows of: what is in
    /// front of this one and could be sent, but is not, is taken up. Once for each of its tries: what the thread does not want
    /// to say yet waits.
    pub(super) async fn take_up_before(
        &self,
        voice: &Voice,
        behind: &Delivery,
    ) -> Result<(), ConversationError> {
        let waiting = self.house.conversation.waiting_in(&behind.thread).await?;
        let Some(first) = waiting.first().filter(|first| first.id < behind.id) else {
            return Ok(());
        };
        if first.state == DeliveryState::Sent || first.next_try > Timestamp::now() {
            return Ok(());
        }
        let this = Some((first.id, first.tries));
        let before = std::mem::replace(&mut *lock(&voice.taken_up), this);
        if before != this {
            tracing::info!(thread = %first.thread, delivery = first.id.0, "what others wait for is taken up");
            self.look_again(voice.channel, first);
        }
        Ok(())
    }

    /// Whatever an earlier host left in the outbox is said, however far it was told that its thread had got.
    pub(super) async fn take_up_deliveries(&self) {
        match self.house.conversation.waiting_deliveries(FRONT_END).await {
            Ok(waiting) => {
                for delivery in waiting {
                    if let Some(channel) = places::channel(&delivery.thread) {
                        self.look_again(channel, &delivery);
                    }
                }
            }
            Err(error) => tracing::warn!(%error, "the outbox can't be read"),
        }
    }

    /// Has a turn looked at again, of which something is otherwise now. `known`: the thread's newest entries.
    pub(in crate::discord) fn look_at_turn(&self, channel: Id, turn: TurnId, known: &[Item]) {
        let first = known.iter().find(|item| item.turn == Some(turn));
        if let (Some(first), Some(voice)) = (first, self.mouth.voices().get(&channel)) {
            voice.again(ItemId(first.id.0 - 1));
        }
    }

    /// The thread is looked at again from before what this became a part of; a note is of nothing.
    fn look_again(&self, channel: Id, delivery: &Delivery) {
        let key = Key::of_part(delivery.turn, delivery.part);
        let before = if key.is_note() {
            ItemId(i64::MAX)
        } else {
            ItemId(key.item.0 - 1)
        };
        let voices = self.mouth.voices();
        if let Some(voice) = voices.get(&channel) {
            voice.again(before);
        } else if let Some(told) = self.memory.told(channel) {
            let upto = told.upto.min(before);
            self.set_told(
                channel,
                Told {
                    upto,
                    rest: Rest::Open,
                },
            );
        }
    }
}
