//! What a message does that comes while a turn runs, and what a stop does, in each phase of a turn.

use rehearsal::Counter;
use support::discord::{Id, Message};

use super::{Stage, with};
use crate::threads::{ENDED, asked};

impl Stage {
    /// Stops by command what runs in a thread, and waits for its sign.
    async fn stops(&self, thread: Id, message: Id) {
        let typed = self.alice.slash(thread, "stop", &[]);
        self.told(&self.alice, thread, typed, "Stopping.").await;
        self.sign(message, "❌").await;
    }
}

#[tokio::test]
async fn queue_steer_and_interrupt_are_told_and_leave_what_their_definitions_say() {
    let mut stage = Stage::ready("", "").await;
    let (steers, interrupts) = (stage.guild.channel("steers"), stage.guild.channel("interrupts"));
    stage.settings = format!(
        "[discord.channels.{steers}]\ndispatch = \"steer\"\n\
         [discord.channels.{interrupts}]\ndispatch = \"interrupt\""
    );
    stage.up().await;
    let alice = &stage.alice;

    // queue: both are answered, in order.
    let (first, thread) = stage.mention(alice, "hold\nsay: first").await;
    stage.scene.wait(Counter::ModelRequests, 1).await;
    let second = alice.says(thread, "say: second");
    stage
        .said(thread, "that it waits", with("Queued behind the running turn"))
        .await;
    stage.going(stage.is_whole(second, thread, "second")).await;
    stage.is_whole(first, thread, "first").await;
    assert_eq!(
        asked(&stage.scene),
        ["user: hold\nsay: first", "assistant: first", "user: say: second"]
    );

    // steer: one turn, asked again with both.
    let (first, thread) = stage.mention_in(steers, alice, "hold\nsay: one half").await;
    stage.scene.wait(Counter::ModelRequests, 3).await;
    let second = alice.says(thread, "say: other half");
    stage
        .said(thread, "what happened", with("was added to the running turn"))
        .await;
    stage.scene.wait(Counter::ModelRequests, 4).await;
    stage.going(stage.is_whole(first, thread, "other half")).await;
    stage.is_whole(second, thread, "one half").await;
    assert_eq!(
        asked(&stage.scene),
        ["user: hold\nsay: one half\n\nsay: other half"]
    );

    // interrupt: what ran is stopped, the new one is answered.
    let (first, thread) = stage.mention_in(interrupts, alice, "hold\nsay: never").await;
    stage.scene.wait(Counter::ModelRequests, 5).await;
    let second = alice.says(thread, "say: instead");
    stage
        .said(
            thread,
            "what happened",
            with("A newer message interrupted this turn"),
        )
        .await;
    stage.is_whole(second, thread, "instead").await;
    stage.sign(first, "❌").await;
    assert_eq!(
        asked(&stage.scene),
        ["user: hold\nsay: never", ENDED, "user: say: instead"]
    );
    assert_eq!(stage.answers(thread).await, "instead");
}

#[tokio::test]
async fn a_stop_ends_a_turn_in_each_of_its_phases_and_nothing_that_waits() {
    let stage = Stage::start("", "").await;
    let (message, thread) = stage.mention(&stage.alice, "say: hi").await;
    stage.sign(message, "✅").await;
    let typed = stage.alice.slash(thread, "stop", &[]);
    stage
        .told(&stage.alice, thread, typed, "Nothing runs in this thread.")
        .await;

    // The model is asked; another message waits, and is answered.
    let held = stage.alice.says(thread, "hold\nsay: never 1");
    stage.scene.wait(Counter::ModelRequests, 2).await;
    let queued = stage.alice.says(thread, "say: its turn");
    stage
        .said(thread, "that it waits", with("Queued behind the running turn"))
        .await;
    stage.stops(thread, held).await;
    stage.is_whole(queued, thread, "its turn").await;

    // The model's server wants to be left alone for long.
    let (refused, thread) = stage
        .mention(&stage.alice, "fail 429 wait 60s\nsay: never 2")
        .await;
    stage.scene.wait(Counter::ModelRequests, 4).await;
    stage.stops(thread, refused).await;

    // A permission is asked for.
    let (asks, thread) = stage.mention(&stage.alice, "run: sleep 61\nsay: never 3").await;
    let card = stage.card(thread, "sleep 61").await;
    stage.stops(thread, asks).await;
    let is_closed = |said: &Message| said.id == card.id && said.content.contains("The turn ended");
    let closed = stage.said(thread, "the line that stays", is_closed).await;
    assert!(closed.controls().is_empty(), "no buttons are left");

    // A command runs.
    let runs = stage.alice.says(thread, "run: sleep 62\nsay: never 4");
    let card = stage.card(thread, "sleep 62").await;
    stage.alice.presses_labelled(card.id, "Allow once");
    let tool = stage
        .said(thread, "the command", |said| {
            said.content.starts_with("▶️ `sleep 62`")
        })
        .await;
    stage.stops(thread, runs).await;
    stage
        .said(thread, "that nothing runs", |said| {
            said.id == tool.id && said.button("Stop").is_none()
        })
        .await;

    // A login is needed.
    let host = stage.scene.host();
    stage.is_signed_out().await;
    let (waits, thread) = stage.mention(&stage.alice, "say: never 5").await;
    stage.said(thread, "the card", with("Sign-in needed")).await;
    stage.stops(thread, waits).await;
    stage.scene.sign_in(&host).await;

    let last = stage.alice.says(thread, "say: and on");
    stage.is_whole(last, thread, "and on").await;
    for thread in stage.fake.look(|world| {
        let threads = world.threads(stage.channel).into_iter();
        threads.map(|thread| thread.id).collect::<Vec<_>>()
    }) {
        let said = stage.fake.said(thread).join("\n");
        assert!(!said.contains("never"), "{said}");
    }
}

#[tokio::test]
async fn while_the_agent_works_it_is_seen_to_write_for_as_long_as_that_takes() {
    let stage = Stage::start("", "").await;
    let (message, thread) = stage.mention(&stage.alice, "hold\nsay: at last").await;
    let bot = stage.fake.bot();
    // Discord shows it for ten seconds: it is said again before that is over.
    stage
        .fake
        .until("that it writes, and goes on to", |world| {
            let writes = world.typing(thread);
            (writes.len() >= 2 && writes.iter().all(|one| one.user == bot)).then_some(())
        })
        .await;
    stage.going(stage.is_whole(message, thread, "at last")).await;
}
