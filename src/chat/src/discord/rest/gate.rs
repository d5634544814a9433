//! Waits as the server's headers say: one request of a lane at a time, and not too many of all together.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Mutex as Turns, OwnedMutexGuard};
use tokio::time::{Instant, sleep_until};

use super::{Lane, Reply, Trouble};

/// Requests in a second; Discord takes 50.
const MOST: usize = 45;
const SECOND: Duration = Duration::from_millis(1050);
/// The server's clock and ours do not begin a window at the same moment.
const MARGIN: Duration = Duration::from_millis(60);
/// Lanes that are remembered before those that rest are dropped.
const LANES: usize = 512;

/// All lanes.
#[derive(Default)]
pub(super) struct Gate {
    lanes: Mutex<HashMap<Lane, Arc<Turns<Option<Instant>>>>>,
    all: Turns<VecDeque<Instant>>,
    blocked: Mutex<Option<Instant>>,
}

/// Held by the one request of a lane that is under way.
pub(super) struct Place<'a> {
    gate: &'a Gate,
    free: OwnedMutexGuard<Option<Instant>>,
}

impl Gate {
    /// Waits until a request of this lane may begin.
    pub(super) async fn enter(&self, lane: Lane) -> Place<'_> {
        let turns = self.lane(lane);
        let free = turns.lock_owned().await;
        if let Some(at) = *free {
            sleep_until(at).await;
        }
        // An interaction has three seconds, and counts nowhere.
        if lane.0 != "interaction" {
            self.count().await;
        }
        Place { gate: self, free }
    }

    fn lane(&self, lane: Lane) -> Arc<Turns<Option<Instant>>> {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        if lanes.len() > LANES {
            let now = Instant::now();
            lanes.retain(|_, turns| {
                turns
                    .try_lock()
                    .map_or(true, |free| free.is_some_and(|at| at > now))
            });
        }
        Arc::clone(lanes.entry(lane).or_default())
    }

    async fn count(&self) {
        let mut all = self.all.lock().await;
        let blocked = *self.blocked.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(until) = blocked {
            sleep_until(until).await;
        }
        if all.len() >= MOST
            && let Some(first) = all.pop_front()
        {
            sleep_until(first + SECOND).await;
        }
        all.push_back(Instant::now());
    }
}

impl Place<'_> {
    /// What an answer says about the next request.
    pub(super) fn learn(&mut self, answer: &Result<Reply, Trouble>) {
        let now = Instant::now();
        match answer {
            Ok(Reply {
                bucket: Some(bucket), ..
            }) if bucket.remaining == 0 => *self.free = Some(now + bucket.reset_after + MARGIN),
            Err(Trouble::Limited { after, global }) => {
                *self.free = Some(now + *after + MARGIN);
                if *global {
                    *self.gate.blocked.lock().unwrap_or_else(PoisonError::into_inner) =
                        Some(now + *after + MARGIN);
                }
            }
            _ => *self.free = None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AFTER: Duration = Duration::from_secs(5);

    /// How long requests of these lanes wait after one of the first was too much.
    async fn waits(lanes: [Lane; 2], global: bool) -> [Duration; 2] {
        let gate = Gate::default();
        let limited = Trouble::Limited { after: AFTER, global };
        gate.enter(lanes[0]).await.learn(&Err(limited));
        let began = Instant::now();
        let waited = async |lane| {
            drop(gate.enter(lane).await);
            began.elapsed()
        };
        let (first, second) = tokio::join!(waited(lanes[0]), waited(lanes[1]));
        [first, second]
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_too_much_is_waited_for_there_or_everywhere_but_by_no_interaction() {
        let (here, there) = (Lane("message", 1), Lane("message", 2));
        let interaction = Lane("interaction", 3);
        let waits_so = async |lanes, global| waits(lanes, global).await.map(|waited| waited >= AFTER);
        assert_eq!(waits_so([here, there], false).await, [true, false]);
        assert_eq!(waits_so([here, there], true).await, [true, true]);
        assert_eq!(waits_so([here, interaction], true).await, [true, false]);
    }
}
