//! How many may hold something at the same time: all together, and one of them, who must not take it all. Where there is
//! no room, the oldest place of whoever has most gives way.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// Who has which.
pub(crate) struct Places<Who> {
    most: usize,
    most_of_one: usize,
    taken: Mutex<Taken<Who>>,
}

struct Taken<Who> {
    /// The number of the next one: older ones have smaller numbers.
    next: u64,
    all: usize,
    /// The oldest first; nobody is in it with none.
    of: HashMap<Who, VecDeque<Slot>>,
}

struct Slot {
    number: u64,
    /// Tells its holder to go; dropped when it must go at once.
    _leave: oneshot::Sender<()>,
}

/// There is none, and nobody has to make room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Full;

/// One place, free again when it is dropped.
pub(crate) struct Place<Who: Clone + Eq + Hash> {
    places: Arc<Places<Who>>,
    who: Who,
    number: u64,
    leave: oneshot::Receiver<()>,
}

impl<Who: Clone + Eq + Hash> Places<Who> {
    /// So many places in all, and so many of them for one.
    pub(crate) fn new(most: usize, most_of_one: usize) -> Arc<Self> {
        let taken = Taken {
            next: 0,
            all: 0,
            of: HashMap::new(),
        };
        Arc::new(Self {
            most,
            most_of_one,
            taken: Mutex::new(taken),
        })
    }

    /// A place for somebody. Whoever goes first always gets one.
    pub(crate) fn take(self: &Arc<Self>, who: &Who, goes_first: bool) -> Result<Place<Who>, Full> {
        let mut taken = self.taken();
        if let Some(other) = self.gives_way(&taken, who, goes_first)? {
            taken.remove_oldest(&other);
        }
        let number = taken.next;
        taken.next += 1;
        taken.all += 1;
        let (sender, leave) = oneshot::channel();
        taken.of.entry(who.clone()).or_default().push_back(Slot {
            number,
            _leave: sender,
        });
        Ok(Place {
            places: Arc::clone(self),
            who: who.clone(),
            number,
            leave,
        })
    }

    /// Whether there is one, taking none.
    pub(crate) fn look(&self, who: &Who, goes_first: bool) -> Result<(), Full> {
        self.gives_way(&self.taken(), who, goes_first).map(|_| ())
    }

    fn taken(&self) -> MutexGuard<'_, Taken<Who>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whose oldest place makes room, if that is needed.
    fn gives_way(&self, taken: &Taken<Who>, who: &Who, goes_first: bool) -> Result<Option<Who>, Full> {
        let own = taken.of.get(who).map_or(0, VecDeque::len);
        if own >= self.most_of_one {
            return Ok(Some(who.clone()));
        }
        if taken.all < self.most {
            return Ok(None);
        }
        // Of those who have most, who has the oldest.
        let rank = |slots: &VecDeque<Slot>| {
            let oldest = slots.front().map_or(u64::MAX, |slot| slot.number);
            (slots.len(), std::cmp::Reverse(oldest))
        };
        match taken.of.iter().max_by_key(|(_, slots)| rank(slots)) {
            // Else the two would take it from each other in turns.
            Some((other, slots)) if goes_first || slots.len() > own + 1 => Ok(Some(other.clone())),
            _ => Err(Full),
        }
    }
}

impl<Who: Clone + Eq + Hash> Taken<Who> {
    fn remove_oldest(&mut self, who: &Who) {
        if let Some(slots) = self.of.get_mut(who) {
            self.all -= usize::from(slots.pop_front().is_some());
        }
        self.forget_empty(who);
    }

    fn remove(&mut self, who: &Who, number: u64) {
        if let Some(slots) = self.of.get_mut(who)
            && let Some(at) = slots.iter().position(|slot| slot.number == number)
        {
            slots.remove(at);
            self.all -= 1;
        }
        self.forget_empty(who);
    }

    fn forget_empty(&mut self, who: &Who) {
        if self.of.get(who).is_some_and(VecDeque::is_empty) {
            self.of.remove(who);
        }
    }
}

impl<Who: Clone + Eq + Hash> Place<Who> {
    /// Returns when another one needs the room; never before. Cancel safe; not to be called again after that.
    pub(crate) async fn lost(&mut self) {
        // The sender is never used, only dropped.
        let _ = (&mut self.leave).await;
    }
}

impl<Who: Clone + Eq + Hash> Drop for Place<Who> {
    fn drop(&mut self) {
        self.places.taken().remove(&self.who, self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: usize = 4096;
    const MOST_OF_ONE: usize = 64;

    fn places() -> Arc<Places<usize>> {
        Places::new(MOST, MOST_OF_ONE)
    }

    fn is_lost(place: &mut Place<usize>) -> bool {
        place.leave.try_recv() == Err(oneshot::error::TryRecvError::Closed)
    }

    #[test]
    fn the_oldest_of_one_gives_way_to_their_newest() {
        let places = places();
        let take = || places.take(&1, false).unwrap();
        let mut held: Vec<Place<usize>> = (0..=MOST_OF_ONE).map(|_| take()).collect();
        let lost: Vec<bool> = held.iter_mut().map(is_lost).collect();
        assert!(lost[0] && lost[1..].iter().all(|lost| !lost), "{lost:?}");
        drop(held);
        assert!(
            places.taken().of.is_empty() && places.taken().all == 0,
            "nobody is remembered"
        );
    }

    #[test]
    fn where_all_is_taken_the_greediest_gives_way_and_nobody_is_shut_out_by_them() {
        let places = places();
        let mut held: Vec<Place<usize>> = (0..MOST)
            .map(|count| places.take(&(count / MOST_OF_ONE), false).unwrap())
            .collect();
        // Person 0 has the oldest of those who have most.
        let guest = places.take(&MOST, false).unwrap();
        assert!(is_lost(&mut held[0]) && held[1..].iter_mut().all(|place| !is_lost(place)));
        assert_eq!(places.taken().all, MOST);
        drop((held, guest));
        assert_eq!(places.taken().all, 0);
    }

    #[test]
    fn where_nobody_is_greedy_only_who_goes_first_gets_in() {
        let places = places();
        let mut held: Vec<Place<usize>> = (0..MOST)
            .map(|count| places.take(&count, false).unwrap())
            .collect();
        assert_eq!(places.take(&MOST, false).err(), Some(Full));
        assert_eq!(places.look(&MOST, false), Err(Full));
        let admin = places.take(&MOST, true).unwrap();
        assert!(is_lost(&mut held[0]));
        drop(admin);
        assert!(places.take(&MOST, false).is_ok(), "who leaves makes room");
    }
}
