//! What waits, turns and deliveries alike: told and taken out of the way, with and without a running host.

use std::path::Path;
use std::time::Duration;

use conversation::{Claim, Conversation, NewDelivery, Outcome, ThreadId};
use credentials::Timestamp;
use rehearsal::Counter;
use serde_json::{Value, json};
use support::{Host, Person, Scene, agent_host, until};

fn run(home: &Path, arguments: &[&str]) -> String {
    let output = agent_host(home).args(arguments).output().expect("it runs");
    String::from_utf8(output.stdout).expect("it prints text")
}

fn json_of(home: &Path, arguments: &[&str]) -> Value {
    let text = run(home, arguments);
    serde_json::from_str(text.trim()).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// Messages that a chat has refused for good.
async fn refused(home: &Path, thread: &ThreadId, count: i64) {
    let conversation = Conversation::open_offline(home).expect("no host runs");
    for part in 0..count {
        let text = format!("words {part}\u{1b}[31m");
        let new = NewDelivery {
            thread: thread.clone(),
            turn: None,
            part,
            text,
        };
        let put = conversation.put_deliveries(vec![new]).await.expect("it is kept");
        let claim = Claim {
            now: Timestamp::now(),
            lease: Duration::from_mins(1),
            limit: 1,
            only: Some(put[0].id),
            text: None,
        };
        let claimed = conversation.claim_deliveries(claim).await.expect("it is due");
        let outcome = Outcome::Refused {
            reason: "Missing Permissions".to_owned(),
        };
        let settled = conversation.settle_delivery(&claimed[0], outcome, Timestamp::now());
        settled.await.expect("it is settled");
    }
    conversation.close().await.expect("it is durable");
}

fn attention(home: &Path) -> String {
    json_of(home, &["status", "--json"])["attention"].to_string()
}

#[tokio::test]
async fn what_waits_is_listed_shown_and_skipped_with_and_without_a_host() {
    let scene = Scene::signed_in().await;
    let home = scene.folder();
    let host = Host::up(&scene, 0, "");
    let person = Person::enter(host.link()).await;
    let thread = person.open("say: hello").await;
    let id = ThreadId::parse(&format!("web:{thread}")).expect("a thread");
    until("it is answered", || {
        run(home, &["threads", "list"]).contains("done")
    })
    .await;
    assert_eq!(host.stop(), Some(0));
    refused(home, &id, 4).await;

    // Without a host.
    assert_eq!(json_of(home, &["threads", "list", "--json"])["undelivered"], 4);
    let told = attention(home);
    assert!(
        told.contains("Missing Permissions") && told.contains("--only deliveries"),
        "{told}"
    );
    let shown = run(home, &["threads", "show", id.as_str()]);
    assert!(
        shown.contains("not delivered after 1 attempt: Missing Permissions"),
        "{shown}"
    );
    assert!(
        shown.contains("words 3⟨U+001B⟩[31m"),
        "what an agent said is harmless: {shown}"
    );
    let last = run(home, &["threads", "show", id.as_str(), "--json"]);
    let last: Value = serde_json::from_str(last.lines().last().expect("a line")).expect("JSON");
    assert_eq!((&last["waits"], &last["part"]), (&json!("delivery"), &json!(3)));
    let skipped = json_of(home, &["threads", "skip", id.as_str(), "--json"]);
    let expected = json!({
        "skipped": { "turns": 0, "deliveries": 1 },
        "left": { "turns": 0, "deliveries": 3 },
        "dismissed": false,
        "unanswered": 0,
        "drains": false,
    });
    assert_eq!(skipped, expected);
    let said = run(home, &["threads", "skip", "--max", "1"]);
    assert!(
        said.contains("skipped 1 undelivered message, left: 2 undelivered messages"),
        "{said}"
    );

    // With one, in which a turn runs and two wait.
    let host = Host::up(&scene, 0, "");
    let person = Person::enter(host.link()).await;
    assert!(attention(home).contains("Missing Permissions"));
    let before = scene.count(Counter::ModelRequests);
    let busy = person.open("hold\nsay: never").await;
    scene.wait(Counter::ModelRequests, before + 1).await;
    for name in ["one", "two"] {
        person.say(&busy, name, "say: later").await;
    }
    let turns = json_of(
        home,
        &["threads", "skip", "--max", "1", "--only", "turns", "--json"],
    );
    assert_eq!(turns["skipped"], json!({ "turns": 1, "deliveries": 0 }));
    assert_eq!(turns["left"], json!({ "turns": 1, "deliveries": 2 }));
    let said = run(home, &["threads", "skip", "--max", "10"]);
    assert_eq!(
        said,
        "skipped 1 queued turn and 2 undelivered messages, nothing is left\n"
    );
    assert!(!attention(home).contains("Missing Permissions"));
    let story = run(home, &["threads", "show", &format!("web:{busy}")]);
    assert_eq!(
        story.matches("the operator took it out of the queue").count(),
        2,
        "{story}"
    );
    assert_eq!(
        run(home, &["threads", "skip", "--max", "1"]),
        "skipped nothing, nothing is left\n"
    );
    assert_eq!(host.stop(), Some(0));
}
