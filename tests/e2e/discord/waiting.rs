//! Turns that wait for a login: they go on by themselves, wherever somebody signs in.

use support::discord::Id;
use support::{Person, client, consent};

use super::signing_in::link;
use super::{Stage, with};

impl Stage {
    /// A host without a login, which two threads of Alice's wait for: messages, threads, and the names of their buttons.
    async fn two_wait() -> (Self, [(Id, Id, String); 2]) {
        let mut stage = Self::ready("", "").await;
        stage.is_signed_out().await;
        stage.up().await;
        let mut both = vec![];
        for words in ["say: the first", "say: the second"] {
            let (message, thread) = stage.mention(&stage.alice, words).await;
            let card = stage.said(thread, "the card", with("Sign-in needed")).await;
            stage.sign(message, "✋").await;
            both.push((message, thread, card.button("Sign in").expect("a button")));
        }
        let both = both.try_into().expect("two");
        (stage, both)
    }

    /// Both have gone on, and their buttons are lines that say why.
    async fn go_on(&self, both: &[(Id, Id, String); 2]) {
        for ((message, thread, button), words) in both.iter().zip(["the first", "the second"]) {
            self.is_whole(*message, *thread, words).await;
            let line = self.said(*thread, "the line", with("✅ Signed in to")).await;
            assert!(line.controls().is_empty(), "{line:?}");
            let pressed = self.alice.forges(line.id, button);
            self.told(&self.alice, *thread, pressed, "That was done already")
                .await;
        }
    }
}

#[tokio::test]
async fn two_threads_that_wait_go_on_after_one_sign_in_by_the_button_of_one() {
    let (stage, both) = Stage::two_wait().await;
    let (_, thread, _) = &both[1];
    let card = stage.said(*thread, "the card", with("Sign-in needed")).await;
    let pressed = stage.alice.presses_labelled(card.id, "Sign in");
    let begun = stage.answered(&stage.alice, *thread, pressed, "Sign in to").await;
    let back = consent(&client(), &link(&begun), "alice").await;
    let pressed = stage.alice.presses_labelled(begun.id, "Paste code");
    stage.is_form(pressed).await;
    let sent = stage.alice.submits(pressed, &[("code", &back)]);
    stage.answered(&stage.alice, *thread, sent, "Signed in to").await;
    stage.go_on(&both).await;
}

#[tokio::test]
async fn they_go_on_after_a_sign_in_of_another_process() {
    let (stage, both) = Stage::two_wait().await;
    stage.scene.sign_in(&stage.scene.host()).await;
    stage.go_on(&both).await;
}

#[tokio::test]
async fn they_go_on_after_a_sign_in_for_everyone_at_the_page() {
    let (stage, both) = Stage::two_wait().await;
    let link = stage.host.as_ref().expect("it runs").link().clone();
    let person = Person::enter(&link).await;
    let wanted = serde_json::json!({ "service": "rehearsal", "scope": "host" });
    let (status, begun) = person.post("/api/auth/begin", &wanted).await;
    assert!(status.is_success(), "{begun}");
    let back = consent(&client(), begun["url"].as_str().expect("a link"), "alice").await;
    let done = serde_json::json!({ "service": "rehearsal", "pasted": back });
    let (status, done) = person.post("/api/auth/complete", &done).await;
    assert!(status.is_success(), "{done}");
    stage.go_on(&both).await;
}

#[tokio::test]
async fn after_a_restart_the_card_is_over_and_retry_asks_anew_and_goes_on() {
    let (mut stage, both) = Stage::two_wait().await;
    stage.kill();
    stage.up().await;
    for (_, thread, button) in &both {
        let cut = stage
            .said(*thread, "that it was cut", |said| said.button("Retry").is_some())
            .await;
        // The card is gone; somebody may still have it before them.
        let pressed = stage.alice.forges(cut.id, button);
        stage
            .told(&stage.alice, *thread, pressed, "Nothing waits for that any more")
            .await;
        stage.alice.presses_labelled(cut.id, "Retry");
        stage.said(*thread, "the card", with("Sign-in needed")).await;
    }
    stage.scene.sign_in(&stage.scene.host()).await;
    for ((_, thread, _), words) in both.iter().zip(["the first", "the second"]) {
        stage.said(*thread, "the line", with("✅ Signed in to")).await;
        stage
            .said(*thread, "the answer", |said| said.content.starts_with(words))
            .await;
    }
}
