//! Changes of thread lists: one look at all threads for everybody who watches, however much happens in between.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use conversation::{ThreadFilter, ThreadId};
use supervisor::{Supervisor, ThreadStatus};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::time::Instant;

use super::shared::Web;

/// The shortest time between two looks.
const REST: Duration = Duration::from_millis(250);

/// Looking takes at most one part in so many of the time.
const SHARE: u32 = 10;

/// Looks that a slow watcher may miss before it looks itself.
const BEHIND: usize = 64;

/// What changed, of everybody.
pub(crate) type Changed = Arc<Vec<ThreadStatus>>;

/// Tells watchers what changed.
pub(crate) struct Lists(broadcast::Sender<Changed>);

impl Default for Lists {
    fn default() -> Self {
        Self(broadcast::Sender::new(BEHIND))
    }
}

/// Which threads changed since the last look.
#[derive(Default)]
struct Pending {
    some: HashSet<ThreadId>,
    all: bool,
}

impl Pending {
    fn is_empty(&self) -> bool {
        self.some.is_empty() && !self.all
    }

    fn holds(&self, id: &ThreadId) -> bool {
        self.all || self.some.contains(id)
    }
}

impl Lists {
    /// What changes from now on. A slow receiver gets `Lagged` and looks itself.
    pub(crate) fn watch(&self) -> broadcast::Receiver<Changed> {
        self.0.subscribe()
    }

    /// Looks, until the server ends.
    pub(crate) async fn run(web: Arc<Web>) {
        let mut changes = web.supervisor.list_changes();
        loop {
            let mut pending = Pending::default();
            let first = tokio::select! {
                () = web.stopped() => return,
                first = changes.recv() => first,
            };
            match first {
                Ok(id) => drop(pending.some.insert(id)),
                Err(RecvError::Lagged(_)) => pending.all = true,
                Err(RecvError::Closed) => return,
            }
            drain(&mut changes, &mut pending);
            let began = Instant::now();
            // Nobody watches: whoever comes looks first.
            if web.lists.0.receiver_count() > 0 && !pending.is_empty() {
                web.lists.look(&web.supervisor, &pending).await;
            }
            let rest = REST.max(began.elapsed() * SHARE);
            tokio::select! {
                () = web.stopped() => return,
                () = tokio::time::sleep(rest) => {}
            }
        }
    }

    async fn look(&self, supervisor: &Supervisor, pending: &Pending) {
        let filter = ThreadFilter {
            front_end: Some("web".into()),
            ..ThreadFilter::default()
        };
        match supervisor.threads(filter).await {
            Ok(mut threads) => {
                threads.retain(|status| pending.holds(&status.summary.thread.id));
                // Nobody watches any more.
                let _ = self.0.send(Arc::new(threads));
            }
            Err(error) => tracing::warn!(%error, "thread lists could not be brought up to date"),
        }
    }
}

fn drain(changes: &mut broadcast::Receiver<ThreadId>, pending: &mut Pending) {
    loop {
        match changes.try_recv() {
            Ok(id) => drop(pending.some.insert(id)),
            Err(TryRecvError::Lagged(_)) => pending.all = true,
            Err(TryRecvError::Empty | TryRecvError::Closed) => return,
        }
    }
}
