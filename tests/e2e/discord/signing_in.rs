//! `/auth` in a thread.

use std::time::Duration;

use credentials::{Service, Tenant, UserId};
use rehearsal::{Decision, Fault, FaultRule, Target};
use serde_json::json;
use support::discord::{self, Answer, Id, Message, Person};
use support::{client, consent};

use super::foreign::proposed;
use super::{Stage, with};

mod choosing;
mod keys;

impl Stage {
    /// The answer to an interaction that its asker sees.
    pub(super) async fn answered(&self, who: &Person, channel: Id, interaction: Id, words: &str) -> Message {
        self.fake
            .until(words, |world| {
                let seen = world.messages_seen_by(who, channel);
                let mut answers = seen.iter().filter(|one| one.interaction == Some(interaction));
                answers
                    .find(|one| {
                        one.only_for == Some(who.id) && !one.is_loading() && one.content.contains(words)
                    })
                    .map(|one| (*one).clone())
            })
            .await
    }
}

impl Stage {
    /// Waits until nothing can be pressed any more on the card of a sign-in.
    async fn buttons_are_put_away(&self, card: &Message) {
        self.fake
            .until("a card without buttons", |world| {
                world.message(card.id)?.controls().is_empty().then_some(())
            })
            .await;
    }

    /// What the first field of a form is called.
    async fn label_of_form(&self, pressed: Id) -> String {
        self.fake
            .until("the form", |world| match &world.interaction(pressed)?.answer {
                Some(Answer::Form(form)) => {
                    let label = &form["components"][0]["components"][0]["label"];
                    label.as_str().map(str::to_owned)
                }
                _ => None,
            })
            .await
    }
}

/// The code that is to be typed at the vendor's.
pub(super) fn code(message: &Message) -> String {
    let mut lines = message.content.lines().skip_while(|line| *line != "```");
    lines.nth(1).expect("a code between fences").to_owned()
}

pub(super) fn link(message: &Message) -> String {
    let controls = message.controls();
    let url = controls.iter().find_map(|one| one["url"].as_str());
    url.expect("a link button").to_owned()
}

#[tokio::test]
async fn somebody_signs_in_with_a_pasted_code_and_nobody_else_can_end_it() {
    let stage = Stage::start("everyone = true", "").await;
    let (message, thread) = stage.mention(&stage.alice, "say: hi").await;
    stage.sign(message, "✅").await;
    let (alice, bob) = (&stage.alice, stage.guild.member("bob"));
    let typed = alice.slash(thread, "auth", &[("vendor", json!("rehearsal"))]);
    let begun = stage.answered(alice, thread, typed, "Sign in to").await;
    assert_eq!(begun.only_for, Some(alice.id), "nobody else sees it");
    let back = consent(&client(), &link(&begun), "alice@discord").await;

    // Bob has a code that is Alice's: it is worth nothing to him.
    let stolen = bob.slash(
        thread,
        "auth",
        &[("vendor", json!("rehearsal")), ("code", json!(back))],
    );
    stage.answered(&bob, thread, stolen, "sign-in of yours to").await;

    let pressed = alice.presses_labelled(begun.id, "Paste code");
    assert_eq!(stage.label_of_form(pressed).await, "Code, or address of the page");
    let sent = alice.submits(pressed, &[("code", &back)]);
    let done = stage.answered(alice, thread, sent, "Signed in to").await;
    let whose = " as alice@discord@rehearsal.invalid, for you, renewed by itself.";
    assert!(done.content.contains(whose), "{}", done.content);
    stage.buttons_are_put_away(&begun).await;

    let typed = alice.slash(thread, "auth", &[("action", json!("status"))]);
    stage.answered(alice, thread, typed, "(yours").await;
    let typed = alice.slash(
        thread,
        "auth",
        &[("vendor", json!("rehearsal")), ("action", json!("logout"))],
    );
    stage.answered(alice, thread, typed, "Signed out of").await;
}

#[tokio::test]
async fn a_turn_that_needs_a_login_goes_on_by_itself_after_the_sign_in() {
    let mut stage = Stage::ready("", "").await;
    stage.is_signed_out().await;
    stage.up().await;
    let typed = [("action", json!("status"))];
    let typed = stage.alice.slash(stage.channel, "auth", &typed);
    let no_login = "has no login to work with. Neither you nor the host has a login";
    stage.answered(&stage.alice, stage.channel, typed, no_login).await;
    let (message, thread) = stage.mention(&stage.alice, "say: with a login").await;
    let card = stage.said(thread, "the card", with("Sign-in needed")).await;
    stage.sign(message, "✋").await;
    let pressed = stage.alice.presses_labelled(card.id, "Sign in");
    let begun = stage.answered(&stage.alice, thread, pressed, "Sign in to").await;
    let back = consent(&client(), &link(&begun), "alice@discord").await;
    let typed = stage.alice.slash(
        thread,
        "auth",
        &[("vendor", json!("rehearsal")), ("code", json!(back))],
    );
    let told = stage.answered(&stage.alice, thread, typed, "Signed in to").await;
    assert!(
        told.content.contains("What waited for it goes on."),
        "{}",
        told.content
    );
    stage.sign(message, "✅").await;
    stage.said(thread, "the answer", with("with a login")).await;
}

#[tokio::test]
async fn a_sign_in_that_nobody_does_ends_in_one_message_with_a_way_to_try_again() {
    let mut stage = Stage::ready("", "[limits]\nlogin = \"3s\"").await;
    let host = stage.scene.host();
    stage.is_signed_out().await;
    stage.up().await;
    let (message, thread) = stage.mention(&stage.alice, "say: at last").await;
    stage.said(thread, "the card", with("Sign-in needed")).await;
    stage.sign(message, "❌").await;
    let said = stage.fake.said(thread);
    let [only] = &said[..] else {
        panic!("one message: {said:?}");
    };
    assert!(only.contains("nobody has signed in"), "{only}");
    let note = stage.said(thread, "the note", with("nobody has signed in")).await;
    stage.scene.sign_in(&host).await;
    stage.alice.presses_labelled(note.id, "Retry");
    stage.said(thread, "the answer", with("at last")).await;
    stage.sign(message, "✅").await;
    let deleted = stage.fake.requests();
    let deleted = deleted.iter().filter(|asked| {
        asked.method == "DELETE" && asked.path.contains("/messages/") && !asked.path.contains("/reactions/")
    });
    assert_eq!(deleted.count(), 1, "the card went once");
    let told = stage.host.as_ref().expect("it runs").told();
    assert!(!told.contains("could not be changed"), "{told}");
}

#[tokio::test]
async fn only_administrators_sign_in_for_everyone() {
    let stage = Stage::start("everyone = true", "").await;
    let bob = stage.guild.member("bob");
    let options = [("vendor", json!("rehearsal")), ("scope", json!("everyone"))];
    let typed = bob.slash(stage.channel, "auth", &options);
    stage
        .answered(&bob, stage.channel, typed, "Only administrators")
        .await;
    let typed = stage.alice.slash(stage.channel, "auth", &options);
    stage
        .answered(
            &stage.alice,
            stage.channel,
            typed,
            "for everyone who uses this bot",
        )
        .await;
}

#[tokio::test]
async fn a_sign_in_with_a_code_completes_by_itself_also_when_the_host_died_meanwhile() {
    let mut stage = Stage::start("", "").await;
    let (message, thread) = stage.mention(&stage.alice, "say: hi").await;
    stage.sign(message, "✅").await;
    let options = [("vendor", json!("rehearsal")), ("way", json!("device"))];
    for dies in [false, true] {
        let typed = stage.alice.slash(thread, "auth", &options);
        let begun = stage
            .answered(&stage.alice, thread, typed, "enter this code")
            .await;
        if dies {
            stage.kill();
            stage.up().await;
        }
        let decided = stage
            .scene
            .control()
            .decide_device(&code(&begun), "alice", Decision::Approve);
        assert!(decided.is_ok(), "{decided:?}");
        stage.answered(&stage.alice, thread, typed, "Signed in to").await;
        stage.buttons_are_put_away(&begun).await;
        let typed = stage.alice.slash(
            thread,
            "auth",
            &[("vendor", json!("rehearsal")), ("action", json!("logout"))],
        );
        stage.answered(&stage.alice, thread, typed, "Signed out of").await;
    }
    let kept = stage.scene.folder().join("discord/sign-ins");
    let kept = std::fs::read_dir(kept).expect("it is there").count();
    assert_eq!(kept, 0, "no way back is kept longer than it is needed");
}

impl Stage {
    /// Somebody begins a sign-in with a code that ends after so many seconds; nobody types it.
    async fn begins_with_a_code(&self, channel: Id, seconds: u64) -> Id {
        let rule = FaultRule {
            target: Target::DeviceAuthorization,
            times: Some(1),
            fault: Fault::Set {
                field: "expires_in".to_owned(),
                value: json!(seconds),
            },
        };
        self.scene.control().add_fault(rule).expect("it can be acted out");
        let options = [("vendor", json!("rehearsal")), ("way", json!("device"))];
        let typed = self.alice.slash(channel, "auth", &options);
        self.answered(&self.alice, channel, typed, "enter this code")
            .await;
        typed
    }
}

#[tokio::test]
async fn a_code_that_nobody_types_in_time_is_told_once_whatever_ended_first() {
    let mut stage = Stage::start("", "").await;
    let (message, thread) = stage.mention(&stage.alice, "say: hi").await;
    stage.sign(message, "✅").await;
    let over = "was not finished in time";
    let typed = stage.begins_with_a_code(thread, 3).await;
    let told = stage.answered(&stage.alice, thread, typed, over).await;
    assert_eq!(told.only_for, Some(stage.alice.id));
    assert!(told.content.contains("`/auth`"), "{}", told.content);

    // Nobody can be told alone any more: then where it was begun.
    let hour = Duration::from_hours(1);
    stage.begins_with_a_code(thread, 2).await;
    stage.fake.clock().advance(hour);
    let told = stage.said(thread, "that it is over", with(over)).await;
    assert!(
        told.content.contains(&stage.alice.mention()) && told.only_for.is_none(),
        "{told:?}"
    );

    // The same where no conversation is, and while no host runs.
    stage.begins_with_a_code(stage.channel, 4).await;
    stage.kill();
    let store = stage.scene.credentials();
    let waits = || {
        let pending = store.store().pending_sign_ins().expect("it can be read");
        pending.iter().any(|one| !one.is_over)
    };
    while waits() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    stage.fake.clock().advance(hour);
    stage.up().await;
    stage.said(stage.channel, "that it is over", with(over)).await;

    stage.kill();
    stage.up().await;
    let (message, thread) = stage.mention(&stage.alice, "say: at rest").await;
    stage.sign(message, "✅").await;
    for place in [thread, stage.channel] {
        let said = stage.fake.said(place);
        assert!(
            said.iter().filter(|said| said.contains(over)).count() <= 1,
            "{said:?}"
        );
    }
    let kept = stage.scene.folder().join("discord/sign-ins");
    let kept = std::fs::read_dir(kept).expect("it is there").count();
    assert_eq!(kept, 0, "no way back is kept longer than it is needed");
}

#[tokio::test]
async fn a_sign_in_with_a_code_that_was_stored_and_not_told_is_told_as_one_that_worked() {
    let mut stage = Stage::start("", "").await;
    let (message, thread) = stage.mention(&stage.alice, "say: hi").await;
    stage.sign(message, "✅").await;
    let options = [("vendor", json!("rehearsal")), ("way", json!("device"))];
    let typed = stage.alice.slash(thread, "auth", &options);
    let begun = stage
        .answered(&stage.alice, thread, typed, "enter this code")
        .await;
    stage.kill();
    let control = stage.scene.control();
    let decided = control.decide_device(&code(&begun), "alice", Decision::Approve);
    assert!(decided.is_ok(), "{decided:?}");
    // As a host does it that is killed before it can say so.
    let user = UserId::parse(&format!("discord:{}", stage.alice.id)).expect("a user");
    let service = Service::parse("rehearsal").expect("a service");
    let stored = stage.scene.credentials().complete(&service, &user, None).await;
    assert!(stored.is_ok(), "{stored:?}");
    stage.up().await;
    let told = stage.answered(&stage.alice, thread, typed, "Signed in to").await;
    assert!(told.content.contains("alice"), "{}", told.content);
    let seen = stage.fake.look(|world| {
        let seen = world.messages_seen_by(&stage.alice, thread);
        seen.iter().map(|one| one.content.clone()).collect::<Vec<_>>()
    });
    assert!(
        seen.iter().all(|one| !one.contains("with a code is over")),
        "{seen:?}"
    );
}

#[tokio::test]
async fn a_login_that_was_there_before_and_renewed_meanwhile_is_not_told_as_a_sign_in_that_worked() {
    let mut stage = Stage::start("", "").await;
    let (message, thread) = stage.mention(&stage.alice, "say: hi").await;
    stage.sign(message, "✅").await;
    let user = UserId::parse(&format!("discord:{}", stage.alice.id)).expect("a user");
    let hers = Tenant::user(Service::parse("rehearsal").expect("a service"), user);
    stage.scene.sign_in(&hers).await;
    let typed = stage.begins_with_a_code(thread, 3).await;
    stage.kill();
    let store = stage.scene.credentials();
    let pending = || store.store().pending_sign_ins().expect("it can be read");
    while pending().iter().any(|one| !one.is_over) {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // What writes for another reason takes away what is over.
    stage.scene.expire(&hers);
    let renewed = stage.scene.token(&hers).await;
    assert!(renewed.is_ok() && pending().is_empty(), "{renewed:?}");
    stage.up().await;
    let told = stage
        .answered(&stage.alice, thread, typed, "with a code is over")
        .await;
    assert!(!told.content.contains("Signed in"), "{}", told.content);
}

#[tokio::test]
async fn a_sign_in_with_a_code_whose_place_a_newer_one_took_is_told_so() {
    let stage = Stage::start("", "").await;
    let (alice, channel) = (&stage.alice, stage.channel);
    let options = [("vendor", json!("rehearsal")), ("way", json!("device"))];
    let older = alice.slash(channel, "auth", &options);
    let card = stage.answered(alice, channel, older, "enter this code").await;
    let newer = alice.slash(channel, "auth", &options);
    let begun = stage.answered(alice, channel, newer, "enter this code").await;
    let told = stage
        .answered(alice, channel, older, "took its place: this code counts no more")
        .await;
    assert_eq!(told.only_for, Some(alice.id));
    stage.buttons_are_put_away(&card).await;
    let control = stage.scene.control();
    let decided = control.decide_device(&code(&begun), "alice", Decision::Approve);
    assert!(decided.is_ok(), "{decided:?}");
    stage.answered(alice, channel, newer, "Signed in to").await;
}

#[tokio::test]
async fn one_whose_place_a_newer_one_took_is_told_so_also_where_the_host_died_before_it_could() {
    let mut stage = Stage::start("", "").await;
    let channel = stage.channel;
    let options = [("vendor", json!("rehearsal")), ("way", json!("device"))];
    // What takes its place may be of any kind.
    let link = [("vendor", json!("rehearsal"))];
    let no_more = "took its place: this code counts no more";
    for (newer, shown) in [(&options[..], "enter this code"), (&link[..], "Open the page")] {
        let older = stage.alice.slash(channel, "auth", &options);
        let card = stage
            .answered(&stage.alice, channel, older, "enter this code")
            .await;
        stage
            .fake
            .inject(discord::Fault::held().on("POST", "/webhooks/*/*").times(100));
        let newer = stage.alice.slash(channel, "auth", newer);
        stage.answered(&stage.alice, channel, newer, shown).await;
        stage.kill();
        stage.fake.forget_faults();
        stage.up().await;
        let told = stage.answered(&stage.alice, channel, older, no_more).await;
        assert_eq!(told.only_for, Some(stage.alice.id));
        stage.buttons_are_put_away(&card).await;
    }
}
