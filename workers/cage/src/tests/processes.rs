//! Session, death signal, mark, and what is said when something is missing.

use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::process::ExitStatusExt as _;
use std::process::Stdio;

use super::{Scene, scenes};
use crate::{Cage, CageError, Layer, Mark};

#[test]
fn a_command_dies_with_the_thread_that_started_it() {
    for scene in scenes() {
        for (without, survives) in [(&[][..], false), (&[Layer::Session][..], true)] {
            let mut command = scene.command(without, "sh", &["-c", "echo started; exec sleep 1000"]);
            command.stdout(Stdio::piped());
            let mut child = std::thread::spawn(move || {
                let mut child = command.spawn().unwrap();
                let mut line = String::new();
                BufReader::new(child.stdout.as_mut().unwrap())
                    .read_line(&mut line)
                    .unwrap();
                child
            })
            .join()
            .unwrap();
            if survives {
                assert!(child.try_wait().unwrap().is_none());
                child.kill().unwrap();
            }
            // Ends when the process does.
            let mut rest = String::new();
            child.stdout.take().unwrap().read_to_string(&mut rest).unwrap();
            assert!(!child.wait().unwrap().success());
        }
    }
}

#[test]
fn all_that_a_command_started_ends_with_the_thread_that_started_it() {
    // In sessions of their own, deaf to polite signals, with parents that are gone; and a guard that was stopped, where the
    // command can do that.
    let script = "(setsid sh -c 'trap \"\" TERM HUP; (setsid sleep 1000 &); exec sleep 1000' &); sleep 1000 & \
                  kill -STOP $PPID; echo started; exec sleep 1000";
    for scene in scenes() {
        for without in [&[][..], &[Layer::Landlock][..]] {
            let mut command = scene.command(without, "sh", &["-c", script]);
            command.stdout(Stdio::piped()).stderr(Stdio::null());
            let mut child = std::thread::spawn(move || {
                let mut child = command.spawn().unwrap();
                let mut line = String::new();
                BufReader::new(child.stdout.as_mut().unwrap())
                    .read_line(&mut line)
                    .unwrap();
                assert_eq!(line, "started\n");
                child
            })
            .join()
            .unwrap();
            // Ends when the last process does.
            let mut rest = String::new();
            child.stdout.take().unwrap().read_to_string(&mut rest).unwrap();
            assert_eq!(child.wait().unwrap().signal(), Some(9));
        }
    }
}

#[test]
fn a_command_is_seen_to_end_as_it_ends() {
    let scene = Scene::new(None);
    for (script, code, signal) in [
        ("exit 0", Some(0), None),
        ("exit 77", Some(77), None),
        ("kill -9 $$", None, Some(9)),
        ("kill -TERM $$", None, Some(15)),
        ("kill -SEGV $$", None, Some(11)),
        ("sleep 1000 > /dev/null & exit 3", Some(3), None),
    ] {
        let mut command = scene.command(&[], "sh", &["-c", script]);
        let status = command.stderr(Stdio::null()).status().unwrap();
        assert_eq!((status.code(), status.signal()), (code, signal), "{script}");
    }
}

#[test]
fn when_a_command_is_seen_to_end_nothing_that_it_left_is_there_any_more() {
    // Nobody but the guard ends them, and each writes its number first. One is killed by the command itself, and buried by it.
    let script = "own='echo $$ > alive-$0; exec sleep 1000'; setsid sh -c \"trap '' TERM HUP; $own\" deaf & sh -c \"$own\" plain & \
                  (setsid sh -c \"$own\" twice &); for name in plain deaf twice; do until [ -s alive-$name ]; do :; done; done; \
                  kill -STOP $(cat alive-twice); kill -9 $!; wait $!; exit 5";
    for scene in scenes() {
        let cage = Cage::prepare(&scene.policy(&[])).unwrap();
        let mut command = cage.command("sh", ["-c", script]);
        if let Some(user) = scene.user {
            std::os::unix::process::CommandExt::uid(&mut command, user);
        }
        let status = command.stdin(Stdio::null()).status().unwrap();
        for name in ["plain", "deaf", "twice"] {
            let alive = std::fs::read_to_string(scene.workspace().join(format!("alive-{name}"))).unwrap();
            let pid = nix::unistd::Pid::from_raw(alive.trim().parse().unwrap());
            let errno = nix::sys::signal::kill(pid, None).unwrap_err();
            assert_eq!(errno, nix::errno::Errno::ESRCH, "{name}");
        }
        assert_eq!(
            (status.code(), cage.ended()),
            (Some(5), 2),
            "but for the one that it had ended itself"
        );
    }
}

#[test]
fn a_guard_that_its_command_stopped_can_be_woken_and_goes_on() {
    let scene = Scene::new(None);
    // Without this layer a command may signal its guard, where the kernel knows no scopes also with it.
    let mut command = scene.command(
        &[Layer::Landlock],
        "sh",
        &["-c", "kill -STOP $PPID; sleep 0.2; exit 7"],
    );
    let mut child = command.spawn().unwrap();
    let pid = nix::unistd::Pid::from_raw(child.id().cast_signed());
    let flags = nix::sys::wait::WaitPidFlag::WSTOPPED | nix::sys::wait::WaitPidFlag::WNOWAIT;
    nix::sys::wait::waitid(nix::sys::wait::Id::Pid(pid), flags).unwrap();
    crate::wake(pid.as_raw()).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(7));
}

#[test]
fn the_mark_is_inherited_and_cannot_be_changed() {
    for scene in scenes() {
        let cage = Cage::prepare(&scene.policy(&[])).unwrap();
        // The background shell is a process of its own, in a session of its own, that tries to raise and to lower the limit.
        let script = "(ulimit -x unlimited; ulimit -x 10995116277770; ulimit -x 5; exec setsid sh -c 'echo $$; exec sleep 1000') & wait";
        let mut command = cage.command("bash", ["-c", script]);
        if let Some(user) = scene.user {
            std::os::unix::process::CommandExt::uid(&mut command, user);
        }
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap())
            .read_line(&mut line)
            .unwrap();
        let descendant: i32 = line.trim().parse().unwrap();

        assert_eq!(Mark::of(child.id().cast_signed()).unwrap(), Some(cage.mark()));
        assert_eq!(Mark::of(descendant).unwrap(), Some(cage.mark()));

        nix::sys::signal::kill(
            nix::unistd::Pid::from_raw(descendant),
            nix::sys::signal::Signal::SIGKILL,
        )
        .unwrap();
        child.wait().unwrap();
    }
}

#[test]
fn the_mark_of_every_later_command_lies_in_the_range_of_its_host() {
    let scene = Scene::new(None);
    let first = Cage::prepare(&scene.policy(&[])).unwrap().mark();
    let mut seen = std::collections::BTreeSet::new();
    // As many commands as a worker of some weeks has run.
    for _ in 0..20_000 {
        seen.insert(Mark::next().unwrap());
    }
    assert_eq!(
        seen.len() as u64,
        crate::MARKS - 1,
        "each is used again, and as late as can be"
    );
    let cage = Cage::prepare(&scene.policy(&[])).unwrap();
    let mut child = cage.command("sleep", ["1000"]).spawn().unwrap();
    let mark = Mark::of(child.id().cast_signed()).unwrap().unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(mark, cage.mark());
    assert!(mark.value() > first.value() - crate::MARKS && mark.value() <= first.value());
}

#[test]
fn a_layer_that_refuses_is_named_with_the_way_out() {
    let scene = Scene::new(None);
    let error = Cage::prepare(&scene.policy(&[Layer::NoNewPrivileges])).unwrap_err();
    assert!(
        matches!(
            error,
            CageError::Missing {
                layer: Layer::Landlock,
                ..
            }
        ),
        "{error}"
    );
    assert!(
        error
            .hint()
            .unwrap()
            .contains("`[cage] without = [\"landlock\"]`")
    );
}

#[test]
fn a_program_that_is_not_there_is_not_the_cages_fault() {
    let scene = Scene::new(None);
    let error = scene.command(&[], "no-such-program", &[]).spawn().unwrap_err();
    let error = CageError::from_spawn("no-such-program", error);
    assert!(matches!(error, CageError::Start { .. }), "{error}");
    assert_eq!(
        error.to_string(),
        "could not start `no-such-program`: No such file or directory (os error 2)"
    );
}

#[test]
fn a_cage_without_any_layer_still_runs() {
    let scene = Scene::new(None);
    assert_eq!(scene.shell(&Layer::ALL, "echo free").text, "free\n");
}
