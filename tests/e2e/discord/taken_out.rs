//! Threads that somebody takes the bot out of: it says nothing more there, and waits until it is called.

use std::fs;

use rehearsal::Counter;
use support::discord::{Fault, Id, permissions};

use super::{Stage, with};
use crate::threads::until;

impl Stage {
    /// Somebody who may do so takes the bot out.
    pub(super) fn is_taken_out(&self, thread: Id) {
        self.manager().removes(thread, self.fake.bot());
    }

    pub(super) async fn knows_that_it_is_out_of(&self, threads: &[Id]) {
        let file = self.scene.folder().join("discord/taken-out");
        until(async || {
            let list = fs::read_to_string(&file).ok()?;
            let is_out = |thread: &Id| list.lines().any(|line| line == thread.to_string());
            threads.iter().all(is_out).then_some(())
        })
        .await;
    }

    pub(super) fn calls(&self, thread: Id, text: &str) -> Id {
        self.alice
            .says(thread, &format!("{} {text}", self.fake.bot().mention()))
    }

    fn is_member(&self, thread: Id) -> bool {
        let bot = self.fake.bot();
        let of =
            |one: &support::discord::Channel| one.thread.as_ref().map(|of| of.members.contains_key(&bot));
        self.fake.look(|world| world.channel(thread).and_then(of)) == Some(true)
    }
}

#[tokio::test]
async fn what_runs_where_the_bot_was_taken_out_goes_on_and_is_told_when_it_is_called_again() {
    let stage = Stage::start("", "").await;
    let (first, thread) = stage.mention(&stage.alice, "hold\nsay: whole").await;
    stage.scene.wait(Counter::ModelRequests, 1).await;
    stage.sign(first, "👀").await;
    let before = stage.alice.says(thread, "say: asked before");
    until(async || (stage.still_waiting(thread).await.len() == 1).then_some(())).await;
    let said = stage.ours(thread).len();
    stage.is_taken_out(thread);
    stage.knows_that_it_is_out_of(&[thread]).await;
    stage
        .going(until(async || {
            stage
                .answers(thread)
                .await
                .ends_with("asked before")
                .then_some(())
        }))
        .await;
    let unheard = stage.alice.says(thread, "say: among us");
    let elsewhere = stage.hears().await;
    assert!(elsewhere > unheard);
    assert_eq!(stage.ours(thread).len(), said, "{:?}", stage.fake.said(thread));
    assert!(!stage.is_member(thread));
    let typed = stage.alice.slash(thread, "status", &[]);
    stage
        .told(&stage.alice, thread, typed, "was taken out of this thread")
        .await;

    let asked = stage.calls(thread, "say: back");
    for message in [first, before, asked] {
        stage.sign(message, "✅").await;
    }
    assert_eq!(stage.answers(thread).await, "whole\nasked before\nback");
    for words in ["whole", "asked before", "back"] {
        let count = stage
            .ours(thread)
            .iter()
            .filter(|said| said.content.starts_with(words))
            .count();
        assert_eq!(count, 1, "{words}: {:?}", stage.fake.said(thread));
    }
    assert!(stage.is_member(thread));
    let again = stage.alice.says(thread, "say: as before");
    stage.sign(again, "✅").await;
}

#[tokio::test]
async fn that_the_bot_was_taken_out_is_known_after_a_kill_and_a_command_still_works() {
    let mut stage = Stage::start("", "").await;
    let (first, thread) = stage.mention(&stage.alice, "hold\nsay: cut").await;
    stage.scene.wait(Counter::ModelRequests, 1).await;
    stage.sign(first, "👀").await;
    stage.is_taken_out(thread);
    stage.knows_that_it_is_out_of(&[thread]).await;
    let said = stage.ours(thread).len();
    stage.kill();
    stage.up().await;
    let unheard = stage.alice.says(thread, "say: among us");
    assert!(stage.hears().await > unheard);
    let typed = stage.alice.slash(thread, "queue", &[]);
    stage
        .told(
            &stage.alice,
            thread,
            typed,
            "Nothing waits here.\nThe bot was taken out of this thread",
        )
        .await;
    let told = stage
        .ours(thread)
        .into_iter()
        .filter(|said| said.only_for.is_none())
        .count();
    assert_eq!(told, said, "{:?}", stage.fake.said(thread));
    let asked = stage.calls(thread, "say: back");
    stage.sign(asked, "✅").await;
    stage
        .said(thread, "that the first was cut", |said| {
            said.button("Retry").is_some()
        })
        .await;
    assert_eq!(stage.answers(thread).await, "back");
}

#[tokio::test]
async fn a_bot_that_was_taken_out_while_no_host_ran_says_nothing_also_where_the_thread_was_put_away() {
    let mut stage = Stage::start("", "").await;
    let mut threads = vec![];
    for words in ["one", "two", "three"] {
        let (first, thread) = stage.mention(&stage.alice, &format!("say: {words}")).await;
        stage.is_whole(first, thread, words).await;
        threads.push(thread);
    }
    let last = stage.hears().await;
    stage.is_done_with(last).await;
    stage.kill();
    let [open, away, kept] = [threads[0], threads[1], threads[2]];
    for thread in [open, away] {
        stage.is_taken_out(thread);
        stage.alice.says(thread, "say: among us");
    }
    stage.manager().archives(away, true);
    let heard = stage.alice.says(kept, "say: heard");
    stage.up().await;
    stage.sign(heard, "✅").await;
    stage.knows_that_it_is_out_of(&[open, away]).await;
    assert!(stage.hears().await > heard);
    assert_eq!(
        [stage.answers(open).await, stage.answers(away).await],
        ["one", "two"]
    );
    let asked = stage.calls(open, "say: back");
    stage.sign(asked, "✅").await;
    stage.said(open, "the answer", with("back")).await;
}

#[tokio::test]
async fn a_bot_that_was_taken_out_while_it_did_not_see_the_channel_says_nothing() {
    let stage = Stage::start("", "").await;
    let (first, thread) = stage.mention(&stage.alice, "say: one").await;
    stage.is_whole(first, thread, "one").await;
    let bot = stage.fake.bot();
    stage
        .guild
        .overwrite(stage.channel, bot, 0, permissions::VIEW_CHANNEL);
    stage.is_taken_out(thread);
    stage.alice.says(thread, "say: among us");
    stage.guild.overwrite(stage.channel, bot, 0, 0);
    stage.knows_that_it_is_out_of(&[thread]).await;
    let asked = stage.calls(thread, "say: back");
    stage.sign(asked, "✅").await;
    assert_eq!(stage.answers(thread).await, "one\nback");
}

#[tokio::test]
async fn where_the_bot_answers_everything_it_waits_for_a_call_in_a_thread_that_it_was_taken_out_of() {
    let mut stage = Stage::ready("", "").await;
    stage.settings = format!("[discord.channels.{}]\nmode = \"all\"", stage.channel);
    stage.up().await;
    let first = stage.alice.says(stage.channel, "say: one");
    stage.sign(first, "✅").await;
    let thread = stage
        .fake
        .look(|world| world.message(first).and_then(|one| one.thread));
    let thread = thread.expect("it was opened");
    stage.is_taken_out(thread);
    stage.alice.says(thread, "say: among us");
    let asked = stage.calls(thread, "say: back");
    stage.sign(asked, "✅").await;
    assert_eq!(stage.answers(thread).await, "one\nback");
}

#[tokio::test]
async fn a_call_counts_once_the_bot_is_in_its_thread_so_that_a_new_session_does_not_silence_it() {
    let mut stage = Stage::ready("", "[limits]\nworkers = 1").await;
    let role = stage.guild.role_of_bot("agent-host");
    stage.up().await;
    let (first, thread) = stage.mention(&stage.alice, "say: one").await;
    stage.is_whole(first, thread, "one").await;
    stage.is_taken_out(thread);
    stage.knows_that_it_is_out_of(&[thread]).await;
    // Whoever calls waits, and nothing is said in the thread.
    let (busy, _) = stage.mention(&stage.alice, "hold\nsay: busy").await;
    stage.scene.wait(Counter::ModelRequests, 2).await;
    let joining = Fault::status(502).on("PUT", "/channels/*/thread-members/@me");
    stage.fake.inject(joining);
    // Who is mentioned by name is made a member by Discord; by its role the bot has to become one itself.
    let asked = stage.alice.says(thread, &format!("<@&{role}> say: back"));
    until(async || (stage.still_waiting(thread).await.len() == 1).then_some(())).await;
    // It is not heard again.
    stage.is_done_with(asked).await;
    stage.kill();
    stage.up().await;
    stage.sign(busy, "❌").await;
    stage.sign(asked, "✅").await;
    stage.said(thread, "the answer", with("back")).await;
}
