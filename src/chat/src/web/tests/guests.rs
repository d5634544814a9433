//! What somebody who was invited can't take from the others: the door, the administrator's way in, the live streams.

use credentials::Vendors;
use reqwest::StatusCode;
use reqwest::header::ACCEPT;
use serde_json::{Value, json};

use super::house::House;
use crate::web::{Access, Proxy};

#[tokio::test]
async fn only_the_administrator_lets_somebody_else_in() {
    let house = House::start().await;
    let alice = house.alice().await;
    let bob = house.guest(&alice).await;
    let (status, answer) = bob.post("/api/invite", json!({ "other": true })).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert!(
        answer["error"]
            .as_str()
            .unwrap()
            .contains("only the administrator"),
        "{answer}"
    );
    assert!(answer["hint"].is_string() && answer["url"].is_null(), "{answer}");
    let own = bob.fine("/api/invite", json!({ "other": false })).await;
    let thread = bob.open("his").await;
    let mut second = house.stranger();
    second.enter(&own["url"].as_str().unwrap().parse().unwrap()).await;
    assert_eq!(second.page(&format!("/t/{thread}")).await.0, StatusCode::OK);

    let buttons = async |browser: &super::house::Browser| {
        let (_, page) = browser.page("/").await;
        (
            page.matches("data-act=\"invite\"").count(),
            page.contains("data-other"),
        )
    };
    assert_eq!(buttons(&alice).await, (2, true));
    assert_eq!(buttons(&bob).await, (1, false));
    house.end().await;
}

#[tokio::test]
async fn behind_a_proxy_no_page_offers_links() {
    const SECRET: &str = "a secret of thirty-two characters";
    let proxied = |config: &mut crate::web::Config| {
        config.allow = Access::Header {
            name: "x-user".into(),
            admins: vec!["root@example.org".into()],
        };
        config.proxy = Some(Proxy::new(None, SECRET.into()));
        config.public_url = Some("https://chat.example/".parse().unwrap());
    };
    let house = House::start_with(proxied, Vendors::builtin(None)).await;
    for user in ["root@example.org", "alice@example.org"] {
        let page = house.stranger().get("/").header(ACCEPT, "text/html");
        let page = page.header("x-user", user).header("x-proxy-secret", SECRET);
        let page = page.send().await.unwrap().text().await.unwrap();
        assert!(page.contains("id=\"text\""), "{page}");
        assert!(!page.contains("invite") && !page.contains("A link for"), "{page}");
    }
    house.end().await;
}

#[tokio::test]
async fn in_a_full_house_the_administrators_link_takes_the_place_of_somebody_without_threads() {
    let house = House::start().await;
    let alice = house.alice().await;
    // Carol's browser is the oldest of the guests', and hers are threads.
    let carol = house.guest(&alice).await;
    carol.open("hers").await;
    let bob = house.guest(&alice).await;
    let folder = house.end().await;
    let file = folder.path().join("state/web-sessions.json");
    let mut book: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    let newest = book["sessions"].as_object().unwrap().values();
    let newest = newest
        .map(|one| one["created_ms"].as_u64().unwrap())
        .max()
        .unwrap();
    for count in book["sessions"].as_object().unwrap().len()..5000 {
        let (user, created) = (format!("web:filler{count}"), newest + 1);
        book["people"][&user] = json!({ "created_ms": created });
        book["sessions"][format!("filler{count}")] = json!({ "user": user, "created_ms": created });
    }
    std::fs::write(&file, serde_json::to_vec(&book).unwrap()).unwrap();

    let house = House::start_in(folder, |_| {}, Vendors::builtin(None)).await;
    let here = |browser: &super::house::Browser| {
        let mut browser = browser.clone();
        browser.base = house.stranger().base;
        browser
    };
    let (alice, bob, carol) = (here(&alice), here(&bob), here(&carol));
    let link = alice.fine("/api/invite", json!({ "other": true })).await;
    let answer = house
        .stranger()
        .press(&link["url"].as_str().unwrap().parse().unwrap())
        .await;
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE, "a guest waits");
    assert_eq!(bob.page("/").await.0, StatusCode::OK);

    let new = house.alice().await;
    assert_eq!(bob.page("/").await.0, StatusCode::UNAUTHORIZED);
    for stays in [&new, &alice, &carol] {
        assert_eq!(stays.page("/").await.0, StatusCode::OK);
    }
    house.end().await;
}

#[tokio::test]
async fn who_opens_too_many_pages_puts_their_own_oldest_to_rest() {
    let house = House::start().await;
    let alice = house.alice().await;
    let bob = house.guest(&alice).await;
    let mut hers = alice.events("").await;
    hers.until("hello", |_| true).await;
    let mut oldest = bob.events("").await;
    oldest.until("hello", |_| true).await;
    let mut streams = vec![];
    for _ in 0..64 {
        let mut stream = bob.events("").await;
        stream.until("hello", |_| true).await;
        streams.push(stream);
    }
    oldest.until("rest", |_| true).await;
    assert!(oldest.next().await.is_none(), "and it ends");
    // The others go on, and hear what is new.
    bob.open("hello").await;
    let newest = streams.last_mut().unwrap();
    newest.until("list", |_| true).await;
    alice.open("hello").await;
    hers.until("list", |_| true).await;
    let look = bob.get("/events?look=1").send().await.unwrap();
    assert_eq!(look.status(), StatusCode::NO_CONTENT, "to look takes no stream");
    house.end().await;
}
