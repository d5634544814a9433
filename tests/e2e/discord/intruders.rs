//! `/auth`, for somebody who means harm, or does not look closely.

use rehearsal::{Counter, Decision};
use serde_json::json;
use support::discord::{Fault, Id, Message, Person};
use support::{client, consent};

use super::Stage;
use super::signing_in::{code, link};

impl Stage {
    /// A thread of Alice's.
    async fn hers(&self) -> Id {
        let (message, thread) = self.mention(&self.alice, "say: hi").await;
        self.sign(message, "✅").await;
        thread
    }

    async fn auth(&self, who: &Person, place: Id, options: &[(&str, &str)], words: &str) -> Message {
        let options: Vec<_> = options.iter().map(|(name, is)| (*name, json!(is))).collect();
        let typed = who.slash(place, "auth", &options);
        let told = self.answered(who, place, typed, words).await;
        assert_eq!(told.only_for, Some(who.id), "nobody else sees it");
        told
    }

    /// Nothing that anybody reads, that Discord was sent or that the log says has this in it.
    fn is_nowhere(&self, secret: &str) {
        let log = self.host.as_ref().expect("it runs").told();
        assert!(!log.contains(secret), "in the log");
        let sent = format!("{:?}", self.fake.requests());
        assert!(!sent.contains(secret), "it was sent back");
    }
}

const REHEARSAL: (&str, &str) = ("vendor", "rehearsal");

#[tokio::test]
async fn who_has_seen_the_buttons_and_forms_of_somebody_elses_sign_in_ends_nothing_with_them() {
    let stage = Stage::start("everyone = true", "").await;
    let (alice, bob) = (&stage.alice, stage.guild.member("bob"));
    let thread = stage.hers().await;
    let begun = stage.auth(alice, thread, &[REHEARSAL], "Sign in to").await;
    let back = consent(&client(), &link(&begun), "alice").await;
    let paste = begun.button("Paste code").expect("a button");
    // The button is good for the form, and the form for one's own sign-in alone.
    let forged = bob.forges(begun.id, &paste);
    stage.is_form(forged).await;
    let sent = bob.submits(forged, &[("code", &back)]);
    stage.answered(&bob, thread, sent, "sign-in of yours to").await;
    stage
        .auth(&bob, thread, &[REHEARSAL, ("code", &back)], "sign-in of yours to")
        .await;

    // Both have begun: a code with the other one's state is worth nothing.
    let theirs = stage.auth(&bob, thread, &[REHEARSAL], "Sign in to").await;
    stage
        .auth(&bob, thread, &[REHEARSAL, ("code", &back)], "another sign-in")
        .await;
    let pressed = alice.presses_labelled(begun.id, "Paste code");
    stage.is_form(pressed).await;
    let sent = alice.submits(pressed, &[("code", &back)]);
    stage.answered(alice, thread, sent, "Signed in to").await;
    let codes = stage.scene.count(Counter::CodesExchanged);

    // What was sent once is not taken twice, also when the login is gone.
    let status = stage.auth(alice, thread, &[("action", "status")], "(yours").await;
    let out = status.controls()[0]["custom_id"]
        .as_str()
        .expect("a name")
        .to_owned();
    let stolen = bob.forges(status.id, &out);
    stage.answered(&bob, thread, stolen, "There was no login").await;
    stage.auth(alice, thread, &[("action", "status")], "(yours").await;
    let pressed = alice.presses(status.id, &out);
    stage.answered(alice, thread, pressed, "Signed out of").await;
    stage.fake.replays(sent);
    // The button is gone from the card, and its name is still known.
    let forged = alice.forges(begun.id, &paste);
    stage.is_form(forged).await;
    let again = alice.submits(forged, &[("code", &back)]);
    stage.answered(alice, thread, again, "sign-in of yours to").await;
    let status = stage.auth(alice, thread, &[("action", "status")], "").await;
    assert!(!status.content.contains("(yours"), "{}", status.content);
    assert_eq!(stage.scene.count(Counter::CodesExchanged), codes);
    drop(theirs);
    let code = back.split("code=").nth(1).and_then(|rest| rest.split('&').next());
    stage.is_nowhere(code.expect("a code"));
}

async fn forged_by(who: &Person, stage: &Stage, begun: &Message) -> Id {
    let pressed = who.presses_labelled(begun.id, "Paste code");
    stage.is_form(pressed).await;
    pressed
}

/// What is pasted of an address, its code and its state.
type Copies = fn(&str, &str, &str) -> String;

#[tokio::test]
async fn what_was_copied_is_understood_however_it_was_copied_and_what_is_wrong_is_told_apart() {
    let stage = Stage::start("", "").await;
    let alice = &stage.alice;
    let thread = stage.hers().await;
    let part = |address: &str, name: &str| {
        let rest = address.split(&format!("{name}=")).nth(1).expect("it is there");
        rest.split('&').next().expect("there is one").to_owned()
    };
    let copies: [Copies; 6] = [
        |whole, _, _| whole.to_owned(),
        |whole, _, _| format!("<{whole}>"),
        |whole, _, _| format!("`{whole}`"),
        |whole, _, _| format!("\n  {whole} \n"),
        |_, code, state| format!("{code}#{state}"),
        |_, code, state| format!(" ```\n{code}#{state}\n``` "),
    ];
    for copied in copies {
        let begun = stage.auth(alice, thread, &[REHEARSAL], "Sign in to").await;
        let back = consent(&client(), &link(&begun), "alice").await;
        let pasted = copied(&back, &part(&back, "code"), &part(&back, "state"));
        let pressed = alice.presses_labelled(begun.id, "Paste code");
        stage.is_form(pressed).await;
        let sent = alice.submits(pressed, &[("code", &pasted)]);
        stage.answered(alice, thread, sent, "Signed in to").await;
    }
    let begun = stage.auth(alice, thread, &[REHEARSAL], "Sign in to").await;
    let back = consent(&client(), &link(&begun), "alice").await;
    for (pasted, words) in [
        (link(&begun), "the link to open"),
        ("I clicked on it".to_owned(), "neither a code nor an address"),
        ("sk-proj-0123456789abcdef".to_owned(), "looks like an API key"),
        (format!("{}#other", part(&back, "code")), "another sign-in"),
        (back.replace("code=", "nothing="), "holds no code"),
    ] {
        let told = stage
            .auth(alice, thread, &[REHEARSAL, ("code", &pasted)], words)
            .await;
        assert!(
            !told.content.contains(&pasted) && !told.content.contains("agent-host auth"),
            "{told:?}"
        );
    }
    // Of another vendor, at which nothing was begun.
    stage
        .auth(
            alice,
            thread,
            &[("vendor", "openai"), ("code", &back)],
            "sign-in of yours to",
        )
        .await;
    // A code that the vendor does not know uses the sign-in up.
    let wrong = format!("not-a-code#{}", part(&back, "state"));
    stage
        .auth(alice, thread, &[REHEARSAL, ("code", &wrong)], "⚠️")
        .await;
    stage
        .auth(alice, thread, &[REHEARSAL, ("action", "logout")], "Signed out of")
        .await;
    stage
        .auth(
            alice,
            thread,
            &[REHEARSAL, ("action", "logout")],
            "There was no login",
        )
        .await;
}

#[tokio::test]
async fn a_key_is_one_word_and_shown_nowhere_whatever_is_wrong_with_it() {
    let stage = Stage::start("", "").await;
    let alice = &stage.alice;
    let thread = stage.hers().await;
    let begun = stage
        .auth(alice, thread, &[("vendor", "openai")], "API key")
        .await;
    let good = "sk-proj-not-a-real-key-0123456789abcdef";
    for (pasted, words) in [
        ("sk-proj-first-half\nsk-proj-second-half".to_owned(), "no API key"),
        ("sk-proj-klučík-0123456789".to_owned(), "no API key"),
        ("https://platform.openai.com/api-keys".to_owned(), "no API key"),
        ("x".to_owned(), "this vendor's are longer"),
        (format!("\n{good}\n"), "Signed in to"),
        // Nothing is begun for these, so the form that puts the key right stays the one that is waited for.
        ("x".to_owned(), "this vendor's are longer"),
        ("https://platform.openai.com/api-keys".to_owned(), "no API key"),
        (format!("{good}-2"), "Signed in to"),
    ] {
        let pressed = alice.presses_labelled(begun.id, "Paste key");
        stage.is_form(pressed).await;
        let sent = alice.submits(pressed, &[("code", &pasted)]);
        stage.answered(alice, thread, sent, words).await;
    }
    for secret in [good, "first-half", "second-half", "klučík"] {
        stage.is_nowhere(secret);
    }
}

#[tokio::test]
async fn for_everyone_nobody_signs_in_or_out_who_is_no_administrator_any_more() {
    let mut stage = Stage::ready("", "").await;
    let bob = stage.guild.member("bob");
    stage.settings = format!("users = [{}, {}]", stage.alice.id, bob.id);
    stage.up().await;
    let thread = stage.hers().await;
    let everyone = ("scope", "everyone");
    for options in [
        &[REHEARSAL, everyone][..],
        &[REHEARSAL, everyone, ("action", "logout")],
        &[REHEARSAL, everyone, ("code", "some-code#some-state")],
    ] {
        stage.auth(&bob, thread, options, "Only administrators").await;
    }
    let begun = stage
        .auth(&stage.alice, thread, &[REHEARSAL, everyone], "for everyone")
        .await;
    let back = consent(&client(), &link(&begun), "alice").await;
    stage.fake.set_team(&[&bob]);
    // Who the owners are is asked again.
    tokio::time::sleep(std::time::Duration::from_secs(6)).await;
    stage
        .auth(
            &stage.alice,
            thread,
            &[REHEARSAL, ("code", &back)],
            "nothing was stored",
        )
        .await;
    stage
        .auth(
            &stage.alice,
            thread,
            &[REHEARSAL, everyone, ("code", &back)],
            "Only administrators",
        )
        .await;
    let pressed = stage.alice.presses_labelled(begun.id, "Paste code");
    stage.is_form(pressed).await;
    let sent = stage.alice.submits(pressed, &[("code", &back)]);
    stage
        .answered(&stage.alice, thread, sent, "Only administrators")
        .await;
}

#[tokio::test]
async fn a_sign_in_that_was_begun_in_a_thread_that_is_gone_is_ended_in_a_direct_conversation_and_by_nobody_else()
 {
    let stage = Stage::start("everyone = true\ndms = true", "").await;
    let (alice, bob) = (&stage.alice, stage.guild.member("bob"));
    let thread = stage.hers().await;
    let begun = stage.auth(alice, thread, &[REHEARSAL], "Sign in to").await;
    let back = consent(&client(), &link(&begun), "alice").await;
    stage.guild.member("g-owner").deletes_channel(thread);
    let paste = [REHEARSAL, ("code", back.as_str())];
    stage
        .auth(&bob, bob.direct(), &paste, "sign-in of yours to")
        .await;
    stage.auth(alice, alice.direct(), &paste, "Signed in to").await;
    stage
        .auth(alice, alice.direct(), &[("action", "status")], "(yours")
        .await;
    let mut later = stage
        .auth(alice, alice.direct(), &[REHEARSAL], "Sign in to")
        .await;
    // The button of a direct conversation is good there.
    let back = consent(&client(), &link(&later), "alice").await;
    let pressed = alice.presses_labelled(later.id, "Paste code");
    stage.is_form(pressed).await;
    let sent = alice.submits(pressed, &[("code", &back)]);
    later = stage.answered(alice, alice.direct(), sent, "Signed in to").await;
    assert_eq!(later.only_for, Some(alice.id));
}

impl Stage {
    /// The code is typed at the vendor's.
    fn approves(&self, begun: &Message) {
        let decided = self
            .scene
            .control()
            .decide_device(&code(begun), "alice", Decision::Approve);
        assert!(decided.is_ok(), "{decided:?}");
    }
}

#[tokio::test]
async fn what_a_code_brings_for_everyone_is_stored_for_nobody_when_its_beginner_is_no_administrator_any_more()
{
    let mut stage = Stage::ready("", "").await;
    let bob = stage.guild.member("bob");
    stage.hurry();
    stage.up().await;
    let thread = stage.hers().await;
    let everyones = || stage.scene.file()["tenants"]["rehearsal"]["host"]["account"].clone();
    let before = everyones();
    let options = [REHEARSAL, ("scope", "everyone"), ("way", "device")];
    let begun = stage
        .auth(&stage.alice, thread, &options, "enter this code")
        .await;
    stage.fake.set_team(&[&bob]);
    // Who was told a moment ago to be an administrator is one for as long as that is good: hurried, a tenth of a second.
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    stage.approves(&begun);
    let typed = begun.interaction.expect("an answer");
    let words = "you are none any more: nothing was stored";
    stage.answered(&stage.alice, thread, typed, words).await;
    assert_eq!(everyones(), before);
    assert_eq!(stage.scene.count(Counter::Revocations), 1);
}

#[tokio::test]
async fn what_a_code_brings_for_everyone_is_stored_though_discord_says_only_later_who_is_an_administrator() {
    let mut stage = Stage::ready("", "").await;
    stage.hurry();
    stage.up().await;
    let thread = stage.hers().await;
    let written = || stage.scene.file()["tenants"]["rehearsal"]["host"]["generation"].clone();
    let before = written();
    let options = [REHEARSAL, ("scope", "everyone"), ("way", "device")];
    let begun = stage
        .auth(&stage.alice, thread, &options, "enter this code")
        .await;
    let silent = Fault::status(502).on("GET", "/oauth2/applications/@me").times(3);
    stage.fake.inject(silent);
    stage.approves(&begun);
    let typed = begun.interaction.expect("an answer");
    stage.answered(&stage.alice, thread, typed, "Signed in to").await;
    assert_eq!(stage.fake.faults_left(), 0);
    assert_ne!(written(), before);
}

#[tokio::test]
async fn the_form_of_an_older_card_ends_no_newer_sign_in() {
    let stage = Stage::start("", "").await;
    let alice = &stage.alice;
    let thread = stage.hers().await;
    let older = stage.auth(alice, thread, &[REHEARSAL], "Sign in to").await;
    let back = consent(&client(), &link(&older), "alice").await;
    let device = [REHEARSAL, ("way", "device")];
    let newer = stage.auth(alice, thread, &device, "enter this code").await;
    let sent = alice.submits(forged_by(alice, &stage, &older).await, &[("code", &back)]);
    stage
        .answered(alice, thread, sent, "replaced by another one")
        .await;
    let typed = [REHEARSAL, ("code", &back)];
    stage
        .auth(alice, thread, &typed, "othing is to be pasted for this sign-in")
        .await;
    stage.approves(&newer);
    let typed = newer.interaction.expect("an answer");
    stage.answered(alice, thread, typed, "Signed in to").await;
}
