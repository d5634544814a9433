//! How fast time goes by for what is tried or asked again: as everywhere, but that tests may hurry it in a debug build, where what
//! takes minutes is to be seen. `AGENT_HOST_HASTE="50"` is fifty times as fast.

use std::time::Duration;

/// How long this lasts.
#[cfg(debug_assertions)]
pub(super) fn hurried(span: Duration) -> Duration {
    use std::sync::LazyLock;

    static TIMES: LazyLock<u32> = LazyLock::new(|| {
        let times = std::env::var("AGENT_HOST_HASTE").ok();
        times.and_then(|times| times.parse().ok()).unwrap_or(1)
    });
    span / (*TIMES).max(1)
}

/// How long this lasts.
#[cfg(not(debug_assertions))]
#[inline(always)]
pub(super) fn hurried(span: Duration) -> Duration {
    span
}
