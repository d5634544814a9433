//! All processes of a command, and their end.
//!
//! A process that left its session and its parent becomes a child of the command's guard, which ends it with the command. Where
//! the command is to end before that, or its guard could not do it, this does. Whatever is below a guard that is gone becomes
//! a child of this worker, which is a child subreaper. There it stands among others that must live: a refresher of a
//! login above all, and whatever the worker starts for itself. The cage's mark tells them apart: it is inherited and can't be
//! taken off, while names, sessions and parents can be changed.

use std::collections::{BTreeSet, HashSet};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use cage::Mark;
use nix::sys::signal::{Signal, kill, killpg};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, getsid};
use tokio::signal::unix::{Signal as Deaths, SignalKind, signal};
use tokio::time::{sleep, timeout};
use tracing::{info, warn};

use super::process::{Process, children, look};

/// How long a killed process may take to be gone; one that the kernel holds (a dead network disk) takes longer.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);
/// How long new processes may keep appearing while they are killed.
const CHASE: Duration = Duration::from_secs(2);
/// A death that sends no signal to us is seen so late.
const LOOK_AGAIN: Duration = Duration::from_millis(10);
/// What the kernel holds for long is looked at so rarely.
const LOOK_RARELY: Duration = Duration::from_secs(1);
/// A command that runs is looked at so often, or as often as a tenth of the time allows, but at least …
const LOOK_ON: Duration = Duration::from_millis(100);
/// … so often.
const LOOK_ON_RARELY: Duration = Duration::from_millis(500);

/// In so many rounds the guard is left alive while others are killed: if this worker dies meanwhile, it ends the rest.
const GUARDED: usize = 3;

/// Marks of the commands that run now. A process with any other mark is left over from an earlier one, or has lowered its
/// own: whoever cleans up next ends it. Anything else that the worker runs in a cage for longer must be listed here, too.
static RUNNING: Mutex<BTreeSet<Mark>> = Mutex::new(BTreeSet::new());

/// The processes of one command. Dropping it kills them; what that can't end in time, a task goes on killing.
#[derive(Debug)]
pub(super) struct Tree {
    kin: Option<Kin>,
    /// How long dropping may take.
    chase: Duration,
    /// Processes and threads at once, the dead that nobody has waited for among them.
    most: usize,
}

/// What the processes of one command have in common. It counts as running until this is dropped.
#[derive(Debug)]
struct Kin {
    mark: Mark,
    /// What was started, which another waits for; 0: it has been waited for.
    leader: AtomicI32,
    /// Whether that is the command's guard, or its first process.
    is_guarded: bool,
}

/// What became of processes that a command had left running.
#[derive(Debug, Clone, Copy)]
pub(super) struct Left {
    /// Were running, and are not any more.
    pub(super) ended: usize,
    /// Are still there.
    pub(super) alive: usize,
}

impl Tree {
    /// To be made before the command is started, which may have at most so many processes and threads at once. Ends what
    /// earlier ones left behind. `None`: an earlier command that has this mark is not gone yet.
    pub(super) fn new(mark: Mark, is_guarded: bool, most: NonZeroU32) -> Option<Self> {
        if !running(|marks| marks.insert(mark)) {
            return None;
        }
        let kin = Kin {
            mark,
            leader: AtomicI32::new(0),
            is_guarded,
        };
        kin.chase(CHASE, &mut Seen::default());
        Some(Self {
            kin: Some(kin),
            chase: CHASE,
            most: usize::try_from(most.get()).unwrap_or(usize::MAX),
        })
    }

    /// Whoever starts the command waits for its first process, and nobody else.
    pub(super) fn starts_with(&self, pid: Option<u32>) {
        if let (Some(kin), Some(pid)) = (&self.kin, pid) {
            kin.leader.store(pid.cast_signed(), Ordering::Relaxed);
        }
    }

    /// The first process has been waited for.
    pub(super) fn first_is_gone(&self) {
        if let Some(kin) = &self.kin {
            kin.leader.store(0, Ordering::Relaxed);
        }
    }

    /// Takes what dies off the kernel's list, for as long as it is polled: each of the dead keeps a number that nobody else
    /// can have. Returns when the command has more processes and threads than it may.
    pub(super) async fn watch(&self) -> TooMany {
        let Some(kin) = &self.kin else {
            return std::future::pending().await;
        };
        let mut deaths = deaths();
        loop {
            let began = Instant::now();
            let all = kin.processes(self.most);
            let buried = kin.bury(&all);
            kin.wake_guard(&all);
            let threads: usize = all.iter().map(|process| process.threads).sum();
            if threads - buried > self.most {
                return TooMany { most: self.most };
            }
            let took = began.elapsed();
            // Whoever starts so many that they are not buried in half of the time comes to have too many.
            sleep(took.max(LOOK_AGAIN)).await;
            if buried == 0 {
                next_death(&mut deaths, (took * 10).clamp(LOOK_ON, LOOK_ON_RARELY)).await;
            }
        }
    }

    /// Kills everything that lives, until nothing new appears. Says how many there were. When it returns, the kills have
    /// been sent; the processes may take a moment to be gone.
    pub(super) fn kill(&self) -> usize {
        let mut seen = Seen::default();
        if let Some(kin) = &self.kin {
            kin.chase(CHASE, &mut seen);
        }
        seen.killed.len()
    }

    /// Waits until everything is gone, and kills what still appears. Gives the number of those that are not gone in time.
    /// The command's first process must have been waited for before.
    pub(super) async fn reap(&self) -> usize {
        let Some(kin) = &self.kin else { return 0 };
        let deadline = Instant::now() + PATIENCE;
        let mut deaths = deaths();
        loop {
            kin.chase(CHASE, &mut Seen::default());
            let left = kin.processes(usize::MAX).len();
            if left == 0 || Instant::now() > deadline {
                return left;
            }
            next_death(&mut deaths, LOOK_AGAIN).await;
        }
    }

    #[cfg(test)]
    pub(super) fn set_chase(&mut self, chase: Duration) {
        self.chase = chase;
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        let Some(kin) = self.kin.take() else { return };
        let mut seen = Seen::default();
        // What is dying, or hidden, may have children that nobody has seen yet.
        if kin.chase(self.chase, &mut seen) && kin.processes(usize::MAX).is_empty() {
            return;
        }
        // Without a runtime the worker ends, and nothing can be waited for any more.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            drop(runtime.spawn(kin.hunt(seen)));
        }
    }
}

/// What is told of a command that has too many processes and threads.
#[derive(Debug, Clone, Copy)]
pub(super) struct TooMany {
    pub(super) most: usize,
}

/// Ends of children. Without them, looking again does.
fn deaths() -> Option<Deaths> {
    signal(SignalKind::child()).ok()
}

async fn next_death(deaths: &mut Option<Deaths>, patience: Duration) {
    let death = async {
        match deaths {
            Some(deaths) => drop(deaths.recv().await),
            None => std::future::pending().await,
        }
    };
    let _ = timeout(patience, death).await;
}

/// What was met while killing, by number and start.
#[derive(Debug, Default)]
struct Seen {
    killed: HashSet<(i32, u64)>,
    dead: HashSet<(i32, u64)>,
    rounds: usize,
}

impl Kin {
    /// Says whether nothing new appeared in the end.
    fn chase(&self, limit: Duration, seen: &mut Seen) -> bool {
        let deadline = Instant::now() + limit;
        while self.round(seen) {
            if Instant::now() > deadline {
                warn!(
                    processes = seen.killed.len(),
                    "a command keeps starting processes while it is killed"
                );
                return false;
            }
        }
        true
    }

    /// Kills what lives and was not killed before, and buries the dead. Says whether to look again: anything lived, or one is
    /// new among the dead, whose children came to be ours, or the guard's, behind our back.
    fn round(&self, seen: &mut Seen) -> bool {
        let all = self.processes(usize::MAX);
        let mut fresh: Vec<&Process> = all
            .iter()
            .filter(|process| !process.is_dead() && !seen.killed.contains(&(process.pid, process.started)))
            .collect();
        let mut again = !fresh.is_empty();
        if seen.rounds < GUARDED && fresh.len() > 1 && self.is_guarded {
            let leader = self.leader.load(Ordering::Relaxed);
            fresh.retain(|process| process.pid != leader);
        }
        seen.rounds += 1;
        for process in &fresh {
            // A process whose kill is pending can't finish a fork any more, so each round leaves fewer.
            if look(process.pid, process.is_our_child).is_some_and(|now| now.started == process.started) {
                let _ = kill(Pid::from_raw(process.pid), Signal::SIGKILL);
            }
        }
        // One that starts the next and ends at once is not met alive, but its group is: that is killed in one step, also
        // those who are just being born. While one of it is not buried, the number means this group.
        let ours = getsid(None).map_or(0, Pid::as_raw);
        let groups: BTreeSet<i32> = all
            .iter()
            .filter(|process| process.group > 1 && process.session > 1 && process.session != ours)
            .filter(|process| process.is_dead() || fresh.contains(process))
            .map(|process| process.group)
            .collect();
        for group in groups {
            let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
        }
        seen.killed
            .extend(fresh.iter().map(|process| (process.pid, process.started)));
        for process in all.iter().filter(|process| process.is_dead()) {
            again |= seen.dead.insert((process.pid, process.started));
        }
        self.bury(&all);
        again
    }

    /// Kills and buries until nothing is left. In steps, as others need the thread; without a pause while new processes
    /// appear, as those would use it.
    async fn hunt(self, mut seen: Seen) {
        // Whoever waited for it is gone.
        self.leader.store(0, Ordering::Relaxed);
        let before = seen.killed.len();
        let mut deaths = deaths();
        let mut pause = LOOK_AGAIN;
        loop {
            if self.round(&mut seen) {
                pause = LOOK_AGAIN;
                tokio::task::yield_now().await;
                continue;
            }
            if self.processes(usize::MAX).is_empty() {
                let processes = seen.killed.len() - before;
                if processes > 0 {
                    info!(processes, "ended what a command went on starting after its end");
                }
                return;
            }
            next_death(&mut deaths, pause).await;
            pause = LOOK_RARELY.min(pause * 2);
        }
    }

    /// A guard that its command stopped would not see the command's end.
    fn wake_guard(&self, processes: &[Process]) {
        let leader = self.leader.load(Ordering::Relaxed);
        let is_stopped = |process: &Process| process.pid == leader && process.may_be_stopped();
        if self.is_guarded && processes.iter().any(is_stopped) {
            // One that is gone needs it no more.
            let _ = cage::wake(leader);
        }
    }

    /// Takes dead children off the kernel's list. Never waits for just any child: others wait for theirs. How many there were.
    fn bury(&self, processes: &[Process]) -> usize {
        let leader = self.leader.load(Ordering::Relaxed);
        let is_buried = |pid| {
            let found = waitpid(Pid::from_raw(pid), Some(WaitPidFlag::WNOHANG));
            found.is_ok_and(|status| status != WaitStatus::StillAlive)
        };
        processes
            .iter()
            .filter(|process| process.is_our_child && process.pid != leader)
            .filter(|process| process.may_be_dead() && is_buried(process.pid))
            .count()
    }

    /// Ours: children with our mark or nobody's, and everything beneath them, the newest first. No more are looked for once
    /// there are more threads than `most` among the living.
    fn processes(&self, most: usize) -> Vec<Process> {
        let ours = |pid: &i32| match Mark::of(*pid) {
            Ok(Some(mark)) => mark == self.mark || running(|marks| !marks.contains(&mark)),
            // Not caged, or gone.
            Ok(None) | Err(_) => false,
        };
        let mut children = children("self");
        // Where the kernel has no list, one that is hidden is in none.
        let leader = self.leader.load(Ordering::Relaxed);
        if leader != 0 && !children.contains(&leader) {
            children.push(leader);
        }
        let mut found: Vec<Process> = children
            .into_iter()
            .rev()
            .filter(ours)
            .filter_map(|pid| look(pid, true))
            .collect();
        let living = |process: &Process| if process.is_dead() { 0 } else { process.threads };
        let mut threads: usize = found.iter().map(living).sum();
        let mut next = 0;
        while let Some(process) = found.get(next).filter(|_| threads <= most) {
            // Children of the dead are ours by now.
            let beneath = if process.is_dead() {
                Vec::new()
            } else {
                process.children()
            };
            let first = found.len();
            found.extend(beneath.into_iter().filter_map(|pid| look(pid, false)));
            threads += found[first..].iter().map(living).sum::<usize>();
            next += 1;
        }
        found
    }
}

impl Drop for Kin {
    fn drop(&mut self) {
        running(|marks| marks.remove(&self.mark));
    }
}

fn running<T>(with: impl FnOnce(&mut BTreeSet<Mark>) -> T) -> T {
    with(&mut RUNNING.lock().unwrap_or_else(PoisonError::into_inner))
}
