//! Whether a message is ours to send: the outbox gives it to one at a time, and never twice.

use std::time::Duration;

use conversation::{Claim, ConversationError, Delivery, DeliveryState, NewDelivery, ThreadId};
use credentials::Timestamp;

use crate::discord::admission::Id;
use crate::discord::bot::Bot;
use crate::discord::mouth::voice::Voice;
use crate::discord::render::{DesiredMessage, Key};

/// Longer than sending one message takes, as a rule. What takes longer is in doubt, and is looked for before it is sent again.
const LEASE: Duration = Duration::from_mins(3);
/// When the outbox is asked again for what it does not give out yet.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Whether a delivery is ours to send.
pub(super) enum Claimed {
    Ours(Box<Delivery>),
    /// It is there, under this name.
    Done(Id),
    /// The outbox does not give it out before so long.
    NotBefore(Duration),
    Never,
}

pub(super) async fn claimed(
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
