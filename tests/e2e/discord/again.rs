//! What could not be said at first: said later, once.

use std::time::Duration;

use rehearsal::Counter;
use serde_json::json;
use support::discord::{Fault, Id, permissions};

use super::{Stage, with};

impl Stage {
    /// A turn in a thread that is locked before its answer; the answer can't be said. Its message, and the thread.
    async fn unsaid(&mut self) -> (Id, Id) {
        let (message, thread) = self.runs_until_go(&self.alice, "say: at last").await;
        self.manager().locks(thread, true);
        self.lets_end(thread);
        self.logged("could not be sent").await;
        self.sign(message, "⚠️").await;
        (message, thread)
    }

    /// Waits until the answer is there, and a later one; then both are there once.
    async fn is_said_once(&self, thread: Id) {
        self.said(thread, "the answer", with("at last")).await;
        let next = self.alice.says(thread, "say: and on");
        self.sign(next, "✅").await;
        let said = self.fake.said(thread);
        for words in ["at last", "and on"] {
            let count = said.iter().filter(|said| said.contains(words)).count();
            assert_eq!(count, 1, "{words}: {said:?}");
        }
    }
}

#[tokio::test]
async fn what_could_not_be_said_in_a_locked_thread_is_said_once_when_it_is_opened_again() {
    let mut stage = Stage::start("", "permissions = \"allow\"").await;
    let (_, thread) = stage.unsaid().await;
    stage.manager().locks(thread, false);
    stage.is_said_once(thread).await;
}

#[tokio::test]
async fn a_thread_that_was_opened_again_while_the_host_was_down_is_told_what_was_left_at_the_next_start() {
    let mut stage = Stage::start("", "permissions = \"allow\"").await;
    let (message, thread) = stage.unsaid().await;
    stage.kill();
    stage.manager().locks(thread, false);
    stage.up().await;
    stage.is_said_once(thread).await;
    stage.sign(message, "✅").await;
    stage.no_sign(message, "⚠️").await;
}

#[tokio::test]
async fn what_could_not_be_said_is_said_once_when_the_channel_allows_it_again() {
    let stage = Stage::start("", "permissions = \"allow\"").await;
    let (_, thread) = stage.runs_until_go(&stage.alice, "say: at last").await;
    let deny = permissions::SEND_MESSAGES_IN_THREADS;
    stage.guild.overwrite(stage.channel, stage.fake.bot(), 0, deny);
    stage.lets_end(thread);
    stage.logged("could not be sent").await;
    stage.guild.overwrite(stage.channel, stage.fake.bot(), 0, 0);
    stage.is_said_once(thread).await;
}

#[tokio::test]
async fn what_could_not_be_said_is_said_once_when_somebody_asks_for_it() {
    let stage = Stage::start("", "permissions = \"allow\"").await;
    let (message, thread) = stage.runs_until_go(&stage.alice, "say: at last").await;
    let refused = Fault::status(403).on("POST", "/channels/*/messages");
    stage.fake.inject(refused);
    stage.lets_end(thread);
    stage.logged("could not be sent").await;
    stage.sign(message, "⚠️").await;
    assert!(!stage.has_sign(message, "✅"), "not all of it is said");
    let alice = stage.alice.clone();
    let asked = alice.slash(thread, "queue", &[]);
    stage
        .told(
            &alice,
            thread,
            asked,
            "One message of mine could not be said here: ",
        )
        .await;
    let asked = alice.slash(thread, "queue", &[("retry", json!(true))]);
    stage
        .told(&alice, thread, asked, "One message is tried again")
        .await;
    stage.is_said_once(thread).await;
    stage.sign(message, "✅").await;
    stage.no_sign(message, "⚠️").await;
    let asked = alice.slash(thread, "queue", &[("retry", json!(true))]);
    stage
        .told(&alice, thread, asked, "nothing here that could not be said")
        .await;
}

/// What keeps the bot from changing what it said.
#[derive(Clone, Copy)]
enum Shut {
    Locked,
    Hidden,
}

impl Stage {
    fn shuts(&self, thread: Id, how: Shut, shut: bool) {
        match how {
            Shut::Locked if shut => {
                self.manager().locks(thread, true);
                self.manager().archives(thread, true);
            }
            Shut::Locked => {
                self.manager().archives(thread, false);
                self.manager().locks(thread, false);
            }
            Shut::Hidden => {
                let deny = if shut { permissions::VIEW_CHANNEL } else { 0 };
                let bot = self.fake.bot();
                self.guild.overwrite(self.channel, bot, 0, deny);
            }
        }
    }

    /// A thread that is shut in the middle of an answer, until nothing of it is tried any more. What began it, and the thread.
    async fn half_said(&self, how: Shut) -> (Id, Id) {
        let (first, thread) = self.mention(&self.alice, "say: hi").await;
        self.sign(first, "✅").await;
        let asked = self.alice.says(thread, "say: first half\nhold\nsay: second half");
        self.said(thread, "the beginning", with("first half")).await;
        self.shuts(thread, how, true);
        self.scene.wait(Counter::AnswersHeld, 1).await;
        self.scene.control().release();
        self.logged("is changed when that is allowed again").await;
        assert!(!self.has_sign(asked, "✅"), "half of it stands there");
        (asked, thread)
    }
}

#[tokio::test]
async fn an_answer_that_stopped_half_way_is_said_to_its_end_when_that_is_allowed_again() {
    for how in [Shut::Locked, Shut::Hidden] {
        let stage = Stage::start("", "").await;
        let (asked, thread) = stage.half_said(how).await;
        let told = stage.prints(&["status"]).await;
        assert!(told.contains("it shows less than was said"), "{told}");
        stage.shuts(thread, how, false);
        stage.said(thread, "the end", with("second half")).await;
        stage.sign(asked, "✅").await;
        while !stage
            .prints(&["status"])
            .await
            .contains("nothing needs attention")
        {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

#[tokio::test]
async fn an_answer_that_stopped_half_way_is_said_to_its_end_by_the_next_host() {
    for how in [Shut::Locked, Shut::Hidden] {
        let mut stage = Stage::start("", "").await;
        let (asked, thread) = stage.half_said(how).await;
        stage.kill();
        stage.shuts(thread, how, false);
        stage.up().await;
        stage.said(thread, "the end", with("second half")).await;
        stage.sign(asked, "✅").await;
    }
}

#[tokio::test]
async fn a_change_that_is_refused_once_is_made_all_the_same() {
    let stage = Stage::start("", "").await;
    let (first, thread) = stage.mention(&stage.alice, "say: hi").await;
    stage.sign(first, "✅").await;
    let asked = stage
        .alice
        .says(thread, "say: first half\nhold\nsay: second half");
    stage.said(thread, "the beginning", with("first half")).await;
    let refused = Fault::status(403).on("PATCH", "/channels/*/messages/*");
    stage.fake.inject(refused);
    stage.scene.wait(Counter::AnswersHeld, 1).await;
    stage.scene.control().release();
    stage.sign(asked, "✅").await;
    let said = stage.fake.said(thread);
    assert!(said.iter().any(|said| said.contains("second half")), "{said:?}");
    assert_eq!(stage.fake.faults_left(), 0);
}

#[tokio::test]
async fn a_refusal_is_told_once_however_often_a_host_reads_the_message() {
    let mut stage = Stage::start("", "").await;
    let mallory = stage.guild.member("mallory");
    let (message, _) = stage.mention(&stage.alice, "say: hello").await;
    stage.sign(message, "✅").await;
    stage.kill();
    let asked = mallory.says(stage.channel, &format!("{} hi", stage.fake.bot().mention()));
    let seen = stage.scene.folder().join("discord/seen");
    let before = std::fs::read(&seen).expect("it was written down");
    for _ in 0..3 {
        stage.up().await;
        stage
            .said(stage.channel, "the refusal", |said| said.reply_to == Some(asked))
            .await;
        stage.kill();
        // As if the host had died before it wrote down what it saw, and Discord had forgotten the nonce.
        std::fs::write(&seen, &before).expect("it can be written");
        stage.fake.clock().advance(Duration::from_mins(20));
    }
    stage.up().await;
    let (message, _) = stage.mention(&stage.alice, "say: hi").await;
    stage.sign(message, "✅").await;
    let refusals = stage.fake.messages(stage.channel);
    let refusals = refusals
        .iter()
        .filter(|said| said.reply_to == Some(asked))
        .count();
    assert_eq!(refusals, 1);
}
