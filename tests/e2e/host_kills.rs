//! The host, or its workers, are killed at random moments under load: nothing that was accepted is lost, nothing is
//! answered twice, and only a turn that ran in what was killed is cut.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::Path;
use std::time::{Duration, Instant};

use conversation::{Body, Conversation, Item, ThreadId, TurnId, TurnState};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rehearsal::SettingsChange;
use rusqlite::{Connection, OpenFlags};
use serde_json::Value;
use support::{Host, Person, Scene, own_port};

/// How many kills, unless `AGENT_HOST_HOST_KILLS` says otherwise.
const KILLS: usize = 200;

/// How many kills of workers, unless `AGENT_HOST_WORKER_KILLS` says otherwise.
const WORKER_KILLS: usize = 100;

/// Threads that are spoken in.
const THREADS: usize = 4;

/// The same where workers are killed: more, because one that was killed is back only a second later, or more.
const WORKER_THREADS: usize = 8;

/// A kill comes after at most so long.
const LATEST: Duration = Duration::from_millis(250);

/// Kills come faster than turns end, so many wait.
const LIMITS: &str = "[limits]\nqueued = 100000\n";

/// When nobody kills any more, no turn takes longer than this.
const CERTAIN: Duration = Duration::from_mins(2);

/// A message, until the host has said that it has it.
struct Message {
    thread: usize,
    marker: String,
}

fn number(variable: &str, default: usize) -> usize {
    let text = std::env::var(variable).ok();
    text.and_then(|text| text.parse().ok()).unwrap_or(default)
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
    let (kills, port) = (number("AGENT_HOST_HOST_KILLS", KILLS), own_port());
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
    let mut ran = BTreeSet::new();
    for kill in 0..kills {
        waiting.extend((0..3).map(|number| Message::new(0..THREADS, kill, number)));
        let speaking = speak(&person, &threads, &mut waiting, &mut accepted);
        let latest = u64::try_from(LATEST.as_micros()).expect("it is small");
        // Either all of it was said, or the kill came first; both are wanted.
        let moment = tokio::time::sleep(Duration::from_micros(random(latest)));
        tokio::select! {
            () = async { speaking.await; std::future::pending::<()>().await } => {}
            () = moment => {}
        }
        host.kill();
        // Nobody writes now: what ran at the kill, and may be cut for it, is what the dead host had noted.
        ran.extend(turns(scene.folder(), "running"));
        host = Host::up(&scene, port, LIMITS);
        person.again().await;
    }
    speak(&person, &threads, &mut waiting, &mut accepted).await;
    assert!(waiting.is_empty(), "everything was accepted in the end");
    let state = scene.folder().to_owned();
    until_quiet(&state).await;
    check(&scene, &threads, &accepted, &person).await;
    assert_eq!(
        turns(&state, "cut"),
        ran,
        "cut is what ran at a kill, and nothing else"
    );
    assert_eq!(host.stop(), Some(0));
    assert_eq!(leftovers(&state), Vec::<Process>::new());
    println!(
        "{kills} kills, {} messages, {} turns cut and told",
        accepted.len(),
        ran.len()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_kill_of_a_worker_costs_more_than_the_turn_that_ran_in_it() {
    let scene = Scene::signed_in().await;
    scene.control().set(SettingsChange {
        words_per_second: Some(400),
        ..SettingsChange::default()
    });
    let kills = number("AGENT_HOST_WORKER_KILLS", WORKER_KILLS);
    let state = scene.folder().to_owned();
    let host = Host::up(&scene, 0, LIMITS);
    let person = Person::enter(host.link()).await;
    let mut threads = Vec::new();
    for number in 0..WORKER_THREADS {
        threads.push(
            person
                .open(&format!("stream 3 words\nmarker-open-{number}"))
                .await,
        );
    }
    let (mut waiting, mut accepted) = (Vec::new(), Vec::new());
    let mut killed = [0; WORKER_THREADS];
    let mut round = 0;
    while killed.iter().sum::<usize>() < kills {
        waiting.extend((0..3).map(|number| Message::new(1..WORKER_THREADS, round, number)));
        // The first thread is spoken in as well, and nobody kills its worker.
        waiting.push(Message {
            thread: 0,
            marker: format!("marker-{round}-spared-x"),
        });
        round += 1;
        assert!(round < 20 * kills, "there are workers to kill: {killed:?}");
        speak(&person, &threads, &mut waiting, &mut accepted).await;
        tokio::time::sleep(Duration::from_micros(random(250_000))).await;
        let workers = workers(&state);
        let victims: Vec<_> = (1..WORKER_THREADS)
            .filter_map(|number| Some((number, *workers.get(&threads[number])?)))
            .collect();
        let Some((number, pid)) = pick(&victims) else {
            continue;
        };
        if kill_worker(&state, &threads[number], pid).await {
            killed[number] += 1;
        }
    }
    // After so many deaths in a row a worker may wait for somebody to ask for it.
    waiting.extend((0..WORKER_THREADS).map(|thread| Message {
        thread,
        marker: format!("marker-last-{thread}-x"),
    }));
    speak(&person, &threads, &mut waiting, &mut accepted).await;
    until_quiet(&state).await;
    check(&scene, &threads, &accepted, &person).await;
    for (number, thread) in threads.iter().enumerate() {
        let cut = turns_of(&state, "cut", thread).len();
        assert!(
            cut <= killed[number],
            "{cut} turns of thread {number} were cut: {killed:?}"
        );
        let notes = notes(&state, thread).await;
        assert!(
            number > 0 || notes.is_empty(),
            "nobody was killed here: {notes:?}"
        );
    }
    let living: BTreeSet<i32> = workers(&state).into_values().collect();
    let orphans: Vec<_> = leftovers(&state)
        .into_iter()
        .filter(|process| process.pid != host.pid().as_raw() && !living.contains(&process.pid))
        .collect();
    assert_eq!(orphans, Vec::<Process>::new());
    assert_eq!(host.stop(), Some(0));
    assert_eq!(leftovers(&state), Vec::<Process>::new());
    println!(
        "{} kills of workers, {} messages, {} turns cut and told",
        killed.iter().sum::<usize>(),
        accepted.len(),
        turns(&state, "cut").len()
    );
}

/// Kills a thread's worker. Every other time it is stopped first, so that it is known what ran in it, and that this, and
/// only this, is cut. `false`: it had ended.
async fn kill_worker(state: &Path, thread: &str, pid: i32) -> bool {
    let pid = Pid::from_raw(pid);
    let is_stopped = random(2) == 0;
    let before = turns_of(state, "cut", thread);
    if is_stopped && kill(pid, Signal::SIGSTOP).is_err() {
        return false;
    }
    let ran = if is_stopped {
        Some(settled(state, thread).await)
    } else {
        None
    };
    if kill(pid, Signal::SIGKILL).is_err() {
        return false;
    }
    let Some(ran) = ran else { return true };
    let until = Instant::now() + CERTAIN;
    while !turns_of(state, "running", thread).is_disjoint(&ran) {
        assert!(Instant::now() < until, "the death of a worker was not noticed");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let cut: BTreeSet<i64> = turns_of(state, "cut", thread)
        .difference(&before)
        .copied()
        .collect();
    assert_eq!(cut, ran, "cut is what ran in the worker, and nothing else");
    true
}

/// What runs in a thread whose worker stands still: the same for a while.
async fn settled(state: &Path, thread: &str) -> BTreeSet<i64> {
    let mut found = turns_of(state, "running", thread);
    let mut same = 0;
    while same < 20 {
        tokio::time::sleep(Duration::from_millis(10)).await;
        let now = turns_of(state, "running", thread);
        same = if now == found { same + 1 } else { 0 };
        found = now;
    }
    found
}

fn pick<T: Copy>(from: &[T]) -> Option<T> {
    let index = usize::try_from(random(from.len() as u64)).ok()?;
    from.get(index).copied()
}

impl Message {
    /// One for any of these threads.
    fn new(threads: Range<usize>, round: usize, number: usize) -> Self {
        let thread = pick(&threads.collect::<Vec<_>>());
        Self {
            thread: thread.expect("there is one"),
            marker: format!("marker-{round}-{number}-x"),
        }
    }
}

/// The turns in a state, as the file has them.
fn turns(state: &Path, wanted: &str) -> BTreeSet<i64> {
    turns_where(state, "state = ?1", &[wanted])
}

/// Those of one thread.
fn turns_of(state: &Path, wanted: &str, thread: &str) -> BTreeSet<i64> {
    turns_where(
        state,
        "state = ?1 AND thread = ?2",
        &[wanted, &format!("web:{thread}")],
    )
}

fn turns_where(state: &Path, condition: &str, values: &[&str]) -> BTreeSet<i64> {
    let file = state.join("conversation.db");
    let database =
        Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY).expect("it can be read");
    database
        .busy_timeout(Duration::from_secs(5))
        .expect("it can wait");
    let mut statement = database
        .prepare(&format!("SELECT id FROM turns WHERE {condition}"))
        .expect("the table is there");
    let ids = statement
        .query_map(rusqlite::params_from_iter(values), |row| row.get(0))
        .expect("it can be asked");
    ids.map(|id| id.expect("an id is a number")).collect()
}

/// The process of each thread that has a living worker.
pub(crate) fn workers(state: &Path) -> BTreeMap<String, i32> {
    let report = status(state);
    let workers = report["workers"].as_array().cloned().unwrap_or_default();
    let pid = |worker: &Value| i32::try_from(worker["pid"].as_i64()?).ok().filter(|pid| *pid > 0);
    let named = |worker: &Value| {
        Some((
            worker["thread"].as_str()?.strip_prefix("web:")?.to_owned(),
            pid(worker)?,
        ))
    };
    workers.iter().filter_map(named).collect()
}

fn status(state: &Path) -> Value {
    let output = support::agent_host(state)
        .args(["status", "--json"])
        .output()
        .expect("the program runs");
    serde_json::from_slice(&output.stdout).expect("it prints JSON")
}

/// What a thread was told.
async fn notes(state: &Path, thread: &str) -> Vec<String> {
    let conversation = Conversation::open_without_recovery(state).expect("it can be looked at");
    let id = ThreadId::parse(&format!("web:{thread}")).expect("a thread");
    let items = conversation
        .items(&id, None, usize::MAX)
        .await
        .expect("it can be read");
    let text = |item: Item| match item.body {
        Body::Note { text, .. } => Some(text),
        _ => None,
    };
    items.into_iter().filter_map(text).collect()
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
async fn until_quiet(state: &Path) {
    let (mut until, mut left) = (Instant::now() + CERTAIN, u64::MAX);
    loop {
        let report = status(state);
        let queued = report["queued"].as_u64().expect("a count");
        if queued == 0 && report["working"] == 0 {
            return;
        }
        if queued < left {
            (until, left) = (Instant::now() + CERTAIN, queued);
        }
        assert!(Instant::now() < until, "still at work: {report}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Looks at what was kept and at what the model was asked.
async fn check(scene: &Scene, threads: &[String], accepted: &[Message], person: &Person) {
    let asked = asked(scene);
    let conversation = Conversation::open_without_recovery(scene.folder()).expect("it can be looked at");
    for (number, thread) in threads.iter().enumerate() {
        let id = ThreadId::parse(&format!("web:{thread}")).expect("a thread");
        let items = conversation
            .items(&id, None, usize::MAX)
            .await
            .expect("it can be read");
        let turns = by_turn(&items);
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
                    assert!(
                        requests <= 1,
                        "{marker} was cut, and asked about {requests} times"
                    );
                    let told = items.iter().any(|item| matches!(&item.body, Body::Note { retry: Some(retry), .. } if *retry == turn.id));
                    assert!(told, "{marker} was cut, and its thread was not told");
                }
                other => panic!("{marker} is {other:?}: {:?}", turn.reason),
            }
        }
        check_page(&person.page(&format!("/t/{thread}")).await, &items);
    }
}

/// The page has the newest entries, each once and with its words.
fn check_page(page: &str, items: &[Item]) {
    for item in items.iter().rev().take(40) {
        let times = page.matches(&format!("id=\"i{}\"", item.id.0)).count();
        assert_eq!(times, 1, "on the page: {item:?}");
        if let Body::Answer { text } | Body::Said { text, .. } = &item.body {
            let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
            assert!(
                lines.all(|line| page.contains(line)),
                "its words are on the page: {item:?}"
            );
        }
    }
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

/// A process that belongs to a state folder.
#[derive(Debug, PartialEq)]
pub(crate) struct Process {
    pid: i32,
    command: String,
}

/// Processes that still belong to this state folder: its path, or its own name, is in what they were started with.
pub(crate) fn leftovers(state: &Path) -> Vec<Process> {
    let name = std::fs::read(state.join("host.id")).expect("it has a name");
    let signs = [
        state.as_os_str().as_encoded_bytes().to_vec(),
        name.trim_ascii().to_vec(),
    ];
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").expect("there is one").flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.bytes().all(|byte| byte.is_ascii_digit()) || name == std::process::id().to_string() {
            continue;
        }
        for file in ["environ", "cmdline"] {
            let bytes = std::fs::read(entry.path().join(file)).unwrap_or_default();
            let is_in = |sign: &Vec<u8>| bytes.windows(sign.len()).any(|window| window == sign.as_slice());
            if signs.iter().any(is_in) {
                let command = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
                found.push(Process {
                    pid: name.parse().expect("it is made of digits"),
                    command: String::from_utf8_lossy(&command).into_owned(),
                });
                break;
            }
        }
    }
    found
}
