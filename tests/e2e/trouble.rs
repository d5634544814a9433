//! What goes wrong around a host that runs, or is to run: a busy port, a kill at the wrong moment, a deaf agent, a full
//! disk, a workspace that is gone.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use conversation::{Body, Conversation, Item, ThreadId, TurnState};
use rehearsal::{Counter, SettingsChange};
use serde_json::{Value, json};
use support::{Heard, Host, Person, Scene, shell_agent};

use crate::disk::full::Disk;

/// What the host promises to whoever stops it.
const SERVICE_MANAGER_WAITS: Duration = Duration::from_secs(35);

/// Far longer than anything takes that is certain to come.
const CERTAIN: Duration = Duration::from_mins(1);

async fn items(state: &Path, thread: &str) -> Vec<Item> {
    let conversation = Conversation::open_without_recovery(state).expect("it can be looked at");
    let id = ThreadId::parse(&format!("web:{thread}")).expect("a thread");
    conversation
        .items(&id, None, usize::MAX)
        .await
        .expect("it can be read")
}

/// The states of a thread's turns, in order.
async fn states(state: &Path, thread: &str) -> Vec<TurnState> {
    let conversation = Conversation::open_without_recovery(state).expect("it can be looked at");
    let said = items(state, thread).await.into_iter();
    let turns = said.filter(|item| matches!(item.body, Body::Said { .. }));
    let mut states = Vec::new();
    for turn in turns.filter_map(|item| item.turn).collect::<BTreeSet<_>>() {
        states.push(conversation.turn(turn).await.expect("it is there").state);
    }
    states
}

fn notes(items: &[Item]) -> Vec<&str> {
    let texts = items.iter().map(|item| match &item.body {
        Body::Note { text, .. } => Some(text.as_str()),
        _ => None,
    });
    texts.flatten().collect()
}

fn answers(items: &[Item]) -> String {
    let texts = items.iter().map(|item| match &item.body {
        Body::Answer { text } => text.as_str(),
        _ => "",
    });
    texts.collect()
}

/// Looks again and again until something holds. For states that tell nobody when they change.
async fn until(what: &str, mut look: impl AsyncFnMut() -> bool) {
    let until = Instant::now() + CERTAIN;
    while !look().await {
        assert!(Instant::now() < until, "never: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn ran(mut command: std::process::Command, arguments: &[&str]) -> (Option<i32>, String) {
    let output = command.args(arguments).output().expect("the program runs");
    let words = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&words).into_owned())
}

#[tokio::test]
async fn a_host_that_can_not_be_reached_begins_nothing_of_what_waits() {
    let scene = Scene::signed_in().await;
    let host = Host::up(&scene, 0, "");
    let person = Person::enter(host.link()).await;
    let mut threads = Vec::new();
    for number in 0..8 {
        let thread = person.open("hold\nsay: first").await;
        person.say(&thread, &format!("m{number}"), "say: second").await;
        threads.push(thread);
    }
    scene.wait(Counter::ModelRequests, 8).await;
    host.kill();
    let before = scene.count(Counter::ModelRequests);

    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback can be listened on");
    let busy = format!(
        "127.0.0.1:{}",
        taken.local_addr().expect("it has an address").port()
    );
    let rehearsal = |command: &mut std::process::Command| {
        command.env("AGENT_HOST_REHEARSAL_URL", scene.url().as_str());
    };
    let mut command = support::agent_host(scene.folder());
    rehearsal(&mut command);
    let (code, words) = ran(command, &["up", "--listen", &busy]);
    assert_eq!(code, Some(1), "{words}");
    assert!(words.contains("another program listens there"), "{words}");

    // The same where the control socket can't be made.
    let socket = scene.folder().join("control.sock");
    let _ = std::fs::remove_file(&socket);
    std::fs::create_dir(&socket).expect("a folder can be made");
    std::fs::write(socket.join("in-the-way"), "x").expect("it can be written");
    let mut command = support::agent_host(scene.folder());
    rehearsal(&mut command);
    let (code, words) = ran(command, &["up", "--listen", "127.0.0.1:0"]);
    assert_eq!(code, Some(1), "{words}");
    assert!(words.contains("control socket"), "{words}");
    assert!(
        !words.contains("worker started") && !words.contains("a worker is ready"),
        "{words}"
    );
    std::fs::remove_dir_all(&socket).expect("it is there");

    assert_eq!(scene.count(Counter::ModelRequests), before, "no model was asked");
    for thread in &threads {
        assert_eq!(
            states(scene.folder(), thread).await,
            [TurnState::Cut, TurnState::Queued]
        );
    }
    let host = Host::up(&scene, 0, "");
    for thread in &threads {
        until("what waited is answered", async || {
            states(scene.folder(), thread).await == [TurnState::Cut, TurnState::Done]
        })
        .await;
    }
    host.stop();
}

#[tokio::test]
async fn a_reset_without_a_host_does_and_tells_what_one_with_a_host_does() {
    let scene = Scene::signed_in().await;
    let mut host = Host::up(&scene, 0, "");
    let person = Person::enter(host.link()).await;
    let (online, offline) = (
        person.open("say: remember 4711").await,
        person.open("say: remember 4711").await,
    );
    for thread in [&online, &offline] {
        until("it is answered", async || {
            states(scene.folder(), thread).await == [TurnState::Done]
        })
        .await;
    }
    let home = scene.folder();
    let reset = |thread: &str| {
        ran(
            support::agent_host(home),
            &["threads", "reset", &format!("web:{thread}")],
        )
    };
    let (code, words) = reset(&online);
    assert_eq!(code, Some(0), "{words}");
    assert_eq!(host.stop(), Some(0));
    let (code, words) = reset(&offline);
    assert_eq!(code, Some(0), "{words}");

    let told = |items: Vec<Item>| notes(&items).into_iter().map(str::to_owned).collect::<Vec<_>>();
    let expected = told(items(home, &online).await);
    assert_eq!(expected.len(), 1);
    assert_eq!(told(items(home, &offline).await), expected);
    let sessions = |thread: &str| {
        let folder = find(&home.join("threads"), thread).expect("it has a session");
        let entries = std::fs::read_dir(folder).expect("it can be listed");
        entries
            .map(|entry| entry.expect("it can be read").file_name())
            .collect::<BTreeSet<_>>()
    };
    assert_eq!(sessions(&offline), sessions(&online));

    host = Host::up(&scene, 0, "");
    let mut person = Person::enter(host.link()).await;
    person.again().await;
    for thread in [&online, &offline] {
        let conversation = Conversation::open_without_recovery(home).expect("it can be looked at");
        let id = ThreadId::parse(&format!("web:{thread}")).expect("a thread");
        assert_eq!(conversation.thread(&id).await.expect("it is there").session, None);
    }
    host.stop();
}

#[tokio::test]
async fn what_a_killed_host_left_running_is_taken_out_of_the_way_without_a_host() {
    let scene = Scene::signed_in().await;
    let host = Host::up(&scene, 0, "");
    let person = Person::enter(host.link()).await;
    let before = scene.count(Counter::ModelRequests);
    let (reset, skipped) = (
        person.open("hold\nsay: never").await,
        person.open("hold\nsay: never").await,
    );
    scene.wait(Counter::ModelRequests, before + 2).await;
    host.kill();
    let home = scene.folder();
    let run = |verb: &str, thread: &str| {
        let (code, words) = ran(
            support::agent_host(home),
            &["threads", verb, &format!("web:{thread}")],
        );
        assert_eq!(code, Some(0), "{words}");
        words
    };
    run("reset", &reset);
    let words = run("skip", &skipped);
    assert!(
        words.contains("skipped the last turn, which was not answered"),
        "{words}"
    );
    let host = Host::up(&scene, 0, "");
    for thread in [&reset, &skipped] {
        assert_eq!(states(home, thread).await, [TurnState::Stopped]);
    }
    let items = items(home, &reset).await;
    let told = notes(&items);
    assert!(
        told.last()
            .is_some_and(|note| note.starts_with("The thread was reset")),
        "{told:?}"
    );
    let (_, status) = ran(support::agent_host(home), &["status"]);
    assert!(!status.contains("nobody asked for it again"), "{status}");
    host.stop();
}

/// An agent that hears nothing once it has begun, not even that it is to end.
const DEAF: &str = "
trap '' TERM INT HUP
on_prompt() {
  case $line in *short*) say brief; answer '{\"stopReason\":\"end_turn\"}'; return ;; esac
  say begun; while :; do sleep 1; done
}
";

#[tokio::test]
async fn a_reset_holds_whole_where_its_host_is_killed_before_its_worker_has_ended() {
    let home = tempfile::tempdir().expect("a folder can be made");
    let config = shell_agent(home.path(), DEAF);
    let host = Host::configured(home.path(), &config, &[]);
    let person = Person::enter(host.link()).await;
    let thread = person.open("short").await;
    until("it is answered", async || {
        states(home.path(), &thread).await == [TurnState::Done]
    })
    .await;
    let mut ear = person.listen(&thread).await;
    person.say(&thread, "long", "hold").await;
    ear.until(|heard| heard.data.to_string().contains("begun")).await;
    person.say(&thread, "next", "waits").await;
    let (path, body) = (format!("/api/t/{thread}/reset"), json!({}));
    let told = async {
        until("the thread is told", async || {
            let items = items(home.path(), &thread).await;
            notes(&items).iter().any(|note| note.starts_with("Stopped"))
        })
        .await;
    };
    tokio::select! {
        answer = person.try_post(&path, &body) => panic!("the worker has ended: {answer:?}"),
        () = told => {}
    }
    host.kill();
    let host = Host::configured(home.path(), &config, &[]);
    let items = items(home.path(), &thread).await;
    let told = notes(&items);
    for words in [
        "Dropped: the thread was reset",
        "The thread was reset",
        "Stopped: the thread was reset",
    ] {
        let count = told.iter().filter(|note| note.starts_with(words)).count();
        assert_eq!(count, 1, "{words}: {told:?}");
    }
    let stopped = [TurnState::Done, TurnState::Stopped, TurnState::Stopped];
    assert_eq!(states(home.path(), &thread).await, stopped);
    let conversation = Conversation::open_without_recovery(home.path()).expect("it can be looked at");
    let id = ThreadId::parse(&format!("web:{thread}")).expect("a thread");
    assert_eq!(conversation.thread(&id).await.expect("it is there").session, None);
    host.stop();
}

/// The folder of a thread, whose name ends in that of the thread.
fn find(folder: &Path, thread: &str) -> Option<PathBuf> {
    let entries = std::fs::read_dir(folder).ok()?.flatten();
    let mut paths = entries.map(|entry| entry.path());
    paths.find(|path| path.to_string_lossy().contains(thread))
}

#[tokio::test]
async fn a_host_with_an_agent_that_hears_nothing_stops_in_the_time_it_promises() {
    let home = tempfile::tempdir().expect("a folder can be made");
    let host = Host::configured(home.path(), &shell_agent(home.path(), DEAF), &[]);
    let person = Person::enter(host.link()).await;
    let thread = person.open("go").await;
    let mut ear = person.listen(&thread).await;
    ear.until(|heard| heard.data.to_string().contains("begun")).await;
    let began = Instant::now();
    let code = tokio::task::spawn_blocking(|| host.stop())
        .await
        .expect("it ends");
    let took = began.elapsed();
    assert_eq!(code, Some(0));
    assert!(took < SERVICE_MANAGER_WAITS, "{took:?}");
    assert_eq!(states(home.path(), &thread).await, [TurnState::Cut]);
    let items = items(home.path(), &thread).await;
    assert!(
        notes(&items).iter().any(|note| note.contains("host stopped")),
        "{items:?}"
    );
    let left = std::fs::read_dir(home.path().join("workers"))
        .expect("it is there")
        .count();
    assert_eq!(left, 0, "a worker is still on record");
}

/// The id and turn of an entry that was shown.
fn shown(heard: &Heard) -> Option<(i64, i64)> {
    let data = &heard.data;
    (heard.name == "item").then(|| Some((data["id"].as_i64()?, data["turn"].as_i64()?)))?
}

#[tokio::test]
async fn no_entry_gets_the_id_of_one_that_was_shown_before_a_kill() {
    let scene = Scene::signed_in().await;
    scene.control().set(SettingsChange {
        words_per_second: Some(50),
        ..SettingsChange::default()
    });
    let mut lost = None;
    // The kill has to come between showing and writing, which is a second later at most.
    for _ in 0..10 {
        let host = Host::up(&scene, 0, "");
        let person = Person::enter(host.link()).await;
        let thread = person.open("say: first").await;
        until("the first is answered", async || {
            states(scene.folder(), &thread).await == [TurnState::Done]
        })
        .await;
        let mut ear = person.listen(&thread).await;
        let posted = person.say(&thread, "long", "stream 200 words").await;
        let turn = posted["turn"].as_i64().expect("it has a turn");
        // The message itself is the first entry of its turn, and was written before it was shown.
        let mut of_turn = BTreeSet::new();
        let newest = ear
            .until(|heard| {
                shown(heard).is_some_and(|(id, of)| of == turn && of_turn.insert(id) && of_turn.len() > 1)
            })
            .await;
        let (id, _) = shown(&newest).expect("it was looked for");
        host.kill();
        if items(scene.folder(), &thread)
            .await
            .iter()
            .all(|item| item.id.0 != id)
        {
            lost = Some((thread, id, turn));
            break;
        }
    }
    let (thread, id, turn) = lost.expect("one kill of ten came before the write");
    let host = Host::up(&scene, 0, "");
    let person = Person::enter(host.link()).await;
    let mut ear = person.listen(&thread).await;
    let snapshot = ear.until(|heard| heard.name == "snapshot").await;
    let mut others = BTreeSet::new();
    for item in snapshot.data["items"].as_array().expect("a list") {
        others.insert(item["id"].as_i64().expect("a number"));
    }
    person.say(&thread, "next", "say: next").await;
    until("the next is answered", async || {
        states(scene.folder(), &thread).await.last() == Some(&TurnState::Done)
    })
    .await;
    others.extend(items(scene.folder(), &thread).await.iter().map(|item| item.id.0));
    assert!(
        !others.contains(&id),
        "{id} was shown in turn {turn}, and means something else now"
    );
    host.stop();
}

/// An agent that says a word each 20 ms, until a file says that it is enough.
pub(crate) const TALKER: &str = "
on_prompt() {
  case $line in *short*) say brief; answer '{\"stopReason\":\"end_turn\"}'; return ;; esac
  n=0
  while [ ! -e enough ]; do n=$((n + 1)); say \"w$n \"; sleep 0.02; done
  say \"end\"; answer '{\"stopReason\":\"end_turn\"}'
}
";

#[tokio::test]
async fn a_full_disk_is_told_refuses_what_is_new_and_loses_nothing() {
    let Some(disk) = Disk::of_kib(8192) else { return };
    let home = disk.path().join("state");
    std::fs::create_dir(&home).expect("there is room");
    // The agents' own folders are elsewhere: this is about what the host has to write.
    let workspaces = tempfile::tempdir().expect("a folder can be made");
    let config = format!(
        "{}[threads]\nworkspaces = \"{}\"\n",
        shell_agent(&home, TALKER),
        workspaces.path().display()
    );
    let host = Host::configured(&home, &config, &[]);
    let person = Person::enter(host.link()).await;
    let (one, other) = (person.open("talk").await, person.open("talk too").await);
    let (mut ear, mut others) = (person.listen(&one).await, person.listen(&other).await);
    let talks = |heard: &Heard| heard.data.to_string().contains("w9 ");
    ear.until(talks).await;
    others.until(talks).await;

    let filler = disk.fill();
    let told = ear.until(|heard| heard.name == "phase" && heard.data.to_string().contains("disk is full"));
    // The agent goes on to talk, so that the ear would not tire of itself.
    let told = tokio::time::timeout(CERTAIN, told).await;
    told.expect("the thread is told that the disk is full");
    // Both go on to be heard while nothing can be kept.
    for ear in [&mut ear, &mut others] {
        ear.until(|heard| heard.name == "patch" || heard.name == "item")
            .await;
    }
    let message = json!({ "id": "late", "text": "short", "files": [] });
    let (code, words) = person.post(&format!("/api/t/{one}/messages"), &message).await;
    assert!(!code.is_success(), "{code}: {words}");
    assert!(words.to_string().contains("disk is full"), "{words}");
    let needs: Value = {
        let (_, words) = ran(support::agent_host(&home), &["status", "--json"]);
        serde_json::from_str(words.trim()).unwrap_or_else(|_| panic!("no JSON: {words}"))
    };
    assert!(needs.to_string().contains("disk is full"), "{needs}");

    std::fs::remove_file(filler).expect("it is there");
    for thread in [&one, &other] {
        let workspace = find(workspaces.path(), thread).expect("it has a workspace");
        std::fs::write(workspace.join("enough"), "").expect("there is room");
    }
    for thread in [&one, &other] {
        until("it ends", async || {
            states(&home, thread).await == [TurnState::Done]
        })
        .await;
        let said = answers(&items(&home, thread).await);
        let words: Vec<&str> = said.split_whitespace().collect();
        let count = words.len() - 1;
        let expected: Vec<String> = (1..=count).map(|number| format!("w{number}")).collect();
        assert_eq!(words[..count], expected, "every word, once");
        assert_eq!(words[count], "end");
    }
    // What was refused was not kept, and the same is taken now.
    let (code, words) = person.post(&format!("/api/t/{one}/messages"), &message).await;
    assert!(code.is_success(), "{code}: {words}");
    until("it is answered", async || {
        states(&home, &one).await == [TurnState::Done, TurnState::Done]
    })
    .await;
    assert_eq!(host.stop(), Some(0));
}

#[tokio::test]
async fn a_workspace_that_is_gone_is_told_with_what_to_do_and_the_thread_goes_on() {
    let scene = Scene::signed_in().await;
    let host = Host::up(&scene, 0, "permissions = \"allow\"\n");
    let home = scene.folder();
    let person = Person::enter(host.link()).await;
    let thread = person.open("write: notes.txt hello").await;
    let answered = async |count: usize| {
        until("it is answered", async || {
            let states = states(home, &thread).await;
            states.len() == count && states.iter().all(|state| *state == TurnState::Done)
        })
        .await;
    };
    answered(1).await;
    let workspace = find(&home.join("workspaces"), &thread).expect("it has a workspace");
    assert!(workspace.join("notes.txt").is_file());

    // Deleted while the worker is idle in it.
    std::fs::remove_dir_all(&workspace).expect("it is there");
    person.say(&thread, "idle", "write: again.txt hello").await;
    answered(2).await;
    assert!(
        workspace.join("again.txt").is_file(),
        "the agent works in the new one"
    );
    let told = items(home, &thread).await;
    assert!(
        notes(&told).iter().any(|note| note.contains("was gone")),
        "{told:?}"
    );

    // Deleted under a running turn.
    person
        .say(&thread, "running", "run: touch began; sleep 2; echo done")
        .await;
    until("it runs", async || workspace.join("began").exists()).await;
    std::fs::remove_dir_all(&workspace).expect("it is there");
    answered(3).await;
    let told = items(home, &thread).await;
    assert!(
        notes(&told).iter().any(|note| note.contains("no longer there")),
        "{told:?}"
    );

    // A file stands in its place.
    std::fs::write(&workspace, "a file").expect("it can be written");
    person.say(&thread, "file", "say: now").await;
    until("it is told", async || {
        notes(&items(home, &thread).await)
            .iter()
            .any(|note| note.contains("move away what is in its place"))
    })
    .await;
    std::fs::remove_file(&workspace).expect("it is there");
    person.say(&thread, "back", "say: and again").await;
    answered(5).await;
    assert_eq!(host.stop(), Some(0));
}
