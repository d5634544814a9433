//! Threads and their workers, from the message to the answer: real programs, the strict vendor, the rehearsal model.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use conversation::{Body, Conversation, Item, ThreadId, TurnState};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rehearsal::{Counter, SettingsChange};
use reqwest::StatusCode;
use serde_json::{Value, json};
use support::{Heard, Host, Person, Scene};

mod caged;
mod said;
mod stopped;

/// Tools run without being asked for.
const ALLOW: &str = "permissions = \"allow\"\n";

/// A host with a person at its page.
async fn host(more: &str) -> (Scene, Host, Person) {
    let scene = Scene::signed_in().await;
    let host = Host::up(&scene, 0, more);
    let person = Person::enter(host.link()).await;
    (scene, host, person)
}

fn id(thread: &str) -> ThreadId {
    ThreadId::parse(&format!("web:{thread}")).expect("a thread")
}

async fn items(scene: &Scene, thread: &str) -> Vec<Item> {
    let conversation = Conversation::open_without_recovery(scene.folder()).expect("it can be looked at");
    conversation
        .items(&id(thread), None, usize::MAX)
        .await
        .expect("it can be read")
}

/// Everything the agent said in a thread.
fn answers(items: &[Item]) -> String {
    items
        .iter()
        .filter_map(|item| match &item.body {
            Body::Answer { text } => Some(text.as_str()),
            _ => None,
        })
        .collect::<Vec<_>>()
        .join("\n")
}

/// Says something, and waits until the thread has nothing left to do.
async fn converse(person: &Person, thread: &str, text: &str) {
    let mut ear = person.listen(thread).await;
    let name = format!("m{}", text.len());
    person
        .say(thread, &format!("{name}-{}", thread.len()), text)
        .await;
    ear.until(|heard| heard.name == "phase" && heard.data["busy"] == true)
        .await;
    ear.until(Heard::is_idle).await;
}

fn status(host: &Host) -> Value {
    let output = support::agent_host(host.home())
        .args(["status", "--json"])
        .output()
        .expect("the program runs");
    serde_json::from_slice(&output.stdout).expect("it prints JSON")
}

/// Lets the model go on, until nothing runs or waits. A request is counted a moment before it is held.
pub(crate) async fn released(scene: &Scene, host: &Host) {
    until(async || {
        scene.control().release();
        is_idle(host).then_some(())
    })
    .await;
}

/// Whether nothing runs or waits: what waits in one report may run in the next, so that this is one.
fn is_idle(host: &Host) -> bool {
    let report = status(host);
    report["working"] == 0 && report["queued"] == 0
}

/// Waits until nothing runs or waits.
async fn idle(host: &Host) {
    until(async || is_idle(host).then_some(())).await;
}

/// Looks again and again until something holds. For states that tell nobody when they change.
pub(crate) async fn until<T>(mut look: impl AsyncFnMut() -> Option<T>) -> T {
    for _ in 0..1200 {
        if let Some(found) = look().await {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("it did not come in a minute");
}

#[tokio::test]
async fn a_turn_that_spans_three_expiries_goes_on_unnoticed() {
    let (scene, host, person) = host(ALLOW).await;
    scene.control().set(SettingsChange {
        access_ttl_s: Some(3),
        ..SettingsChange::default()
    });
    scene.expire(&scene.host());
    let before = scene.count(Counter::Rotations);
    let thread = person
        .open("run: sleep 4\nrun: sleep 4\nrun: sleep 4\nrun: echo done-at-last")
        .await;
    let mut ear = person.listen(&thread).await;
    ear.until(|heard| {
        heard.data.to_string().contains("done-at-last") && !heard.data.to_string().contains("sleep 4\\nrun")
    })
    .await;
    until(async || (status(&host)["working"] == 0).then_some(())).await;
    let items = items(&scene, &thread).await;
    assert!(answers(&items).contains("done-at-last"), "{items:?}");
    assert!(
        !items
            .iter()
            .any(|item| matches!(item.body, Body::Login { .. } | Body::Note { .. })),
        "{items:?}"
    );
    assert!(scene.count(Counter::Rotations) - before >= 3);
    assert_eq!(scene.count(Counter::ReuseDetected), 0);
}

#[tokio::test]
async fn a_hundred_threads_that_expire_at_once_cost_one_refresh() {
    let (scene, host, person) = host("").await;
    let mut threads = Vec::new();
    for number in 0..100 {
        threads.push(person.open(&format!("hold\nsay: thread {number}")).await);
    }
    // Each has a worker of its own, and its model call under way.
    scene.wait(Counter::ModelRequests, 100).await;
    let report = status(&host);
    let pids: BTreeSet<i64> = report["workers"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|worker| worker["pid"].as_i64())
        .collect();
    assert_eq!(pids.len(), 100, "two threads never share a process");
    released(&scene, &host).await;

    scene.expire(&scene.host());
    let before = scene.count(Counter::RefreshRequests);
    for (number, thread) in threads.iter().enumerate() {
        person
            .say(thread, &format!("again-{number}"), "say: once more")
            .await;
    }
    idle(&host).await;
    assert_eq!(scene.count(Counter::RefreshRequests) - before, 1);
    assert_eq!(scene.count(Counter::ReuseDetected), 0);
    for thread in &threads {
        let said = answers(&items(&scene, thread).await);
        assert!(said.contains("once more"), "{said}");
    }
}

#[tokio::test]
async fn a_killed_worker_is_seen_in_its_own_thread_alone_and_retry_works() {
    let (scene, host, person) = host("").await;
    let (one, other) = (
        person.open("hold\nsay: one").await,
        person.open("hold\nsay: other").await,
    );
    scene.wait(Counter::ModelRequests, 2).await;
    let report = status(&host);
    let worker = report["workers"]
        .as_array()
        .and_then(|workers| {
            workers
                .iter()
                .find(|worker| worker["thread"] == format!("web:{one}"))
        })
        .and_then(|worker| worker["pid"].as_i64())
        .expect("it has a worker");
    let mut ear = person.listen(&one).await;
    kill(
        Pid::from_raw(i32::try_from(worker).expect("a pid fits")),
        Signal::SIGKILL,
    )
    .expect("it lives");
    let turn = ear.attribute("data-act=\"retry\" data-turn").await;
    let turn: i64 = turn.parse().expect("a number");
    scene.control().release();
    let (status_code, answer) = person
        .post(&format!("/api/t/{one}/retry"), &json!({ "turn": turn }))
        .await;
    assert_eq!(status_code, StatusCode::OK, "{answer}");
    scene.wait(Counter::ModelRequests, 3).await;
    released(&scene, &host).await;
    assert!(answers(&items(&scene, &one).await).contains("one"));
    let untouched = items(&scene, &other).await;
    assert!(answers(&untouched).contains("other"));
    assert!(
        !untouched
            .iter()
            .any(|item| matches!(item.body, Body::Note { .. })),
        "{untouched:?}"
    );
}

/// What the model is told of a turn that was stopped or interrupted before it had said anything.
pub(crate) const ENDED: &str =
    "assistant: (This turn ended before I was done. I go on with it only if I am asked to.)";

/// What people and the model said, in the last request that the model got.
pub(crate) fn asked(scene: &Scene) -> Vec<String> {
    let requests = scene.control().model_requests();
    let body = &requests.last().expect("there was one").body;
    let messages = body["input"].as_array().or(body["messages"].as_array());
    messages
        .expect("a request has messages")
        .iter()
        .filter(|message| message["role"] == "user" || message["role"] == "assistant")
        .map(|message| {
            let role = message["role"].as_str().unwrap_or_default();
            let content = &message["content"];
            let text = content.as_str().or(content[0]["text"].as_str());
            format!("{role}: {}", text.unwrap_or_default())
        })
        .collect()
}

/// The states of a thread's turns, in order.
async fn states(scene: &Scene, thread: &str) -> Vec<TurnState> {
    let conversation = Conversation::open_without_recovery(scene.folder()).expect("it can be looked at");
    let turns: BTreeSet<_> = items(scene, thread)
        .await
        .iter()
        .filter(|item| matches!(item.body, Body::Said { .. }))
        .filter_map(|item| item.turn)
        .collect();
    let mut states = Vec::new();
    for turn in turns {
        states.push(conversation.turn(turn).await.expect("it is there").state);
    }
    states
}

/// The path of the first file with this name below a folder.
fn find(folder: &Path, name: &str) -> Option<String> {
    for entry in std::fs::read_dir(folder).ok()?.flatten() {
        let path = entry.path();
        if path.file_name().is_some_and(|found| found == name) {
            return Some(path.display().to_string());
        }
        if path.is_dir()
            && let Some(found) = find(&path, name)
        {
            return Some(found);
        }
    }
    None
}

#[tokio::test]
async fn what_the_permission_card_shows_is_what_is_executed() {
    let (scene, _host, person) = host("").await;
    // It stays until somebody outside its cage has looked at what the kernel says that it was started with.
    let command =
        "printf '%s|' \"a b\" 'c;d' > argv.txt; echo $$ > pid.txt; until [ -e seen ]; do sleep 0.05; done";
    let thread = person.open(&format!("run: {command}")).await;
    let mut ear = person.listen(&thread).await;
    let request = ear.attribute("data-request").await;
    let shown = items(&scene, &thread)
        .await
        .iter()
        .find_map(|item| match &item.body {
            Body::Permission { detail, .. } => Some(detail.clone()),
            _ => None,
        });
    let shown = shown.expect("a permission is asked for");
    let (code, answer) = person
        .post(
            &format!("/api/t/{thread}/decide"),
            &json!({ "request": request, "answer": "once" }),
        )
        .await;
    assert_eq!(code, StatusCode::OK, "{answer}");
    let pid = until(async || {
        let file = find(scene.folder(), "pid.txt")?;
        let pid = std::fs::read_to_string(&file).expect("it can be read");
        Some((file, pid.strip_suffix('\n')?.to_owned()))
    });
    let (file, pid) = pid.await;
    let executed = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).expect("it runs");
    std::fs::write(Path::new(&file).with_file_name("seen"), "").expect("it can be written");
    ear.until(Heard::is_idle).await;
    let words: Vec<&str> = executed.split_terminator('\0').collect();
    let [shell, rest @ ..] = &words[..] else {
        panic!("it has a command line: {executed:?}");
    };
    assert!(shell.ends_with("bash"), "{words:?}");
    assert_eq!(rest, ["-c", &shown], "nothing is added and nothing left out");
    assert_eq!(shown, command);
    let written = find(scene.folder(), "argv.txt").expect("it ran");
    assert_eq!(
        std::fs::read_to_string(written).expect("it can be read"),
        "a b|c;d|"
    );
}

#[tokio::test]
async fn an_idle_worker_ends_and_comes_back_with_its_memory() {
    let (scene, host, person) = host("[limits]\nidle = \"1s\"\n").await;
    let thread = person.open("say: remember the number 4711").await;
    // Before it begins there is none either.
    until(async || (states(&scene, &thread).await == [TurnState::Done]).then_some(())).await;
    until(async || (status(&host)["workers"] == json!([])).then_some(())).await;
    converse(&person, &thread, "recall").await;
    let requests = scene.control().model_requests();
    let last = requests.last().expect("there was one").body.to_string();
    assert!(last.contains("4711"), "{last}");
}

#[tokio::test]
async fn big_and_hostile_messages_are_refused_or_harmless() {
    let (_scene, _host, person) = host("").await;
    let (code, words) = person
        .post(
            "/api/threads",
            &json!({ "text": "x".repeat(3 << 20), "files": [] }),
        )
        .await;
    assert!(code.is_client_error(), "{code}: {words}");
    let hostile = "<script>alert(1)</script><img src=x onerror=alert(1)> \u{1b}[31mred \u{202e}desrever [x](javascript:alert(1))";
    let thread = person.open(&format!("say: {hostile}")).await;
    let mut ear = person.listen(&thread).await;
    ear.until(Heard::is_idle).await;
    let page = person.page(&format!("/t/{thread}")).await;
    assert!(
        !page.contains("<script>alert")
            && !page.contains("onerror=alert(1)>")
            && !page.contains("href=\"javascript:"),
        "{page}"
    );
    assert!(!page.contains('\u{1b}') && !page.contains('\u{202e}'), "{page}");
}

#[tokio::test]
async fn a_second_host_and_a_busy_port_are_told() {
    let (scene, host, _person) = host("").await;
    let second = support::agent_host(scene.folder())
        .args(["up", "--listen", "127.0.0.1:0"])
        .output()
        .expect("it runs");
    let words = String::from_utf8_lossy(&second.stderr).into_owned();
    assert_eq!(second.status.code(), Some(4), "{words}");
    assert!(
        words.contains(&format!("process {} is already the host", host.pid())),
        "{words}"
    );
    let home = tempfile::tempdir().expect("a folder can be made");
    let port = format!("127.0.0.1:{}", host.port());
    let busy = support::agent_host(home.path())
        .args(["demo", "--listen", &port])
        .output()
        .expect("it runs");
    let words = String::from_utf8_lossy(&busy.stderr).into_owned();
    assert_eq!(busy.status.code(), Some(1), "{words}");
    assert!(
        words.contains("another program listens there") && words.contains("hint:"),
        "{words}"
    );
}
