//! Which workers live, on disk: what the next host knows them by after this one was killed.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::process::{self, Process};

/// The folder of records, in the state folder: one file per living worker, named by its process.
#[derive(Debug)]
pub(super) struct Records {
    folder: PathBuf,
    /// Where process ids and start times mean something.
    boot: String,
}

/// One worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Record {
    version: u32,
    boot: String,
    /// Its process, which is also its session.
    pid: i32,
    started: u64,
}

const VERSION: u32 = 1;

impl Records {
    /// Opens the folder, making it (0700) if it is not there.
    pub(super) fn open(state_folder: &Path) -> io::Result<Self> {
        let folder = state_folder.join("workers");
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder)?;
        Ok(Self {
            folder,
            boot: boot()?,
        })
    }

    /// Notes a worker that was just started.
    pub(super) fn add(&self, process: &Process) -> io::Result<()> {
        let record = Record {
            version: VERSION,
            boot: self.boot.clone(),
            pid: process.pid,
            started: process.started,
        };
        // Not synced: after a loss of power there is nothing left to sweep.
        let temporary = self.folder.join(format!("{}.new", process.pid));
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&temporary)?;
        file.write_all(&serde_json::to_vec(&record)?)?;
        fs::rename(&temporary, self.path(process.pid))
    }

    /// Forgets a worker of which nothing lives.
    pub(super) fn remove(&self, pid: i32) {
        if let Err(error) = fs::remove_file(self.path(pid))
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(pid, %error, "could not remove the record of a worker");
        }
    }

    /// The workers of earlier hosts, as far as their ids still mean them or something that they started.
    pub(super) fn leftover(&self) -> io::Result<Vec<Leftover>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            let record = fs::read(&path)
                .ok()
                .and_then(|bytes| serde_json::from_slice::<Record>(&bytes).ok())
                .filter(|record| record.version == VERSION && record.boot == self.boot);
            if let Some(record) = record {
                found.push(Leftover {
                    pid: record.pid,
                    started: record.started,
                });
            }
        }
        Ok(found)
    }

    /// Forgets every worker of earlier hosts.
    pub(super) fn clear(&self) -> io::Result<()> {
        for entry in fs::read_dir(&self.folder)? {
            fs::remove_file(entry?.path())?;
        }
        Ok(())
    }

    fn path(&self, pid: i32) -> PathBuf {
        self.folder.join(format!("{pid}.json"))
    }
}

/// This boot of the system, and the namespace of process ids that we live in: its number, and when its first process began,
/// because the numbers of namespaces are used again, as for a container that is started anew.
fn boot() -> io::Result<String> {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id")?;
    let namespace = fs::read_link("/proc/self/ns/pid")?;
    // Where the first process may not be looked at, the number must do.
    let first = process::read(1).map_or(0, |first| first.started);
    Ok(format!("{} {} {first}", boot.trim(), namespace.display()))
}

/// A worker of an earlier host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Leftover {
    pid: i32,
    started: u64,
}

impl Leftover {
    /// Whether this process is that worker or is in its session.
    ///
    /// The kernel gives a session's number to nobody else while somebody is in it. So the number means the old session,
    /// unless another process leads it now; and a member can't be older than the session.
    pub(super) fn includes(&self, process: &Process) -> bool {
        let is_it = process.pid == self.pid && process.started == self.started;
        let leader_is_another =
            || process::read(self.pid).is_some_and(|leader| leader.started != self.started);
        is_it || process.session == self.pid && process.started >= self.started && !leader_is_another()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_kept_until_it_is_removed_and_garbage_is_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let records = Records::open(folder.path()).unwrap();
        let this = process::read(i32::try_from(std::process::id()).unwrap()).unwrap();
        records.add(&this).unwrap();
        fs::write(folder.path().join("workers/99.json"), "{\"ver").unwrap();
        let again = Records::open(folder.path()).unwrap();
        let found = again.leftover().unwrap();
        assert_eq!(found.len(), 1);
        assert!(found[0].includes(&this));
        let reused = Process {
            started: this.started + 1,
            session: 1,
            ..this
        };
        assert!(!found[0].includes(&reused));
        again.remove(this.pid);
        assert_eq!(records.leftover().unwrap(), []);
        records.clear().unwrap();
        assert_eq!(fs::read_dir(folder.path().join("workers")).unwrap().count(), 0);
    }

    #[test]
    fn a_record_of_another_boot_or_namespace_means_nobody() {
        let folder = tempfile::tempdir().unwrap();
        let mut records = Records::open(folder.path()).unwrap();
        let parts: Vec<String> = records.boot.split(' ').map(str::to_owned).collect();
        let first = process::read(1).map_or(0, |first| first.started).to_string();
        assert!(
            parts.len() == 3 && parts[1].starts_with("pid:[") && parts[2] == first,
            "{parts:?}"
        );
        for part in 0..3 {
            let mut other = parts.clone();
            other[part].push('1');
            records.boot = other.join(" ");
            let this = process::read(i32::try_from(std::process::id()).unwrap()).unwrap();
            records.add(&this).unwrap();
            assert_eq!(Records::open(folder.path()).unwrap().leftover().unwrap(), []);
        }
    }
}
