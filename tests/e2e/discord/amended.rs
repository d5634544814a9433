//! Messages that are changed or deleted while they wait for their turn.

use conversation::{Conversation, ThreadId};
use rehearsal::Counter;
use rusqlite::Connection;
use support::discord::{Fault, Id, Message, Post};

use super::{Stage, with};
use crate::threads::until;

impl Stage {
    /// A thread in which the first turn does not end, and two more messages wait. The first, and the two.
    async fn with_two_that_wait(&self) -> (Id, [Id; 2]) {
        let (_, thread) = self.mention(&self.alice, "hold\nsay: first").await;
        self.scene.wait(Counter::ModelRequests, 1).await;
        let two = ["say: old words", "say: never"].map(|text| self.alice.says(thread, text));
        until(async || (self.still_waiting(thread).await.len() == 2).then_some(())).await;
        (thread, two)
    }

    /// What waits in a thread.
    pub(super) async fn still_waiting(&self, thread: Id) -> Vec<String> {
        let kept = Conversation::open_without_recovery(self.scene.folder()).expect("it can be looked at");
        let id = ThreadId::parse(&format!("discord:{thread}")).expect("a thread");
        // There may be no thread yet.
        let queued = kept.queued(&id).await.unwrap_or_default();
        queued.into_iter().map(|turn| turn.text).collect()
    }

    /// Stops a message's turn when the model was asked so often. Gives the card that offers it again.
    pub(super) async fn stopped(&self, message: Id, thread: Id, requests: u64) -> Id {
        self.scene.wait(Counter::ModelRequests, requests).await;
        let offers = || {
            let said = self.ours(thread).into_iter();
            said.filter(|said| said.button("Retry").is_some())
                .map(|said| said.id)
        };
        // An older card may lose its button any moment.
        let before: Vec<_> = offers().collect();
        self.alice.slash(thread, "stop", &[]);
        self.sign(message, "❌").await;
        until(async || offers().find(|card| !before.contains(card))).await
    }

    /// A thread in which a message's files are being fetched, and that message.
    async fn with_one_whose_files_come(&self) -> (Id, Id) {
        let (first, thread) = self.mention(&self.alice, "say: hello").await;
        self.sign(first, "✅").await;
        self.fake
            .inject(Fault::held().on("GET", "/cdn/attachments/*/*/*"));
        let post = Post::new("say: old words").file("a.txt", "text/plain", b"one");
        let changed = self.alice.posts(thread, post);
        self.struck().await;
        (thread, changed)
    }

    /// Waits until the host has heard something that is said elsewhere now.
    async fn hears_elsewhere(&self) {
        let lounge = self.guild.channel("lounge");
        let (heard, _) = self.mention_in(lounge, &self.alice, "say: heard").await;
        self.sign(heard, "👀").await;
    }

    /// What files each turn that waits has, as the database keeps it: what is none can't be read.
    fn set_waiting_files(&self, thread: Id, files: &str) {
        let database = self.scene.folder().join("conversation.db");
        let database = Connection::open(database).expect("it is there");
        let sql = "UPDATE turns SET files = ?1 WHERE state = 'queued' AND thread = ?2";
        let changed = database.execute(sql, [files, &format!("discord:{thread}")]);
        let changed = changed.expect("it can be written");
        assert_eq!(changed, 2);
    }
}

#[tokio::test]
async fn what_waits_runs_in_its_new_words_and_what_was_deleted_not_at_all() {
    let stage = Stage::start("", "").await;
    let (thread, [changed, deleted]) = stage.with_two_that_wait().await;
    stage.alice.edits(changed, "say: new words");
    stage.alice.deletes(deleted);
    until(async || (stage.still_waiting(thread).await == ["say: new words"]).then_some(())).await;
    stage.going(stage.sign(changed, "✅")).await;
    assert_eq!(stage.answers(thread).await, "first\nnew words");
    // What was answered is over.
    stage.alice.edits(changed, "say: newest words");
    let last = stage.alice.says(thread, "say: last");
    stage.sign(last, "✅").await;
    assert_eq!(stage.answers(thread).await, "first\nnew words\nlast");
}

#[tokio::test]
async fn what_was_changed_or_deleted_while_no_host_ran_is_seen_before_it_begins() {
    let mut stage = Stage::start("", "").await;
    let (thread, [changed, deleted]) = stage.with_two_that_wait().await;
    stage.kill();
    stage.alice.edits(changed, "say: new words");
    stage.alice.deletes(deleted);
    stage.up().await;
    stage.sign(changed, "✅").await;
    let last = stage.alice.says(thread, "say: last");
    stage.sign(last, "✅").await;
    assert_eq!(stage.answers(thread).await, "new words\nlast");
}

#[tokio::test]
async fn what_is_asked_for_again_says_what_its_message_says_now_and_does_not_run_where_that_was_deleted() {
    let stage = Stage::start("", "").await;
    let (changed, thread) = stage.mention(&stage.alice, "hold\nsay: old words").await;
    let card = stage.stopped(changed, thread, 1).await;
    stage.alice.edits(changed, "say: new words");
    stage.alice.presses_labelled(card, "Retry");
    stage.sign(changed, "✅").await;
    assert_eq!(stage.answers(thread).await, "new words");

    let waits = stage.alice.says(thread, "hold\nsay: oldest words");
    let card = stage.stopped(waits, thread, 3).await;
    let busy = stage.alice.says(thread, "hold\nsay: busy");
    stage.scene.wait(Counter::ModelRequests, 4).await;
    stage.alice.edits(waits, "say: older words");
    stage.alice.presses_labelled(card, "Retry");
    until(async || (stage.still_waiting(thread).await == ["say: older words"]).then_some(())).await;
    stage.alice.edits(waits, "say: newer words");
    until(async || (stage.still_waiting(thread).await == ["say: newer words"]).then_some(())).await;
    for message in [busy, waits] {
        stage.going(stage.sign(message, "✅")).await;
    }

    let deleted = stage.alice.says(thread, "hold\nsay: never");
    let card = stage.stopped(deleted, thread, 6).await;
    stage.alice.deletes(deleted);
    stage.alice.presses_labelled(card, "Retry");
    stage
        .said(thread, "why not", with("its message was deleted"))
        .await;
    assert_eq!(stage.answers(thread).await, "new words\nbusy\nnewer words");
}

#[tokio::test]
async fn a_turn_of_several_messages_is_asked_for_again_with_all_of_them() {
    let mut stage = Stage::ready("", "").await;
    stage.settings = format!("[discord.channels.{}]\ndispatch = \"steer\"", stage.channel);
    stage.up().await;
    let (first, thread) = stage.mention(&stage.alice, "hold\nsay: one half").await;
    stage.scene.wait(Counter::ModelRequests, 1).await;
    let second = stage.alice.says(thread, "say: the other half");
    let card = stage.stopped(first, thread, 2).await;
    stage.sign(second, "❌").await;
    stage.alice.edits(first, "say: something else");
    stage.alice.presses_labelled(card, "Retry");
    for message in [first, second] {
        stage.going(stage.sign(message, "✅")).await;
        stage.no_sign(message, "❌").await;
    }
    let answers = stage.answers(thread).await;
    assert!(answers.contains("the other half"), "{answers}");
    stage.kill();
    stage.up().await;
    stage.rests(thread).await;
    for message in [first, second] {
        assert!(stage.has_sign(message, "✅") && !stage.has_sign(message, "❌"));
    }
}

#[tokio::test]
async fn of_a_turn_of_several_messages_only_what_was_not_deleted_is_asked_for_again() {
    let mut stage = Stage::ready("", "").await;
    stage.settings = format!("[discord.channels.{}]\ndispatch = \"steer\"", stage.channel);
    stage.up().await;
    let (opened, thread) = stage.mention(&stage.alice, "say: opened").await;
    stage.sign(opened, "✅").await;
    // Each asks the model twice.
    let steered = async |requests: u64| {
        let offers = |said: &Message| said.button("Retry").is_some();
        until(async || (!stage.ours(thread).iter().any(offers)).then_some(())).await;
        let first = stage.alice.says(thread, "hold\nsay: one half");
        stage.scene.wait(Counter::ModelRequests, requests + 1).await;
        let file = Post::new("say: the other half").file("a.txt", "text/plain", b"one");
        let second = stage.alice.posts(thread, file);
        let card = stage.stopped(first, thread, requests + 2).await;
        stage.sign(second, "❌").await;
        (first, second, card)
    };
    let (first, second, card) = steered(1).await;
    stage.alice.deletes(first);
    stage.alice.deletes(second);
    stage.alice.presses_labelled(card, "Retry");
    stage
        .said(thread, "why not", with("its messages were deleted"))
        .await;
    assert_eq!(stage.answers(thread).await, "opened");

    let (first, second, card) = steered(3).await;
    stage.alice.deletes(second);
    stage.alice.presses_labelled(card, "Retry");
    stage.going(stage.sign(first, "✅")).await;
    assert_eq!(stage.answers(thread).await, "opened\none half");

    let (first, second, card) = steered(6).await;
    stage.alice.deletes(first);
    stage.alice.edits(second, "say: another half");
    stage.alice.presses_labelled(card, "Retry");
    stage.sign(second, "✅").await;
    let answers = stage.answers(thread).await;
    assert!(answers.starts_with("opened\none half\nanother half"), "{answers}");
    assert!(!answers.contains("the other half"), "{answers}");
}

#[tokio::test]
async fn what_stood_in_a_thread_before_stays_with_a_message_that_is_changed() {
    let stage = Stage::start("", "[limits]\nworkers = 1").await;
    let (_, busy) = stage.mention(&stage.alice, "hold\nsay: busy").await;
    stage.scene.wait(Counter::ModelRequests, 1).await;
    let forum = stage.guild.forum("questions");
    let post = stage.alice.posts_in_forum(forum, "How do I X?", "I tried Y.");
    let name = stage.fake.bot().mention();
    let asked = stage.alice.says(post, &format!("{name} say: old words"));
    let waits = async || (stage.still_waiting(post).await.len() == 1).then_some(());
    until(waits).await;
    stage.alice.edits(asked, &format!("{name} say: new words"));
    let changed = async || {
        let waiting = stage.still_waiting(post).await;
        waiting
            .first()?
            .ends_with("\n\nsay: new words")
            .then_some(waiting)
    };
    let waiting = until(changed).await;
    assert!(waiting[0].contains("I tried Y."), "{waiting:?}");
    stage.going(stage.sign(asked, "✅")).await;
    assert_eq!(stage.answers(post).await, "new words");
    assert_eq!(stage.answers(busy).await, "busy");
}

#[tokio::test]
async fn what_was_changed_or_deleted_is_taken_in_also_where_what_waits_can_not_be_read_for_a_while() {
    let stage = Stage::start("", "").await;
    let (thread, [changed, deleted]) = stage.with_two_that_wait().await;
    stage.set_waiting_files(thread, "none");
    stage.alice.edits(changed, "say: new words");
    stage.alice.deletes(deleted);
    let words = "that a message was changed or deleted could not be taken in";
    let mut told = stage.logged(words).await;
    // Both were heard by then.
    stage.hears_elsewhere().await;
    stage.set_waiting_files(thread, "[]");
    until(async || (stage.still_waiting(thread).await == ["say: new words"]).then_some(())).await;
    stage.going(stage.sign(changed, "✅")).await;
    assert_eq!(stage.answers(thread).await, "first\nnew words");
    told.push_str(&stage.host.as_ref().expect("it runs").told());
    assert_eq!(told.matches(words).count(), 1, "{told}");
}

#[tokio::test]
async fn what_is_deleted_while_it_is_still_dealt_with_becomes_no_turn() {
    let stage = Stage::start("", "").await;
    let (first, thread) = stage.mention(&stage.alice, "say: hello").await;
    stage.sign(first, "✅").await;
    stage
        .fake
        .inject(Fault::held().on("GET", "/cdn/attachments/*/*/*"));
    let post = Post::new("say: taken back").file("a.txt", "text/plain", b"one");
    let deleted = stage.alice.posts(thread, post);
    while stage.fake.faults_left() > 0 {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    stage.alice.deletes(deleted);
    // What was deleted was heard by then.
    stage.hears_elsewhere().await;
    stage.fake.let_go().await;
    let last = stage.alice.says(thread, "say: last");
    stage.sign(last, "✅").await;
    assert_eq!(stage.answers(thread).await, "hello\nlast");
}

#[tokio::test]
async fn a_mention_that_is_deleted_while_it_is_still_tried_is_tried_no_more() {
    let stage = Stage::start("", "").await;
    let place = "/channels/*/messages/*/threads";
    stage
        .fake
        .inject(Fault::status(502).on("POST", place).times(1_000));
    let deleted = stage.mentioned_by(&stage.alice, "say: taken back");
    stage.is_tried().await;
    stage.alice.deletes(deleted);
    let held = async || {
        let status = stage.prints(&["status"]).await;
        (!status.contains("could not be dealt with")).then_some(())
    };
    until(held).await;
}

#[tokio::test]
async fn what_is_changed_while_it_is_still_tried_runs_in_its_new_words() {
    let stage = Stage::start("", "").await;
    let place = "/channels/*/messages/*/threads";
    stage.fake.inject(Fault::status(502).on("POST", place).times(3));
    let message = stage.mentioned_by(&stage.alice, "say: old words");
    stage.is_tried().await;
    let name = stage.fake.bot().mention();
    stage.alice.edits(message, &format!("{name} say: new words"));
    stage.sign(message, "✅").await;
    assert_eq!(stage.answers(message).await, "new words");
}

#[tokio::test]
async fn what_is_changed_while_its_files_come_runs_in_its_new_words() {
    let stage = Stage::start("", "").await;
    let (thread, changed) = stage.with_one_whose_files_come().await;
    stage.alice.edits(changed, "say: new words");
    // What was changed was heard by then.
    stage.hears_elsewhere().await;
    stage.fake.let_go().await;
    stage.sign(changed, "✅").await;
    let answers = stage.answers(thread).await;
    assert!(answers.starts_with("hello\nnew words\n"), "{answers}");
}

#[tokio::test]
async fn what_was_missed_and_is_changed_before_its_turn_comes_runs_in_its_new_words() {
    let mut stage = Stage::ready("", "").await;
    let role = stage.guild.role("helpers", 0);
    stage.settings = format!("roles = [\"{role}\"]");
    stage.up().await;
    let thread = stage.killed_after_a_turn().await;
    stage.guild.member("bob").says(thread, "say: no");
    let changed = stage.alice.says(thread, "say: old words");
    stage.fake.inject(Fault::held().on("GET", "/guilds/*/members/*"));
    stage.up().await;
    // Both were read, and it is still asked who the first is of.
    stage.struck().await;
    stage.alice.edits(changed, "say: new words");
    // What was changed was heard by then.
    stage.hears_elsewhere().await;
    stage.fake.let_go().await;
    stage.sign(changed, "✅").await;
    assert_eq!(stage.answers(thread).await, "hello\nnew words");
}

#[tokio::test]
async fn what_is_changed_between_two_sessions_while_its_files_come_runs_in_its_new_words() {
    let stage = Stage::start("", "").await;
    let (thread, changed) = stage.with_one_whose_files_come().await;
    stage.loses_its_session().await;
    stage.alice.edits(changed, "say: new words");
    // What comes next there, and is read by the new session, waits for it.
    let last = stage.alice.says(thread, "say: last");
    stage.fake.gateway().release_ready();
    stage.hears_elsewhere().await;
    stage.fake.let_go().await;
    stage.sign(last, "✅").await;
    stage.sign(changed, "✅").await;
    let answers = stage.answers(thread).await;
    assert!(answers.starts_with("hello\nnew words\n"), "{answers}");
}

#[tokio::test]
async fn what_is_changed_or_deleted_between_two_sessions_while_it_is_still_tried_is_as_it_is_then() {
    let stage = Stage::start("", "").await;
    for is_deleted in [false, true] {
        let thread = stage.alice.starts_thread(stage.channel, "people", None);
        let joining = Fault::status(502).on("PUT", "/channels/*/thread-members/@me");
        stage.fake.inject(joining.times(1_000));
        let name = stage.fake.bot().mention();
        let asked = stage.alice.says(thread, &format!("{name} say: old words"));
        stage
            .fake
            .until_requested("the first try", |seen| {
                let of_it = format!("/channels/{thread}/");
                let mut tries = seen.iter().filter(|seen| seen.status == 502);
                tries.find(|seen| seen.path.contains(&of_it)).map(drop)
            })
            .await;
        stage.loses_its_session().await;
        if is_deleted {
            stage.alice.deletes(asked);
        } else {
            stage.alice.edits(asked, &format!("{name} say: new words"));
        }
        stage.fake.forget_faults();
        until(async || {
            let status = stage.prints(&["status"]).await;
            (!status.contains("could not be dealt with")).then_some(())
        })
        .await;
        stage.fake.gateway().release_ready();
        stage.hears_elsewhere().await;
        let last = stage.alice.says(thread, &format!("{name} say: last"));
        stage.sign(last, "✅").await;
        let answers = stage.answers(thread).await;
        assert_eq!(answers, if is_deleted { "last" } else { "new words\nlast" });
    }
}

#[tokio::test]
async fn a_refusal_is_not_said_any_more_once_its_message_is_deleted() {
    let stage = Stage::start("", "").await;
    let bob = stage.guild.member("bob");
    stage
        .fake
        .inject(Fault::status(502).on("POST", "/channels/*/messages").times(1_000));
    let deleted = stage.mentioned_by(&bob, "say: no");
    stage.is_tried().await;
    bob.deletes(deleted);
    // What was deleted was heard by then.
    stage.hears_elsewhere().await;
    stage.fake.forget_faults();
    stage.is_done_with(deleted).await;
    let said = stage.fake.said(stage.channel);
    assert_eq!(said, [""; 0]);
}
