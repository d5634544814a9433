//! What a worker's process does between fork and exec: a session of its own, the reaper of its own tree, its host's mark,
//! the limit of open files that it is told, and a signal when this process dies: agents that are not ours die of it.
#![expect(
    unsafe_code,
    reason = "there is no other place for code between fork(2) and exec(2)"
)]

use std::io;

use nix::sys::prctl::{set_child_subreaper, set_pdeathsig};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::Signal;
use nix::unistd::{Pid, getpid, getppid, setsid};
use tokio::process::Command;

use crate::sweep::Mark;

/// What becomes of a worker when this process dies without a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AtOurDeath {
    /// It sees the end of its input and ends by itself, with what it started. One that somebody stopped goes on to that.
    SeesEndOfInput,
    /// The kernel kills it.
    IsKilled,
}

/// Prepares the command. The signal of a parent's death comes when the *thread* dies that started the child, so it has
/// to be started from one that lives as long as the program.
pub(super) fn prepare(command: &mut Command, mark: Mark, at_our_death: AtOurDeath, open_files: Option<u64>) {
    let parent = getpid();
    // As many as we need would be too many for programs with select(2), and for those that close all there could be.
    let open_files = open_files.zip(getrlimit(Resource::RLIMIT_NOFILE).ok());
    let open_files = open_files.map(|(soft, (_, hard))| (soft.min(hard), hard));
    // SAFETY: after fork and before exec only async-signal-safe calls are allowed; these are plain system calls, nothing is
    // allocated, and no lock is taken.
    unsafe {
        command.pre_exec(move || enter(parent, mark, at_our_death, open_files));
    }
}

fn enter(
    parent: Pid,
    mark: Mark,
    at_our_death: AtOurDeath,
    open_files: Option<(u64, u64)>,
) -> io::Result<()> {
    setsid()?;
    if let Some((soft, hard)) = open_files {
        setrlimit(Resource::RLIMIT_NOFILE, soft, hard)?;
    }
    // It is kept across exec and not passed on: what the worker starts, and forks away, stays below the worker.
    set_child_subreaper(true)?;
    // It can't be raised: below a host that is itself marked, the other signs must do.
    let _ = setrlimit(Resource::RLIMIT_LOCKS, mark.value(), mark.value());
    set_pdeathsig(match at_our_death {
        AtOurDeath::SeesEndOfInput => Signal::SIGCONT,
        AtOurDeath::IsKilled => Signal::SIGKILL,
    })?;
    // It died before that call: no signal will come.
    if getppid() != parent {
        return Err(io::ErrorKind::NotConnected.into());
    }
    Ok(())
}
