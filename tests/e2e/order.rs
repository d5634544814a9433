//! What a thread says at the page of turns that wait, are steered, interrupted, stopped or dropped: in the order in which it
//! happened, live as after a reload.

use std::time::Duration;

use rehearsal::Counter;
use serde_json::json;
use support::{Browser, Host, Scene};

use crate::chat::{say, until_idle};

/// A page at a host whose model waits where a message says `hold`.
async fn at_a_page(body: impl AsyncFnOnce(&Browser, &Scene)) {
    let scene = Scene::signed_in().await;
    let host = Host::up(&scene, 0, "permissions = \"allow\"\n");
    let browser = Browser::start().await;
    browser.look(1280, 800, "light").await;
    browser.enter(host.link()).await;
    body(&browser, &scene).await;
    browser.quit().await;
}

/// The entries that can be seen, each as its kind and, but for answers, its first line, from the top.
const READ: &str = "[...document.querySelectorAll('#timeline > article:not([hidden]):not(.usage)')].map((one) => \
     `${one.classList[1]} ${one.querySelector('.words, .says p')?.textContent.split('\\n')[0] ?? ''}`.trim())";

/// Waits until the page reads so, and then does after a reload, too.
async fn reads(browser: &Browser, expected: &[&str]) {
    let expected = json!(expected).to_string();
    let is_so = format!("return JSON.stringify({READ}) === {}", json!(expected));
    let or_what = format!("return `${{JSON.stringify({READ})}}`");
    for moment in ["live", "after a reload"] {
        let mut is_right = false;
        for _ in 0..600 {
            is_right = browser.script(&is_so).await == json!(true);
            if is_right {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let read = browser.script(&or_what).await;
        assert!(
            is_right,
            "{moment}:\n{}\nand not\n{expected}",
            read.as_str().unwrap_or_default()
        );
        browser.driver.refresh().await.expect("the page loads");
        browser.find("#text").await;
    }
}

/// Waits until the model was silent at a `hold` so often: what is let go before that stays.
async fn held(scene: &Scene, times: u64) {
    scene.wait(Counter::AnswersHeld, times).await;
}

/// Sends a message of several lines.
async fn send(browser: &Browser, text: &str) {
    let script = format!(
        "const text = document.getElementById('text'); text.value = {}; text.dispatchEvent(new Event('input')); \
         document.getElementById('composer').requestSubmit()",
        json!(text)
    );
    browser.script(&script).await;
}

/// What a message does from now on.
async fn mode(browser: &Browser, mode: &str) {
    browser.press(&format!("#dispatch option[value={mode}]")).await;
}

/// Says something that goes on until it is ended, and waits for its first words.
async fn busy(browser: &Browser) {
    say(browser, "stream 20000 words").await;
    browser.find(".answer .md").await;
}

#[tokio::test]
async fn an_interrupted_turn_its_note_and_then_the_new_one_live_as_after_a_reload() {
    at_a_page(async |browser, scene| {
        busy(browser).await;
        say(browser, "say: this waits").await;
        browser.find("#queue li").await;
        mode(browser, "interrupt").await;
        send(browser, "hold\nsay: this is new").await;
        let waits = [
            "said stream 20000 words",
            "answer",
            "note Note: A newer message interrupted this turn.",
            "said say: this waits",
            "note Note: Dropped: a newer message took its place.",
            "said hold",
        ];
        reads(browser, &waits).await;
        held(scene, 1).await;
        scene.control().release();
        until_idle(browser).await;
        let done = [&waits[..], &["answer"]].concat();
        reads(browser, &done).await;
        // What was dropped can be asked for again.
        browser
            .press(".note + .said + .note button[data-act=retry]")
            .await;
        let mut again = [&done[..], &["said say: this waits", "answer"]].concat();
        again[4] = "note Note: Dropped: a newer message took its place. Asked for again.";
        reads(browser, &again).await;
    })
    .await;
}

#[tokio::test]
async fn what_waits_and_what_was_merged_stand_with_their_answers_live_as_after_a_reload() {
    at_a_page(async |browser, scene| {
        busy(browser).await;
        mode(browser, "steer").await;
        send(browser, "also this\nhold\nsay: both").await;
        let merged = [
            "said stream 20000 words",
            "answer",
            "said also this",
            "note Note: The new message was added to the running turn, which begins again with both.",
        ];
        browser.find(".note").await;
        // The whole is sent again, and streams again.
        browser.find(".note ~ .answer").await;
        send(browser, "hold\nsay: third").await;
        browser.find("#queue li").await;
        let streams = [&merged[..], &["answer"]].concat();
        reads(browser, &streams).await;
        browser.press("#stop").await;
        let stopped = [&streams[..], &["note Note: Stopped by the thread’s owner."]].concat();
        let third = [&stopped[..], &["said hold"]].concat();
        reads(browser, &third).await;
        held(scene, 1).await;
        scene.control().release();
        reads(browser, &[&third[..], &["answer"]].concat()).await;
    })
    .await;
}

#[tokio::test]
async fn a_retry_that_was_stopped_is_tried_again_and_each_button_that_was_pressed_says_so() {
    at_a_page(async |browser, scene| {
        send(browser, "hold\nsay: at last").await;
        scene.wait(Counter::ModelRequests, 1).await;
        let stopped = ["said hold", "note Note: Stopped by the thread’s owner."];
        let again = [
            "said hold",
            "note Note: Stopped by the thread’s owner. Asked for again.",
        ];
        let mut told: Vec<&str> = vec![];
        for round in 1..=2 {
            browser.press("#stop:enabled:not([hidden])").await;
            reads(browser, &[&told[..], &stopped].concat()).await;
            browser.press(".note button[data-act=retry]").await;
            told.extend(again);
            scene.wait(Counter::ModelRequests, round + 1).await;
        }
        // Pressed buttons are gone, in every page that shows them.
        reads(browser, &[&told[..], &["said hold"]].concat()).await;
        let buttons = "return document.querySelectorAll('button[data-act=retry]').length";
        assert_eq!(browser.script(buttons).await, json!(0));
        held(scene, 3).await;
        scene.control().release();
        reads(browser, &[&told[..], &["said hold", "answer"]].concat()).await;
        assert_eq!(scene.count(Counter::ModelRequests), 3);
    })
    .await;
}
