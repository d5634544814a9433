//! API keys: for whom they are stored, and that they are shown nowhere.

use super::*;

#[tokio::test]
async fn a_sign_in_that_nobody_waited_for_promises_nothing() {
    let stage = Stage::start("", "").await;
    let key = "sk-own-0123456789abcdef";
    let told = key_says(&stage, &stage.alice, None, Some(key), "✅ Signed in to").await;
    assert!(!told.content.contains("goes on"), "{}", told.content);
}

/// `/auth` for OpenAI's API, of which a key is needed.
async fn key_says(
    stage: &Stage,
    who: &Person,
    scope: Option<&str>,
    key: Option<&str>,
    words: &str,
) -> Message {
    let mut options = vec![("vendor", json!("openai"))];
    options.extend(scope.map(|scope| ("scope", json!(scope))));
    options.extend(key.map(|key| ("code", json!(key))));
    let typed = who.slash(stage.channel, "auth", &options);
    stage.answered(who, stage.channel, typed, words).await
}

/// The keys that are stored for OpenAI's API: everyone's, and this person's.
fn keys(stage: &Stage, who: &Person) -> [Option<String>; 2] {
    let kept = std::fs::read_to_string(stage.scene.folder().join("auth.json")).expect("it is there");
    let kept: serde_json::Value = serde_json::from_str(&kept).expect("it is JSON");
    let owners = ["host".to_owned(), format!("discord:{}", who.id)];
    owners.map(|owner| {
        let key = &kept["tenants"]["openai"][owner]["key"];
        key.as_str().map(str::to_owned)
    })
}

#[tokio::test]
async fn what_is_brought_is_stored_for_whom_the_command_names_or_not_at_all() {
    let stage = Stage::start("", "").await;
    let alice = &stage.alice;
    let (own, common) = ("sk-own-0123456789abcdef", "sk-common-0123456789abcdef");

    key_says(&stage, alice, None, None, "API key").await;
    let told = key_says(
        &stage,
        alice,
        Some("everyone"),
        Some(common),
        "nothing was stored",
    )
    .await;
    assert!(
        told.content.contains("begun a sign-in to openai for you alone")
            && told.content.contains("`/auth vendor:openai scope:everyone`"),
        "{}",
        told.content
    );
    assert_eq!(keys(&stage, alice), [None, None]);

    let begun = key_says(&stage, alice, Some("everyone"), None, "API key").await;
    let told = key_says(&stage, alice, None, Some(own), "nothing was stored").await;
    assert!(
        told.content
            .contains("for everyone on this host, and this would be for you alone"),
        "{}",
        told.content
    );
    assert_eq!(keys(&stage, alice), [None, None]);
    key_says(
        &stage,
        alice,
        Some("everyone"),
        Some(common),
        "for everyone on this host, until it is removed",
    )
    .await;
    assert_eq!(keys(&stage, alice), [Some(common.to_owned()), None]);

    // The form of an older button is for whom its card said.
    key_says(&stage, alice, None, None, "API key").await;
    let pressed = alice.presses_labelled(begun.id, "Paste key");
    stage.is_form(pressed).await;
    let sent = alice.submits(pressed, &[("code", own)]);
    stage
        .answered(alice, stage.channel, sent, "nothing was stored")
        .await;
    assert_eq!(keys(&stage, alice), [Some(common.to_owned()), None]);
    key_says(
        &stage,
        alice,
        None,
        Some(own),
        "✅ Signed in to OpenAI API, for you",
    )
    .await;
    assert_eq!(
        keys(&stage, alice),
        [Some(common.to_owned()), Some(own.to_owned())]
    );
}

#[tokio::test]
async fn a_key_needs_no_first_step_and_is_looked_at_like_in_the_form() {
    let stage = Stage::start("everyone = true", "").await;
    let (alice, bob) = (&stage.alice, stage.guild.member("bob"));
    key_says(&stage, alice, None, Some("two words"), "⚠️").await;
    assert_eq!(keys(&stage, alice), [None, None]);
    let (own, common) = ("sk-own-0123456789abcdef", "sk-common-0123456789abcdef");
    key_says(&stage, alice, None, Some(own), "for you, until it is removed").await;
    key_says(
        &stage,
        &bob,
        Some("everyone"),
        Some("sk-of-bob-0123456789"),
        "Only administrators",
    )
    .await;
    assert_eq!(keys(&stage, alice), [None, Some(own.to_owned())]);
    key_says(
        &stage,
        alice,
        Some("everyone"),
        Some(common),
        "for everyone on this host",
    )
    .await;
    assert_eq!(
        keys(&stage, alice),
        [Some(common.to_owned()), Some(own.to_owned())]
    );
    // A code belongs to a link.
    let options = [("vendor", json!("rehearsal")), ("code", json!("abc"))];
    let typed = bob.slash(stage.channel, "auth", &options);
    stage
        .answered(&bob, stage.channel, typed, "sign-in of yours to")
        .await;
}

#[tokio::test]
async fn a_key_is_pasted_into_a_form_and_shown_nowhere() {
    let stage = Stage::start("", "").await;
    let (message, thread) = stage.mention(&stage.alice, "say: hi").await;
    stage.sign(message, "✅").await;
    let typed = stage.alice.slash(thread, "auth", &[("vendor", json!("openai"))]);
    let begun = stage.answered(&stage.alice, thread, typed, "API key").await;
    let key = "sk-proj-not-a-real-key-0123456789abcdef";
    // The second one puts the first one right.
    let other = "sk-proj-not-a-real-key-either-0123456789";
    for key in [key, other] {
        let pressed = stage.alice.presses_labelled(begun.id, "Paste key");
        assert_eq!(stage.label_of_form(pressed).await, "API key");
        let sent = stage.alice.submits(pressed, &[("code", key)]);
        stage.answered(&stage.alice, thread, sent, "Signed in to").await;
    }
    let said = format!("{:?}", stage.fake.requests());
    assert!(!said.contains(key) && !said.contains(other), "it was sent back");
}
