//! Messages whose sending nobody learns the end of: each stands there once, when it is found and when it is not.

use std::time::Duration;

use conversation::{Conversation, DeliveryState};
use support::discord::{Fake, Fault, Id};

use super::{Stage, with};

/// Where messages are sent.
const SEND: (&str, &str) = ("POST", "/channels/*/messages");

impl Stage {
    /// With a thread in which the bot has answered before.
    async fn spoken(&self) -> Id {
        let (first, thread) = self.mention(&self.alice, "say: hi").await;
        self.sign(first, "✅").await;
        thread
    }

    /// The next requests to send a message go wrong like this.
    fn sending(&self, fault: Fault) {
        self.fake.inject(fault.on(SEND.0, SEND.1));
    }

    /// Waits until all faults were met.
    async fn struck(&self) {
        while self.fake.faults_left() > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Waits until the host has written down what became of its last try.
    async fn noted_down(&self) {
        loop {
            let folder = self.scene.folder();
            let kept = Conversation::open_without_recovery(folder).expect("it can be looked at");
            let waiting = kept.waiting_deliveries("discord").await.expect("it can be read");
            if waiting.iter().all(|one| one.state != DeliveryState::Sent) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Another host, to whose words Discord has forgotten every nonce.
    async fn forgotten(&mut self) {
        self.kill();
        self.fake.clock().advance(Duration::from_mins(5));
        self.up().await;
    }
}

#[tokio::test]
async fn what_may_be_there_in_other_words_than_were_tried_first_is_found() {
    let mut stage = Stage::start("", "").await;
    let thread = stage.spoken().await;
    stage.sending(Fault::too_many(Duration::from_millis(2500)));
    let asked = stage
        .alice
        .says(thread, "say: first half\nhold\nsay: second half");
    stage.struck().await;
    stage.sending(Fault::answer_lost());
    stage.scene.control().release();
    stage.said(thread, "the whole", with("first half")).await;
    stage.forgotten().await;
    stage.sign(asked, "✅").await;
    assert_eq!(
        (
            stage.count(thread, "first half"),
            stage.count(thread, "second half")
        ),
        (1, 1),
        "{:?}",
        stage.fake.said(thread)
    );
}

#[tokio::test]
async fn what_was_taken_and_answered_with_an_error_of_the_server_is_there_once() {
    for status in [500, 502, 504] {
        let mut stage = Stage::start("", "").await;
        let thread = stage.spoken().await;
        stage.sending(Fault::done_then(status));
        let asked = stage.alice.says(thread, "say: once only");
        stage.said(thread, "it", with("once only")).await;
        stage.noted_down().await;
        stage.forgotten().await;
        stage.sign(asked, "✅").await;
        assert_eq!(
            stage.count(thread, "once only"),
            1,
            "{:?}",
            stage.fake.said(thread)
        );
    }
}

#[tokio::test]
async fn an_older_message_of_the_same_words_is_not_taken_for_one_that_was_lost() {
    let stage = Stage::start("", "permissions = \"allow\"").await;
    let (first, thread) = stage
        .mention(&stage.alice, "say: Looking.\nrun: true\nsay: end one")
        .await;
    stage.sign(first, "✅").await;
    stage.sending(Fault::request_lost());
    let asked = stage.alice.says(thread, "say: Looking.\nrun: true\nsay: end two");
    stage.struck().await;
    stage.fake.clock().advance(Duration::from_mins(5));
    stage.sign(asked, "✅").await;
    assert_eq!(
        (stage.count(thread, "Looking."), stage.count(thread, "end two")),
        (2, 1),
        "{:?}",
        stage.fake.said(thread)
    );
}

#[tokio::test]
async fn a_host_whose_clock_is_ahead_finds_what_may_be_there() {
    let fake = Fake::start_behind(Duration::from_mins(20)).await;
    let mut stage = Stage::of(fake, "", "").await;
    stage.up().await;
    let thread = stage.spoken().await;
    stage.sending(Fault::answer_lost());
    let asked = stage.alice.says(thread, "say: once only");
    stage.said(thread, "it", with("once only")).await;
    stage.forgotten().await;
    stage.sign(asked, "✅").await;
    assert_eq!(
        stage.count(thread, "once only"),
        1,
        "{:?}",
        stage.fake.said(thread)
    );
}
