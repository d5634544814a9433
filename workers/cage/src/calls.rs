//! The filter of system calls: what Landlock has no hook for and a caged command must not do to others of its own user.
//!
//! A short list of what is refused, not of what is allowed: everything else is the business of the other layers. A filter
//! sees numbers only, no memory, so each rule is about arguments that travel in registers.

use std::fmt;

use libc::{BPF_ABS, BPF_JEQ, BPF_JGE, BPF_JMP, BPF_JSET, BPF_K, BPF_LD, BPF_RET, BPF_W, sock_filter};

use crate::child;
use crate::mark::Mark;

/// What a filter has to know of a processor: numbers of calls mean nothing without it.
#[derive(Debug)]
struct Architecture {
    /// `AUDIT_ARCH_*` of linux/audit.h.
    audit: u32,
    prlimit64: u32,
    setrlimit: u32,
    fchmod: u32,
    fchmodat: u32,
    mknodat: u32,
    openat: u32,
    clone: u32,
    unshare: u32,
    setns: u32,
    /// What users have in common beside files: keys, and memory, semaphores and queues of System V and POSIX.
    shared: [u32; 16],
    /// Calls that newer processors do without.
    old: Option<Old>,
}

/// Numbers of calls without a folder's descriptor.
#[derive(Debug)]
struct Old {
    open: u32,
    creat: u32,
    chmod: u32,
    mknod: u32,
}

const X86_64: Architecture = Architecture {
    audit: 0xc000_003e,
    prlimit64: 302,
    setrlimit: 160,
    fchmod: 91,
    fchmodat: 268,
    mknodat: 259,
    openat: 257,
    clone: 56,
    unshare: 272,
    setns: 308,
    // shm*, sem*, msg*, mq_*, add_key, request_key, keyctl.
    shared: [
        29, 30, 31, 64, 65, 66, 220, 68, 69, 70, 71, 240, 241, 248, 249, 250,
    ],
    old: Some(Old {
        open: 2,
        creat: 85,
        chmod: 90,
        mknod: 133,
    }),
};

const AARCH64: Architecture = Architecture {
    audit: 0xc000_00b7,
    prlimit64: 261,
    setrlimit: 164,
    fchmod: 52,
    fchmodat: 53,
    mknodat: 33,
    openat: 56,
    clone: 220,
    unshare: 97,
    setns: 268,
    shared: [
        194, 196, 195, 190, 193, 191, 192, 186, 189, 188, 187, 180, 181, 217, 218, 219,
    ],
    old: None,
};

/// Of the programs of this build.
const OURS: Option<&Architecture> = if cfg!(all(target_arch = "x86_64", target_pointer_width = "64")) {
    Some(&X86_64)
} else if cfg!(all(target_arch = "aarch64", target_endian = "little")) {
    Some(&AARCH64)
} else {
    None
};

/// Calls of x32 are numbered from here on, with the architecture of `x86_64`. Nobody's calls reach so far otherwise.
const X32: u32 = 0x4000_0000;

/// Where `struct seccomp_data` of linux/seccomp.h has its fields.
const NUMBER: u32 = 0;
const ARCHITECTURE: u32 = 4;
const ARGUMENTS: u32 = 16;

/// The same numbers on all architectures.
const IO_URING_SETUP: u32 = 425;
const CLONE3: u32 = 435;
const OPENAT2: u32 = 437;
const FCHMODAT2: u32 = 452;

/// Run with the rights of the file's owner or group.
const SET_ID: u32 = libc::S_ISUID | libc::S_ISGID;

/// With one of these an open makes a file, and only then looks at its mode. The second is what is `O_TMPFILE`'s alone.
const MAKES: u32 = (libc::O_CREAT | (libc::O_TMPFILE & !libc::O_DIRECTORY)).cast_unsigned();

/// A namespace of users, in which its maker has all capabilities.
const NEW_USER: u32 = libc::CLONE_NEWUSER.cast_unsigned();

/// One half of an argument, by its place. The kernel takes the low one of an `int`, and never sees the other.
const fn low(argument: u32) -> u32 {
    ARGUMENTS + 8 * argument
}

const fn high(argument: u32) -> u32 {
    low(argument) + 4
}

/// What has to be true of a word for a call to be refused.
#[derive(Debug, Clone, Copy)]
enum If {
    /// At least one of these bits is set.
    Any(u32, u32),
    /// It is this value.
    Is(u32, u32),
}

/// A call that fails with this error if all of it is true.
struct Rule(u32, Vec<If>, i32);

fn rules(of: &Architecture) -> Vec<Rule> {
    let carrier = Mark::CARRIER as u32;
    let set_id = |call, mode| Rule(call, vec![If::Any(low(mode), SET_ID)], libc::EPERM);
    let mut rules = vec![
        // Of somebody else: limits of the host and of other workers, to hide their mark or to kill them.
        Rule(of.prlimit64, vec![If::Any(low(0), u32::MAX)], libc::EPERM),
        // The mark. Asking is allowed: then there is no new value, which is a pointer with no bit in either half.
        Rule(
            of.prlimit64,
            vec![If::Is(low(1), carrier), If::Any(low(2), u32::MAX)],
            libc::EPERM,
        ),
        Rule(
            of.prlimit64,
            vec![If::Is(low(1), carrier), If::Any(high(2), u32::MAX)],
            libc::EPERM,
        ),
        Rule(of.setrlimit, vec![If::Is(low(0), carrier)], libc::EPERM),
        // A program that anybody on this machine could then run as this user, outside of every cage.
        set_id(of.fchmod, 1),
        set_id(of.fchmodat, 2),
        set_id(FCHMODAT2, 2),
        set_id(of.mknodat, 2),
        Rule(
            of.openat,
            vec![If::Any(low(2), MAKES), If::Any(low(3), SET_ID)],
            libc::EPERM,
        ),
        // These make files too, with a mode that lies in memory. Programs fall back to what is seen here.
        Rule(OPENAT2, vec![], libc::ENOSYS),
        Rule(IO_URING_SETUP, vec![], libc::ENOSYS),
        // Every capability, though of a namespace only: a way to much of the kernel that nobody is let to otherwise.
        Rule(of.clone, vec![If::Any(low(0), NEW_USER)], libc::EPERM),
        Rule(of.unshare, vec![If::Any(low(0), NEW_USER)], libc::EPERM),
        Rule(of.setns, vec![], libc::EPERM),
        // Its flags lie in memory. C libraries fall back.
        Rule(CLONE3, vec![], libc::ENOSYS),
    ];
    // They cross from thread to thread, and outlive commands and host. To programs this kernel is built without them.
    rules.extend(of.shared.map(|call| Rule(call, vec![], libc::ENOSYS)));
    if let Some(old) = &of.old {
        rules.extend([
            set_id(old.chmod, 1),
            set_id(old.creat, 1),
            set_id(old.mknod, 1),
            Rule(
                old.open,
                vec![If::Any(low(1), MAKES), If::Any(low(2), SET_ID)],
                libc::EPERM,
            ),
        ]);
    }
    rules
}

/// A program for the kernel, built before the fork.
pub(crate) struct Filter(Vec<sock_filter>);

impl Filter {
    /// Nothing where [`offer`] refuses.
    pub(crate) fn build() -> Option<Self> {
        OURS.and_then(Self::of)
    }

    fn of(architecture: &Architecture) -> Option<Self> {
        let mut program = vec![
            load(ARCHITECTURE),
            jump(BPF_JEQ, architecture.audit, 1, 0),
            refuse(libc::ENOSYS),
            load(NUMBER),
            jump(BPF_JGE, X32, 0, 1),
            refuse(libc::ENOSYS),
        ];
        for Rule(number, conditions, errno) in rules(architecture) {
            program.push(load(NUMBER));
            // What is left of this rule behind each of its jumps: two for every condition, and the refusal.
            let mut rest = u8::try_from(2 * conditions.len() + 1).ok()?;
            program.push(jump(BPF_JEQ, number, 0, rest));
            for condition in conditions {
                rest -= 2;
                let (word, test, value) = match condition {
                    If::Any(word, bits) => (word, BPF_JSET, bits),
                    If::Is(word, value) => (word, BPF_JEQ, value),
                };
                program.extend([load(word), jump(test, value, 0, rest)]);
            }
            program.push(refuse(errno));
        }
        program.push(statement(BPF_RET | BPF_K, libc::SECCOMP_RET_ALLOW));
        Some(Self(program))
    }

    pub(crate) fn program(&self) -> &[sock_filter] {
        &self.0
    }
}

impl fmt::Debug for Filter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Filter({} instructions)", self.0.len())
    }
}

/// Whether commands can have a filter here; `Err` says in words why not.
pub(crate) fn offer() -> Result<(), String> {
    if OURS.is_none() {
        return Err("there is no filter of system calls for this processor".to_owned());
    }
    child::seccomp_refuses().map_err(|errno| {
        format!(
            "the kernel does not take filters of system calls (seccomp): {}",
            errno.desc()
        )
    })
}

fn load(word: u32) -> sock_filter {
    statement(BPF_LD | BPF_W | BPF_ABS, word)
}

fn refuse(errno: i32) -> sock_filter {
    statement(BPF_RET | BPF_K, libc::SECCOMP_RET_ERRNO | errno.cast_unsigned())
}

fn statement(code: u32, k: u32) -> sock_filter {
    instruction(code, 0, 0, k)
}

/// How many instructions are passed over if the test holds, and if it does not.
fn jump(test: u32, k: u32, holds: u8, fails: u8) -> sock_filter {
    instruction(BPF_JMP | test | BPF_K, holds, fails, k)
}

fn instruction(code: u32, jt: u8, jf: u8, k: u32) -> sock_filter {
    sock_filter {
        // All of them are small numbers.
        code: u16::try_from(code).unwrap_or(u16::MAX),
        jt,
        jf,
        k,
    }
}

#[cfg(test)]
mod tests;
