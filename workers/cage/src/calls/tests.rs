//! The programs of all architectures, run over calls as a kernel would: this machine has one processor only, and few
//! kernels know x32. That the kernel runs them so is what `crate::tests::calls` shows.

use libc::{EPERM, SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO};

use super::*;

const I386: u32 = 0x4000_0003;

/// `struct seccomp_data` as words.
fn data(audit: u32, number: u32, arguments: [u64; 6]) -> [u32; 16] {
    let mut words = [0; 16];
    words[0] = number;
    words[1] = audit;
    for (at, argument) in arguments.into_iter().enumerate() {
        words[4 + 2 * at] = u32::try_from(argument & u64::from(u32::MAX)).unwrap();
        words[5 + 2 * at] = u32::try_from(argument >> 32).unwrap();
    }
    words
}

/// What the kernel would answer: as much of classic BPF as filters here are made of (linux/filter.h).
fn answer(program: &[sock_filter], data: &[u32; 16]) -> u32 {
    let (mut at, mut word) = (0, 0);
    loop {
        let step = program[at];
        let code = u32::from(step.code);
        at += 1;
        if code == BPF_RET | BPF_K {
            return step.k;
        }
        if code == BPF_LD | BPF_W | BPF_ABS {
            assert_eq!(step.k % 4, 0, "the kernel refuses the program");
            word = data[step.k as usize / 4];
            continue;
        }
        let holds = match code ^ (BPF_JMP | BPF_K) {
            BPF_JEQ => word == step.k,
            BPF_JGE => word >= step.k,
            BPF_JSET => word & step.k != 0,
            other => panic!("an instruction of no filter: {other:#x}"),
        };
        at += usize::from(if holds { step.jt } else { step.jf });
    }
}

/// The error of a call, if it is refused.
fn refusal(of: &Architecture, audit: u32, number: u32, arguments: &[u64]) -> Option<i32> {
    let filter = Filter::of(of).unwrap();
    let mut all = [0; 6];
    all[..arguments.len()].copy_from_slice(arguments);
    let answer = answer(filter.program(), &data(audit, number, all));
    if answer == SECCOMP_RET_ALLOW {
        return None;
    }
    assert_eq!(answer & !0xffff, SECCOMP_RET_ERRNO, "it does something else");
    Some((answer & 0xffff).cast_signed())
}

#[test]
fn numbers_of_this_build_are_those_of_the_system() {
    let Some(ours) = OURS else { return };
    for (number, system) in [
        (ours.prlimit64, libc::SYS_prlimit64),
        (ours.fchmod, libc::SYS_fchmod),
        (ours.fchmodat, libc::SYS_fchmodat),
        (ours.mknodat, libc::SYS_mknodat),
        (ours.openat, libc::SYS_openat),
        (OPENAT2, libc::SYS_openat2),
        (IO_URING_SETUP, libc::SYS_io_uring_setup),
        (ours.clone, libc::SYS_clone),
        (CLONE3, libc::SYS_clone3),
        (ours.unshare, libc::SYS_unshare),
        (ours.setns, libc::SYS_setns),
    ] {
        assert_eq!(i64::from(number), system);
    }
    let shared = [
        libc::SYS_shmget,
        libc::SYS_shmat,
        libc::SYS_shmctl,
        libc::SYS_semget,
        libc::SYS_semop,
        libc::SYS_semctl,
        libc::SYS_semtimedop,
        libc::SYS_msgget,
        libc::SYS_msgsnd,
        libc::SYS_msgrcv,
        libc::SYS_msgctl,
        libc::SYS_mq_open,
        libc::SYS_mq_unlink,
        libc::SYS_add_key,
        libc::SYS_request_key,
        libc::SYS_keyctl,
    ];
    assert_eq!(ours.shared.map(i64::from), shared);
    #[cfg(target_arch = "x86_64")]
    {
        let old = ours.old.as_ref().unwrap();
        let known = [ours.setrlimit, old.open, old.creat, old.chmod, old.mknod].map(i64::from);
        assert_eq!(
            known,
            [
                libc::SYS_setrlimit,
                libc::SYS_open,
                libc::SYS_creat,
                libc::SYS_chmod,
                libc::SYS_mknod
            ]
        );
    }
}

#[test]
fn calls_are_refused_by_number_and_arguments_on_every_processor() {
    let make = u64::from((libc::O_CREAT | libc::O_WRONLY).cast_unsigned());
    let temporary = u64::from((libc::O_TMPFILE | libc::O_WRONLY).cast_unsigned());
    let folder = u64::from(libc::O_DIRECTORY.cast_unsigned());
    let (set_id, plain) = (0o4755, 0o755);
    let high = 1 << 32;
    let mark = u64::from(Mark::CARRIER as u32);
    // Numbers as linux has them in arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h.
    for (of, prlimit, setrlimit, fchmod, fchmodat, mknodat, openat) in [
        (&X86_64, 302, 160, 91, 268, 259, 257),
        (&AARCH64, 261, 164, 52, 53, 33, 56),
    ] {
        for (number, arguments, expected) in [
            (prlimit, &[1234, mark, 0, 8][..], Some(EPERM)),
            (prlimit, &[0, mark, 0x1000, 0], Some(EPERM)),
            (prlimit, &[0, mark, high, 0], Some(EPERM)),
            // The kernel reads ints: what is above them is nothing.
            (prlimit, &[high, high + mark, 0x1000, 0], Some(EPERM)),
            (prlimit, &[0, mark, 0, 0x1000], None),
            (prlimit, &[0, mark + 1, 0x1000, 0], None),
            (setrlimit, &[mark, 0x1000], Some(EPERM)),
            (setrlimit, &[mark + 1, 0x1000], None),
            (fchmod, &[3, set_id], Some(EPERM)),
            (fchmod, &[3, plain], None),
            (fchmodat, &[3, 0x1000, set_id], Some(EPERM)),
            (fchmodat, &[set_id, 0x1000, plain], None),
            (452, &[3, 0x1000, set_id, 0], Some(EPERM)),
            (mknodat, &[3, 0x1000, 0o2755, 0], Some(EPERM)),
            (openat, &[3, 0x1000, make, set_id], Some(EPERM)),
            (openat, &[3, 0x1000, temporary, set_id], Some(EPERM)),
            (openat, &[3, 0x1000, make, plain], None),
            // Without a file to be made the mode is whatever was left there.
            (openat, &[3, 0x1000, folder, set_id], None),
            (437, &[3, 0x1000, 0x1000, 24], Some(libc::ENOSYS)),
            (425, &[1, 0x1000], Some(libc::ENOSYS)),
            // execve, which both have, and numbers that nobody has.
            (221, &[], None),
            (59, &[], None),
            (4000, &[], None),
        ] {
            assert_eq!(
                refusal(of, of.audit, number, arguments),
                expected,
                "{of:?}: {number} {arguments:?}"
            );
        }
    }
}

#[test]
fn namespaces_keys_and_what_else_users_share_are_refused_on_every_processor() {
    let user = u64::from(libc::CLONE_NEWUSER.cast_unsigned());
    // Flags of a thread, as C libraries start one.
    let thread = 0x003d_0f00;
    for (of, clone, unshare, setns, shared) in [
        (
            &X86_64,
            56,
            272,
            308,
            [
                29, 30, 31, 64, 65, 66, 68, 69, 70, 71, 220, 240, 241, 248, 249, 250,
            ],
        ),
        (
            &AARCH64,
            220,
            97,
            268,
            [
                180, 181, 186, 187, 188, 189, 190, 191, 192, 193, 194, 195, 196, 217, 218, 219,
            ],
        ),
    ] {
        for (number, arguments, expected) in [
            (clone, &[user | 0x11, 0][..], Some(EPERM)),
            (clone, &[0x11, user], None),
            (clone, &[thread, 0x1000], None),
            (unshare, &[user], Some(EPERM)),
            (unshare, &[(1 << 32) | user | 0x2_0000], Some(EPERM)),
            (unshare, &[0x2_0000], None),
            (setns, &[3, 0], Some(EPERM)),
            (435, &[0x1000, 88], Some(libc::ENOSYS)),
        ] {
            assert_eq!(
                refusal(of, of.audit, number, arguments),
                expected,
                "{of:?}: {number} {arguments:?}"
            );
        }
        for number in shared {
            assert_eq!(
                refusal(of, of.audit, number, &[0]),
                Some(libc::ENOSYS),
                "{of:?}: {number}"
            );
        }
    }
}

#[test]
fn old_calls_are_refused_where_they_are() {
    let make = u64::from((libc::O_CREAT | libc::O_WRONLY).cast_unsigned());
    for (number, arguments) in [
        (90, &[0x1000, 0o4755][..]),
        (85, &[0x1000, 0o4755]),
        (133, &[0x1000, 0o4755, 0]),
        (2, &[0x1000, make, 0o4755]),
    ] {
        assert_eq!(
            refusal(&X86_64, X86_64.audit, number, arguments),
            Some(EPERM),
            "{number}"
        );
        assert_eq!(
            refusal(&AARCH64, AARCH64.audit, number, arguments),
            None,
            "{number} is another call there"
        );
    }
}

#[test]
fn every_call_of_another_architecture_is_refused() {
    for (of, foreign) in [
        (&X86_64, [I386, AARCH64.audit, 0]),
        // AUDIT_ARCH_ARM: 32-bit programs.
        (&AARCH64, [0x4000_0028, X86_64.audit, 0]),
    ] {
        for audit in foreign {
            for number in [0, 20, 39, 221, 4000] {
                assert_eq!(
                    refusal(of, audit, number, &[]),
                    Some(libc::ENOSYS),
                    "{audit:#x} {number}"
                );
            }
        }
    }
    // x32 has the architecture of x86_64 and a bit of its own in the number.
    for number in [0, 1, 39, 302, 512, 547] {
        let x32 = 0x4000_0000 + number;
        assert_eq!(
            refusal(&X86_64, X86_64.audit, x32, &[]),
            Some(libc::ENOSYS),
            "{x32:#x}"
        );
    }
    // -1 is what a tracer sets to have no call at all.
    assert_eq!(refusal(&X86_64, X86_64.audit, u32::MAX, &[]), Some(libc::ENOSYS));
}
