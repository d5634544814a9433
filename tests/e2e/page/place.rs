//! What stays as it was when a page is loaded again, and what other tabs hear of.

use serde_json::json;
use thirtyfour::prelude::*;

use super::{at_a_host, busy, converse, ended, open, opened, opened_busy};

/// Whether the line of a thread stands inside the list's frame.
fn in_view(thread: &str) -> String {
    format!(
        "const line = document.getElementById('l-{thread}')?.getBoundingClientRect();
         const frame = document.querySelector('#side nav').getBoundingClientRect();
         return !!line && line.height > 0 && line.top >= frame.top - 1 && line.bottom <= frame.bottom + 1"
    )
}

#[tokio::test]
async fn the_list_keeps_its_place_and_its_filter_when_a_thread_is_opened() {
    at_a_host("", async |_, host, person, browser| {
        let mut threads = vec![];
        for number in 0..9 {
            threads.push(opened(person, &format!("say: number {number}")).await);
        }
        browser.look(1280, 360, "light").await;
        open(browser, host, &threads[8]).await;
        browser.until(&in_view(&threads[8])).await;
        assert_eq!(browser.script(&in_view(&threads[0])).await, json!(false));
        browser
            .script("const frame = document.querySelector('#side nav'); frame.scrollTop = frame.scrollHeight")
            .await;
        let top = browser
            .script("return document.querySelector('#side nav').scrollTop")
            .await;
        assert!(top.as_f64().is_some_and(|top| top > 50.0), "{top}");
        browser.press(&format!("#l-{} a", threads[0])).await;
        browser.find(&format!("body[data-thread='{}']", threads[0])).await;
        browser.until(&in_view(&threads[0])).await;
        assert_eq!(
            browser
                .script("return document.querySelector('#side nav').scrollTop")
                .await,
            top
        );
        // What was looked for is looked for on.
        let filter = browser.find("#filter").await;
        filter.send_keys("number 4").await.expect("it takes text");
        browser.press(&format!("#l-{} a", threads[4])).await;
        browser.find(&format!("body[data-thread='{}']", threads[4])).await;
        browser
            .until("return document.getElementById('filter').value === 'number 4' && document.querySelectorAll('#list > li:not([hidden])').length === 1")
            .await;
        // By a link from elsewhere: the line of what is open is brought into view.
        browser
            .script("const filter = document.getElementById('filter'); filter.value = ''; filter.dispatchEvent(new Event('input')); document.querySelector('#side nav').scrollTop = 0")
            .await;
        open(browser, host, &threads[0]).await;
        browser.until(&in_view(&threads[0])).await;
    })
    .await;
}

/// The first entry in view, and how far it stands below the frame's upper edge.
const READS: &str = "const top = document.getElementById('scroll').getBoundingClientRect().top;
    const first = [...document.querySelectorAll('#timeline > .item')].find((one) => one.getBoundingClientRect().bottom > top);
    return [first.id, Math.round(first.getBoundingClientRect().top - top)]";

#[tokio::test]
async fn a_page_that_is_loaded_again_stands_where_its_reader_was() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    at_a_host(&busy(folder.path()), async |_, host, person, browser| {
        let thread = opened_busy(person).await;
        for number in 0..4 {
            converse(person, &thread, &format!("m{number}"), "go on").await;
        }
        open(browser, host, &thread).await;
        browser.until("return document.getElementById('timeline').textContent.includes('turn 5: step 50')").await;
        let up = "const place = document.getElementById('scroll'); place.scrollTop = 10; place.dispatchEvent(new Event('scroll')); return document.getElementById('timeline').textContent.includes('turn 2: step 9 ')";
        browser.until(up).await;
        browser
            .until("return !document.getElementById('older').disabled")
            .await;
        browser
            .script("[...document.querySelectorAll('#timeline > .answer')].find((one) => one.textContent.includes('turn 2: step 20 ')).scrollIntoView({ block: 'start' })")
            .await;
        let reads = browser.script(READS).await;
        browser.driver.refresh().await.expect("it loads again");
        let id = reads[0].as_str().expect("an id");
        browser.find(&format!("#{id}")).await;
        let same = format!("{}.join() === '{},{}'", READS, id, reads[1]);
        browser.until(&same).await;
        // It stays there, and whoever was at the end is at the end.
        browser
            .script("return new Promise((done) => setTimeout(done, 500))")
            .await;
        assert_eq!(browser.script(READS).await, reads);
        browser
            .until("const place = document.getElementById('scroll'); place.scrollTop = place.scrollHeight; return document.getElementById('timeline').textContent.includes('turn 5: step 50') && document.getElementById('newer').hidden")
            .await;
        browser.driver.refresh().await.expect("it loads again");
        browser
            .until("const place = document.getElementById('scroll'); return place.scrollHeight > 2000 && place.scrollHeight - place.scrollTop - place.clientHeight < 2")
            .await;
    })
    .await;
}

#[tokio::test]
async fn a_question_marks_the_title_of_every_tab_and_its_half_typed_reason_outlives_a_reload() {
    at_a_host("", async |_, host, person, browser| {
        let other = opened(person, "say: elsewhere").await;
        open(browser, host, &other).await;
        let title = browser.driver.title().await.expect("there is one");
        assert!(!title.starts_with('('), "{title}");
        let thread = person.open("run: echo asked").await;
        browser.until("return document.title.startsWith('(1) ')").await;
        open(browser, host, &thread).await;
        browser.until("return document.title.startsWith('(1) ')").await;
        let reason = browser.find(".decide input[name=reason]").await;
        reason.send_keys("half a rea").await.expect("it takes text");
        browser.driver.refresh().await.expect("it loads again");
        browser
            .until("return document.querySelector('.decide input[name=reason]')?.value === 'half a rea'")
            .await;
        let reason = browser.find(".decide input[name=reason]").await;
        reason.send_keys("son" + Key::Enter).await.expect("it takes keys");
        browser.find(".audit.no").await;
        ended(person, &thread).await;
        browser.until("return !document.title.startsWith('(')").await;
        let said = browser.find("#timeline").await.text().await.expect("it has text");
        assert!(said.contains("half a reason"), "{said}");
    })
    .await;
}

#[tokio::test]
async fn a_theme_that_is_chosen_in_one_tab_is_there_in_the_other() {
    at_a_host("", async |_, host, person, browser| {
        let thread = opened(person, "say: hello").await;
        open(browser, host, &thread).await;
        let first = browser.driver.window().await.expect("there is a window");
        let second = browser.driver.new_tab().await.expect("a tab opens");
        let look = async |tab: &thirtyfour::WindowHandle| {
            let shown = browser.driver.switch_to_window(tab.clone()).await;
            shown.expect("it can be looked at");
        };
        look(&second).await;
        open(browser, host, &thread).await;
        for (presses, theme, name) in [(2, json!("dark"), "Dark"), (1, json!(null), "System")] {
            look(&second).await;
            for _ in 0..presses {
                browser.press("#theme").await;
            }
            look(&first).await;
            let is_there = format!(
                "return (document.documentElement.dataset.theme ?? null) === {theme} && document.getElementById('theme').textContent.includes('{name}')"
            );
            browser.until(&is_there).await;
        }
    })
    .await;
}
