//! What this program does when a measurement starts it as one of many processes.

use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use credentials::{Credentials, Need, Refresher, Service, Store, Tenant, Vendors};

/// The poller's pause: what other programs do instead of waiting.
const POLL: Duration = Duration::from_millis(100);

/// Plays a role and prints the moment that matters, in nanoseconds since the epoch.
pub(crate) fn play(role: &str, arguments: &[String]) {
    let store = Path::new(&arguments[0]);
    match role {
        "hold" => hold(store),
        "wait" => wait(store, &arguments[1]),
        "poll" => poll(store, &arguments[1]),
        other => panic!("no such role: {other}"),
    }
}

/// Writes a file as the store would have: for this user alone.
pub(crate) fn write_private(path: &Path, text: &str) {
    fs::write(path, text).expect("it can be written");
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    fs::set_permissions(path, private).expect("its mode can be set");
}

/// Now, in nanoseconds since the epoch: comparable between the processes of one machine.
pub(crate) fn now() -> u128 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("after 1970")
        .as_nanos()
}

/// Tells a moment, or that this process is ready.
#[expect(clippy::print_stdout, reason = "the parent reads it")]
pub(crate) fn tell(text: &impl std::fmt::Display) {
    println!("{text}");
    std::io::stdout().flush().expect("the parent reads it");
}

pub(crate) fn lock_path(store: &Path) -> std::path::PathBuf {
    store.with_file_name("auth.json.refresh.codex@host.lock")
}

fn open_lock(store: &Path) -> File {
    let mut options = OpenOptions::new();
    options
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(lock_path(store))
        .expect("the lock file opens")
}

/// Holds the tenant's lock until told, then puts the renewed file in place and ends.
fn hold(store: &Path) {
    let lock = open_lock(store);
    lock.lock().expect("it is free");
    tell(&"ready");
    let mut word = [0];
    std::io::stdin()
        .read_exact(&mut word)
        .expect("the parent says when");
    fs::rename(store.with_file_name("renewed.json"), store).expect("it was prepared");
    let at = now();
    drop(lock);
    tell(&at);
}

/// Begins at a moment given by the parent, so that many can begin at once.
fn until(moment: &str) {
    let moment: u128 = moment.parse().expect("a moment");
    let left = moment.saturating_sub(now());
    std::thread::park_timeout(Duration::from_nanos(u64::try_from(left).unwrap_or(0)));
}

/// Waits for a token as every caller of the library does.
fn wait(store: &Path, moment: &str) {
    let tenant = Tenant::host(Service::parse("codex").expect("a valid name"));
    let store = Store::open(store, false).expect("the store opens");
    let credentials = Credentials::new(
        store,
        Vendors::builtin(None),
        Refresher::this_program().expect("a program"),
    );
    until(moment);
    // For the takeover there is nothing to adopt; the moment of the answer is what counts.
    let _ = credentials.token_blocking(&tenant, &Need::default());
    tell(&now());
}

/// Tries the lock every 100 ms, and adopts what it finds when it gets it.
fn poll(store: &Path, moment: &str) {
    until(moment);
    loop {
        let lock = open_lock(store);
        if lock.try_lock().is_ok() {
            let text = fs::read_to_string(store).expect("the file is there");
            let file: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
            if file["generation"] == 2 {
                break;
            }
        }
        drop(lock);
        std::thread::park_timeout(POLL);
    }
    tell(&now());
}
