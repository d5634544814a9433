//! Waiting for a lock with a deadline and a way to cancel, without polling.

use std::fs::File;
use std::io;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a cancelled waiter is asked to stop before it is left to itself (it gives the lock back at once when it gets it).
const LEAVE_BEHIND: Duration = Duration::from_secs(1);

/// How a lock is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// Alone.
    Exclusive,
    /// With all others who only wait for the holder to end: they wake together.
    Shared,
}

/// How a wait ended without the lock.
#[derive(Debug)]
pub(super) enum Ended {
    TimedOut,
    Cancelled,
    Failed(io::Error),
}

enum Event {
    Locked(io::Result<File>),
    Cancelled,
}

/// Cancels the waits of one caller. Clones are the same switch.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<Mutex<Switch>>);

#[derive(Debug, Default)]
struct Switch {
    thrown: bool,
    waiting: Option<SyncSender<Event>>,
}

impl Cancel {
    /// Ends a wait in progress and every later one. It returns at once; the waiter itself sees to it that no lock is left.
    pub fn cancel(&self) {
        let mut switch = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        switch.thrown = true;
        if let Some(waiting) = switch.waiting.take() {
            // Full or gone: the wait has just ended by itself.
            let _ = waiting.try_send(Event::Cancelled);
        }
    }

    /// Whether [`cancel`](Self::cancel) was called.
    pub fn is_cancelled(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).thrown
    }

    fn wait_with(&self, sender: SyncSender<Event>) -> bool {
        let mut switch = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        switch.waiting = Some(sender);
        !switch.thrown
    }
}

/// Locks `file`, blocking until it is free, `deadline` passes or `cancel` is thrown.
///
/// The blocking call runs on a thread of its own. On time-out or cancellation that thread is interrupted and has ended
/// before this returns.
pub(super) fn lock(file: File, mode: Mode, deadline: Instant, cancel: &Cancel) -> Result<File, Ended> {
    #[cfg(unix)]
    super::interrupt::prepare();
    let (events, heard) = mpsc::sync_channel(2);
    if !cancel.wait_with(events.clone()) {
        return Err(Ended::Cancelled);
    }
    // Dropping `listening` tells the thread that nobody wants the lock any more.
    let (listening, abandoned) = mpsc::channel::<()>();
    let thread = std::thread::Builder::new()
        .name("lock-wait".into())
        .stack_size(64 * 1024)
        .spawn(move || {
            let locked = block(file, mode, &abandoned);
            // Nobody listens: `locked` is dropped with the error, which closes the file and frees the lock.
            let _ = events.try_send(Event::Locked(locked));
        })
        .map_err(Ended::Failed)?;
    match heard.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
        Ok(Event::Locked(locked)) => locked.map_err(Ended::Failed),
        Ok(Event::Cancelled) => end(&thread, listening, &heard, Ended::Cancelled),
        Err(RecvTimeoutError::Timeout) => end(&thread, listening, &heard, Ended::TimedOut),
        Err(RecvTimeoutError::Disconnected) => Err(Ended::Failed(io::Error::other(
            "the waiting thread ended without an answer",
        ))),
    }
}

fn block(file: File, mode: Mode, abandoned: &Receiver<()>) -> io::Result<File> {
    loop {
        let locked = match mode {
            Mode::Exclusive => file.lock(),
            Mode::Shared => file.lock_shared(),
        };
        match locked {
            Ok(()) => return Ok(file),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                if abandoned.try_recv() == Err(mpsc::TryRecvError::Disconnected) {
                    return Err(error);
                }
            }
            Err(error) => return Err(error),
        }
    }
}

fn end(
    thread: &std::thread::JoinHandle<()>,
    listening: Sender<()>,
    heard: &Receiver<Event>,
    why: Ended,
) -> Result<File, Ended> {
    drop(listening);
    let give_up = Instant::now() + LEAVE_BEHIND;
    while Instant::now() < give_up {
        #[cfg(unix)]
        super::interrupt::interrupt(thread);
        match heard.recv_timeout(Duration::from_millis(1)) {
            // Locked at the last moment: given back here and now.
            Ok(Event::Locked(_)) | Err(RecvTimeoutError::Disconnected) => break,
            Ok(Event::Cancelled) | Err(RecvTimeoutError::Timeout) => {}
        }
    }
    #[cfg(not(unix))]
    let _ = thread;
    Err(why)
}
