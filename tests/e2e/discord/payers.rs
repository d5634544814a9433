//! Whose login pays for what people of Discord ask, and what happens when logins end.

use std::collections::BTreeMap;
use std::fs;

use rehearsal::Counter;
use serde_json::{Value, json};
use support::discord::{Id, Person};
use support::{client, consent};

use super::signing_in::link;
use super::{Stage, with};

/// Threads whose login ends at once.
const MANY: usize = 30;

impl Stage {
    /// Begins a sign-in by command. The link, which only this person sees.
    async fn begins(&self, who: &Person, thread: Id) -> String {
        let typed = who.slash(thread, "auth", &[("vendor", json!("rehearsal"))]);
        let begun = self.answered(who, thread, typed, "Sign in to").await;
        assert_eq!(begun.only_for, Some(who.id), "nobody else sees it");
        link(&begun)
    }

    /// Types the code that the vendor's page showed, and waits for these words.
    async fn pastes(&self, who: &Person, thread: Id, code: &str, words: &str) {
        let options: [(&str, Value); 2] = [("vendor", json!("rehearsal")), ("code", json!(code))];
        let typed = who.slash(thread, "auth", &options);
        self.answered(who, thread, typed, words).await;
    }

    /// Whom the vendor counted, each with how often, after one more turn.
    async fn counted(&self, who: &Person, thread: Id, words: &str) -> BTreeMap<String, u64> {
        let message = who.says(thread, &format!("say: {words}"));
        self.is_whole(message, thread, words).await;
        self.scene.control().model_callers()
    }
}

fn callers<const N: usize>(all: [(&str, u64); N]) -> BTreeMap<String, u64> {
    all.map(|(name, count)| (name.to_owned(), count)).into()
}

#[tokio::test]
async fn two_people_sign_in_at_once_and_each_thread_works_on_its_owners_login() {
    let stage = Stage::start("everyone = true", "").await;
    let (alice, bob) = (stage.alice.clone(), stage.guild.member("bob"));
    let (message, bobs) = stage.mention(&bob, "say: on the house").await;
    stage.is_whole(message, bobs, "on the house").await;
    let counted = stage.scene.control().model_callers();
    assert_eq!(counted, callers([("operator", 1)]), "no own login, the host's");
    let (message, alices) = stage.mention(&alice, "say: on the house, too").await;
    stage.is_whole(message, alices, "on the house, too").await;

    let (one, other) = (stage.begins(&alice, alices).await, stage.begins(&bob, bobs).await);
    assert_ne!(one, other);
    let (one, other) = (
        consent(&client(), &one, "alice").await,
        consent(&client(), &other, "bob").await,
    );
    // Both are in the middle of it: neither's code is worth anything to the other.
    stage.pastes(&alice, alices, &other, "another sign-in").await;
    stage.pastes(&bob, bobs, &other, "Signed in to").await;
    stage.pastes(&alice, alices, &one, "Signed in to").await;

    let counted = stage.counted(&alice, alices, "my own").await;
    assert_eq!(counted, callers([("alice", 1), ("operator", 2)]));
    let counted = stage.counted(&bob, alices, "in hers").await;
    assert_eq!(
        counted,
        callers([("alice", 2), ("operator", 2)]),
        "the thread's owner pays, whoever speaks"
    );
    let words = format!("the login of {}", alice.mention());
    stage.said(alices, "whose login pays", with(&words)).await;
    let counted = stage.counted(&bob, bobs, "in my own").await;
    assert_eq!(counted, callers([("alice", 2), ("bob", 1), ("operator", 2)]));

    // A login that is there and dead is told; nobody else's is used, though the host's is good.
    stage.scene.control().revoke_families();
    stage.scene.control().expire();
    stage.scene.sign_in(&stage.scene.host()).await;
    let message = bob.says(alices, "say: after all");
    let card = stage.said(alices, "the card", with("Sign-in needed")).await;
    let pressed = bob.presses_labelled(card.id, "Sign in");
    stage
        .told(&bob, alices, pressed, "only they can sign in for it")
        .await;
    let pressed = alice.presses_labelled(card.id, "Sign in");
    let begun = stage.answered(&alice, alices, pressed, "Sign in to").await;
    let back = consent(&client(), &link(&begun), "alice").await;
    assert_eq!(
        stage.scene.control().model_callers(),
        callers([("alice", 2), ("bob", 1), ("operator", 2)])
    );
    stage.pastes(&alice, alices, &back, "Signed in to").await;
    stage.is_whole(message, alices, "after all").await;
    assert_eq!(
        stage.scene.control().model_callers(),
        callers([("alice", 3), ("bob", 1), ("operator", 2)])
    );
}

#[tokio::test]
async fn a_turn_that_spans_three_expiries_goes_on_unnoticed() {
    let stage = Stage::start("", "permissions = \"allow\"").await;
    let waits = |number| format!("run: until [ -e go-{number} ]; do sleep 0.05; done\n");
    let text: String = (1..=3).map(waits).collect();
    let (message, thread) = stage
        .mention(&stage.alice, &format!("{text}say: done at last"))
        .await;
    let before = stage.scene.count(Counter::Rotations);
    for number in 1..=3 {
        let runs = format!("▶️ `until [ -e go-{number} ]");
        stage.said(thread, "the command", with(&runs)).await;
        stage.scene.expire(&stage.scene.host());
        fs::write(stage.workspace(thread).join(format!("go-{number}")), "").expect("it can be written");
    }
    stage.is_whole(message, thread, "done at last").await;
    assert_eq!(stage.scene.count(Counter::Rotations) - before, 3);
    assert_eq!(stage.scene.count(Counter::ReuseDetected), 0);
    let said = stage.fake.said(thread).join("\n");
    assert!(
        !["🔑", "⚠️", "❌"].iter().any(|sign| said.contains(sign)),
        "{said}"
    );
}

#[tokio::test]
async fn threads_whose_login_ends_at_once_cost_one_refresh() {
    let stage = Stage::start("", "").await;
    let name = stage.fake.bot().mention();
    let opens = |number| {
        stage
            .alice
            .says(stage.channel, &format!("{name} say: thread {number}."))
    };
    let messages: Vec<Id> = (0..MANY).map(opens).collect();
    let mut threads = vec![];
    for (number, message) in messages.into_iter().enumerate() {
        let opened = stage
            .fake
            .until("a thread", |world| world.message(message)?.thread);
        let thread = opened.await;
        let words = format!("thread {number}.");
        stage.said(thread, "the answer", with(&words)).await;
        threads.push(thread);
    }
    stage.scene.expire(&stage.scene.host());
    let before = stage.scene.refreshes();
    for thread in &threads {
        stage.alice.says(*thread, "say: once more");
    }
    for thread in &threads {
        stage.said(*thread, "the answer", with("once more")).await;
    }
    assert_eq!(stage.scene.refreshes() - before, 1);
    assert_eq!(stage.scene.count(Counter::ReuseDetected), 0);
}
