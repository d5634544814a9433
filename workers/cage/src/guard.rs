//! The guard: a process between whoever starts a command and the command, which outlives the one and ends the other.
//!
//! The kernel kills the command's first process when whoever started it dies; what that has started in turn, in sessions of its
//! own and with parents that are gone, it does not. The guard is the reaper of all of it, so nothing leaves it. It ends as the
//! command ends. If whoever started the command is gone before that, it kills everything below it, until there is nothing.
//!
//! It is the child of a fork that never becomes another program. So it takes hardly any memory, and like all that happens
//! between fork and exec it makes system calls only: no allocation, no lock, no panic.
#![expect(
    unsafe_code,
    reason = "fork, waits for any child and the way out have no safe binding that may be used after a fork"
)]

use std::ffi::c_int;

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

/// Forks: the parent stays behind as the guard and never returns, the child goes on to the command. To be called in the child of
/// `starter`, between fork and exec.
///
/// Errors: the first of these calls that failed; `ESRCH` for a starter, or a guard, that is gone already.
pub(crate) fn stand_between(starter: Pid) -> Result<(), Errno> {
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
        ForkResult::Parent { child } => watch(starter, child),
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

/// Buries what dies, until the command's first process does, or the starter.
fn watch(starter: Pid, first: Pid) -> ! {
    // The command's output ends with the last process that holds it, and a failed exec is told by the end of a pipe.
    close_all();
    loop {
        if getppid() != starter {
            end_all(first);
        }
        while let Some((child, status)) = bury() {
            if child == first && getppid() == starter {
                end_like(status);
            }
        }
        // The thread that started it ended: its process says so, and may live on.
        if wait(None) == Some(starter) {
            end_all(first);
        }
    }
}

/// Kills everything below, round by round, as what is below the killed comes to be below us. Ends when nothing is left.
fn end_all(first: Pid) -> ! {
    let mut pause = LOOK_AGAIN;
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
        while bury().is_some() {}
        if Errno::last() == Errno::ECHILD {
            end_by(Signal::SIGKILL as c_int);
        }
        if seen.is_err() {
            // Without the list there is no more that we could find.
            let _ = killpg(first, Signal::SIGKILL);
            end_by(Signal::SIGKILL as c_int);
        }
        wait(Some(&libc::timespec {
            tv_sec: 0,
            tv_nsec: pause,
        }));
        pause = LOOK_RARELY.min(pause * 2);
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

/// Waits for the end of a child or of the starter, or for so long. Who sent the signal, if it tells of the starter's end.
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
    // SAFETY: a signal that a process or the kernel sends for it has a sender (sigaction(2)).
    (signal == libc::SIGCONT).then(|| Pid::from_raw(unsafe { told.si_pid() }))
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
    // SAFETY: numbers only; with its default handler back and let through, the signal ends this process in `kill` (signal(7)).
    unsafe {
        libc::signal(signal, libc::SIG_DFL);
        let _ = SigSet::all().thread_unblock();
        libc::kill(libc::getpid(), signal);
        libc::_exit(128 + signal)
    }
}

fn close_all() {
    // SAFETY: nothing of this process uses a descriptor from here on (close_range(2)).
    if unsafe { libc::syscall(libc::SYS_close_range, 0_u32, u32::MAX, 0_u32) } == 0 {
        return;
    }
    // Before Linux 5.9: as many as a process may have by default, and more than a worker has.
    for descriptor in 0..1024 {
        // SAFETY: as above (close(2)).
        unsafe { libc::close(descriptor) };
    }
}
