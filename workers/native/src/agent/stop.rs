//! The wish that a turn ends, and work that gives way to it.

use std::pin::pin;
use std::time::Duration;

use contract::Canceller;
use tokio::sync::{Notify, watch};
use tokio::time::sleep;

use crate::agent::client::Client;

/// Says it.
#[derive(Debug, Clone)]
pub(crate) struct Stopper(watch::Sender<Option<&'static str>>);

/// Hears it.
#[derive(Debug, Clone)]
pub(crate) struct Stop(watch::Receiver<Option<&'static str>>);

/// A connected pair.
pub(crate) fn stop() -> (Stopper, Stop) {
    let (say, hear) = watch::channel(None);
    (Stopper(say), Stop(hear))
}

impl Stopper {
    /// The turn shall end; `by` whom, if the client says that. Saying it again changes nothing.
    pub(crate) fn stop(&self, by: Option<Canceller>) {
        self.0.send_if_modified(|said| {
            let is_new = said.is_none();
            said.get_or_insert(words(by));
            is_new
        });
    }
}

impl Stop {
    /// Returns when it was said, with why, in words. Cancel safe. A stopper that is gone can't say it any more.
    pub(crate) async fn said(&self) -> &'static str {
        let mut hear = self.0.clone();
        loop {
            if let Some(why) = *hear.borrow_and_update() {
                return why;
            }
            if hear.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// Why it was said, in words that model and person read.
    pub(crate) fn why(&self) -> &'static str {
        self.0.borrow().unwrap_or(words(None))
    }

    /// Does some work, unless the turn is stopped first: then `None`, and the work was dropped.
    pub(crate) async fn or<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            _ = self.said() => None,
            done = work => Some(done),
        }
    }

    /// Does some work that hears the stop by itself. If it has not ended so long after that: `None`, and it was dropped.
    pub(crate) async fn or_after<T>(&self, patience: Duration, work: impl Future<Output = T>) -> Option<T> {
        let too_late = async {
            self.said().await;
            sleep(patience).await;
        };
        tokio::select! {
            biased;
            done = work => Some(done),
            () = too_late => None,
        }
    }
}

/// Does some work; and `flush` is called `every` so long after something is `pending`, but not before the client has room
/// for it.
pub(crate) async fn flushing<T>(
    work: impl Future<Output = T>,
    pending: &Notify,
    every: Duration,
    client: &Client,
    flush: impl Fn(),
) -> T {
    let mut work = pin!(work);
    loop {
        let due = async {
            pending.notified().await;
            sleep(every).await;
            client.caught_up().await;
        };
        tokio::select! {
            biased;
            done = &mut work => return done,
            () = due => flush(),
        }
    }
}

fn words(by: Option<Canceller>) -> &'static str {
    match by {
        Some(Canceller::Person) => "stopped by the person",
        Some(Canceller::Message) => "interrupted by a new message",
        Some(Canceller::Host) => "stopped because the host went away",
        None => "stopped",
    }
}
