//! Changes of thread lists: one look at all threads for everybody who watches, however much happens in between, and each
//! line drawn once, however many pages show it.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;
use std::time::Duration;

use conversation::{ThreadFilter, ThreadId};
use credentials::{Timestamp, UserId};
use dashmap::DashMap;
use supervisor::ThreadStatus;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::time::Instant;

use super::shared::Web;
use super::view::{self, Line, LineEvent};

/// The shortest time between two looks.
const REST: Duration = Duration::from_millis(250);

/// Looking takes at most one part in so many of the time.
const SHARE: u32 = 10;

/// Looks that a slow watcher may miss before it looks itself.
const BEHIND: usize = 64;

/// What changed, by owner.
pub(crate) type Changed = Arc<HashMap<UserId, Vec<Drawn>>>;

/// A line of somebody's list.
#[derive(Debug, Clone)]
pub(crate) struct Drawn {
    /// Of which thread.
    pub(crate) id: ThreadId,
    /// Changes with what is shown.
    pub(crate) looks: u64,
    /// The data of the event `list`.
    pub(crate) data: String,
}

/// Tells watchers what changed.
pub(crate) struct Lists {
    changed: broadcast::Sender<Changed>,
    /// Pages that show a thread now: to its owner nothing in it is new.
    open: DashMap<ThreadId, usize>,
}

/// A page shows this thread, until this is dropped.
pub(crate) struct Open {
    web: Arc<Web>,
    id: ThreadId,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.web.lists.open.remove_if_mut(&self.id, |_, pages| {
            *pages -= 1;
            *pages == 0
        });
    }
}

impl Default for Lists {
    fn default() -> Self {
        Self {
            changed: broadcast::Sender::new(BEHIND),
            open: DashMap::new(),
        }
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
        self.changed.subscribe()
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
            if web.lists.changed.receiver_count() > 0 && !pending.is_empty() {
                web.look(&pending).await;
            }
            let rest = REST.max(began.elapsed() * SHARE);
            tokio::select! {
                () = web.stopped() => return,
                () = tokio::time::sleep(rest) => {}
            }
        }
    }
}

impl Web {
    async fn look(&self, pending: &Pending) {
        let filter = ThreadFilter {
            front_end: Some("web".into()),
            ..ThreadFilter::default()
        };
        let threads = match self.supervisor.threads(filter).await {
            Ok(threads) => threads,
            Err(error) => {
                tracing::warn!(%error, "thread lists could not be brought up to date");
                return;
            }
        };
        let mut changed: HashMap<UserId, Vec<Drawn>> = HashMap::new();
        for status in threads {
            let thread = &status.summary.thread;
            if pending.holds(&thread.id) {
                let owner = thread.owner.clone();
                changed.entry(owner).or_default().push(self.draw_line(status));
            }
        }
        // Nobody watches any more.
        let _ = self.lists.changed.send(Arc::new(changed));
    }

    /// Notes that a page shows a thread of its owner's.
    pub(crate) fn shows(self: &Arc<Self>, id: &ThreadId) -> Open {
        *self.lists.open.entry(id.clone()).or_insert(0) += 1;
        Open {
            web: Arc::clone(self),
            id: id.clone(),
        }
    }

    /// A line as its owner sees it. What is on a page of theirs, they have seen.
    pub(crate) fn draw_line(&self, status: ThreadStatus) -> Drawn {
        let thread = &status.summary.thread;
        let (id, owner, active) = (thread.id.clone(), thread.owner.clone(), thread.active.millis());
        if self.lists.open.contains_key(&id) {
            self.seen.mark(&owner, &status);
        }
        let unread = self.seen.is_unread(&owner, &status);
        let html = view::thread_line(&Line { status, unread }, Timestamp::now());
        let mut looks = DefaultHasher::new();
        html.hash(&mut looks);
        let line = LineEvent {
            id: id.to_string(),
            html,
            active,
        };
        let data = serde_json::to_string(&line).expect("our own shapes have only strings as keys");
        Drawn {
            id,
            looks: looks.finish(),
            data,
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
