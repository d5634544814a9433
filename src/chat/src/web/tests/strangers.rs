//! What connections of nobody in particular can't take from people.

use std::time::Duration;

use credentials::Vendors;
use reqwest::StatusCode;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::house::{House, between};

/// Longer than anything takes that is certain to come.
const CERTAIN: Duration = Duration::from_secs(30);

/// More than there is room for.
const MANY: usize = 600;

async fn send(house: &House, text: &str) -> TcpStream {
    let mut stream = TcpStream::connect(house.server.address()).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    stream
}

/// As a request begins that never ends.
async fn half_a_head(house: &House) -> TcpStream {
    send(house, "GET / HTTP/1.1\r\nhost: 127.0.0.1\r\n").await
}

/// Waits for its end; gives what came before.
async fn end(stream: &mut TcpStream) -> String {
    let mut came = vec![];
    let ended = tokio::time::timeout(CERTAIN, stream.read_to_end(&mut came)).await;
    // One that is cut off has ended as well.
    drop(ended.expect("it is ended"));
    String::from_utf8_lossy(&came).into_owned()
}

#[tokio::test]
async fn strangers_give_way_to_each_other_and_take_nothing_from_people() {
    let house = House::start().await;
    let alice = house.alice().await;
    let mut stream = alice.events("").await;
    let mut first = half_a_head(&house).await;
    let mut others = vec![];
    for _ in 0..MANY {
        others.push(half_a_head(&house).await);
    }
    assert_eq!(end(&mut first).await, "");
    let mut again = house.stranger();
    (again.cookie, again.csrf) = (alice.cookie.clone(), alice.csrf.clone());
    let (status, page) = again.page("/").await;
    assert_eq!(status, StatusCode::OK, "{page}");
    let thread = format!("web:{}", again.open("hello").await);
    stream.until("list", |line| line["id"] == thread.as_str()).await;
    // Whoever is new gets in as well.
    house.guest(&alice).await;
    drop(others);
    house.end().await;
}

#[tokio::test]
async fn who_brings_a_good_link_keeps_the_connection_and_who_brings_another_does_not() {
    let house = House::start().await;
    let link = house.link();
    let ask = |key: &str| format!("GET /enter?key={key} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n");
    let key = link.query().unwrap().strip_prefix("key=").unwrap().to_owned();
    let (mut good, mut bad) = (
        send(&house, &ask(&key)).await,
        send(&house, &ask("guessed")).await,
    );
    for stream in [&mut good, &mut bad] {
        assert!(stream.read(&mut [0; 4096]).await.unwrap() > 0, "it is answered");
    }
    let mut others = vec![];
    for _ in 0..MANY {
        others.push(half_a_head(&house).await);
    }
    assert_eq!(end(&mut bad).await, "");
    let form = format!("key={key}");
    let press = format!(
        "POST /enter HTTP/1.1\r\nhost: 127.0.0.1\r\norigin: http://127.0.0.1\r\nconnection: close\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{form}",
        form.len()
    );
    good.write_all(press.as_bytes()).await.unwrap();
    let answer = end(&mut good).await;
    assert!(answer.contains("set-cookie: "), "{answer}");
    drop(others);
    house.end().await;
}

#[tokio::test]
async fn a_connection_that_says_nothing_ends_and_a_stream_of_events_does_not() {
    let change = |config: &mut crate::web::Config| config.patience = Duration::from_millis(300);
    let house = House::start_with(change, Vendors::builtin(None)).await;
    let alice = house.alice().await;
    let mut stream = alice.events("").await;
    let cookie = alice.cookie.clone().unwrap();
    let mut idle = send(
        &house,
        &format!("HEAD /assets/app.js HTTP/1.1\r\nhost: 127.0.0.1\r\ncookie: {cookie}\r\n\r\n"),
    )
    .await;
    let mut half = half_a_head(&house).await;
    let mut silent = send(&house, "").await;
    assert_eq!(
        (end(&mut half).await, end(&mut silent).await),
        (String::new(), String::new())
    );
    let answer = end(&mut idle).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let thread = format!("web:{}", alice.open("hello").await);
    stream.until("list", |line| line["id"] == thread.as_str()).await;
    house.end().await;
}

#[tokio::test]
async fn a_head_without_end_is_refused_before_it_costs_memory() {
    let house = House::start().await;
    let long = "x".repeat(100 * 1024);
    let mut stream = send(&house, &format!("GET / HTTP/1.1\r\nx: {long}")).await;
    let answer = end(&mut stream).await;
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 431"),
        "{answer}"
    );
    house.end().await;
}

#[tokio::test]
async fn a_page_that_was_drawn_for_somebody_else_gets_no_stream() {
    let house = House::start().await;
    let alice = house.alice().await;
    let bob = house.guest(&alice).await;
    let (_, page) = alice.page("/").await;
    let hers = between(&page, "data-person=\"", "\"");
    for (browser, status) in [(&alice, StatusCode::NO_CONTENT), (&bob, StatusCode::FORBIDDEN)] {
        let answer = browser
            .get(&format!("/events?look=1&person={hers}"))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), status);
    }
    house.end().await;
}
