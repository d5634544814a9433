//! The same, where `/proc` shows nobody the processes that keep their memory from others: mounted with `hidepid`, in a process of
//! its own that has no rights. The guard of a command is such a process, and a program that may not be read is one, too.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::kill;
use nix::unistd::{Pid, geteuid};
use serde_json::json;
use tokio::sync::Notify;
use tokio::time::timeout;

use super::{Bench, Tools};

/// Set in that process.
const INNER: &str = "NATIVE_TEST_IS_HIDDEN_FROM";

/// Whether this is that process. If not, it has been run, or can't be.
fn is_inside(test: &str) -> bool {
    if std::env::var_os(INNER).is_some() {
        return true;
    }
    if !geteuid().is_root() {
        eprintln!("not tested: mounting a /proc needs root");
        return false;
    }
    let script = "mount -t proc -o hidepid=2 proc /proc || exit 3; \
                  exec setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all \"$0\" --exact \"$1\" --nocapture";
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "private", "sh", "-c", script]);
    command.arg(std::env::current_exe().unwrap());
    command.arg(format!("tools::tests::hidden::{test}"));
    let output = command.env(INNER, "1").env_remove("TMPDIR").output().unwrap();
    if output.status.code() == Some(3) {
        eprintln!("not tested: this container does not let a /proc be mounted");
        return false;
    }
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words}");
    false
}

/// Leaves processes behind that `/proc` shows, and one that it does not.
const LITTER: &str = "rm -f secret alive-*; cp $(command -v sleep) secret && chmod 111 secret; export own='echo $$ > alive-$0; exec'; \
     setsid sh -c \"trap '' TERM HUP; $own sleep 1000\" deaf & \
     (setsid sh -c \"$own sleep 1000\" twice &); (setsid sh -c \"$own ./secret 1000\" hidden &); \
     for name in deaf twice hidden; do until [ -s alive-$name ]; do sleep 0.01; done; done; echo ready";

fn alive(bench: &Bench) -> [bool; 3] {
    ["deaf", "twice", "hidden"].map(|name| {
        let pid = bench.text(&format!("alive-{name}")).trim().parse().unwrap();
        kill(Pid::from_raw(pid), None) != Err(Errno::ESRCH)
    })
}

const NONE: [bool; 3] = [false; 3];

#[tokio::test]
async fn a_command_is_ended_with_all_it_started_where_proc_hides_processes() {
    if !is_inside("a_command_is_ended_with_all_it_started_where_proc_hides_processes") {
        return;
    }
    // As the worker's own process is, now.
    let bench = Bench::new();
    assert!(!Path::new("/proc/1/stat").exists());
    let outcome = bench.bash(LITTER).await;
    assert_eq!(alive(&bench), NONE);
    assert_eq!(
        outcome.text,
        "ready\n[processes that it left running, ended with it: 3]"
    );

    // At its time-out.
    let late = json!({ "command": format!("{LITTER}; sleep 1000"), "timeout": 3 });
    let outcome = bench.call("bash", &late).await;
    assert_eq!(alive(&bench), NONE);
    assert!(outcome.text.contains("it ran longer than"), "{}", outcome.text);
    assert!(!outcome.text.contains("could not be ended"), "{}", outcome.text);

    // And when nobody waits for it any more.
    let prepared = bench
        .prepare("bash", &json!({ "command": format!("{LITTER}; sleep 1000") }))
        .unwrap();
    let ready = Arc::new(Notify::new());
    let seen = Arc::clone(&ready);
    let mut output = move |piece: String| {
        if piece.contains("ready") {
            seen.notify_one();
        }
    };
    let is_ready = async {
        ready.notified().await;
        assert_eq!(alive(&bench), [true; 3]);
    };
    tokio::select! {
        outcome = bench.run(prepared, &mut output) => panic!("{}", outcome.text),
        () = is_ready => {}
    }
    let gone = async {
        while alive(&bench) != NONE {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(Duration::from_secs(20), gone).await.unwrap();
}

#[tokio::test]
async fn a_command_with_too_many_processes_is_ended_where_proc_hides_its_guard() {
    if !is_inside("a_command_with_too_many_processes_is_ended_where_proc_hides_its_guard") {
        return;
    }
    let bench = Bench::new();
    let script = "for i in {1..300}; do (setsid sleep 60 &); done; sleep 60";
    let tools = Tools::new(
        &bench.spill(),
        bench.tools.policy.clone(),
        150.try_into().unwrap(),
    );
    let prepared = tools
        .prepare("bash", &json!({ "command": script }).to_string())
        .unwrap();
    let outcome = tools.run(prepared, &mut |_| {}, std::future::pending()).await;
    assert!(
        outcome.text.contains("more than 150 processes"),
        "{}",
        outcome.text
    );
}
