//! Many threads: the list, tabs that nobody looks at, workers that make room.

use std::time::{Duration, Instant};

use serde_json::json;
use thirtyfour::prelude::*;

use crate::chat::{look_at, say, until_idle};

use super::{at_a_host, converse, open, opened};

#[tokio::test]
async fn the_list_stands_still_while_threads_stream_and_under_the_pointer() {
    at_a_host("", async |_, host, person, browser| {
        let first = person.open("stream 4000 words").await;
        let second = person.open("stream 4000 words").await;
        let third = opened(person, "say: done").await;
        open(browser, host, &third).await;
        let order = "return [...document.querySelectorAll('#list > li')].map((one) => one.id.slice(2))";
        for thread in [&first, &second] {
            browser.find(&format!("#l-{thread} .dot.working")).await;
        }
        assert_eq!(browser.script(order).await, json!([third, second, first]));
        // Both are written to disk meanwhile, more than once.
        browser
            .script("window.moves = 0; new MutationObserver((all) => (window.moves += all.length)).observe(document.getElementById('list'), { childList: true });")
            .await;
        let mut ear = person.listen(&first).await;
        let began = Instant::now();
        while began.elapsed() < Duration::from_millis(2500) {
            ear.next().await.expect("it goes on");
        }
        assert_eq!(browser.script("return window.moves").await, json!(0));
        assert_eq!(browser.script(order).await, json!([third, second, first]));
        // Its end is new; but not under the pointer.
        let line = browser.find(&format!("#l-{third} a")).await;
        let pointer = browser.driver.action_chain().move_to_element_center(&line);
        pointer.perform().await.expect("it can be pointed at");
        person.post(&format!("/api/t/{first}/stop"), &json!({})).await;
        browser.find(&format!("#l-{first}.unread")).await;
        assert_eq!(browser.script(order).await, json!([third, second, first]));
        let text = browser.find("#text").await;
        let away = browser.driver.action_chain().move_to_element_center(&text);
        away.perform().await.expect("it can be pointed at");
        let moved = format!("return document.querySelector('#list > li').id === 'l-{first}'");
        browser.until(&moved).await;
    })
    .await;
}

#[tokio::test]
async fn a_thread_in_a_tab_that_nobody_looks_at_is_not_read() {
    at_a_host("", async |_, host, person, browser| {
        let thread = opened(person, "say: one").await;
        open(browser, host, &thread).await;
        let unread = format!("#l-{thread}.unread");
        let read = format!("#l-{thread}:not(.unread)");
        browser.find(&read).await;
        let back = browser.driver.window().await.expect("there is a window");
        let front = browser.driver.new_tab().await.expect("a tab opens");
        browser
            .driver
            .switch_to_window(front.clone())
            .await
            .expect("it can be looked at");
        let home = host.url("/");
        browser.driver.goto(home.as_str()).await.expect("the page opens");
        browser.find(&read).await;
        converse(person, &thread, "m2", "say: two").await;
        // Who writes elsewhere has read there; the answer is new here, though a tab behind shows it.
        let page = person.page("/").await;
        assert!(page.contains("class=\"line unread\""), "{page}");
        let active = page.split("data-active=\"").nth(1);
        let active = active.and_then(|rest| rest.split('"').next());
        let active = active.expect("a line says when it was active");
        browser.find(&format!("{unread}[data-active='{active}']")).await;
        // The tab behind hears of it before it hears of what comes next, and says nothing to it.
        let other = opened(person, "say: other").await;
        browser.find(&format!("#l-{other}.unread")).await;
        browser.find(&unread).await;
        let page = person.page("/").await;
        assert_eq!(page.matches("class=\"line unread\"").count(), 2, "{page}");
        browser
            .driver
            .switch_to_window(back)
            .await
            .expect("it can be looked at");
        // Here it is before somebody's eyes, and the host is told.
        browser
            .until("return document.visibilityState === 'visible'")
            .await;
        browser.find(&read).await;
        let told = "return fetch('/').then((answer) => answer.text()).then((page) => page.split('class=\"line unread\"').length === 2)";
        browser.until(told).await;
        browser
            .driver
            .switch_to_window(front)
            .await
            .expect("it can be looked at");
        browser.find(&read).await;
        browser.find(&format!("#l-{other}.unread")).await;
    })
    .await;
}

#[tokio::test]
async fn a_thread_that_is_looked_at_is_read_also_when_its_line_changes_last() {
    at_a_host("", async |_, host, person, browser| {
        let thread = opened(person, "say: one").await;
        open(browser, host, &thread).await;
        for number in 2..6 {
            converse(person, &thread, &format!("m{number}"), "say: more").await;
            browser
                .until(&format!(
                    "return document.querySelectorAll('#timeline .answer').length === {number}"
                ))
                .await;
            // Another thread's line comes after this one's.
            let other = opened(person, "say: other").await;
            browser.find(&format!("#l-{other}.unread")).await;
            browser.find(&format!("#l-{thread}:not(.unread)")).await;
        }
    })
    .await;
}

#[tokio::test]
async fn fifty_threads_show_who_works_waits_and_failed_and_the_oldest_worker_makes_room() {
    const LIMITS: &str = "[limits]\nworkers = 22\n";
    at_a_host(LIMITS, async |scene, host, person, browser| {
        let oldest = opened(person, "say: the number is 4711").await;
        for _ in 0..4 {
            opened(person, "fail 400").await;
        }
        let mut working = vec![];
        for number in 0..10 {
            person.open(&format!("run: echo {number}")).await;
            working.push(person.open("hold").await);
        }
        for number in 0..25 {
            person.open(&format!("say: short {number}")).await;
        }
        let home = host.url("/");
        browser.driver.goto(home.as_str()).await.expect("the page opens");
        browser
            .until("const tone = (name) => document.querySelectorAll(`#list .dot.${name}`).length;
                return [document.querySelectorAll('#list > li').length, tone('waiting'), tone('working'), tone('failed'), tone('quiet')].join() === '50,10,10,4,26'")
            .await;
        look_at(browser, "fifty").await;
        browser.driver.goto(host.url("/workers").as_str()).await.expect("the page opens");
        let workers = browser.find(".workers tbody").await;
        let rows = workers.find_all(By::Css("tr")).await.expect("there are rows");
        assert!(rows.len() <= 22, "{} workers", rows.len());
        look_at(browser, "fifty-workers").await;
        let page = workers.text().await.expect("it has text");
        assert!(!page.contains("4711"), "the oldest made room: {page}");
        // Nothing in its thread tells of it, and it knows what was said.
        open(browser, host, &oldest).await;
        let notes = browser.script("return document.querySelectorAll('#timeline .note').length").await;
        assert_eq!(notes, json!(0));
        say(browser, "recall").await;
        browser.until("return document.querySelectorAll('#timeline .answer').length === 2").await;
        until_idle(browser).await;
        let requests = scene.control().model_requests();
        let told = requests.iter().rev().map(|one| one.body.to_string());
        let last = told.into_iter().find(|body| body.contains("recall")).expect("it was asked");
        assert!(last.contains("4711"), "{last}");
        for thread in working {
            person.post(&format!("/api/t/{thread}/stop"), &json!({})).await;
        }
    })
    .await;
}
