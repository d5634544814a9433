//! The first minute of somebody new: odd homes, closed ends, looking at what a demo left.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, ExitStatus};
use std::time::Duration;

use conversation::{Body, Conversation, ThreadFilter};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;
use support::{Host, Person, Scene, agent_host, client, consent, own_port, until};

pub(crate) fn interrupt(child: &Child) {
    let pid = Pid::from_raw(i32::try_from(child.id()).expect("a pid fits"));
    kill(pid, Signal::SIGINT).expect("it was not waited for");
}

/// The end of a program that was told to end.
pub(crate) async fn ends(mut child: Child) -> ExitStatus {
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
            ("doctor", "/demo/auth.json"),
            ("doctor", "native; new threads get `native`"),
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
        let (data, _) = run("status");
        assert!(data.contains("agent-host demo`"), "{data}");
        // A host that did not get its place has not run.
        let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = taken.local_addr().expect("it has one");
        let (_, talk) = run(&format!("up --listen {address}"));
        assert!(talk.contains("another program listens there"), "{talk}");
        look("demo, which ran last");
        let (data, talk) = run("auth list");
        assert!(
            data.is_empty() && talk.contains("the demo keeps logins of its own"),
            "{data}\n{talk}"
        );
        // Whoever signs in elsewhere goes on there.
        std::fs::write(home.path().join("auth.json"), "{\"version\":1,\"tenants\":{}}")
            .expect("it can be written");
        let (data, talk) = run("doctor");
        assert!(
            !data.contains("/demo/auth.json") && !talk.contains("this is about"),
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

#[tokio::test]
async fn a_link_to_sign_in_that_a_demo_gave_is_good_after_it_was_killed_and_started_again() {
    // It can't have its usual port.
    let _taken = std::net::TcpListener::bind("127.0.0.1:7879");
    let home = tempfile::tempdir().expect("a folder can be made");
    let port = own_port();
    let host = Host::demo(home.path(), port, &[]);
    let person = Person::enter(host.link()).await;
    let service = json!({ "service": "rehearsal" });
    let (_, begun) = person.post("/api/auth/begin", &service).await;
    let link = begun["url"].as_str().expect("a link");
    host.kill();
    let host = Host::demo(home.path(), port, &[]);
    let back = consent(&client(), link, "alice").await;
    let page = person.page(&back).await;
    assert!(page.contains("Signed in to"), "{page}");
    host.stop();
}
