//! The end: nothing new begins, what runs may end, and everything is written before the host goes.

use std::time::Duration;

use conversation::ConversationError;
use credentials::REFRESHER_LIMIT;
use tokio::time::{Instant, sleep, timeout_at};
use tracing::{info, warn};

use super::Supervisor;

/// What the worst worker takes of its grace: it hears no cancel, then not the end of its input, then no SIGTERM.
const GRACES: u32 = 3;

/// What is left to be written after that.
const LAST_WRITES: Duration = Duration::from_secs(1);

/// How long a [`drain`](Supervisor::drain) takes at most: such a worker may have begun a refresh at its very end.
pub const fn longest_drain(patience: Duration, grace: Duration) -> Duration {
    patience
        .saturating_add(grace.saturating_mul(GRACES))
        .saturating_add(REFRESHER_LIMIT)
        .saturating_add(LAST_WRITES)
}

/// Between two looks at the locks of refreshes. (Only at the end, and only while one is held.)
const LOOK: Duration = Duration::from_millis(100);

impl Supervisor {
    /// Takes no more messages, lets running turns end for at most `patience`, ends all workers and everything they
    /// started, waits for refreshes in flight, and returns when all is durable, after [`longest_drain`] at the latest. A
    /// second call may shorten the patience.
    pub async fn drain(&self, patience: Duration) {
        let shared = self.shared();
        let now = Instant::now();
        shared.no_more_tasks(now + patience);
        let until = now + longest_drain(patience, shared.config.limits.grace);
        let all_ended = async {
            // Nobody ever sends: this ends when the last task drops its sender.
            while self.inner.ended.lock().await.recv().await.is_some() {}
        };
        if timeout_at(until - LAST_WRITES, all_ended).await.is_err() {
            warn!("some threads did not end in time; what they ran will be found cut at the next start");
        }
        if timeout_at(until - LAST_WRITES, self.refreshes_end())
            .await
            .is_err()
        {
            warn!("a refresh is still in flight");
        }
        match shared.conversation.close().await {
            // Another drain did.
            Ok(()) | Err(ConversationError::Closed) => info!("drained"),
            Err(error) => warn!(%error, "could not close the conversation"),
        }
    }

    /// Ends all that a [`drain`](Self::drain) would still wait for: workers by SIGKILL, running turns cut. Only a refresh in
    /// flight is waited for. May be called while a drain runs, which it makes end.
    pub async fn drain_at_once(&self) {
        self.shared().at_once.send_replace(true);
        self.drain(Duration::ZERO).await;
    }

    /// Waits until nobody holds a tenant's lock: a refresh that ends now would lose what it was sent.
    async fn refreshes_end(&self) {
        let shared = self.shared();
        shared.launcher.refreshes_ended().await;
        loop {
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
    }
}
