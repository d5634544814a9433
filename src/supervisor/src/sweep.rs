//! No orphan, ever: what a worker leaves behind is found and killed, now, and after a host that was itself killed.
//!
//! **While this host lives.** Every worker is the reaper of its own tree (`PR_SET_CHILD_SUBREAPER`), so whatever it starts
//! stays below it, also what forks twice and makes itself a session. When a worker's process ends, all that is left of its
//! tree falls to this process, which is a reaper, too. So a child of this process that is in another session and is no
//! worker is an orphan. They are killed, round by round, because those below them fall to us in turn. Where others' children
//! may be among them, because this process is the system's first, or had them before, an orphan must also bear our mark.
//!
//! **When this host was killed.** Our own agent ends by itself, with all it started, when its input ends; another agent is
//! killed by the kernel. The next host looks for what is left: by the records of living workers, their sessions, and the
//! marks that everything of ours is born with; see `leftovers`, `mark` and `identity`.
//!
//! **The exception** is a refresh in flight; see `refresher`.

mod identity;
mod leftovers;
mod mark;
pub(crate) mod process;
mod record;
mod refresher;
mod round;

use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use credentials::{REFRESHER_LIMIT, Store};
use nix::sys::signal::Signal;
use nix::unistd::getpid;
use tokio::process::Child;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::time::Instant;

use self::identity::Identity;
use self::leftovers::Signs;
pub(crate) use self::mark::Mark;
pub(crate) use self::process::Process;
use self::record::Records;
use self::refresher::Refreshers;
use self::round::Rounds;

/// The processes that are workers, of all supervisors in this program: id and start time. Whoever looks for orphans holds
/// it, and so does whoever starts a worker: a worker must not be seen before it is in here.
static WORKERS: LazyLock<Mutex<HashMap<i32, u64>>> = LazyLock::new(Mutex::default);

/// So long the killing is tried before it is given up, loudly: only a process that the kernel can't end lives longer.
const PATIENCE: Duration = Duration::from_secs(10);

/// How soon to look again when no child's end told to.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// How soon to look again at refreshes that were left alone.
const LOOK_AT_REFRESHES: Duration = Duration::from_millis(500);

/// Finds and kills what workers leave behind. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Reaper {
    shared: Arc<Shared>,
}

/// What a sweep at start found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Swept {
    /// Processes that were killed.
    pub(crate) killed: usize,
    /// Refreshes in flight that were left alone; they are killed if they do not end in time.
    pub(crate) spared: usize,
}

/// A worker's process among those that are known. Dropped, when nothing of it lives, it is forgotten.
#[derive(Debug)]
pub(crate) struct Known {
    pid: i32,
    started: u64,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    identity: Identity,
    /// The entry in the environment of everything of ours.
    variable: Vec<u8>,
    /// Children that were there before, with their start times: somebody else's business.
    before: HashMap<i32, u64>,
    records: Records,
    refreshers: Refreshers,
    /// Tickets given out; and the newest one that a finished search covers.
    asked: AtomicU64,
    done: tokio::sync::Mutex<u64>,
    /// Refreshes that were left alone in the last round.
    spared: watch::Sender<usize>,
    is_watching: AtomicBool,
    round: Mutex<Rounds>,
}

impl Reaper {
    /// Makes this process the parent of every orphan of its workers. `state_folder` keeps the records of living workers;
    /// `store` tells who refreshes.
    pub(crate) fn new(state_folder: &Path, store: Option<Store>) -> io::Result<Self> {
        nix::sys::prctl::set_child_subreaper(true)?;
        let records = Records::open(state_folder)?;
        let identity = Identity::of(state_folder)?;
        let variable = format!("{}={}", contract::STATE_MARKER, identity.as_str()).into_bytes();
        let us = getpid().as_raw();
        let children = process::all()?.into_iter().filter(|process| process.parent == us);
        Ok(Self {
            shared: Arc::new(Shared {
                identity,
                variable,
                before: children.map(|child| (child.pid, child.started)).collect(),
                records,
                refreshers: Refreshers::new(store),
                asked: AtomicU64::new(0),
                done: tokio::sync::Mutex::default(),
                spared: watch::Sender::new(0),
                is_watching: AtomicBool::new(false),
                round: Mutex::default(),
            }),
        })
    }

    /// Kills what an earlier host on this state folder left behind. To be called once, before the first worker starts, by
    /// the one host that may use the folder.
    pub(crate) async fn sweep_leftovers(&self) -> Swept {
        let shared = self.shared.clone();
        let found = tokio::task::spawn_blocking(move || shared.leftovers()).await;
        let found = match found.map_err(io::Error::other).flatten() {
            Ok(found) => found,
            Err(error) => {
                tracing::error!(%error, "could not look for what an earlier host left behind");
                return Swept::default();
            }
        };
        let deadline = Instant::now() + PATIENCE;
        // They are somebody else's children: nobody tells us of their end.
        while found.stopped.iter().any(Process::is_alive) && Instant::now() < deadline {
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        if let Some(left) = found.stopped.iter().find(|process| process.is_alive()) {
            tracing::error!(
                pid = left.pid,
                "could not kill a process that an earlier host left behind"
            );
        }
        let swept = Swept {
            killed: found.stopped.len(),
            spared: found.spared.len(),
        };
        if !found.spared.is_empty() {
            self.shared.rounds().foreign = found.spared;
            self.orphans_killed().await;
        }
        swept
    }

    /// Waits until no refresh of a former worker is in flight; each ends, or is killed, after at most 22 s.
    pub(crate) async fn refreshes_ended(&self) {
        let mut spared = self.shared.spared.subscribe();
        let ended = spared.wait_for(|count| *count == 0);
        // The error is the end of this value, which is alive.
        let _ = tokio::time::timeout(REFRESHER_LIMIT * 2, ended).await;
    }

    /// Kills every orphan. Returns when none lives but for refreshes in flight, which are watched from then on.
    pub(crate) async fn orphans_killed(&self) {
        let ticket = self.shared.asked.fetch_add(1, Ordering::SeqCst) + 1;
        let mut done = self.shared.done.lock().await;
        // A search that began after we asked has seen what we mean.
        if *done >= ticket {
            return;
        }
        let covered = self.shared.asked.load(Ordering::SeqCst);
        let spared = self.search().await;
        *done = covered;
        drop(done);
        if spared > 0 && !self.shared.is_watching.swap(true, Ordering::SeqCst) {
            tokio::spawn(self.clone().watch_refreshes());
        }
    }

    /// What everything of ours is born with.
    pub(crate) fn mark(&self) -> Mark {
        Mark::of(&self.shared.identity)
    }

    /// The name that is in the environment of what is ours.
    pub(crate) fn name(&self) -> &str {
        self.shared.identity.as_str()
    }

    /// Starts a worker so that it is known from its first moment, and recorded. Blocks.
    ///
    /// `program` is ours, if it is: its refreshes are known by it.
    pub(crate) fn start(
        &self,
        own_program: Option<&Path>,
        spawn: impl FnOnce() -> io::Result<Child>,
    ) -> io::Result<(Child, Known)> {
        if let Some(program) = own_program {
            self.shared.refreshers.add_program(program);
        }
        let mut workers = workers();
        let child = spawn()?;
        let pid = child.id().and_then(|pid| i32::try_from(pid).ok());
        // Nobody has waited for it, so it is there, if only as a zombie.
        let process = pid
            .and_then(process::read)
            .ok_or_else(|| io::Error::other("the new process is not in /proc"))?;
        workers.insert(process.pid, process.started);
        drop(workers);
        if let Err(error) = self.shared.records.add(&process) {
            tracing::warn!(pid = process.pid, %error, "could not record a worker; its environment still marks it");
        }
        let known = Known {
            pid: process.pid,
            started: process.started,
            shared: self.shared.clone(),
        };
        Ok((child, known))
    }

    /// Round by round until nothing is left to kill; how many refreshes were left alone.
    async fn search(&self) -> usize {
        let deadline = Instant::now() + PATIENCE;
        // Without it, time does.
        let mut child_ended = signal(SignalKind::child()).ok();
        loop {
            let shared = self.shared.clone();
            let round = tokio::task::spawn_blocking(move || shared.round()).await;
            let round = match round.map_err(io::Error::other).flatten() {
                Ok(round) => round,
                Err(error) => {
                    tracing::error!(%error, "could not look for orphans");
                    return 0;
                }
            };
            self.shared.spared.send_replace(round.spared);
            if round.alive == 0 && !round.has_ended {
                return round.spared;
            }
            if Instant::now() > deadline {
                if round.alive > 0 {
                    tracing::error!(
                        count = round.alive,
                        "could not kill all that a worker left behind"
                    );
                }
                return round.spared;
            }
            let ended = async {
                match &mut child_ended {
                    Some(ended) => ended.recv().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                _ = ended => {}
                () = tokio::time::sleep(LOOK_AGAIN) => {}
            }
        }
    }

    /// Looks again until every refresh that was left alone has ended, or had its time.
    async fn watch_refreshes(self) {
        loop {
            tokio::time::sleep(LOOK_AT_REFRESHES).await;
            let done = self.shared.done.lock().await;
            if self.search().await == 0 {
                // Before others may search: one that finds a refresh then starts a new watch.
                self.shared.is_watching.store(false, Ordering::SeqCst);
                return;
            }
            drop(done);
        }
    }
}

impl Known {
    /// The process.
    pub(crate) fn pid(&self) -> i32 {
        self.pid
    }

    /// To be called when its exit was seen: from then on its id may be given to another.
    pub(crate) fn has_ended(&self) {
        let mut workers = workers();
        if workers.get(&self.pid) == Some(&self.started) {
            workers.remove(&self.pid);
        }
    }
}

impl Drop for Known {
    fn drop(&mut self) {
        self.has_ended();
        self.shared.records.remove(self.pid);
    }
}

impl Shared {
    fn leftovers(&self) -> io::Result<leftovers::Found> {
        let workers = self.records.leftover()?;
        let signs = Signs {
            workers,
            variable: self.variable.clone(),
            mark: Mark::of(&self.identity),
        };
        let mut found = leftovers::find(&signs, &self.refreshers)?;
        found.stopped.retain(|process| {
            tracing::info!(pid = process.pid, "killing what an earlier host left behind");
            process.signal(Signal::SIGKILL)
        });
        self.records.clear()?;
        Ok(found)
    }
}

fn workers() -> MutexGuard<'static, HashMap<i32, u64>> {
    WORKERS.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
