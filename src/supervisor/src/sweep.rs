//! No orphan, ever: what a worker leaves behind is found and killed, now, and after a host that was itself killed.
#![expect(
    dead_code,
    clippy::todo,
    clippy::unused_async,
    unused_variables,
    reason = "skeleton, being filled in"
)]

use std::io;
use std::path::Path;

use credentials::Store;

/// Finds and kills what workers leave behind. One per process; clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Reaper {}

/// What a sweep at start found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Swept {
    /// Processes that were killed.
    pub(crate) killed: usize,
    /// Refreshes in flight that were left alone; they are killed if they do not end in time.
    pub(crate) spared: usize,
}

impl Reaper {
    /// Makes this process the parent of every orphan of its workers. `state_folder` keeps the records of living workers;
    /// `store` tells who refreshes.
    pub(crate) fn new(state_folder: &Path, store: Option<Store>) -> io::Result<Self> {
        todo!()
    }

    /// Kills what an earlier host on this state folder left behind. To be called once, before the first worker starts.
    pub(crate) async fn sweep_leftovers(&self) -> Swept {
        todo!()
    }

    /// Waits until no refresh of a former worker is in flight: at most 20 s.
    pub(crate) async fn refreshes_ended(&self) {
        todo!()
    }
}
