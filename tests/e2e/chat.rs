//! The journeys of a person at the chat page: a real browser, the real programs, the rehearsal vendor and model.

use std::path::PathBuf;

use support::{Browser, Host, own_port};
use thirtyfour::prelude::*;

/// Screenshots go there, if somebody wants to look at them.
fn screenshots() -> Option<PathBuf> {
    std::env::var_os("AGENT_HOST_SCREENSHOTS").map(PathBuf::from)
}

/// In both themes, on a desk and on a phone.
pub(crate) async fn look_at(browser: &Browser, name: &str) {
    let Some(folder) = screenshots() else { return };
    for scheme in ["light", "dark"] {
        for (width, height) in [(1280, 800), (390, 844)] {
            browser.look(width, height, scheme).await;
            let path = folder.join(format!("{name}-{scheme}-{width}.png"));
            browser
                .driver
                .screenshot(&path)
                .await
                .expect("a picture is taken");
        }
    }
    browser.look(1280, 800, "light").await;
}

pub(crate) async fn at_the_page(body: impl AsyncFnOnce(&Browser, &Host)) {
    let home = tempfile::tempdir().expect("a folder can be made");
    let host = Host::demo(home.path(), 0, &[]);
    let browser = Browser::start().await;
    browser.look(1280, 800, "light").await;
    browser.enter(host.link()).await;
    body(&browser, &host).await;
    browser.quit().await;
    assert_eq!(host.stop(), Some(0), "the host ends by itself");
}

/// Types a message and sends it.
pub(crate) async fn say(browser: &Browser, text: &str) {
    let field = browser.find("#text").await;
    field.send_keys(text).await.expect("it takes text");
    field.send_keys(Key::Enter).await.expect("it takes a key");
}

/// Signs in by this card, through the vendor's own page in another tab.
pub(crate) async fn sign_in(browser: &Browser, card: &str, name: &str) {
    browser
        .find(&format!("{card} button[data-act=sign-in]"))
        .await
        .click()
        .await
        .expect("it can be pressed");
    consent(browser, &format!("{card} a[data-focus]"), name).await;
}

/// Follows the vendor's link in another tab, says yes there, and comes back.
pub(crate) async fn consent(browser: &Browser, link: &str, name: &str) {
    let link = browser.find(link).await;
    let href = link.attr("href").await.expect("it has one").expect("it has one");
    let here = browser.driver.window().await.expect("there is a window");
    let tab = browser.driver.new_tab().await.expect("a tab opens");
    browser
        .driver
        .switch_to_window(tab)
        .await
        .expect("it can be looked at");
    browser.driver.goto(&href).await.expect("the vendor's page opens");
    let user = browser.find("input[name=user]").await;
    user.clear().await.expect("it can be emptied");
    user.send_keys(name).await.expect("it takes text");
    browser
        .find("button[value=approve]")
        .await
        .click()
        .await
        .expect("it can be pressed");
    // Back at our page, which says that this is done.
    browser.heading("Signed in").await;
    browser.driver.close_window().await.expect("the tab closes");
    browser
        .driver
        .switch_to_window(here)
        .await
        .expect("the thread is still there");
}

/// Waits until no turn runs in the thread that is open.
pub(crate) async fn until_idle(browser: &Browser) {
    browser.find("#stop[hidden]").await;
}

#[tokio::test]
async fn the_first_message_leads_over_a_sign_in_to_an_answer() {
    at_the_page(async |browser, _| {
        browser.find("#empty").await;
        look_at(browser, "empty").await;
        say(browser, "hello").await;
        browser.find(".login").await;
        look_at(browser, "login").await;
        sign_in(browser, ".login", "alice").await;
        // The turn goes on by itself.
        browser.find(".answer .md p").await;
        until_idle(browser).await;
        look_at(browser, "answer").await;
    })
    .await;
}

#[tokio::test]
async fn a_command_is_asked_for_runs_when_allowed_and_is_answered_to_when_denied() {
    at_the_page(async |browser, _| {
        say(browser, "run: echo from-the-workspace").await;
        sign_in(browser, ".login", "alice").await;
        let card = browser.find(".asks .decide").await;
        let detail = browser
            .find(".asks pre.input")
            .await
            .text()
            .await
            .expect("it has text");
        assert_eq!(detail, "echo from-the-workspace");
        look_at(browser, "permission").await;
        card.find(By::Css("button[value=once]"))
            .await
            .expect("it is there")
            .click()
            .await
            .expect("it can be pressed");
        browser.find(".asks .audit.yes").await;
        let output = browser.find(".toolcall pre.output").await;
        let text = output.inner_html().await.expect("it has text");
        assert!(text.contains("from-the-workspace"), "{text}");
        until_idle(browser).await;
        look_at(browser, "tool").await;

        say(browser, "run: rm -rf everything").await;
        let reason = browser.find(".asks .decide input[name=reason]").await;
        reason.send_keys("not on a Friday").await.expect("it takes text");
        browser
            .find(".asks .decide button[value=deny]")
            .await
            .click()
            .await
            .expect("it can be pressed");
        browser.find(".asks .audit.no").await;
        until_idle(browser).await;
        let page = browser.find("#timeline").await.text().await.expect("it has text");
        assert!(
            page.matches("not on a Friday").count() >= 2,
            "the answer says the reason: {page}"
        );
    })
    .await;
}

#[tokio::test]
async fn a_long_answer_can_be_stopped_and_outlives_a_reload() {
    at_the_page(async |browser, _| {
        say(browser, "stream 3000 words").await;
        sign_in(browser, ".login", "alice").await;
        browser.find(".answer .md").await;
        look_at(browser, "streaming").await;
        browser.driver.refresh().await.expect("the page loads");
        browser.find(".answer .md").await;
        browser
            .find("#stop:not([hidden])")
            .await
            .click()
            .await
            .expect("it can be pressed");
        until_idle(browser).await;
        let answers = browser
            .driver
            .find_all(By::Css(".answer"))
            .await
            .expect("the page can be asked");
        assert_eq!(answers.len(), 1, "a reload doubles nothing");
        say(browser, "hello again").await;
        until_idle(browser).await;
    })
    .await;
}

#[tokio::test]
async fn a_page_comes_back_by_itself_when_the_host_was_killed() {
    let home = tempfile::tempdir().expect("a folder can be made");
    let port = own_port();
    let host = Host::demo(home.path(), port, &[]);
    let browser = Browser::start().await;
    browser.enter(host.link()).await;
    say(&browser, "stream 2000 words").await;
    sign_in(&browser, ".login", "alice").await;
    browser.find(".answer .md").await;
    say(&browser, "hello from the queue").await;
    browser.find("#queue li").await;
    host.kill();
    browser.find("#banner:not([hidden])").await;
    look_at(&browser, "offline").await;
    let host = Host::demo(home.path(), port, &[]);
    browser.find("#banner[hidden]").await;
    // The cut turn is told with a way to try again, the queued one is answered.
    browser.find(".note button[data-act=retry]").await;
    until_idle(&browser).await;
    let said = browser
        .driver
        .find_all(By::Css(".said"))
        .await
        .expect("the page can be asked");
    assert_eq!(said.len(), 2, "nothing is doubled");
    look_at(&browser, "after-a-kill").await;
    browser.quit().await;
    host.stop();
}

#[tokio::test]
async fn a_file_goes_in_and_one_comes_out() {
    at_the_page(async |browser, _| {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let log = folder.path().join("error.log");
        std::fs::write(&log, "something went wrong\n").expect("a file can be written");
        let input = browser
            .driver
            .find(By::Css("#file"))
            .await
            .expect("there is an input");
        input
            .send_keys(log.display().to_string())
            .await
            .expect("it takes a path");
        browser.find("#uploads li").await;
        say(browser, "write: notes.txt hello").await;
        sign_in(browser, ".login", "alice").await;
        browser.find(".said .files a").await;
        browser
            .find(".asks .decide button[value=always]")
            .await
            .click()
            .await
            .expect("it can be pressed");
        until_idle(browser).await;
        say(browser, "offer: notes.txt").await;
        browser.find(".offer a[download]").await;
        until_idle(browser).await;
        look_at(browser, "files").await;
    })
    .await;
}

#[tokio::test]
async fn a_message_that_is_merged_into_the_running_turn_stands_there_once() {
    at_the_page(async |browser, _| {
        say(browser, "stream 3000 words").await;
        sign_in(browser, ".login", "alice").await;
        browser.find(".answer .md").await;
        // The answer comes when the message is merged already; and nothing but its entry takes away what was on its way, no
        // time-out.
        browser
            .script(
                "const later = setTimeout; window.setTimeout = (work, span, ...more) => (span === 4000 ? 0 : later(work, span, ...more));
                 const ask = fetch; window.fetch = async (path, ...more) => {
                     const answer = await ask(path, ...more);
                     const merged = () => document.querySelectorAll('#timeline .said[data-turn=\"1\"]').length === 2;
                     while (String(path).endsWith('/messages') && !merged()) await new Promise((done) => later(done, 20));
                     return answer;
                 }",
            )
            .await;
        browser.press("#dispatch option[value=steer]").await;
        say(browser, "and briefly").await;
        browser
            .until("return [...document.querySelectorAll('#timeline .said')].some((one) => !one.hidden && one.textContent.includes('and briefly'))")
            .await;
        browser
            .until("return !document.querySelector('#local .sending')")
            .await;
        look_at(browser, "steered").await;
        browser.press("#stop:not([hidden])").await;
        until_idle(browser).await;
    })
    .await;
}
