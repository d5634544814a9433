//! What an earlier version of the host began to say in messages of its own, and what is said in another message now.

use std::collections::HashSet;

use conversation::{Delivery, DeliveryState, Outcome};
use credentials::Timestamp;

use super::{Voice, give_up};
use crate::discord::bot::Bot;
use crate::discord::mouth::lost;
use crate::discord::mouth::voice::scene::Scene;
use crate::discord::render::{DesiredMessage, Key};

impl Voice {
    /// What was begun, and may have been by an earlier host.
    pub(super) fn begun(&self) -> Vec<Delivery> {
        let is_begun = |delivery: &&Delivery| {
            let state = delivery.state;
            matches!(state, DeliveryState::Pending | DeliveryState::Uncertain)
        };
        self.deliveries().values().filter(is_begun).cloned().collect()
    }

    /// Of what was `begun`, nobody says any more what is not among these messages, and whatever comes after it in the outbox
    /// would wait for it for ever: it is given up, and what is there of it goes.
    pub(super) async fn drop_regrouped(
        &self,
        bot: &Bot,
        scene: &Scene,
        begun: Vec<Delivery>,
        messages: &[DesiredMessage],
    ) {
        let wanted: HashSet<i64> = messages
            .iter()
            .map(|message| message.key.delivery_part())
            .collect();
        for delivery in begun {
            let key = Key::of_part(delivery.turn, delivery.part);
            if key.is_note() || wanted.contains(&delivery.part) || !scene.items.contains_key(&key.item) {
                continue;
            }
            match lost::found(bot, self.channel, &delivery).await {
                Ok(Some(there)) => {
                    let settled = Outcome::Delivered {
                        remote: Some(there.id.to_string()),
                    };
                    let conversation = &bot.house.conversation;
                    let settled = conversation.settle_delivery(&delivery, settled, Timestamp::now());
                    if let Err(error) = settled.await {
                        tracing::warn!(thread = %delivery.thread, %error, "what became of a message could not be written down");
                    }
                    // Nobody wants it, so it is taken away.
                    bot.mouth
                        .reconciler()
                        .found(&delivery.thread, key, there.id, None);
                }
                Ok(None) => give_up(bot, &delivery).await,
                // The next host looks again.
                Err(trouble) => {
                    tracing::info!(thread = %delivery.thread, %trouble, "a message could not be looked for")
                }
            }
        }
    }
}
