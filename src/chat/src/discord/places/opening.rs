//! Threads that are still being opened, and messages that may call the bot into one: what is said after them waits.

use std::collections::BTreeSet;
use std::collections::btree_map::Entry;

use super::{Places, lock};
use crate::discord::admission::Id;

impl Places {
    /// A message of a guild came that may call the bot into its thread, or into one that is opened from it. Until it is
    /// [`dealt_with`](Self::dealt_with), what comes after it there waits.
    pub(in crate::discord) fn calls(&self, place: Id, message: Id) {
        let mut calls = lock(&self.calls);
        for thread in BTreeSet::from([place, message]) {
            *calls.entry((thread, message)).or_default() += 1;
        }
    }

    /// Its thread is one of the bot's now, or does not become one by it.
    pub(in crate::discord) fn dealt_with(&self, place: Id, message: Id) {
        let mut calls = lock(&self.calls);
        for thread in BTreeSet::from([place, message]) {
            if let Entry::Occupied(mut count) = calls.entry((thread, message)) {
                *count.get_mut() -= 1;
                if *count.get() == 0 {
                    count.remove();
                }
            }
        }
    }

    /// The first message that may call the bot into a thread and is not dealt with; this one, if there is none.
    pub(in crate::discord) fn first_call(&self, thread: Id, message: Id) -> Id {
        let calls = lock(&self.calls);
        let mut upto = calls.range((thread, 0)..(thread, message));
        upto.next().map_or(message, |((_, first), _)| *first)
    }

    /// Whether nobody else deals with this message just now.
    pub(in crate::discord) fn is_called_once(&self, message: Id) -> bool {
        lock(&self.calls).get(&(message, message)) == Some(&1)
    }

    /// Somebody asked for a thread in this channel. Until [`came`](Self::came), what is said in younger ones there, which are
    /// not served, waits: one of them may be it.
    pub(in crate::discord) fn awaits(&self, asked: Id, channel: Id) {
        lock(&self.awaited).insert(asked, channel);
    }

    /// It is served now, or never will be.
    pub(in crate::discord) fn came(&self, asked: Id) {
        lock(&self.awaited).remove(&asked);
    }

    /// Whether a message in a thread comes after one that is still to open it, or may make it one of the bot's.
    pub(in crate::discord) fn is_opening(&self, thread: Id, message: Id) -> bool {
        self.is_called_before(thread, message) || self.may_be_awaited(thread)
    }

    fn is_called_before(&self, thread: Id, message: Id) -> bool {
        let is_thread = self.spot(thread).is_none_or(|spot| spot.parent.is_some());
        let (listens, calls) = (self.listens(thread), lock(&self.calls));
        // Ids grow with time. In a channel each call opens a thread of its own.
        let mut before = calls.range((thread, 0)..(thread, message));
        let opens = thread < message && calls.contains_key(&(thread, thread));
        opens || (is_thread && !listens && before.next().is_some())
    }

    fn may_be_awaited(&self, thread: Id) -> bool {
        let awaited = lock(&self.awaited);
        if awaited.is_empty() || self.is_served(thread) {
            return false;
        }
        let parent = self.spot(thread).and_then(|spot| spot.parent);
        // Ids grow with time.
        parent.is_some_and(|parent| {
            awaited
                .iter()
                .any(|(asked, channel)| *channel == parent && *asked < thread)
        })
    }
}
