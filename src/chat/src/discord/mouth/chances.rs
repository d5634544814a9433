//! When threads are tried again that show less than was said: one after the other, and each ever less often. Not everything
//! that lets a message be changed again is told to a bot. Pure.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use crate::discord::admission::Id;
use crate::discord::reconcile::Clock;

/// Before the first try of a thread, and twice as long before each further one.
const FIRST: Duration = Duration::from_mins(5);
const LONGEST: Duration = Duration::from_hours(1);
/// Between two threads. Each costs some refusals, of which Discord counts so many.
const APART: Duration = Duration::from_secs(15);

/// Threads that wait for their next try.
#[derive(Debug, Default)]
pub(super) struct Chances {
    waiting: HashMap<Id, (Clock, Duration)>,
    /// Nothing is tried before.
    free: Clock,
}

impl Chances {
    /// The thread of these that is tried next, and when. What is not among them is forgotten.
    pub(super) fn next(&mut self, stale: &BTreeSet<Id>, now: Clock) -> Option<(Clock, Id)> {
        self.waiting.retain(|thread, _| stale.contains(thread));
        for thread in stale {
            self.waiting.entry(*thread).or_insert((now + FIRST, FIRST));
        }
        let at = self.waiting.iter().map(|(thread, (at, _))| (*at, *thread));
        at.min().map(|(at, thread)| (at.max(self.free), thread))
    }

    /// It is being tried.
    pub(super) fn tried(&mut self, thread: Id, now: Clock) {
        self.free = now + APART;
        if let Some((at, pause)) = self.waiting.get_mut(&thread) {
            *pause = (*pause * 2).min(LONGEST);
            *at = now + *pause;
        }
    }

    /// There is a reason to believe that it may be changed: it is as if it had never been tried.
    pub(super) fn forget(&mut self, thread: Id) {
        self.waiting.remove(&thread);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is tried in so many hours, and when, in seconds.
    fn tries(chances: &mut Chances, stale: &BTreeSet<Id>, from: Clock, hours: u64) -> Vec<(u64, Id)> {
        let (mut now, mut tried) = (from, vec![]);
        while let Some((at, thread)) = chances.next(stale, now)
            && at < from + Duration::from_hours(hours)
        {
            now = now.max(at);
            tried.push((now.saturating_sub(from).as_secs(), thread));
            chances.tried(thread, now);
        }
        tried
    }

    #[test]
    fn a_thread_is_tried_ever_less_often_until_something_says_that_it_may_be_changed() {
        let (mut chances, stale) = (Chances::default(), BTreeSet::from([7]));
        let at = [300, 900, 2100, 4500, 8100, 11_700].map(|at| (at, 7));
        assert_eq!(tries(&mut chances, &stale, Clock::ZERO, 4), at);
        chances.forget(7);
        let later = Duration::from_hours(5);
        assert_eq!(tries(&mut chances, &stale, later, 4), at, "as at first");
    }

    #[test]
    fn many_threads_are_tried_one_after_the_other_and_none_is_left_out() {
        let (mut chances, stale) = (Chances::default(), (1..=100).collect());
        let tried = tries(&mut chances, &stale, Clock::ZERO, 1);
        let apart = tried.windows(2).map(|two| two[1].0 - two[0].0);
        assert!(apart.min() >= Some(APART.as_secs()), "{tried:?}");
        let each: BTreeSet<Id> = tried.iter().map(|(_, thread)| *thread).collect();
        assert_eq!(each, stale);
        let none = BTreeSet::new();
        assert_eq!(chances.next(&none, Duration::from_hours(2)), None);
        assert!(chances.waiting.is_empty(), "what is well is forgotten");
    }
}
