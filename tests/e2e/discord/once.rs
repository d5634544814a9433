//! Messages whose sending nobody learns the end of: each stands there once, when it is found and when it is not.

use std::time::Duration;

use conversation::{Conversation, DeliveryState, ThreadFilter};
use rehearsal::Counter;
use serde_json::json;
use support::discord::{Fake, Fault, Id, World, permissions};

use super::{Stage, with};

/// Where messages are sent.
const SEND: (&str, &str) = ("POST", "/channels/*/messages");

impl Stage {
    /// With a thread in which the bot has answered before.
    pub(super) async fn spoken(&self) -> Id {
        let (first, thread) = self.mention(&self.alice, "say: hi").await;
        self.sign(first, "✅").await;
        thread
    }

    /// The next requests to send a message go wrong like this.
    fn sending(&self, fault: Fault) {
        self.fake.inject(fault.on(SEND.0, SEND.1));
    }

    /// Waits until all faults were met.
    pub(super) async fn struck(&self) {
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

    /// Waits until no turn runs: one that does is cut by a kill.
    async fn ended(&self) {
        loop {
            let folder = self.scene.folder();
            let kept = Conversation::open_without_recovery(folder).expect("it can be looked at");
            let threads = kept
                .threads(ThreadFilter::default())
                .await
                .expect("it can be read");
            if threads.iter().all(|thread| !thread.running && thread.queued == 0) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Asks for something that is said, as the host never hears. The message that asked; its turn is over.
    async fn unheard(&self, thread: Id) -> Id {
        self.sending(Fault::unanswered());
        let asked = self.alice.says(thread, "say: once only");
        // As far as it was written by then.
        self.said(thread, "it", with("once")).await;
        self.ended().await;
        asked
    }

    /// Each of these stands in a thread once.
    #[track_caller]
    fn says_once(&self, thread: Id, each: &[&str]) {
        for words in each {
            assert_eq!(
                self.count(thread, words),
                1,
                "{words}: {:?}",
                self.fake.said(thread)
            );
        }
    }

    /// Gives the host far more time than it takes to look at a thread and to send something there. (Nothing is told of what
    /// it rightly does not do.)
    async fn looks_anew(&self) {
        tokio::time::sleep(Duration::from_secs(3)).await;
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
    stage.scene.wait(Counter::AnswersHeld, 1).await;
    stage.scene.control().release();
    stage.said(thread, "the whole", with("first half")).await;
    stage.forgotten().await;
    stage.sign(asked, "✅").await;
    stage.says_once(thread, &["first half", "second half"]);
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
        stage.says_once(thread, &["once only"]);
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
    stage.says_once(thread, &["once only"]);
}

#[tokio::test]
async fn a_request_that_arrives_after_it_was_given_up_makes_no_second_message() {
    let stage = Stage::start("", "").await;
    let thread = stage.spoken().await;
    stage.sending(Fault::late());
    let asked = stage.alice.says(thread, "say: once only");
    stage.sign(asked, "✅").await;
    stage.fake.let_go().await;
    stage.says_once(thread, &["once only"]);
}

#[tokio::test]
async fn what_was_said_by_a_host_that_never_heard_of_it_is_found_by_the_next_one() {
    let mut stage = Stage::start("", "").await;
    let thread = stage.spoken().await;
    let asked = stage.unheard(thread).await;
    stage.forgotten().await;
    stage.sign(asked, "✅").await;
    stage.says_once(thread, &["once only"]);
}

#[tokio::test]
async fn what_is_just_being_sent_is_not_sent_by_whoever_looks_at_the_thread_anew() {
    let stage = Stage::start("", "").await;
    let thread = stage.spoken().await;
    stage.sending(Fault::status(403));
    let first = stage.alice.says(thread, "say: at first refused");
    stage.sign(first, "⚠️").await;
    stage.sending(Fault::held());
    let second = stage.alice.says(thread, "say: once only");
    stage.struck().await;
    // The thread is looked at anew while the second one is on its way.
    let alice = stage.alice.clone();
    let asked = alice.slash(thread, "queue", &[("retry", json!(true))]);
    stage
        .told(&alice, thread, asked, "One message is tried again")
        .await;
    // Whoever does not wait for it has said it after this.
    stage.looks_anew().await;
    stage.fake.clock().advance(Duration::from_mins(5));
    stage.fake.let_go().await;
    stage.sign(second, "✅").await;
    stage.says_once(thread, &["at first refused", "once only"]);
}

#[tokio::test]
async fn where_nothing_may_be_read_what_may_be_there_is_not_said_again() {
    let mut stage = Stage::start("", "").await;
    let thread = stage.spoken().await;
    let asked = stage.unheard(thread).await;
    stage.denies(permissions::READ_MESSAGE_HISTORY);
    stage.forgotten().await;
    let told = stage.logged("could not be sent").await;
    let mut why = told.lines().filter(|line| line.contains("could not be sent"));
    assert!(
        why.all(|why| why.contains("the bot lacks the permission Read Message History")),
        "{told}"
    );
    assert_eq!(stage.count(thread, "once"), 1);
    stage.denies(0);
    stage.sign(asked, "✅").await;
    let next = stage.alice.says(thread, "say: and on");
    stage.sign(next, "✅").await;
    stage.says_once(thread, &["once only", "and on"]);
}

#[tokio::test]
async fn what_may_be_read_again_between_two_looks_is_found() {
    let mut stage = Stage::start("", "").await;
    let thread = stage.spoken().await;
    let asked = stage.unheard(thread).await;
    stage.denies(permissions::READ_MESSAGE_HISTORY);
    // It has been given nothing by then, and asks whether that is because it may not read.
    let one = format!("/channels/{thread}/messages/*");
    stage.fake.inject(Fault::held().on("GET", &one));
    stage.forgotten().await;
    stage.struck().await;
    stage.denies(0);
    stage.fake.let_go().await;
    stage.sign(asked, "✅").await;
    stage.says_once(thread, &["once only"]);
}

/// Says the beginning of what turns out to be nothing, and something else afterwards.
const CHANGES_ITS_MIND: &str = r#"
on_prompt() {
  say '<!-- this may'
  until [ -e go ]; do sleep 0.05; done
  say ' be hidden -->'
  printf '{"jsonrpc":"2.0","method":"session/update","params":{"sessionId":"s1","update":{"sessionUpdate":"tool_call","toolCallId":"t1","title":"look","status":"completed"}}}\n'
  say 'and on'
  answer '{"stopReason":"end_turn"}'
}
"#;

#[tokio::test]
async fn what_was_to_be_said_and_turns_out_to_be_nothing_holds_up_nothing_and_does_not_stay() {
    for fault in [Fault::too_many(Duration::from_millis(2500)), Fault::answer_lost()] {
        let mut stage = Stage::ready("", "").await;
        stage.serve_by_script(CHANGES_ITS_MIND);
        stage.up().await;
        stage.sending(fault);
        let (asked, thread) = stage.mention(&stage.alice, "go").await;
        stage.struck().await;
        std::fs::write(stage.workspace(thread).join("go"), "").expect("it can be written");
        stage.sign(asked, "✅").await;
        let is_gone = |world: &World| {
            let mut said = world.messages(thread).into_iter();
            let stays = said.any(|said| said.content.contains("this may"));
            (!stays).then_some(())
        };
        stage.fake.until("the end of what is nothing", is_gone).await;
        stage.says_once(thread, &["and on"]);
    }
}
