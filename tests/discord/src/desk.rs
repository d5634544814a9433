//! What stands between a request and the world: faults, rate limits, the record of all that came, and complaints.

use crate::buckets::{Buckets, Limits, Standing, TooMany};
use crate::faults::{Fault, Wrong};
use crate::rest::Seen;

/// One desk per fake.
#[derive(Debug, Default)]
pub(crate) struct Desk {
    pub(crate) limits: Limits,
    pub(crate) faults: Vec<Fault>,
    pub(crate) seen: Vec<Seen>,
    pub(crate) complaints: Vec<String>,
    buckets: Buckets,
}

impl Desk {
    /// The first fault that is meant for this request.
    pub(crate) fn fault(&mut self, method: &str, path: &[String]) -> Option<Wrong> {
        let struck = self
            .faults
            .iter_mut()
            .find_map(|fault| fault.strikes(method, path).then_some(fault.what));
        self.faults.retain(|fault| !fault.is_spent());
        struck
    }

    pub(crate) fn take(
        &mut self,
        now: u64,
        method: &str,
        path: &[String],
        renames: bool,
    ) -> Result<Standing, TooMany> {
        self.buckets.take(&self.limits, now, method, path, renames)
    }

    /// A request ended with 401, 403 or 429.
    pub(crate) fn refused(&mut self, now: u64) {
        self.buckets.count_refused(now);
    }

    pub(crate) fn invalid(&mut self, now: u64) -> usize {
        self.buckets.refused(now)
    }

    /// Too many refused requests: nothing is answered until the ten minutes are over.
    pub(crate) fn is_banned(&mut self, now: u64) -> bool {
        self.buckets.refused(now) >= self.limits.invalid
    }
}
