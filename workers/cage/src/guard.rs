//! The guard: a process between whoever starts a command and the command, which outlives the one and ends the other.
//!
//! The kernel kills the command's first process when whoever started it dies; what that has started in turn, in sessions of its
//! own and with parents that are gone, it does not. The guard is the reaper of all of it, so nothing leaves it. When the command
//! has ended it kills everything below it, says how many those were, and ends as the command did: whoever sees that end sees
//! nothing of the command live on, at no moment. If whoever started the command is gone before, it does the same at once.
//!
//! It is the child of a fork that never becomes another program. So it takes hardly any memory, and like all that happens
//! between fork and exec it makes system calls only: no allocation, no lock, no panic. It finds what is below it by a list of
//! numbers, and so also what a `/proc` that is mounted with `hidepid` hides.
#![expect(
    unsafe_code,
    reason = "fork, waits for any child and the way out have no safe binding that may be used after a fork"
)]

use std::ffi::c_int;
use std::os::fd::RawFd;

use nix::errno::Errno;
use nix::sys::prctl;
use nix::sys::signal::{SigSet, SigmaskHow, Signal, kill, killpg};
use nix::unistd::{ForkResult, Pid, fork, getpgid, getpgrp, getpid, getppid};

/// Nobody else's children are here: a guard has one thread.
const CHILDREN: &std::ffi::CStr = c"/proc/thread-self/children";

/// How soon to look again, in nanoseconds, for what did not tell of its end; the double each time, up to …
const LOOK_AGAIN: i64 = 10_000_000;
/// … this: the kernel may hold something for long.
const LOOK_RARELY: i64 = 640_000_000;
/// So many seconds the end of a command waits for what it left running. What takes longer is its starter's to end.
const PATIENCE: libc::time_t = 2;

/// Forks: the parent stays behind as the guard and never returns, the child goes on to the command. To be called in the child of
/// `starter`, between fork and exec. Into `tally` the guard writes how many processes it killed when the command had ended.
///
/// Errors: the first of these calls that failed; `ESRCH` for a starter, or a guard, that is gone already.
pub(crate) fn stand_between(starter: Pid, tally: Option<RawFd>) -> Result<(), Errno> {
    // Nobody's handlers run in the guard, and no signal that is waited for is lost.
    let before = SigSet::all().thread_swap_mask(SigmaskHow::SIG_SETMASK)?;
    prctl::set_child_subreaper(true)?;
    // It also wakes a guard that was stopped.
    prctl::set_pdeathsig(Signal::SIGCONT)?;
    if getppid() != starter {
        return Err(Errno::ESRCH);
    }
    let guard = getpid();
    // SAFETY: this process has one thread; both of it make system calls only.
    match unsafe { fork() }? {
        ForkResult::Parent { child } => watch(starter, child, tally),
        ForkResult::Child => {
            prctl::set_pdeathsig(Signal::SIGKILL)?;
            // If it is gone, the death signal would never come.
            if getppid() != guard {
                return Err(Errno::ESRCH);
            }
            before.thread_set_mask()
        }
    }
}

/// Wakes the guard of a command that stopped it; it does not take that for the end of its starter.
///
/// Errors: `ESRCH` if there is no such process.
pub fn wake(guard: i32) -> Result<(), Errno> {
    let nothing = libc::sigval {
        sival_ptr: std::ptr::null_mut(),
    };
    // SAFETY: takes numbers only, as the pointer is for the receiver, who does not look at it (sigqueue(3)).
    let answer = unsafe { libc::sigqueue(guard, libc::SIGCONT, nothing) };
    Errno::result(answer).map(drop)
}

/// Buries what dies, until the command's first process does, or the starter.
fn watch(starter: Pid, first: Pid, tally: Option<RawFd>) -> ! {
    // The command's output ends with the last process that holds it, and a failed exec is told by the end of a pipe.
    close_all_but(tally);
    loop {
        if getppid() != starter {
            end_all(starter, first);
        }
        let mut ended = None;
        while let Some((child, status)) = bury() {
            if child == first {
                ended = Some(status);
            }
        }
        if let Some(status) = ended {
            // Nothing may be left at all.
            let killed = if Errno::last() == Errno::ECHILD {
                0
            } else {
                kill_all(starter).unwrap_or_else(|killed| killed)
            };
            tell(tally, killed);
            end_like(status);
        }
        // The thread that started it ended: its process says so, and may live on.
        if wait(None) == Some(starter) {
            end_all(starter, first);
        }
    }
}

fn end_all(starter: Pid, first: Pid) -> ! {
    // While the starter lives its patience has an end; and without the list there is no more that we could find.
    if kill_all(starter).is_err() {
        let _ = killpg(first, Signal::SIGKILL);
    }
    end_by(Signal::SIGKILL as c_int)
}

/// Kills everything below, round by round, as what is below the killed comes to be below us. Gives the number of those that
/// were killed when nothing is left, or as an error: while the starter lives and can go on with it, there is an end to patience.
fn kill_all(starter: Pid) -> Result<u32, u32> {
    let (began, mut pause, mut killed) = (seconds(), LOOK_AGAIN, 0);
    loop {
        let seen = each_child(|child| {
            // Those of its group that are just being born die, too. Ours is the command's before it has its own.
            if let Ok(group) = getpgid(Some(child))
                && group != getpgrp()
            {
                let _ = killpg(group, Signal::SIGKILL);
            }
            let _ = kill(child, Signal::SIGKILL);
        });
        while let Some((_, status)) = bury() {
            killed += u32::from(libc::WIFSIGNALED(status) && libc::WTERMSIG(status) == libc::SIGKILL);
        }
        if Errno::last() == Errno::ECHILD {
            return Ok(killed);
        }
        if seen.is_err() || getppid() == starter && seconds() - began > PATIENCE {
            return Err(killed);
        }
        wait(Some(&libc::timespec {
            tv_sec: 0,
            tv_nsec: pause,
        }));
        pause = LOOK_RARELY.min(pause * 2);
    }
}

/// Of a clock that nobody sets.
fn seconds() -> libc::time_t {
    let mut now = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: it writes one time, which lives until the call returns (clock_gettime(2)).
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut now) };
    now.tv_sec
}

/// A starter that has gone away wants to know no more.
fn tell(tally: Option<RawFd>, killed: u32) {
    if let Some(tally) = tally {
        let bytes = killed.to_ne_bytes();
        // SAFETY: it reads as many bytes as the array has (write(2)).
        unsafe { libc::write(tally, bytes.as_ptr().cast(), bytes.len()) };
    }
}

/// Hands out the children that are there now.
fn each_child(mut act: impl FnMut(Pid)) -> Result<(), Errno> {
    // SAFETY: the path is a string with an end (open(2)).
    let list = Errno::result(unsafe { libc::open(CHILDREN.as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC) })?;
    let mut number: i32 = 0;
    let mut bytes = [0_u8; 4096];
    let done = loop {
        // SAFETY: it writes at most as much as the array takes (read(2)).
        let read = unsafe { libc::read(list, bytes.as_mut_ptr().cast(), bytes.len()) };
        let length = match usize::try_from(read) {
            Ok(0) => break Ok(()),
            Ok(length) => length,
            Err(_) => break Err(Errno::last()),
        };
        for byte in bytes.iter().take(length) {
            if byte.is_ascii_digit() {
                number = number.wrapping_mul(10).wrapping_add(i32::from(byte - b'0'));
            } else if number > 0 {
                act(Pid::from_raw(number));
                number = 0;
            }
        }
    };
    // SAFETY: it was opened above, and nobody else has it (close(2)).
    unsafe { libc::close(list) };
    done
}

/// A child that has ended, and how; `None` if there is none, with `ECHILD` as the last error if there is no child at all.
fn bury() -> Option<(Pid, c_int)> {
    let mut status = 0;
    Errno::clear();
    // SAFETY: it writes one number, which lives until the call returns (waitpid(2)).
    let child = unsafe { libc::waitpid(-1, &raw mut status, libc::WNOHANG) };
    (child > 0).then(|| (Pid::from_raw(child), status))
}

/// Waits for the end of a child or of the starter, or for so long. Who sent the signal, if it may tell of the starter's end.
fn wait(most: Option<&libc::timespec>) -> Option<Pid> {
    let mut wanted = SigSet::empty();
    wanted.add(Signal::SIGCHLD);
    wanted.add(Signal::SIGCONT);
    let most = most.map_or(std::ptr::null(), std::ptr::from_ref);
    // SAFETY: all zeros are a `siginfo_t`, and the call fills it; set and time live until it returns (sigtimedwait(2)).
    let (signal, told) = unsafe {
        let mut told = std::mem::zeroed::<libc::siginfo_t>();
        let signal = libc::sigtimedwait(wanted.as_ref(), &raw mut told, most);
        (signal, told)
    };
    // What only wakes us is queued, which is seen by its code; see `wake`.
    let may_tell = signal == libc::SIGCONT && told.si_code == libc::SI_USER;
    // SAFETY: a signal that a process or the kernel sends for it has a sender (sigaction(2)).
    may_tell.then(|| Pid::from_raw(unsafe { told.si_pid() }))
}

/// Ends as the command's first process did.
fn end_like(status: c_int) -> ! {
    if libc::WIFSIGNALED(status) {
        end_by(libc::WTERMSIG(status));
    }
    // SAFETY: ends the process without anything that was built before the fork (_exit(2)).
    unsafe { libc::_exit(libc::WEXITSTATUS(status)) }
}

fn end_by(signal: c_int) -> ! {
    // SAFETY: with its default handler back and let through, the signal ends this process in `kill` (signal(7)); others may
    // wait, such as that of a tally that nobody reads. The set lives until the calls return.
    unsafe {
        libc::signal(signal, libc::SIG_DFL);
        let mut alone = std::mem::zeroed::<libc::sigset_t>();
        libc::sigemptyset(&raw mut alone);
        libc::sigaddset(&raw mut alone, signal);
        libc::sigprocmask(libc::SIG_UNBLOCK, &raw const alone, std::ptr::null_mut());
        libc::kill(libc::getpid(), signal);
        libc::_exit(128 + signal)
    }
}

fn close_all_but(kept: Option<RawFd>) {
    let kept = kept.and_then(|kept| u32::try_from(kept).ok());
    let ranges = match kept {
        None => [Some((0, u32::MAX)), None],
        Some(kept) => [
            kept.checked_sub(1).map(|last| (0, last)),
            Some((kept + 1, u32::MAX)),
        ],
    };
    let is_done = ranges.into_iter().flatten().all(|(first, last)| {
        // SAFETY: nothing of this process uses a descriptor from here on, but for the one that is kept (close_range(2)).
        let answer = unsafe { libc::syscall(libc::SYS_close_range, first, last, 0_u32) };
        answer == 0
    });
    if is_done {
        return;
    }
    // Before Linux 5.9: as many as a process may have by default, and more than a worker has.
    for descriptor in (0..1024).filter(|descriptor| u32::try_from(*descriptor).ok() != kept) {
        // SAFETY: as above (close(2)).
        unsafe { libc::close(descriptor) };
    }
}
