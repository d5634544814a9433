//! Who may speak and where, with the application's owners as Discord told them a moment ago.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

use super::admission::{Id, Rules};
use super::haste::hurried;
use super::rest::{Rest, Trouble};

/// What Discord told is good for so long: who is taken off the application's team has no access from then on.
const GOOD: Duration = Duration::from_secs(5);

/// The rules of a bot.
pub(super) struct Known {
    /// Those that are written.
    written: Rules,
    rest: Arc<Rest>,
    last: Mutex<Last>,
}

struct Last {
    rules: Arc<Rules>,
    /// When Discord told them. Counted from then on, an answer is good for somebody however slowly it comes.
    told: Instant,
    /// When it did not tell, and why.
    failed: Option<(Instant, Trouble)>,
}

impl Known {
    /// With the owners as they are now.
    pub(super) fn new(written: Rules, owners: BTreeSet<Id>, rest: Arc<Rest>) -> Arc<Self> {
        let rules = Rules {
            owners,
            ..written.clone()
        };
        Arc::new(Self {
            written,
            rest,
            last: Mutex::new(Last {
                rules: Arc::new(rules),
                told: Instant::now(),
                failed: None,
            }),
        })
    }

    /// The rules. Who waits while somebody else asks gets the same answer. Dropped, Discord is asked all the same: who waits
    /// for no longer than a press may wait finds the answer at the next one.
    ///
    /// Errors: Discord does not say who the owners are.
    pub(super) async fn now(self: &Arc<Self>) -> Result<Arc<Rules>, Trouble> {
        let (known, began) = (Arc::clone(self), Instant::now());
        let asked = tokio::spawn(async move { known.ask(began).await });
        asked
            .await
            .unwrap_or_else(|_| Err(Trouble::Failed("the question was broken off".to_owned())))
    }

    async fn ask(&self, began: Instant) -> Result<Arc<Rules>, Trouble> {
        let mut last = self.last.lock().await;
        if last.told.elapsed() < hurried(GOOD) {
            return Ok(Arc::clone(&last.rules));
        }
        if let Some((_, trouble)) = last.failed.as_ref().filter(|(at, _)| *at >= began) {
            return Err(trouble.clone());
        }
        let owners = match self.rest.application().await {
            Ok((_, owners)) => owners,
            Err(trouble) => {
                last.failed = Some((Instant::now(), trouble.clone()));
                return Err(trouble);
            }
        };
        if owners != last.rules.owners {
            tracing::info!("the application has other owners now");
            last.rules = Arc::new(Rules {
                owners,
                ..self.written.clone()
            });
        }
        last.told = Instant::now();
        Ok(Arc::clone(&last.rules))
    }
}
