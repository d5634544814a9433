//! The refresher as a process of its own: how it is started, and what it does before its first step.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::{Job, Outcome, REFRESHER_LIMIT, run};
use crate::file::Location;
use crate::lock::{LockFile, TenantLock};

/// The hidden verb. Its only argument names the tenant, for whoever looks at the process list.
const VERB: &str = "refresh-tenant";

/// The refresher's exit codes, which follow those of the command line.
const DONE: i32 = 0;
const BROKEN: i32 = 1;
const DEAD: i32 = 3;
const TRY_AGAIN: i32 = 4;
const NOT_COMMITTED: i32 = 5;

/// The variables that tell how the network is reached from here. A refresher gets these and nothing else.
pub const NETWORK_VARIABLES: [&str; 8] = [
    "HTTPS_PROXY",
    "https_proxy",
    "HTTP_PROXY",
    "http_proxy",
    "ALL_PROXY",
    "all_proxy",
    "NO_PROXY",
    "no_proxy",
];

/// Becomes the refresher if this process was started as one, and then never returns. Must be the first call in `main` of
/// every program that refreshes through a process of its own.
///
/// Source: the verb is an agreement between two runs of one program; nobody types it.
#[expect(
    clippy::exit,
    reason = "the refresher ends here; the program around it must not run"
)]
pub fn refresh_child_main() {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().as_deref() != Some(OsStr::new(VERB)) {
        return;
    }
    std::process::exit(match child() {
        Some(Outcome::Done) => DONE,
        Some(Outcome::Dead) => DEAD,
        Some(Outcome::TryAgain) => TRY_AGAIN,
        Some(Outcome::NotCommitted) => NOT_COMMITTED,
        None => BROKEN,
    })
}

/// Waits for a refresher's end, at most as long as it may live. `None`: killed, frozen, or reaped by somebody else in this
/// process; what it did is in the files.
pub(crate) fn end_of(mut child: Child) -> Option<Outcome> {
    let (sender, ended) = std::sync::mpsc::channel();
    let reaper = std::thread::Builder::new()
        .name("refresher-end".into())
        .spawn(move || {
            // Nobody listens any more after a freeze; reaping is still right.
            let _ = sender.send(child.wait());
        });
    let limit = REFRESHER_LIMIT + Duration::from_secs(2);
    reaper
        .ok()
        .and_then(|_| ended.recv_timeout(limit).ok()?.ok())
        .and_then(outcome)
}

/// What a refresher's exit code says; `None` if it was killed or broke.
fn outcome(status: std::process::ExitStatus) -> Option<Outcome> {
    match status.code()? {
        DONE => Some(Outcome::Done),
        DEAD => Some(Outcome::Dead),
        TRY_AGAIN => Some(Outcome::TryAgain),
        NOT_COMMITTED => Some(Outcome::NotCommitted),
        _ => None,
    }
}

/// Starts a refresher that inherits the lock. From here on the caller may die.
///
/// The job travels through a pipe that is the child's standard output, because its standard input is the lock: a
/// caller that dies in the middle leaves half a job, which is none.
pub(crate) fn spawn(program: &Path, lock: TenantLock, job: &Job) -> io::Result<Child> {
    let (reader, mut writer) = io::pipe()?;
    // The child starts in the root folder.
    let mut command = Command::new(std::path::absolute(program)?);
    command.arg(VERB).arg(job.tenant.file_id().as_str());
    command.env_clear().envs(
        NETWORK_VARIABLES
            .iter()
            .filter_map(|name| Some((name, std::env::var_os(name)?))),
    );
    #[cfg(debug_assertions)]
    command.envs(std::env::var_os(crate::fault::VARIABLE).map(|value| (crate::fault::VARIABLE, value)));
    command
        .stdout(Stdio::from(reader))
        .stderr(Stdio::null())
        .current_dir("/");
    let child = lock.hand_to(&mut command)?;
    // It still owns the reading end: without this a child that is gone would leave us writing to ourselves.
    drop(command);
    // The child reads at once. If it is gone, its exit status tells.
    let _ = writer.write_all(&job.to_bytes());
    Ok(child)
}

/// The program to start for a refresh by this very program: it survives an upgrade that replaces the file.
pub(crate) fn this_program() -> io::Result<PathBuf> {
    if cfg!(target_os = "linux") {
        Ok("/proc/self/exe".into())
    } else {
        std::env::current_exe()
    }
}

#[cfg(unix)]
fn child() -> Option<Outcome> {
    use std::os::fd::AsFd as _;

    // First of all: from here on a kill of the caller's process group is not ours.
    let _ = nix::unistd::setsid();
    ignore_polite_signals();
    nix::unistd::alarm::set(u32::try_from(REFRESHER_LIMIT.as_secs()).ok()?);
    crate::memory::protect();
    let inherited = |fd: std::os::fd::BorrowedFd<'_>| fd.try_clone_to_owned().map(File::from).ok();
    let locked = inherited(io::stdin().as_fd())?;
    let mut text = Vec::new();
    inherited(io::stdout().as_fd())?.read_to_end(&mut text).ok()?;
    let job = Job::parse(&text)?;
    let location = Location::resolve(&job.store).ok()?;
    let file = LockFile {
        path: location.refresh_lock(&job.tenant.file_id()),
        resource: format!("the refresh of tenant {}", job.tenant),
    };
    // A wrong descriptor ends it here, and one whose lock somebody else has: nobody refreshes without the lock.
    let lock = file.inherit(locked).ok()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .ok()?;
    let outcome = runtime.block_on(run(&job, lock));
    // Not waiting for a name that is still being looked up: this process holds the lock until it ends.
    runtime.shutdown_background();
    Some(outcome)
}

/// HUP, INT, QUIT and TERM wait until the refresh is done: at most [`REFRESHER_LIMIT`].
#[cfg(unix)]
fn ignore_polite_signals() {
    use nix::sys::signal::{SigSet, Signal};
    let mut set = SigSet::empty();
    for signal in [Signal::SIGHUP, Signal::SIGINT, Signal::SIGQUIT, Signal::SIGTERM] {
        set.add(signal);
    }
    // Threads started later inherit the mask.
    let _ = set.thread_block();
}

/// Locks do not travel with handles here: refreshes run in the process that wants them.
#[cfg(not(unix))]
fn child() -> Option<Outcome> {
    None
}
