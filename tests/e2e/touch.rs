//! The page under fingers, and where the keyboard is after something was done.

use serde_json::json;
use support::Browser;
use thirtyfour::prelude::*;

use crate::cards::goto;
use crate::chat::{at_the_page, look_at, say, sign_in, until_idle};
use crate::page::{at_a_host, open, opened};

/// A phone: fingers on glass.
async fn take_a_phone(browser: &Browser) {
    browser.look(390, 844, "light").await;
    let touch = json!({ "enabled": true, "maxTouchPoints": 5 });
    browser.order("Emulation.setTouchEmulationEnabled", touch).await;
}

/// What is too small for a finger, and fields whose words make a phone zoom in. Links inside sentences run with them.
const SMALL: &str = "const all = [...document.querySelectorAll('button, a, input, select, textarea, summary')];
    const seen = (one) => one.checkVisibility({ visibilityProperty: true }) && !one.matches('.skip, .task, .md a, #main p:not(.with) > a:not(.button)');
    const small = (one) => { const { width, height } = one.getBoundingClientRect(); return height < 39.5 || (width < 39.5 && !one.matches('.md *')); };
    const zooms = (one) => one.matches('input, select, textarea') && parseFloat(getComputedStyle(one).fontSize) < 16;
    return all.filter((one) => seen(one) && (small(one) || zooms(one))).map((one) => `${one.outerHTML.slice(0, 90)} ${one.getBoundingClientRect().height}`)";

async fn nothing_is_small(browser: &Browser, page: &str) {
    assert_eq!(browser.script(SMALL).await, json!([]), "{page}");
}

#[tokio::test]
async fn a_finger_hits_everything_and_enter_begins_a_line_on_a_phone() {
    at_the_page(async |browser, host| {
        take_a_phone(browser).await;
        // Media that were emulated later than the page was loaded count as well; what asked once would not know.
        browser.driver.refresh().await.expect("it loads again");
        let field = browser.find("#text").await;
        nothing_is_small(browser, "home").await;
        field
            .send_keys("say: one" + Key::Enter + "two")
            .await
            .expect("it takes keys");
        assert_eq!(
            browser
                .script("return document.getElementById('text').value")
                .await,
            json!("say: one\ntwo")
        );
        browser.press("#send").await;
        browser
            .until("return document.body.dataset.kind === 'thread' && document.querySelector('#timeline .said .words')?.textContent === 'say: one\\ntwo'")
            .await;
        browser.find(".login button[data-act=sign-in]").await;
        nothing_is_small(browser, "login").await;
        sign_in(browser, ".login", "alice").await;
        until_idle(browser).await;
        // A keyboard that is there all the same.
        let field = browser.find("#text").await;
        field.send_keys("run: echo small").await.expect("it takes keys");
        field
            .send_keys(Key::Control + Key::Enter)
            .await
            .expect("it takes keys");
        browser.find(".asks .decide").await;
        nothing_is_small(browser, "permission").await;
        look_at(browser, "touch").await;
        take_a_phone(browser).await;
        browser.press(".asks [data-option=allow_once]").await;
        until_idle(browser).await;
        nothing_is_small(browser, "thread").await;
        browser.press("#agent > summary").await;
        nothing_is_small(browser, "agent").await;
        browser.press("#agent > summary").await;
        browser.press("#drawer").await;
        browser
            .until("return document.getElementById('side').getBoundingClientRect().left === 0")
            .await;
        browser.press("#me > summary").await;
        nothing_is_small(browser, "drawer").await;
        look_at(browser, "touch-drawer").await;
        take_a_phone(browser).await;
        for path in ["/credentials", "/workers"] {
            goto(browser, host, path).await;
            nothing_is_small(browser, path).await;
        }
    })
    .await;
}

/// Waits until what matches has the focus, or something in it.
async fn focus(browser: &Browser, selector: &str) {
    let has = format!(
        "const at = document.activeElement; return !!at && at !== document.body && at.checkVisibility() && !!at.closest('{selector}')"
    );
    browser.until(&has).await;
    // It stays.
    browser
        .script("return new Promise((done) => setTimeout(done, 300))")
        .await;
    assert_eq!(browser.script(&has).await, json!(true), "{selector}");
}

#[tokio::test]
async fn the_keyboard_is_never_lost_by_what_was_done_with_it() {
    at_the_page(async |browser, host| {
        say(browser, "run: echo focus").await;
        sign_in(browser, ".login", "alice").await;
        browser.find(".asks .decide").await;
        focus(browser, "#text").await;
        let deny = browser.find(".asks input[name=reason]").await;
        deny.send_keys("no" + Key::Enter).await.expect("it takes keys");
        until_idle(browser).await;
        focus(browser, "#text").await;

        let title = browser.find("#title").await;
        title
            .send_keys(" and more" + Key::Enter)
            .await
            .expect("it takes keys");
        focus(browser, "#text").await;

        browser.press("#me > summary").await;
        let name = browser.find("#name").await;
        name.send_keys("Alice" + Key::Enter).await.expect("it takes keys");
        browser.find("#me:not([open])").await;
        focus(browser, "#me > summary").await;

        browser.press("#agent > summary").await;
        browser.press("#agent button[data-act=reset]").await;
        browser.press("#ask[open] #ask-yes").await;
        browser.find("#agent:not([open])").await;
        focus(browser, "#agent > summary").await;

        goto(browser, host, "/credentials").await;
        browser
            .press("#login-mine-rehearsal button[data-act=sign-out]")
            .await;
        browser.press("#ask[open] #ask-yes").await;
        browser
            .until("return !document.querySelector('#login-mine-rehearsal button[data-act=sign-out]')")
            .await;
        focus(browser, "#login-mine-rehearsal").await;
    })
    .await;
}

#[tokio::test]
async fn what_is_said_of_a_stop_and_of_commands_is_true() {
    at_a_host("", async |_, host, person, browser| {
        // A command that is offered is one to choose, for those who hear it as well.
        let field = browser.find("#text").await;
        field.send_keys("/he").await.expect("it takes text");
        let all = browser.spoken().await;
        assert!(
            all.iter().any(|one| one.role == "combobox" && one.name == "Message" && one.expanded == Some(true)),
            "{all:?}"
        );
        field.send_keys("lp").await.expect("it takes text");
        field.send_keys(Key::Enter).await.expect("it takes a key");
        browser.find(".item.reply").await;
        let all = browser.spoken().await;
        assert!(all.iter().any(|one| one.role == "textbox" && one.name == "Message"), "{all:?}");
        // The page's own words push out nothing.
        assert_eq!(browser.script("return document.querySelectorAll('#empty .trials button').length > 0").await, json!(true));
        for (wrong, names) in [("/auth nope", "rehearsal"), ("/agent nope", "thread")] {
            let field = browser.find("#text").await;
            field.send_keys(wrong).await.expect("it takes text");
            field.send_keys(Key::Enter).await.expect("it takes a key");
            let told = format!("return [...document.querySelectorAll('.item.reply')].at(-1)?.textContent.startsWith('{wrong}') && [...document.querySelectorAll('.item.reply')].at(-1).textContent");
            let told = browser.until(&told).await;
            assert!(told.as_str().is_some_and(|told| told.contains(names)), "{told}");
            assert_eq!(browser.script("return document.getElementById('text').value").await, json!(""), "the next one is not glued on");
        }
        let thread = opened(person, "say: hello").await;
        open(browser, host, &thread).await;
        let listen = "const heard = document.getElementById('heard'); window.said = []; new MutationObserver(() => window.said.push(heard.textContent)).observe(heard, { childList: true })";
        browser.script(listen).await;
        say(browser, "stream 4000 words").await;
        browser.find(".answer[aria-busy=true]").await;
        browser.press("#stop").await;
        until_idle(browser).await;
        browser.until("return window.said.length > 0").await;
        assert_eq!(browser.script("return window.said").await, json!(["Stopped"]));
    })
    .await;
}
