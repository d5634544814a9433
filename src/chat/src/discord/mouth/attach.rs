//! Where the bot may attach no files: it is noticed by what Discord refuses, and what would be in a file is said as text then.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use conversation::{Delivery, Item, ItemId, TurnId};

use super::voice::Voice;
use crate::discord::admission::Id;
use crate::discord::bot::Bot;
use crate::discord::reconcile::Outcome;
use crate::discord::render::{self, DesiredMessage, Key};
use crate::discord::rest::{Answered, NO_PERMISSION, Trouble};

/// So long after the refusal the thread is told otherwise: until then its voice knows.
pub(super) const SOON: Duration = Duration::from_millis(200);

/// Channels in which it may not.
#[derive(Default)]
pub(super) struct Channels(Mutex<BTreeSet<Id>>);

/// From which entry on turns of a thread are told without files. The next turn tries them again.
#[derive(Default)]
pub(super) struct From(Mutex<BTreeMap<Option<TurnId>, ItemId>>);

impl Channels {
    fn known(&self) -> MutexGuard<'_, BTreeSet<Id>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl From {
    fn known(&self) -> MutexGuard<'_, BTreeMap<Option<TurnId>, ItemId>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// With those turns that were told so before, also by an earlier host: what was begun as text goes on as text.
    pub(super) fn all<'a>(
        &self,
        deliveries: impl IntoIterator<Item = &'a Delivery>,
        items: &BTreeMap<ItemId, Item>,
    ) -> BTreeMap<Option<TurnId>, ItemId> {
        let mut known = self.known().clone();
        for delivery in deliveries {
            let key = Key::of_part(delivery.turn, delivery.part);
            let item = items.get(&key.item);
            if item.is_some_and(|item| render::is_unattached(item, key)) {
                lower(&mut known, key);
            }
        }
        known
    }

    fn holds(&self, key: Key) -> bool {
        self.known().get(&key.turn).is_some_and(|from| key.item >= *from)
    }
}

fn lower(known: &mut BTreeMap<Option<TurnId>, ItemId>, key: Key) {
    let from = known.entry(key.turn).or_insert(key.item);
    *from = key.item.min(*from);
}

/// Whether Discord refused a message for its files, as far as can be known before it is said without them.
pub(super) fn is_refused(message: &DesiredMessage, answer: &Result<Answered, Trouble>) -> bool {
    !message.files.is_empty()
        && matches!(
            answer,
            Err(Trouble::Refused {
                code: NO_PERMISSION,
                ..
            })
        )
}

/// Has what is in these files said as text, and what comes after it in its turn.
pub(super) fn do_without(voice: &Voice, message: &DesiredMessage) -> Outcome {
    lower(&mut voice.without_files.known(), message.key);
    voice.look();
    Outcome::NotYet { after: SOON }
}

/// A message is there: what that says about files.
pub(super) fn learn(bot: &Arc<Bot>, voice: &Voice, channel: Id, message: &DesiredMessage) {
    let place = bot.places.of_permissions(channel);
    let known = &bot.mouth.without_files;
    if !message.files.is_empty() {
        known.known().remove(&place);
    } else if voice.without_files.holds(message.key) && known.known().insert(place) {
        tracing::warn!(
            channel = place,
            "the bot lacks the permission Attach Files: what would be in a file is said as text"
        );
    }
}

impl Bot {
    /// Channels in which the bot may attach no files, as far as it has tried.
    pub(in crate::discord) fn without_files(&self) -> Vec<Id> {
        self.mouth.without_files.known().iter().copied().collect()
    }

    /// Permissions may be others now: in a channel, or everywhere in a guild.
    pub(super) fn may_attach_again(&self, guild: Id, channel: Option<Id>) {
        let is_there = |place: &Id| {
            let known = self.places.spot(*place).and_then(|spot| spot.guild);
            channel.is_none_or(|channel| channel == *place) && known.is_none_or(|known| known == guild)
        };
        self.mouth.without_files.known().retain(|place| !is_there(place));
    }
}

#[cfg(test)]
mod tests {
    use conversation::{Body, DeliveryId, DeliveryState, ThreadId};
    use credentials::Timestamp;

    use super::*;
    use crate::discord::split::MOST_PARTS;

    #[test]
    fn a_turn_with_more_messages_than_it_has_with_files_goes_on_without_them() {
        let at = Timestamp::from_seconds(0);
        let thread = ThreadId::parse("discord:1").unwrap();
        let turn = Some(TurnId(2));
        let item = Item {
            id: ItemId(7),
            thread: thread.clone(),
            turn,
            at,
            body: Body::Answer {
                text: "long".to_owned(),
            },
        };
        let items = BTreeMap::from([(item.id, item.clone())]);
        let posted = |part: usize| Delivery {
            id: DeliveryId(1),
            thread: thread.clone(),
            turn,
            part: Key {
                part: u16::try_from(part).unwrap(),
                ..Key::of(&item)
            }
            .delivery_part(),
            hash: String::new(),
            text: None,
            state: DeliveryState::GivenUp,
            tries: 0,
            next_try: at,
            claimed: None,
            lease: None,
            doubt: None,
            remote: None,
            reason: None,
            created: at,
            ended: None,
        };
        let begun = |part| From::default().all(&[posted(part)], &items);
        assert_eq!(begun(MOST_PARTS), BTreeMap::new());
        assert_eq!(begun(MOST_PARTS + 1), BTreeMap::from([(turn, item.id)]));
    }
}
