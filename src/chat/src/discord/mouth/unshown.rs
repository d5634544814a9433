//! Messages whose words Discord does not take, as those with a link that it lists as harmful: noticed by what it refuses. A card
//! then says so in place of its words, and lets nothing be allowed.

use std::collections::BTreeSet;
use std::sync::Mutex;

use super::attach::SOON;
use super::voice::Voice;
use crate::discord::places::lock;
use crate::discord::reconcile::Outcome;
use crate::discord::render::Key;
use crate::discord::rest::{Answered, Trouble};

/// Such messages of a thread, whichever posting of their card they are of.
#[derive(Default)]
pub(super) struct Unshown(Mutex<BTreeSet<Key>>);

impl Unshown {
    pub(super) fn all(&self) -> BTreeSet<Key> {
        lock(&self.0).clone()
    }

    fn learn(&self, key: Key) -> bool {
        lock(&self.0).insert(key.posted(0))
    }
}

/// Where Discord refuses the words of a message for the first time: what follows, since it may be drawn without them now. Of
/// what is drawn with them all the same, as everything but a card, the next refusal counts.
pub(super) fn drawn_anew(voice: &Voice, key: Key, answer: &Result<Answered, Trouble>) -> Option<Outcome> {
    if !answer.as_ref().is_err_and(Trouble::is_of_words) || !voice.unshown.learn(key) {
        return None;
    }
    voice.look();
    Some(Outcome::NotYet { after: SOON })
}
