//! Guessing a password is slow, and one who guesses locks nobody out.
//!
//! A few wrong passwords are answered at once. After them every try from the same place waits for its turn, and only where
//! many wait already it is sent away, without being compared. Behind a proxy that does not prove itself all people come from
//! one place: then they wait with each other, for seconds.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Wrong passwords that are answered at once.
const AT_ONCE: u32 = 8;

/// Then one in so long: some ten thousand a day. A password of [`SHORTEST_PASSWORD`](super::config::SHORTEST_PASSWORD)
/// random characters outlives that by far.
const EVERY: Duration = Duration::from_secs(3);

/// Nobody waits longer for a turn.
const LONGEST_WAIT: Duration = Duration::from_secs(15);

/// Places that are told apart; all others share one.
const MOST_PLACES: usize = 4096;

/// Where tries come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Place {
    Of(IpAddr),
    Elsewhere,
}

/// For each place, until when its tries are spent. Each wrong one adds to it.
#[derive(Default)]
pub(crate) struct Tries(Mutex<HashMap<Place, Instant>>);

/// A try that may be made now.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Try(Place);

impl Tries {
    /// Waits for a turn. Else: how long until there is one again.
    ///
    /// Dropped while it waits, the turn is spent.
    pub(crate) async fn turn(&self, address: IpAddr) -> Result<Try, Duration> {
        let (one, wait) = self.take(address, Instant::now())?;
        tokio::time::sleep(wait).await;
        Ok(one)
    }

    /// Takes the next turn, which is so long ahead.
    fn take(&self, address: IpAddr, now: Instant) -> Result<(Try, Duration), Duration> {
        let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        places.retain(|_, spent| *spent > now);
        let mut place = Place::Of(network(address));
        if places.len() >= MOST_PLACES && !places.contains_key(&place) {
            place = Place::Elsewhere;
        }
        let spent = places.entry(place).or_insert(now);
        let wait = (*spent + EVERY).saturating_duration_since(now + EVERY * AT_ONCE);
        if wait > LONGEST_WAIT {
            return Err(wait.saturating_sub(LONGEST_WAIT));
        }
        *spent += EVERY;
        Ok((Try(place), wait))
    }

    /// The password was right: that costs nothing.
    pub(crate) fn give_back(&self, Try(place): Try) {
        let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(spent) = places.get_mut(&place)
            && let Some(less) = spent.checked_sub(EVERY)
        {
            *spent = less;
        }
    }
}

/// Somebody with IPv6 has a whole network of 64 bits.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            [a, b, c, d, 0, 0, 0, 0].into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    /// How long the next try waits, or `None` if it is sent away.
    fn wait(tries: &Tries, from: &str, now: Instant) -> Option<Duration> {
        tries.take(address(from), now).ok().map(|(_, wait)| wait)
    }

    #[test]
    fn guessing_is_slow_and_disturbs_nobody_elsewhere() {
        let (tries, now) = (Tries::default(), Instant::now());
        for _ in 0..AT_ONCE {
            assert_eq!(wait(&tries, "192.0.2.1", now), Some(Duration::ZERO));
        }
        for turn in 1..=5 {
            assert_eq!(wait(&tries, "192.0.2.1", now), Some(EVERY * turn));
        }
        assert_eq!(wait(&tries, "192.0.2.1", now), None);
        assert_eq!(wait(&tries, "192.0.2.2", now), Some(Duration::ZERO));
        // What was sent away has cost nothing: the next turn comes as if it had not been.
        assert_eq!(wait(&tries, "192.0.2.1", now + EVERY), Some(LONGEST_WAIT));
        let later = now + EVERY * (AT_ONCE + 6);
        assert_eq!(wait(&tries, "192.0.2.1", later), Some(Duration::ZERO));
    }

    #[test]
    fn a_day_of_guessing_is_a_bounded_number_of_guesses() {
        let (tries, start) = (Tries::default(), Instant::now());
        let day = Duration::from_hours(24);
        let mut guesses = 0;
        let mut passed = Duration::ZERO;
        while passed < day {
            if wait(&tries, "192.0.2.1", start + passed).is_some() {
                guesses += 1;
            }
            passed += EVERY / 2;
        }
        assert!((28_800..28_900).contains(&guesses), "{guesses}");
    }

    #[test]
    fn the_right_password_costs_no_turn() {
        let (tries, now) = (Tries::default(), Instant::now());
        for _ in 0..100 {
            let (one, wait) = tries.take(address("192.0.2.1"), now).unwrap();
            assert_eq!(wait, Duration::ZERO);
            tries.give_back(one);
        }
    }

    #[test]
    fn a_network_of_ipv6_is_one_place_and_many_places_are_bounded() {
        let (tries, now) = (Tries::default(), Instant::now());
        for host in 0..AT_ONCE {
            wait(&tries, &format!("2001:db8::{host:x}"), now);
        }
        assert_eq!(wait(&tries, "2001:db8::ffff", now), Some(EVERY));
        assert_eq!(wait(&tries, "2001:db8:0:1::1", now), Some(Duration::ZERO));
        for place in 0..MOST_PLACES + 10 {
            let _ = tries.take(
                std::net::Ipv4Addr::from_bits(u32::try_from(place).unwrap()).into(),
                now,
            );
        }
        assert_eq!(
            wait(&tries, "198.51.100.1", now),
            Some(EVERY * 5),
            "they share one"
        );
        assert!(tries.0.lock().unwrap().len() <= MOST_PLACES + 1);
    }
}
