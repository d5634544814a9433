//! Where searches run: on threads of their own, a few at most.
//!
//! Between two lines and two files a search heeds its [`Stop`]; inside one line nothing can interrupt an expression. So a
//! search is waited for only as long as it may take, and one that goes on all the same is left behind. It ends by itself,
//! because lines and expressions have limits, and until then it holds one of a few places. Nothing else, such as keeping the
//! transcript, ever waits for one.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::sync::{Semaphore, oneshot};
use tokio::time::timeout;

use super::stop::{LONGEST, Stop};

/// Searches at once, those left behind included. A session runs one at a time.
const MOST: usize = 4;

/// How long a search that is due may still take to say what it has found.
const GRACE: Duration = Duration::from_secs(2);

/// The places that searches have.
#[derive(Debug)]
pub(super) struct Searches(Arc<Semaphore>);

impl Searches {
    pub(super) fn new() -> Self {
        Self(Arc::new(Semaphore::new(MOST)))
    }

    /// Does a search. Dropping the future tells it to stop, and waits for nothing.
    ///
    /// Errors: it took too long, all places are taken by searches that were left behind, or there is no thread.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        search: impl FnOnce(&Stop) -> T + Send + 'static,
    ) -> Result<T, String> {
        let Ok(place) = Arc::clone(&self.0).try_acquire_owned() else {
            return Err(format!(
                "not searched: {MOST} earlier searches were given up and still run, as their patterns take very long on very \
                 long lines; they end by themselves. Try again later, or search with a simpler pattern in a command"
            ));
        };
        let (stop, _guard) = Stop::new();
        let (tell, told) = oneshot::channel();
        let begun = thread::Builder::new().name("search".to_owned()).spawn(move || {
            let found = search(&stop);
            drop(place);
            // Nobody may wait for it any more.
            let _ = tell.send(found);
        });
        if let Err(error) = begun {
            return Err(format!(
                "not searched: the system gives no thread for it ({error})"
            ));
        }
        match timeout(LONGEST + GRACE, told).await {
            Ok(Ok(found)) => Ok(found),
            Ok(Err(_)) => Err("the search broke by a defect of this program".to_owned()),
            Err(_) => {
                tracing::warn!("a search did not end in time, and is left behind");
                Err(format!(
                    "given up after {} s: the pattern takes too long on a very long line; make it simpler, or name another path",
                    (LONGEST + GRACE).as_secs()
                ))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::disk::blocking;

    #[tokio::test(start_paused = true)]
    async fn searches_that_hear_nothing_are_left_behind_a_few_at_most_and_hold_up_nothing_else() {
        let searches = Searches::new();
        let (free, wait) = mpsc::channel::<()>();
        let wait = Arc::new(std::sync::Mutex::new(wait));
        for _ in 0..MOST {
            let wait = Arc::clone(&wait);
            let deaf = searches.run(move |_| wait.lock().unwrap().recv().is_ok()).await;
            assert!(deaf.unwrap_err().starts_with("given up after 32 s"));
        }
        let refused = searches.run(|_| ()).await.unwrap_err();
        assert!(refused.contains("4 earlier searches"), "{refused}");
        assert_eq!(blocking(|| 5).await.unwrap(), 5, "the disk's threads are free");
        drop(free);
        tokio::time::resume();
        // Each frees its place as it ends.
        let all = u32::try_from(MOST).unwrap();
        let places = timeout(Duration::from_secs(10), searches.0.acquire_many(all)).await;
        drop(places.unwrap().unwrap());
        assert_eq!(searches.run(|_| 7).await, Ok(7));
    }

    #[tokio::test]
    async fn a_search_that_nobody_waits_for_is_told_to_stop() {
        let searches = Searches::new();
        let (tell, told) = mpsc::channel();
        let search = searches.run(move |stop| {
            while !stop.is_due() {
                thread::yield_now();
            }
            tell.send(()).unwrap();
        });
        assert!(timeout(Duration::from_millis(50), search).await.is_err());
        told.recv_timeout(Duration::from_secs(10)).unwrap();
    }
}
