//! How many files this process may open, and how many of them a host keeps for workers and commands.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// More than anything needs, and what a loop over all of them still takes no time for.
const MOST: u64 = 65_536;

/// Pipes to and from a worker, and its process.
const OF_A_WORKER: usize = 5;

/// Database, logins, control socket, Discord, files that are open for a moment.
const OF_THE_REST: usize = 256;

/// So many files a host may open, once it has raised its limit as far as it may.
pub(crate) fn most() -> std::io::Result<u64> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    Ok(hard.min(MOST).max(soft))
}

/// Raises the limit, and says what it was: the usual one is made for programs that could not bear more (select(2)), so
/// workers and agents get that one.
pub(crate) fn raise() -> Option<u64> {
    let raised = most().and_then(|most| {
        let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
        setrlimit(Resource::RLIMIT_NOFILE, most, hard)?;
        Ok(soft)
    });
    raised
        .inspect_err(|error| tracing::warn!(%error, "could not raise the limit of open files"))
        .ok()
}

/// What connections to the page leave to others, with so many workers.
pub(crate) fn spare(workers: usize) -> usize {
    workers.saturating_mul(OF_A_WORKER).saturating_add(OF_THE_REST)
}
