//! Requests and replies against Discord's own document.

use std::time::Instant;

use discord_fake::Fake;
use serde_json::json;

use crate::plain::Plain;

#[tokio::test]
async fn what_no_honest_client_sends_is_refused_and_told_at_the_end() {
    let fake = Fake::start().await;
    let channel = fake.guild("g").channel("c");
    let plain = Plain::new(&fake);
    let path = format!("/channels/{channel}/messages");
    if !fake.is_validated() {
        return;
    }
    for (body, word) in [
        (json!({ "content": "x", "colour": "red" }), "unknown key `colour`"),
        (json!({ "content": 7 }), "/content"),
        (
            json!({ "content": "x", "embeds": [{ "fields": [{ "name": "n" }] }] }),
            "/embeds",
        ),
    ] {
        let answer = plain.post(&path, body).await;
        assert_eq!((answer.status, answer.code()), (400, 50035));
        let complaints = fake.take_complaints();
        assert!(
            complaints.len() == 1 && complaints[0].contains(word),
            "{complaints:?}"
        );
    }
    assert_eq!(plain.get("/channels/1/nothing").await.status, 404);
    assert_eq!(plain.get(&format!("{path}?limit=1000")).await.code(), 50035);
    assert_eq!(plain.get(&format!("{path}?colour=red")).await.code(), 50035);
    assert_eq!(fake.take_complaints().len(), 3);
    assert!(fake.messages(channel).is_empty());
}

#[tokio::test]
async fn a_fake_with_a_complaint_fails_its_test() {
    let fake = Fake::start().await;
    let plain = Plain::new(&fake);
    plain.post("/users/@me/channels", json!("no object")).await;
    // Without the document this is an unknown user, and no complaint.
    plain.post("/nowhere", json!({})).await;
    let task = tokio::spawn(async move { drop(fake) });
    let words = task.await.expect_err("a panic").into_panic();
    let words = words.downcast_ref::<String>().expect("words");
    assert!(
        words.contains("the fake Discord complains") && words.contains("POST"),
        "{words}"
    );
}

#[tokio::test]
async fn a_fake_is_there_within_a_third_of_a_second() {
    let started = Instant::now();
    let fake = Fake::start().await;
    let channel = fake.guild("g").channel("c");
    let plain = Plain::new(&fake);
    plain.say(channel, "the first message needs the document").await;
    let first = started.elapsed();
    plain.say(channel, "the second one does not").await;
    println!(
        "first message after {first:?}, second after {:?}",
        started.elapsed()
    );
    // Ten times what it takes on an idle machine: a shared one is slow, but a document compiled whole is slower still.
    assert!(first.as_secs() < 5, "{first:?}");
}
