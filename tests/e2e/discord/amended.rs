//! Messages that are changed or deleted while they wait for their turn.

use conversation::{Conversation, ThreadId};
use rehearsal::Counter;
use support::discord::Id;

use super::Stage;
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
    async fn still_waiting(&self, thread: Id) -> Vec<String> {
        let kept = Conversation::open_without_recovery(self.scene.folder()).expect("it can be looked at");
        let id = ThreadId::parse(&format!("discord:{thread}")).expect("a thread");
        // There may be no thread yet.
        let queued = kept.queued(&id).await.unwrap_or_default();
        queued.into_iter().map(|turn| turn.text).collect()
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
