//! Ctrl-C at any moment, once or twice: the host ends, nothing of it is left, and what was asked of it is not lost.

use std::cell::RefCell;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rehearsal::{Counter, Fault, Target};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use support::{Host, Person, Scene, agent_host, client, consent, own_port, program, until};

use crate::first_minute::{ends, interrupt};

/// A demo that nobody reads the words of.
fn demo(home: &Path) -> Child {
    agent_host(home)
        .args(["demo", "--listen", "127.0.0.1:0"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts")
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
async fn a_turn_may_end_before_its_host_does_as_long_as_the_configuration_says() {
    let scene = Scene::signed_in().await;
    let host = Host::up(&scene, 0, "[limits]\ndrain = \"1m\"\n");
    let person = Person::enter(host.link()).await;
    person.open("slow 4s\nsay: the end of it").await;
    scene.wait(Counter::ModelRequests, 1).await;
    assert_eq!(host.stop(), Some(0));
    let listed = threads(scene.folder());
    assert!(listed.contains("done"), "{listed}");
}

#[tokio::test]
async fn two_ctrl_c_end_a_host_whose_worker_hears_nothing_and_leave_no_worker() {
    let busy = "hold\nsay: never";
    // One is asked to cancel its turn first; of the other the end begins with the first signal.
    for (message, moment) in [(busy, 0), ("say: hello", 500)] {
        end_with_a_deaf_worker(message, Duration::from_millis(moment)).await;
    }
}

async fn end_with_a_deaf_worker(message: &str, moment: Duration) {
    let scene = Scene::signed_in().await;
    let host = Host::up(&scene, 0, "");
    let person = Person::enter(host.link()).await;
    person.open(message).await;
    scene.wait(Counter::ModelRequests, 1).await;
    if moment > Duration::ZERO {
        until("it is answered", || threads(scene.folder()).contains("done")).await;
    }
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
    let told = RefCell::new(String::new());
    until("it says that it waits", || says(&host, &told, "another Ctrl-C")).await;
    tokio::time::sleep(moment).await;
    let pressed = Instant::now();
    kill(host.pid(), Signal::SIGINT).expect("it waits");
    let is_there = |pid: &i64| Path::new(&format!("/proc/{pid}")).exists();
    until("no worker is left", || !workers.iter().any(is_there)).await;
    until("it ended by itself", || says(&host, &told, "\nstopped\n")).await;
    // The three graces of a deaf worker are nine seconds, of which one at most was over.
    assert!(
        pressed.elapsed() < Duration::from_secs(7),
        "{:?}",
        pressed.elapsed()
    );
    assert_eq!(host.stop(), Some(0), "and well");
}

/// What threads there are: the table's only line.
fn threads(home: &Path) -> String {
    let output = agent_host(home)
        .args(["threads", "list"])
        .output()
        .expect("it runs");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What was said in a thread.
fn story(home: &Path, thread: &str) -> String {
    let output = agent_host(home)
        .args(["threads", "show", &format!("web:{thread}")])
        .output()
        .expect("it runs");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Whether the host has said this by now.
fn says(host: &Host, told: &RefCell<String>, words: &str) -> bool {
    told.borrow_mut().push_str(&host.told());
    told.borrow().contains(words)
}

/// Presses Ctrl-C so often, one after the other is heard, and waits for the end, which is clean.
async fn press(host: Host, times: usize) {
    let began = Instant::now();
    let told = pressed(&host, times).await;
    until("it says that it has stopped", || {
        says(&host, &told, "\nstopped\n")
    })
    .await;
    assert_eq!(host.stop(), Some(0), "it ended by itself, and well: {told:?}");
    assert!(
        began.elapsed() < Duration::from_secs(35),
        "a service manager would have killed it"
    );
}

/// Presses Ctrl-C so often, one after the other is heard. What the host said of it by then.
async fn pressed(host: &Host, times: usize) -> RefCell<String> {
    let told = RefCell::new(String::new());
    kill(host.pid(), Signal::SIGINT).expect("it is there");
    until("it heard", || says(host, &told, "stopping: ")).await;
    if times > 1 {
        // It may have ended by now.
        let _ = kill(host.pid(), Signal::SIGINT);
    }
    told
}

#[tokio::test]
async fn ctrl_c_while_a_worker_starts_leaves_the_message_waiting_and_no_process() {
    for times in [1, 2] {
        let home = tempfile::tempdir().expect("a folder can be made");
        // Never says hello. The odd time names the process.
        let time = format!("987{times}.{}", std::process::id());
        let config = format!("default_agent = \"deaf\"\n[agents.deaf]\ncommand = [\"sleep\", \"{time}\"]\n");
        let host = Host::configured(home.path(), &config, &[]);
        let person = Person::enter(host.link()).await;
        person.open("hello").await;
        let is_there = || {
            let all = std::fs::read_dir("/proc").expect("there is one").flatten();
            all.filter_map(|entry| std::fs::read_to_string(entry.path().join("cmdline")).ok())
                .any(|line| line.contains(&time))
        };
        until("it starts", is_there).await;
        press(host, times).await;
        until("no process is left", || !is_there()).await;
        assert!(
            threads(home.path()).contains("queued"),
            "{}",
            threads(home.path())
        );
    }
}

#[tokio::test]
async fn ctrl_c_while_a_turn_runs_cuts_it_and_the_next_host_says_so_and_goes_on() {
    for times in [1, 2] {
        let scene = Scene::signed_in().await;
        let host = Host::up(&scene, 0, "");
        let person = Person::enter(host.link()).await;
        let thread = person.open("hold\nsay: never").await;
        scene.wait(Counter::ModelRequests, 1).await;
        person.say(&thread, "waits", "say: at last").await;
        press(host, times).await;
        assert!(
            threads(scene.folder()).contains("queued"),
            "{}",
            threads(scene.folder())
        );
        let host = Host::up(&scene, 0, "");
        until("what waited is answered", || {
            threads(scene.folder()).contains("done")
        })
        .await;
        let story = story(scene.folder(), &thread);
        assert!(story.contains("The host stopped while this turn ran."), "{story}");
        assert!(story.contains("at last"), "{story}");
        assert_eq!(host.stop(), Some(0));
    }
}

#[tokio::test]
async fn a_closed_terminal_ends_a_host_as_politely_however_often_it_says_so() {
    let scene = Scene::signed_in().await;
    let host = Host::up(&scene, 0, "");
    let person = Person::enter(host.link()).await;
    let thread = person.open("hold\nsay: never").await;
    scene.wait(Counter::ModelRequests, 1).await;
    let told = RefCell::new(String::new());
    kill(host.pid(), Signal::SIGHUP).expect("it is there");
    until("it heard", || says(&host, &told, "stopping: ")).await;
    // The shell says it, too.
    kill(host.pid(), Signal::SIGHUP).expect("its turn may still end");
    until("it has stopped", || says(&host, &told, "\nstopped\n")).await;
    assert_eq!(host.stop(), Some(0));
    assert!(!told.borrow().contains("ending at once"), "{told:?}");
    let story = story(scene.folder(), &thread);
    assert!(story.contains("The host stopped while this turn ran."), "{story}");
}

#[tokio::test]
async fn a_host_that_is_to_outlive_its_terminal_does() {
    let home = tempfile::tempdir().expect("a folder can be made");
    let mut command = Command::new("sh");
    command
        .args(["-c", "trap '' HUP; exec \"$0\" demo --listen 127.0.0.1:0"])
        .arg(program("agent-host"))
        .env_clear()
        .env("AGENT_HOST_HOME", home.path())
        .env("HOME", home.path());
    let host = Host::run(command, home.path());
    for _ in 0..2 {
        kill(host.pid(), Signal::SIGHUP).expect("it is there");
    }
    // It still lets people in, and says nothing of an end.
    Person::enter(host.link()).await;
    assert!(!host.told().contains("stopping"));
    assert_eq!(host.stop(), Some(0));
}

#[tokio::test]
async fn two_ctrl_c_wait_for_a_refresh_in_flight_and_lose_no_login() {
    let scene = Scene::signed_in().await;
    let host = Host::up(&scene, 0, "");
    let person = Person::enter(host.link()).await;
    let before = scene.stored_token(&scene.host());
    scene.expire(&scene.host());
    scene.fault(Target::Refresh, 1, Fault::Hold);
    person.open("say: hello").await;
    // The token is spent from here on; who only holds the lock has spent nothing yet, and may be killed.
    scene.wait(Counter::AnswersHeld, 1).await;
    let told = pressed(&host, 2).await;
    until("it heard the second", || says(&host, &told, "ending at once")).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(!says(&host, &told, "\nstopped\n"), "it waits: {told:?}");
    scene.control().release();
    until("it ended by itself", || says(&host, &told, "\nstopped\n")).await;
    assert_eq!(host.stop(), Some(0), "and well: {told:?}");
    let after = scene.stored_token(&scene.host());
    assert_ne!(before.expose_secret(), after.expose_secret(), "it was waited for");
    assert!(scene.accepts(&after).await);
    scene.ends_well().await;
}

#[tokio::test]
async fn a_stop_waits_for_a_sign_in_whose_code_is_redeemed_and_refuses_others_for_the_next_host() {
    for times in [1, 2] {
        let scene = Scene::signed_in().await;
        let port = own_port();
        let host = Host::up(&scene, port, "");
        let alice = Person::enter(host.link()).await;
        let mut bob = Person::enter(&alice.invite().await).await;
        let mut pasted = vec![];
        for (person, name) in [(&alice, "alice"), (&bob, "bob")] {
            let begins = json!({ "service": "rehearsal" });
            let (status, begun) = person.post("/api/auth/begin", &begins).await;
            assert!(status.is_success(), "{begun}");
            let link = begun["url"].as_str().expect("a link");
            let brought = consent(&client(), link, name).await;
            pasted.push(json!({ "service": "rehearsal", "pasted": brought }));
        }
        scene.fault(Target::Code, 1, Fault::Hold);
        let (person, first) = (alice.anew(), pasted[0].clone());
        let answered = tokio::spawn(async move { person.try_post("/api/auth/complete", &first).await });
        scene.wait(Counter::AnswersHeld, 1).await;
        let told = RefCell::new(String::new());
        kill(host.pid(), Signal::SIGINT).expect("it is there");
        until("it says that it waits", || {
            says(&host, &told, "waiting for a sign-in")
        })
        .await;
        if times == 1 {
            let (status, said) = bob.post("/api/auth/complete", &pasted[1]).await;
            let is_told = said["error"]
                .as_str()
                .is_some_and(|words| words.contains("the host is stopping"));
            assert!(!status.is_success() && is_told, "{status}: {said}");
        } else {
            kill(host.pid(), Signal::SIGINT).expect("it waits");
            until("it heard", || says(&host, &told, "ending at once")).await;
        }
        scene.control().release();
        until("it ended by itself", || says(&host, &told, "\nstopped\n")).await;
        assert_eq!(host.stop(), Some(0));
        let answer = answered.await.expect("it does not panic");
        if times == 1 {
            assert!(answer.expect("it is answered").0.is_success());
        }
        let logins = scene.store().tenants().expect("it can be read");
        let of_people = logins.iter().filter(|one| one.owner != "host").count();
        assert_eq!(of_people, 1, "what was redeemed is kept");
        if times == 1 {
            let host = Host::up(&scene, port, "");
            bob.again().await;
            let (status, said) = bob.post("/api/auth/complete", &pasted[1]).await;
            assert!(
                status.is_success(),
                "what was refused is as good as before: {said}"
            );
            assert_eq!(host.stop(), Some(0));
        }
    }
}
