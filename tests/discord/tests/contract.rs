//! Requests and replies against Discord's own document.

use discord_fake::{Fake, Fault};
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
async fn an_answer_of_our_own_that_does_not_fit_is_a_complaint() {
    let fake = Fake::start().await;
    let plain = Plain::new(&fake);
    if !fake.is_validated() {
        return;
    }
    // Made by faults: a status that the operation does not know, and one whose body is another.
    for status in [302, 200] {
        fake.inject(Fault::status(status));
        assert_eq!(plain.get("/users/@me").await.status, status);
        let complaints = fake.take_complaints();
        assert!(complaints[0].contains("our own answer"), "{complaints:?}");
    }
    fake.inject(Fault::status(502));
    plain.get("/users/@me").await;
    fake.assert_clean();
}

#[tokio::test]
async fn the_first_message_costs_less_than_half_a_second_of_processor_time() {
    let fake = Fake::start().await;
    let channel = fake.guild("g").channel("c");
    let plain = Plain::new(&fake);
    plain.say(channel, "this one needs the document").await;
    // The test's runtime has one thread, and the document is read on it. Unlike a clock this does not count other
    // people's work. The first number is nanoseconds.
    let used = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux");
    let used: u64 = used
        .split(' ')
        .next()
        .expect("a number")
        .parse()
        .expect("a number");
    println!("{} ms", used / 1_000_000);
    assert!(used < 500_000_000, "{used} ns");
}
