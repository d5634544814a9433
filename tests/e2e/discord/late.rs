//! Answers that come when nobody can be answered alone any more: said to everybody, but for what is one person's.

use std::time::Duration;

use serde_json::{Value, json};
use support::discord::{Fault, Id};
use support::{client, consent};

use super::signing_in::link;
use super::{Stage, with};

/// An interaction's token lives for less.
const TOO_LATE: Duration = Duration::from_mins(16);

impl Stage {
    /// Does something whose answer is on its way when its time is over, and waits for what everybody reads instead.
    async fn too_late(
        &self,
        (method, path): (&'static str, &str),
        channel: Id,
        words: &str,
        does: impl AsyncFnOnce() -> Id,
    ) {
        let before = self.fake.messages(channel).len();
        let slow = Fault::slow(Duration::from_millis(700)).on(method, path);
        self.fake.inject(slow);
        does().await;
        while self.fake.faults_left() > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        self.fake.clock().advance(TOO_LATE);
        let bot = self.fake.bot();
        self.fake
            .until(words, |world| {
                let said = world.messages(channel);
                let mut said = said.iter().skip(before);
                let is_it = said.any(|said| {
                    said.author == bot && said.only_for.is_none() && said.content.contains(words)
                });
                is_it.then_some(())
            })
            .await;
    }
}

/// What was announced.
const FIRST: (&str, &str) = ("PATCH", "/webhooks/*/*/messages/@original");
/// What is added to a press.
const MORE: (&str, &str) = ("POST", "/webhooks/*/*");

#[tokio::test]
async fn every_answer_after_its_time_is_said_where_it_was_asked_without_what_is_one_persons() {
    let stage = Stage::start("everyone = true", "").await;
    let (alice, bob) = (&stage.alice, stage.guild.member("bob"));
    let (message, thread) = stage.mention(alice, "run: echo always").await;
    let card = stage.card(thread, "echo always").await;
    alice.presses_labelled(card.id, "Always run exactly this command");
    stage.sign(message, "✅").await;
    let tool = stage
        .said(thread, "the tool", |said| said.button("Details").is_some())
        .await;
    let typed = alice.slash(thread, "status", &[]);
    let status = stage.answered(alice, thread, typed, "Always allowed").await;
    let forbid = status.controls()[0]["custom_id"]
        .as_str()
        .expect("a name")
        .to_owned();
    let vendor = ("vendor", json!("rehearsal"));
    let typed = alice.slash(thread, "auth", std::slice::from_ref(&vendor));
    let begun = stage.answered(alice, thread, typed, "Sign in to").await;
    let back = consent(&client(), &link(&begun), "alice-at-the-vendor").await;
    let mention = alice.mention();

    let no_options: Vec<(&str, Value)> = vec![];
    let alone = format!("{mention} The answer came too late to be shown to you alone");
    for (command, options, words) in [
        ("help", no_options.clone(), "in a channel with what you want"),
        ("queue", no_options.clone(), "Nothing waits here"),
        ("model", no_options.clone(), "the agent's own model"),
        ("agent", no_options.clone(), "served by"),
        ("stop", no_options.clone(), "Nothing runs in this thread"),
        ("status", no_options.clone(), "Always allowed here"),
        (
            "auth",
            vec![vendor.clone(), ("code", json!("wrong#wrong"))],
            alone.as_str(),
        ),
        ("auth", vec![("action", json!("status"))], &alone),
        (
            "auth",
            vec![vendor.clone(), ("code", json!(back))],
            &format!("{mention} ✅ Signed in to"),
        ),
        (
            "auth",
            vec![vendor.clone(), ("action", json!("logout"))],
            &format!("{mention} You are signed out of"),
        ),
        ("auth", vec![vendor.clone()], &alone),
        ("new", vec![("text", json!("say: new"))], "Here it goes on"),
    ] {
        stage
            .too_late(FIRST, thread, words, async || {
                alice.slash(thread, command, &options)
            })
            .await;
    }
    stage
        .too_late(
            FIRST,
            thread,
            "The details came too late to be shown to you alone",
            async || alice.presses_labelled(tool.id, "Details"),
        )
        .await;
    stage
        .too_late(FIRST, thread, "the next such call asks again", async || {
            alice.presses(status.id, &forbid)
        })
        .await;
    let allow = card.button("Allow once").expect("it was there");
    let only = format!("{} {}", bob.mention(), stage.only_alice("may decide that"));
    stage
        .too_late(MORE, thread, &only, async || bob.forges(card.id, &allow))
        .await;
    let gone = format!("{mention} This");
    stage
        .too_late(MORE, thread, &gone, async || alice.forges(card.id, &allow))
        .await;

    let open = stage.fake.look(|world| {
        let said = world.messages(thread);
        let open = said.into_iter().filter(|said| said.only_for.is_none());
        open.map(|said| format!("{} {:?}", said.content, said.controls()))
            .collect::<Vec<_>>()
            .join("\n")
    });
    for secret in [
        "alice-at-the-vendor",
        "/authorize",
        "code_challenge",
        "wrong#wrong",
        back.as_str(),
    ] {
        assert!(!open.contains(secret), "{secret}: {open}");
    }
    stage.said(thread, "the answer", with("Here it goes on")).await;
}

#[tokio::test]
async fn an_answer_whose_place_is_gone_by_then_is_said_to_its_asker_directly() {
    let stage = Stage::start("", "").await;
    let (message, thread) = stage.mention(&stage.alice, "say: hi").await;
    stage.sign(message, "✅").await;
    let words = "The answer came too late to be shown to you alone";
    let slow = Fault::slow(Duration::from_millis(700)).on(FIRST.0, FIRST.1);
    stage.fake.inject(slow);
    stage.alice.slash(thread, "auth", &[("action", json!("status"))]);
    while stage.fake.faults_left() > 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    stage.guild.member("g-owner").deletes_channel(thread);
    stage.fake.clock().advance(TOO_LATE);
    stage
        .said(stage.alice.direct(), "that it came too late", with(words))
        .await;
}

#[tokio::test]
async fn an_answer_that_discord_has_trouble_with_for_long_is_shown_to_its_asker_alone_all_the_same() {
    let mut stage = Stage::ready("", "").await;
    stage.hurry();
    stage.up().await;
    let (message, thread) = stage.mention(&stage.alice, "say: hi").await;
    stage.sign(message, "✅").await;
    stage
        .fake
        .inject(Fault::done_then(502).on(FIRST.0, FIRST.1).times(6));
    let words = "in a channel with what you want";
    let typed = stage.alice.slash(thread, "help", &[]);
    stage
        .fake
        .until_requested("that it is taken", |seen| {
            let mut taken = seen
                .iter()
                .filter(|one| one.method == FIRST.0 && one.status == 200);
            taken.any(|one| one.path.ends_with("@original")).then_some(())
        })
        .await;
    stage.told(&stage.alice, thread, typed, words).await;
    let said = stage.fake.said(thread);
    assert!(said.iter().all(|said| !said.contains(words)), "{said:?}");
}

#[tokio::test]
async fn why_a_press_was_not_done_is_told_when_discord_takes_it_and_once() {
    let mut stage = Stage::ready("everyone = true", "").await;
    stage.hurry();
    stage.up().await;
    let bob = stage.guild.member("bob");
    let (_, thread) = stage.mention(&stage.alice, "run: echo hers").await;
    let card = stage.card(thread, "echo hers").await;
    let allow = card.button("Allow once").expect("it is there");
    let only = stage.only_alice("may decide that");
    stage.fake.inject(Fault::page(403).on(MORE.0, MORE.1).times(3));
    let pressed = bob.forges(card.id, &allow);
    stage.told(&bob, thread, pressed, &only).await;
    // Of this one the host never learns that it was told.
    stage.fake.inject(Fault::done_then(504).on(MORE.0, MORE.1));
    let first = bob.forges(card.id, &allow);
    stage.told(&bob, thread, first, &only).await;
    let second = bob.forges(card.id, &allow);
    stage.told(&bob, thread, second, &only).await;
    let told = stage.fake.look(|world| {
        let seen = world.messages_seen_by(&bob, thread);
        seen.iter().filter(|one| one.interaction == Some(first)).count()
    });
    assert_eq!(told, 1);
}
