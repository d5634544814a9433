//! Odd moments at the page: a reader's wrong clock, the usual keys for copying, files that look alike.

use std::path::Path;

use conversation::{Conversation, NewThread, ThreadId};
use serde_json::json;
use support::{Browser, Host, Person, Scene};
use thirtyfour::prelude::*;

use crate::chat::{say, until_idle};
use crate::page::{at_a_host, opened};

#[tokio::test]
async fn spans_are_true_at_a_reader_whose_clock_is_wrong() {
    at_a_host("", async |_, host, _, browser| {
        for wrong in ["- 3600000", "+ 3600000"] {
            let source = format!("{{ const real = Date.now; Date.now = () => real() {wrong}; }}");
            let set = browser
                .order(
                    "Page.addScriptToEvaluateOnNewDocument",
                    json!({ "source": source }),
                )
                .await;
            browser
                .driver
                .goto(host.url("/").as_str())
                .await
                .expect("the page opens");
            browser.find("#empty").await;
            say(browser, "run: echo soon").await;
            browser.find(".asks .decide").await;
            let left = "return document.querySelector('.asks [data-until]').textContent";
            browser
                .until(&format!("return (() => {{ {left} }})().startsWith('9 min')"))
                .await;
            // What runs is counted on from its beginning.
            browser
                .until("return /^[1-9]\\d? s$/.test(document.getElementById('elapsed').textContent)")
                .await;
            browser.press(".asks .decide [data-option=reject_once]").await;
            until_idle(browser).await;
            browser
                .order(
                    "Page.removeScriptToEvaluateOnNewDocument",
                    json!({ "identifier": set["identifier"] }),
                )
                .await;
        }
    })
    .await;
}

#[tokio::test]
async fn the_usual_keys_copy_the_block_that_has_the_focus() {
    at_a_host("permissions = \"allow\"\n", async |_, _, _, browser| {
        say(browser, "run: seq 1 3; exit 3").await;
        browser.find(".toolcall pre.output").await;
        until_idle(browser).await;
        browser
            .script("addEventListener('copy', (event) => (window.copied = event.clipboardData.getData('text/plain'))); document.querySelector('.toolcall pre.output').focus()")
            .await;
        browser.keys(Key::Control + "c").await;
        let copied = browser.until("return window.copied").await;
        assert!(copied.as_str().is_some_and(|copied| copied.starts_with("1\n2\n3")), "{copied}");
        browser
            .until("return document.getElementById('heard').textContent === 'Copied'")
            .await;
    })
    .await;
}

/// Files that are pasted: name and content of each.
async fn paste(browser: &Browser, files: &[(&str, &str)]) {
    let list = json!(files);
    browser
        .script(&format!(
            "const carried = new DataTransfer();
             for (const [name, text] of {list}) carried.items.add(new File([text], name));
             document.getElementById('text').dispatchEvent(new ClipboardEvent('paste', {{ clipboardData: carried, bubbles: true, cancelable: true }}))"
        ))
        .await;
}

#[tokio::test]
async fn pasted_files_of_one_name_and_an_empty_one_all_arrive_as_they_are() {
    at_a_host("permissions = \"allow\"\n", async |_, _, _, browser| {
        paste(browser, &[("image.png", "first"), ("image.png", "second"), ("empty.txt", "")]).await;
        browser
            .until("return document.querySelectorAll('#uploads progress[hidden]').length === 3 && !document.querySelector('#uploads .failed')")
            .await;
        say(browser, "run: find . -type f -size -1k -name '*.txt'; cat $(find . -name '*.png' | sort); exit 3").await;
        browser.find(".toolcall pre.output").await;
        until_idle(browser).await;
        let output = browser.find(".toolcall pre.output").await.inner_html().await.expect("it has text");
        assert!(output.contains("empty.txt") && output.contains("first") && output.contains("second"), "{output}");
        let shown = browser.script("return document.querySelectorAll('.said .files li').length").await;
        assert_eq!(shown, json!(3));
    })
    .await;
}

#[tokio::test]
async fn threads_older_than_the_list_is_long_are_found_and_can_be_shown() {
    const MANY: usize = 450;
    let scene = Scene::signed_in().await;
    let host = Host::up(&scene, 0, "");
    let person = Person::enter(host.link()).await;
    let first = opened(&person, "say: nothing").await;
    host.stop();
    quiet_threads(scene.folder(), &first, MANY).await;
    let host = Host::up(&scene, 0, "");
    let browser = Browser::start().await;
    browser.look(1280, 800, "light").await;
    browser.enter(host.link()).await;
    let lines = "return document.querySelectorAll('#list li').length";
    assert_eq!(browser.script(lines).await, json!(200));
    browser.press("#quiet").await;
    browser
        .until("return document.querySelectorAll('#list li').length === 400")
        .await;
    // Whoever looks for one need not know that it is old.
    browser.press("#filter").await;
    browser.keys("number-17-").await;
    browser
        .until("const all = [...document.querySelectorAll('#list li:not([hidden])')]; return all.length === 1 && all[0].querySelector('.name').textContent.startsWith('number-17-')")
        .await;
    assert_eq!(
        browser.script("const all = [...document.querySelectorAll('#list li')]; return [all.length, new Set(all.map((one) => one.id)).size, document.getElementById('quiet').hidden]").await,
        json!([MANY + 1, MANY + 1, true])
    );
    browser.quit().await;
    host.stop();
}

/// Opens so many threads of the same person where no host runs, the oldest first.
async fn quiet_threads(folder: &Path, of: &str, count: usize) {
    let (conversation, _) = Conversation::open(folder).expect("it can be opened");
    let id = ThreadId::parse(&format!("web:{of}")).expect("a valid id");
    let known = conversation.thread(&id).await.expect("it is there");
    for number in 0..count {
        let thread = NewThread {
            id: ThreadId::parse(&format!("web:quiet{number}")).expect("a valid id"),
            owner: known.owner.clone(),
            title: format!("number-{number}-so-far"),
            agent: known.agent.clone(),
            model: None,
            dispatch: known.dispatch,
            workspaces: None,
            permissions: None,
        };
        conversation.open_thread(thread).await.expect("it can be written");
    }
    conversation.close().await.expect("it is durable");
}
