//! All processes of a command, and their end.
//!
//! A process that left its session and its parent becomes a child of this worker, which is a child subreaper. There it
//! stands among others that must live: a refresher of a login above all, and whatever the worker starts for itself. The
//! cage's mark tells them apart: it is inherited and can't be taken off, while names, sessions and parents can be changed.

use std::collections::{BTreeSet, HashSet};
use std::fs;
use std::path::Path;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

use cage::Mark;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;
use tokio::signal::unix::{SignalKind, signal};
use tracing::{info, warn};

/// How long a killed process may take to be gone; one that the kernel holds (a dead network disk) takes longer.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);
/// How long new processes may keep appearing while they are killed.
const CHASE: Duration = Duration::from_secs(2);
/// A death that sends no signal to us is seen so late.
const LOOK_AGAIN: Duration = Duration::from_millis(10);
/// What the kernel holds for long is looked at so rarely.
const LOOK_RARELY: Duration = Duration::from_secs(1);

/// Marks of the commands that run now. A process with any other mark is left over from an earlier one, or has lowered its
/// own: whoever cleans up next ends it. Anything else that the worker runs in a cage for longer must be listed here, too.
static RUNNING: Mutex<BTreeSet<Mark>> = Mutex::new(BTreeSet::new());

/// The processes of one command. Dropping it kills them; what that can't end in time, a task goes on killing.
#[derive(Debug)]
pub(super) struct Tree {
    kin: Option<Kin>,
    /// How long dropping may take.
    chase: Duration,
}

/// What the processes of one command have in common. It counts as running until this is dropped.
#[derive(Debug)]
struct Kin {
    mark: Mark,
}

/// What became of processes that a command had left running.
#[derive(Debug, Clone, Copy)]
pub(super) struct Left {
    /// Were running, and are not any more.
    pub(super) ended: usize,
    /// Are still there.
    pub(super) alive: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Process {
    pid: i32,
    /// In clock ticks since boot: together with the number it names a process for good.
    started: u64,
    is_dead: bool,
    is_our_child: bool,
}

impl Tree {
    /// To be made before the command is started. Ends what earlier ones left behind.
    pub(super) fn new(mark: Mark) -> Self {
        running(|marks| marks.insert(mark));
        let kin = Kin { mark };
        kin.chase(CHASE);
        kin.bury();
        Self {
            kin: Some(kin),
            chase: CHASE,
        }
    }

    /// Kills everything that lives, until nothing new appears. Says how many there were. When it returns, the kills have
    /// been sent; the processes may take a moment to be gone.
    pub(super) fn kill(&self) -> usize {
        self.kin.as_ref().map_or(0, |kin| kin.chase(CHASE).killed)
    }

    /// Waits until everything is gone, and kills what still appears. Gives the number of those that are not gone in time.
    /// The command's first process must have been waited for before.
    pub(super) async fn reap(&self) -> usize {
        let Some(kin) = &self.kin else { return 0 };
        let deadline = Instant::now() + PATIENCE;
        // Without it, looking again does.
        let mut deaths = signal(SignalKind::child()).ok();
        loop {
            kin.chase(CHASE);
            kin.bury();
            let left = kin.processes().len();
            if left == 0 || Instant::now() > deadline {
                return left;
            }
            let death = async {
                match &mut deaths {
                    Some(deaths) => drop(deaths.recv().await),
                    None => std::future::pending().await,
                }
            };
            let _ = tokio::time::timeout(LOOK_AGAIN, death).await;
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
        if kin.chase(self.chase).is_over {
            return;
        }
        // Without a runtime the worker ends, and nothing can be waited for any more.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            drop(runtime.spawn(kin.hunt()));
        }
    }
}

/// What came of killing.
struct Chased {
    killed: usize,
    /// Whether nothing new appeared in the end.
    is_over: bool,
}

impl Kin {
    fn chase(&self, limit: Duration) -> Chased {
        let deadline = Instant::now() + limit;
        let mut killed = HashSet::new();
        loop {
            let is_over = !self.round(&mut killed);
            if !is_over && Instant::now() <= deadline {
                continue;
            }
            if !is_over {
                warn!(
                    processes = killed.len(),
                    "a command keeps starting processes while it is killed"
                );
            }
            return Chased {
                killed: killed.len(),
                is_over,
            };
        }
    }

    /// Kills what lives and was not killed before. Says whether there was anything.
    fn round(&self, killed: &mut HashSet<(i32, u64)>) -> bool {
        let fresh: Vec<Process> = self
            .processes()
            .into_iter()
            .filter(|process| !process.is_dead && !killed.contains(&(process.pid, process.started)))
            .collect();
        for process in &fresh {
            // A process whose kill is pending can't finish a fork any more, so each round leaves fewer.
            if look(process.pid, false).is_some_and(|now| now.started == process.started) {
                let _ = kill(Pid::from_raw(process.pid), Signal::SIGKILL);
            }
            killed.insert((process.pid, process.started));
        }
        !fresh.is_empty()
    }

    /// Kills and buries until nothing is left. In steps, as others need the thread; without a pause while new processes
    /// appear, as those would use it.
    async fn hunt(self) {
        let mut killed = HashSet::new();
        let mut pause = LOOK_AGAIN;
        loop {
            let found = self.round(&mut killed);
            self.bury();
            if found {
                pause = LOOK_AGAIN;
                tokio::task::yield_now().await;
                continue;
            }
            if self.processes().is_empty() {
                info!(
                    processes = killed.len(),
                    "ended what a command went on starting after its end"
                );
                return;
            }
            tokio::time::sleep(pause).await;
            pause = LOOK_RARELY.min(pause * 2);
        }
    }

    /// Takes dead ones off the kernel's list. Never waits for just any child: others wait for theirs.
    fn bury(&self) {
        for process in self.processes() {
            if process.is_dead && process.is_our_child {
                let _ = waitpid(Pid::from_raw(process.pid), Some(WaitPidFlag::WNOHANG));
            }
        }
    }

    /// Ours: children with our mark or nobody's, and everything beneath them.
    fn processes(&self) -> Vec<Process> {
        let ours = |pid: &i32| match Mark::of(*pid) {
            Ok(Some(mark)) => mark == self.mark || running(|marks| !marks.contains(&mark)),
            // Not caged, or gone.
            Ok(None) | Err(_) => false,
        };
        let mut found: Vec<Process> = children("self")
            .into_iter()
            .filter(ours)
            .filter_map(|pid| look(pid, true))
            .collect();
        let mut next = 0;
        while let Some(process) = found.get(next) {
            found.extend(
                children(&process.pid.to_string())
                    .into_iter()
                    .filter_map(|pid| look(pid, false)),
            );
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

/// Children of all threads of a process; none of one that is gone.
fn children(process: &str) -> Vec<i32> {
    static LISTED: LazyLock<bool> = LazyLock::new(|| Path::new("/proc/thread-self/children").exists());
    if *LISTED {
        children_listed(process)
    } else {
        children_by_looking(process)
    }
}

/// A thread that ends meanwhile may hide some; they are seen in the next round.
fn children_listed(process: &str) -> Vec<i32> {
    let threads = fs::read_dir(format!("/proc/{process}/task"))
        .into_iter()
        .flatten()
        .flatten();
    threads
        .filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok())
        .flat_map(|list| {
            list.split_whitespace()
                .filter_map(|number| number.parse().ok())
                .collect::<Vec<_>>()
        })
        .collect()
}

/// For kernels without `CONFIG_PROC_CHILDREN`: every process is asked for its parent.
fn children_by_looking(process: &str) -> Vec<i32> {
    let parent = match process {
        "self" => std::process::id().to_string(),
        pid => pid.to_owned(),
    };
    let all = fs::read_dir("/proc").into_iter().flatten().flatten();
    all.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid| stat(*pid).is_some_and(|stat| stat.get(1) == Some(&parent)))
        .collect()
}

fn look(pid: i32, is_our_child: bool) -> Option<Process> {
    let stat = stat(pid)?;
    Some(Process {
        pid,
        started: stat.get(19)?.parse().ok()?,
        is_dead: matches!(stat.first()?.as_str(), "Z" | "X"),
        is_our_child,
    })
}

/// The fields of `proc_pid_stat(5)` from the state on. The name before them is in brackets, and may contain anything.
fn stat(pid: i32) -> Option<Vec<String>> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    Some(fields.split_whitespace().map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn both_ways_of_finding_children_find_the_same() {
        let mut child = Command::new("sleep")
            .arg("1000")
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let pid = child.id().cast_signed();
        assert!(children_listed("self").contains(&pid));
        assert!(children_by_looking("self").contains(&pid));
        assert!(children_listed(&pid.to_string()).is_empty());
        assert!(children_by_looking(&pid.to_string()).is_empty());
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(
            children_listed(&pid.to_string()).is_empty(),
            "a process that is gone"
        );
    }

    #[test]
    fn a_process_is_known_by_its_start_and_its_state() {
        let mut child = Command::new("true").stdin(Stdio::null()).spawn().unwrap();
        let pid = child.id().cast_signed();
        let id = nix::sys::wait::Id::Pid(Pid::from_raw(pid));
        // Waits for its death without taking it off the list.
        nix::sys::wait::waitid(id, WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT).unwrap();
        let dead = look(pid, true).unwrap();
        assert!(dead.is_dead && dead.started > 0);
        child.wait().unwrap();
        assert_eq!(look(pid, true), None);
    }
}
