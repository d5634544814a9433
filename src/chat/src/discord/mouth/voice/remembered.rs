//! What the outbox and Discord have of a thread already, so that a voice that begins says nothing twice.

use conversation::{ConversationError, DeliveryState, ItemId, TurnId};

use super::scene::Scene;
use super::{Voice, faces, unwanted};
use crate::discord::bot::Bot;
use crate::discord::render::{DesiredMessage, Key};

impl Voice {
    /// Learns what earlier hosts have sent of these turns, and what stands there of it.
    pub(super) async fn remember(
        &self,
        bot: &Bot,
        scene: &Scene,
        upto: ItemId,
    ) -> Result<(), ConversationError> {
        let conversation = &bot.house.conversation;
        let mut turns: Vec<Option<TurnId>> = scene.items.values().map(|item| item.turn).collect();
        // What belongs to no turn, notes among it.
        turns.push(None);
        // And what waits of turns that have no entries any more.
        let waiting = conversation.waiting_in(&scene.thread.id).await?;
        turns.extend(waiting.iter().map(|one| one.turn));
        turns.sort_unstable();
        turns.dedup();
        let mut there = vec![];
        for turn in turns {
            for delivery in conversation.deliveries(&scene.thread.id, turn).await? {
                let key = Key::of_part(turn, delivery.part);
                let remote = delivery.remote.as_deref().and_then(|id| id.parse().ok());
                if key.is_note()
                    && delivery.state != DeliveryState::NeedsAttention
                    && let Some(text) = &delivery.text
                {
                    self.notes().insert(key, DesiredMessage::new(key, text.clone()));
                }
                if delivery.state == DeliveryState::Delivered
                    && let Some(remote) = remote
                    && scene.items.contains_key(&key.item)
                    && !self.deliveries().contains_key(&delivery.part)
                {
                    there.push((key, remote));
                }
                let is_dead = !key.is_note() && key.item > upto && !scene.items.contains_key(&key.item);
                let delivery = if is_dead {
                    unwanted::give_up(bot, delivery).await
                } else {
                    delivery
                };
                self.deliveries().insert(delivery.part, delivery);
            }
        }
        let remotes = there.iter().map(|(_, remote)| *remote).collect();
        let mut faces = faces::read(bot, self.channel, remotes).await;
        let mut reconciler = bot.mouth.reconciler();
        for (key, remote) in there {
            reconciler.found(&scene.thread.id, key, remote, faces.remove(&remote));
        }
        Ok(())
    }
}
