//! A mark on every process that a host's workers start: after `setsid`, a cleared environment and a double fork, with the
//! host and the worker killed, it is all that still tells whose they are.
//!
//! It is the hard value of `RLIMIT_LOCKS`, as in the cage: no kernel since 2.4.25 looks at it, children inherit it,
//! nobody without a capability may raise it, and `/proc/PID/limits` shows it to everybody. A worker starts with a value that stands for its
//! host's state folder; the cage of our own agent counts down from there, so a folder has a range of values.
//!
//! What runs in the cage can't change it, as long as the layer `calls` is on. Other programs of the same user can lower it
//! out of the range, their own or another's: of those, an agent of somebody else among them, a sweep finds only what still
//! has its host's variable in its environment.

use super::Shared;
use super::identity::Identity;
use super::process::Process;

/// Values per state folder, an agreement with the cage, which uses them over and over.
const RANGE: u64 = 1 << 14;

/// Where the ranges begin; below what the cage starts from where nothing is marked.
const BASE: u64 = 1 << 39;

/// How many ranges there are below the cage's start, as bits of a number.
const BITS: u32 = 25;

/// The values of one state folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    highest: u64,
}

impl Mark {
    /// The same for the same folder in every version of this program.
    pub(super) fn of(folder: &Identity) -> Self {
        Self::of_name(folder.as_str())
    }

    fn of_name(name: &str) -> Self {
        // FNV-1a: it is short, it does not change, and nobody gains by a collision.
        let digest = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |digest, byte| {
            (digest ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        let range = (digest >> (u64::BITS - BITS)) ^ (digest & ((1 << BITS) - 1));
        Self {
            highest: BASE + range * RANGE + RANGE - 1,
        }
    }

    /// What a worker's limit is set to, soft and hard.
    pub(crate) fn value(self) -> u64 {
        self.highest
    }

    /// Whether the process bears it.
    pub(super) fn is_on(self, process: &Process) -> bool {
        let limits = std::fs::read_to_string(format!("/proc/{}/limits", process.pid)).unwrap_or_default();
        hard_limit(&limits).is_some_and(|value| (self.highest + 1 - RANGE..=self.highest).contains(&value))
    }
}

impl Shared {
    /// Whether a child may be somebody else's: the first process gets all orphans of the system, and one that was there
    /// before us is no worker's.
    pub(super) fn needs_mark(&self, us: i32, child: &Process) -> bool {
        us == 1 || self.before.get(&child.pid) == Some(&child.started)
    }

    pub(super) fn is_marked(&self, process: &Process) -> bool {
        Mark::of(&self.identity).is_on(process) || process.has_in_environment(&self.variable)
    }
}

/// The second column after the label.
fn hard_limit(limits: &str) -> Option<u64> {
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max file locks"))?;
    // `unlimited` is no number, and no mark.
    line.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_has_its_own_range_for_ever() {
        let mark = Mark::of_name("/var/lib/agent-host");
        // A next version that counts otherwise would not find what this one left behind.
        assert_eq!(mark.value(), FOREVER);
        assert_ne!(mark, Mark::of_name("/var/lib/agent-host2"));
        for folder in 0..1000 {
            let value = Mark::of_name(&format!("/{folder}")).value();
            assert_eq!(RANGE, cage::MARKS);
            assert!((BASE..1 << 40).contains(&value) && value % RANGE == RANGE - 1);
        }
    }

    const FOREVER: u64 = 785_833_885_695;

    #[test]
    fn the_hard_limit_is_read_from_its_line() {
        let limits = "Max open files            1024                 4096                 files     \n\
                      Max file locks            17                   23                   locks     \n";
        assert_eq!(hard_limit(limits), Some(23));
        assert_eq!(hard_limit(&limits.replace("23", "unlimited")), None);
    }
}
