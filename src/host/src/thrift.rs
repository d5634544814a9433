//! Memory that was freed goes back to the system: after a busy hour a host is as small as before.

#![expect(
    unsafe_code,
    reason = "the C library gives what it keeps back only when asked, and no crate wraps that"
)]

use std::time::Duration;

/// Between two times.
const EVERY: Duration = Duration::from_secs(30);

/// Gives memory back for as long as it is polled. The C library keeps freed memory in pools of its own, one per thread,
/// for as long as a single later allocation lies behind it: with a thousand threads that have ended, more than half of
/// what the host holds. Asking takes milliseconds, on a thread for blocking work.
pub(crate) async fn give_back() {
    let mut ticks = tokio::time::interval_at(tokio::time::Instant::now() + EVERY, EVERY);
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
