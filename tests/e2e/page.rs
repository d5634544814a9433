//! The page over a long life: very long threads, many threads, tabs that nobody looks at, sleep, hours of streaming.

use std::path::Path;
use std::time::{Duration, Instant};

use conversation::{Body, Conversation, Item, ThreadId};
use credentials::{Timestamp, UserId};
use serde_json::{Value, json};
use support::{Browser, Flaky, Heard, Host, Person, Scene};

use crate::chat::{say, until_idle};

mod apart;
mod many;
mod place;

/// A host whose login pays, its administrator over HTTP, and the same person's browser.
pub(crate) async fn at_a_host(more: &str, body: impl AsyncFnOnce(&Scene, &Host, &Person, &Browser)) {
    let scene = Scene::signed_in().await;
    let host = Host::up(&scene, 0, more);
    let person = Person::enter(host.link()).await;
    let browser = Browser::start().await;
    browser.look(1280, 800, "light").await;
    browser.enter(&another_link(&person).await).await;
    body(&scene, &host, &person, &browser).await;
    browser.quit().await;
    host.stop();
}

/// A link for another browser of the same person.
pub(crate) async fn another_link(person: &Person) -> url::Url {
    let (_, answer) = person.post("/api/invite", &json!({ "other": false })).await;
    let link = answer["url"].as_str().expect("a link");
    link.parse().expect("an address")
}

pub(crate) async fn open(browser: &Browser, host: &Host, thread: &str) {
    let url = host.url(&format!("/t/{thread}"));
    browser.driver.goto(url.as_str()).await.expect("the page opens");
    browser.find("#timeline").await;
}

/// Says something over HTTP and waits until nothing runs.
async fn converse(person: &Person, thread: &str, id: &str, text: &str) {
    let mut ear = person.listen(thread).await;
    person.say(thread, id, text).await;
    ear.until(|heard| heard.name == "phase" && heard.data["busy"] == false)
        .await;
}

/// Opens a thread over HTTP and waits for the end of its turn.
pub(crate) async fn opened(person: &Person, text: &str) -> String {
    let thread = person.open(text).await;
    ended(person, &thread).await;
    thread
}

/// Waits until nothing runs in a thread.
async fn ended(person: &Person, thread: &str) {
    let mut ear = person.listen(thread).await;
    ear.until(Heard::is_idle).await;
}

/// An agent that answers each message with a hundred entries, at once.
const BUSY: &str = r#"
answer() { printf '{"jsonrpc":"2.0","id":"%s","result":%s}\n' "$id" "$1"; }
chunk() { printf '{"jsonrpc":"2.0","method":"session/update","params":{"sessionId":"s1","update":{"sessionUpdate":"agent_%s_chunk","content":{"type":"text","text":"%s"}}}}\n' "$1" "$2"; }
while IFS= read -r line; do
  case $line in *'"method":'*) id=${line#*'"id":"'}; id=${id%%'"'*} ;; esac
  case $line in
    *'"method":"initialize"'*) answer '{"protocolVersion":1,"agentCapabilities":{"loadSession":true}}' ;;
    *'"method":"session/new"'*) answer '{"sessionId":"s1"}' ;;
    *'"method":"session/load"'*) answer '{}' ;;
    *'"method":"session/prompt"'*)
      turn=$((turn + 1)); count=0
      while [ $count -lt 50 ]; do
        count=$((count + 1)); chunk thought 'so so'; chunk message "turn $turn: step $count and **more**"
      done
      answer '{"stopReason":"end_turn"}' ;;
  esac
done
"#;

/// The table of a configuration that makes it known as `busy`.
fn busy(folder: &Path) -> String {
    let program = folder.join("busy.sh");
    std::fs::write(&program, BUSY).expect("a file can be written");
    format!(
        "[agents.busy]\ncommand = [\"/bin/sh\", \"{}\"]\n",
        program.display()
    )
}

/// Opens a thread with it, and waits for its first hundred entries.
async fn opened_busy(person: &Person) -> String {
    let first = json!({ "text": "begin", "files": [], "agent": "busy" });
    let (status, answer) = person.post("/api/threads", &first).await;
    assert!(status.is_success(), "{status}: {answer}");
    let thread = answer["thread"].as_str().expect("a thread").rsplit(':').next();
    let thread = thread.expect("there is a last part").to_owned();
    ended(person, &thread).await;
    thread
}

/// Writes so many messages into a thread of a host that does not run, alternately a person's and the agent's.
async fn fill(state: &Path, thread: &str, messages: usize) {
    let (conversation, _) = Conversation::open(state).expect("it can be opened");
    let id = ThreadId::parse(&format!("web:{thread}")).expect("a thread");
    let by = UserId::parse("web:somebody").expect("an id");
    let numbers: Vec<usize> = (0..messages).collect();
    for some in numbers.chunks(500) {
        let item = |number: &usize| Item {
            id: conversation.new_item_id(),
            thread: id.clone(),
            turn: None,
            at: Timestamp::now(),
            body: if number.is_multiple_of(2) {
                Body::Said {
                    by: by.clone(),
                    name: "Somebody".into(),
                    text: format!("message {number}"),
                    files: vec![],
                }
            } else {
                Body::Answer {
                    text: format!("message **{number}**, with a line\n\n- and a list\n- of two\n"),
                }
            },
        };
        conversation
            .put_items(some.iter().map(item).collect())
            .await
            .expect("they can be written");
    }
}

/// The numbers of the messages in the page, which must be without a gap; and how many nodes it holds.
const SHOWN: &str = "const numbers = [...document.querySelectorAll('#timeline > .item')]
    .map((one) => /message (\\d+)/.exec(one.textContent)?.[1]).filter(Boolean).map(Number);
    return { numbers, nodes: document.querySelectorAll('*').length };";

async fn shown(browser: &Browser) -> (u64, u64) {
    let shown = browser.script(SHOWN).await;
    let numbers: Vec<u64> = shown["numbers"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(Value::as_u64)
        .collect();
    assert!(
        numbers.windows(2).all(|pair| pair[0] + 1 == pair[1]),
        "nothing is missing or doubled: {numbers:?}"
    );
    assert!(numbers.len() <= 500, "{} entries", numbers.len());
    let nodes = shown["nodes"].as_u64().expect("a number");
    assert!(nodes < 8000, "{nodes} nodes");
    (
        numbers.first().copied().unwrap_or(u64::MAX),
        numbers.last().copied().unwrap_or(0),
    )
}

#[tokio::test]
async fn ten_thousand_messages_open_fast_load_on_the_way_up_and_stay_few_in_the_page() {
    const ALL: u64 = 10_000;
    let scene = Scene::signed_in().await;
    let host = Host::up(&scene, 0, "");
    let person = Person::enter(host.link()).await;
    let thread = opened(&person, "say: ready").await;
    host.stop();
    fill(scene.folder(), &thread, usize::try_from(ALL).expect("it fits")).await;
    let host = Host::up(&scene, 0, "");
    let browser = Browser::start().await;
    browser.look(1280, 800, "light").await;
    browser.enter(host.link()).await;
    let began = Instant::now();
    open(&browser, &host, &thread).await;
    browser
        .until("return document.querySelectorAll('#timeline > .item').length >= 200")
        .await;
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
    // The longest time in which the page could not answer a key.
    browser
        .script("window.longest = 0; new PerformanceObserver((list) => { for (const one of list.getEntries()) window.longest = Math.max(window.longest, one.duration); }).observe({ entryTypes: ['longtask'] });")
        .await;
    assert_eq!(shown(&browser).await.1, ALL - 1, "it opens at its end");
    // Up, by more than the page holds; what is in view stays where it is.
    let mut first = shown(&browser).await.0;
    while first > ALL - 1500 {
        browser
            .script("const place = document.getElementById('scroll'); place.scrollTop = 10; place.dispatchEvent(new Event('scroll'));")
            .await;
        let script = format!(
            "return Number(/message (\\d+)/.exec(document.querySelector('#timeline > .item').textContent)?.[1]) < {first}"
        );
        browser.until(&script).await;
        let top = browser
            .script("return document.getElementById('scroll').scrollTop")
            .await;
        assert!(
            top.as_f64().is_some_and(|top| top > 500.0),
            "it does not jump: {top}"
        );
        first = shown(&browser).await.0;
    }
    assert!(shown(&browser).await.1 < ALL - 1, "what is far away was let go");
    // And down again, to the very end.
    let mut last = shown(&browser).await.1;
    while last < ALL - 1 {
        browser
            .script("const place = document.getElementById('scroll'); place.scrollTop = place.scrollHeight - place.clientHeight - 60; place.dispatchEvent(new Event('scroll'));")
            .await;
        let script = format!(
            "const all = [...document.querySelectorAll('#timeline > .item')]; return Number(/message (\\d+)/.exec(all.at(-1).textContent)?.[1]) > {last}"
        );
        browser.until(&script).await;
        last = shown(&browser).await.1;
    }
    let longest = browser.script("return window.longest").await;
    assert!(
        longest.as_f64().is_some_and(|longest| longest < 3000.0),
        "{longest} ms"
    );
    // From far up, what one says is seen at once, and so is the answer.
    for _ in 0..9 {
        browser
            .script("const place = document.getElementById('scroll'); place.scrollTop = 10; place.dispatchEvent(new Event('scroll'));")
            .await;
        browser
            .until("return !document.getElementById('older').disabled")
            .await;
    }
    say(&browser, "say: message 10001 it is").await;
    browser
        .until("return [...document.querySelectorAll('#timeline > .answer')].at(-1)?.textContent.includes('message 10001 it is')")
        .await;
    until_idle(&browser).await;
    browser
        .until("const place = document.getElementById('scroll'); return place.scrollHeight - place.scrollTop - place.clientHeight < 60")
        .await;
    browser.quit().await;
    host.stop();
}

#[tokio::test]
async fn a_page_that_slept_is_right_when_it_wakes_without_a_reload() {
    let scene = Scene::signed_in().await;
    let host = Host::up(&scene, 0, &busy(scene.folder()));
    let person = Person::enter(host.link()).await;
    let thread = opened_busy(&person).await;
    let network = Flaky::to(host.port()).await;
    let browser = Browser::start().await;
    let mut link = another_link(&person).await;
    link.set_port(Some(network.port())).expect("it has a port");
    browser.enter(&link).await;
    link.set_path(&format!("/t/{thread}"));
    link.set_query(None);
    browser.driver.goto(link.as_str()).await.expect("the page opens");
    browser.find("#timeline .answer").await;
    browser.script("window.same = true").await;
    network.sleep();
    // More than a snapshot tells, so that it can't stand beside what is there.
    for number in 0..4 {
        converse(&person, &thread, &format!("m{number}"), "go on").await;
    }
    let other = opened(&person, "say: another thread").await;
    network.wake();
    assert_eq!(
        browser
            .script("return document.querySelectorAll('#timeline .said').length")
            .await,
        json!(1)
    );
    // As after a sleep: the clock has jumped, and somebody looks again.
    browser
        .script("const now = Date.now.bind(Date); Date.now = () => now() + 3_600_000; document.dispatchEvent(new Event('visibilitychange'));")
        .await;
    browser
        .until("return document.getElementById('timeline').textContent.includes('turn 5: step 50')")
        .await;
    browser.find(&format!("#l-{other}")).await;
    browser.find("#stop[hidden]").await;
    let text = "return [...document.querySelectorAll('#timeline > .item')].slice(-150).map((one) => one.id + one.textContent.replace(/\\d+:\\d+( [AP]M)?|\\w+ \\d+, /g, '')).join('\\n')";
    let count = "return [...document.querySelectorAll('#timeline > .item')].map((one) => one.id)";
    let ids = browser.script(count).await;
    let ids = ids.as_array().expect("a list");
    let mut once = ids.clone();
    once.sort_by_key(ToString::to_string);
    once.dedup();
    assert_eq!(once.len(), ids.len(), "nothing is doubled");
    let woken = browser.script(text).await;
    assert_eq!(
        browser.script("return window.same").await,
        json!(true),
        "it was not loaded again"
    );
    say(&browser, "good morning").await;
    browser
        .until("return document.getElementById('timeline').textContent.includes('turn 6: step 50')")
        .await;
    until_idle(&browser).await;
    let after = browser.script(text).await;
    browser.driver.refresh().await.expect("the page loads");
    browser.find("#timeline .answer").await;
    assert_eq!(
        browser.script(text).await,
        after,
        "what it shows is what a new page shows"
    );
    let (woken, after) = (woken.as_str().expect("text"), after.as_str().expect("text"));
    assert!(woken.contains("turn 5: step 50") && after.contains("turn 6: step 50"));
    browser.quit().await;
    host.stop();
}

#[tokio::test]
async fn a_page_that_streams_for_long_does_not_grow() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    at_a_host(&busy(folder.path()), async |_, host, person, browser| {
        let thread = opened_busy(person).await;
        open(browser, host, &thread).await;
        // Another life of the stream adds nothing either.
        let census = "return { listeners: window.added ?? 0, nodes: document.querySelectorAll('*').length, entries: document.querySelectorAll('#timeline > .item').length }";
        browser
            .script("window.added = 0; const add = EventTarget.prototype.addEventListener; EventTarget.prototype.addEventListener = function (kind, ...rest) { if (!(this instanceof EventSource) && !(this instanceof AbortSignal)) window.added += 1; return add.call(this, kind, ...rest); };")
            .await;
        for turn in 2..9 {
            converse(person, &thread, &format!("m{turn}"), "go on").await;
            let seen = format!("return document.getElementById('timeline').textContent.includes('turn {turn}: step 50')");
            browser.until(&seen).await;
        }
        browser.find("#stop[hidden]").await;
        let grown = browser.script(census).await;
        assert!(grown["entries"].as_u64().is_some_and(|entries| entries <= 450), "{grown}");
        assert!(grown["nodes"].as_u64().is_some_and(|nodes| nodes < 9000), "{grown}");
        assert!(grown["listeners"].as_u64().is_some_and(|listeners| listeners < 20), "{grown}");
        browser.find("#older:not([hidden])").await;
    })
    .await;
}
