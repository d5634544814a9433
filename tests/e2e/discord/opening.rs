//! What is said in a thread before it is one of the bot's: while it is opened or joined, and that takes its time.

use std::time::Duration;

use rehearsal::Counter;
use serde_json::json;
use support::discord::{Fault, Id, Seen};

use super::Stage;
use crate::threads::until;

/// Where a thread is opened from a message.
const OPENING: (&str, &str) = ("POST", "/channels/*/messages/*/threads");

/// Who owns the application, which decides who may speak.
const OWNERS: (&str, &str) = ("GET", "/oauth2/applications/@me");

impl Stage {
    /// A host for which what takes minutes takes seconds, and that does not know by heart any more who may speak.
    async fn hurried() -> Self {
        let mut stage = Self::ready("", "").await;
        stage.hurry();
        stage.up().await;
        stage
    }

    /// From the next start on.
    pub(super) fn hurry(&mut self) {
        self.environment.push(("AGENT_HOST_HASTE", "50".to_owned()));
    }

    /// So often something was asked for that could not be answered.
    async fn failed(&self, times: usize) {
        let enough = |seen: &[Seen]| {
            let failed = seen.iter().filter(|one| one.status == 502).count();
            (failed >= times).then_some(())
        };
        self.fake.until_requested("what fails", enough).await;
    }

    /// Both are answered, in order.
    async fn answers_both(&self, (first, second): (Id, Id), thread: Id) {
        self.sign(first, "✅").await;
        self.sign(second, "✅").await;
        assert_eq!(self.answers(thread).await, "one\ntwo");
    }
}

#[tokio::test]
async fn what_is_said_in_a_thread_whose_opening_was_not_answered_comes_after_what_opened_it() {
    let stage = Stage::start("", "").await;
    let lost = Fault::answer_lost().on(OPENING.0, OPENING.1);
    stage.fake.inject(lost.times(2));
    let (first, thread) = stage.mention(&stage.alice, "say: one").await;
    let second = stage.alice.says(thread, "say: two");
    stage.answers_both((first, second), thread).await;
}

#[tokio::test]
async fn what_is_said_while_the_bot_joins_a_thread_comes_after_what_called_it() {
    let stage = Stage::start("", "").await;
    let slow = Fault::slow(Duration::from_millis(700));
    stage
        .fake
        .inject(slow.on("PUT", "/channels/*/thread-members/@me"));
    let thread = stage.alice.starts_thread(stage.channel, "ours", None);
    let words = format!("{} say: one", stage.fake.bot().mention());
    let first = stage.alice.says(thread, &words);
    let second = stage.alice.says(thread, "say: two");
    stage.answers_both((first, second), thread).await;
}

#[tokio::test]
async fn what_was_said_in_a_thread_that_a_killed_host_had_just_opened_is_answered_by_the_next() {
    let mut stage = Stage::start("", "").await;
    stage
        .fake
        .inject(Fault::answer_lost().on(OPENING.0, OPENING.1).times(2));
    let (first, thread) = stage.mention(&stage.alice, "say: one").await;
    stage.kill();
    let second = stage.alice.says(thread, "say: two");
    stage.up().await;
    stage.answers_both((first, second), thread).await;
}

#[tokio::test]
async fn what_is_said_in_a_thread_of_new_comes_after_what_it_was_asked_for_also_after_a_kill() {
    for is_killed in [false, true] {
        let mut stage = Stage::start("", "").await;
        let lost = Fault::answer_lost().on("POST", "/channels/*/threads");
        stage.fake.inject(lost.times(2));
        let text = [("text", json!("say: one"))];
        stage.alice.slash(stage.channel, "new", &text);
        let channel = stage.channel;
        let opened = stage.fake.until("a thread", |world| {
            world.threads(channel).first().map(|thread| thread.id)
        });
        let thread = opened.await;
        if is_killed {
            stage.kill();
        }
        let second = stage.alice.says(thread, "say: two");
        if is_killed {
            stage.up().await;
        }
        stage.sign(second, "✅").await;
        assert_eq!(stage.answers(thread).await, "one\ntwo", "killed: {is_killed}");
    }
}

/// As a token that was reset, and a program in between that has words of its own.
#[tokio::test]
async fn a_token_that_is_not_known_for_a_moment_costs_no_message() {
    let stage = Stage::start("", "").await;
    stage.fake.inject(Fault::status(401).on(OPENING.0, OPENING.1));
    stage
        .fake
        .inject(Fault::status(401).on("POST", "/channels/*/messages").times(2));
    let (first, thread) = stage.mention(&stage.alice, "say: one").await;
    stage.sign(first, "✅").await;
    let said = stage.fake.said(thread);
    assert_eq!(
        said.iter().filter(|said| said.contains("one")).count(),
        1,
        "{said:?}"
    );
    assert!(
        stage
            .fake
            .said(stage.channel)
            .iter()
            .all(|said| !said.contains("refuses"))
    );
}

#[tokio::test]
async fn nothing_is_said_about_a_message_that_was_deleted_before_its_thread_was_opened() {
    let stage = Stage::start("", "").await;
    stage
        .fake
        .inject(Fault::slow(Duration::from_millis(500)).on(OPENING.0, OPENING.1));
    let deleted = stage.mentioned_by(&stage.alice, "say: never mind");
    stage.alice.deletes(deleted);
    let (first, thread) = stage.mention(&stage.alice, "say: one").await;
    stage.sign(first, "✅").await;
    assert_eq!(stage.answers(thread).await, "one");
    let said = stage.fake.said(stage.channel);
    assert!(
        said.iter().all(|said| !said.contains("Unknown Message")),
        "{said:?}"
    );
}

#[tokio::test]
async fn what_was_typed_by_somebody_who_lost_access_before_it_could_be_done_opens_nothing() {
    let mut stage = Stage::ready("", "").await;
    let bob = stage.guild.member("bob");
    stage.settings = format!("users = [{}]", bob.id);
    stage.up().await;
    let opening = ("POST", format!("/channels/{}/threads", stage.channel));
    stage
        .fake
        .inject(Fault::status(502).on("POST", "/channels/*/threads"));
    let typed = bob.slash(stage.channel, "new", &[("text", json!("say: too late"))]);
    let is_asked = |seen: &[Seen]| {
        seen.iter()
            .any(|one| one.method == opening.0 && one.path.ends_with(&opening.1))
    };
    stage
        .fake
        .until_requested("a thread", |seen| is_asked(seen).then_some(()))
        .await;
    stage.kill();
    stage.settings = "users = []".to_owned();
    stage.up().await;
    stage
        .told(
            &bob,
            stage.channel,
            typed,
            "don't open a thread for this: who wrote it may not talk to me here.",
        )
        .await;
    assert_eq!(stage.fake.look(|world| world.threads(stage.channel).len()), 0);
}

#[tokio::test]
async fn a_stranger_whose_new_thread_a_kill_cut_is_not_told_that_they_may_no_more() {
    let mut stage = Stage::ready("", "").await;
    stage.hurry();
    stage.up().await;
    let (first, _) = stage.mention(&stage.alice, "say: hi").await;
    stage.sign(first, "✅").await;
    // The time for which things are known by heart.
    tokio::time::sleep(Duration::from_millis(200)).await;
    // Nobody says in time whether they may.
    stage.fake.inject(Fault::held().on(OWNERS.0, OWNERS.1));
    let mallory = stage.guild.member("mallory");
    let typed = mallory.slash(stage.channel, "new", &[("text", json!("say: no"))]);
    let kept = stage.scene.folder().join("discord/new");
    // Under its own name, which has no end: whole.
    let is_whole =
        |file: std::io::Result<std::fs::DirEntry>| file.is_ok_and(|file| file.path().extension().is_none());
    until(async || std::fs::read_dir(&kept).ok()?.any(is_whole).then_some(())).await;
    stage.kill();
    stage.fake.let_go().await;
    stage.up().await;
    let words = "I don't open a thread for this: who wrote it may not talk to me here.";
    stage.told(&mallory, stage.channel, typed, words).await;
    assert_eq!(stage.fake.look(|world| world.threads(stage.channel).len()), 1);
}

#[tokio::test]
async fn what_is_said_in_a_thread_is_kept_for_as_long_as_it_is_not_known_whether_the_bot_was_called() {
    let stage = Stage::hurried().await;
    let thread = stage.alice.starts_thread(stage.channel, "ours", None);
    // The time for which things are known by heart.
    tokio::time::sleep(Duration::from_millis(200)).await;
    stage
        .fake
        .inject(Fault::status(502).on(OWNERS.0, OWNERS.1).times(10));
    let words = format!("{} say: one", stage.fake.bot().mention());
    let first = stage.alice.says(thread, &words);
    // Those behind it do not wait any more.
    stage.failed(8).await;
    let second = stage.alice.says(thread, "say: two");
    stage.failed(10).await;
    stage.answers_both((first, second), thread).await;
}

#[tokio::test]
async fn what_was_said_in_a_thread_of_a_killed_host_is_kept_until_it_is_known_whether_the_bot_was_called() {
    let mut stage = Stage::ready("", "").await;
    stage.hurry();
    stage.up().await;
    stage
        .fake
        .inject(Fault::answer_lost().on(OPENING.0, OPENING.1).times(100));
    let (first, thread) = stage.mention(&stage.alice, "say: one").await;
    stage.kill();
    let second = stage.alice.says(thread, "say: two");
    stage.fake.forget_faults();
    stage.up_to_the_door().await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    stage
        .fake
        .inject(Fault::status(502).on(OWNERS.0, OWNERS.1).times(10));
    stage.fake.gateway().release_ready();
    stage.answers_both((first, second), thread).await;
    assert_eq!(stage.fake.faults_left(), 0);
}

#[tokio::test]
async fn what_is_said_in_a_thread_that_could_not_be_read_yet_waits_until_it_was() {
    let mut stage = Stage::ready("", "").await;
    stage.hurry();
    stage.up().await;
    let (heard, _) = stage.mention(&stage.alice, "say: hello").await;
    stage.sign(heard, "✅").await;
    let thread = stage.alice.starts_thread(stage.channel, "ours", None);
    stage.kill();
    let talker = stage.guild.member("talker");
    // As many as Discord gives at once, with the call.
    for number in 0..99 {
        talker.says(thread, &format!("chat {number}"));
    }
    let words = format!("{} say: one", stage.fake.bot().mention());
    let first = stage.alice.says(thread, &words);
    let reading = format!("/channels/{thread}/messages");
    stage
        .fake
        .inject(Fault::status(502).on("GET", &reading).times(10));
    stage.up().await;
    stage.failed(8).await;
    let second = stage.alice.says(thread, "say: two");
    stage.failed(10).await;
    stage.answers_both((first, second), thread).await;
}

#[tokio::test]
async fn what_is_said_in_a_thread_that_somebody_made_from_a_mention_which_waits_comes_after_it() {
    let stage = Stage::start("", "").await;
    let slow = Fault::slow(Duration::from_millis(700));
    stage.fake.inject(slow.on(OPENING.0, OPENING.1));
    stage.mentioned_by(&stage.alice, "say: busy");
    let first = stage.mentioned_by(&stage.alice, "say: one");
    let thread = stage.alice.starts_thread(stage.channel, "mine", Some(first));
    let second = stage.alice.says(thread, "say: two");
    stage.answers_both((first, second), thread).await;
}

#[tokio::test]
async fn new_without_words_opens_nothing_and_asks_for_them() {
    let stage = Stage::start("", "").await;
    let typed = stage
        .alice
        .slash(stage.channel, "new", &[("text", json!(" \u{200b} "))]);
    stage
        .told(&stage.alice, stage.channel, typed, "Write what you want")
        .await;
    let channel = stage.channel;
    assert!(stage.fake.look(|world| world.threads(channel).is_empty()));
    assert_eq!(stage.scene.count(Counter::ModelRequests), 0);
}

#[tokio::test]
async fn a_command_in_a_thread_or_post_of_somebody_elses_is_told_how_the_bot_gets_there() {
    let stage = Stage::start("", "").await;
    let thread = stage.alice.starts_thread(stage.channel, "ours", None);
    let forum = stage.guild.forum("help");
    let post = stage.alice.posts_in_forum(forum, "a question", "to all of you");
    for place in [thread, post] {
        for command in ["status", "stop"] {
            let typed = stage.alice.slash(place, command, &[]);
            stage
                .told(&stage.alice, place, typed, "Mention me here, and I join")
                .await;
        }
    }
    let typed = stage.alice.slash(stage.channel, "status", &[]);
    stage
        .told(
            &stage.alice,
            stage.channel,
            typed,
            "Mention me in a channel, or use /new",
        )
        .await;
}
