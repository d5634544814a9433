//! Which vendor, and which of its ways.

use super::*;

#[tokio::test]
async fn what_is_for_a_login_and_names_none_is_told_to_do_so_and_ends_nothing() {
    let stage = Stage::start("", "").await;
    let alice = &stage.alice;
    for option in [("code", "a-code"), ("scope", "everyone"), ("way", "device")] {
        let typed = alice.slash(stage.channel, "auth", &[(option.0, json!(option.1))]);
        stage
            .answered(alice, stage.channel, typed, "Say which vendor")
            .await;
    }
}

#[tokio::test]
async fn a_way_that_a_vendor_does_not_have_is_told_with_those_that_can_be_chosen() {
    let stage = Stage::start("", "").await;
    let options = [("vendor", json!("rehearsal")), ("way", json!("api-key"))];
    let typed = stage.alice.slash(stage.channel, "auth", &options);
    let told = stage
        .answered(&stage.alice, stage.channel, typed, "`link and code`")
        .await;
    assert!(
        told.content.contains("`code on a page`") && !told.content.contains("pkce"),
        "{}",
        told.content
    );
}

#[tokio::test]
async fn a_vendor_with_the_longest_name_is_signed_in_to_like_any_other() {
    let name = "v".repeat(64);
    let vendor = format!("[vendors.{name}]\ngrant = \"api-key\"\ntitle = \"Long\"\n");
    let stage = Stage::start("", &vendor).await;
    let (alice, channel) = (&stage.alice, stage.channel);
    let typed = alice.slash(channel, "auth", &[("vendor", json!(name))]);
    let begun = stage.answered(alice, channel, typed, "An API key of Long").await;
    let pressed = alice.presses_labelled(begun.id, "Paste key");
    stage.is_form(pressed).await;
    let sent = alice.submits(pressed, &[("code", "sk-own-0123456789abcdef")]);
    stage.answered(alice, channel, sent, "Signed in to Long").await;
    let typed = alice.slash(channel, "auth", &[]);
    let told = stage.answered(alice, channel, typed, "(yours)").await;
    alice.presses_labelled(told.id, &format!("Sign out of {name}"));
}

#[tokio::test]
async fn of_more_vendors_and_agents_than_a_list_takes_each_can_be_chosen() {
    use std::fmt::Write as _;
    let mut tables = String::new();
    for number in 0..30 {
        write!(
            tables,
            "[vendors.k{number:02}]\ngrant = \"api-key\"\n[agents.a{number:02}]\nmodel = \"m\"\n\
             base_url = \"http://127.0.0.1:9/v1\"\n"
        )
        .expect("a string takes it");
    }
    let stage = Stage::start("", &tables).await;
    let (alice, channel) = (&stage.alice, stage.channel);
    let finds = async |place: Id, command: &str, option: &str, typed: &str| {
        proposed(&stage, alice, (place, command), &[(option, json!(typed))], option).await
    };
    let all = finds(channel, "auth", "vendor", "").await;
    assert_eq!(all.len(), 25, "{all:?}");
    assert_eq!(finds(channel, "auth", "vendor", "k29").await, ["k29=k29"]);
    // Whoever knows the title finds it, and sees it.
    assert_eq!(
        finds(channel, "auth", "vendor", "openAI a").await,
        ["openai=OpenAI API"]
    );
    let typed = alice.slash(channel, "auth", &[("vendor", json!("k29"))]);
    stage.answered(alice, channel, typed, "An API key of k29").await;
    // What is proposed need not be taken.
    for (vendor, words) in [
        ("openai API", "An API key of OpenAI API"),
        ("nobody", "Choose one that is proposed"),
    ] {
        let typed = alice.slash(channel, "auth", &[("vendor", json!(vendor))]);
        stage.answered(alice, channel, typed, words).await;
    }
    let (message, thread) = stage.mention(alice, "say: hi").await;
    stage.sign(message, "✅").await;
    assert_eq!(finds(thread, "agent", "name", "a29").await, ["a29=a29"]);
    let typed = alice.slash(thread, "agent", &[("name", json!("a29"))]);
    stage.answered(alice, thread, typed, "the agent a29").await;
}
