//! What happens in the new process between fork and exec: plain system calls in a fixed order, and nothing else.
//!
//! The parent may have threads, so the child has only one of them and must not allocate, lock or panic before exec. All
//! that needs memory was built before the fork; what fails comes back as one number, see [`Step::decode`].
#![expect(
    unsafe_code,
    reason = "pre_exec, capset, close_range, landlock and seccomp have no safe binding that may be used after fork"
)]

use std::ffi::c_long;
use std::io::{self, PipeWriter};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::sync::Arc;

use nix::errno::Errno;
use nix::sys::prctl;
use nix::sys::resource::setrlimit;
use nix::unistd::{Pid, setsid};

use crate::calls::Filter;
use crate::guard;
use crate::limits::{self, Limit};
use crate::mark::Mark;
use crate::policy::Layer;

/// The first descriptor that is not standard input, output or error.
const FIRST: u32 = 3;

/// `_LINUX_CAPABILITY_VERSION_3` of linux/capability.h: two words per set.
const CAPABILITY_VERSION: u32 = 0x2008_0522;

/// Linux keeps capability sets in 64 bits.
const CAPABILITIES: u64 = 64;

/// Layers that are put on in the child, and what they need.
#[derive(Debug)]
pub(crate) struct Steps {
    /// Whoever calls `spawn`.
    parent: Pid,
    layers: Vec<Layer>,
    /// Always with the mark; the others only with the layer.
    limits: Vec<Limit>,
    ruleset: Option<Arc<OwnedFd>>,
    filter: Option<Filter>,
    /// Where the guard says what it killed.
    tally: Option<Arc<PipeWriter>>,
}

/// One step, as it travels in the upper half of an error number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Limits = 1,
    Session = 2,
    Guard = 3,
    Descriptors = 4,
    Bounding = 5,
    Capabilities = 6,
    NoNewPrivileges = 7,
    Landlock = 8,
    Calls = 9,
}

impl Step {
    const ALL: [Self; 9] = [
        Self::Limits,
        Self::Session,
        Self::Guard,
        Self::Descriptors,
        Self::Bounding,
        Self::Capabilities,
        Self::NoNewPrivileges,
        Self::Landlock,
        Self::Calls,
    ];

    pub(crate) fn layer(self) -> Layer {
        match self {
            Self::Session | Self::Guard => Layer::Session,
            Self::Limits => Layer::Limits,
            Self::Descriptors => Layer::Descriptors,
            Self::Bounding | Self::Capabilities => Layer::Capabilities,
            Self::NoNewPrivileges => Layer::NoNewPrivileges,
            Self::Landlock => Layer::Landlock,
            Self::Calls => Layer::Calls,
        }
    }

    pub(crate) fn call(self) -> &'static str {
        match self {
            Self::Session => "setsid",
            Self::Guard => "fork",
            Self::Limits => "setrlimit",
            Self::Descriptors => "close_range",
            Self::Bounding => "prctl(PR_CAPBSET_DROP)",
            Self::Capabilities => "capset",
            Self::NoNewPrivileges => "prctl(PR_SET_NO_NEW_PRIVS)",
            Self::Landlock => "landlock_restrict_self",
            Self::Calls => "prctl(PR_SET_SECCOMP)",
        }
    }

    /// `Command` carries nothing but the number of an error from the child to its parent.
    fn failed(self, errno: Errno) -> io::Error {
        io::Error::from_raw_os_error(((self as i32) << 16) | errno as i32)
    }

    /// Which step failed, and with what; `None` for an error that is not ours.
    pub(crate) fn decode(number: i32) -> Option<(Self, io::Error)> {
        let step = Self::ALL.into_iter().find(|step| *step as i32 == number >> 16)?;
        Some((step, io::Error::from_raw_os_error(number & 0xffff)))
    }
}

/// Makes a command take these steps whenever it is spawned.
pub(crate) fn arm(command: &mut Command, steps: Steps) {
    // SAFETY: `take` makes system calls only: no allocation, no lock, no panic. What it borrows was built before the fork
    // and stays alive in the closure.
    unsafe {
        command.pre_exec(move || steps.take());
    }
}

impl Steps {
    /// Steps for a child of this process.
    pub(crate) fn new(
        layers: Vec<Layer>,
        mark: Mark,
        ruleset: Option<Arc<OwnedFd>>,
        tally: Option<Arc<PipeWriter>>,
    ) -> Self {
        let mut limits = vec![limits::marking(mark)];
        if layers.contains(&Layer::Limits) {
            limits.extend(limits::wanted());
        }
        let filter = if layers.contains(&Layer::Calls) {
            Filter::build()
        } else {
            None
        };
        Self {
            parent: Pid::this(),
            layers,
            limits,
            ruleset,
            filter,
            tally,
        }
    }

    fn take(&self) -> io::Result<()> {
        // First, as the guard has to be known by the mark, too.
        for limit in &self.limits {
            setrlimit(limit.resource, limit.soft, limit.hard).map_err(|errno| Step::Limits.failed(errno))?;
        }
        if self.layers.contains(&Layer::Session) {
            // One for the guard, which must not die with the group of its starter, and one for the command.
            setsid().map_err(|errno| Step::Session.failed(errno))?;
            let tally = self.tally.as_ref().map(AsRawFd::as_raw_fd);
            guard::stand_between(self.parent, tally).map_err(|errno| Step::Guard.failed(errno))?;
            setsid().map_err(|errno| Step::Session.failed(errno))?;
        }
        if self.layers.contains(&Layer::Descriptors) {
            // Not closed here: `Command` reports a failed exec through one of them, and the ruleset is another.
            close_range(FIRST, u32::MAX).map_err(|errno| Step::Descriptors.failed(errno))?;
        }
        if self.layers.contains(&Layer::Capabilities) {
            drop_bounding_set(self.layers.contains(&Layer::NoNewPrivileges))
                .map_err(|errno| Step::Bounding.failed(errno))?;
            drop_capabilities().map_err(|errno| Step::Capabilities.failed(errno))?;
        }
        if self.layers.contains(&Layer::NoNewPrivileges) {
            prctl::set_no_new_privs().map_err(|errno| Step::NoNewPrivileges.failed(errno))?;
        }
        if let Some(ruleset) = &self.ruleset {
            restrict_self(ruleset).map_err(|errno| Step::Landlock.failed(errno))?;
        }
        // Last: from here on it also holds for us.
        if let Some(filter) = &self.filter {
            filter_calls(filter).map_err(|errno| Step::Calls.failed(errno))?;
        }
        Ok(())
    }
}

/// Which ABI of Landlock the kernel speaks. `ENOSYS`: built without; `EOPNOTSUPP`: switched off at boot.
pub(crate) fn landlock_abi() -> Result<i32, Errno> {
    const LANDLOCK_CREATE_RULESET_VERSION: u32 = 1;
    // SAFETY: with this flag the call takes no memory and makes no descriptor (landlock_create_ruleset(2)).
    let answer = unsafe {
        libc::syscall(
            libc::SYS_landlock_create_ruleset,
            std::ptr::null::<u8>(),
            0_usize,
            LANDLOCK_CREATE_RULESET_VERSION,
        )
    };
    Errno::result(answer).map(|version| i32::try_from(version).unwrap_or(i32::MAX))
}

/// Asks whether filters of system calls can be put on, and can refuse with an error number.
pub(crate) fn seccomp_refuses() -> Result<(), Errno> {
    let action: u32 = libc::SECCOMP_RET_ERRNO;
    // SAFETY: only reads the word, which lives until the call returns (seccomp(2)).
    done(unsafe {
        libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_GET_ACTION_AVAIL,
            0_u32,
            &raw const action,
        )
    })
}

/// Marks descriptors close-on-exec. With an empty range it only tells whether the kernel knows the call.
pub(crate) fn close_range(first: u32, last: u32) -> Result<(), Errno> {
    // SAFETY: only sets a flag on descriptors, which whoever owns them set already or wants set (close_range(2)).
    done(unsafe { libc::syscall(libc::SYS_close_range, first, last, libc::CLOSE_RANGE_CLOEXEC) })
}

/// Takes every capability out of what an exec could give back. Nobody but a holder of `CAP_SETPCAP` may; for all others
/// `no_new_privs` does the same, as it keeps exec from giving anything: without that, it is an error.
fn drop_bounding_set(exec_gives_nothing: bool) -> Result<(), Errno> {
    for capability in 0..CAPABILITIES {
        // SAFETY: takes numbers only (capabilities(7)).
        match done(c_long::from(unsafe {
            libc::prctl(libc::PR_CAPBSET_DROP, capability, 0_u64, 0_u64, 0_u64)
        })) {
            Ok(()) => {}
            // Past the last one that this kernel knows.
            Err(Errno::EINVAL) => break,
            Err(Errno::EPERM) if exec_gives_nothing => break,
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

/// Empties the effective, permitted and inheritable sets; the ambient one follows by itself.
fn drop_capabilities() -> Result<(), Errno> {
    let header = [CAPABILITY_VERSION, 0];
    let none = [0_u32; 6];
    // SAFETY: the header is two words (version, pid 0 for ourselves) and this version reads two triples of words
    // (capset(2)); both arrays live until the call returns.
    done(unsafe { libc::syscall(libc::SYS_capset, header.as_ptr(), none.as_ptr()) })
}

fn restrict_self(ruleset: &OwnedFd) -> Result<(), Errno> {
    // SAFETY: takes numbers only; the descriptor is open, as it is borrowed (landlock_restrict_self(2)).
    done(unsafe { libc::syscall(libc::SYS_landlock_restrict_self, ruleset.as_raw_fd(), 0_u32) })
}

fn filter_calls(filter: &Filter) -> Result<(), Errno> {
    let program = filter.program();
    let program = libc::sock_fprog {
        // Far fewer than the kernel takes; none would be an error of the call.
        len: u16::try_from(program.len()).unwrap_or(0),
        filter: program.as_ptr().cast_mut(),
    };
    // SAFETY: the kernel copies the program, which is borrowed and as long as is said, and changes nothing in it
    // (PR_SET_SECCOMP(2const)).
    done(c_long::from(unsafe {
        libc::prctl(
            libc::PR_SET_SECCOMP,
            c_long::from(libc::SECCOMP_MODE_FILTER),
            &raw const program,
        )
    }))
}

fn done(answer: c_long) -> Result<(), Errno> {
    Errno::result(answer).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_step_survives_the_way_to_the_parent() {
        for step in Step::ALL {
            let number = step.failed(Errno::EPERM).raw_os_error().unwrap();
            let (found, source) = Step::decode(number).unwrap();
            assert_eq!((found, source.raw_os_error()), (step, Some(libc::EPERM)));
        }
        assert!(Step::decode(libc::ENOENT).is_none());
    }

    #[test]
    fn a_failed_step_starts_no_program() {
        let folder = tempfile::tempdir().unwrap();
        let trace = folder.path().join("trace");
        let mut command = Command::new("/bin/sh");
        command.arg("-c").arg(format!("echo x > {}", trace.display()));
        let mut steps = Steps::new(Layer::ALL.into(), Mark::next().unwrap(), None, None);
        // Nobody's number: as if the parent had died.
        steps.parent = Pid::from_raw(1 << 30);
        arm(&mut command, steps);
        let error = command.spawn().unwrap_err();
        let (step, _) = Step::decode(error.raw_os_error().unwrap()).unwrap();
        assert_eq!(step, Step::Guard);
        assert!(!trace.exists());
    }
}
