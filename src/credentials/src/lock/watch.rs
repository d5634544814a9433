//! The one thread of a process that ends waits for locks: at their deadline, or when they are cancelled.
//!
//! flock(2) has no time-out. A signal whose handler does nothing and does not restart the call makes it return EINTR.
//! SIGURG is used because its default is to be ignored, so nothing that did not ask for it is harmed by one. Whoever gets
//! a lock only takes its name off a list here: nobody has to be woken for that, which is what matters when many processes
//! get a lock at the same moment.
#![allow(
    clippy::cast_possible_truncation,
    reason = "a thread's id is as wide as an address, by whatever type"
)]
#![expect(
    unsafe_code,
    reason = "sigaction(2) is the only way to have a handler without SA_RESTART"
)]

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::Thread;
use std::time::{Duration, Instant};

use nix::sys::pthread::{Pthread, pthread_kill, pthread_self};
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};

/// The signal that ends a wait. A program that uses this crate must not give it a handler of its own.
const SIGNAL: Signal = Signal::SIGURG;

/// A signal that arrives just before the call is lost; so it is repeated until the wait is off the list.
const REPEAT: Duration = Duration::from_millis(1);

/// A wait on the list; dropping it takes it off.
#[derive(Debug)]
pub(super) struct Watched {
    id: u64,
}

struct Watchdog {
    list: Mutex<List>,
    thread: OnceLock<Thread>,
}

#[derive(Default)]
struct List {
    next_id: u64,
    waits: Vec<Wait>,
}

struct Wait {
    id: u64,
    /// The thread that waits, as a number: some C libraries name threads by pointers, which can't be shared. It is alive
    /// as long as it is on this list.
    thread: usize,
    deadline: Instant,
}

static WATCHDOG: Watchdog = Watchdog {
    list: Mutex::new(List {
        next_id: 0,
        waits: Vec::new(),
    }),
    thread: OnceLock::new(),
};

extern "C" fn nothing(_: libc::c_int) {}

impl Watched {
    /// Puts the calling thread on the list: from `deadline` on its blocking calls end with EINTR.
    pub(super) fn until(deadline: Instant) -> Self {
        // A thread that blocks all signals would wait for ever.
        let _ = SigSet::from(SIGNAL).thread_unblock();
        let watchdog = WATCHDOG.thread.get_or_init(start);
        let mut list = WATCHDOG.list();
        list.next_id += 1;
        let id = list.next_id;
        let is_first = list.waits.iter().all(|wait| wait.deadline > deadline);
        list.waits.push(Wait {
            id,
            thread: pthread_self() as usize,
            deadline,
        });
        drop(list);
        if is_first {
            watchdog.unpark();
        }
        Self { id }
    }

    /// What ends this wait early.
    pub(super) fn id(&self) -> u64 {
        self.id
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        WATCHDOG.list().waits.retain(|wait| wait.id != self.id);
    }
}

/// Ends a wait now. Returns at once.
pub(super) fn end(id: u64) {
    let now = Instant::now();
    if let Some(wait) = WATCHDOG.list().waits.iter_mut().find(|wait| wait.id == id) {
        wait.deadline = now;
    }
    if let Some(watchdog) = WATCHDOG.thread.get() {
        watchdog.unpark();
    }
}

impl Watchdog {
    fn list(&self) -> MutexGuard<'_, List> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn start() -> Thread {
    let action = SigAction::new(SigHandler::Handler(nothing), SaFlags::empty(), SigSet::empty());
    // SAFETY: the handler touches nothing, so it is async-signal-safe, and it stays valid for the program's life.
    let installed = unsafe { sigaction(SIGNAL, &action) };
    if let Err(error) = installed {
        tracing::warn!(%error, "waits for locks can't be ended early");
    }
    let started = std::thread::Builder::new()
        .name("lock-watchdog".into())
        .stack_size(64 * 1024)
        .spawn(watch);
    match started {
        Ok(handle) => handle.thread().clone(),
        Err(error) => {
            // Waits then end when the lock is free.
            tracing::warn!(%error, "waits for locks can't be ended early");
            std::thread::current()
        }
    }
}

fn watch() {
    loop {
        match wake_the_late() {
            Some(left) => std::thread::park_timeout(left),
            None => std::thread::park(),
        }
    }
}

/// Signals every thread whose time is over; how long until the next one's is.
fn wake_the_late() -> Option<Duration> {
    let now = Instant::now();
    let list = WATCHDOG.list();
    // Under the list's lock, so that none of these threads can leave and end.
    list.waits
        .iter()
        .map(|wait| {
            let left = wait.deadline.saturating_duration_since(now);
            if left.is_zero() {
                let _ = pthread_kill(wait.thread as Pthread, SIGNAL);
                REPEAT
            } else {
                left
            }
        })
        .min()
}
