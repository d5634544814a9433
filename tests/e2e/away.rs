//! A page that is cut off or refused, and words that are not sent: what it says then, and that nothing is lost.

use std::time::{Duration, Instant};

use serde_json::json;
use support::{Browser, Flaky, Host, Person, Scene, own_port};
use thirtyfour::prelude::*;

use crate::chat::{look_at, say, until_idle};
use crate::page::{another_link, at_a_host, opened};

/// As [`at_a_host`], with a network between the browser and the host that can be cut.
async fn behind_a_network(body: impl AsyncFnOnce(&Flaky, &Browser)) {
    let scene = Scene::signed_in().await;
    let host = Host::up(&scene, 0, "permissions = \"allow\"\n");
    let person = Person::enter(host.link()).await;
    let network = Flaky::to(host.port()).await;
    let browser = Browser::start().await;
    browser.look(1280, 800, "light").await;
    let mut link = another_link(&person).await;
    link.set_port(Some(network.port())).expect("it has a port");
    browser.enter(&link).await;
    body(&network, &browser).await;
    browser.quit().await;
    host.stop();
}

async fn banner(browser: &Browser) -> String {
    let banner = browser.find("#banner:not([hidden])").await;
    banner.text().await.expect("it has text")
}

#[tokio::test]
async fn a_page_that_is_refused_says_why_and_waits_as_long_as_it_is_told() {
    const SECONDS: u16 = 5;
    behind_a_network(async |network, browser| {
        // It is told so at some moment after this.
        let began = Instant::now();
        network.refuse(SECONDS);
        browser
            .until("return document.getElementById('banner').textContent.startsWith('There is no room. Close a page.')")
            .await;
        let words = banner(browser).await;
        assert!(words.contains("Trying again in"), "{words}");
        network.wake();
        browser.find("#banner[hidden]").await;
        // Its own patience would have been over after a second or two.
        let took = began.elapsed();
        assert!(took > Duration::from_secs(u64::from(SECONDS) - 1), "{took:?}");
    })
    .await;
}

#[tokio::test]
async fn a_message_that_is_refused_goes_by_itself_as_soon_as_it_was_told_to() {
    const SECONDS: u16 = 5;
    behind_a_network(async |network, browser| {
        say(browser, "say: one").await;
        browser.find("#timeline .answer .md p").await;
        until_idle(browser).await;
        let began = Instant::now();
        network.refuse(SECONDS);
        say(browser, "say: two").await;
        browser
            .until(
                "return document.querySelector('.sending small')?.textContent.includes('there is no room')",
            )
            .await;
        network.wake();
        browser
            .until("return document.querySelectorAll('#timeline .answer').length === 2")
            .await;
        let took = began.elapsed();
        assert!(took > Duration::from_secs(u64::from(SECONDS) - 1), "{took:?}");
        let said = "return document.querySelectorAll('.said').length";
        browser.until(&format!("{said} === 2")).await;
    })
    .await;
}

#[tokio::test]
async fn what_ran_is_not_counted_on_while_the_host_is_away() {
    behind_a_network(async |network, browser| {
        say(browser, "run: sleep 600").await;
        browser.find("#stop:not([hidden])").await;
        browser
            .until("return document.getElementById('elapsed').textContent !== ''")
            .await;
        let runs = "return document.querySelector('.tool.running [data-since]')?.textContent ?? ''";
        browser.until(runs).await;
        network.refuse(1);
        browser.find("#banner:not([hidden])").await;
        browser
            .until("return document.getElementById('doing').textContent.startsWith('Not connected')")
            .await;
        let elapsed = browser
            .script("return document.getElementById('elapsed').textContent")
            .await;
        assert_eq!(elapsed, json!(""), "nobody knows whether it still runs");
        look_at(browser, "cut-off").await;
        // Its card does not count on either, however long it has run.
        let stood = browser.script(runs).await;
        browser
            .script("document.querySelector('.tool.running [data-since]').dataset.since -= 3600000; document.dispatchEvent(new Event('visibilitychange'))")
            .await;
        assert_eq!(browser.script(runs).await, stood);
        network.wake();
        browser
            .until("return document.getElementById('elapsed').textContent !== ''")
            .await;
        browser.press("#stop").await;
        until_idle(browser).await;
    })
    .await;
}

#[tokio::test]
async fn a_lone_unknown_command_is_asked_about_and_what_was_typed_stays() {
    at_a_host("", async |_, _, _, browser| {
        say(browser, "/stpo").await;
        let note = browser.find("#unknown .words").await;
        let words = note.text().await.expect("it has text");
        assert!(
            words.contains("no command /stpo") && words.contains("/stop?"),
            "{words}"
        );
        let typed = "return document.getElementById('text').value";
        assert_eq!(browser.script(typed).await, json!("/stpo"));
        look_at(browser, "unknown-command").await;
        let change = By::XPath("//article[@id='unknown']//button[starts-with(., 'Change')]");
        let change = browser.driver.find(change).await.expect("it is offered");
        change.click().await.expect("it can be pressed");
        assert_eq!(browser.script(typed).await, json!("/stop"));
        // Whoever writes something else is not asked any more.
        let field = browser.find("#text").await;
        field.clear().await.expect("it can be emptied");
        say(browser, "/deplo").await;
        browser.find("#unknown button").await;
        field.send_keys("y").await.expect("it takes a key");
        let notes = "return document.querySelectorAll('.item.reply').length";
        assert_eq!(browser.script(notes).await, json!(0));
        let field = browser.find("#text").await;
        field.clear().await.expect("it can be emptied");
        say(browser, "/deploy").await;
        let send = By::XPath("//article[@id='unknown']//button[. = 'Send as text']");
        browser.find("#unknown button").await;
        let send = browser.driver.find(send).await.expect("it is offered");
        send.click().await.expect("it can be pressed");
        browser.find(".answer .md p").await;
        let said = browser.find("#timeline .said .words").await;
        assert_eq!(said.text().await.expect("it has text"), "/deploy");
        until_idle(browser).await;
        // A path is no command.
        say(browser, "/etc/hosts").await;
        browser
            .until("return document.querySelectorAll('#timeline .said').length === 2")
            .await;
        until_idle(browser).await;
    })
    .await;
}

#[tokio::test]
async fn a_note_that_a_message_was_not_sent_goes_when_it_is() {
    at_a_host("", async |_, _, _, browser| {
        // In a thread that is there: the empty page goes, and its notes with it.
        say(browser, "say: hello").await;
        browser.find("#timeline .answer .md p").await;
        until_idle(browser).await;
        let desk = tempfile::tempdir().expect("a folder can be made");
        let large = desk.path().join("video.bin");
        let file = std::fs::File::create(&large).expect("it can be made");
        file.set_len(30 * 1024 * 1024).expect("it can grow");
        browser.drop_files(&[&large]).await;
        browser.find("#uploads .failed").await;
        say(browser, "say: hello").await;
        let note = browser.find("#unsent .words").await;
        let words = note.text().await.expect("it has text");
        assert!(words.starts_with("Not sent: “video.bin”"), "{words}");
        // Said once, however often it is tried.
        let field = browser.find("#text").await;
        field.send_keys(Key::Enter).await.expect("it takes a key");
        let notes = "return document.querySelectorAll('.item.reply').length";
        assert_eq!(browser.script(notes).await, json!(1));
        browser.press("#uploads .failed button").await;
        field.send_keys(Key::Enter).await.expect("it takes a key");
        browser
            .until("return document.querySelectorAll('#timeline .answer').length === 2")
            .await;
        assert_eq!(browser.script(notes).await, json!(0));
        // So does what a command was answered with, which would stand below what comes later.
        until_idle(browser).await;
        say(browser, "/status").await;
        browser.find(".item.reply").await;
        say(browser, "say: hello").await;
        browser
            .until("return document.querySelectorAll('#timeline .answer').length === 3")
            .await;
        assert_eq!(browser.script(notes).await, json!(0));
    })
    .await;
}

/// What people said in the thread, as it stands there.
const SAID: &str =
    "return [...document.querySelectorAll('#timeline .said .words')].map((one) => one.textContent)";

#[tokio::test]
async fn what_is_written_while_the_host_is_away_arrives_in_its_order_also_after_a_reload() {
    behind_a_network(async |network, browser| {
        say(browser, "say: start").await;
        browser.find("#timeline .answer .md p").await;
        until_idle(browser).await;
        let mut written = vec!["say: start".to_owned()];
        for round in 0..2 {
            // It does not say when it wants to be asked again: pauses grow, and no two are alike.
            network.refuse(0);
            browser.script("window.began = Date.now()").await;
            for number in 0..6 {
                let words = format!("say: {round}-{number}");
                say(browser, &words).await;
                written.push(words);
            }
            browser
                .until("return [...document.querySelectorAll('.sending small')].some((one) => one.textContent.includes('no room'))")
                .await;
            // Each could have been tried a few times by now.
            browser.until("return Date.now() - window.began > 5000").await;
            network.wake();
            if round == 1 {
                browser.driver.refresh().await.expect("it loads again");
            }
            let all = format!(
                "return document.querySelectorAll('#timeline .said .words').length === {}",
                written.len()
            );
            browser.until(&all).await;
            assert_eq!(browser.script(SAID).await, json!(written));
            browser.until("return !document.querySelector('.sending')").await;
        }
        until_idle(browser).await;
    })
    .await;
}

#[tokio::test]
async fn what_a_closed_page_left_unsent_is_marked_and_sent_in_its_order_by_another_one() {
    let scene = Scene::signed_in().await;
    let host = Host::up(&scene, 0, "permissions = \"allow\"\n");
    let person = Person::enter(host.link()).await;
    let [first, second] = [
        opened(&person, "say: first").await,
        opened(&person, "say: second").await,
    ];
    let network = Flaky::to(host.port()).await;
    let browser = Browser::start().await;
    let mut link = another_link(&person).await;
    link.set_port(Some(network.port())).expect("it has a port");
    browser.enter(&link).await;
    link.set_query(None);
    let mut pages = vec![];
    for thread in [&first, &second] {
        let page = browser.driver.new_tab().await.expect("a tab opens");
        let shown = browser.driver.switch_to_window(page.clone()).await;
        shown.expect("it can be looked at");
        link.set_path(&format!("/t/{thread}"));
        browser.driver.goto(link.as_str()).await.expect("the page opens");
        browser.find(&format!("#l-{thread}")).await;
        pages.push(page);
    }
    let shown = browser.driver.switch_to_window(pages[0].clone()).await;
    shown.expect("it can be looked at");
    // It would be a while until the page tries again by itself.
    network.refuse(60);
    for words in ["say: left-1", "say: left-2", "say: left-3"] {
        say(&browser, words).await;
    }
    browser
        .until("return [...document.querySelectorAll('.sending small')].some((one) => one.textContent.includes('no room'))")
        .await;
    browser.find(&format!("#l-{first}[data-unsent]")).await;
    // Who closes it by hand is asked; nobody is asked who has nothing unsent in the page.
    let asks = "return !dispatchEvent(new Event('beforeunload', { cancelable: true }))";
    browser.find("#banner:not([hidden])").await;
    assert_eq!(browser.script(asks).await, json!(true));
    browser.driver.close_window().await.expect("it closes");
    let shown = browser.driver.switch_to_window(pages[1].clone()).await;
    shown.expect("it can be looked at");
    assert_eq!(browser.script(asks).await, json!(false));
    // Something else of the same browser's that can't be read hides none of them.
    browser
        .script("localStorage.setItem(`unsent:${document.body.dataset.person}:x`, '{')")
        .await;
    // What a reader of the other thread sees of it.
    browser.find(&format!("#l-{first}[data-unsent]")).await;
    look_at(&browser, "unsent").await;
    network.wake();
    // The host told this page, too, to come back in a minute: a page that is loaded now was told nothing.
    browser.driver.refresh().await.expect("it loads again");
    browser.find(&format!("#l-{first}:not([data-unsent])")).await;
    // All but what can't be read.
    browser.until("return localStorage.length === 1").await;
    let mut ear = person.listen(&first).await;
    let snapshot = ear.until(|heard| heard.name == "snapshot").await.data.to_string();
    let at: Vec<usize> = ["left-1", "left-2", "left-3"]
        .iter()
        .map(|words| snapshot.find(words).unwrap_or_else(|| panic!("no {words}")))
        .collect();
    assert!(at.is_sorted(), "{at:?}");
    browser.quit().await;
    host.stop();
}

#[tokio::test]
async fn a_message_of_the_empty_page_that_was_closed_opens_its_thread_from_another_page() {
    behind_a_network(async |network, browser| {
        say(browser, "say: there").await;
        browser.find("#timeline .answer .md p").await;
        until_idle(browser).await;
        let here = browser.driver.window().await.expect("there is a window");
        let home = browser.script("return location.origin + '/'").await;
        let page = browser.driver.new_tab().await.expect("a tab opens");
        let shown = browser.driver.switch_to_window(page).await;
        shown.expect("it can be looked at");
        let home = home.as_str().expect("an address");
        browser.driver.goto(home).await.expect("the page opens");
        browser.find("#empty").await;
        network.refuse(1);
        say(browser, "say: begun-and-left").await;
        say(browser, "say: and-more").await;
        browser
            .until("return [...document.querySelectorAll('.sending small')].some((one) => one.textContent.includes('no room'))")
            .await;
        browser.driver.close_window().await.expect("it closes");
        let shown = browser.driver.switch_to_window(here).await;
        shown.expect("it can be looked at");
        network.wake();
        browser
            .until("return document.querySelectorAll('#list > li').length === 2")
            .await;
        browser.until("return localStorage.length === 0").await;
        let other = browser.driver.find(By::Css("#list > li a:not([aria-current])")).await;
        other.expect("it is there").click().await.expect("it leads there");
        browser
            .until("return document.querySelectorAll('#timeline .answer').length === 2")
            .await;
        assert_eq!(
            browser.script(SAID).await,
            json!(["say: begun-and-left", "say: and-more"])
        );
    })
    .await;
}

#[tokio::test]
async fn a_note_that_the_host_can_not_be_reached_goes_when_it_is_back() {
    let scene = Scene::signed_in().await;
    let more = "permissions = \"allow\"\n";
    let port = own_port();
    let host = Host::up(&scene, port, more);
    let browser = Browser::start().await;
    browser.look(1280, 800, "light").await;
    browser.enter(host.link()).await;
    say(&browser, "run: sleep 600").await;
    browser
        .until("return !!document.querySelector('.tool.running')")
        .await;
    host.kill();
    browser.press("#stop").await;
    browser
        .until("return [...document.querySelectorAll('.item.reply')].some((one) => one.textContent.includes('can’t be reached'))")
        .await;
    let host = Host::up(&scene, port, more);
    browser.find(".note button[data-act=retry]").await;
    browser.find("#banner[hidden]").await;
    browser
        .until("return !document.querySelector('.item.reply')")
        .await;
    browser.quit().await;
    host.stop();
}

#[tokio::test]
async fn a_turn_that_was_asked_for_again_says_so_in_every_page_and_after_a_reload() {
    at_a_host("", async |_, _, _, browser| {
        say(browser, "fail 400").await;
        browser.press(".note button[data-act=retry]").await;
        // The rehearsal does what it was asked to once.
        browser.find("#timeline .answer .md p").await;
        let told = "const notes = [...document.querySelectorAll('#timeline .note')];\
            return notes.length === 1 && notes[0].textContent.split('Asked for again').length === 2\
                && !document.querySelector('button[data-act=retry]')";
        browser.until(told).await;
        until_idle(browser).await;
        browser.driver.refresh().await.expect("it loads again");
        browser.find("#timeline .note").await;
        browser.until(told).await;
    })
    .await;
}

/// Lets a file with this name and content fall into the page.
async fn drop_file(browser: &Browser, name: &str, content: &str) {
    browser
        .script(&format!(
            "const carried = new DataTransfer(); carried.items.add(new File(['{content}'], '{name}'));\
             dispatchEvent(new DragEvent('drop', {{ dataTransfer: carried, cancelable: true }}))"
        ))
        .await;
}

/// Whether a message in the timeline has this file.
fn has_file(name: &str) -> String {
    format!(
        "return [...document.querySelectorAll('#timeline .said')].some((one) => one.textContent.includes('{name}'))"
    )
}

#[tokio::test]
async fn a_file_that_the_host_was_away_for_arrives_by_itself_with_its_message() {
    let scene = Scene::signed_in().await;
    let port = own_port();
    let host = Host::up(&scene, port, "");
    let browser = Browser::start().await;
    browser.enter(host.link()).await;
    say(&browser, "say: there").await;
    browser.find("#timeline .answer .md p").await;
    until_idle(&browser).await;
    host.kill();
    drop_file(&browser, "late.txt", "late").await;
    browser
        .until("return document.querySelector('#uploads small')?.textContent.includes('can’t be reached')")
        .await;
    // It waits for its file.
    say(&browser, "say: with-a-file").await;
    let host = Host::up(&scene, port, "");
    browser.until(&has_file("late.txt")).await;
    browser
        .until("return !document.querySelector('.item.reply') && !document.querySelector('#uploads li')")
        .await;
    browser.quit().await;
    host.stop();
}

#[tokio::test]
async fn files_of_a_draft_stay_over_a_reload() {
    at_a_host("", async |_, _, _, browser| {
        say(browser, "say: there").await;
        browser.find("#timeline .answer .md p").await;
        until_idle(browser).await;
        drop_file(browser, "kept.txt", "kept").await;
        browser.find("#uploads progress[hidden]").await;
        for _ in 0..2 {
            browser.driver.refresh().await.expect("it loads again");
            browser
                .until("return document.querySelector('#uploads span')?.textContent === 'kept.txt'")
                .await;
        }
        say(browser, "say: with-a-file").await;
        browser.until(&has_file("kept.txt")).await;
        browser.driver.refresh().await.expect("it loads again");
        browser.until(&has_file("kept.txt")).await;
        browser
            .until("return !document.querySelector('#uploads li')")
            .await;
    })
    .await;
}
