//! A host behind a bot that is stopped in mid-turn, started twice, or has no room left on its disk.

use std::fs;
use std::sync::LazyLock;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use rehearsal::Counter;
use serde_json::json;
use support::discord::{Fault, Id, Message};
use support::{Host, Scene, agent_host};
use tempfile::TempDir;

use super::joining::shard;
use super::{Stage, with};
use crate::disk::full::Disk;
use crate::threads::until;
use crate::trouble::TALKER;

#[tokio::test]
async fn a_host_that_is_asked_to_end_lets_a_turn_end_in_its_time_and_says_its_last_words() {
    let mut stage = Stage::start("", "permissions = \"allow\"\n[limits]\ndrain = \"1m\"").await;
    let wait = "run: until [ -e go ]; do sleep 0.05; done\nsay: in time";
    let (message, thread) = stage.mention(&stage.alice, wait).await;
    stage.said(thread, "the command", with("▶️")).await;
    let queued = stage.alice.says(thread, "say: later");
    stage
        .said(thread, "that it waits", with("Queued behind the running turn"))
        .await;
    let go = stage.workspace(thread).join("go");
    let pid = stage.host.as_ref().expect("it runs").pid();
    kill(pid, Signal::SIGTERM).expect("it runs");
    stage.logged("stopping").await;
    fs::write(go, "").expect("it can be written");
    let host = stage.host.take().expect("it runs");
    let end = tokio::task::spawn_blocking(move || host.wait()).await;
    assert_eq!(end.expect("it ends"), Some(0));
    let said = stage.fake.said(thread).join("\n");
    assert!(!said.contains("later"), "nothing new was begun: {said}");
    // Its sign may have had no time any more: that is the next host's, and says that nothing was cut.
    stage.up().await;
    stage.is_whole(message, thread, "in time").await;
    stage.is_whole(queued, thread, "later").await;
}

#[tokio::test]
async fn a_turn_that_a_stop_cuts_is_told_and_what_was_said_meanwhile_is_answered_by_the_next_host() {
    let mut stage = Stage::start("", "[limits]\ndrain = \"1s\"").await;
    let (message, thread) = stage.mention(&stage.alice, "hold\nsay: at last").await;
    stage.scene.wait(Counter::ModelRequests, 1).await;
    let queued = stage.alice.says(thread, "say: queued");
    stage
        .said(thread, "that it waits", with("Queued behind the running turn"))
        .await;
    assert_eq!(stage.leaves().await, Some(0));
    let meanwhile = stage.alice.says(thread, "say: meanwhile");
    stage.up().await;
    let offers = |said: &Message| said.button("Retry").is_some();
    let note = stage.said(thread, "what happened", offers).await;
    assert!(note.content.contains("The host stopped"), "{}", note.content);
    stage.sign(message, "❌").await;
    stage.is_whole(queued, thread, "queued").await;
    stage.is_whole(meanwhile, thread, "meanwhile").await;
    stage.alice.presses_labelled(note.id, "Retry");
    stage
        .going(stage.said(thread, "the answer", |said| said.content.starts_with("at last")))
        .await;
    assert_eq!(stage.answers(thread).await, "queued\nmeanwhile\nat last");
}

#[tokio::test]
async fn a_second_host_on_one_state_folder_is_refused_and_the_first_goes_on() {
    let stage = Stage::start("", "").await;
    let mut second = agent_host(stage.scene.folder());
    second
        .args(["up", "--listen", "127.0.0.1:0"])
        .env(stage.token.0, &stage.token.1);
    let ran = tokio::task::spawn_blocking(move || second.output()).await;
    let ran = ran.expect("nothing breaks").expect("it runs");
    let words = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert_eq!(ran.status.code(), Some(4), "{words}");
    let pid = stage.host.as_ref().expect("it runs").pid();
    assert!(
        words.contains(&format!("process {pid} is already the host")),
        "{words}"
    );
    assert_eq!(stage.fake.look(|world| world.gateway().identified), 1);
    let (message, thread) = stage.mention(&stage.alice, "say: undisturbed").await;
    stage.is_whole(message, thread, "undisturbed").await;
}

#[tokio::test]
async fn two_hosts_with_one_token_answer_a_mention_once_and_both_are_told_where_they_answer_twice() {
    let stage = Stage::start("dms = true", "").await;
    let (message, thread) = stage.mention(&stage.alice, "say: alone").await;
    stage.is_whole(message, thread, "alone").await;
    let told = stage.prints(&["status"]).await;
    assert!(!told.contains("another program"), "{told}");
    let elsewhere = Scene::signed_in().await;
    let settings = format!(
        "api_base = \"{}\"\ngateway_url = \"{}\"\ndms = true\n",
        stage.fake.api_base(),
        stage.fake.gateway_url()
    );
    let token = (stage.token.0, stage.token.1.as_str());
    let second = Host::with_discord(&elsewhere, "", &settings, &[token]);
    stage
        .fake
        .until("both", |world| (world.gateway().identified == 2).then_some(()))
        .await;
    let mut threads = vec![];
    for number in 0..4 {
        let words = format!("once {number}.");
        let (message, thread) = stage.mention(&stage.alice, &format!("say: {words}")).await;
        stage.sign(message, "✅").await;
        threads.push((thread, words));
    }
    // The one that did not open a thread leaves it alone, also when it is asked there.
    let (thread, _) = &threads[0];
    let asks = format!("{} say: there, too.", stage.fake.bot().mention());
    let message = stage.alice.says(*thread, &asks);
    stage.sign(message, "✅").await;
    threads.push((*thread, "there, too.".to_owned()));

    // In a direct conversation neither can know, before the other has spoken.
    let direct = stage.alice.direct();
    stage.alice.says(direct, "say: twice");
    let words = "another program uses this bot's token";
    stage.logged(words).await;
    super::trouble::said_in_log(&second, words).await;
    let told = stage.prints(&["status"]).await;
    assert!(told.contains("another program uses its token"), "{told}");
    let told = stage.prints(&["doctor"]).await;
    assert!(told.contains("some people are answered twice"), "{told}");
    for (thread, words) in threads {
        let said = stage.fake.said(thread);
        let count = said.iter().filter(|said| said.contains(&words)).count();
        assert_eq!(count, 1, "{words}: {said:?}");
    }
}

#[tokio::test]
async fn two_hosts_that_share_a_bots_shards_each_serve_their_own_and_one_of_them_direct_messages() {
    let mut stage = Stage::ready("", "").await;
    let shards =
        |number: u32| format!("dms = true\nshards = {{ first = {number}, last = {number}, total = 2 }}\n");
    let near = shard(stage.guild.id);
    stage.settings = shards(u32::try_from(near).expect("one of two"));
    stage.up().await;
    let other = stage.guild_of_other_shard();
    other.admit(&stage.alice);
    let square = other.channel("square");
    let elsewhere = Scene::signed_in().await;
    let settings = format!(
        "api_base = \"{}\"\ngateway_url = \"{}\"\n{}",
        stage.fake.api_base(),
        stage.fake.gateway_url(),
        shards(u32::try_from(1 - near).expect("one of two")),
    );
    let token = (stage.token.0, stage.token.1.as_str());
    let second = Host::with_discord(&elsewhere, "", &settings, &[token]);
    stage
        .fake
        .until("both", |world| (world.gateway().identified == 2).then_some(()))
        .await;
    let direct = stage.alice.direct();
    let asks = |words: &str| format!("{} say: {words}", stage.fake.bot().mention());
    let messages = [
        stage.alice.says(stage.channel, &asks("of this one")),
        stage.alice.says(square, &asks("of that one")),
        stage.alice.says(direct, "say: of the first one"),
    ];
    for message in messages {
        stage.sign(message, "✅").await;
    }
    // Who answered is in whose folder the thread is.
    let knows = |folder: &std::path::Path, channel: Id| {
        let mut command = agent_host(folder);
        let output = command
            .args(["threads", "list", "--json"])
            .output()
            .expect("it starts");
        String::from_utf8_lossy(&output.stdout).contains(&format!("discord:{channel}"))
    };
    let (mine, theirs) = (stage.scene.folder(), elsewhere.folder());
    for (channel, is_mine) in [(messages[0], true), (messages[1], false), (direct, near == 0)] {
        assert_eq!(
            (knows(mine, channel), knows(theirs, channel)),
            (is_mine, !is_mine),
            "{channel}"
        );
        let said = stage.fake.said(channel);
        let count = said.iter().filter(|said| said.contains(" one")).count();
        assert!(count == 1 || channel == direct && count == 2, "{said:?}");
    }
    // Commands are the application's; each is answered where it was typed.
    for channel in [stage.channel, square] {
        let typed = stage.alice.slash(channel, "help", &[]);
        stage.told(&stage.alice, channel, typed, "/new").await;
    }
    let told = stage.prints(&["status"]).await;
    assert!(
        told.contains("Discord: connected") && !told.contains("another program"),
        "{told}"
    );
    assert_eq!(second.stop(), Some(0));
}

#[tokio::test]
async fn a_full_disk_is_told_and_what_was_said_meanwhile_is_answered_once_there_is_room() {
    let Some(disk) = Disk::of_kib(8192) else { return };
    let home = TempDir::new_in(disk.path()).expect("there is room");
    let mut stage = Stage::ready_in(Scene::start_in(home).await, "", "").await;
    // The agents' own folders are elsewhere: this is about what the host has to write.
    let workspaces = tempfile::tempdir().expect("a folder can be made");
    stage.serve_by_script(TALKER);
    let elsewhere = format!("\n[threads]\nworkspaces = \"{}\"\n", workspaces.path().display());
    stage.agent.push_str(&elsewhere);
    stage.up().await;
    let (message, thread) = stage.mention(&stage.alice, "talk").await;
    stage.said(thread, "the beginning", with("w9 ")).await;

    let filler = disk.fill();
    let status = until(async || {
        let status = stage.prints(&["status", "--json"]).await;
        status.contains("disk is full").then_some(status)
    });
    status.await;
    let typed = stage.alice.slash(thread, "status", &[]);
    stage.told(&stage.alice, thread, typed, "disk is full").await;
    let late = stage.alice.says(thread, "short");
    stage.logged("could not be dealt with").await;

    fs::remove_file(filler).expect("it is there");
    let workspace = workspaces.path().join(format!("discord.{thread}"));
    fs::write(workspace.join("enough"), "").expect("there is room");
    stage.sign(message, "✅").await;
    stage.is_whole(late, thread, "brief").await;
    let said = stage.answers(thread).await;
    let words: Vec<&str> = said.split_whitespace().collect();
    let count = words.len() - 2;
    let expected: Vec<String> = (1..=count).map(|number| format!("w{number}")).collect();
    assert_eq!(words[..count], expected, "every word, once");
    assert_eq!(words[count..], ["end", "brief"]);
    assert_eq!(stage.leaves().await, Some(0));
}

/// Another program's client is made before it has to be quick. Tests that run in one process share no connection.
static ANOTHER: LazyLock<reqwest::Client> = LazyLock::new(|| {
    let client = reqwest::Client::builder().pool_max_idle_per_host(0);
    client.build().expect("a client is made")
});

/// Another program that uses the bot's token, as far as Discord sees it.
impl Stage {
    async fn another_asks(&self, method: reqwest::Method, path: &str, body: Option<serde_json::Value>) {
        let address = format!("{}/api/v10{path}", self.fake.api_base());
        let mut asks = ANOTHER
            .request(method, address)
            .header("Authorization", format!("Bot {}", self.fake.token()));
        if let Some(body) = body {
            asks = asks.json(&body);
        }
        let answer = asks.send().await.expect("the fake answers");
        assert!(answer.status().is_success(), "{answer:?}");
    }

    async fn another_says(&self, thread: Id, words: &str) {
        let body = json!({ "content": words, "nonce": format!("other {words}"), "enforce_nonce": true });
        let path = format!("/channels/{thread}/messages");
        self.another_asks(reqwest::Method::POST, &path, Some(body)).await;
    }

    /// A thread of alice's in which the other program speaks, and a host that looks soon again.
    async fn with_another() -> (Self, Id) {
        let mut stage = Self::ready("", "").await;
        stage.hurry();
        stage.up().await;
        let thread = stage.alice.starts_thread(stage.channel, "theirs", None);
        stage.another_says(thread, "I am here").await;
        stage.logged("another program uses this bot's token").await;
        (stage, thread)
    }
}

#[tokio::test]
async fn what_was_left_to_another_program_that_has_gone_is_answered_with_what_came_after_it() {
    let (stage, thread) = Stage::with_another().await;
    let words = format!("{} say: one", stage.fake.bot().mention());
    let first = stage.alice.says(thread, &words);
    let second = stage.alice.says(thread, "say: two");
    stage.sign(first, "✅").await;
    stage.sign(second, "✅").await;
    assert_eq!(stage.answers(thread).await, "one\ntwo");
}

#[tokio::test]
async fn what_another_program_has_taken_is_left_to_it_for_good_whatever_shows_it() {
    let (stage, thread) = Stage::with_another().await;
    let name = stage.fake.bot().mention();
    for by_sign in [true, false] {
        let asked = stage.alice.says(thread, &format!("{name} say: {by_sign}"));
        if by_sign {
            let sign = format!("/channels/{thread}/messages/{asked}/reactions/%F0%9F%91%80/@me");
            stage.another_asks(reqwest::Method::PUT, &sign, None).await;
        } else {
            stage.another_says(thread, "an answer").await;
        }
        stage.is_done_with(asked).await;
    }
    let said = stage.fake.said(thread);
    assert_eq!(said, ["I am here", "an answer"]);
}

#[tokio::test]
async fn a_thread_that_another_program_opened_and_left_is_served() {
    let mut stage = Stage::ready("", "").await;
    stage.hurry();
    stage.up().await;
    let opening = Fault::held().on("POST", "/channels/*/messages/*/threads");
    stage.fake.inject(opening);
    let first = stage.mentioned_by(&stage.alice, "say: one");
    stage.is_held().await;
    let path = format!("/channels/{}/messages/{first}/threads", stage.channel);
    let body = json!({ "name": "theirs" });
    stage.another_asks(reqwest::Method::POST, &path, Some(body)).await;
    let second = stage.alice.says(first, "say: two");
    stage.fake.let_go().await;
    stage.sign(first, "✅").await;
    stage.sign(second, "✅").await;
    assert_eq!(stage.answers(first).await, "one\ntwo");
}

#[tokio::test]
async fn a_mention_in_a_thread_that_another_program_opened_before_is_left_to_it_as_long_as_it_is_there() {
    let mut stage = Stage::ready("", "").await;
    // So that it has some seconds.
    stage.environment.push(("AGENT_HOST_HASTE", "5".to_owned()));
    let thread = stage.alice.says(stage.channel, "hello");
    let path = format!("/channels/{}/messages/{thread}/threads", stage.channel);
    let body = json!({ "name": "theirs" });
    stage.another_asks(reqwest::Method::POST, &path, Some(body)).await;
    stage.up().await;
    let name = stage.fake.bot().mention();
    let theirs = stage.alice.says(thread, &format!("{name} say: theirs"));
    let sign = format!("/channels/{thread}/messages/{theirs}/reactions/%F0%9F%91%80/@me");
    stage.another_asks(reqwest::Method::PUT, &sign, None).await;
    stage.is_done_with(theirs).await;
    assert_eq!(stage.fake.said(thread), [""; 0]);
    // By now it has gone.
    let ours = stage.alice.says(thread, &format!("{name} say: ours"));
    stage.sign(ours, "✅").await;
    assert_eq!(stage.answers(thread).await, "ours");
}

#[tokio::test]
async fn what_waited_behind_others_for_too_long_is_left_to_another_program_that_has_taken_it_by_then() {
    let (stage, thread) = Stage::with_another().await;
    let bob = stage.guild.member("bob");
    let name = stage.fake.bot().mention();
    // After that it asks again who owns the application.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let owners = Fault::held().on("GET", "/oauth2/applications/@me");
    stage.fake.inject(owners);
    bob.says(thread, &format!("{name} say: no"));
    stage.struck().await;
    let theirs = stage.alice.says(thread, &format!("{name} say: theirs"));
    let sign = format!("/channels/{thread}/messages/{theirs}/reactions/%F0%9F%91%80/@me");
    stage.another_asks(reqwest::Method::PUT, &sign, None).await;
    // Longer than the other one has.
    tokio::time::sleep(Duration::from_secs(1)).await;
    stage.fake.let_go().await;
    stage.is_done_with(theirs).await;
    let said = stage.fake.said(thread);
    assert!(!said.iter().any(|said| said.contains("theirs")), "{said:?}");
}
