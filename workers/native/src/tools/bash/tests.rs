//! Commands that start processes without end.

use std::fs;
use std::time::Duration;

use super::*;

/// Living processes with this in their command line.
fn named(name: &str) -> usize {
    let all = fs::read_dir("/proc").unwrap().flatten();
    all.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok())
        .filter(|line| String::from_utf8_lossy(line).contains(name))
        .count()
}

fn policy(folder: &tempfile::TempDir) -> Policy {
    credentials::protect_memory();
    nix::sys::prctl::set_child_subreaper(true).unwrap();
    Policy {
        workspace: folder.path().canonicalize().unwrap(),
        readable: Vec::new(),
        without: Vec::new(),
    }
}

#[tokio::test]
async fn a_command_with_too_many_processes_or_threads_is_ended_and_told_why() {
    let threads = "import ctypes, threading, time
for number in range(300): threading.Thread(target=time.sleep, args=(60,)).start()";
    // Its first thread ends, so that it looks dead.
    let headless = format!("{threads}\nctypes.CDLL(None).syscall({}, 0)", nix::libc::SYS_exit);
    for (program, script) in [
        ("bash", "for i in {1..300}; do sleep 60 & done; wait".to_owned()),
        // In sessions of their own, with parents that are gone.
        (
            "setsid",
            "for i in {1..300}; do (setsid sleep 60 &); done; sleep 60".to_owned(),
        ),
        ("python3", format!("exec /usr/bin/python3 -c '{threads}'")),
        ("python3", format!("/usr/bin/python3 -c '{headless}' & wait")),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let few = NonZeroU32::new(150).unwrap();
        let (mut running, mut reader) = start(&policy(&folder), &script, few).unwrap();
        if program == "python3" && !std::path::Path::new("/usr/bin/python3").exists() {
            eprintln!("not tested: there is no /usr/bin/python3");
            continue;
        }
        let mut output = |_| {};
        let (mut capture, mut live) = (Capture::new(folder.path()), Live::new(&mut output));
        let limit = Duration::from_mins(1);
        let end = running
            .follow(
                &mut reader,
                limit,
                &mut capture,
                &mut live,
                std::future::pending(),
            )
            .await;
        assert!(matches!(end, End::TooMany(_)), "{program}");
        let left = running.end().await;
        assert!(left.ended > 0 && left.alive == 0, "{program}: {left:?}");
        let bash = Bash {
            command: script,
            limit,
        };
        let mut text = String::new();
        assert_eq!(bash.notes(&end, &left, &mut text), None);
        assert_eq!(
            text,
            "[the command was ended: it had more than 150 processes and threads at once, which is the limit that \
             `[limits] processes` of the host's configuration sets]"
        );
    }
}

#[tokio::test]
async fn what_outlives_the_drop_of_its_command_is_hunted_until_nothing_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let policy = policy(&folder);
    let name = format!("drop-bomb-{}", std::process::id());
    // Each of the loops starts processes in sessions of their own, for longer than the drop takes; bounded, as a test that
    // fails must not take the machine with it.
    let script = "breed() { for i in {1..200}; do ( setsid bash -c 'exec -a NAME sleep 200' & ); done; }\n\
                  export -f breed\n\
                  for i in 1 2 3; do setsid bash -c 'breed # NAME' & done; echo ready; breed"
        .replace("NAME", &name);
    let (mut running, mut reader) = start(&policy, &script, contract::PROCESSES).unwrap();
    let mut chunk = [0; 16];
    assert!(reader.read(&mut chunk).await.unwrap() > 0);
    while named(&name) < 20 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // As if no time were enough: whatever a single round leaves has to be ended by the task.
    running.tree.set_chase(Duration::ZERO);
    drop(running);
    let gone = async {
        while named(&name) > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        // Its pipe ends with the last process that holds it, so nothing of it is hidden either.
        while reader.read(&mut chunk).await.unwrap() > 0 {}
    };
    let gone = timeout(Duration::from_secs(20), gone).await;
    assert!(gone.is_ok(), "{} processes are left", named(&name));
}

#[tokio::test]
async fn a_guard_that_its_command_stopped_is_woken_and_the_command_ends() {
    let folder = tempfile::tempdir().unwrap();
    let mut policy = policy(&folder);
    // With it the kernel lets no command signal its guard, if it is new enough.
    policy.without = vec![Layer::Landlock];
    let script = "kill -STOP $PPID; sleep 0.1; exit 7";
    let (mut running, mut reader) = start(&policy, script, contract::PROCESSES).unwrap();
    let mut output = |_| {};
    let (mut capture, mut live) = (Capture::new(folder.path()), Live::new(&mut output));
    let limit = Duration::from_secs(30);
    let nobody = std::future::pending();
    let end = running
        .follow(&mut reader, limit, &mut capture, &mut live, nobody)
        .await;
    assert!(matches!(end, End::Exit(status) if status.code() == Some(7)));
    assert_eq!(running.end().await.alive, 0);
}
