//! What `/proc` says of processes that a command may have started.

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use nix::unistd::{Pid, getpgid, getsid};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Process {
    pub(super) pid: i32,
    /// Its process group, and its session.
    pub(super) group: i32,
    pub(super) session: i32,
    /// In clock ticks since boot: together with the number it names a process for good.
    pub(super) started: u64,
    /// Those that have not ended; at least one, as the dead have a number, too.
    pub(super) threads: usize,
    state: State,
    pub(super) is_our_child: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum State {
    Works,
    Stopped,
    Dead,
    /// `/proc` does not show it, as it is mounted with `hidepid`, and the process keeps its memory from others. All that is
    /// known is that it has a number.
    Hidden,
}

impl Process {
    pub(super) fn is_dead(&self) -> bool {
        self.state == State::Dead
    }

    pub(super) fn may_be_dead(&self) -> bool {
        matches!(self.state, State::Dead | State::Hidden)
    }

    pub(super) fn may_be_stopped(&self) -> bool {
        matches!(self.state, State::Stopped | State::Hidden)
    }

    pub(super) fn children(&self) -> Vec<i32> {
        let process = self.pid.to_string();
        if self.state == State::Hidden {
            children_by_looking(&process)
        } else {
            children(&process)
        }
    }
}

/// Children of all threads of a process; none of one that is gone.
pub(super) fn children(process: &str) -> Vec<i32> {
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

/// Every process is asked for its parent: for kernels without `CONFIG_PROC_CHILDREN`, and for children of one that is hidden.
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

/// A process. What is hidden is seen only of our own children, whose numbers nobody else gets.
pub(super) fn look(pid: i32, is_our_child: bool) -> Option<Process> {
    let Some(stat) = stat(pid) else {
        return is_our_child.then(|| hidden(pid)).flatten();
    };
    let number = |at: usize| stat.get(at)?.parse::<u64>().ok();
    let threads = usize::try_from(number(17)?).ok()?;
    let state = match stat.first()?.as_str() {
        // One whose first thread alone has ended is shown as a zombie, too, and works on.
        "Z" | "X" if threads <= 1 => State::Dead,
        "T" | "t" => State::Stopped,
        _ => State::Works,
    };
    Some(Process {
        pid,
        group: stat.get(2)?.parse().ok()?,
        session: stat.get(3)?.parse().ok()?,
        started: number(19)?,
        threads: threads.max(1),
        state,
        is_our_child,
    })
}

/// What the kernel says without `/proc`.
fn hidden(pid: i32) -> Option<Process> {
    Some(Process {
        pid,
        group: getpgid(Some(Pid::from_raw(pid))).ok()?.as_raw(),
        session: getsid(Some(Pid::from_raw(pid))).ok()?.as_raw(),
        started: 0,
        threads: 1,
        state: State::Hidden,
        is_our_child: true,
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

    use nix::sys::wait::WaitPidFlag;
    use nix::unistd::Pid;

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
        assert!(dead.is_dead() && dead.started > 0);
        child.wait().unwrap();
        assert_eq!(look(pid, true), None);
    }
}
