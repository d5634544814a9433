//! What only the kernel knows, and tells nobody: it has to be looked at again and again.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

/// How long a test waits for what is certain to come.
const CERTAIN: Duration = Duration::from_mins(1);

/// How long it lets others work before it looks again.
const LOOK_AGAIN: Duration = Duration::from_millis(1);

/// How many threads of this machine are blocked in flock(2) on a lock file.
pub fn waiters(lock: &Path) -> usize {
    let inode = fs::metadata(lock).map_or(0, |metadata| metadata.ino());
    let known = fs::read_to_string("/proc/locks").expect("the kernel tells its locks");
    known
        .lines()
        .filter(|line| line.contains("-> FLOCK") && line.contains(&format!(":{inode} ")))
        .count()
}

/// Looks again and again until it holds.
pub async fn until(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + CERTAIN;
    while !holds() {
        assert!(Instant::now() < deadline, "it never came: {what}");
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// Proportional set size of a process in KiB; 0 where the system does not tell (another user's process).
pub fn pss(pid: u32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    text.lines()
        .find_map(|line| line.strip_prefix("Pss:"))
        .and_then(|rest| rest.split_whitespace().next())
        .and_then(|number| number.parse().ok())
        .unwrap_or(0)
}
