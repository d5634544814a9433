//! Work that waits for the disk, away from the one thread that everything else runs on.

use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::task::{JoinError, spawn_blocking};

/// Does blocking work on a thread for it. Where the system has no thread to give, here and now instead: everything else
/// waits then, but nothing breaks. Fails only if the work panics.
///
/// Not cancel safe: work that has begun is finished, also when nobody waits for it any more.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, JoinError> {
    let work = Arc::new(Mutex::new(Some(work)));
    let take = |work: &Mutex<Option<_>>| work.lock().unwrap_or_else(PoisonError::into_inner).take();
    let theirs = Arc::clone(&work);
    // It panics if there is no thread and none can be had, and leaves its task in the queue.
    let spawned = panic::catch_unwind(AssertUnwindSafe(|| {
        spawn_blocking(move || take(&theirs).map(|work| work()))
    }));
    let done = match spawned {
        Ok(task) => task.await?,
        Err(_) => None,
    };
    match done.or_else(|| take(&work).map(|work| work())) {
        Some(done) => Ok(done),
        None => unreachable!("whoever takes the work does it"),
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use nix::sys::resource::{Resource, setrlimit};

    use super::*;

    /// In a process of its own, which gets no stack for another thread.
    #[test]
    fn without_a_thread_the_work_is_done_all_the_same() {
        const INNER: &str = "NATIVE_TEST_HAS_NO_THREADS";
        if std::env::var_os(INNER).is_none() {
            let status = Command::new(std::env::current_exe().unwrap())
                .args([
                    "--exact",
                    "disk::tests::without_a_thread_the_work_is_done_all_the_same",
                ])
                .env(INNER, "1")
                .status();
            assert!(status.unwrap().success());
            return;
        }
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
        let pages: u64 = statm.split(' ').next().unwrap().parse().unwrap();
        let room = pages * 4096 + 1024 * 1024;
        setrlimit(Resource::RLIMIT_AS, room, room).unwrap();
        runtime.block_on(async {
            assert!(
                panic::catch_unwind(|| spawn_blocking(|| 1)).is_err(),
                "there is a thread"
            );
            assert_eq!(blocking(|| 5).await.unwrap(), 5);
        });
    }
}
