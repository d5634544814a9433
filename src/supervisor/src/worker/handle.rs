//! A worker's process, as everybody but its keeper sees it.

use std::time::Duration;

use contract::frames::Pace;
use tokio::sync::watch;
use tokio::time::timeout;

use super::keeper::{Ended, Step};
use super::log::Tail;

/// The process.
#[derive(Debug)]
pub(super) struct Handle {
    pub(super) pid: i32,
    pub(super) pace: Pace,
    pub(super) tail: Tail,
    pub(super) steps: watch::Sender<Step>,
    pub(super) ended: watch::Receiver<Option<Ended>>,
}

impl Handle {
    /// End of its input, after `grace` SIGTERM, after `grace` SIGKILL. Returns when nothing of it lives.
    pub(super) async fn end(&self, grace: Duration) {
        for step in [Step::CloseInput, Step::Terminate] {
            self.steps.send_replace(step);
            if timeout(grace, self.ended()).await.is_ok() {
                return;
            }
        }
        self.kill().await;
    }

    /// SIGKILL. Returns when nothing of it lives.
    pub(super) async fn kill(&self) {
        self.steps.send_replace(Step::Kill);
        self.ended().await;
    }

    /// Waits until nothing of it lives. `None` if its keeper was ended with its runtime.
    pub(super) async fn ended(&self) -> Option<Ended> {
        let mut ended = self.ended.clone();
        let ended = ended.wait_for(Option::is_some).await;
        ended.ok().and_then(|ended| ended.clone())
    }
}
