//! The host is killed at random moments under load: nothing that was accepted is lost, nothing is answered twice.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use conversation::{Body, Conversation, Item, ThreadId, TurnId, TurnState};
use rehearsal::SettingsChange;
use serde_json::Value;
use support::{Host, Person, Scene};

/// How many kills, unless `AGENT_HOST_HOST_KILLS` says otherwise.
const KILLS: usize = 200;

/// Threads that are spoken in.
const THREADS: usize = 4;

/// A kill comes after at most so long.
const LATEST: Duration = Duration::from_millis(250);

/// Kills come faster than turns end, so many wait.
const LIMITS: &str = "[limits]\nqueued = 100000\n";

/// Everything that was accepted is done after at most so long, when nobody kills any more.
const CERTAIN: Duration = Duration::from_mins(2);

/// A message, until the host has said that it has it.
struct Message {
    thread: usize,
    marker: String,
}

fn kills() -> usize {
    std::env::var("AGENT_HOST_HOST_KILLS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(KILLS)
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback can be listened on");
    listener.local_addr().expect("it has an address").port()
}

/// A number below `limit`, different each time.
fn random(limit: u64) -> u64 {
    use std::hash::{BuildHasher as _, Hasher as _};
    let hasher = std::collections::hash_map::RandomState::new().build_hasher();
    hasher.finish() % limit.max(1)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_kill_of_the_host_loses_or_doubles_a_message() {
    let scene = Scene::signed_in().await;
    scene.control().set(SettingsChange {
        words_per_second: Some(400),
        ..SettingsChange::default()
    });
    let port = free_port();
    let mut host = Host::up(&scene, port, LIMITS);
    let mut person = Person::enter(host.link()).await;
    let mut threads = Vec::new();
    for number in 0..THREADS {
        threads.push(
            person
                .open(&format!("stream 3 words\nmarker-open-{number}"))
                .await,
        );
    }
    let mut waiting: Vec<Message> = Vec::new();
    let mut accepted: Vec<Message> = Vec::new();
    for kill in 0..kills() {
        for number in 0..3 {
            waiting.push(Message {
                thread: usize::try_from(random(THREADS as u64)).expect("it is small"),
                marker: format!("marker-{kill}-{number}-x"),
            });
        }
        let speaking = speak(&person, &threads, &mut waiting, &mut accepted);
        let latest = u64::try_from(LATEST.as_micros()).expect("it is small");
        // Either all of it was said, or the kill came first; both are wanted.
        let moment = tokio::time::sleep(Duration::from_micros(random(latest)));
        tokio::select! {
            () = async { speaking.await; std::future::pending::<()>().await } => {}
            () = moment => {}
        }
        host.kill();
        host = Host::up(&scene, port, LIMITS);
        person.again().await;
    }
    speak(&person, &threads, &mut waiting, &mut accepted).await;
    assert!(waiting.is_empty(), "everything was accepted in the end");
    let state = scene.folder().to_owned();
    until_quiet(&state).await;
    let cut = check(&scene, &threads, &accepted, &person).await;
    assert!(cut <= kills() * THREADS, "{cut} turns were cut");
    assert_eq!(host.stop(), Some(0));
    assert_eq!(leftovers(&state), Vec::<String>::new());
    println!(
        "{} kills, {} messages, {cut} turns cut and told",
        kills(),
        accepted.len()
    );
}

/// Says what waits; what the host has acknowledged is accepted. Cancel safe: what was not acknowledged waits on.
async fn speak(person: &Person, threads: &[String], waiting: &mut Vec<Message>, accepted: &mut Vec<Message>) {
    while let Some(message) = waiting.first() {
        let body = serde_json::json!({
            "id": message.marker,
            "text": format!("stream 30 words\n{}", message.marker),
            "files": [],
        });
        let path = format!("/api/t/{}/messages", threads[message.thread]);
        match person.try_post(&path, &body).await {
            Ok((status, _)) if status.is_success() => accepted.push(waiting.remove(0)),
            Ok((status, words)) => panic!("{status}: {words}"),
            // The host died under it.
            Err(_) => return,
        }
    }
}

/// Waits until no turn waits or runs.
async fn until_quiet(state: &std::path::Path) {
    let until = Instant::now() + CERTAIN;
    loop {
        let output = support::agent_host(state)
            .args(["status", "--json"])
            .output()
            .expect("the program runs");
        let report: Value = serde_json::from_slice(&output.stdout).expect("it prints JSON");
        if report["queued"] == 0 && report["working"] == 0 {
            return;
        }
        assert!(Instant::now() < until, "still at work: {report}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Looks at what was kept and at what the model was asked. Returns how many turns were cut.
async fn check(scene: &Scene, threads: &[String], accepted: &[Message], person: &Person) -> usize {
    let asked = asked(scene);
    let conversation = Conversation::open_without_recovery(scene.folder()).expect("it can be looked at");
    let mut cut = 0;
    for (number, thread) in threads.iter().enumerate() {
        let id = ThreadId::parse(&format!("web:{thread}")).expect("a thread");
        let items = conversation
            .items(&id, None, usize::MAX)
            .await
            .expect("it can be read");
        let turns = by_turn(&items);
        let page = person.page(&format!("/t/{thread}")).await;
        for message in accepted.iter().filter(|message| message.thread == number) {
            let marker = &message.marker;
            let of: Vec<TurnId> = turns
                .iter()
                .filter(|(_, items)| items.iter().any(|item| says(item, marker)))
                .map(|(turn, _)| *turn)
                .collect();
            assert_eq!(of.len(), 1, "{marker} was said once");
            let items = &turns[&of[0]];
            let turn = conversation.turn(of[0]).await.expect("it is there");
            let answers = items
                .iter()
                .filter(|item| matches!(item.body, Body::Answer { .. }))
                .count();
            let requests = asked.get(marker).copied().unwrap_or(0);
            match turn.state {
                TurnState::Done => {
                    assert_eq!(answers, 1, "{marker} was answered once");
                    assert_eq!(requests, 1, "the model was asked once about {marker}");
                }
                TurnState::Cut => {
                    cut += 1;
                    assert!(
                        requests <= 1,
                        "{marker} was cut, and asked about {requests} times"
                    );
                    let told = items.iter().any(|item| matches!(&item.body, Body::Note { retry: Some(retry), .. } if *retry == turn.id));
                    assert!(told, "{marker} was cut, and its thread was not told");
                }
                other => panic!("{marker} is {other:?}: {:?}", turn.reason),
            }
            // The page has the newest entries only; what it has, it has once.
            assert!(
                page.matches(marker.as_str()).count() <= 1,
                "{marker} is doubled on the page"
            );
        }
    }
    cut
}

fn says(item: &Item, marker: &str) -> bool {
    matches!(&item.body, Body::Said { text, .. } if text.contains(marker))
}

fn by_turn(items: &[Item]) -> BTreeMap<TurnId, Vec<&Item>> {
    let mut turns: BTreeMap<TurnId, Vec<&Item>> = BTreeMap::new();
    for item in items {
        if let Some(turn) = item.turn {
            turns.entry(turn).or_default().push(item);
        }
    }
    turns
}

/// How often the model was asked about each marker: the last line of the message.
fn asked(scene: &Scene) -> BTreeMap<String, u64> {
    let questions = scene.control().model_questions();
    let marker = |text: &str| text.lines().last().unwrap_or_default().to_owned();
    questions
        .iter()
        .map(|(text, count)| (marker(text), *count))
        .collect()
}

/// Processes that still belong to this state folder.
fn leftovers(state: &std::path::Path) -> Vec<String> {
    let state = state.as_os_str().as_encoded_bytes().to_vec();
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").expect("there is one").flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.bytes().all(|byte| byte.is_ascii_digit()) || name == std::process::id().to_string() {
            continue;
        }
        for file in ["environ", "cmdline"] {
            let bytes = std::fs::read(entry.path().join(file)).unwrap_or_default();
            if bytes
                .windows(state.len())
                .any(|window| window == state.as_slice())
            {
                let command = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
                found.push(format!("{name} {}", String::from_utf8_lossy(&command)));
                break;
            }
        }
    }
    found
}
