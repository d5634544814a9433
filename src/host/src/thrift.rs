//! Memory that was freed goes back to the system: after a busy hour a host is as small as before. And a thread for blocking
//! work is always there: a host that needs one goes on where the system gives no more.

#![expect(
    unsafe_code,
    reason = "the C library gives what it keeps back only when asked, and no crate wraps that"
)]

use std::time::Duration;

/// Between two times.
const EVERY: Duration = Duration::from_secs(30);

/// So long a thread for blocking work stays without any. The runtime panics if it has none and gets none; as each of our
/// times uses one, at least one is there.
pub(crate) const IDLE: Duration = Duration::from_mins(3);
const _: () = assert!(IDLE.as_secs() >= 3 * EVERY.as_secs(), "a late time must find it");

/// Gives memory back for as long as it is polled. The C library keeps freed memory in pools of its own, one per thread,
/// for as long as a single later allocation lies behind it: with a thousand threads that have ended, more than half of
/// what the host holds. Asking takes milliseconds, on a thread for blocking work.
pub(crate) async fn give_back() {
    // The first is at once.
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        // Only a panic in there could be reported, and there is nothing in there.
        let _ = tokio::task::spawn_blocking(trim).await;
    }
}

#[cfg(target_env = "gnu")]
fn trim() {
    let began = std::time::Instant::now();
    // SAFETY: it takes the locks of each pool as malloc and free do, and touches no memory that is in use.
    let gave = unsafe { libc::malloc_trim(0) };
    tracing::trace!(gave, took = ?began.elapsed(), "gave free memory back");
}

#[cfg(not(target_env = "gnu"))]
fn trim() {}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::process::Command;

    /// In a process of its own, which gets no stack for another thread.
    #[test]
    fn blocking_work_is_done_also_where_the_system_gives_no_thread() {
        const INNER: &str = "HOST_TEST_HAS_NO_THREADS";
        if std::env::var_os(INNER).is_none() {
            let name = "thrift::tests::blocking_work_is_done_also_where_the_system_gives_no_thread";
            let mut command = Command::new(std::env::current_exe().unwrap());
            let status = command.args(["--exact", name]).env(INNER, "1").status();
            assert!(status.unwrap().success());
            return;
        }
        let done = crate::assembly::run_on_all_cores(async {
            let threads = || fs::read_dir("/proc/self/task").unwrap().count();
            let before = threads();
            tokio::spawn(super::give_back());
            while threads() == before {
                tokio::task::yield_now().await;
            }
            let statm = fs::read_to_string("/proc/self/statm").unwrap();
            let pages: u64 = statm.split(' ').next().unwrap().parse().unwrap();
            let room = pages * 4096 + 1024 * 1024;
            let limited = Command::new("prlimit")
                .arg(format!("--pid={}", std::process::id()))
                .arg(format!("--as={room}:{room}"))
                .status();
            assert!(limited.unwrap().success());
            assert!(
                std::thread::Builder::new().spawn(|| ()).is_err(),
                "there are threads"
            );
            let work: Vec<_> = (0..8)
                .map(|number| tokio::task::spawn_blocking(move || number))
                .collect();
            let mut sum = 0;
            for work in work {
                sum += work.await.unwrap();
            }
            assert!(tokio::fs::metadata("/").await.is_ok());
            Ok(sum)
        });
        assert_eq!(done.unwrap_or_default(), 28);
    }
}
