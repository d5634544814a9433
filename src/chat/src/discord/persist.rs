//! What can't be done now is tried until it can: those behind it wait for a while, and then no longer.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::sleep;

use super::admission::Id;
use super::haste::hurried;

/// After a try that failed, and twice as long after each further one.
pub(super) const FIRST_PAUSE: Duration = Duration::from_secs(1);
pub(super) const LONGEST_PAUSE: Duration = Duration::from_secs(32);

/// What a try came to.
pub(super) enum Tried {
    /// There is nothing more to be done.
    Done,
    /// It may work later; why it did not work now.
    Again(String),
    /// It is to be looked at again after this time, for this reason. Nobody waits for that.
    Aside(String, Duration),
}

/// How long those behind something wait for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Behind {
    /// For one try. In a channel each message becomes a thread of its own, so their order is nothing to anybody.
    Waits,
    /// About a minute: what is said in a thread is dealt with in order, as long as that does not stop it.
    WaitsLonger,
    /// Until it is done: without it what comes next would be taken for nothing.
    WaitsForIt,
}

impl Behind {
    /// After so many tries they wait no longer.
    fn tries(self) -> u32 {
        match self {
            Self::Waits => 1,
            Self::WaitsLonger => 7,
            Self::WaitsForIt => u32::MAX,
        }
    }
}

/// What has failed so far and is tried again, oldest first, and why it failed last.
#[derive(Debug, Default)]
pub(super) struct Held {
    last: AtomicU64,
    all: Mutex<BTreeMap<u64, String>>,
}

impl Held {
    /// How many there are, and why one of them failed.
    pub(super) fn now(&self) -> (usize, Option<String>) {
        let held = self.held();
        (held.len(), held.values().next().cloned())
    }

    /// A number for one of them. Several may be about the same message.
    fn number(&self) -> u64 {
        self.last.fetch_add(1, Ordering::Relaxed)
    }

    fn held(&self) -> MutexGuard<'_, BTreeMap<u64, String>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tries until it is done, with pauses; `attempt` is told how often it was tried before. Ends when it is done, or when those
/// behind it are to wait no longer: then it goes on in a task of its own, which ends with the host.
pub(super) async fn persist<Work>(
    held: &Arc<Held>,
    about: Id,
    behind: Behind,
    mut attempt: impl FnMut(u32) -> Work + Send + 'static,
) where
    Work: Future<Output = Tried> + Send + 'static,
{
    let (waits, freed) = oneshot::channel::<()>();
    let mut waits = Some(waits);
    let held = Arc::clone(held);
    tokio::spawn(async move {
        let (number, mut tries) = (held.number(), 0);
        loop {
            let (why, pause, is_aside) = match attempt(tries).await {
                Tried::Done => break,
                Tried::Again(why) => (why, pause(tries + 1, about), false),
                Tried::Aside(why, pause) => (why, pause, true),
            };
            tries += 1;
            tracing::warn!(about, %why, tries, "something that was said could not be dealt with; trying again");
            held.held().insert(number, why);
            if is_aside || tries >= behind.tries() {
                waits.take();
            }
            sleep(hurried(pause)).await;
        }
        held.held().remove(&number);
    });
    // Nothing is ever sent: it ends.
    let _ = freed.await;
}

/// The pause before the next try; what failed together is not tried again at the same moment.
fn pause(tries: u32, about: Id) -> Duration {
    let doubled = FIRST_PAUSE.saturating_mul(1 << (tries - 1).min(16));
    let apart = u32::try_from((about >> 22) % 256).unwrap_or_default();
    doubled.min(LONGEST_PAUSE) * (1024 + apart) / 1024
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_is_tried_until_it_is_done_and_told_meanwhile() {
        let held = Arc::new(Held::default());
        let (done, mut told) = tokio::sync::mpsc::unbounded_channel();
        let began = tokio::time::Instant::now();
        let attempt = move |tries| {
            let done = done.clone();
            async move {
                if tries < 100 {
                    return Tried::Again(format!("the {tries}th time"));
                }
                done.send(()).unwrap();
                Tried::Done
            }
        };
        persist(&held, 7, Behind::Waits, attempt.clone()).await;
        assert!(began.elapsed() < FIRST_PAUSE, "those behind it wait for one try");
        assert_eq!(held.now(), (1, Some("the 0th time".to_owned())));
        persist(&held, 8, Behind::WaitsLonger, attempt).await;
        let waited = began.elapsed().as_secs();
        assert!((60..80).contains(&waited), "in a thread about a minute: {waited}");
        assert_eq!(held.now().0, 2);
        told.recv().await.unwrap();
        told.recv().await.unwrap();
        tokio::task::yield_now().await;
        assert_eq!(held.now(), (0, None), "both are done");
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_what_is_looked_at_again_later_and_all_wait_for_what_has_to_be_known() {
        let held = Arc::new(Held::default());
        let began = tokio::time::Instant::now();
        let aside = |tries| async move {
            match tries {
                0 => Tried::Aside("later".to_owned(), Duration::from_mins(1)),
                _ => Tried::Done,
            }
        };
        persist(&held, 7, Behind::WaitsForIt, aside).await;
        assert_eq!((began.elapsed(), held.now().0), (Duration::ZERO, 1));
        sleep(Duration::from_secs(59)).await;
        assert_eq!(held.now().0, 1);
        sleep(Duration::from_secs(2)).await;
        assert_eq!(held.now().0, 0, "it was looked at again");
        let again = |tries| async move {
            match tries {
                0..100 => Tried::Again("not yet".to_owned()),
                _ => Tried::Done,
            }
        };
        persist(&held, 8, Behind::WaitsForIt, again).await;
        assert!(began.elapsed() > Duration::from_mins(30));
        tokio::task::yield_now().await;
        assert_eq!(held.now().0, 0);
    }

    #[test]
    fn pauses_grow_to_half_a_minute_and_are_never_all_the_same() {
        let of = |tries| pause(tries, 0).as_secs();
        assert_eq!(
            [of(1), of(2), of(5), of(6), of(7), of(1000)],
            [1, 2, 16, 32, 32, 32]
        );
        assert_ne!(pause(3, 1 << 22), pause(3, 2 << 22));
        assert!(pause(1000, Id::MAX) <= LONGEST_PAUSE * 5 / 4);
    }
}
