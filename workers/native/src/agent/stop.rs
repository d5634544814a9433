//! The wish that a turn ends, and work that gives way to it.

use std::pin::pin;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::sleep;

use crate::agent::client::Client;

/// Says it.
#[derive(Debug, Clone)]
pub(crate) struct Stopper(watch::Sender<bool>);

/// Hears it.
#[derive(Debug, Clone)]
pub(crate) struct Stop(watch::Receiver<bool>);

/// A connected pair.
pub(crate) fn stop() -> (Stopper, Stop) {
    let (say, hear) = watch::channel(false);
    (Stopper(say), Stop(hear))
}

impl Stopper {
    /// The turn shall end. Saying it again changes nothing.
    pub(crate) fn stop(&self) {
        self.0.send_replace(true);
    }
}

impl Stop {
    /// Returns when it was said. Cancel safe. A stopper that is gone can't say it any more.
    pub(crate) async fn said(&self) {
        let mut hear = self.0.clone();
        if hear.wait_for(|said| *said).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Does some work, unless the turn is stopped first: then `None`, and the work was dropped.
    pub(crate) async fn or<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.said() => None,
            done = work => Some(done),
        }
    }

    /// Like [`Self::or`]; and `flush` is called `every` so long after something is `pending`, but not before the client
    /// has room for it.
    pub(crate) async fn or_with<T>(
        &self,
        work: impl Future<Output = T>,
        pending: &Notify,
        every: Duration,
        client: &Client,
        flush: impl Fn(),
    ) -> Option<T> {
        let mut work = pin!(work);
        loop {
            let due = async {
                pending.notified().await;
                sleep(every).await;
                client.caught_up().await;
            };
            tokio::select! {
                biased;
                () = self.said() => return None,
                done = &mut work => return Some(done),
                () = due => flush(),
            }
        }
    }
}
