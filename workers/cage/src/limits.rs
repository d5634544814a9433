//! Resource limits of a caged process. CPU time is not limited: the caller has a clock of its own.

use std::sync::LazyLock;

use nix::sys::resource::{Resource, getrlimit};

use crate::mark::Mark;

const GIB: u64 = 1 << 30;

/// Soft and hard. They are brakes for accidents, not shares; shares are a matter of cgroups.
const WANTED: [(Resource, u64, u64); 5] = [
    // A core file would write the memory of a crashed tool into the workspace.
    (Resource::RLIMIT_CORE, 0, 0),
    // Counts all processes and threads of the user on this machine, so it must leave room for a thousand workers.
    // The kernel exempts root.
    (Resource::RLIMIT_NPROC, 8192, 8192),
    // The soft one is what programs with select(2) can bear; those that need more raise it themselves.
    (Resource::RLIMIT_NOFILE, 1024, 65_536),
    (Resource::RLIMIT_FSIZE, 8 * GIB, 8 * GIB),
    // Room for runtimes that reserve much and use little (V8, the JVM). Address sanitizers reserve more and do not run.
    (Resource::RLIMIT_AS, 64 * GIB, 64 * GIB),
];

/// How much sooner than others a command is taken when memory ends, of 1000: `proc_pid_oom_score_adj(5)`.
const VICTIM: i32 = 500;

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
            let own = getrlimit(resource).map_or(hard, |(_, hard)| hard);
            Limit {
                resource,
                soft: soft.min(own),
                hard: hard.min(own),
            }
        })
        .collect()
}

/// Makes a caged process, and what it starts from then on, one of the first that the kernel takes when memory ends: before
/// the host and its workers. From outside, because between fork and exec the child is as closed as we are, and its files in
/// `/proc` are root's.
pub fn offer_to_the_kernel(pid: i32) {
    static SCORE: LazyLock<String> = LazyLock::new(|| {
        let ours = std::fs::read_to_string("/proc/self/oom_score_adj").ok();
        let ours = ours.and_then(|score| score.trim().parse().ok()).unwrap_or(0);
        VICTIM.max(ours).to_string()
    });
    // A preference: where there is no such file nothing is lost but that.
    let _ = std::fs::write(format!("/proc/{pid}/oom_score_adj"), SCORE.as_str());
}

/// The limit that carries the mark.
pub(crate) fn marking(mark: Mark) -> Limit {
    Limit {
        resource: Mark::CARRIER,
        soft: mark.value(),
        hard: mark.value(),
    }
}
