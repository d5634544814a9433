//! How many streams may be open at the same time: of all, and of one person, who must not take them all. Where there is
//! no room, the oldest stream of whoever has most gives way: its page rests until somebody looks at it again.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::StatusCode;
use credentials::UserId;
use tokio::sync::oneshot;

use crate::web::refusal::Refused;

/// Streams of all; each holds what its page was shown last.
const MOST: usize = 4096;

/// Streams of one person: more pages than anybody looks at.
const MOST_OF_ONE: usize = 64;

/// Seconds until there may be room again.
const REST: u16 = 30;

/// Who has which.
#[derive(Default)]
pub(crate) struct Places(Mutex<Taken>);

#[derive(Default)]
struct Taken {
    /// The number of the next one: older ones have smaller numbers.
    next: u64,
    all: usize,
    /// The oldest first; nobody is in it with none.
    of: HashMap<UserId, VecDeque<Slot>>,
}

struct Slot {
    number: u64,
    /// Tells its stream to go; dropped when it must go at once.
    _leave: oneshot::Sender<()>,
}

/// Room for one stream, free again when it is dropped.
pub(super) struct Place {
    places: Arc<Places>,
    user: UserId,
    number: u64,
    leave: oneshot::Receiver<()>,
}

impl Places {
    /// Room for a stream of this person. An administrator always gets some.
    pub(super) fn take(self: &Arc<Self>, user: &UserId, is_admin: bool) -> Result<Place, Refused> {
        let mut taken = self.taken();
        if let Some(who) = taken.gives_way(user, is_admin)? {
            taken.remove_oldest(&who);
        }
        let number = taken.next;
        taken.next += 1;
        taken.all += 1;
        let (sender, leave) = oneshot::channel();
        taken.of.entry(user.clone()).or_default().push_back(Slot {
            number,
            _leave: sender,
        });
        Ok(Place {
            places: Arc::clone(self),
            user: user.clone(),
            number,
            leave,
        })
    }

    /// Whether there is room, taking none.
    pub(super) fn look(&self, user: &UserId, is_admin: bool) -> Result<(), Refused> {
        self.taken().gives_way(user, is_admin).map(|_| ())
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Taken {
    /// Whose oldest stream makes room, if that is needed.
    fn gives_way(&self, user: &UserId, is_admin: bool) -> Result<Option<UserId>, Refused> {
        let own = self.of.get(user).map_or(0, VecDeque::len);
        if own >= MOST_OF_ONE {
            return Ok(Some(user.clone()));
        }
        if self.all < MOST {
            return Ok(None);
        }
        // Of those who have most, who has the oldest.
        let rank = |slots: &VecDeque<Slot>| {
            let oldest = slots.front().map_or(u64::MAX, |slot| slot.number);
            (slots.len(), std::cmp::Reverse(oldest))
        };
        match self.of.iter().max_by_key(|(_, slots)| rank(slots)) {
            // Else the two would take it from each other in turns.
            Some((who, slots)) if is_admin || slots.len() > own + 1 => Ok(Some(who.clone())),
            _ => {
                let words = "as many pages are open at this host as it can serve";
                Err(Refused::new(StatusCode::SERVICE_UNAVAILABLE, words)
                    .hint("close some that you do not need")
                    .after(REST))
            }
        }
    }

    fn remove_oldest(&mut self, user: &UserId) {
        if let Some(slots) = self.of.get_mut(user) {
            self.all -= usize::from(slots.pop_front().is_some());
        }
        self.forget_empty(user);
    }

    fn remove(&mut self, user: &UserId, number: u64) {
        if let Some(slots) = self.of.get_mut(user)
            && let Some(at) = slots.iter().position(|slot| slot.number == number)
        {
            slots.remove(at);
            self.all -= 1;
        }
        self.forget_empty(user);
    }

    fn forget_empty(&mut self, user: &UserId) {
        if self.of.get(user).is_some_and(VecDeque::is_empty) {
            self.of.remove(user);
        }
    }
}

impl Place {
    /// Returns when another stream needs the room; never before. Cancel safe; not to be called again after that.
    pub(super) async fn lost(&mut self) {
        // The sender is never used, only dropped.
        let _ = (&mut self.leave).await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.taken().remove(&self.user, self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(count: usize) -> UserId {
        UserId::parse(&format!("web:{count}")).unwrap()
    }

    fn is_lost(place: &mut Place) -> bool {
        place.leave.try_recv() == Err(oneshot::error::TryRecvError::Closed)
    }

    #[test]
    fn the_oldest_page_of_one_person_gives_way_to_their_newest() {
        let places = Arc::new(Places::default());
        let take = || places.take(&user(1), false).unwrap();
        let mut held: Vec<Place> = (0..=MOST_OF_ONE).map(|_| take()).collect();
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
        let places = Arc::new(Places::default());
        let mut held: Vec<Place> = (0..MOST)
            .map(|count| places.take(&user(count / MOST_OF_ONE), false).unwrap())
            .collect();
        // Person 0 has the oldest of those who have most.
        let guest = places.take(&user(MOST), false).unwrap();
        assert!(is_lost(&mut held[0]) && held[1..].iter_mut().all(|place| !is_lost(place)));
        assert_eq!(places.taken().all, MOST);
        drop((held, guest));
        assert_eq!(places.taken().all, 0);
    }

    #[test]
    fn where_nobody_is_greedy_only_an_administrator_gets_in() {
        let places = Arc::new(Places::default());
        let mut held: Vec<Place> = (0..MOST)
            .map(|count| places.take(&user(count), false).unwrap())
            .collect();
        let refused = places.take(&user(MOST), false).err().unwrap();
        assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(refused.again, "there is room in a while");
        assert_eq!(places.look(&user(MOST), false).err(), Some(refused));
        let admin = places.take(&user(MOST), true).unwrap();
        assert!(is_lost(&mut held[0]));
        drop(admin);
        assert!(
            places.take(&user(MOST), false).is_ok(),
            "who closes a page makes room"
        );
    }
}
