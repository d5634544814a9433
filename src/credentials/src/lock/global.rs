//! The lock around every change of `auth.json`: re-read, change, replace.

use std::path::Path;
use std::time::Instant;

use super::wait::{self, Ended, Mode};
use super::{Cancel, GLOBAL_WAIT, HolderWords, LockError, Sidecar};
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
                            let holder = HolderWords::of_global(holder_of(&path));
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
                return Ok(Self { _sidecar: sidecar });
            }
        }
    }
}

/// The process that holds a lock file, from the kernel's own list: naming it in the file would cost every write.
#[cfg(target_os = "linux")]
fn holder_of(path: &Path) -> Option<u32> {
    use std::os::unix::fs::MetadataExt as _;
    let inode = std::fs::metadata(path).ok()?.ino().to_string();
    // `7: FLOCK  ADVISORY  WRITE 4121 fd:01:393219 0 EOF`, proc_locks(5); pid 0 is a process we may not see.
    std::fs::read_to_string("/proc/locks")
        .ok()?
        .lines()
        .find_map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let [_, "FLOCK", _, "WRITE", pid, place, ..] = words[..] else {
                return None;
            };
            (place.rsplit(':').next() == Some(&inode)).then(|| pid.parse().ok().filter(|pid| *pid > 0))?
        })
}

#[cfg(not(target_os = "linux"))]
fn holder_of(_: &Path) -> Option<u32> {
    None
}
