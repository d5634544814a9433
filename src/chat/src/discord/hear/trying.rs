//! Messages that are being dealt with, and which of them were deleted or changed meanwhile: what is no turn yet becomes none
//! then, or one in its new words.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use serenity::all::Timestamp;

use crate::discord::admission::Id;
use crate::discord::places::lock;

/// Messages that are being dealt with. Cloned, it is the same.
#[derive(Debug, Clone, Default)]
pub(in crate::discord) struct Trying(Arc<Mutex<HashMap<Id, One>>>);

#[derive(Debug, Default)]
struct One {
    /// What was missed may come live as well.
    times: u32,
    is_deleted: bool,
    /// When its author changed it last.
    changed: Option<Timestamp>,
    /// Between two sessions nobody told what became of it.
    is_unsure: bool,
}

/// A message is being dealt with as long as this is kept.
#[derive(Debug)]
pub(super) struct Try {
    trying: Trying,
    message: Id,
}

impl Trying {
    pub(super) fn begin(&self, message: Id) -> Try {
        lock(&self.0).entry(message).or_default().times += 1;
        Try {
            trying: self.clone(),
            message,
        }
    }

    /// A message was deleted. It is nothing to remember if it is not being dealt with.
    pub(super) fn deleted(&self, message: Id) {
        if let Some(one) = lock(&self.0).get_mut(&message) {
            one.is_deleted = true;
        }
    }

    /// The same of one that its author changed at this moment.
    pub(super) fn changed(&self, message: Id, at: Timestamp) {
        if let Some(one) = lock(&self.0).get_mut(&message) {
            one.changed = one.changed.max(Some(at));
        }
    }

    /// A session begins that does not go on with an earlier one.
    pub(super) fn begins_anew(&self) {
        for one in lock(&self.0).values_mut() {
            one.is_unsure = true;
        }
    }

    /// Whether something may have become of it that nobody told.
    pub(super) fn is_unsure(&self, message: Id) -> bool {
        lock(&self.0).get(&message).is_some_and(|one| one.is_unsure)
    }

    /// Whether its author changed it while it is being dealt with, after it said what it said at this moment; `None`: at first.
    pub(super) fn is_changed(&self, message: Id, since: Option<Timestamp>) -> bool {
        let trying = lock(&self.0);
        trying.get(&message).is_some_and(|one| one.changed > since)
    }

    /// Whether it was deleted while it is being dealt with.
    pub(super) fn is_deleted(&self, message: Id) -> bool {
        lock(&self.0).get(&message).is_some_and(|one| one.is_deleted)
    }
}

impl Drop for Try {
    fn drop(&mut self) {
        let mut trying = lock(&self.trying.0);
        if let Some(one) = trying.get_mut(&self.message) {
            one.times -= 1;
            if one.times == 0 {
                trying.remove(&self.message);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deletion_is_known_as_long_as_the_message_is_dealt_with_and_no_longer() {
        let trying = Trying::default();
        trying.deleted(7);
        let (live, late) = (trying.begin(7), trying.begin(7));
        assert!(!trying.is_deleted(7), "that was before it came");
        trying.deleted(7);
        drop(live);
        assert!(trying.is_deleted(7) && !trying.is_deleted(8));
        drop(late);
        assert!(!trying.is_deleted(7) && lock(&trying.0).is_empty());
    }

    #[test]
    fn what_was_read_after_the_last_change_is_what_the_message_says() {
        let trying = Trying::default();
        let [early, late] = [7, 9].map(|at| Timestamp::from_unix_timestamp(at).unwrap());
        trying.changed(7, early);
        let _live = trying.begin(7);
        assert!(!trying.is_changed(7, None), "that was before it came");
        trying.changed(7, late);
        trying.changed(7, early);
        assert!(trying.is_changed(7, None) && trying.is_changed(7, Some(early)));
        assert!(!trying.is_changed(7, Some(late)), "it was read since");
    }
}
