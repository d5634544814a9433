//! The first minute of somebody new: odd homes, closed ends, Ctrl-C at any moment.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Child, ExitStatus, Stdio};
use std::time::Duration;

use conversation::{Body, Conversation, ThreadFilter};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rehearsal::Counter;
use serde_json::Value;
use support::{Host, Person, Scene, agent_host, until};

/// A demo that nobody reads the words of.
fn demo(home: &Path) -> Child {
    agent_host(home)
        .args(["demo", "--listen", "127.0.0.1:0"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts")
}

fn interrupt(child: &Child) {
    let pid = Pid::from_raw(i32::try_from(child.id()).expect("a pid fits"));
    kill(pid, Signal::SIGINT).expect("it was not waited for");
}

/// The end of a program that was told to end.
async fn ends(mut child: Child) -> ExitStatus {
    let ended = tokio::task::spawn_blocking(move || child.wait());
    let ended = tokio::time::timeout(Duration::from_secs(30), ended).await;
    let status = ended.expect("it ends in time").expect("the wait ends");
    status.expect("it was not waited for before")
}

#[tokio::test]
async fn a_home_with_spaces_and_umlauts_is_a_home() {
    let folder = tempfile::Builder::new().prefix("Ünser 'Ordner' $HOME ").tempdir();
    let scene = Scene::start_in(folder.expect("a folder can be made")).await;
    scene.sign_in(&scene.host()).await;
    let host = Host::up(&scene, 0, "permissions = \"allow\"\n");
    let person = Person::enter(host.link()).await;
    person
        .open("write: Grüße.txt hello-there\nrun: cat Grüße.txt | tr a-z A-Z")
        .await;
    let conversation = Conversation::open_without_recovery(scene.folder()).expect("it can be looked at");
    let outputs = async || {
        let threads = conversation
            .threads(ThreadFilter::default())
            .await
            .expect("they can be read");
        let id = &threads[0].thread.id;
        let items = conversation
            .items(id, None, usize::MAX)
            .await
            .expect("they can be read");
        let outputs = items.into_iter().filter_map(|item| match item.body {
            Body::Tool(tool) => Some(tool.output),
            _ => None,
        });
        (
            threads[0].running || threads[0].queued > 0,
            outputs.collect::<Vec<_>>(),
        )
    };
    for _ in 0..600 {
        if !outputs().await.0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let (is_busy, outputs) = outputs().await;
    assert!(
        !is_busy && outputs.iter().any(|output| output.contains("HELLO-THERE")),
        "{outputs:?}"
    );
}

#[tokio::test]
async fn ctrl_c_at_any_moment_of_a_start_ends_it() {
    let home = tempfile::tempdir().expect("a folder can be made");
    for delay in [0, 1, 3, 6, 10, 15, 25, 40, 80, 160, 400] {
        let child = demo(home.path());
        tokio::time::sleep(Duration::from_millis(delay)).await;
        interrupt(&child);
        let status = ends(child).await;
        let ended_well = status.success() || status.signal() == Some(Signal::SIGINT as i32);
        assert!(ended_well, "after {delay} ms: {status}");
    }
    // Whatever was half made, the next one runs.
    let host = Host::demo(home.path(), 0, &[]);
    Person::enter(host.link()).await;
}

#[tokio::test]
async fn two_ctrl_c_end_a_host_whose_worker_hears_nothing_and_leave_no_worker() {
    let scene = Scene::signed_in().await;
    let host = Host::up(&scene, 0, "");
    let person = Person::enter(host.link()).await;
    // The model does not answer.
    person.open("hold\nsay: never").await;
    scene.wait(Counter::ModelRequests, 1).await;
    let workers = || {
        let output = agent_host(scene.folder()).args(["status", "--json"]).output();
        let report: Value = serde_json::from_slice(&output.expect("it runs").stdout).expect("it prints JSON");
        let workers = report["workers"].as_array().cloned().unwrap_or_default();
        workers
            .iter()
            .filter_map(|worker| worker["pid"].as_i64())
            .collect::<Vec<_>>()
    };
    until("there is a worker", || !workers().is_empty()).await;
    let workers = workers();
    for worker in &workers {
        let worker = Pid::from_raw(i32::try_from(*worker).expect("a pid fits"));
        // Each polite step is waited for in vain.
        kill(worker, Signal::SIGSTOP).expect("it is there");
    }
    kill(host.pid(), Signal::SIGINT).expect("it is there");
    until("it says that it waits", || host.told().contains("another Ctrl-C")).await;
    kill(host.pid(), Signal::SIGINT).expect("it waits");
    let is_there = |pid: &i64| Path::new(&format!("/proc/{pid}")).exists();
    until("no worker is left", || !workers.iter().any(is_there)).await;
    assert_eq!(host.stop(), Some(0), "it ended by itself");
}

#[tokio::test]
async fn closed_ends_stop_nobody() {
    let home = tempfile::tempdir().expect("a folder can be made");
    let program = support::program("agent-host");
    let run = |line: &str| {
        let mut command = std::process::Command::new("/bin/sh");
        command.env_clear().env("AGENT_HOST_HOME", home.path()).args([
            "-c",
            line,
            program.to_str().expect("a path is text"),
        ]);
        command.output().expect("a shell runs")
    };
    // Who reads one line has what was wanted: no complaint, and no panic.
    let first = run("\"$0\" config example | head -n 1");
    assert!(first.stdout.starts_with(b"# agent-host"), "{first:?}");
    assert_eq!(String::from_utf8_lossy(&first.stderr), "");
    for line in [
        "exec \"$0\" status >&-",
        "exec \"$0\" status <&- >&- 2>&-",
        "exec \"$0\" config example >/dev/full",
    ] {
        let ended = run(line);
        assert_eq!(ended.status.code(), Some(1), "{line}: {ended:?}");
        assert!(
            !String::from_utf8_lossy(&ended.stderr).contains("panicked"),
            "{line}: {ended:?}"
        );
    }
    // A host whose words nobody can read serves its page all the same.
    let child = run_closed(&program, home.path());
    let page = || {
        let output = agent_host(home.path())
            .args(["status"])
            .output()
            .expect("it runs");
        String::from_utf8_lossy(&output.stdout).contains("page at http")
    };
    until("it serves its page", page).await;
    interrupt(&child);
    assert!(ends(child).await.success());
}

#[tokio::test]
async fn whoever_looks_after_a_demo_finds_what_it_left_however_it_ended() {
    for is_killed in [false, true] {
        let home = tempfile::tempdir().expect("a folder can be made");
        let run = |line: &str| {
            let output = agent_host(home.path()).args(line.split(' ')).output();
            let output = output.expect("the program runs");
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            (text(&output.stdout), text(&output.stderr))
        };
        let host = Host::demo(home.path(), 0, &[]);
        let person = Person::enter(host.link()).await;
        person.sign_in("rehearsal", "alice").await;
        let thread = person.open("hello").await;
        let looks = [
            ("status", "1 thread,"),
            ("threads list", &*thread),
            ("auth list", "rehearsal"),
            ("doctor", "/demo/auth.json"),
        ];
        let look = |when: &str| {
            for (line, found) in looks {
                let (data, talk) = run(line);
                assert!(data.contains(found), "{line}: {data}\n{talk}");
                assert!(
                    talk.contains(&format!("this is about the {when}: `")),
                    "{line}: {talk}"
                );
            }
        };
        look("running demo");
        if is_killed {
            host.kill();
        } else {
            assert_eq!(host.stop(), Some(0));
        }
        look("demo, which ran last");
        // Whoever signs in elsewhere goes on there.
        std::fs::write(home.path().join("auth.json"), "{\"version\":1,\"tenants\":{}}")
            .expect("it can be written");
        let (data, talk) = run("auth list");
        assert!(
            data.is_empty() && talk.starts_with("nobody has signed in"),
            "{data}\n{talk}"
        );
    }
}

/// A demo with all three standard descriptors closed.
fn run_closed(program: &Path, home: &Path) -> Child {
    std::process::Command::new("/bin/sh")
        .env_clear()
        .env("AGENT_HOST_HOME", home)
        .args(["-c", "exec \"$0\" demo --listen 127.0.0.1:0 <&- >&- 2>&-"])
        .arg(program)
        .spawn()
        .expect("a shell runs")
}

#[test]
fn an_address_that_is_not_ours_is_told_once_with_what_to_do() {
    let home = tempfile::tempdir().expect("a folder can be made");
    // Kept for documentation (RFC 5737), so it is no address of this machine; the password lets it be asked for.
    std::fs::write(
        home.path().join("config.toml"),
        "[web]\npassword_file = \"password\"\n",
    )
    .expect("it can be written");
    let password = home.path().join("password");
    std::fs::write(&password, "a long enough password\n").expect("it can be written");
    std::fs::set_permissions(&password, Permissions::from_mode(0o600)).expect("it is ours");
    let ran = agent_host(home.path())
        .args(["up", "--listen", "192.0.2.1:7878"])
        .output()
        .expect("it runs");
    let told = String::from_utf8_lossy(&ran.stderr);
    assert_eq!(ran.status.code(), Some(1), "{told}");
    assert_eq!(
        told.matches("Cannot assign requested address").count(),
        1,
        "{told}"
    );
    assert!(told.contains("hint: choose an address of this machine"), "{told}");
}
