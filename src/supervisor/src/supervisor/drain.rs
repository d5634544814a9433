//! The end: nothing new begins, what runs may end, and everything is written before the host goes.

use std::time::Duration;

use credentials::REFRESHER_LIMIT;
use tokio::time::{Instant, sleep, timeout};
use tracing::{info, warn};

use super::Supervisor;
/// What a task needs beyond patience and grace to write the end of its turn.
const LAST_WRITES: Duration = Duration::from_secs(10);

/// Between two looks at the locks of refreshes. (Only at the end, and only while one is held.)
const LOOK: Duration = Duration::from_millis(100);

impl Supervisor {
    /// Takes no more messages, lets running turns end for at most `patience`, ends all workers and everything they
    /// started, waits for refreshes in flight, and returns when all is durable. A second call may shorten the patience.
    pub async fn drain(&self, patience: Duration) {
        let shared = self.shared();
        shared.no_more_tasks(Instant::now() + patience);
        let grace = shared.config.limits.grace;
        // Cancel, end of input, SIGTERM, SIGKILL: each a grace.
        let limit = patience + 5 * grace + LAST_WRITES;
        let all_ended = async {
            // Nobody ever sends: this ends when the last task drops its sender.
            while self.inner.ended.lock().await.recv().await.is_some() {}
        };
        if timeout(limit, all_ended).await.is_err() {
            warn!("some threads did not end in time; what they ran will be found cut at the next start");
        }
        self.refreshes_end().await;
        match shared.conversation.close().await {
            Ok(()) => info!("drained"),
            Err(error) => warn!(%error, "could not close the conversation"),
        }
    }

    /// Waits until nobody holds a tenant's lock: a refresh that ends now would lose what it was sent. At most as long as
    /// a refresh may take.
    async fn refreshes_end(&self) {
        let shared = self.shared();
        shared.launcher.refreshes_ended().await;
        let until = Instant::now() + REFRESHER_LIMIT;
        while Instant::now() < until {
            let store = shared.credentials.store().clone();
            let held = tokio::task::spawn_blocking(move || {
                // A store that can't be read has no refresh in flight that could still write to it.
                store
                    .tenants()
                    .is_ok_and(|tenants| tenants.iter().any(|tenant| tenant.held_by.is_some()))
            });
            if !held.await.unwrap_or(false) {
                return;
            }
            sleep(LOOK).await;
        }
        warn!("a refresh is still in flight");
    }
}
