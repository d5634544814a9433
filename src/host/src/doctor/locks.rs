//! Locks: whether two real processes exclude each other here, and who holds one for too long.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use credentials::{Store, TenantHealth, words};

use super::{Check, folder};
use crate::failure::{Exit, Failure, Outcome};
use crate::tenant_view::shown;

const NAME: &str = "locks";

/// No refresh takes longer, so whoever holds a lock longer hangs.
const LONGEST_HOLD: Duration = Duration::from_secs(30);

/// What the second process found.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    Free,
    Busy,
}

/// Tries the lock with a second process, and looks who holds the real ones.
pub(super) fn check(store: &Store, tenants: &[TenantHealth]) -> Check {
    let mut findings: Vec<Check> = tenants.iter().filter_map(held_too_long).collect();
    let folder = store.path().parent().unwrap_or(store.path());
    if !folder::can_write(folder) {
        let fine = format!(
            "not tried: `{}` is not there, or can't be written",
            folder.display()
        );
        return Check::worst(NAME, findings, fine);
    }
    match tried(folder) {
        Ok(true) => {}
        Ok(false) => findings.push(
            Check::fail(NAME, "two processes could hold one lock at the same time")
                .hint("put the state folder on a local disk"),
        ),
        Err(error) => findings.push(
            Check::fail(
                NAME,
                format!("could not try a lock in `{}`: {error}", folder.display()),
            )
            .hint("check the folder's permissions and the disk"),
        ),
    }
    Check::worst(NAME, findings, "two processes exclude each other here")
}

fn held_too_long(health: &TenantHealth) -> Option<Check> {
    let (pid, held) = health.held_by.filter(|(_, held)| *held > LONGEST_HOLD)?;
    let (tenant, owner) = (shown(&health.service), shown(&health.owner));
    Some(
        Check::warn(
            NAME,
            format!(
                "the lock of {tenant} ({owner}) is held by pid {pid} for {}",
                words::span(held)
            ),
        )
        .hint(format!(
            "no refresh takes that long; look at pid {pid} and end it"
        )),
    )
}

/// Tries a lock of its own, of which nothing is left.
fn tried(folder: &Path) -> io::Result<bool> {
    let file = tempfile::Builder::new().prefix(".probe.").tempfile_in(folder)?;
    exclude_each_other(file.path())
}

/// While we hold the lock another process must find it busy, and free afterwards.
fn exclude_each_other(path: &Path) -> io::Result<bool> {
    let held = open(path)?;
    held.try_lock()?;
    let while_held = ask_another_process(path)?;
    drop(held);
    let afterwards = ask_another_process(path)?;
    Ok((while_held, afterwards) == (Found::Busy, Found::Free))
}

fn ask_another_process(path: &Path) -> io::Result<Found> {
    let status = Command::new(std::env::current_exe()?)
        .arg("probe-lock")
        .arg(path)
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()?;
    match status.code() {
        Some(code) if code == Exit::Done as i32 => Ok(Found::Free),
        Some(code) if code == Exit::TryAgain as i32 => Ok(Found::Busy),
        _ => Err(io::Error::other(format!(
            "the second process ended with {status}"
        ))),
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags((nix::fcntl::OFlag::O_NOFOLLOW | nix::fcntl::OFlag::O_NONBLOCK).bits())
        .open(path)
}

/// The second process: exit 0 if the lock was free, 4 if it was busy.
pub(crate) fn probe(path: &Path) -> Outcome {
    let failed = |error| Failure::during(error, format!("could not lock `{}`", path.display()));
    match open(path).map_err(failed)?.try_lock() {
        Ok(()) => Ok(Exit::Done),
        Err(TryLockError::WouldBlock) => Ok(Exit::TryAgain),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

#[cfg(test)]
mod tests {
    use credentials::State;

    use super::*;

    #[test]
    fn a_lock_held_too_long_is_told_with_who_holds_it() {
        let health = |held| TenantHealth {
            service: "codex".into(),
            owner: "host".into(),
            state: State::Valid,
            detail: None,
            kind: Some("oauth"),
            expires_in_s: Some(1),
            scopes: vec![],
            refreshable: true,
            account: None,
            held_by: Some((4121, Duration::from_secs(held))),
        };
        assert!(held_too_long(&health(19)).is_none());
        let message = held_too_long(&health(95)).unwrap().message;
        assert_eq!(
            message,
            "the lock of codex (host) is held by pid 4121 for 1 min 35 s"
        );
    }

    #[test]
    fn a_lock_that_can_not_be_tried_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let told = tried(&folder.path().join("absent")).unwrap_err();
        assert_eq!(told.kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn the_probe_finds_a_lock_busy_and_free() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("probe.lock");
        let held = open(&path).unwrap();
        held.lock().unwrap();
        assert_eq!(probe(&path).unwrap(), Exit::TryAgain);
        drop(held);
        assert_eq!(probe(&path).unwrap(), Exit::Done);
    }
}
