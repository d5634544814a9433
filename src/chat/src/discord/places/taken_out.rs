//! Threads that are served, those among them that the bot was taken out of, and from where on they are served.

use std::collections::{BTreeMap, BTreeSet};

use super::{Places, lock};
use crate::discord::admission::{Id, Known};

impl Places {
    /// What a thread or direct conversation is to the bot.
    pub(in crate::discord) fn known(&self, channel: Id) -> Known {
        match (self.is_served(channel), self.is_taken_out(channel)) {
            (true, false) => Known::Served,
            (true, true) => Known::TakenOut,
            (false, _) => Known::No,
        }
    }

    /// Whether all that is said there may be for the bot.
    pub(in crate::discord) fn listens(&self, channel: Id) -> bool {
        self.known(channel) == Known::Served
    }

    pub(in crate::discord) fn is_taken_out(&self, thread: Id) -> bool {
        lock(&self.taken_out).contains(&thread)
    }

    /// As earlier hosts wrote them down.
    pub(in crate::discord) fn learn_called(&self, calls: BTreeMap<Id, Id>) {
        *lock(&self.called) = calls;
    }

    /// Whether a message would be the last one that called the bot into a thread.
    pub(in crate::discord) fn is_new_call(&self, thread: Id, message: Id) -> bool {
        lock(&self.called)
            .get(&thread)
            .is_none_or(|called| *called < message)
    }

    /// It did, and is written down.
    pub(in crate::discord) fn is_called(&self, thread: Id, message: Id) {
        lock(&self.called).insert(thread, message);
    }

    /// Whether a message was said before the bot was called into its thread. Heard again, it is decided as it was then.
    pub(in crate::discord) fn is_before_call(&self, thread: Id, message: Id) -> bool {
        lock(&self.called)
            .get(&thread)
            .is_some_and(|called| message < *called)
    }

    /// As it was when an earlier host wrote it down.
    pub(in crate::discord) fn learn_taken_out(&self, threads: BTreeSet<Id>) {
        *lock(&self.taken_out) = threads;
    }

    /// The bot was taken out of a thread. What is to be written down, if it was served there and this is news.
    pub(in crate::discord) fn take_out(&self, thread: Id) -> Option<BTreeSet<Id>> {
        let is_served = self.is_served(thread);
        let mut all = lock(&self.taken_out);
        (is_served && all.insert(thread)).then(|| all.clone())
    }

    /// It is called there again. What is to be written down, if it was taken out.
    pub(in crate::discord) fn take_in(&self, thread: Id) -> Option<BTreeSet<Id>> {
        let mut all = lock(&self.taken_out);
        all.remove(&thread).then(|| all.clone())
    }
}
