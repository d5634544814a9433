//! Renewing an access token so that its refresh token is spent once, whatever crashes.
//!
//! The caller takes the tenant's lock and hands it to a **refresher**: a short-lived process of its own session whose
//! standard input *is* the locked file. From then on the caller, its process group and its host may die; the refresher
//! finishes. Its steps, and what a kill between two of them means:
//!
//! | step | killed after it |
//! |---|---|
//! | 1 re-read inside the lock | nothing was sent |
//! | 2 reserve the recovery file | nothing was sent |
//! | 3 mark "sent" in the lock file | the next one finds the mark: *uncertain* |
//! | 4 POST | *uncertain*; the only place where a login can be lost |
//! | 5 answer into the recovery file | the next one commits it, without a request |
//! | 6 commit to `auth.json` | the next one finds it done |
//! | 7 clear the mark, remove the recovery file | done |

use std::time::Duration;

pub(crate) mod child;
mod commit;
mod job;
mod plan;
mod recovery;
mod steps;

pub(crate) use child::spawn;
pub use child::{NETWORK_VARIABLES, refresh_child_main};
pub(crate) use job::Job;
pub(crate) use plan::{Gone, Plan, Why, plan};
pub(crate) use recovery::{Answer, Recovery};
pub(crate) use steps::{Outcome, chain, run};

/// Longest time for the one token request, everything included.
pub const REQUEST_LIMIT: Duration = Duration::from_secs(8);

/// Longest time for giving back a grant that lost against a login or logout that came in between.
pub const REVOKE_LIMIT: Duration = Duration::from_secs(3);

/// The refresher is ended by the system after this: the longest legal hold of a tenant's lock.
pub const REFRESHER_LIMIT: Duration = Duration::from_secs(20);

/// What a refresher has not begun by then it does not begin, so that the alarm never ends a healthy one.
pub(crate) const WORK_LIMIT: Duration = Duration::from_secs(18);

/// How long a caller waits for a tenant's lock. It exceeds the longest legal hold, so nobody gives up on a healthy holder.
pub const WAIT_LIMIT: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lock::GLOBAL_WAIT;

    #[test]
    fn the_wait_exceeds_the_longest_legal_hold() {
        let file_work = Duration::from_secs(2);
        let one_refresh = REQUEST_LIMIT + GLOBAL_WAIT + REVOKE_LIMIT;
        assert!(one_refresh + file_work <= WORK_LIMIT, "one refresh fits");
        // Every step that may take long is begun only with time enough before this.
        assert!(
            WORK_LIMIT + file_work <= REFRESHER_LIMIT,
            "a healthy refresher is never ended by its alarm"
        );
        // A refresh in this process has no alarm, but the same limit to its work.
        assert!(
            REFRESHER_LIMIT + GLOBAL_WAIT <= WAIT_LIMIT,
            "nobody gives up on a healthy holder"
        );
    }
}
