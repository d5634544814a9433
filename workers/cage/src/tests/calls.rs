//! What a caged command tries by system calls that Landlock has no hook for.

use std::ffi::c_long;
use std::fs;
use std::path::Path;

use nix::sys::resource::{getrlimit, setrlimit};

use super::attacks::{Neighbour, fenced_by};
use super::scenes;
use crate::{Layer, Mark};

const PYTHON: &str = "/usr/bin/python3";

fn has_python() -> bool {
    let there = Path::new(PYTHON).exists();
    if !there {
        eprintln!("not tested: there is no {PYTHON}");
    }
    there
}

/// A shell's line that runs this code.
fn python(code: &str) -> String {
    format!("{PYTHON} -c \"\n{code}\n\"")
}

/// `call(…)` is the bare system call, and gives the number of its error.
const CALL: &str = "
import ctypes, os
syscall = ctypes.CDLL(None, use_errno=True).syscall
def call(*arguments):
    ctypes.set_errno(0)
    syscall(*(ctypes.c_long(a) if isinstance(a, int) else a for a in arguments))
    return ctypes.get_errno()
";

/// The line of a process's limits that begins so.
fn limit(pid: u32, label: &str) -> String {
    let limits = fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    let line = limits.lines().find(|line| line.starts_with(label)).unwrap();
    line.to_owned()
}

#[test]
fn limits_of_the_host_and_of_other_workers_stay() {
    if !has_python() {
        return;
    }
    // RLIMIT_LOCKS, which is the mark; and RLIMIT_FSIZE, which kills whoever writes.
    for (resource, label) in [(10, "Max file locks"), (1, "Max file size")] {
        for scene in scenes() {
            let neighbour = Neighbour::of(&scene);
            let before = limit(neighbour.0.id(), label);
            let code = format!(
                "import resource; resource.prlimit({}, {resource}, (0, 0))",
                neighbour.0.id()
            );
            let caged = scene.shell(&[], &python(&code));
            assert!(
                caged.text.contains("Operation not permitted") || caged.text.contains("PermissionError"),
                "{caged:?}"
            );
            assert_eq!(limit(neighbour.0.id(), label), before);

            let free = scene.shell(&[Layer::Calls], &python(&code));
            assert!(free.success, "the attack can't succeed at all: {free:?}");
            assert_ne!(limit(neighbour.0.id(), label), before);
        }
    }
}

#[test]
fn a_command_does_not_change_its_own_mark() {
    if !has_python() {
        return;
    }
    // Its number on aarch64 is not in `libc`.
    let setrlimit = if cfg!(target_arch = "aarch64") { 164 } else { 160 };
    let prlimit = libc::SYS_prlimit64;
    // Mapped readable and writable, private, at this very place.
    let at = |address: u64| {
        format!(
            "call({}, {address}, 4096, 3, 0x32, -1, 0); ctypes.memmove({address}, bytes((ctypes.c_ulong * 2)(5, 5)), 16); \
             call({prlimit}, 0, 10, {address}, 0)",
            libc::SYS_mmap
        )
    };
    for attempt in [
        "import resource; resource.setrlimit(10, (5, 5))".to_owned(),
        "import resource; resource.prlimit(os.getpid(), 10, (5, 5))".to_owned(),
        format!("call({setrlimit}, 10, (ctypes.c_ulong * 2)(5, 5))"),
        // The upper half of an argument that the kernel reads as an int.
        format!("call({prlimit}, 1 << 32, (1 << 32) + 10, (ctypes.c_ulong * 2)(5, 5), 0)"),
        // A value whose address has no bit in one of its halves.
        at(0x1000_0000),
        at(1 << 32),
    ] {
        // Asking stays allowed.
        let code = format!(
            "{CALL}\ntry:\n  {attempt}\nexcept (OSError, ValueError): pass\nimport resource\nif resource.getrlimit(10) == (5, 5): print('planted-secret')"
        );
        fenced_by(&[Layer::Calls], |_| python(&code));
    }
}

#[test]
fn no_program_is_made_that_runs_with_our_rights() {
    if !has_python() {
        return;
    }
    let at = libc::AT_FDCWD;
    let make = libc::O_CREAT | libc::O_WRONLY;
    let mut attempts: Vec<(c_long, String)> = vec![
        (libc::SYS_fchmod, "fd, MODE".into()),
        (libc::SYS_fchmodat, format!("{at}, b'old', MODE")),
        (libc::SYS_mknodat, format!("{at}, b'new', 0o100000 | MODE, 0")),
        (libc::SYS_openat, format!("{at}, b'new', {make}, MODE")),
        // fchmodat2, since Linux 6.6; and openat2, which reads its mode from memory.
        (452, format!("{at}, b'old', MODE, 0")),
        (
            libc::SYS_openat2,
            format!("{at}, b'new', (ctypes.c_ulong * 3)({make}, MODE, 0), 24"),
        ),
    ];
    #[cfg(target_arch = "x86_64")]
    attempts.extend([
        (libc::SYS_chmod, "b'old', MODE".into()),
        (libc::SYS_creat, "b'new', MODE".into()),
        (libc::SYS_mknod, "b'new', 0o100000 | MODE, 0".into()),
        (libc::SYS_open, format!("b'new', {make}, MODE")),
    ]);
    for (number, arguments) in attempts {
        for mode in ["0o4755", "0o2755"] {
            let arguments = arguments.replace("MODE", mode);
            let code = format!(
                "{CALL}
fd = os.open('old', os.O_CREAT | os.O_RDWR)
call({number}, {arguments})
for name in ('old', 'new'):
    if os.path.exists(name) and os.stat(name).st_mode & 0o6000: print('planted-secret')"
            );
            fenced_by(&[Layer::Calls], |_| python(&code));
        }
    }
}

#[test]
fn ordinary_modes_and_limits_are_set_as_ever() {
    for scene in scenes() {
        let seen = scene.shell(
            &[],
            "echo x > f && chmod 755 f && chmod +t . && mkdir -m 700 d && ulimit -n 512 && echo well",
        );
        assert!(seen.success && seen.text == "well\n", "{seen:?}");
    }
}

#[test]
fn a_ring_that_opens_files_unseen_is_not_there() {
    if !has_python() {
        return;
    }
    let code = format!(
        "{CALL}\nif call({}, 0, 0) != 38: print('planted-secret')",
        libc::SYS_io_uring_setup
    );
    fenced_by(&[Layer::Calls], |_| python(&code));
}

/// Other numbers for the same calls: of x32, and of 32-bit programs. For kernels without them see `crate::calls::tests`.
#[cfg(target_arch = "x86_64")]
#[test]
fn calls_of_another_architecture_are_not_there() {
    if !has_python() {
        return;
    }
    // mov eax, 20 (getpid); int 0x80; ret
    let foreign = "import ctypes, mmap, os
page = mmap.mmap(-1, 4096, prot=7)
page.write(bytes.fromhex('b814000000cd80c3'))
call = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))
if call() == os.getpid(): print('planted-secret')";
    let x32 = format!("{CALL}\nif call(0x40000000 + 39) == 0: print('planted-secret')");
    for code in [foreign, &x32] {
        for scene in scenes() {
            let caged = scene.shell(&[], &python(code));
            assert!(!caged.text.contains("planted-secret"), "{caged:?}");
            if !scene
                .shell(&[Layer::Calls], &python(code))
                .text
                .contains("planted-secret")
            {
                eprintln!("not tested: this kernel has no such calls at all");
            }
        }
    }
}

/// In a process of its own: a limit that was lowered stays so.
#[test]
fn a_lowered_limit_of_ours_hides_no_mark() {
    const INNER: &str = "CAGE_TEST_LOWERS_ITS_LIMIT";
    if std::env::var_os(INNER).is_none() {
        let status = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "tests::calls::a_lowered_limit_of_ours_hides_no_mark"])
            .env(INNER, "1")
            .status()
            .unwrap();
        assert!(status.success());
        return;
    }
    Mark::remember_ours();
    let scene = super::Scene::new(None);
    let cage = crate::Cage::prepare(&scene.policy(&[])).unwrap();
    let mut child = cage.command("sleep", ["1000"]).spawn().unwrap();
    setrlimit(Mark::CARRIER, 5, 5).unwrap();
    assert_eq!(getrlimit(Mark::CARRIER).unwrap(), (5, 5));
    assert_eq!(Mark::of(child.id().cast_signed()).unwrap(), Some(cage.mark()));
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn what_users_share_beside_files_is_not_there() {
    if !has_python() {
        return;
    }
    for (number, arguments) in [
        // The user's keys, which outlive a command, and the logins of other programs among them.
        (libc::SYS_add_key, "b'user', b'cage-test', b'x', 1, -2"),
        (libc::SYS_request_key, "b'user', b'cage-test', 0, 0"),
        (libc::SYS_keyctl, "0, -2, 1"),
        // Memory, semaphores and queues of System V and POSIX. None of these makes one.
        (libc::SYS_shmget, "0x5eed, 4096, 0"),
        (libc::SYS_shmat, "-1, 0, 0"),
        (libc::SYS_shmctl, "-1, 2, 0"),
        (libc::SYS_semget, "0x5eed, 1, 0"),
        (libc::SYS_semop, "-1, 0, 1"),
        (libc::SYS_semtimedop, "-1, 0, 1, 0"),
        (libc::SYS_semctl, "-1, 0, 2, 0"),
        (libc::SYS_msgget, "0x5eed, 0"),
        (libc::SYS_msgsnd, "-1, 0, 0, 0"),
        (libc::SYS_msgrcv, "-1, 0, 0, 0, 0"),
        (libc::SYS_msgctl, "-1, 2, 0"),
        (libc::SYS_mq_open, "b'cage-test', 0, 0, 0"),
        (libc::SYS_mq_unlink, "b'cage-test'"),
    ] {
        let code = format!("{CALL}\nif call({number}, {arguments}) != 38: print('planted-secret')");
        fenced_by(&[Layer::Calls], |_| python(&code));
    }
}

#[test]
fn no_command_gets_capabilities_in_a_namespace_of_its_own() {
    if !has_python() {
        return;
    }
    let user = libc::CLONE_NEWUSER;
    let fork = format!(
        "
process = syscall(ctypes.c_long({}), ctypes.c_long({user} | 17), *(ctypes.c_long(0),) * 4)
if process == 0: os._exit(0)
if process > 0: print('planted-secret')",
        libc::SYS_clone
    );
    for attempt in [
        format!(
            "if call({}, {user}) == 0: print('planted-secret')",
            libc::SYS_unshare
        ),
        // Together with others, as most do.
        format!(
            "if call({}, {}) == 0: print('planted-secret')",
            libc::SYS_unshare,
            user | libc::CLONE_NEWNS | libc::CLONE_NEWNET
        ),
        fork,
    ] {
        let code = format!("{CALL}\n{attempt}");
        for scene in scenes() {
            let caged = scene.shell(&[], &python(&code));
            assert!(!caged.text.contains("planted-secret"), "{caged:?}");
            let free = scene.shell(&[Layer::Calls], &python(&code));
            if !free.text.contains("planted-secret") {
                eprintln!("not tested: this system gives nobody a namespace: {free:?}");
            }
        }
    }
    // Whose flags lie in memory; and the way into somebody else's.
    for (number, arguments, refusal) in [(libc::SYS_clone3, "0, 0", 38), (libc::SYS_setns, "-1, 0", 1)] {
        let code = format!("{CALL}\nif call({number}, {arguments}) != {refusal}: print('planted-secret')");
        fenced_by(&[Layer::Calls], |_| python(&code));
    }
}
