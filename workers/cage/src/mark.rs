//! A mark that a caged process and everything it starts carry, and that none of them can take off or change.
//!
//! Whoever ends a command has to find what it left behind, after `setsid`, double forks and forged names, among processes
//! that must not be touched. The mark is the hard value of `RLIMIT_LOCKS`, which no kernel since 2.4.25 looks at: children
//! inherit it, nobody without a capability may raise it, and `/proc/PID/limits` shows it. Lowering is what the layer `calls`
//! refuses: without it a command may give itself another mark, and others of its user a lower limit.
//!
//! The kernel is asked for it, and not that file, which a `/proc` mounted with `hidepid` hides for a process that keeps its
//! memory from others, as a command's guard does.
#![expect(
    unsafe_code,
    reason = "prlimit has no safe binding that reads the limit of another process"
)]

use std::io;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use nix::errno::Errno;
use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit};

/// Marks of an unlimited process count down from here.
const START: u64 = 1 << 40;

/// Its own limit, and the marks that a process gives out below it, over and over: an agreement with the supervisor, which
/// knows what is left of a killed host by them.
pub const MARKS: u64 = 1 << 14;

/// How the carrier is called in `/proc/PID/limits`.
const LABEL: &str = "Max file locks";

/// What all processes of one command have in common. Distinct for cages that one process prepares, until it has prepared
/// [`MARKS`]: whoever uses marks makes sure that nobody else has his.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mark(u64);

impl Mark {
    pub(crate) const CARRIER: Resource = Resource::RLIMIT_LOCKS;

    /// The next one: below our own limit, so that a marked process is told from an unmarked one. After [`MARKS`] they come
    /// again.
    pub(crate) fn next() -> io::Result<Self> {
        static TAKEN: AtomicU64 = AtomicU64::new(0);
        let taken = TAKEN.fetch_add(1, Ordering::Relaxed) % (MARKS - 1) + 1;
        own()?
            .min(START)
            .checked_sub(taken)
            .map(Self)
            .ok_or_else(|| io::Error::other("the limit RLIMIT_LOCKS of this process is too low"))
    }

    /// The mark of a process, living or zombie; `None` for one that is not caged by this process, or by one above it.
    ///
    /// Errors: there is no such process any more, or it may not be looked at.
    ///
    /// A caged process that has no filter of system calls can lower its mark. It never loses it.
    pub fn of(pid: i32) -> io::Result<Option<Self>> {
        let hard = match limit_of(pid) {
            // A process of another user, such as a program that is setuid, shows its limits to everybody.
            Err(Errno::EPERM) => {
                let text = std::fs::read_to_string(format!("/proc/{pid}/limits"))?;
                parse(&text).ok_or_else(|| {
                    io::Error::new(io::ErrorKind::InvalidData, format!("no `{LABEL}` in its limits"))
                })?
            }
            asked => asked?,
        };
        Ok((hard < own()?).then_some(Self(hard)))
    }

    /// Reads this process's own limit, which all marks are measured against, once and for all. To be called first thing in
    /// `main`: whoever lowers the limit later changes nothing by it.
    pub fn remember_ours() {
        LazyLock::force(&OURS);
    }

    pub(crate) fn value(self) -> u64 {
        self.0
    }
}

static OURS: LazyLock<Result<u64, Errno>> = LazyLock::new(|| Ok(getrlimit(Mark::CARRIER)?.1));

fn own() -> io::Result<u64> {
    Ok((*OURS)?)
}

fn limit_of(pid: i32) -> Result<u64, Errno> {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: nothing is set, and the call fills the limit, which lives until it returns (prlimit(2)).
    let answer = unsafe { libc::prlimit(pid, libc::RLIMIT_LOCKS, std::ptr::null(), &raw mut limit) };
    Errno::result(answer).map(|_| limit.rlim_max)
}

/// The hard limit: the second column after the label.
fn parse(limits: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix(LABEL))?;
    match line.split_whitespace().nth(1)? {
        "unlimited" => Some(RLIM_INFINITY),
        number => number.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hard_limit_is_read_from_its_line() {
        let limits = "Max open files            1024                 4096                 files     \n\
                      Max file locks            17                   unlimited            locks     \n";
        assert_eq!(parse(limits), Some(RLIM_INFINITY));
        assert_eq!(parse(&limits.replace("unlimited", "23")), Some(23));
        assert_eq!(parse("Max open files 1 2 files"), None);
    }

    #[test]
    fn this_process_has_no_mark() {
        let pid = i32::try_from(std::process::id()).unwrap();
        let limits = std::fs::read_to_string("/proc/self/limits").unwrap();
        assert_eq!(
            limit_of(pid).ok(),
            parse(&limits),
            "both ways of asking say the same"
        );
        assert_eq!(limit_of(1 << 30), Err(Errno::ESRCH));
        assert_eq!(Mark::of(pid).unwrap(), None);
    }

    #[test]
    fn marks_are_distinct_and_below_our_own_limit() {
        let (first, second) = (Mark::next().unwrap(), Mark::next().unwrap());
        assert_ne!(first, second);
        assert!(first.value() < own().unwrap());
    }
}
