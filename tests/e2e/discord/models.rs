//! What a thread is told of its model and the server behind it, and what it keeps of a conversation.

use nix::sys::signal::{Signal, kill};
use rehearsal::Counter;
use serde_json::Value;
use support::discord::{Id, Message};

use super::{Stage, with};
use crate::threads::{asked, until};

#[tokio::test]
async fn a_provider_that_is_overloaded_is_waited_for_and_status_says_so() {
    let stage = Stage::start("", "").await;
    let (message, thread) = stage
        .mention(&stage.alice, "fail 429 wait 8s\nsay: at last")
        .await;
    stage.scene.wait(Counter::ModelRequests, 1).await;
    let alice = stage.alice.clone();
    until(async || {
        let typed = alice.slash(thread, "status", &[]);
        let told = stage
            .answered(&alice, thread, typed, "A turn has been running")
            .await;
        told.content.contains("429").then_some(told)
    })
    .await;
    stage.is_whole(message, thread, "at last").await;
}

#[tokio::test]
async fn a_model_that_is_not_there_is_told_with_the_command_that_takes_another() {
    let stage = Stage::start("", "").await;
    let (message, thread) = stage.mention(&stage.alice, "say: hi").await;
    stage.sign(message, "✅").await;
    let typed = stage
        .alice
        .slash(thread, "model", &[("name", "no-such-model".into())]);
    stage.told(&stage.alice, thread, typed, "no-such-model").await;
    let fails = stage.alice.says(thread, "say: never");
    let note = stage
        .said(thread, "what is wrong", with("does not know this model"))
        .await;
    assert!(
        note.content.contains("no-such-model") && note.content.contains("/model NAME"),
        "{}",
        note.content
    );
    stage.sign(fails, "❌").await;
    let typed = stage.alice.slash(thread, "model", &[("name", "default".into())]);
    stage
        .told(&stage.alice, thread, typed, "the agent's own model")
        .await;
    stage.alice.presses_labelled(note.id, "Retry");
    stage
        .said(thread, "the answer", |said| said.content.starts_with("never"))
        .await;
}

#[tokio::test]
async fn what_stands_below_an_answer_is_the_model_that_gave_it() {
    let stage = Stage::start("", "").await;
    let (message, thread) = stage.mention(&stage.alice, "hold\nsay: by the first").await;
    stage.scene.wait(Counter::ModelRequests, 1).await;
    let typed = stage
        .alice
        .slash(thread, "model", &[("name", "for-the-next-turn".into())]);
    stage.told(&stage.alice, thread, typed, "for-the-next-turn").await;
    stage.going(stage.sign(message, "✅")).await;
    let answer = stage.said(thread, "the answer", with("by the first")).await;
    assert!(answer.content.contains("rehearsal ·"), "{}", answer.content);
}

#[tokio::test]
async fn what_stands_below_an_older_answer_stays_whatever_model_or_agent_comes_afterwards() {
    let stage = Stage::ready("", "").await;
    let mut stage = stage.with_foreign_beside(&["--models", "options"]).await;
    let (message, thread) = stage.mention(&stage.alice, "hold\nsay: begun late").await;
    stage.scene.wait(Counter::ModelRequests, 1).await;
    kill(stage.worker(thread).await, Signal::SIGKILL).expect("it lives");
    let offers = |said: &Message| said.button("Retry").is_some();
    let note = stage.said(thread, "what happened", offers).await;
    stage.sign(message, "❌").await;
    let next = stage.alice.says(thread, "say: by ours");
    stage.is_whole(next, thread, "by ours").await;
    for (command, name, words) in [
        ("model", "for-the-next-turn", "for-the-next-turn"),
        ("agent", "foreign", "the agent Foreign"),
    ] {
        let typed = stage.alice.slash(thread, command, &[("name", name.into())]);
        stage.told(&stage.alice, thread, typed, words).await;
    }
    let next = stage.alice.says(thread, "say: by theirs");
    stage.is_whole(next, thread, "by theirs").await;
    let below = |stage: &Stage| {
        let said = stage.fake.said(thread);
        let below =
            ["by ours", "by theirs"].map(|words| said.iter().find(|said| said.contains(words)).cloned());
        below.map(|said| said.expect("it is said"))
    };
    let before = below(&stage);
    assert!(before[0].contains(" · rehearsal · "), "{before:?}");
    assert!(before[1].contains(" · Model one"), "{before:?}");
    let typed = stage.alice.slash(thread, "model", &[("name", "two".into())]);
    stage.told(&stage.alice, thread, typed, "the model `two`").await;
    stage.kill();
    stage.up().await;
    stage.alice.presses_labelled(note.id, "Retry");
    stage.sign(message, "✅").await;
    stage.rests(thread).await;
    assert_eq!(below(&stage), before);
}

#[tokio::test]
async fn a_key_that_the_vendor_refuses_is_told_with_whose_it_is_and_where_it_came_from() {
    let mut stage = Stage::ready("", "").await;
    stage.agent = format!(
        "[agents.keyed]\ntenant = \"openai\"\nbase_url = \"{}v1\"\nmodel = \"rehearsal\"\n",
        stage.scene.url()
    );
    stage.settings = format!("[discord.channels.{}]\nagent = \"keyed\"", stage.channel);
    stage.up().await;
    let (message, thread) = stage.mention(&stage.alice, "say: paid for").await;
    let card = stage.said(thread, "what is needed", with("Sign-in needed")).await;
    let paste = async |card: Id, key: &str| {
        let pressed = stage.alice.presses_labelled(card, "Sign in");
        let begun = stage.answered(&stage.alice, thread, pressed, "API key").await;
        let pressed = stage.alice.presses_labelled(begun.id, "Paste key");
        stage.is_form(pressed).await;
        let sent = stage.alice.submits(pressed, &[("code", key)]);
        stage.answered(&stage.alice, thread, sent, "Signed in to").await;
    };
    paste(card.id, "sk-not-the-right-one").await;
    let refused = stage.said(thread, "that it was refused", |said| {
        said.id != card.id && said.content.contains("refused")
    });
    let refused = refused.await;
    assert!(!refused.content.contains("sk-not"), "{}", refused.content);
    paste(refused.id, support::MODEL_KEY).await;
    stage.is_whole(message, thread, "paid for").await;
}

#[tokio::test]
async fn an_idle_worker_ends_and_comes_back_with_its_memory() {
    let stage = Stage::start("", "[limits]\nidle = \"1s\"").await;
    let (message, thread) = stage.mention(&stage.alice, "say: remember the number 4711").await;
    stage.is_whole(message, thread, "4711").await;
    until(async || {
        let status: Value = serde_json::from_str(&stage.prints(&["status", "--json"]).await).expect("JSON");
        (status["workers"] == serde_json::json!([])).then_some(())
    })
    .await;
    let later = stage.alice.says(thread, "say: it is back");
    stage.is_whole(later, thread, "it is back").await;
    assert_eq!(
        asked(&stage.scene),
        [
            "user: say: remember the number 4711",
            "assistant: remember the number 4711",
            "user: say: it is back"
        ]
    );
}

#[tokio::test]
async fn the_oldest_idle_worker_makes_room_for_another_thread() {
    let stage = Stage::start("", "[limits]\nworkers = 1").await;
    let (first, one) = stage.mention(&stage.alice, "say: the first").await;
    stage.is_whole(first, one, "the first").await;
    let (second, other) = stage.mention(&stage.alice, "say: the second").await;
    stage.is_whole(second, other, "the second").await;
    // While the only place is taken by a turn, a thread waits and says so to whoever asks.
    let held = stage.alice.says(other, "hold\nsay: goes on");
    stage.scene.wait(Counter::ModelRequests, 3).await;
    let waits = stage.alice.says(one, "say: remembered");
    let alice = stage.alice.clone();
    until(async || {
        let typed = alice.slash(one, "status", &[]);
        let told = stage.answered(&alice, one, typed, "").await;
        told.content.contains("waits for a free place").then_some(())
    })
    .await;
    stage.going(stage.is_whole(held, other, "goes on")).await;
    stage.is_whole(waits, one, "remembered").await;
    assert_eq!(
        asked(&stage.scene),
        [
            "user: say: the first",
            "assistant: the first",
            "user: say: remembered"
        ]
    );
}
