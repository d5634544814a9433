//! Logins at the page, in a browser: what pays, a no at the vendor's page, and a page that is loaded again.

use serde_json::json;
use support::{Browser, Host};

use crate::cards::goto;
use crate::chat::{at_the_page, consent, look_at, say, until_idle};

#[tokio::test]
async fn the_host_s_key_is_shown_with_what_it_pays_for_and_never_itself() {
    let home = tempfile::tempdir().expect("a folder can be made");
    let config = "default_agent = \"native\"\n[agents.native]\nmodel = \"some-model\"\n";
    let host = Host::configured(home.path(), config, &[("OPENAI_API_KEY", "sk-planted-in-here")]);
    let browser = Browser::start().await;
    browser.look(1280, 800, "light").await;
    browser.enter(host.link()).await;
    goto(&browser, &host, "/credentials").await;
    let pays = browser.find(".pays").await.text().await.expect("it has text");
    assert!(
        pays.contains("API key (OPENAI_API_KEY)") && pays.contains("no login of your own"),
        "{pays}"
    );
    let card = browser.find("#login-environment-openai").await;
    let card = card.text().await.expect("it has text");
    assert!(
        card.contains("OPENAI_API_KEY") && card.contains("native"),
        "{card}"
    );
    let page = browser.script("return document.documentElement.outerHTML").await;
    let page = page.as_str().expect("text");
    assert!(!page.contains("planted") && !page.contains("Rehearsal"), "{page}");
    look_at(&browser, "credentials-key").await;
    browser.quit().await;
    host.stop();
}

/// Opens the link of the sign-in card, answers there, and stays at what comes then.
async fn answer(browser: &Browser, name: &str, decision: &str) {
    browser.press(".login button[data-act=sign-in]").await;
    let link = browser.find(".login a[data-focus]").await;
    let href = link.attr("href").await.expect("it has one").expect("it has one");
    browser.driver.goto(&href).await.expect("the vendor's page opens");
    let user = browser.find("input[name=user]").await;
    user.clear().await.expect("it can be emptied");
    user.send_keys(name).await.expect("it takes text");
    browser.press(&format!("button[value={decision}]")).await;
}

#[tokio::test]
async fn a_no_leads_back_to_the_thread_and_a_yes_may_be_loaded_again() {
    at_the_page(async |browser, _| {
        say(browser, "hello").await;
        browser.find(".login").await;
        let thread = browser.driver.current_url().await.expect("there is one");
        answer(browser, "alice", "deny").await;
        browser.heading("You said no").await;
        look_at(browser, "said-no").await;
        browser.press("a.primary").await;
        browser.find(".login button[data-act=sign-in]").await;
        assert_eq!(browser.driver.current_url().await.expect("there is one"), thread);
        answer(browser, "alice", "approve").await;
        browser.heading("Signed in").await;
        browser.driver.refresh().await.expect("it loads again");
        browser.heading("Signed in").await;
        let words = browser.find("main").await.text().await.expect("it has text");
        assert!(words.contains("done already"), "{words}");
        browser.press("a.primary").await;
        browser.find(".answer .md p").await;
        until_idle(browser).await;
        assert_eq!(
            browser
                .script("return document.querySelectorAll('.said').length")
                .await,
            json!(1)
        );
    })
    .await;
}

#[tokio::test]
async fn the_page_of_credentials_hears_that_its_sign_in_worked() {
    at_the_page(async |browser, host| {
        goto(browser, host, "/credentials").await;
        browser.find(".pays .dot.failed").await;
        browser
            .press("#login-mine-rehearsal button[data-act=sign-in]")
            .await;
        let link = "#login-mine-rehearsal a[data-focus]";
        browser.find(link).await;
        look_at(browser, "credentials-step").await;
        // One thing to press stands out: the next step.
        let loud = "return [...document.querySelectorAll('#login-mine-rehearsal :is(a, button)')].filter((one) => getComputedStyle(one).backgroundColor === getComputedStyle(document.querySelector('#login-mine-rehearsal a[data-focus]')).backgroundColor).length";
        assert_eq!(browser.script(loud).await, json!(1));
        // In another tab, which is closed then: this page is not loaded again.
        browser.script("window.same = true").await;
        consent(browser, link, "alice").await;
        browser.find("#login-mine-rehearsal .says.ok").await;
        browser.find(".pays .dot.ok").await;
        let card = browser.find("#login-mine-rehearsal").await;
        let card = card.text().await.expect("it has text");
        assert!(
            card.contains("signed in") && card.contains("Sign out") && !card.contains("Finish"),
            "{card}"
        );
        assert_eq!(browser.script("return window.same").await, json!(true));
        look_at(browser, "credentials-signed-in").await;
    })
    .await;
}
