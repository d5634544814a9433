//! One host per state folder: a lock that the kernel gives back when the host ends, whatever way it ends.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use crate::config::Settings;
use crate::failure::{Exit, Failure};
use crate::{demo, output};

/// A lock that is only held by a child on its way to another program is free after much less.
const PATIENCE: Duration = Duration::from_secs(1);

/// What to do where the folder can't be written.
const WRITES: &str = "a host, and whoever changes what it keeps, must be able to write there: check the folder's mode, its owner, the mount and the disk";

/// Held while this process is the host of a state folder.
#[derive(Debug)]
pub(crate) struct HostLock {
    file: File,
}

impl HostLock {
    /// Becomes the host of this state folder.
    ///
    /// Errors: another process is (exit code 4), or the folder can't be used, or is another user's.
    pub(crate) fn take(state: &Path) -> Result<Self, Failure> {
        credentials::refuse_foreign_folder(state)?;
        create_private(state).map_err(|error| {
            Failure::during(error, format!("could not make `{}`", state.display())).hint(WRITES)
        })?;
        let path = path(state);
        let failed = |error| {
            Failure::during(error, format!("could not use the lock file `{}`", path.display())).hint(WRITES)
        };
        let is_new = !path.exists();
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(failed)?;
        match patiently(&file) {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let pid = read_pid(&mut file);
                let by = pid.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"));
                return Err(Failure::words(format!(
                    "{by} is already the host of `{}`",
                    state.display()
                ))
                .exit(Exit::TryAgain)
                .hint("`agent-host status` shows what it does; another AGENT_HOST_HOME makes a second host"));
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        // Who looks takes the time of the file for the last time that a host ran: one that only tries changes nothing.
        let before = file
            .metadata()
            .and_then(|found| found.modified())
            .map_err(failed)?;
        let before = if is_new { SystemTime::UNIX_EPOCH } else { before };
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "{}", std::process::id()))
            .and_then(|()| file.set_modified(before))
            .map_err(failed)?;
        Ok(Self { file })
    }

    /// From now on this process serves as the host.
    pub(crate) fn serves(&self) -> io::Result<()> {
        self.file.set_modified(SystemTime::now())
    }

    /// The process that is the host of this state folder, if one is. Takes no lock that could be in a host's way for
    /// longer than the look.
    pub(crate) fn holder(state: &Path) -> Option<u32> {
        let mut file = File::open(path(state)).ok()?;
        match file.try_lock_shared() {
            Err(TryLockError::WouldBlock) => read_pid(&mut file).or(Some(0)),
            _ => None,
        }
    }

    /// Whether any host ever was that of this state folder.
    pub(crate) fn was_ever_taken(state: &Path) -> bool {
        path(state).exists()
    }
}

/// Tries for a moment: a process that a host was just starting when it was killed has the host's files until it runs
/// its own program.
fn patiently(file: &File) -> Result<(), TryLockError> {
    let until = Instant::now() + PATIENCE;
    loop {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) if Instant::now() < until => {
                std::thread::park_timeout(PATIENCE / 20);
            }
            tried => return tried,
        }
    }
}

fn path(state: &Path) -> PathBuf {
    state.join("host.lock")
}

fn read_pid(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.rewind().ok()?;
    file.take(32).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

/// The folder of a demo's state, in the state folder.
pub(crate) const DEMO: &str = "demo";

/// Where a demo keeps its logins, if it has kept any.
pub(crate) fn store_of_demo(settings: &Settings) -> Option<PathBuf> {
    let store = settings.state_folder.join(DEMO).join("auth.json");
    store.exists().then_some(store)
}

/// The settings for whoever looks: those of the demo, where it runs and no other host does, or where it was what ran last.
/// Says so.
pub(crate) fn or_demo(settings: Settings) -> Settings {
    let demo = settings.state_folder.join(DEMO);
    let words = if HostLock::holder(&settings.state_folder).is_some() {
        if HostLock::holder(&demo).is_some() {
            output::say(&format!(
                "a demo runs, too, and this is not about it: AGENT_HOST_HOME={} before the command would be",
                demo.display()
            ));
        }
        return settings;
    } else if HostLock::holder(&demo).is_some() {
        "this is about the running demo"
    } else if used(&path(&demo)) > used(&path(&settings.state_folder)).max(used(&settings.store_path)) {
        "this is about the demo, which ran last"
    } else {
        return settings;
    };
    output::say(&format!("{words}: `{}`", demo.display()));
    demo::settings(settings)
}

/// When a file was last written, as a host's lock is at its start; `None` if it never was.
fn used(file: &Path) -> Option<SystemTime> {
    fs::metadata(file).and_then(|found| found.modified()).ok()
}

/// Makes a folder that only this user may enter, and those above it.
pub(crate) fn create_private(folder: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_host_is_refused_and_told_the_pid_of_the_first() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(HostLock::holder(folder.path()), None);
        let first = HostLock::take(folder.path()).unwrap();
        let pid = std::process::id();
        assert_eq!(HostLock::holder(folder.path()), Some(pid));
        let refused = HostLock::take(folder.path()).unwrap_err().to_string();
        assert!(
            refused.contains(&format!("process {pid} is already")),
            "{refused}"
        );
        drop(first);
        HostLock::take(folder.path()).unwrap();
    }
}
