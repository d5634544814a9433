//! Keeping what is in memory out of core dumps and away from other programs of the same user.

/// Switches core dumps off and makes this process unreadable for ptrace(2) and `/proc/PID/mem` by others of the same user.
/// To be called first thing in `main`. Best effort: `doctor` shows whether it held.
pub fn protect() {
    #[cfg(unix)]
    {
        use nix::sys::resource::{Resource, setrlimit};
        let _ = setrlimit(Resource::RLIMIT_CORE, 0, 0);
    }
    #[cfg(target_os = "linux")]
    let _ = nix::sys::prctl::set_dumpable(false);
}
