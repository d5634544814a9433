//! Each limit, at its edge and behind it.

use std::time::Duration;

use discord_fake::{Fake, Id, Limit, Limits};
use reqwest::Method;
use serde_json::{Value, json};

use crate::plain::Plain;

/// A scene without rate limits.
async fn scene() -> (Fake, Plain, Id) {
    let fake = Fake::start().await;
    fake.set_limits(Limits::none());
    let channel = fake.guild("g").channel("c");
    let plain = Plain::new(&fake);
    (fake, plain, channel)
}

fn button(custom_id: &str, label: &str) -> Value {
    json!({ "type": 2, "style": 1, "custom_id": custom_id, "label": label })
}

fn row(buttons: usize) -> Value {
    let buttons = (0..buttons).map(|number| button(&format!("b{number}"), "x"));
    json!({ "type": 1, "components": buttons.collect::<Vec<_>>() })
}

#[tokio::test]
async fn a_message_has_its_limits() {
    let (fake, plain, channel) = scene().await;
    let path = format!("/channels/{channel}/messages");
    let rows = |count: usize| {
        let rows =
            (0..count).map(|number| json!({ "type": 1, "components": [button(&format!("r{number}"), "x")] }));
        rows.collect::<Vec<_>>()
    };
    for fine in [
        json!({ "content": "ä".repeat(2000) }),
        json!({ "content": "x", "components": [row(5)] }),
        json!({ "content": "x", "components": rows(5) }),
        json!({ "content": "x", "components": [{ "type": 1, "components": [button(&"i".repeat(100), &"l".repeat(80))] }] }),
        json!({ "content": "x", "nonce": "n".repeat(25) }),
        json!({ "embeds": [{ "title": "t".repeat(256), "description": "d".repeat(4096) }] }),
    ] {
        let answer = plain.post(&path, fine).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
    fake.assert_clean();
    for wrong in [
        json!({ "content": "ä".repeat(2001) }),
        json!({ "content": "x", "components": [row(6)] }),
        json!({ "content": "x", "components": rows(6) }),
        json!({ "content": "x", "components": [{ "type": 1, "components": [button(&"i".repeat(101), "l")] }] }),
        json!({ "content": "x", "components": [{ "type": 1, "components": [button("i", &"l".repeat(81))] }] }),
        json!({ "content": "x", "components": [{ "type": 1, "components": [button("i", "l"), button("i", "m")] }] }),
        json!({ "content": "x", "components": [{ "type": 1, "components": [] }] }),
        json!({ "content": "x", "components": [button("i", "l")] }),
        json!({ "content": "x", "components": [{ "type": 1, "components": [{ "type": 2, "style": 5, "label": "x" }] }] }),
        json!({ "content": "x", "nonce": "n".repeat(26) }),
        json!({ "content": "x", "allowed_mentions": { "parse": ["users"], "users": ["1"] } }),
        json!({ "content": "x", "attachments": [{ "id": 0, "filename": "none" }] }),
        json!({ "embeds": [{ "description": "d".repeat(4097) }] }),
        json!({ "embeds": [{ "description": "d".repeat(4096) }, { "description": "d".repeat(4096) }] }),
    ] {
        let answer = plain.post(&path, wrong.clone()).await;
        assert_eq!((answer.status, answer.code()), (400, 50035), "{wrong}");
        assert_eq!(fake.take_complaints().len(), 1, "{wrong}");
    }
    assert_eq!(plain.post(&path, json!({ "content": " " })).await.code(), 50006);
    assert_eq!(fake.take_complaints().len(), 1);
    assert_eq!(fake.messages(channel).len(), 6);
}

#[tokio::test]
async fn files_are_ten_and_not_too_big() {
    let (fake, plain, channel) = scene().await;
    let path = format!("/channels/{channel}/messages");
    let some = |count: usize| vec![("f.txt", &b"x"[..]); count];
    let fine = plain.upload(Method::POST, &path, &json!({}), &some(10)).await;
    assert_eq!(fine.body["attachments"].as_array().map(Vec::len), Some(10));
    fake.assert_clean();
    assert_eq!(
        plain
            .upload(Method::POST, &path, &json!({}), &some(11))
            .await
            .code(),
        50035
    );
    assert_eq!(fake.take_complaints().len(), 1);
    let big = vec![b'x'; 10 * 1024 * 1024];
    assert_eq!(
        plain
            .upload(Method::POST, &path, &json!({}), &[("big", &big)])
            .await
            .status,
        200
    );
    let bigger = [&big[..], b"x"].concat();
    let refused = plain
        .upload(Method::POST, &path, &json!({}), &[("bigger", &bigger)])
        .await;
    assert_eq!((refused.status, refused.code()), (413, 40005));
    fake.set_file_limit(3);
    let refused = plain
        .upload(Method::POST, &path, &json!({}), &[("four", b"four")])
        .await;
    assert_eq!(refused.code(), 40005);
}

#[tokio::test]
async fn a_nonce_is_enforced_and_then_forgotten() {
    let (fake, plain, channel) = scene().await;
    let path = format!("/channels/{channel}/messages");
    let message = json!({ "content": "once", "nonce": "a-nonce", "enforce_nonce": true });
    let sent = plain.post(&path, message.clone()).await;
    assert_eq!(sent.body["nonce"], "a-nonce", "who sends it is told");
    let first = sent.id();
    assert_eq!(
        plain.post(&path, message.clone()).await.id(),
        first,
        "the same message comes back"
    );
    let read = plain.get(&path).await.body;
    assert!(read[0].get("nonce").is_none(), "who reads it is not: {read}");
    let loose = json!({ "content": "twice", "nonce": "a-nonce" });
    assert_ne!(
        plain.post(&path, loose).await.id(),
        first,
        "a nonce alone enforces nothing"
    );
    fake.clock().advance(Duration::from_mins(4));
    assert_ne!(
        plain.post(&path, message).await.id(),
        first,
        "after a few minutes nobody knows it"
    );
    assert_eq!(fake.messages(channel).len(), 3);
}

#[tokio::test]
async fn names_of_threads_and_commands_have_their_limits() {
    let (fake, plain, channel) = scene().await;
    let path = format!("/channels/{channel}/threads");
    for (name, status) in [
        ("n".repeat(100), 201),
        ("n".repeat(101), 400),
        (" ".to_owned(), 400),
    ] {
        let answer = plain.post(&path, json!({ "name": name, "type": 11 })).await;
        assert_eq!(answer.status, status, "{}", answer.body);
    }
    assert_eq!(
        plain
            .post(
                &path,
                json!({ "name": "n", "type": 11, "auto_archive_duration": 61 })
            )
            .await
            .status,
        400
    );
    let application = fake.look(|world| world.application().id);
    let path = format!("/applications/{application}/commands");
    for wrong in [
        json!({ "name": "Auth", "description": "d" }),
        json!({ "name": "auth", "description": "" }),
        json!({ "name": "auth", "description": "d".repeat(101) }),
        json!({ "name": "auth", "description": "d", "options": [
            { "type": 3, "name": "a", "description": "d" },
            { "type": 3, "name": "b", "description": "d", "required": true },
        ] }),
    ] {
        assert_eq!(plain.post(&path, wrong.clone()).await.code(), 50035, "{wrong}");
    }
    // Two names, a duration, four commands.
    assert_eq!(fake.take_complaints().len(), 7);
}

#[tokio::test]
async fn every_bucket_is_counted_by_itself_and_told_in_headers() {
    let fake = Fake::start().await;
    let guild = fake.guild("g");
    let (one, other) = (guild.channel("one"), guild.channel("other"));
    let plain = Plain::new(&fake);
    let first = plain.say(one, "1").await;
    assert_eq!(
        (
            first.header("x-ratelimit-limit"),
            first.header("x-ratelimit-remaining")
        ),
        ("5", "4")
    );
    assert!(
        first
            .header("x-ratelimit-reset-after")
            .parse::<f64>()
            .expect("seconds")
            <= 5.0
    );
    for number in 2..=5 {
        assert_eq!(plain.say(one, &number.to_string()).await.status, 200);
    }
    let full = plain.say(one, "6").await;
    assert_eq!(full.status, 429);
    assert_eq!(
        full.header("x-ratelimit-bucket"),
        first.header("x-ratelimit-bucket")
    );
    let wait: f64 = full.header("retry-after").parse().expect("seconds");
    assert!(
        wait > 0.0 && wait <= 5.0 && full.body["global"] == false,
        "{wait}"
    );
    assert_eq!(
        plain.say(other, "1").await.status,
        200,
        "another channel has a bucket of its own"
    );
    let message = fake.messages(one)[0].id;
    let path = format!("/channels/{one}/messages/{message}");
    assert_eq!(
        plain.patch(&path, json!({ "content": "edited" })).await.status,
        200,
        "and so have edits"
    );
    fake.clock().advance(Duration::from_secs(5));
    assert_eq!(plain.say(one, "6").await.status, 200, "a new window");
    assert_eq!(fake.invalid_requests(), 1);
    fake.clock().advance(Duration::from_mins(10));
    assert_eq!(fake.invalid_requests(), 0, "ten minutes later nobody counts it");
}

#[tokio::test]
async fn a_channel_gets_two_new_names_in_ten_minutes() {
    let fake = Fake::start().await;
    let channel = fake.guild("g").channel("c");
    let plain = Plain::new(&fake);
    let thread = plain
        .post(
            &format!("/channels/{channel}/threads"),
            json!({ "name": "n", "type": 11 }),
        )
        .await
        .id();
    let path = format!("/channels/{thread}");
    for name in ["a", "b"] {
        assert_eq!(plain.patch(&path, json!({ "name": name })).await.status, 200);
    }
    let third = plain.patch(&path, json!({ "name": "c" })).await;
    assert_eq!(third.status, 429);
    assert!(third.header("retry-after").parse::<f64>().expect("seconds") > 60.0);
    assert_ne!(
        third.header("x-ratelimit-remaining"),
        "0",
        "the headers do not tell of this one"
    );
    assert_eq!(
        plain.patch(&path, json!({ "archived": true })).await.status,
        200,
        "other changes are free"
    );
}

#[tokio::test]
async fn all_together_have_a_limit_and_too_many_refusals_end_in_silence() {
    let fake = Fake::start().await;
    let limits = Limits {
        global: Limit::new(3, Duration::from_secs(1)),
        invalid: 4,
        ..Limits::none()
    };
    fake.set_limits(limits);
    let plain = Plain::new(&fake);
    for _ in 0..3 {
        assert_eq!(plain.get("/users/@me").await.status, 200);
    }
    let full = plain.get("/users/@me").await;
    assert_eq!((full.status, full.header("x-ratelimit-global")), (429, "true"));
    assert_eq!(full.body["global"], true);
    let outside = plain
        .post("/interactions/1/x/callback", json!({ "type": 6 }))
        .await;
    assert_eq!(outside.code(), 10062, "interactions are outside of it");
    fake.clock().advance(Duration::from_secs(1));
    let stranger = Plain::new(&fake).with_token("Bot wrong");
    for _ in 0..3 {
        assert_eq!(stranger.get("/users/@me").await.status, 401);
    }
    assert_eq!(
        plain.get("/users/@me").await.status,
        429,
        "four refusals were too many"
    );
    fake.clock().advance(Duration::from_secs(601));
    assert_eq!(plain.get("/users/@me").await.status, 200);
}
