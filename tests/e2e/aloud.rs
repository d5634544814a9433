//! The page without eyes, and enlarged: what a screen reader has of it, and what is left of it on half the width.

use serde_json::json;
use support::{Browser, Host, Spoken};
use thirtyfour::prelude::*;

use crate::cards::goto;
use crate::chat::{say, sign_in, until_idle};

/// What one can press, open, choose or write in.
const CONTROLS: [&str; 10] = [
    "button",
    "link",
    "textbox",
    "searchbox",
    "combobox",
    "listbox",
    "option",
    "checkbox",
    "DisclosureTriangle",
    "spinbutton",
];

/// A desk and a phone at 200 %: half as many CSS pixels.
const ENLARGED: [(u32, u32); 2] = [(640, 400), (195, 422)];

/// What stands out of the window, where nobody can scroll to it.
const CUT: &str = "const seen = (one) => one.getClientRects().length > 0 && getComputedStyle(one).visibility === 'visible';
    const all = [...document.querySelectorAll('button, a, input, textarea, select, summary, h1, h2, p')];
    const out = (one) => { const { left, right } = one.getBoundingClientRect(); return left < -1 || right > innerWidth + 1; };
    return all.filter((one) => seen(one) && out(one) && !one.closest('.scroll, pre, .hear')).map((one) => one.outerHTML.slice(0, 120));";

/// Checks the page that is open; gives what was heard of it.
async fn checked(browser: &Browser, page: &str) -> Vec<Spoken> {
    let all = browser.spoken().await;
    let controls = all.iter().filter(|one| CONTROLS.contains(&one.role.as_str()));
    for control in controls.clone() {
        assert!(!control.name.trim().is_empty(), "{page}: {control:?}");
    }
    assert!(controls.count() > 0, "{page}: {all:?}");
    let levels = "return [...document.querySelectorAll('h1, h2, h3, h4, h5, h6')].filter((one) => one.getClientRects().length > 0).map((one) => Number(one.tagName[1]))";
    let levels = browser.script(levels).await;
    let levels: Vec<u64> = serde_json::from_value(levels).expect("numbers");
    assert_eq!(levels.first(), Some(&1), "{page}");
    assert!(
        levels.windows(2).all(|two| two[1] <= two[0] + 1),
        "{page}: no level is left out: {levels:?}"
    );
    for (width, height) in ENLARGED {
        browser.look(width, height, "light").await;
        // What moves with the size moves before the next frame.
        let cut = browser.script(CUT).await;
        if cut != json!([]) {
            let frame =
                "return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))";
            browser.script(frame).await;
            assert_eq!(browser.script(CUT).await, json!([]), "{page} at {width}");
        }
    }
    browser.look(1280, 800, "light").await;
    all
}

fn has(all: &[Spoken], role: &str, name: &str) -> bool {
    all.iter().any(|one| one.role == role && one.name == name)
}

/// Collects what is said from now on.
async fn listen(browser: &Browser) {
    browser
        .script(
            "const heard = document.getElementById('heard'); window.said = [];
             new MutationObserver(() => window.said.push(heard.textContent)).observe(heard, { childList: true })",
        )
        .await;
}

#[tokio::test]
async fn every_control_has_a_name_news_is_said_once_and_nothing_is_cut_off_at_200_percent() {
    let home = tempfile::tempdir().expect("a folder can be made");
    let host = Host::demo(home.path(), 0, &[]);
    let browser = Browser::start().await;
    browser.look(1280, 800, "light").await;
    browser
        .driver
        .goto(host.link().as_str())
        .await
        .expect("the page opens");
    checked(&browser, "link").await;
    browser.press("#enter").await;
    browser.find("#text").await;
    let all = checked(&browser, "home").await;
    for (role, name) in [
        ("textbox", "Message"),
        ("button", "Send"),
        ("button", "Attach files"),
        ("searchbox", "Filter threads"),
        ("button", "Theme: System"),
    ] {
        assert!(has(&all, role, name), "{role} {name}: {all:?}");
    }
    a_command(&browser).await;
    a_change(&browser).await;
    an_answer(&browser).await;
    for path in ["/credentials", "/workers"] {
        goto(&browser, &host, path).await;
        checked(&browser, path).await;
    }
    for path in ["/enter", "/t/none"] {
        browser
            .driver
            .goto(host.url(path).as_str())
            .await
            .expect("the page opens");
        checked(&browser, path).await;
    }
    browser.quit().await;
    assert_eq!(host.stop(), Some(0));
}

/// Signs in on the way, and allows it.
async fn a_command(browser: &Browser) {
    say(browser, "run: echo aloud").await;
    browser.find(".login .card.wait").await;
    let said = browser
        .until("return document.getElementById('heard').textContent")
        .await;
    let said = said.as_str().expect("text");
    assert_eq!(said.matches("Sign-in needed").count(), 1, "{said}");
    let all = checked(browser, "sign-in").await;
    assert!(has(&all, "region", "Sign-in needed"), "{all:?}");
    sign_in(browser, ".login", "alice").await;

    browser.find(".asks .decide").await;
    let all = checked(browser, "permission").await;
    for (role, name) in [
        ("region", "Permission needed"),
        ("group", "What would run"),
        ("button", "Allow once"),
        ("textbox", "Reason for denying (optional)"),
        ("button", "Deny"),
    ] {
        assert!(has(&all, role, name), "{role} {name}: {all:?}");
    }
    // What ticks or streams inside the log is not read aloud each time.
    let aloud = "return [...document.querySelectorAll('#timeline :is([data-until], [data-since], pre.output)')].filter((one) => !one.closest('[aria-live=off]')).length";
    assert_eq!(browser.script(aloud).await, json!(0));
    assert!(
        browser
            .script("return document.querySelectorAll('#timeline [data-until]').length")
            .await
            != json!(0),
        "something ticks"
    );
    browser.press(".asks [data-option=allow_once]").await;
    until_idle(browser).await;
    let all = checked(browser, "command").await;
    let card = all
        .iter()
        .find(|one| one.role == "DisclosureTriangle" && one.name.starts_with("echo aloud"));
    assert_eq!(card.and_then(|card| card.expanded), Some(false), "{all:?}");
    assert!(
        has(&all, "heading", "You") && has(&all, "heading", "Answer"),
        "{all:?}"
    );
}

/// Is denied.
async fn a_change(browser: &Browser) {
    say(browser, "write: notes.txt hello").await;
    browser.find(".asks .decide").await;
    let all = checked(browser, "change").await;
    assert!(has(&all, "group", "Changes to notes.txt"), "{all:?}");
    let reason = browser.find(".decide input[name=reason]").await;
    reason
        .send_keys("not now" + Key::Enter)
        .await
        .expect("it takes keys");
    browser.find(".audit.no").await;
    until_idle(browser).await;
}

/// While it streams, it is marked as not complete; its end is said, once.
async fn an_answer(browser: &Browser) {
    listen(browser).await;
    say(browser, "stream 300 words").await;
    browser.find(".answer[aria-busy=true]").await;
    until_idle(browser).await;
    browser.until("return window.said.length > 0").await;
    assert_eq!(
        browser.script("return window.said").await,
        json!(["The agent has answered"])
    );
    assert_eq!(
        browser
            .script("return document.querySelectorAll('[aria-busy]').length")
            .await,
        json!(0)
    );
    let all = checked(browser, "thread").await;
    let live: Vec<(&str, &str)> = all
        .iter()
        .filter(|one| !one.live.is_empty() && one.live != "off")
        .map(|one| (one.role.as_str(), one.live.as_str()))
        .collect();
    assert!(
        live.contains(&("log", "polite")) && live.contains(&("status", "polite")),
        "{live:?}"
    );
    assert!(live.iter().all(|(_, live)| *live == "polite"), "{live:?}");
}
