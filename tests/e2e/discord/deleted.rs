//! Cards that somebody deletes while they wait: they are posted anew, as often as makes sense, and `/status` has them.

use support::discord::permissions::MANAGE_MESSAGES;
use support::discord::{Fault, Id, Message, Person};

use super::{Stage, with};
use crate::threads::until;

/// What stands in the place of a card that was deleted too often.
const NO_MORE: &str = "deleted too often";

impl Stage {
    /// Somebody who may delete what others said.
    fn moderator(&self) -> Person {
        let carol = self.guild.member("carol");
        let role = self.guild.role("moderators", MANAGE_MESSAGES);
        self.guild.set_roles(&carol, &[role]);
        carol
    }

    /// Waits for another card for this command than these.
    async fn another_card(&self, thread: Id, command: &str, known: &[Id]) -> Message {
        self.said(thread, "the card, anew", |said| {
            said.content.contains("May it") && said.content.contains(command) && !known.contains(&said.id)
        })
        .await
    }

    /// Deletes the card of a command as often as it is posted: all of them.
    async fn deletes_all(&self, moderator: &Person, thread: Id, command: &str) -> Vec<Id> {
        let mut known = vec![];
        for _ in 0..4 {
            let card = self.another_card(thread, command, &known).await;
            known.push(card.id);
            moderator.deletes(card.id);
        }
        self.said(thread, "that it is over", with(NO_MORE)).await;
        known
    }

    /// Waits until the host knows where a card stands: until Discord has answered, it is on its way.
    async fn knows_where_it_stands(&self, thread: Id, card: Id) {
        let link = format!("/{thread}/{card}");
        until(async || {
            let typed = self.alice.slash(thread, "status", &[]);
            let told = self.answered(&self.alice, thread, typed, "Waits for an answer");
            let told = told.await.content;
            assert!(told.contains(&link) || told.contains("on its way"), "{told}");
            told.contains(&link).then_some(())
        })
        .await;
    }

    /// Cards with buttons that stand in a thread for everybody.
    fn cards(&self, thread: Id) -> usize {
        let messages = self.fake.messages(thread);
        let is_card = |said: &&Message| said.only_for.is_none() && said.button("Allow once").is_some();
        messages.iter().filter(is_card).count()
    }
}

#[tokio::test]
async fn a_card_that_is_deleted_while_it_waits_is_posted_anew_and_answered_once() {
    let stage = Stage::start("", "").await;
    let carol = stage.moderator();
    let (message, thread) = stage.mention(&stage.alice, "run: echo x >> proof").await;
    let first = stage.card(thread, "proof").await;
    let old = first.button("Allow once").expect("a button");
    carol.deletes(first.id);
    let second = stage.another_card(thread, "proof", &[first.id]).await;
    assert_eq!(stage.cards(thread), 1);
    stage.alice.presses_labelled(second.id, "Allow once");
    stage.sign(message, "✅").await;
    let line = stage
        .said(thread, "the line", with("Allowed once by alice"))
        .await;
    assert_eq!(line.id, second.id);
    let pressed = stage.alice.forges(second.id, &old);
    stage
        .told(&stage.alice, thread, pressed, "answered already")
        .await;
    let proof = std::fs::read_to_string(stage.workspace(thread).join("proof"));
    assert_eq!(proof.expect("it ran"), "x\n");
    // What was decided is no card any more.
    carol.deletes(line.id);
    let later = stage.alice.says(thread, "say: later");
    stage.is_whole(later, thread, "later").await;
    let said = stage.fake.said(thread).join("\n");
    assert!(!said.contains("Allowed once"), "{said}");
}

#[tokio::test]
async fn a_sign_in_that_is_waited_for_is_posted_anew_too() {
    let mut stage = Stage::ready("", "").await;
    stage.is_signed_out().await;
    stage.up().await;
    let carol = stage.moderator();
    let (message, thread) = stage.mention(&stage.alice, "say: at last").await;
    let first = stage.said(thread, "the card", with("Sign-in needed")).await;
    carol.deletes(first.id);
    let second = stage
        .said(thread, "the card, anew", |said| {
            said.content.contains("Sign-in needed") && said.id != first.id
        })
        .await;
    assert!(second.button("Sign in").is_some());
    stage.scene.sign_in(&stage.scene.host()).await;
    stage.is_whole(message, thread, "at last").await;
    let line = stage.said(thread, "the line", with("✅ Signed in to")).await;
    assert_eq!(line.id, second.id);
}

impl Stage {
    /// Waits until a card that somebody alone sees says this, without its buttons.
    async fn is_put_away(&self, card: Id, words: &str) {
        self.fake
            .until(words, |world| {
                let card = world.message(card)?;
                let is_over = card.content.contains(words) && card.button("Allow once").is_none();
                is_over.then_some(())
            })
            .await;
    }
}

#[tokio::test]
async fn whoever_deletes_again_and_again_ends_the_posting_and_status_has_the_card() {
    let stage = Stage::start("everyone = true", "").await;
    let (carol, bob) = (stage.moderator(), stage.guild.member("bob"));
    let (message, thread) = stage.mention(&stage.alice, "run: echo proof").await;
    let known = stage.deletes_all(&carol, thread, "proof").await;
    let line = stage.said(thread, "that it is over", with(NO_MORE)).await;
    assert!(line.content.contains("`/status`"), "{}", line.content);
    carol.deletes(line.id);

    let typed = bob.slash(thread, "status", &[]);
    let told = stage.answered(&bob, thread, typed, "Waits for an answer").await;
    assert!(
        // In the middle of a line.
        told.content.contains(&stage.only_alice("may decide that")[1..]),
        "{}",
        told.content
    );
    let typed = stage.alice.slash(thread, "status", &[]);
    let told = stage
        .answered(&stage.alice, thread, typed, "Waits for an answer")
        .await;
    assert!(told.content.contains("`echo proof`: below"), "{}", told.content);
    let card = stage
        .fake
        .until("the card for Alice alone", |world| {
            let seen = world.messages_seen_by(&stage.alice, thread);
            let mut cards = seen.iter().filter(|one| one.button("Allow once").is_some());
            cards
                .find(|one| one.only_for == Some(stage.alice.id))
                .map(|one| (*one).clone())
        })
        .await;
    let of_bob = stage.fake.look(|world| {
        let seen = world.messages_seen_by(&bob, thread);
        seen.iter()
            .filter(|one| one.button("Allow once").is_some())
            .count()
    });
    assert_eq!((of_bob, stage.cards(thread)), (0, 0));
    let typed = stage.alice.slash(thread, "status", &[]);
    let asked = stage
        .answered(&stage.alice, thread, typed, "Waits for an answer")
        .await;
    let copy = stage
        .fake
        .until("a second card for Alice alone", |world| {
            let seen = world.messages_seen_by(&stage.alice, thread);
            let mut copies = seen.iter().filter(|one| one.button("Allow once").is_some());
            copies.find(|one| one.id > asked.id).map(|one| one.id)
        })
        .await;
    stage.alice.presses_labelled(card.id, "Allow once");
    stage.is_whole(message, thread, "✅ `echo proof`").await;
    stage.is_put_away(card.id, "This is decided").await;
    stage.alice.presses_labelled(copy, "Allow once");
    stage.is_put_away(copy, "This is decided").await;
    assert!(known.len() == 4 && !stage.fake.said(thread).iter().any(|said| said.contains(NO_MORE)));
}

#[tokio::test]
async fn a_host_that_dies_with_a_card_posted_anew_leaves_no_card_behind() {
    let mut stage = Stage::start("", "").await;
    let carol = stage.moderator();
    let (message, thread) = stage.mention(&stage.alice, "run: echo never").await;
    let first = stage.card(thread, "echo never").await;
    carol.deletes(first.id);
    let second = stage.another_card(thread, "echo never", &[first.id]).await;
    stage.kill();
    stage.up().await;
    stage.sign(message, "❌").await;
    let line = stage
        .said(thread, "the line", with("The turn ended before anybody answered"))
        .await;
    assert_eq!((line.id, stage.cards(thread)), (second.id, 0));
}

#[tokio::test]
async fn status_says_where_what_waits_stands() {
    let stage = Stage::start("", "").await;
    let carol = stage.moderator();
    let (message, thread) = stage.mention(&stage.alice, "run: echo here").await;
    let card = stage.card(thread, "echo here").await;
    stage.knows_where_it_stands(thread, card.id).await;
    stage.alice.presses_labelled(card.id, "Allow once");
    stage.sign(message, "✅").await;

    // A turn that failed, and whose button was deleted.
    let fails = stage.alice.says(thread, "fail 400\nsay: at last");
    stage.sign(fails, "❌").await;
    let note = stage
        .said(thread, "the note", |said| said.button("Retry").is_some())
        .await;
    let typed = stage.alice.slash(thread, "status", &[]);
    let link = format!("/{thread}/{}", note.id);
    stage.answered(&stage.alice, thread, typed, &link).await;
    carol.deletes(note.id);
    let typed = stage.alice.slash(thread, "status", &[]);
    stage
        .answered(&stage.alice, thread, typed, "can be tried again: below")
        .await;
    let again = stage
        .fake
        .until("the note for Alice alone", |world| {
            let seen = world.messages_seen_by(&stage.alice, thread);
            let mut notes = seen.iter().filter(|one| one.only_for == Some(stage.alice.id));
            notes.find(|one| one.button("Retry").is_some()).map(|one| one.id)
        })
        .await;
    stage.alice.presses_labelled(again, "Retry");
    stage
        .said(thread, "the answer", |said| said.content.starts_with("at last"))
        .await;
    let typed = stage.alice.slash(thread, "status", &[]);
    let told = stage.answered(&stage.alice, thread, typed, "Agent:").await;
    assert!(!told.content.contains("Waits for"), "{}", told.content);
}

#[tokio::test]
async fn a_card_that_can_not_be_looked_for_now_is_told_by_its_link_and_shown_nowhere_else() {
    let stage = Stage::start("", "").await;
    let (_, thread) = stage.mention(&stage.alice, "run: echo here").await;
    let card = stage.card(thread, "echo here").await;
    stage.knows_where_it_stands(thread, card.id).await;
    stage
        .fake
        .inject(Fault::status(502).on("GET", "/channels/*/messages/*"));
    let typed = stage.alice.slash(thread, "status", &[]);
    let told = stage
        .answered(&stage.alice, thread, typed, "Waits for an answer")
        .await;
    assert_eq!(stage.fake.faults_left(), 0);
    let link = format!("/{thread}/{}", card.id);
    assert!(
        told.content.contains(&link) && told.content.contains("Discord does not say now"),
        "{}",
        told.content
    );
}

#[tokio::test]
async fn a_card_that_is_promised_below_comes_also_where_something_is_in_its_way_for_a_while() {
    let stage = Stage::start("", "").await;
    let carol = stage.moderator();
    let (fails, thread) = stage.mention(&stage.alice, "fail 400\nsay: at last").await;
    stage.sign(fails, "❌").await;
    let note = stage
        .said(thread, "the note", |said| said.button("Retry").is_some())
        .await;
    carol.deletes(note.id);
    stage
        .fake
        .inject(Fault::page(403).on("POST", "/webhooks/*/*").times(2));
    let typed = stage.alice.slash(thread, "status", &[]);
    stage
        .answered(&stage.alice, thread, typed, "can be tried again: below")
        .await;
    stage
        .fake
        .until("the note for Alice alone", |world| {
            let seen = world.messages_seen_by(&stage.alice, thread);
            let mut notes = seen.iter().filter(|one| one.only_for == Some(stage.alice.id));
            notes.any(|one| one.button("Retry").is_some()).then_some(())
        })
        .await;
    assert_eq!(stage.fake.faults_left(), 0);
}
