//! One round of killing orphans: every process is looked at, in the order of their numbers.

use std::collections::{HashMap, HashSet};
use std::io;
use std::sync::{MutexGuard, PoisonError};

use nix::sys::signal::Signal;
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::{Pid, getpid, getsid};

use super::process::{self, Process};
use super::refresher::Refreshers;
use super::{Shared, workers};

/// How often to look again at once, as long as something has ended meanwhile.
const LOOKS: usize = 8;

/// What one round has to know of earlier ones: processes with their start times.
#[derive(Debug, Default)]
pub(super) struct Rounds {
    pub(super) killed: HashSet<(i32, u64)>,
    pub(super) zombies: HashSet<(i32, u64)>,
    /// Those that we may not signal: it was said, and nothing more can be done.
    pub(super) untouchable: HashSet<(i32, u64)>,
    /// Refreshes left over from an earlier host, which are not our children.
    pub(super) foreign: Vec<Process>,
}

/// What one round found.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Round {
    pub(super) alive: usize,
    pub(super) spared: usize,
    /// One of them was met dead for the first time, or taken off the kernel's list: there is to be another round.
    pub(super) has_ended: bool,
}

impl Shared {
    pub(super) fn rounds(&self) -> MutexGuard<'_, Rounds> {
        self.round.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Kills the orphans that are there now, and takes note of those that ended.
    pub(super) fn round(&self) -> io::Result<Round> {
        let workers = workers();
        let mut rounds = self.rounds();
        let mut news = Rounds::default();
        let mut result = self.look(&workers, &mut rounds, &mut news)?;
        // The children of one that has ended meanwhile came to us behind our back, if their numbers are lower.
        for _ in 0..LOOKS {
            if !result.has_ended {
                break;
            }
            result = self.look(&workers, &mut rounds, &mut news)?;
        }
        rounds.zombies = news.zombies;
        // Those that were met dead wait for the next round to be taken off the kernel's list.
        result.has_ended |= !rounds.zombies.is_empty();
        rounds.untouchable = news.untouchable;
        rounds.foreign.retain(|process| {
            let is_over = Refreshers::is_overdue(process);
            if is_over {
                process.signal(Signal::SIGKILL);
            }
            !is_over && process.is_alive()
        });
        result.spared += rounds.foreign.len();
        Ok(result)
    }

    /// Looks at every process once, in the order of their numbers.
    fn look(&self, workers: &HashMap<i32, u64>, rounds: &mut Rounds, news: &mut Rounds) -> io::Result<Round> {
        let (us, our_session) = (getpid().as_raw(), getsid(None)?.as_raw());
        let mut result = Round::default();
        for process in process::all()? {
            // What this program starts for itself stays in its session; what a worker starts never was in it.
            if process.parent != us || process.session == our_session || workers.contains_key(&process.pid) {
                continue;
            }
            if !process.is_zombie && self.needs_mark(us, &process) && !self.is_marked(&process) {
                continue;
            }
            let key = (process.pid, process.started);
            if process.is_zombie {
                // One that we did not kill may have somebody in this program who waits for it: he comes first.
                if rounds.killed.remove(&key) || rounds.zombies.remove(&key) {
                    let _ = waitpid(Pid::from_raw(process.pid), Some(WaitPidFlag::WNOHANG));
                    result.has_ended = true;
                } else {
                    result.has_ended |= news.zombies.insert(key);
                }
            } else if self.refreshers.spare(&process) {
                result.spared += 1;
            } else if rounds.untouchable.contains(&key)
                || news.untouchable.contains(&key)
                || !process.signal(Signal::SIGKILL)
            {
                news.untouchable.insert(key);
            } else {
                rounds.killed.insert(key);
                result.alive += 1;
            }
        }
        Ok(result)
    }
}
