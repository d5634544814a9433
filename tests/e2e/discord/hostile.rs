//! What somebody does on purpose, and what comes too late.

use std::sync::atomic::Ordering;

use serde_json::json;
use support::discord::{Fault, Post};

use super::Stage;
use crate::bot_doctor::{PROXIES, listener};

#[tokio::test]
async fn with_a_local_api_a_host_sends_nothing_to_a_proxy() {
    let mut stage = Stage::ready("", "").await;
    let (proxy, proxied) = listener("HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n".to_owned());
    let proxy = format!("http://127.0.0.1:{proxy}");
    stage.environment = PROXIES.map(|name| (name, proxy.clone())).to_vec();
    stage.up().await;
    let text = format!("{} say: hi", stage.fake.bot().mention());
    let asked = stage.alice.posts(
        stage.channel,
        Post::new(&text).file("a.txt", "text/plain", b"words"),
    );
    stage.sign(asked, "✅").await;
    assert_eq!(proxied.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn an_interaction_that_comes_twice_is_done_once() {
    let stage = Stage::start("", "").await;
    let command = "echo once >> proof.txt; cat proof.txt";
    let (message, thread) = stage.mention(&stage.alice, &format!("run: {command}")).await;
    let card = stage
        .said(thread, "the card", |said| said.content.contains("May it"))
        .await;
    let pressed = stage.alice.presses_labelled(card.id, "Allow once");
    stage.fake.replays(pressed);
    stage.sign(message, "✅").await;
    let lines = stage.fake.said(thread);
    let lines = lines.iter().filter(|said| said.contains("Allowed once by alice"));
    assert_eq!(lines.count(), 1);

    let typed = stage
        .alice
        .slash(stage.channel, "new", &[("text", json!("say: new"))]);
    stage.fake.replays(typed);
    let again = stage
        .alice
        .slash(stage.channel, "new", &[("text", json!("say: newer"))]);
    stage
        .fake
        .until("the answer to the last one", |world| {
            let seen = world.messages_seen_by(&stage.alice, stage.channel);
            let mut answers = seen.iter().filter(|one| one.interaction == Some(again));
            answers
                .any(|one| one.content.contains("Here it goes on"))
                .then_some(())
        })
        .await;
    stage
        .fake
        .until("the answer to the first one", |world| {
            let seen = world.messages_seen_by(&stage.alice, stage.channel);
            let mut answers = seen.iter().filter(|one| one.interaction == Some(typed));
            answers
                .any(|one| one.content.contains("Here it goes on"))
                .then_some(())
        })
        .await;
    let threads = stage.fake.look(|world| world.threads(stage.channel).len());
    assert_eq!(threads, 3, "the mention's, and one for each command");
}

#[tokio::test]
async fn an_answer_to_a_command_of_which_nobody_knows_whether_it_came_is_said_once() {
    let stage = Stage::start("", "").await;
    let (message, thread) = stage.mention(&stage.alice, "say: hi").await;
    stage.sign(message, "✅").await;
    let lost = Fault::answer_lost().on("PATCH", "/webhooks/*/*/messages/@original");
    stage.fake.inject(lost);
    let words = "in a channel with what you want";
    let typed = stage.alice.slash(thread, "help", &[]);
    stage.told(&stage.alice, thread, typed, words).await;
    let typed = stage.alice.slash(thread, "status", &[]);
    stage.told(&stage.alice, thread, typed, "").await;
    let (message, _) = stage.mention(&stage.alice, "say: bye").await;
    stage.sign(message, "✅").await;
    let said = stage.fake.said(thread);
    assert!(said.iter().all(|said| !said.contains(words)), "{said:?}");
}

#[tokio::test]
async fn what_nobody_can_see_makes_a_thread_with_a_name_and_an_answer() {
    let stage = Stage::start("", "").await;
    let flood = "\u{200b}\u{200d}\u{2060}\u{feff}".repeat(400);
    let (message, thread) = stage
        .mention(&stage.alice, &format!("{flood}\nsay: seen {flood} and read"))
        .await;
    stage.sign(message, "✅").await;
    let name = stage
        .fake
        .look(|world| world.channel(thread).map(|thread| thread.name.clone()));
    let name = name.expect("a thread");
    assert!(name.contains("say: seen"), "{name:?}");
    let said = stage.fake.said(thread).join("\n");
    assert!(said.contains("seen"), "{said}");
    assert!(!said.contains('\u{200b}'), "{said:?}");
}

#[tokio::test]
async fn who_presses_somebody_elses_buttons_gets_nowhere() {
    let stage = Stage::start("everyone = true", "permissions = \"allow\"").await;
    let bob = stage.guild.member("bob");
    let (message, thread) = stage.mention(&stage.alice, "say: hi").await;
    stage.sign(message, "✅").await;
    let typed = stage
        .alice
        .slash(thread, "auth", &[("vendor", json!("rehearsal"))]);
    let begun = stage
        .fake
        .until("the sign-in", |world| {
            let seen = world.messages_seen_by(&stage.alice, thread);
            let mut answers = seen.into_iter().filter(|one| one.interaction == Some(typed));
            answers.find(|one| !one.controls().is_empty()).cloned()
        })
        .await;
    let custom_id = begun.button("Paste code").expect("a button");
    // Of another thread: its seal does not fit there.
    let (other, elsewhere) = stage.mention(&bob, "say: hi").await;
    stage.sign(other, "✅").await;
    let stolen = stage.fake.messages(elsewhere);
    let stolen = stolen.first().expect("an answer").id;
    let forged = bob.forges(stolen, &custom_id);
    stage
        .fake
        .until("that it is not ours", |world| {
            let seen = world.messages_seen_by(&bob, elsewhere);
            let mut answers = seen.iter().filter(|one| one.interaction == Some(forged));
            answers
                .any(|one| one.content.contains("not one of mine"))
                .then_some(())
        })
        .await;
}
