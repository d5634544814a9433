//! The timeline.

use super::*;
use crate::item::{
    Attachment, Decision, Diff, LoginEnd, PlanEntry, PlanStatus, ToolCall, ToolKind, ToolStatus, Window,
};

pub(super) fn tool(status: ToolStatus) -> Body {
    Body::Tool(ToolCall {
        call: "call-1".to_owned(),
        title: "run ls".to_owned(),
        kind: ToolKind::Execute,
        status,
        input: "ls\0-la".to_owned(),
        output: "x".to_owned(),
        cut: false,
        diffs: vec![Diff {
            path: "a".to_owned(),
            old: None,
            new: "b".to_owned(),
            ..Diff::default()
        }],
        exit: Some(0),
        started: Some(Timestamp::from_millis(5)),
        ended: None,
    })
}

pub(super) fn permission(decision: Option<Decision>) -> Body {
    Body::Permission {
        request: "r1".to_owned(),
        call: "call-1".to_owned(),
        asker: String::new(),
        kind: ToolKind::Execute,
        title: "run a command".to_owned(),
        detail: "rm -rf build".to_owned(),
        diffs: Vec::new(),
        options: Vec::new(),
        until: Timestamp::from_millis(7),
        decision,
    }
}

pub(super) fn login(ended: Option<LoginEnd>) -> Body {
    Body::Login {
        service: "codex".to_owned(),
        title: "Codex".to_owned(),
        reason: "it expired".to_owned(),
        ended,
    }
}

#[tokio::test]
async fn every_kind_of_entry_comes_back_as_it_was() {
    let (folder, conversation, thread) = with_thread().await;
    let turn = say(&conversation, &thread, "1", "x").await;
    let file = Attachment {
        name: "a b.png".to_owned(),
        path: "out/a b.png".to_owned(),
        size: u64::MAX,
        mime: "image/png".to_owned(),
    };
    let denied = Decision::Denied {
        by: "Alice".to_owned(),
        reason: Some("no".to_owned()),
    };
    let by = || "Alice".to_owned();
    let plan = [PlanStatus::Pending, PlanStatus::Running, PlanStatus::Completed]
        .map(|status| PlanEntry {
            text: "step".to_owned(),
            status,
        })
        .to_vec();
    let bodies = vec![
        answer("**so**"),
        Body::Thought {
            text: "hm".to_owned(),
        },
        tool(ToolStatus::Running),
        tool(ToolStatus::Cut),
        Body::Plan { entries: plan },
        permission(None),
        permission(Some(denied)),
        permission(Some(Decision::Once { by: by() })),
        permission(Some(Decision::Always {
            by: by(),
            words: "always".to_owned(),
        })),
        permission(Some(Decision::TimedOut)),
        login(None),
        login(Some(LoginEnd::TimedOut)),
        Body::File(file),
        note("cut", Some(turn.id)),
        Body::Usage { used: 1, size: 0 },
    ];
    let mut items = conversation.items(&thread, None, 10).await.unwrap();
    for body in bodies {
        items.push(item(&conversation, &thread, Some(turn.id), body));
    }
    conversation.put_items(items.clone()).await.unwrap();
    assert_eq!(conversation.items(&thread, None, 100).await.unwrap(), items);
    let other = Conversation::open_without_recovery(folder.path()).unwrap();
    assert_eq!(other.items(&thread, None, 100).await.unwrap(), items);
}

#[tokio::test]
async fn an_entry_changes_in_its_place() {
    let (_folder, conversation, thread) = with_thread().await;
    let first = item(&conversation, &thread, None, answer("so"));
    let second = item(&conversation, &thread, None, answer("later"));
    // Written in another order than they began.
    conversation.put_items(vec![second.clone()]).await.unwrap();
    conversation.put_items(vec![first.clone()]).await.unwrap();
    let grown = Item {
        body: answer("so far"),
        ..first
    };
    conversation.put_items(vec![grown.clone()]).await.unwrap();
    assert_eq!(
        conversation.items(&thread, None, 10).await.unwrap(),
        [grown, second]
    );
}

#[tokio::test]
async fn a_timeline_is_read_backwards_in_pages() {
    let (_folder, conversation, thread) = with_thread().await;
    let other = open(&conversation, "web:b").await;
    let mut written = Vec::new();
    for number in 0..10 {
        written.push(item(&conversation, &thread, None, answer(&number.to_string())));
        let elsewhere = item(&conversation, &other, None, answer("elsewhere"));
        conversation.put_items(vec![elsewhere]).await.unwrap();
    }
    conversation.put_items(written.clone()).await.unwrap();
    let newest = conversation.items(&thread, None, 4).await.unwrap();
    assert_eq!(newest, written[6..]);
    let older = conversation.items(&thread, Some(newest[0].id), 4).await.unwrap();
    assert_eq!(older, written[2..6]);
    let oldest = conversation
        .items(&thread, Some(older[0].id), usize::MAX)
        .await
        .unwrap();
    assert_eq!(oldest, written[..2]);
    assert_eq!(conversation.items(&thread, None, 0).await.unwrap(), []);
}

#[tokio::test]
async fn of_entries_with_one_that_can_not_be_none_is_written() {
    let (_folder, conversation, thread) = with_thread().await;
    let other = open(&conversation, "web:b").await;
    let theirs = item(&conversation, &other, None, answer("theirs"));
    conversation.put_items(vec![theirs.clone()]).await.unwrap();
    let good = item(&conversation, &thread, None, answer("mine"));

    let orphan = item(&conversation, &thread, Some(TurnId(99)), answer("orphan"));
    is_no_turn(
        conversation.put_items(vec![good.clone(), orphan]).await,
        TurnId(99),
    );
    let stolen = Item {
        thread: thread.clone(),
        ..theirs.clone()
    };
    let refused = conversation.put_items(vec![good, stolen]).await;
    assert!(
        matches!(refused, Err(ConversationError::Database { .. })),
        "{refused:?}"
    );

    assert_eq!(conversation.items(&thread, None, 10).await.unwrap(), []);
    assert_eq!(conversation.items(&other, None, 10).await.unwrap(), [theirs]);
}

#[tokio::test]
async fn ids_of_entries_go_on_above_all_that_were_written() {
    let (folder, conversation, thread) = with_thread().await;
    let mut last = conversation.new_item_id();
    for source in ["1", "2"] {
        let Enqueued::New(_, entry) = conversation.enqueue(message(&thread, source, "x")).await.unwrap()
        else {
            panic!("new");
        };
        assert!(entry.id > last);
        last = conversation.new_item_id();
        assert!(last > entry.id);
    }
    let written = item(&conversation, &thread, None, answer("x"));
    conversation.put_items(vec![written.clone()]).await.unwrap();
    let (conversation, _) = reopened(folder.path(), conversation).await;
    assert!(conversation.new_item_id() > written.id);
    // One that came from elsewhere is not given out again either.
    let far = Item {
        id: crate::ItemId(1 << 40),
        ..written
    };
    conversation.put_items(vec![far]).await.unwrap();
    assert_eq!(conversation.new_item_id(), crate::ItemId((1 << 40) + 1));
}

#[tokio::test]
async fn an_id_that_was_given_out_and_never_written_is_not_given_out_again() {
    let (folder, mut conversation, _) = with_thread().await;
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..3 {
        for _ in 0..100 {
            assert!(seen.insert(conversation.new_item_id()));
        }
        // As a kill would leave it: nothing of them is in the file.
        conversation.close().await.unwrap();
        let tool = Conversation::open_offline(folder.path()).unwrap();
        assert!(seen.insert(tool.new_item_id()));
        (conversation, _) = reopened(folder.path(), tool).await;
    }
}

#[tokio::test]
async fn the_first_version_of_the_file_goes_on_with_its_ids() {
    let (folder, conversation, thread) = with_thread().await;
    let far = Item {
        id: crate::ItemId(1 << 50),
        ..item(&conversation, &thread, None, answer("x"))
    };
    let login = |ended| item(&conversation, &thread, None, login(ended));
    let logins = [login(Some(LoginEnd::Done)), login(None)];
    let all = [&logins[..], std::slice::from_ref(&far)].concat();
    conversation.put_items(all).await.unwrap();
    conversation.close().await.unwrap();
    raw(folder.path())
        .execute_batch(
            "UPDATE items SET unfinished = 0, body = json_set(json_remove(body, '$.ended'), '$.done',
                 json(iif(body ->> '$.ended' = 'done', 'true', 'false'))) WHERE body ->> '$.item' = 'login';
             DROP TABLE grants; DROP TABLE item_ids; DROP INDEX deliveries_stuck_of; PRAGMA user_version = 1;
             ALTER TABLE threads DROP COLUMN workspaces; ALTER TABLE threads DROP COLUMN permissions;
             ALTER TABLE threads DROP COLUMN mode; ALTER TABLE threads DROP COLUMN own_model;
             ALTER TABLE threads DROP COLUMN own_mode; ALTER TABLE turns DROP COLUMN model;
             ALTER TABLE turns DROP COLUMN spoken;",
        )
        .unwrap();
    let (conversation, _) = Conversation::open(folder.path()).unwrap();
    let found = conversation.items(&thread, None, 9).await.unwrap();
    assert_eq!((&found[0], &found[2]), (&logins[0], &far));
    assert_eq!(
        found[1].body,
        self::login(Some(LoginEnd::Gone)),
        "nobody waits for it"
    );
    assert!(conversation.new_item_id() > far.id);
}

#[tokio::test]
async fn an_entry_that_can_not_be_read_hides_no_other() {
    let (folder, conversation, thread) = with_thread().await;
    let items: Vec<_> = ["a", "b", "c"]
        .map(|text| item(&conversation, &thread, None, answer(text)))
        .to_vec();
    conversation.put_items(items.clone()).await.unwrap();
    raw(folder.path())
        .execute(
            r#"UPDATE items SET body = '{"item":"hologram"}' WHERE id = ?1"#,
            [items[1].id],
        )
        .unwrap();
    let found = conversation.items(&thread, None, 10).await.unwrap();
    assert_eq!((&found[0], &found[2]), (&items[0], &items[2]));
    assert!(
        matches!(
            &found[1].body,
            Body::Note {
                kind: NoteKind::Error,
                ..
            }
        ),
        "{:?}",
        found[1]
    );
}

#[tokio::test]
async fn nothing_to_write_is_written_at_once() {
    let (_folder, conversation) = fresh();
    conversation.put_items(Vec::new()).await.unwrap();
}

#[tokio::test]
async fn a_window_has_room_for_so_many_entries_and_bytes_and_for_one_in_any_case() {
    let (_folder, conversation, thread) = with_thread().await;
    let turn = say(&conversation, &thread, "1", "x").await;
    let mut ids = Vec::new();
    for letter in ["a", "b", "c", "d"] {
        let id = conversation.new_item_id();
        ids.push(id);
        let item = Item {
            id,
            thread: thread.clone(),
            turn: Some(turn.id),
            at: Timestamp::from_millis(9),
            body: answer(&letter.repeat(1000)),
        };
        conversation.put_items(vec![item]).await.unwrap();
    }
    for (entries, bytes, free, before, expected, more) in [
        (9, 1_000_000, vec![], None, 5, false),
        (5, 1_000_000, vec![], None, 5, false),
        (4, 1_000_000, vec![], None, 4, true),
        (9, 2_500, vec![], None, 2, true),
        (9, 10, vec![], None, 1, true),
        (9, 2_500, vec![ids[3]], None, 3, true),
        (9, 10, vec![], Some(ids[0]), 1, false),
    ] {
        let window = Window { entries, bytes, free };
        let (found, older) = conversation
            .window(&thread, before, window.clone())
            .await
            .unwrap();
        assert_eq!((found.len(), older), (expected, more), "{window:?}");
        assert!(found.is_sorted_by_key(|item| item.id));
    }
    assert_eq!(
        conversation.item(&thread, ids[1]).await.unwrap().unwrap().id,
        ids[1]
    );
    assert!(
        conversation
            .item(&thread, crate::ItemId(ids[3].0 + 7))
            .await
            .unwrap()
            .is_none()
    );
}
