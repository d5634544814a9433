//! What people do with a browser besides reading: several tabs of one thread, more pages than a browser has connections,
//! a button pressed twice, Back and Forward, a browser without scripts.

use std::time::Duration;

use serde_json::json;
use support::{Browser, Host, Person, Scene, own_port};
use thirtyfour::WindowHandle;
use thirtyfour::extensions::cdp::ChromeDevTools;

use crate::chat::{say, until_idle};
use crate::page::{another_link, at_a_host, open, opened};

/// Whether the answer stands in the timeline so often.
fn answers(text: &str, times: usize) -> String {
    format!(
        "const found = [...document.querySelectorAll('#timeline .answer')].filter((one) => one.textContent.includes('{text}'));\
         return found.length === {times}"
    )
}

/// So many messages of people.
fn said(times: usize) -> String {
    format!("return document.querySelectorAll('#timeline .said').length === {times}")
}

const ASKS: &str = "return !!document.querySelector('.asks .decide')";

#[tokio::test]
async fn three_tabs_of_one_thread_show_the_same_and_what_is_decided_in_one_is_decided_in_all() {
    at_a_host("", async |_, host, person, browser| {
        let thread = person.open("run: echo was-here").await;
        let mut tabs = vec![browser.driver.window().await.expect("there is a window")];
        for _ in 0..2 {
            tabs.push(browser.driver.new_tab().await.expect("a tab opens"));
        }
        let look = async |tab: usize| {
            let tab = tabs[tab].clone();
            browser
                .driver
                .switch_to_window(tab)
                .await
                .expect("it can be looked at");
        };
        for tab in 0..3 {
            look(tab).await;
            open(browser, host, &thread).await;
            browser.until(ASKS).await;
        }
        browser.press(".asks .decide button[value=once]").await;
        for tab in 0..3 {
            look(tab).await;
            browser.until(&ASKS.replace("return !!", "return !")).await;
            browser.until(&said(1)).await;
            browser
                .until("return document.querySelector('#timeline').textContent.includes('was-here')")
                .await;
        }
        // Each tab says something; all of them show each once, in the same order.
        for tab in 0..3 {
            look(tab).await;
            say(browser, &format!("say: from-tab-{tab}")).await;
            browser.until(&answers(&format!("from-tab-{tab}"), 1)).await;
        }
        let mut shown = Vec::new();
        for tab in 0..3 {
            look(tab).await;
            browser.until(&said(4)).await;
            browser.until(&answers("from-tab-", 3)).await;
            until_idle(browser).await;
            shown.push(
                browser
                    .script("return [...document.querySelectorAll('#timeline > [id]')].map((one) => one.id)")
                    .await,
            );
        }
        assert!(shown[0] == shown[1] && shown[1] == shown[2], "{shown:#?}");
    })
    .await;
}

#[tokio::test]
async fn eight_open_pages_leave_room_for_send_and_stop_in_the_first_and_in_the_last() {
    at_a_host("permissions = \"allow\"\n", async |_, host, person, browser| {
        let thread = opened(person, "say: ready").await;
        // A page that waits for a connection never opens.
        let patience = browser.driver.set_page_load_timeout(Duration::from_mins(1));
        patience.await.expect("it can be set");
        let mut pages = vec![browser.driver.window().await.expect("there is a window")];
        open(browser, host, &thread).await;
        for number in 0..7 {
            // Windows stand side by side, and all of them are seen.
            let next = match number % 2 {
                0 => browser.driver.new_window().await,
                _ => browser.driver.new_tab().await,
            };
            let next = next.expect("it opens");
            let shown = browser.driver.switch_to_window(next.clone()).await;
            shown.expect("it can be looked at");
            pages.push(next);
            open(browser, host, &thread).await;
        }
        for (count, page) in [(1, &pages[7]), (2, &pages[0])] {
            let shown = browser.driver.switch_to_window(page.clone()).await;
            shown.expect("it can be looked at");
            // What a person does who comes back to a window that was never behind another one.
            browser.script("dispatchEvent(new Event('focus'))").await;
            browser.find("#banner[hidden]").await;
            say(browser, "run: sleep 600").await;
            browser.find("#stop:not([hidden])").await;
            browser
                .until("return !!document.querySelector('.tool.running')")
                .await;
            browser.press("#stop").await;
            until_idle(browser).await;
            say(browser, &format!("say: from-page-{count}")).await;
            browser.until(&answers(&format!("from-page-{count}"), 1)).await;
        }
        // Pages that nobody came back to say that they rest, and go on at once.
        let shown = browser.driver.switch_to_window(pages[1].clone()).await;
        shown.expect("it can be looked at");
        browser.script("dispatchEvent(new Event('focus'))").await;
        browser.until(&answers("from-page-2", 1)).await;
        browser.find("#banner[hidden]").await;
    })
    .await;
}

#[tokio::test]
async fn a_double_click_on_the_way_in_over_a_slow_network_lets_in_and_the_link_is_used_up() {
    at_a_host("", async |_, _, person, _| {
        let browser = Browser::start().await;
        let link = another_link(person).await;
        let tools = ChromeDevTools::new(browser.driver.handle.clone());
        for gap in [30, 150, 700] {
            let link = another_link(person).await;
            browser.driver.delete_all_cookies().await.expect("they can go");
            browser.driver.goto(link.as_str()).await.expect("the page opens");
            browser.find("#enter").await;
            tools.execute_cdp("Network.enable").await.expect("it can be watched");
            let slow = json!({ "offline": false, "latency": 400, "downloadThroughput": -1, "uploadThroughput": -1 });
            tools
                .execute_cdp_with_params("Network.emulateNetworkConditions", slow)
                .await
                .expect("it can be slow");
            browser
                .script(&format!(
                    "const button = document.getElementById('enter'); button.click(); setTimeout(() => button.click(), {gap})"
                ))
                .await;
            browser.find("#text").await;
            tools
                .execute_cdp_with_params("Network.disable", json!({}))
                .await
                .expect("it can be left alone");
            // Whoever else has the link comes too late.
            let bob = support::client().get(link.clone()).send().await.expect("it answers");
            assert_eq!(bob.status(), 403);
        }
        // A link that nobody pressed is as good as before.
        Person::enter(&link).await;
        browser.quit().await;
    })
    .await;
}

#[tokio::test]
async fn back_and_forward_lead_to_pages_that_are_right_and_live_and_send_nothing_twice() {
    at_a_host("", async |_, host, person, browser| {
        let older = opened(person, "say: older").await;
        browser
            .driver
            .goto(host.url("/").as_str())
            .await
            .expect("the page opens");
        say(browser, "say: first").await;
        browser.until(&answers("first", 1)).await;
        let address = browser.script("return location.pathname").await;
        // Back to where it was written: nothing is sent again, the field is empty, and the thread is in the list.
        browser.driver.back().await.expect("it goes back");
        browser
            .until("return location.pathname === '/' && !!document.querySelector('#empty')")
            .await;
        browser
            .until("return document.querySelector('#text').value === ''")
            .await;
        browser
            .until("return document.querySelectorAll('#list > li').length === 2")
            .await;
        browser.driver.forward().await.expect("it goes forward");
        browser.until(&answers("first", 1)).await;
        assert_eq!(browser.script("return location.pathname").await, address);
        browser.until(&said(1)).await;
        // A draft stays with its thread over a way there and back.
        browser
            .find("#text")
            .await
            .send_keys("half a thought")
            .await
            .expect("it takes text");
        open(browser, host, &older).await;
        browser
            .until("return document.querySelector('#text').value === ''")
            .await;
        browser.driver.back().await.expect("it goes back");
        browser
            .until("return document.querySelector('#text').value === 'half a thought'")
            .await;
        // What came while the page was away is there, and what comes now comes live.
        let thread = address
            .as_str()
            .and_then(|path| path.strip_prefix("/t/"))
            .expect("a thread");
        browser.driver.forward().await.expect("it goes forward");
        browser.until(&answers("older", 1)).await;
        person.say(thread, "m2", "say: meanwhile").await;
        browser.driver.back().await.expect("it goes back");
        browser.until(&answers("meanwhile", 1)).await;
        person.say(thread, "m3", "say: live").await;
        browser.until(&answers("live", 1)).await;
        let list = "return document.querySelectorAll('#list > li').length";
        assert_eq!(browser.script(list).await, json!(2));
    })
    .await;
}

#[tokio::test]
async fn without_scripts_one_comes_in_reads_and_is_told_what_is_missing() {
    at_a_host("", async |_, host, person, _| {
        let thread = opened(person, "say: plain-words").await;
        let browser = Browser::start().await;
        let tools = ChromeDevTools::new(browser.driver.handle.clone());
        tools
            .execute_cdp_with_params("Emulation.setScriptExecutionDisabled", json!({ "value": true }))
            .await
            .expect("scripts can be switched off");
        browser.enter(&another_link(person).await).await;
        open(&browser, host, &thread).await;
        let body = browser.find("body").await.text().await.expect("it has text");
        assert!(
            body.contains("plain-words") && body.contains("needs JavaScript"),
            "{body}"
        );
        browser.quit().await;
    })
    .await;
}

async fn look_into(browser: &Browser, tab: &WindowHandle) {
    let shown = browser.driver.switch_to_window(tab.clone()).await;
    shown.expect("it can be looked at");
}

async fn write(browser: &Browser, text: &str) {
    let field = browser.find("#text").await;
    field.send_keys(text).await.expect("it takes text");
}

#[tokio::test]
async fn a_page_whose_browser_became_somebody_else_s_says_so_and_what_was_typed_is_not_theirs() {
    at_a_host("", async |_, host, person, browser| {
        let thread = opened(person, "say: hers").await;
        let home = host.url("/");
        browser.driver.goto(home.as_str()).await.expect("the page opens");
        write(browser, "half a thought").await;
        open(browser, host, &thread).await;
        browser.find("#banner[hidden]").await;
        let hers = browser.driver.window().await.expect("there is a window");
        let other = browser.driver.new_tab().await.expect("a tab opens");
        look_into(browser, &other).await;
        let link = person.invite().await;
        browser.driver.goto(link.as_str()).await.expect("the page opens");
        browser.press("#enter").await;
        browser.find("#text").await;
        look_into(browser, &hers).await;
        browser
            .until("return document.getElementById('banner').textContent.includes('belongs to somebody else now')")
            .await;
        browser.press("#banner a").await;
        browser.find("#empty").await;
        let typed = "return document.getElementById('text').value";
        assert_eq!(browser.script(typed).await, json!(""));
        // It waits for her.
        browser.enter(&another_link(person).await).await;
        browser
            .until("return document.getElementById('text').value === 'half a thought'")
            .await;
    })
    .await;
}

#[tokio::test]
async fn a_copy_of_an_empty_page_opens_a_thread_of_its_own() {
    let scene = Scene::signed_in().await;
    let port = own_port();
    let host = Host::up(&scene, port, "");
    let browser = Browser::start().await;
    browser.enter(host.link()).await;
    browser.find("#empty").await;
    let first = browser.driver.window().await.expect("there is a window");
    // With all that this tab keeps.
    browser.script("window.open(location.href)").await;
    let tabs = browser.driver.windows().await.expect("there are windows");
    let copy = tabs.iter().find(|tab| **tab != first).expect("it opened");
    let both = [(copy, "say: from-the-copy"), (&first, "say: from-the-first")];
    look_into(&browser, copy).await;
    browser.find("#empty").await;
    host.kill();
    for (tab, words) in both {
        look_into(&browser, tab).await;
        say(&browser, words).await;
    }
    let places = "return new Set(Object.keys(localStorage).filter((key) => key.startsWith('unsent:'))\
        .map((key) => JSON.parse(localStorage[key]).thread)).size";
    assert_eq!(browser.script(places).await, json!(2));
    let host = Host::up(&scene, port, "");
    for (tab, words) in both {
        look_into(&browser, tab).await;
        browser
            .until(
                "return location.pathname.startsWith('/t/') && !!document.querySelector('#timeline .answer')",
            )
            .await;
        let said = "return [...document.querySelectorAll('.said .words')].map((one) => one.textContent)";
        assert_eq!(browser.script(said).await, json!([words]));
    }
    browser
        .until("return document.querySelectorAll('#list > li').length === 2")
        .await;
    browser.quit().await;
    host.stop();
}

#[tokio::test]
async fn the_page_of_a_sign_out_lets_every_tab_forget_what_was_written_without_a_header() {
    at_a_host("", async |_, host, person, browser| {
        let thread = opened(person, "say: hers").await;
        let kept = "return sessionStorage.length + localStorage.length";
        let hers = browser.driver.window().await.expect("there is a window");
        let other = browser.driver.new_tab().await.expect("a tab opens");
        for tab in [&hers, &other] {
            look_into(browser, tab).await;
            open(browser, host, &thread).await;
            write(browser, "half a thought").await;
            assert_eq!(browser.script(kept).await, json!(1));
        }
        // What that page holds besides words, here without its header.
        browser
            .script("document.head.append(Object.assign(document.createElement('script'), { src: '/assets/left.js' }))")
            .await;
        for tab in [&other, &hers] {
            look_into(browser, tab).await;
            browser.until(&kept.replace("return ", "return 0 === ")).await;
        }
    })
    .await;
}
