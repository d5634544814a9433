//! Nothing of a command outlives it, and nothing else is touched.

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::sync::Notify;
use tokio::time::timeout;

use super::Bench;

/// A name that no other run of the tests has given to a process.
fn unique(name: &str) -> String {
    format!("litter-{name}-{}", std::process::id())
}

/// Leaves a process behind in each way that there is, says `ready` when they all live, and ends with `then`.
fn litter(name: &str, then: &str) -> String {
    format!(
        r#"
        lives() {{ echo $BASHPID > "alive-$1"; exec -a {name} sleep 1000; }}
        export -f lives
        # In the background, with standard output in its hand.
        lives plain &
        # A session of its own, deaf to polite signals.
        setsid bash -c 'trap "" TERM HUP INT; lives setsid' &
        # Twice forked: its parent is gone.
        ( ( setsid bash -c 'lives double' & ) & )
        # With output and input closed, and stopped.
        setsid bash -c 'exec <&- >&- 2>&-; lives closed' &
        until [ -s alive-plain ] && [ -s alive-setsid ] && [ -s alive-double ] && [ -s alive-closed ]; do sleep 0.01; done
        kill -STOP $(cat alive-closed)
        echo ready
        {then}
        "#
    )
}

/// Processes with this in their command line, dead ones not counted.
fn named(name: &str) -> usize {
    let all = fs::read_dir("/proc").unwrap().flatten();
    all.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok())
        .filter(|line| String::from_utf8_lossy(line).contains(name))
        .count()
}

/// For a death that sends us no signal. Bounded, as a test has to be.
async fn gone(name: &str) {
    for _ in 0..500 {
        if named(name) == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{} processes are left", named(name));
}

#[tokio::test]
async fn what_a_command_leaves_behind_ends_with_it() {
    let bench = Bench::new();
    let outcome = bench.bash(&litter(&unique("end"), "")).await;
    assert_eq!(named(&unique("end")), 0);
    assert_eq!(outcome.exit, Some(0), "{}", outcome.text);
    assert_eq!(
        outcome.text,
        "ready\n[processes that it left running, ended with it: 4]"
    );
    assert_eq!(numbered(&bench), 0);
}

#[tokio::test]
async fn a_time_out_ends_the_whole_tree() {
    // A busy machine may need longer until all of them live.
    for seconds in [2, 20, 120] {
        let bench = Bench::new();
        let command = litter(&unique("late"), "sleep 1000");
        let outcome = bench
            .call("bash", &json!({ "command": command, "timeout": seconds }))
            .await;
        assert_eq!(named(&unique("late")), 0);
        let text = outcome.text.trim_start_matches("ready\n");
        assert!(text.starts_with("[the command was ended"), "{text}");
        if text.len() < outcome.text.len() {
            return;
        }
    }
    panic!("they never lived");
}

#[tokio::test]
async fn dropping_the_future_ends_the_whole_tree() {
    let bench = Bench::new();
    let prepared = bench
        .prepare(
            "bash",
            &json!({ "command": litter(&unique("drop"), "sleep 1000") }),
        )
        .unwrap();
    let ready = Arc::new(Notify::new());
    let seen = Arc::clone(&ready);
    let mut output = move |piece: String| {
        if piece.contains("ready") {
            assert!(named(&unique("drop")) >= 5, "the shell and the four");
            seen.notify_one();
        }
    };
    tokio::select! {
        outcome = bench.run(prepared, &mut output) => panic!("{}", outcome.text),
        () = ready.notified() => {}
    }
    gone(&unique("drop")).await;
    // The next command is not disturbed by what is left to bury.
    assert_eq!(bench.bash("echo next").await.text, "next\n");
    for _ in 0..500 {
        if numbered(&bench) == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{} processes are not buried", numbered(&bench));
}

#[tokio::test]
async fn a_stopped_command_leaves_nothing_behind_but_what_it_had_put_out() {
    let bench = Bench::new();
    let command = litter(
        &unique("stop"),
        "seq 1 20000; echo 'the thing to know'; sleep 1000",
    );
    let prepared = bench.prepare("bash", &json!({ "command": command })).unwrap();
    let known = Arc::new(Notify::new());
    let seen = Arc::clone(&known);
    let mut output = move |piece: String| {
        if piece.contains("the thing to know") {
            seen.notify_one();
        }
    };
    let outcome = bench
        .tools
        .run(prepared, &mut output, async { known.notified().await })
        .await;
    assert!(outcome.stopped && outcome.failed && outcome.exit.is_none());
    assert!(
        outcome.text.ends_with("20000\nthe thing to know\n"),
        "{}",
        outcome.text
    );
    let kept = outcome
        .text
        .split_once("; the whole is in ")
        .map_or("", |(_, kept)| kept);
    assert!(!kept.is_empty(), "the whole of it is in a file: {}", outcome.text);
    gone(&unique("stop")).await;
    assert_eq!(numbered(&bench), 0);
}

/// Processes of [`litter`] that still have a number: alive, or dead and not waited for.
fn numbered(bench: &Bench) -> usize {
    ["plain", "setsid", "double", "closed"]
        .into_iter()
        .filter(|kind| {
            let pid = bench.text(&format!("alive-{kind}"));
            Path::new("/proc").join(pid.trim()).exists()
        })
        .count()
}

#[tokio::test]
async fn a_command_that_keeps_starting_processes_is_ended() {
    let bench = Bench::new();
    let script =
        "breed() { for i in 1 2 3; do ( setsid bash -c 'exec -a NAME sleep 1000' & ); sleep 0.001; done; }\n\
                  while :; do breed; done & while :; do breed; done"
            .replace("NAME", &unique("bomb"));
    let outcome = bench
        .call("bash", &json!({ "command": script, "timeout": 1 }))
        .await;
    assert!(outcome.text.contains("it ran longer than"), "{}", outcome.text);
    assert!(!outcome.text.contains("could not be ended"), "{}", outcome.text);
    assert_eq!(named(&unique("bomb")), 0);
}

#[tokio::test]
async fn processes_of_the_worker_itself_are_spared() {
    let bench = Bench::new();
    // As the refresher of a login is: a child in a session of its own, started by the worker while a command runs.
    let start = || {
        Command::new("setsid")
            .args(["sleep", "1000"])
            .stdin(Stdio::null())
            .spawn()
            .unwrap()
    };
    let mut earlier = start();
    let mut during = None;
    let prepared = bench
        .prepare(
            "bash",
            &json!({ "command": "echo ready; until [ -e go ]; do :; done" }),
        )
        .unwrap();
    bench
        .run(prepared, &mut |_| {
            during.get_or_insert_with(start);
            fs::write(bench.path("go"), "").unwrap();
        })
        .await;
    for child in [&mut earlier, during.as_mut().unwrap()] {
        assert!(child.try_wait().unwrap().is_none(), "it was killed");
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

#[tokio::test]
async fn a_process_that_looks_like_a_refresher_is_not_spared() {
    let bench = Bench::new();
    // What nobody caged can do: the name, the verb, and no way to look into it.
    let script = "setsid bash -c 'exec -a NAME bash -c \"echo > alive; read -t 1000 < <(sleep 1000)\" refresh-tenant codex' & \
                  until [ -e alive ]; do :; done; ! ulimit -x 1 2>/dev/null".replace("NAME", &unique("agent-host-worker"));
    let outcome = bench.bash(&script).await;
    assert_eq!(outcome.exit, Some(0), "{}", outcome.text);
    assert_eq!(named(&unique("agent-host-worker")), 0);
}

#[tokio::test]
async fn a_process_whose_shell_tried_to_change_its_mark_is_ended_with_the_command() {
    let bench = Bench::new();
    let script = "ulimit -x 5; setsid bash -c 'echo > alive; exec -a NAME sleep 1000' & until [ -e alive ]; do :; done".replace("NAME", &unique("lowered"));
    bench.bash(&script).await;
    assert_eq!(named(&unique("lowered")), 0);
}

#[tokio::test]
async fn a_command_that_ends_does_not_end_another_that_runs() {
    let (one, two) = (Bench::new(), Bench::new());
    let waiting = "(setsid bash -c 'until [ -e go ]; do sleep 0.01; done; echo > went' &); echo ready; \
                   until [ -e went ]; do sleep 0.01; done";
    let prepared = one.prepare("bash", &json!({ "command": waiting })).unwrap();
    let ready = Arc::new(Notify::new());
    let seen = Arc::clone(&ready);
    let mut output = move |_| seen.notify_one();
    let (first, second) = tokio::join!(one.run(prepared, &mut output), async {
        ready.notified().await;
        let second = two.bash("sleep 1000 & echo done").await;
        fs::write(one.path("go"), "").unwrap();
        second
    });
    assert_eq!(
        (first.exit, second.exit),
        (Some(0), Some(0)),
        "{} {}",
        first.text,
        second.text
    );
}

/// Fields of `/proc/PID/stat` from the state on.
fn stat(pid: u32) -> Option<Vec<String>> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    Some(fields.split_whitespace().map(str::to_owned).collect())
}

/// Children of this process that are dead and not waited for.
fn corpses() -> usize {
    let us = std::process::id().to_string();
    let all = fs::read_dir("/proc").unwrap().flatten();
    all.filter_map(|entry| stat(entry.file_name().to_str()?.parse().ok()?))
        .filter(|fields| fields[0] == "Z" && fields[1] == us)
        .count()
}

#[tokio::test]
async fn dead_processes_do_not_pile_up_while_their_command_runs() {
    let bench = Bench::new();
    let script = "for i in {1..300}; do (/bin/true &); done; echo left; until [ -e go ]; do sleep 0.05; done";
    let prepared = bench.prepare("bash", &json!({ "command": script })).unwrap();
    let left = Arc::new(Notify::new());
    let seen = Arc::clone(&left);
    let mut output = move |_| seen.notify_one();
    let (outcome, count) = tokio::join!(bench.run(prepared, &mut output), async {
        timeout(Duration::from_mins(1), left.notified()).await.unwrap();
        let mut count = corpses();
        for _ in 0..100 {
            if count == 0 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
            count = corpses();
        }
        fs::write(bench.path("go"), "").unwrap();
        count
    });
    assert_eq!((outcome.exit, count), (Some(0), 0), "{}", outcome.text);
}

/// A process whose first thread has ended looks dead, and works on. This one ends by itself after a while, and leaves
/// its number in `alive`.
const HEADLESS: &str = r#"/usr/bin/python3 -c '
import ctypes, os, signal, sys, threading, time
for number in range(1, 32):
    if number not in (signal.SIGKILL, signal.SIGSTOP): signal.signal(number, signal.SIG_IGN)
os.setsid()
def work():
    time.sleep(0.2)
    open("alive", "w").write(str(os.getpid()) + "\n")
    time.sleep(20)
    os._exit(0)
threading.Thread(target=work).start()
ctypes.CDLL(None).syscall(SYS_exit, 0)
' & "#;

#[tokio::test]
async fn a_process_that_only_looks_dead_is_ended() {
    if !Path::new("/usr/bin/python3").exists() {
        eprintln!("not tested: there is no /usr/bin/python3");
        return;
    }
    let bench = Bench::new();
    let headless = HEADLESS.replace("SYS_exit", &nix::libc::SYS_exit.to_string());
    let outcome = bench
        .bash(&format!(
            "( ( {headless} ) & ); until [ -s alive ]; do sleep 0.01; done"
        ))
        .await;
    assert_eq!(outcome.exit, Some(0), "{}", outcome.text);
    let pid: u32 = bench.text("alive").trim().parse().unwrap();
    assert_eq!(stat(pid), None);
    assert_eq!(outcome.text, "[processes that it left running, ended with it: 1]");
}

/// Each process of these chains starts the next one and ends, so that none lives long enough to be looked at. They end by
/// themselves after a while, and, for a test that fails must not take the machine with it, when the dead pile up: to more
/// than a busy machine, which is slow to bury them, leaves before the command is ended for its 4096.
const CHAINS: &str = r#"
#include <fcntl.h>
#include <stdlib.h>
#include <sys/sysinfo.h>
#include <time.h>
#include <unistd.h>
int main(int count, char **arguments) {
    time_t end = time(0) + 20;
    struct sysinfo before, now;
    sysinfo(&before);
    for (int file = 0; file < 3; file++) close(file);
    for (int chain = 0; chain < atoi(arguments[1]); chain++)
        if (!fork()) for (;;) {
            if (arguments[2][0] == 'y') setsid();
            if (fork() > 0 || time(0) >= end) _exit(0);
            sysinfo(&now);
            if (now.procs > before.procs + 6000) {
                close(creat("piled-up", 0600));
                _exit(0);
            }
        }
    return 0;
}
"#;

#[tokio::test]
async fn chains_of_processes_that_never_stand_still_are_ended() {
    if !Path::new("/usr/bin/gcc").exists() {
        eprintln!("not tested: there is no /usr/bin/gcc");
        return;
    }
    let bench = Bench::new();
    bench.put("chain.c", CHAINS);
    let made = bench.bash("gcc -O1 -o chain chain.c").await;
    assert_eq!(made.exit, Some(0), "{}", made.text);
    // In one session each, and in a new one with each process.
    for (chains, sessions) in [(2, "no"), (1, "yes")] {
        let outcome = bench
            .bash(&format!("./chain {chains} {sessions}; sleep 0.3"))
            .await;
        assert!(!outcome.text.contains("could not be ended"), "{}", outcome.text);
        assert_eq!(corpses(), 0);
        assert!(!bench.path("piled-up").exists(), "{sessions}");
        let workspace = bench.path("chain");
        let all = fs::read_dir("/proc").unwrap().flatten();
        let left =
            all.filter(|entry| fs::read_link(entry.path().join("exe")).is_ok_and(|exe| exe == workspace));
        assert_eq!(left.count(), 0, "{sessions}");
    }
}

fn score() -> i32 {
    let score = fs::read_to_string("/proc/self/oom_score_adj").unwrap();
    score.trim().parse().unwrap()
}

/// In a process of its own that has no right to the files of others, as a worker should not.
#[tokio::test]
async fn when_memory_ends_a_command_goes_before_its_worker_from_its_first_moment_on() {
    const INNER: &str = "NATIVE_TEST_IS_NOBODY";
    const NOBODY: u32 = 65_534;
    if nix::unistd::geteuid().is_root() && std::env::var_os(INNER).is_none() {
        let name = "tools::tests::processes::when_memory_ends_a_command_goes_before_its_worker_from_its_first_moment_on";
        let mut command = Command::new(std::env::current_exe().unwrap());
        let status = command
            .args(["--exact", name])
            .env(INNER, "1")
            .env_remove("TMPDIR");
        assert!(status.uid(NOBODY).gid(NOBODY).status().unwrap().success());
        return;
    }
    let ours = score();
    let bench = Bench::with_readable(vec!["/proc".into()]);
    // The first thing that the shell does, and the first of what it starts.
    let script = "read score < /proc/self/oom_score_adj; echo $score; cat /proc/self/oom_score_adj";
    let victim = ours.max(500);
    assert_eq!(bench.bash(script).await.text, format!("{victim}\n{victim}\n"));
    assert_eq!(score(), ours, "and its worker is as it was");
}
