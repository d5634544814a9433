//! The lock around every change of `auth.json`: re-read, change, replace.

use std::time::Instant;

use super::record::{Holder, Record};
use super::wait::{self, Ended, Mode};
use super::{Cancel, GLOBAL_WAIT, HolderWords, LockError, Sidecar};
use crate::clock::Timestamp;
use crate::file::Location;

/// Proof that this process holds the global lock; dropping it frees the lock.
#[derive(Debug)]
pub(crate) struct GlobalLock {
    _sidecar: Sidecar,
}

impl GlobalLock {
    /// Takes the lock, waiting at most [`GLOBAL_WAIT`]. Blocks: not for async threads.
    pub(crate) fn acquire(location: &Location) -> Result<Self, LockError> {
        let path = location.global_lock();
        let resource = || format!("`{}`", location.file().display());
        let deadline = Instant::now() + GLOBAL_WAIT;
        loop {
            let open = || {
                Sidecar::open(&path).map_err(|source| LockError::File {
                    resource: resource(),
                    source,
                })
            };
            let mut sidecar = open()?;
            match sidecar.file.try_lock() {
                Ok(()) => {}
                Err(std::fs::TryLockError::WouldBlock) => {
                    let waited = wait::lock(sidecar.file, Mode::Exclusive, deadline, &Cancel::default());
                    sidecar = match waited {
                        Ok(file) => Sidecar {
                            file,
                            path: path.clone(),
                        },
                        Err(Ended::Failed(source)) => return Err(LockError::Io { path, source }),
                        Err(Ended::TimedOut | Ended::Cancelled) => {
                            let record = open()?.record().ok();
                            let holder = HolderWords::of(record.as_ref(), Timestamp::now());
                            return Err(LockError::Busy {
                                resource: resource(),
                                waited: GLOBAL_WAIT,
                                holder,
                            });
                        }
                    };
                }
                Err(std::fs::TryLockError::Error(source)) => return Err(LockError::Io { path, source }),
            }
            if sidecar.is_at_its_path().unwrap_or(false) {
                // A name for whoever waits; the lock holds without it.
                let _ = sidecar.write(&Record {
                    holder: Some(Holder::this_process()),
                    ..Record::default()
                });
                return Ok(Self { _sidecar: sidecar });
            }
        }
    }
}
