//! The outbox gives out nothing of a thread before what was put there earlier: whatever became of that, what comes behind it is
//! said.

use std::time::Duration;

use rehearsal::Counter;
use rusqlite::Connection;
use support::discord::{Fault, Id, Message, Post, World, permissions};

use super::{Stage, with};

/// Where the fake has files.
const FILES: &str = "/cdn/attachments/*/*/*";

impl Stage {
    /// What the host keeps, to be changed under its hands.
    fn kept(&self) -> Connection {
        let kept = Connection::open(self.scene.folder().join("conversation.db")).expect("it is there");
        kept.busy_timeout(Duration::from_secs(10)).expect("it can wait");
        kept
    }
}

#[tokio::test]
async fn a_message_that_is_heard_again_has_one_note_and_its_thread_goes_on() {
    let mut stage = Stage::start("", "").await;
    let thread = stage.spoken().await;
    let held = stage.alice.says(thread, "hold\nsay: held");
    stage.scene.wait(Counter::ModelRequests, 2).await;
    let seen = stage.scene.folder().join("discord/seen");
    let before = std::fs::read(&seen).expect("it was written down");
    stage.fake.inject(Fault::status(404).on("GET", FILES).times(2));
    let post = Post::new("say: second").file("gone.txt", "text/plain", b"x");
    let second = stage.alice.posts(thread, post);
    let note = |said: &Message| said.content.contains("Queued behind") && said.content.contains("gone.txt");
    stage.said(thread, "what became of it", note).await;
    stage.kill();
    // As if the host had died before it wrote down what it saw.
    std::fs::write(&seen, &before).expect("it can be written");
    stage.up().await;
    stage.going(stage.sign(second, "✅")).await;
    stage.sign(held, "❌").await;
    let third = stage.alice.says(thread, "say: third");
    stage.is_whole(third, thread, "third").await;
    assert_eq!(
        stage.count(thread, "gone.txt"),
        1,
        "{:?}",
        stage.fake.said(thread)
    );
}

#[tokio::test]
async fn an_end_that_could_not_be_written_down_is_learnt_later_and_holds_up_nothing() {
    for state in ["delivered", "needs_attention"] {
        let stage = Stage::start("", "").await;
        let thread = stage.spoken().await;
        let kept = stage.kept();
        let full = format!(
            "CREATE TRIGGER full BEFORE UPDATE ON deliveries WHEN new.state = '{state}'
             BEGIN SELECT RAISE(ABORT, 'no space left'); END"
        );
        kept.execute_batch(&full).expect("it can be filled");
        if state == "needs_attention" {
            let refused = Fault::status(403).on("POST", "/channels/*/messages");
            stage.fake.inject(refused);
        }
        let first = stage.alice.says(thread, "say: first");
        stage
            .logged("what became of a message could not be written down")
            .await;
        let later = "DROP TRIGGER full; UPDATE deliveries SET lease = 0 WHERE state = 'sent'";
        kept.execute_batch(later).expect("there is room again");
        let second = stage.alice.says(thread, "say: second");
        stage.is_whole(second, thread, "second").await;
        stage.is_whole(first, thread, "first").await;
    }
}

#[tokio::test]
async fn what_many_reasons_at_once_let_be_said_again_is_said_once_and_in_order() {
    let stage = Stage::start("", "").await;
    let thread = stage.spoken().await;
    let bot = stage.fake.bot();
    let deny = permissions::SEND_MESSAGES_IN_THREADS;
    stage.guild.overwrite(stage.channel, bot, 0, deny);
    let words: Vec<String> = (1..=8).map(|number| format!("number {number}.")).collect();
    let mut asked = vec![];
    for words in &words {
        let message = stage.alice.says(thread, &format!("say: {words}"));
        stage.sign(message, "⚠️").await;
        asked.push(message);
    }
    let role = stage.guild.role("any", 0);
    stage.guild.overwrite(stage.channel, bot, 0, 0);
    for permissions in 0..40 {
        stage.guild.set_role(role, permissions % 2);
    }
    for message in asked {
        stage.sign(message, "✅").await;
    }
    let said = stage.fake.said(thread);
    let told: Vec<&String> = said.iter().filter(|said| said.contains("number")).collect();
    assert_eq!(told.len(), words.len(), "{told:?}");
    for (told, words) in told.iter().zip(&words) {
        assert!(told.contains(words), "{said:?}");
    }
}

#[tokio::test]
async fn nothing_is_accepted_before_it_is_written_down_where_it_is_to_be_answered() {
    let stage = Stage::start("", "").await;
    let thread = stage.spoken().await;
    while std::fs::read_to_string(stage.told_file(thread)).is_ok_and(|told| !told.ends_with("done")) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // Nothing can be written beside the file: it stays as it is.
    let beside = stage.told_file(thread).with_extension("new");
    std::fs::create_dir(&beside).expect("it can be made");
    let asked = stage.alice.says(thread, "say: after all");
    stage
        .logged("it can't be written down where it is answered")
        .await;
    let turns = |kept: &Connection| -> i64 {
        let counted = kept.query_row("SELECT count(*) FROM turns", [], |row| row.get(0));
        counted.expect("it can be read")
    };
    assert_eq!(turns(&stage.kept()), 1, "it is not accepted");
    std::fs::remove_dir(&beside).expect("it is empty");
    stage.is_whole(asked, thread, "after all").await;
}

#[tokio::test]
async fn a_message_that_was_merged_shows_how_its_turn_ended_also_to_the_next_host() {
    let mut stage = Stage::ready("", "").await;
    stage.settings = format!("[discord.channels.{}]\ndispatch = \"steer\"", stage.channel);
    stage.up().await;
    let (first, thread) = stage.mention(&stage.alice, "hold\nsay: one half").await;
    stage.scene.wait(Counter::ModelRequests, 1).await;
    let second = stage.alice.says(thread, "say: other half");
    stage
        .said(thread, "what happened", with("was added to the running turn"))
        .await;
    stage.scene.wait(Counter::ModelRequests, 2).await;
    stage.sign(second, "👀").await;
    stage.kill();
    stage.up().await;
    stage.sign(first, "❌").await;
    stage.sign(second, "❌").await;
    let bot = stage.fake.bot();
    let only_one = |world: &World| {
        let is_heard = |message: Id| {
            world
                .message(message)
                .is_some_and(|one| one.has_reaction("👀", bot))
        };
        (!is_heard(first) && !is_heard(second)).then_some(())
    };
    stage.fake.until("that it is the only one", only_one).await;
}

#[tokio::test]
async fn wide_blanks_in_an_answer_silence_no_thread() {
    let stage = Stage::start("", "").await;
    let blanks = "\u{3000}".repeat(14);
    let (message, thread) = stage.mention(&stage.alice, &format!("say: one{blanks}two")).await;
    stage.is_whole(message, thread, "two").await;
    let next = stage.alice.says(thread, "say: three");
    stage.is_whole(next, thread, "three").await;
}
