//! Each fault does what it says, and only as often as it says.

use std::time::{Duration, Instant};

use discord_fake::{Fake, Fault, Limits, Seen, intents};
use reqwest::Method;
use serde_json::json;

use crate::plain::{Frames, Plain, finish};

#[tokio::test]
async fn requests_fail_where_and_as_often_as_wished() {
    let fake = Fake::start().await;
    fake.set_limits(Limits::none());
    let channel = fake.guild("g").channel("c");
    let plain = Plain::new(&fake);
    fake.inject(Fault::status(503).on("POST", "/channels/*/messages").times(2));
    assert_eq!(plain.get("/users/@me").await.status, 200, "another route");
    for _ in 0..2 {
        assert_eq!(plain.say(channel, "x").await.status, 503);
    }
    assert_eq!(plain.say(channel, "x").await.status, 200);
    fake.inject(Fault::too_many(Duration::from_millis(700)).times(3));
    for _ in 0..3 {
        let full = plain.say(channel, "x").await;
        assert_eq!((full.status, full.header("retry-after")), (429, "0.7"));
        assert_eq!(full.body["retry_after"], 0.7);
    }
    fake.inject(Fault::too_many_globally(Duration::from_secs(1)));
    assert_eq!(
        plain.get("/users/@me").await.header("x-ratelimit-scope"),
        "global"
    );
    assert_eq!((fake.invalid_requests(), fake.faults_left()), (4, 0));
    let started = Instant::now();
    fake.inject(Fault::slow(Duration::from_millis(300)));
    assert_eq!(plain.say(channel, "late").await.status, 200);
    assert!(started.elapsed() >= Duration::from_millis(300));
    assert_eq!(fake.said(channel), ["x", "late"]);
}

#[tokio::test]
async fn an_answer_can_be_lost_or_wrong_after_it_happened_and_a_request_before() {
    let fake = Fake::start().await;
    let channel = fake.guild("g").channel("c");
    let plain = Plain::new(&fake);
    let path = format!("/channels/{channel}/messages");
    let say = |text: &str| {
        finish(
            plain
                .request(Method::POST, &path)
                .json(&json!({ "content": text })),
        )
    };
    fake.inject(Fault::answer_lost().on("POST", "/channels/*/messages"));
    assert!(say("it happened").await.is_err());
    assert_eq!(fake.said(channel), ["it happened"]);
    fake.inject(Fault::request_lost().on("POST", "/channels/*/messages"));
    assert!(say("it did not").await.is_err());
    assert_eq!(say("and now").await.expect("an answer").status, 200);
    fake.inject(Fault::done_then(504).on("POST", "/channels/*/messages"));
    assert_eq!(say("this, too").await.expect("an answer").status, 504);
    assert_eq!(fake.said(channel), ["it happened", "and now", "this, too"]);
    let ends = |seen: &[Seen]| seen.iter().map(|seen| seen.status).collect::<Vec<_>>();
    let ends = fake
        .until_requested("four requests", |seen| (seen.len() == 4).then(|| ends(seen)))
        .await;
    assert_eq!(ends, [0, 0, 200, 504]);
}

#[tokio::test]
async fn events_come_twice_or_in_the_wrong_order() {
    let fake = Fake::start().await;
    let guild = fake.guild("g");
    let (channel, alice) = (guild.channel("c"), guild.member("alice"));
    let wanted = intents::GUILD_MESSAGES | intents::MESSAGE_CONTENT;
    let (mut frames, _) = Frames::identified(&fake, wanted).await;
    let mut next = async || {
        let event = frames.until("MESSAGE_CREATE").await;
        (
            event["d"]["content"].as_str().unwrap_or_default().to_owned(),
            event["s"].as_u64(),
        )
    };
    fake.gateway().duplicate_next("MESSAGE_CREATE");
    alice.says(channel, "twice");
    assert_eq!(next().await, ("twice".to_owned(), Some(2)));
    assert_eq!(next().await, ("twice".to_owned(), Some(3)));
    fake.gateway().delay_next("MESSAGE_CREATE");
    alice.says(channel, "first");
    alice.says(channel, "second");
    assert_eq!(next().await.0, "second");
    assert_eq!(next().await.0, "first");
}

#[tokio::test]
async fn the_gateway_refuses_and_falls_silent() {
    let fake = Fake::start().await;
    fake.gateway().refuse_connections(1);
    let address = fake.gateway_url().replace("ws://", "");
    let stream = tokio::net::TcpStream::connect(address).await.expect("a listener");
    assert!(
        tokio_tungstenite::client_async(format!("{}/?v=10", fake.gateway_url()), stream)
            .await
            .is_err()
    );
    fake.guild("g");
    let (mut frames, _) = Frames::identified(&fake, intents::GUILDS).await;
    frames.until("GUILD_CREATE").await;
    fake.gateway().be_silent(true);
    frames.send(json!({ "op": 1, "d": null })).await;
    fake.guild("h");
    assert_eq!(
        frames.next().await.expect("an event")["t"],
        "GUILD_CREATE",
        "events come, the beat is not answered"
    );
}
