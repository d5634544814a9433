//! Threads of Discord in the web chat: the administrator watches, nobody else learns of them, and nothing can be done there.

use reqwest::{Method, StatusCode};
use serde_json::json;
use support::{Browser, Person};

use super::{Stage, with};

/// The pages' name of a thread of Discord's.
fn name(thread: support::discord::Id) -> String {
    format!("discord.{thread}")
}

#[tokio::test]
async fn the_administrator_watches_a_thread_and_nobody_else_learns_that_it_is_there() {
    let stage = Stage::start("", "").await;
    let (message, thread) = stage.mention(&stage.alice, "run: echo from-discord").await;
    stage.said(thread, "the card", with("echo from-discord")).await;
    let host = stage.host.as_ref().expect("it runs");
    let admin = Person::enter(host.link()).await;
    let bob = Person::enter(&admin.invite().await).await;
    let page = format!("/t/{}", name(thread));

    // What is said there is seen here, live, with the place and a way there, and without a button or a field.
    let mut ear = admin.listen(&name(thread)).await;
    ear.until(|heard| heard.data.to_string().contains("echo from-discord"))
        .await;
    let html = admin.page(&page).await;
    for words in [
        "Discord · #general",
        &format!("https://discord.com/channels/{}/{thread}", stage.guild.id),
        "echo from-discord",
        "Only the person whose thread this is can decide",
    ] {
        assert!(html.contains(words), "{words}: {html}");
    }
    for control in [
        "id=\"text\"",
        "id=\"title\"",
        "id=\"stop\"",
        "data-act=\"decide\"",
        "id=\"agent\"",
    ] {
        assert!(!html.contains(control), "{control}: {html}");
    }
    assert!(admin.page("/").await.contains(&page), "it is in the list");

    // Nobody else: as where there is none.
    assert!(!bob.page("/").await.contains(&thread.to_string()));
    for path in [
        page.clone(),
        format!("/events?thread={}", name(thread)),
        format!("/api/t/{}/older?before=9999999", name(thread)),
        format!("/t/{}/files/x", name(thread)),
        format!("/t/{thread}"),
    ] {
        let get = |person: &Person, path: &str| person.request(Method::GET, path).send();
        let answer = get(&bob, &path).await.expect("the page answers");
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{path}");
        let none = path.replace(&thread.to_string(), "1");
        let none = get(&bob, &none).await.expect("the page answers");
        assert_eq!(
            (answer.status(), answer.text().await.expect("text").len()),
            (none.status(), none.text().await.expect("text").len()),
            "{path}"
        );
    }

    // The administrator can't act there either.
    for (verb, body) in [
        ("messages", json!({ "id": "m", "text": "hi", "files": [] })),
        ("stop", json!({})),
        ("retry", json!({ "turn": 1 })),
        ("decide", json!({ "request": "1", "answer": "once" })),
        ("settings", json!({ "title": "mine" })),
        ("reset", json!({})),
        ("command", json!({ "text": "/stop" })),
    ] {
        let path = format!("/api/t/{}/{verb}", name(thread));
        let (status, answer) = admin.post(&path, &body).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{verb}: {answer}");
    }

    // What is decided in Discord is seen here.
    let card = stage.said(thread, "the card", with("May it")).await;
    stage.alice.presses_labelled(card.id, "Allow once");
    ear.until(|heard| heard.data.to_string().contains("Allowed once"))
        .await;
    stage.sign(message, "✅").await;
}

#[tokio::test]
async fn in_a_browser_a_thread_of_discord_is_drawn_as_any_other_and_stays_live() {
    let stage = Stage::start("", "").await;
    let (message, thread) = stage.mention(&stage.alice, "say: **first** words").await;
    stage.sign(message, "✅").await;
    let host = stage.host.as_ref().expect("it runs");
    let browser = Browser::start().await;
    browser.look(1280, 800, "light").await;
    browser.enter(host.link()).await;
    let line = format!("[id=\"l-{}\"] a", name(thread));
    let shown = browser.find(&line).await.text().await.expect("it has words");
    assert!(shown.contains("Discord · #general"), "{shown}");
    browser.press(&line).await;
    browser
        .find("#watch a[href^=\"https://discord.com/channels/\"]")
        .await;
    browser
        .until("return document.querySelector('.answer strong')?.textContent === 'first' || null")
        .await;
    let again = stage.alice.says(thread, "stream 120 words");
    browser
        .until("return document.querySelector('#watch #doing')?.textContent ? 1 : null")
        .await;
    stage.sign(again, "✅").await;
    browser
        .until("return document.querySelectorAll('.answer').length === 2 || null")
        .await;
    // Keys that belong to the field do nothing here, and break nothing.
    browser.keys("\u{e00c}").await;
    let errors = browser
        .script("return document.querySelectorAll('#text, #composer').length")
        .await;
    assert_eq!(errors, 0);
    if let Some(folder) = std::env::var_os("AGENT_HOST_SCREENSHOTS") {
        let folder = std::path::PathBuf::from(folder);
        for (width, height) in [(1280, 800), (390, 844)] {
            for scheme in ["light", "dark"] {
                browser.look(width, height, scheme).await;
                let path = folder.join(format!("discord-{width}-{scheme}.png"));
                browser
                    .driver
                    .screenshot(&path)
                    .await
                    .expect("a picture is taken");
            }
        }
    }
    browser.quit().await;
}
