//! What pages hear, when they come back, and that it ends.

use std::time::Duration;

use credentials::Vendors;
use serde_json::{Value, json};

use super::house::{Event, House, Stream};

/// Puts what was heard of one answer together, as the page's script does.
#[derive(Default)]
struct Timeline {
    items: std::collections::BTreeMap<i64, (u64, String, String)>,
}

impl Timeline {
    fn hear(&mut self, event: &Event) {
        match event.name.as_str() {
            "snapshot" => {
                self.items.clear();
                event.data["items"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .for_each(|item| self.item(item));
            }
            "item" => self.item(&event.data),
            "patch" => {
                let (stable, text, tail) = self
                    .items
                    .get_mut(&event.data["id"].as_i64().unwrap())
                    .expect("an item first");
                let (from, to) = (
                    event.data["from"].as_u64().unwrap(),
                    event.data["to"].as_u64().unwrap(),
                );
                if from == 0 {
                    text.clear();
                } else {
                    assert!(from == *stable, "a patch fits: {from} {stable}");
                }
                text.push_str(event.data["append"].as_str().unwrap());
                *stable = to;
                *tail = event.data["tail"].as_str().unwrap().to_owned();
            }
            _ => {}
        }
    }

    fn item(&mut self, item: &Value) {
        let html = item["html"].as_str().unwrap().to_owned();
        let stable = html
            .split("data-stable=\"")
            .nth(1)
            .and_then(|rest| rest.split('"').next());
        let stable = stable.and_then(|stable| stable.parse().ok()).unwrap_or(0);
        self.items
            .insert(item["id"].as_i64().unwrap(), (stable, html, String::new()));
    }

    fn text(&self) -> String {
        self.items
            .values()
            .flat_map(|(_, text, tail)| [text.as_str(), tail])
            .collect()
    }
}

/// Hears until the turn is over; gives the last id.
async fn to_the_end(stream: &mut Stream, timeline: &mut Timeline) -> String {
    let mut last = String::new();
    loop {
        let event = stream.next().await.expect("the stream goes on");
        timeline.hear(&event);
        last = event.id.clone().unwrap_or(last);
        let phase = if event.name == "snapshot" {
            &event.data["phase"]
        } else {
            &event.data
        };
        if matches!(event.name.as_str(), "snapshot" | "phase")
            && phase["busy"] == json!(false)
            && !last.is_empty()
        {
            return last;
        }
    }
}

#[tokio::test]
async fn an_answer_arrives_whole_in_a_few_pieces() {
    let house = House::start().await;
    let alice = house.alice().await;
    let thread = alice.open("grow").await;
    let mut stream = alice.events(&format!("thread={thread}")).await;
    let hello = stream.next().await.unwrap();
    assert_eq!(hello.name, "hello");
    assert!(hello.data["boot"].is_string());
    let mut timeline = Timeline::default();
    to_the_end(&mut stream, &mut timeline).await;
    let text = timeline.text();
    for count in 0..400 {
        assert_eq!(
            text.matches(&format!("word{count} ")).count() + text.matches(&format!("word{count}<")).count(),
            1,
            "word{count}: {text}"
        );
    }
    house.end().await;
}

#[tokio::test]
async fn a_page_that_comes_back_with_everything_is_sent_nothing_again() {
    let house = House::start().await;
    let alice = house.alice().await;
    let thread = alice.open("hello").await;
    let mut stream = alice.events(&format!("thread={thread}")).await;
    let last = to_the_end(&mut stream, &mut Timeline::default()).await;
    drop(stream);

    let mut again = alice.events(&format!("thread={thread}&last={last}")).await;
    alice
        .fine(
            &format!("/api/t/{thread}/messages"),
            json!({ "id": "m2", "text": "and now?" }),
        )
        .await;
    let first = loop {
        let event = again.next().await.unwrap();
        if !matches!(event.name.as_str(), "hello" | "list") {
            break event;
        }
    };
    assert_ne!(first.name, "snapshot", "only what is new");
    drop(again);

    for stale in [
        last.clone(),
        "other-3".into(),
        last.replace('-', "-9"),
        "junk".into(),
    ] {
        let mut stream = alice.events(&format!("thread={thread}&last={stale}")).await;
        let snapshot = stream.until("snapshot", |_| true).await;
        assert!(
            snapshot.id.is_some() && snapshot.data["items"].to_string().contains("and now?"),
            "{stale}"
        );
    }
    let header = alice
        .get(&format!("/events?thread={thread}&last={last}"))
        .header("last-event-id", "other-1");
    assert_eq!(header.send().await.unwrap().status(), 200);
    house.end().await;
}

#[tokio::test]
async fn an_id_is_only_given_when_nothing_before_it_is_missing() {
    let house = House::start().await;
    let alice = house.alice().await;
    let thread = alice.open("grow").await;
    // Breaks off at each id in turn, comes back with it, and must end up with the same text.
    let (mut timeline, mut last, mut breaks) = (Timeline::default(), String::new(), 0);
    loop {
        let query = if last.is_empty() {
            String::new()
        } else {
            format!("&last={last}")
        };
        let mut stream = alice.events(&format!("thread={thread}{query}")).await;
        let over = loop {
            let event = tokio::time::timeout(Duration::from_secs(1), stream.next()).await;
            // Nothing more comes: it is whole.
            let Ok(Some(event)) = event else { break true };
            timeline.hear(&event);
            if let Some(id) = event.id.filter(|id| *id != last) {
                last = id;
                break false;
            }
        };
        if over {
            break;
        }
        breaks += 1;
    }
    let text = timeline.text();
    assert!(breaks > 1, "{breaks}");
    for count in [0, 1, 200, 398, 399] {
        assert!(
            text.contains(&format!("word{count}")),
            "word{count} after {breaks} breaks: {text}"
        );
    }
    house.end().await;
}

#[tokio::test]
async fn a_list_changes_for_its_owner_alone_and_marks_what_is_new() {
    let house = House::start().await;
    let alice = house.alice().await;
    let bob = house.guest(&alice).await;
    let (mut hers, mut his) = (alice.events("").await, bob.events("").await);
    let is_new = |line: &Value| line["html"].as_str().unwrap().contains("unread");
    let thread = alice.open("grow").await;
    // What she wrote is not new to her; that it is answered is.
    hers.until("list", |line| {
        line["id"] == format!("web:{thread}") && is_new(line)
    })
    .await;
    let own = bob.open("hello").await;
    loop {
        let event = his.next().await.unwrap();
        if event.name == "list" {
            assert_eq!(event.data["id"], format!("web:{own}"), "nothing of hers");
            break;
        }
    }
    // That a page shows it is not enough: somebody must look at the page, and it says so, and of which state.
    let mut open = alice.events(&format!("thread={thread}")).await;
    let line = open
        .until("list", |line| line["id"] == format!("web:{thread}"))
        .await;
    assert!(is_new(&line.data), "{line:?}");
    let seen = format!("/api/t/{thread}/seen");
    let active = line.data["active"].as_i64().unwrap();
    alice.fine(&seen, json!({ "upto": active - 1 })).await;
    assert!(alice.page("/").await.1.contains("class=\"line unread\""));
    let (status, _) = bob.post(&seen, json!({ "upto": active })).await;
    assert_eq!(status, 404, "it is not his");
    alice.fine(&seen, json!({ "upto": active })).await;
    // Her other pages hear of it.
    hers.until("list", |line| {
        line["id"] == format!("web:{thread}") && !is_new(line)
    })
    .await;
    assert!(!alice.page("/").await.1.contains("class=\"line unread\""));
    // Nobody has seen what is still to come.
    alice.fine(&seen, json!({ "upto": i64::MAX })).await;
    alice
        .fine(
            &format!("/api/t/{thread}/messages"),
            json!({ "id": "m2", "text": "grow" }),
        )
        .await;
    hers.until("list", |line| {
        line["id"] == format!("web:{thread}") && is_new(line)
    })
    .await;
    house.end().await;
}

#[tokio::test]
async fn a_thread_that_streams_stays_where_it_is_in_the_list() {
    let house = House::start().await;
    let alice = house.alice().await;
    let mut stream = alice.events("").await;
    let thread = alice.open("hang on").await;
    // It has said something, and it is written: the list is told so, but not that anything is new.
    let line = stream
        .until("list", |line| line["html"].as_str().unwrap().contains("working"))
        .await;
    let active = line.data["active"].as_i64().unwrap();
    let mut page = alice.events(&format!("thread={thread}")).await;
    loop {
        let event = page.next().await.unwrap();
        if event.data.to_string().contains("hanging on") {
            break;
        }
    }
    let ids = house.supervisor.clone();
    let written = async {
        let id = conversation::ThreadId::parse(&format!("web:{thread}")).unwrap();
        while ids
            .older(
                &id,
                conversation::ItemId(i64::MAX),
                conversation::Window {
                    entries: 9,
                    bytes: usize::MAX,
                    free: vec![],
                },
            )
            .await
            .unwrap()
            .0
            .len()
            < 2
        {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), written)
        .await
        .unwrap();
    assert!(
        alice
            .page("/")
            .await
            .1
            .contains(&format!("data-active=\"{active}\""))
    );
    let other = alice
        .fine(&format!("/api/t/{thread}/stop"), json!({ "turn": 999 }))
        .await;
    assert_eq!(other["stopped"], json!(false), "another turn was meant");
    // That it has ended is new.
    alice.fine(&format!("/api/t/{thread}/stop"), json!({})).await;
    stream
        .until("list", |line| line["active"].as_i64().unwrap() > active)
        .await;
    house.end().await;
}

#[tokio::test]
async fn open_streams_do_not_keep_the_host_from_ending() {
    let house = House::start().await;
    let alice = house.alice().await;
    let thread = alice.open("hello").await;
    let mut one = alice.events("").await;
    let mut two = alice.events(&format!("thread={thread}")).await;
    one.next().await.unwrap();
    two.next().await.unwrap();
    let began = std::time::Instant::now();
    house.server.shutdown().await;
    while one.next().await.is_some() {}
    while two.next().await.is_some() {}
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    assert!(
        alice.get("/").send().await.is_err(),
        "and nobody answers any more"
    );
    house.supervisor.drain(Duration::ZERO).await;
}

#[tokio::test]
async fn after_a_restart_a_page_gets_everything_anew() {
    let house = House::start().await;
    let mut alice = house.alice().await;
    let thread = alice.open("hello").await;
    let mut stream = alice.events(&format!("thread={thread}")).await;
    let last = to_the_end(&mut stream, &mut Timeline::default()).await;
    let folder = house.end().await;
    let house = House::start_in(folder, |_| {}, Vendors::builtin(None)).await;
    alice.base = house.stranger().base;
    let mut stream = alice.events(&format!("thread={thread}&last={last}")).await;
    let hello = stream.next().await.unwrap();
    assert!(!last.starts_with(hello.data["boot"].as_str().unwrap()));
    let snapshot = stream.until("snapshot", |_| true).await;
    assert!(snapshot.data["items"].to_string().contains("echo"));
    house.end().await;
}

/// Waits for a phase, which a new snapshot may tell as well.
async fn until_phase(stream: &mut Stream, fits: impl Fn(&Value) -> bool) {
    loop {
        let event = stream.next().await.expect("the stream goes on");
        let phase = match event.name.as_str() {
            "phase" => &event.data,
            "snapshot" => &event.data["phase"],
            _ => continue,
        };
        if fits(phase) {
            return;
        }
    }
}

#[tokio::test]
async fn a_page_has_room_for_so_much_however_much_was_said() {
    let house = House::start().await;
    let alice = house.alice().await;
    let thread = alice.open("flood").await;
    let mut stream = alice.events(&format!("thread={thread}")).await;
    until_phase(&mut stream, |phase| phase["busy"] == json!(false)).await;
    let page = alice.page(&format!("/t/{thread}")).await.1;
    assert!(page.len() < 3 * 1024 * 1024, "{}", page.len());
    assert!(page.contains("id=\"older\">"), "more can be shown");
    let mut stream = alice.events(&format!("thread={thread}")).await;
    let snapshot = stream.until("snapshot", |_| true).await.data;
    assert_eq!(snapshot["from"], snapshot["items"][0]["id"], "there is more");
    assert!(snapshot.to_string().len() < 3 * 1024 * 1024);
    let count = |items: &Value| {
        let items = items.as_array().unwrap();
        let words = |item: &Value| item["html"].as_str().unwrap().matches('x').count();
        items.iter().map(words).sum::<usize>()
    };
    // The head of each entry of words is drawn, and each entry is found.
    let (mut first, mut seen, mut asked) = (
        snapshot["items"][0]["id"].as_i64().unwrap(),
        count(&snapshot["items"]),
        0,
    );
    loop {
        let path = format!("/api/t/{thread}/older?before={first}");
        let older: Value = alice.get(&path).send().await.unwrap().json().await.unwrap();
        assert!(older.to_string().len() < 3 * 1024 * 1024);
        seen += count(&older["items"]);
        asked += 1;
        first = older["from"].as_i64().unwrap();
        if first == 0 {
            break;
        }
    }
    assert!(asked > 0 && seen > 40 * 64 * 1024, "{asked} {seen}");
    house.end().await;
}

#[tokio::test]
async fn a_question_is_whole_and_what_was_decided_is_had_on_demand_by_who_may_see_it() {
    let house = House::start().await;
    let alice = house.alice().await;
    let thread = alice.open("much to ask").await;
    let mut stream = alice.events(&format!("thread={thread}")).await;
    until_phase(&mut stream, |phase| phase["tone"] == json!("waiting")).await;
    let page = alice.page(&format!("/t/{thread}")).await.1;
    assert!(page.contains(&"A".repeat(3_000_000)));
    let request = super::house::between(&page, "data-request=\"", "\"");
    let item = super::house::between(&page, "for=\"why", "\"");
    alice
        .fine(
            &format!("/api/t/{thread}/decide"),
            json!({ "request": request, "answer": "once" }),
        )
        .await;
    until_phase(&mut stream, |phase| phase["busy"] == json!(false)).await;
    let page = alice.page(&format!("/t/{thread}")).await.1;
    assert!(
        page.len() < 200_000 && page.contains("Show all of it"),
        "{}",
        page.len()
    );
    let path = format!("/api/t/{thread}/items/{item}");
    let whole: Value = alice.get(&path).send().await.unwrap().json().await.unwrap();
    assert!(whole["html"].as_str().unwrap().contains(&"A".repeat(3_000_000)));
    let guest = house.guest(&alice).await;
    assert_eq!(guest.get(&path).send().await.unwrap().status(), 404);
    let other = format!("/api/t/{thread}/items/999999");
    assert_eq!(alice.get(&other).send().await.unwrap().status(), 404);
    house.end().await;
}
