//! Getting a thread out of a blocking flock(2), so that a cancelled wait leaves nothing behind.
//!
//! flock(2) has no time-out. A signal whose handler does nothing and does not restart the call makes it return EINTR.
//! SIGURG is used because its default is to be ignored, so nothing that did not ask for it is harmed by one.
#![expect(
    unsafe_code,
    reason = "sigaction(2) is the only way to have a handler without SA_RESTART"
)]

use std::os::unix::thread::JoinHandleExt as _;
use std::sync::Once;
use std::thread::JoinHandle;

use nix::sys::pthread::pthread_kill;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};

/// The signal that interrupts a wait. A program that uses this crate must not give it a handler of its own.
pub(super) const SIGNAL: Signal = Signal::SIGURG;

extern "C" fn nothing(_: libc::c_int) {}

/// Makes [`interrupt`] work in this process. Cheap after the first call.
pub(super) fn prepare() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let action = SigAction::new(SigHandler::Handler(nothing), SaFlags::empty(), SigSet::empty());
        // SAFETY: the handler touches nothing, so it is async-signal-safe; it stays valid for the program's life.
        let installed = unsafe { sigaction(SIGNAL, &action) };
        // Without the handler a cancelled wait ends later, when the lock is free; it is then given back at once.
        if let Err(error) = installed {
            tracing::warn!(%error, "waits for locks can't be interrupted");
        }
    });
}

/// Makes a blocking call of this thread return with EINTR. To be repeated until the thread says so: the signal may
/// arrive just before the call. The handle keeps the thread's id valid, also after its end.
pub(super) fn interrupt<T>(thread: &JoinHandle<T>) {
    // ESRCH: the thread has ended, which is what is wanted.
    let _ = pthread_kill(thread.as_pthread_t(), SIGNAL);
}
