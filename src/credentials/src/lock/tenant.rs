//! A tenant's lock: held across its refresh, and handed to the refresher as that process's standard input.

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::record::{Holder, Record};
use super::wait::{self, Ended, Mode};
use super::{Cancel, HolderWords, LockError, Sidecar};
use crate::clock::Timestamp;
use crate::fault;

/// One tenant's lock file and what it protects, in words.
#[derive(Debug, Clone)]
pub(crate) struct LockFile {
    pub(crate) path: PathBuf,
    pub(crate) resource: String,
}

/// Proof that this process holds a tenant's lock; dropping it closes the file, which frees the lock.
#[derive(Debug)]
pub(crate) struct TenantLock {
    sidecar: Sidecar,
    record: Record,
}

impl LockFile {
    /// Takes the lock if it is free.
    pub(crate) fn try_acquire(&self) -> Result<Option<TenantLock>, LockError> {
        loop {
            let sidecar = self.open()?;
            match sidecar.file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(source)) => return Err(self.io(source)),
            }
            if let Some(lock) = self.held(sidecar)? {
                return Ok(Some(lock));
            }
        }
    }

    /// Waits in line for the lock. Blocks: not for async threads.
    pub(crate) fn acquire(&self, deadline: Instant, cancel: &Cancel) -> Result<TenantLock, LockError> {
        loop {
            let file = self.wait(Mode::Exclusive, deadline, cancel)?;
            if let Some(lock) = self.held(Sidecar {
                file,
                path: self.path.clone(),
            })? {
                return Ok(lock);
            }
        }
    }

    /// Waits until the holder has ended, together with everybody else who waits, and holds nothing afterwards.
    pub(crate) fn wait_for_holder(&self, deadline: Instant, cancel: &Cancel) -> Result<(), LockError> {
        self.wait(Mode::Shared, deadline, cancel).map(drop)
    }

    /// What the lock file says, without the lock; an empty record if nobody ever took it.
    pub(crate) fn look(&self) -> Result<Record, LockError> {
        let found = Sidecar::look(&self.path).map_err(|source| self.file(source))?;
        found.map_or(Ok(Record::default()), |sidecar| {
            sidecar.record().map_err(|source| self.io(source))
        })
    }

    /// Whether somebody holds the lock right now.
    pub(crate) fn is_held(&self) -> Result<bool, LockError> {
        let Some(sidecar) = Sidecar::look(&self.path).map_err(|source| self.file(source))? else {
            return Ok(false);
        };
        match sidecar.file.try_lock_shared() {
            Ok(()) => Ok(false),
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(source)) => Err(self.io(source)),
        }
    }

    /// Takes over a lock that came as an open file from the process that started us.
    ///
    /// Errors: the file is not this lock file, or the lock is somebody else's.
    pub(crate) fn inherit(&self, file: File) -> Result<TenantLock, LockError> {
        let sidecar = Sidecar {
            file,
            path: self.path.clone(),
        };
        // On a description that holds the lock this changes nothing; on any other it fails while the lock is held.
        match sidecar.file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(self.io(io::Error::other("the lock is held by another process")));
            }
            Err(TryLockError::Error(source)) => return Err(self.io(source)),
        }
        self.held(sidecar)?.ok_or_else(|| {
            self.io(io::Error::other(
                "the file that was handed over is not the lock file",
            ))
        })
    }

    fn wait(&self, mode: Mode, deadline: Instant, cancel: &Cancel) -> Result<File, LockError> {
        let began = Instant::now();
        wait::lock(self.open()?.file, mode, deadline, cancel).map_err(|ended| match ended {
            Ended::Failed(source) => self.io(source),
            Ended::Cancelled => LockError::Cancelled {
                resource: self.resource.clone(),
            },
            Ended::TimedOut => LockError::Busy {
                resource: self.resource.clone(),
                waited: round_up(began.elapsed()),
                holder: HolderWords::of(self.look().ok().as_ref(), Timestamp::now()),
            },
        })
    }

    /// Signs a locked file, unless it was replaced at its path meanwhile: then its lock protects nothing.
    fn held(&self, sidecar: Sidecar) -> Result<Option<TenantLock>, LockError> {
        if !sidecar.is_at_its_path().unwrap_or(false) {
            return Ok(None);
        }
        let mut record = sidecar.record().map_err(|source| self.io(source))?;
        record.holder = Some(Holder::this_process());
        let lock = TenantLock { sidecar, record };
        // Writing also proves, before anything is sent, that the mark can be written.
        lock.sidecar
            .write(&lock.record)
            .map_err(|source| self.io(source))?;
        Ok(Some(lock))
    }

    fn open(&self) -> Result<Sidecar, LockError> {
        Sidecar::open(&self.path).map_err(|source| self.file(source))
    }

    fn file(&self, source: crate::file::FileError) -> LockError {
        LockError::File {
            resource: self.resource.clone(),
            source,
        }
    }

    fn io(&self, source: io::Error) -> LockError {
        LockError::Io {
            path: self.path.clone(),
            source,
        }
    }
}

impl TenantLock {
    /// What the lock file says, as read when the lock was taken and changed since.
    pub(crate) fn record(&self) -> &Record {
        &self.record
    }

    /// Changes the record durably: it is on the disk when this returns.
    pub(crate) fn update(&mut self, change: impl FnOnce(&mut Record)) -> io::Result<()> {
        let mut record = self.record.clone();
        change(&mut record);
        self.sidecar.write(&record)?;
        self.record = record;
        fault::io("record-sync")?;
        self.sidecar.file.sync_data()
    }

    /// The lock file.
    pub(crate) fn path(&self) -> &Path {
        &self.sidecar.path
    }

    /// Whether the lock file is still the one at its path.
    pub(crate) fn still_protects(&self) -> bool {
        self.sidecar.is_at_its_path().unwrap_or(false)
    }

    /// Starts `command` with the locked file as its standard input. Our copy is closed and never unlocked: unlocking any
    /// duplicate would free the lock for all, whereas closing leaves it with the child until that ends, in whatever way.
    pub(crate) fn hand_to(self, command: &mut Command) -> io::Result<Child> {
        command.stdin(Stdio::from(self.sidecar.file));
        let child = command.spawn();
        // `Command` keeps its copy of the descriptor; a caller that kept the command would keep the lock.
        command.stdin(Stdio::null());
        child
    }
}

fn round_up(waited: Duration) -> Duration {
    Duration::from_secs(waited.as_secs() + u64::from(waited.subsec_millis() > 500))
}
