//! What `/proc` says about processes.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// A process at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Process {
    pub(crate) pid: i32,
    pub(crate) parent: i32,
    pub(crate) session: i32,
    /// Start time in clock ticks since boot: with it, a reused id is told apart.
    pub(crate) started: u64,
    /// It ended, and its parent did not look yet.
    pub(crate) is_zombie: bool,
}

/// Clock ticks per second, as `/proc` counts them; the same on every architecture that is built for.
const TICKS: u64 = 100;

/// All processes that can be seen.
pub(super) fn all() -> io::Result<Vec<Process>> {
    let mut all = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        // One that ended since is no longer of interest.
        if let Some(process) = name.to_str().and_then(|name| name.parse().ok()).and_then(read) {
            all.push(process);
        }
    }
    Ok(all)
}

/// One process; `None` if there is none.
pub(crate) fn read(pid: i32) -> Option<Process> {
    parse(pid, &fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// proc(5), `/proc/PID/stat`.
fn parse(pid: i32, stat: &str) -> Option<Process> {
    // The name in parentheses may hold anything, so count from its end: state is field 3.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?;
    let parent = fields.next()?.parse().ok()?;
    let session = fields.nth(1)?.parse().ok()?;
    let threads: u32 = fields.nth(13)?.parse().ok()?;
    let started = fields.nth(1)?.parse().ok()?;
    Some(Process {
        pid,
        parent,
        session,
        started,
        // One whose first thread alone has ended is shown as a zombie, too, and works on.
        is_zombie: matches!(state, "Z" | "X") && threads <= 1,
    })
}

impl Process {
    /// Whether this very process still runs.
    pub(crate) fn is_alive(&self) -> bool {
        read(self.pid).is_some_and(|now| now.started == self.started && !now.is_zombie)
    }

    /// How long it runs.
    pub(super) fn age(&self) -> Duration {
        let uptime = fs::read_to_string("/proc/uptime").unwrap_or_default();
        let ticks = uptime.split_once('.').and_then(|(seconds, rest)| {
            let hundredths: u64 = rest.get(..2)?.parse().ok()?;
            Some(seconds.parse::<u64>().ok()? * TICKS + hundredths)
        });
        // Where the system does not tell, nothing is young.
        let ticks = ticks.map_or(u64::MAX / 1000, |now| now.saturating_sub(self.started));
        Duration::from_millis(ticks * 1000 / TICKS)
    }

    /// Its arguments; none if it may not be read or is ending.
    pub(super) fn arguments(&self) -> Vec<Vec<u8>> {
        let line = fs::read(format!("/proc/{}/cmdline", self.pid)).unwrap_or_default();
        line.split(|byte| *byte == 0).map(<[u8]>::to_vec).collect()
    }

    /// Whether its environment, as it was at its start, has this entry. Not to be read: no.
    pub(super) fn has_in_environment(&self, entry: &[u8]) -> bool {
        let environment = fs::read(format!("/proc/{}/environ", self.pid)).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|found| found == entry)
    }

    /// Its program, where it may be looked at.
    pub(super) fn program(&self) -> Option<ProgramFile> {
        ProgramFile::at(format!("/proc/{}/exe", self.pid).as_ref())
    }

    /// Signals this very process; one that ended is left alone. Whether it may be signalled at all.
    pub(super) fn signal(&self, signal: Signal) -> bool {
        // Between the look and the signal the id would have to be freed and given again: it takes a whole round of ids.
        if read(self.pid).is_some_and(|now| now.started == self.started)
            && let Err(error) = kill(Pid::from_raw(self.pid), signal)
            && error != nix::errno::Errno::ESRCH
        {
            tracing::warn!(pid = self.pid, %signal, %error, "could not signal a leftover process");
            return false;
        }
        true
    }
}

/// A program, whatever it is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct ProgramFile {
    device: u64,
    inode: u64,
}

impl ProgramFile {
    pub(super) fn at(path: &Path) -> Option<Self> {
        use std::os::unix::fs::MetadataExt as _;
        let metadata = fs::metadata(path).ok()?;
        Some(Self {
            device: metadata.dev(),
            inode: metadata.ino(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_blanks_and_parentheses_is_no_field() {
        let stat = "42 (a) b (c) Z 7 8 9 0 -1 4194560 0 0 0 0 1 2 3 4 20 0 1 0 12345 0 0";
        let process = parse(42, stat).unwrap();
        assert_eq!((process.parent, process.session, process.started), (7, 9, 12345));
        assert!(process.is_zombie);
        let works = stat.replace("20 0 1 0 12345", "20 0 2 0 12345");
        assert!(
            !parse(42, &works).unwrap().is_zombie,
            "its second thread is alive"
        );
    }

    #[test]
    fn this_process_is_found_young_and_alive() {
        let pid = i32::try_from(std::process::id()).unwrap();
        let this = *all().unwrap().iter().find(|process| process.pid == pid).unwrap();
        assert_eq!(read(pid), Some(this));
        assert!(this.is_alive() && this.age() < Duration::from_mins(10));
        assert_eq!(this.program(), ProgramFile::at("/proc/self/exe".as_ref()));
        assert!(!this.arguments()[0].is_empty());
        let other = Process {
            started: this.started + 1,
            ..this
        };
        assert!(!other.is_alive(), "a reused id is another process");
    }
}
