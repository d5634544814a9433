//! The two locks. The global one keeps the file whole; a tenant's one keeps its refresh token from being spent twice.
//!
//! Both are flock(2) on files beside `auth.json` that are never deleted. A lock belongs to the open file description:
//! the kernel frees it when the last descriptor is closed, whatever way the holder ends. Nothing here polls, guesses an
//! age, or takes a lock away from anybody. Order, where both are held: tenant, then global.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;

use crate::clock::Timestamp;
use crate::file::FileError;

mod global;
mod record;
mod sidecar;
mod tenant;
mod wait;
#[cfg(unix)]
mod watch;

pub(crate) use global::GlobalLock;
pub use record::{Dead, Failed, Holder, Record, RefusedSecret, Sent};
pub(crate) use sidecar::Sidecar;
pub(crate) use tenant::{LockFile, TenantLock};
pub use wait::Cancel;

/// Longest wait for the global lock: only local file work happens under it.
pub const GLOBAL_WAIT: Duration = Duration::from_secs(5);

/// Why a lock was not had. Every one of these fails closed: no lock, no refresh, no write.
#[derive(Debug, Error)]
pub enum LockError {
    /// Somebody holds it longer than the wait.
    #[error("could not lock {resource} within {} s ({holder})", waited.as_secs())]
    Busy {
        /// What the lock protects.
        resource: String,
        /// How long was waited.
        waited: Duration,
        /// Who holds it, as far as known.
        holder: HolderWords,
    },
    /// The caller gave up; nothing is held and nothing will be taken.
    #[error("the wait for {resource} was cancelled")]
    Cancelled {
        /// What the lock protects.
        resource: String,
    },
    /// The lock file can't be used.
    #[error("could not open the lock of {resource}")]
    File {
        /// What the lock protects.
        resource: String,
        /// What is wrong with it.
        #[source]
        source: FileError,
    },
    /// The lock call itself failed.
    #[error("could not lock `{}`", path.display())]
    Io {
        /// The lock file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

impl LockError {
    /// Whether the same call may succeed later.
    pub fn is_busy(&self) -> bool {
        matches!(self, Self::Busy { .. })
    }
}

/// Who holds a lock, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HolderWords {
    pid: Option<u32>,
    age: Duration,
    /// Whether it may be held for longer than that.
    at_least: bool,
}

impl HolderWords {
    /// Who signed a tenant's lock file.
    pub(crate) fn of(record: Option<&Record>, now: Timestamp) -> Self {
        let holder = record.and_then(|record| record.holder.as_ref());
        let age = holder.map_or(Duration::ZERO, |holder| now.since(holder.since));
        Self {
            pid: holder.map(|holder| holder.pid),
            age,
            at_least: false,
        }
    }

    /// Who the system says holds the global lock, after the whole wait for it.
    pub(crate) fn of_global(pid: Option<u32>) -> Self {
        Self {
            pid,
            age: GLOBAL_WAIT,
            at_least: true,
        }
    }
}

impl fmt::Display for HolderWords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(pid) = self.pid else {
            return f.write_str("holder unknown");
        };
        let at_least = if self.at_least { "at least " } else { "" };
        write!(f, "held by pid {pid} for {at_least}{} s", self.age.as_secs())
    }
}
