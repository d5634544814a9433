//! Messages of the bot's that somebody deleted. They stay deleted, but for cards that wait for an answer: without them nobody
//! could give it, so they are posted anew, as often as makes sense.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use conversation::{Delivery, Item, ItemId};

use crate::discord::admission::Id;
use crate::discord::bot::Bot;
use crate::discord::mouth::voice::Voice;
use crate::discord::places::thread;
use crate::discord::render::{self, Key};

/// Deleted messages of a thread that are remembered while something happens in it: the newest. What was sent a moment ago may be
/// deleted before it is known which message it became.
const REMEMBERED: usize = 1000;

/// Messages of a thread that were deleted.
#[derive(Default)]
pub(super) struct Deleted(Mutex<BTreeSet<Id>>);

impl Deleted {
    fn known(&self) -> MutexGuard<'_, BTreeSet<Id>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, messages: &[Id]) {
        let mut known = self.known();
        known.extend(messages);
        while known.len() > REMEMBERED {
            known.pop_first();
        }
    }

    /// Which posting of each card is to stand there: the newest that was begun, also by an earlier host, or the one after it if
    /// that was deleted while an answer to it is waited for.
    pub(super) fn postings<'a>(
        &self,
        deliveries: impl IntoIterator<Item = &'a Delivery>,
        items: &BTreeMap<ItemId, Item>,
    ) -> BTreeMap<ItemId, u16> {
        let known = self.known();
        let mut postings = BTreeMap::new();
        for delivery in deliveries {
            let key = Key::of_part(delivery.turn, delivery.part);
            let remote = || delivery.remote.as_deref()?.parse::<Id>().ok();
            let is_deleted = || remote().is_some_and(|remote| known.contains(&remote));
            let posting = match items.get(&key.item) {
                Some(item) if render::waits(item) && is_deleted() => render::after(key.posting()),
                Some(item) if render::is_card(item) => key.posting(),
                _ => continue,
            };
            let newest = postings.entry(key.item).or_insert(posting);
            *newest = posting.max(*newest);
        }
        postings
    }
}

impl Bot {
    /// Messages in a channel are not there any more. Returns at once; twice does no harm.
    pub(in crate::discord) fn deleted(&self, channel: Id, messages: &[Id]) {
        let voice = self.mouth.voices().get(&channel).cloned();
        let (Some(voice), Some(thread)) = (voice, thread(channel)) else {
            return;
        };
        self.mouth.reconciler().deleted(&thread, messages);
        voice.deleted.add(messages);
        voice.look();
    }

    /// It is known now which message something became: it may have been deleted before that.
    pub(super) fn arrived(&self, channel: Id, voice: &Voice, message: Id) {
        if voice.deleted.known().contains(&message) {
            self.deleted(channel, &[message]);
        }
    }
}
