//! What somebody gets who begins to look: so much, and every question.

use agent_client_protocol::v1::schema::{ToolCallUpdate, ToolCallUpdateFields};
use conversation::Body;

use super::*;

fn size(items: &[Item]) -> usize {
    items.iter().map(|item| item.body.size()).sum()
}

#[tokio::test]
async fn a_snapshot_has_room_for_so_many_bytes_and_the_rest_is_found_behind_it() {
    let host = Host::new().await;
    let thread = host.thread("a").await;
    let words = crate::process::scripted::said(&"word ".repeat(20_000));
    host.script
        .prompt_with((0..200).map(|_| Act::Update(words.clone())).collect());
    let mut view = host.view(&thread).await;
    let turn = host.post(&thread, "go").await.turn;
    view.quiet().await;
    assert_eq!(host.state(turn).await, TurnState::Done);
    let (snapshot, _) = host.supervisor.subscribe(&thread).await.unwrap();
    assert!(
        snapshot.from == Some(snapshot.items[0].id) && size(&snapshot.items) < 9_000_000,
        "{}",
        size(&snapshot.items)
    );
    let (mut items, mut more) = (snapshot.items, true);
    while more {
        let window = Window {
            entries: 50,
            bytes: 1_000_000,
            free: vec![],
        };
        let (older, further) = host.supervisor.older(&thread, items[0].id, window).await.unwrap();
        assert!(!older.is_empty() && size(&older) < 9_000_000);
        items.splice(0..0, older);
        more = further;
    }
    let said = items.iter().filter_map(|item| match &item.body {
        Body::Answer { text } => Some(text.len()),
        _ => None,
    });
    assert_eq!(said.sum::<usize>(), 200 * 100_000);
    assert!(items.is_sorted_by_key(|item| item.id));
}

#[tokio::test]
async fn a_question_is_in_a_snapshot_however_much_was_said_after_it() {
    let host = Host::new().await;
    let thread = host.thread("a").await;
    let command = serde_json::json!({ "command": "x".repeat(3_000_000) });
    let asked = ToolCallUpdate::new("c1", ToolCallUpdateFields::new().raw_input(command));
    let words = crate::process::scripted::said(&"word ".repeat(20_000));
    let mut acts = vec![Act::AskAndGoOn(asked)];
    acts.extend((0..120).map(|_| Act::Update(words.clone())));
    acts.extend([Act::Status("all is said"), Act::Forever]);
    host.script.prompt_with(acts);
    let mut view = host.view(&thread).await;
    host.post(&thread, "go").await;
    view.until("all is said", |view| {
        view.done.iter().any(|done| done == "all is said")
    })
    .await;
    let mut seen = host.view(&thread).await;
    let Some((request, Body::Permission { detail, .. })) = seen.permission() else {
        panic!("it asks: {}", seen.items.len());
    };
    assert_eq!(detail.len(), 3_000_000);
    let said = size(&seen.items.values().cloned().collect::<Vec<_>>());
    assert!(said < 3_000_000 + 9_000_000, "{said}");
    // What is being written is there, too, although the question alone is more than there is room for.
    assert!(seen.answers().last().is_some_and(|last| last.ends_with("word ")));
    host.supervisor
        .decide(&thread, &request, &user("owner"), "Owner", Answer::Once)
        .await
        .unwrap();
    seen.until("it is decided", |view| {
        view.permission().is_none_or(|(_, body)| {
            matches!(
                body,
                Body::Permission {
                    decision: Some(_),
                    ..
                }
            )
        })
    })
    .await;
}
