//! Changes of thread lists: one look at all threads for everybody who watches, however much happens in between, and each
//! line drawn once, however many pages show it.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Path, Query, State};
use conversation::{ThreadFilter, ThreadId};
use credentials::{Timestamp, UserId};
use serde::{Deserialize, Serialize};
use supervisor::ThreadStatus;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::time::Instant;

use super::gate::Visitor;
use super::people::Person;
use super::refusal::Refused;
use super::said::Said;
use super::shared::{Web, is_ours};
use super::threads::Done;
use super::view::{self, Line, LineEvent};

/// The shortest time between two looks.
const REST: Duration = Duration::from_millis(250);

/// Looking takes at most one part in so many of the time.
const SHARE: u32 = 10;

/// Looks that a slow watcher may miss before it looks itself.
const BEHIND: usize = 64;

/// Lines that a page has at first.
pub(crate) const LIST_LIMIT: usize = 200;

/// What changed.
pub(crate) type Changed = Arc<Changes>;

/// Lines that changed.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    /// By owner.
    pub(crate) own: HashMap<UserId, Vec<Drawn>>,
    /// Of threads that administrators may watch.
    pub(crate) elsewhere: Vec<Drawn>,
}

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
    /// Threads whose line changed because somebody read them.
    read: broadcast::Sender<ThreadId>,
}

impl Default for Lists {
    fn default() -> Self {
        Self {
            changed: broadcast::Sender::new(BEHIND),
            read: broadcast::Sender::new(BEHIND),
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
        let (mut changes, mut read) = (web.supervisor.list_changes(), web.lists.read.subscribe());
        loop {
            let mut pending = Pending::default();
            let first = tokio::select! {
                () = web.stopped() => return,
                first = changes.recv() => first,
                first = read.recv() => first,
            };
            match first {
                Ok(id) => drop(pending.some.insert(id)),
                Err(RecvError::Lagged(_)) => pending.all = true,
                Err(RecvError::Closed) => return,
            }
            drain(&mut changes, &mut pending);
            drain(&mut read, &mut pending);
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

/// Somebody's own threads, as many as a list has at first.
pub(crate) fn own_threads(person: &Person) -> ThreadFilter {
    ThreadFilter {
        owner: Some(person.user.clone()),
        front_end: Some("web".into()),
        limit: LIST_LIMIT,
        ..ThreadFilter::default()
    }
}

#[derive(Deserialize)]
pub(crate) struct Shown {
    /// Lines that the page has.
    shown: usize,
}

/// More lines of a list.
#[derive(Serialize)]
pub(crate) struct Quiet {
    lines: Vec<LineEvent>,
    /// Whether there are still others.
    more: bool,
}

/// `GET /api/threads?shown=`: those that have been quiet for longer than the ones which the page has.
pub(crate) async fn quiet(
    State(web): State<Arc<Web>>,
    visitor: Visitor,
    Query(Shown { shown }): Query<Shown>,
) -> Result<Json<Quiet>, Refused> {
    let end = shown.saturating_add(LIST_LIMIT);
    // One more than is shown tells whether there are more.
    let threads = web.listed(&visitor.person, end.saturating_add(1)).await?;
    let more = threads.len() > end;
    let fresh = threads.into_iter().skip(shown).take(LIST_LIMIT);
    let lines = fresh.map(|status| web.line_event(status)).collect();
    Ok(Json(Quiet { lines, more }))
}

#[derive(Deserialize)]
pub(crate) struct Upto {
    /// How active the thread was when it was seen, as its line says; in milliseconds since 1970.
    upto: i64,
}

/// `POST /api/t/{id}/seen`: somebody has a thread before their eyes.
pub(crate) async fn seen(
    State(web): State<Arc<Web>>,
    visitor: Visitor,
    Path(thread): Path<String>,
    Said(Upto { upto }): Said<Upto>,
) -> Result<Json<Done>, Refused> {
    let thread = web.thread(&visitor.person, &thread).await?;
    // Nobody has seen what is still to come.
    let upto = Timestamp::from_millis(upto).min(Timestamp::now());
    web.has_seen(&visitor.person.user, &thread, upto);
    Ok(Json(Done {}))
}

impl Web {
    async fn look(&self, pending: &Pending) {
        let threads = match self.supervisor.threads(ThreadFilter::default()).await {
            Ok(threads) => threads,
            Err(error) => {
                tracing::warn!(%error, "thread lists could not be brought up to date");
                return;
            }
        };
        let mut changed = Changes::default();
        for status in threads {
            let thread = &status.summary.thread;
            if pending.holds(&thread.id) {
                let (owner, ours) = (thread.owner.clone(), is_ours(&thread.id));
                let line = self.draw_line(status);
                if ours {
                    changed.own.entry(owner).or_default().push(line);
                } else {
                    changed.elsewhere.push(line);
                }
            }
        }
        // Nobody watches any more.
        let _ = self.lists.changed.send(Arc::new(changed));
    }

    /// Somebody has seen a thread as it was then; all their pages are told.
    pub(crate) fn has_seen(&self, user: &UserId, thread: &ThreadId, then: Timestamp) {
        if self.seen.mark(user, thread, then) {
            // Nobody looks any more.
            let _ = self.lists.read.send(thread.clone());
        }
    }

    /// A line as it is drawn now.
    pub(crate) fn line(&self, status: ThreadStatus) -> Line {
        let thread = &status.summary.thread;
        // What is said elsewhere is read there.
        let (unread, origin) = if is_ours(&thread.id) {
            (self.seen.is_unread(&thread.owner, thread), None)
        } else {
            (false, Some(self.config.origins.of(&thread.id)))
        };
        Line {
            status,
            unread,
            origin,
        }
    }

    /// A line as its owner sees it.
    fn line_event(&self, status: ThreadStatus) -> LineEvent {
        let thread = &status.summary.thread;
        let (id, active) = (thread.id.to_string(), thread.active.millis());
        let html = view::thread_line(&self.line(status), Timestamp::now());
        LineEvent { id, html, active }
    }

    /// The same, for pages that are told of changes.
    pub(crate) fn draw_line(&self, status: ThreadStatus) -> Drawn {
        let id = status.summary.thread.id.clone();
        let line = self.line_event(status);
        let mut looks = DefaultHasher::new();
        line.html.hash(&mut looks);
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
