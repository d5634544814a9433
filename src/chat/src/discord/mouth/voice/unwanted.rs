//! What was begun to be said, and is not wanted any more: what comes after it in its thread would wait for it for ever.

use conversation::{Delivery, DeliveryState, ItemId, Outcome};
use credentials::Timestamp;

use super::Voice;
use super::scene::Scene;
use crate::discord::bot::Bot;
use crate::discord::mouth::lost;
use crate::discord::render::{DesiredMessage, Key};
use crate::discord::rest::Trouble;

/// Whether it waits for its next try.
pub(super) fn waits(delivery: &Delivery) -> bool {
    matches!(delivery.state, DeliveryState::Pending | DeliveryState::Uncertain)
}

impl Voice {
    /// Gives up what waits to be said of turns that are over, and is not among their messages: while an answer was written its
    /// last words may have made a message that the whole of it has not. What may be there is looked for, and then goes with all
    /// else that is not wanted. Whether something of it is left.
    pub(super) async fn give_up_unwanted(
        &self,
        bot: &Bot,
        scene: &Scene,
        messages: &[DesiredMessage],
        upto: ItemId,
    ) -> bool {
        let is_unwanted = |delivery: &&Delivery| {
            let key = Key::of_part(delivery.turn, delivery.part);
            waits(delivery)
                && !key.is_note()
                && key.item > upto
                && key.turn.is_none_or(|turn| scene.is_over(turn))
                && messages.iter().all(|message| message.key != key)
        };
        let unwanted: Vec<Delivery> = self.deliveries().values().filter(is_unwanted).cloned().collect();
        let mut is_left = false;
        for delivery in unwanted {
            match lost::found(bot, self.channel, &delivery).await {
                Ok(Some(there)) => is_left |= !self.is_there(bot, delivery, there.id).await,
                // What may not be read can't be taken away, either.
                Ok(None) | Err(Trouble::Refused { .. }) => {
                    let delivery = give_up(bot, delivery).await;
                    is_left |= waits(&delivery);
                    self.deliveries().insert(delivery.part, delivery);
                }
                Err(_) => is_left = true,
            }
        }
        is_left
    }

    /// Writes down that it arrived. Whether that could be done.
    async fn is_there(&self, bot: &Bot, delivery: Delivery, remote: u64) -> bool {
        let arrived = Outcome::Delivered {
            remote: Some(remote.to_string()),
        };
        let conversation = &bot.house.conversation;
        let settled = conversation.settle_delivery(&delivery, arrived, Timestamp::now());
        let Ok(delivery) = settled.await else {
            return false;
        };
        let key = Key::of_part(delivery.turn, delivery.part);
        let mut reconciler = bot.mouth.reconciler();
        reconciler.found(&delivery.thread, key, remote, None);
        drop(reconciler);
        self.deliveries().insert(delivery.part, delivery);
        true
    }
}

/// Gives up what waits of an entry that has died with an earlier host, or is not wanted any more. The delivery as it is then.
pub(super) async fn give_up(bot: &Bot, delivery: Delivery) -> Delivery {
    if !waits(&delivery) {
        return delivery;
    }
    let thread = delivery.thread.clone();
    match bot.house.conversation.skip_delivery(delivery.id).await {
        Ok(delivery) => {
            tracing::info!(%thread, "gave up the beginning of what nobody will say any more");
            delivery
        }
        Err(error) => {
            tracing::warn!(%thread, %error, "could not give up a message that nobody will say");
            delivery
        }
    }
}
