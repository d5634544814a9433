//! How many streams may be open at the same time: of all, and of one person, who must not take them all.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::StatusCode;
use credentials::UserId;

use crate::web::refusal::Refused;

/// Streams of all; each holds what its page was shown last.
const MOST: usize = 4096;

/// Streams of one person.
const MOST_OF_ONE: usize = 256;

/// Who has how many; nobody is in it with none.
#[derive(Default)]
pub(crate) struct Places(Mutex<HashMap<UserId, usize>>);

/// Room for one stream, free again when it is dropped.
pub(super) struct Place {
    places: Arc<Places>,
    user: UserId,
}

impl Places {
    pub(super) fn take(self: &Arc<Self>, user: &UserId) -> Result<Place, Refused> {
        let mut taken = self.taken();
        if taken.get(user).is_some_and(|own| *own >= MOST_OF_ONE) {
            let words = format!("{MOST_OF_ONE} pages of yours are open already");
            return Err(Refused::new(StatusCode::TOO_MANY_REQUESTS, words).hint("close some"));
        }
        if taken.values().sum::<usize>() >= MOST {
            let words = "too many pages are open";
            return Err(Refused::new(StatusCode::SERVICE_UNAVAILABLE, words).hint("close some"));
        }
        *taken.entry(user.clone()).or_default() += 1;
        Ok(Place {
            places: Arc::clone(self),
            user: user.clone(),
        })
    }

    fn taken(&self) -> MutexGuard<'_, HashMap<UserId, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken();
        if let Some(own) = taken.get_mut(&self.user) {
            *own -= 1;
            if *own == 0 {
                taken.remove(&self.user);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_have_an_end_too_and_who_closes_a_page_makes_room() {
        let places = Arc::new(Places::default());
        let user = |count: usize| UserId::parse(&format!("web:{count}")).unwrap();
        let mut held: Vec<Place> = (0..MOST)
            .map(|count| places.take(&user(count / MOST_OF_ONE)).unwrap())
            .collect();
        let refused = places.take(&user(MOST)).err().unwrap();
        assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
        held.pop();
        held.push(places.take(&user(MOST)).unwrap());
        drop(held);
        assert!(places.taken().is_empty(), "nobody is remembered");
    }
}
