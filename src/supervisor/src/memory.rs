//! Memory of threads that have ended goes back to the system. The allocator keeps what was freed for what comes next, and
//! after a busy time that is far more than a thousand threads need that are merely known.
#![expect(
    unsafe_code,
    reason = "the C library's allocator is asked by a call of its own"
)]

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Threads end in groups: the memory of all that end within so long goes back at once.
const SOON: Duration = Duration::from_secs(5);

/// Gives back what is free, in a moment. To be called after something large was let go; outside of a tokio runtime, as at
/// its end, it does nothing.
pub(crate) fn give_back_soon() {
    static IS_COMING: AtomicBool = AtomicBool::new(false);
    let Ok(runtime) = tokio::runtime::Handle::try_current() else {
        return;
    };
    if IS_COMING.swap(true, Ordering::SeqCst) {
        return;
    }
    // It ends by itself, or with the runtime, which leaves nothing undone.
    drop(runtime.spawn(async {
        tokio::time::sleep(SOON).await;
        IS_COMING.store(false, Ordering::SeqCst);
        // It looks at all that is free, which takes milliseconds.
        let _ = tokio::task::spawn_blocking(give_back).await;
    }));
}

#[cfg(target_env = "gnu")]
fn give_back() {
    // SAFETY: it takes the allocator's own locks and touches only what is free.
    unsafe { libc::malloc_trim(0) };
}

#[cfg(not(target_env = "gnu"))]
fn give_back() {}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_env = "gnu")]
    /// Anonymous memory of this process in KiB.
    fn anonymous() -> u64 {
        let text = std::fs::read_to_string("/proc/self/smaps_rollup").unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix("Pss_Anon:"));
        let number = line.and_then(|rest| rest.split_whitespace().next());
        number.unwrap().parse().unwrap()
    }

    #[cfg(target_env = "gnu")]
    #[test]
    fn what_was_freed_between_what_is_kept_goes_back() {
        // Below the size from which the allocator maps each for itself.
        let mut blocks: Vec<Option<Vec<u8>>> = (0..2000).map(|_| Some(vec![1; 32 * 1024])).collect();
        let full = anonymous();
        for (number, block) in blocks.iter_mut().enumerate() {
            if number % 10 != 0 {
                *block = None;
            }
        }
        give_back();
        let now = anonymous();
        assert!(now + 40 * 1024 < full, "{now} KiB of {full} are kept");
        assert!(blocks.iter().flatten().all(|block| block[0] == 1));
    }
}
