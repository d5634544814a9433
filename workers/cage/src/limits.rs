//! Resource limits of a caged process. CPU time is not limited: the caller has a clock of its own.

use nix::sys::resource::{Resource, getrlimit};

use crate::mark::Mark;

const GIB: u64 = 1 << 30;

/// Processes and threads of the user on this machine, above which a command can't start another.
pub const MOST_PROCESSES: u32 = 8192;

/// Soft and hard. They are brakes for accidents, not shares; shares are a matter of cgroups.
const WANTED: [(Resource, u64, u64); 5] = [
    // A core file would write the memory of a crashed tool into the workspace.
    (Resource::RLIMIT_CORE, 0, 0),
    // Counts those of the user on this machine, so it must leave room for a thousand workers. The kernel exempts root.
    (
        Resource::RLIMIT_NPROC,
        MOST_PROCESSES as u64,
        MOST_PROCESSES as u64,
    ),
    // The soft one is what programs with select(2) can bear; those that need more raise it themselves.
    (Resource::RLIMIT_NOFILE, 1024, 65_536),
    (Resource::RLIMIT_FSIZE, 8 * GIB, 8 * GIB),
    // Room for runtimes that reserve much and use little (V8, the JVM). Address sanitizers reserve more and do not run.
    (Resource::RLIMIT_AS, 64 * GIB, 64 * GIB),
];

/// One `setrlimit`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limit {
    pub(crate) resource: Resource,
    pub(crate) soft: u64,
    pub(crate) hard: u64,
}

/// What to set, never above what this process has itself: raising would need a capability.
pub(crate) fn wanted() -> Vec<Limit> {
    WANTED
        .iter()
        .map(|&(resource, soft, hard)| {
            // Cannot fail for these; and if it did, the child's `setrlimit` says so.
            let own = getrlimit(resource).unwrap_or((soft, hard));
            Limit {
                resource,
                soft: soft.min(own.0),
                hard: hard.min(own.1),
            }
        })
        .collect()
}

/// The limit that carries the mark.
pub(crate) fn marking(mark: Mark) -> Limit {
    Limit {
        resource: Mark::CARRIER,
        soft: mark.value(),
        hard: mark.value(),
    }
}
