//! A full disk.

use super::*;
use crate::turn::TurnState;

/// No page more than there are now: SQLite then says what it says when the disk is full.
async fn fill(conversation: &Conversation) {
    conversation
        .write("fill the disk", |database| {
            let pages: i64 = database.query_row("PRAGMA page_count", [], |row| row.get(0))?;
            Ok(database.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))?)
        })
        .await
        .unwrap();
}

async fn make_room(conversation: &Conversation) {
    conversation
        .write("make room", |database| {
            Ok(database.pragma_update_and_check(None, "max_page_count", 1_000_000, |_| Ok(()))?)
        })
        .await
        .unwrap();
}

#[tokio::test]
async fn a_full_disk_is_told_and_leaves_nothing_by_half() {
    let (folder, conversation, thread) = with_thread().await;
    let before = say(&conversation, &thread, "1", "one").await;
    fill(&conversation).await;
    let large = "x".repeat(100_000);
    let refused = conversation.enqueue(message(&thread, "2", &large)).await;
    assert!(
        matches!(refused, Err(ConversationError::Full { .. })),
        "{refused:?}"
    );
    let entries = vec![
        item(&conversation, &thread, None, answer("short")),
        item(&conversation, &thread, None, answer(&large)),
    ];
    let refused = conversation.put_items(entries.clone()).await;
    assert!(
        matches!(refused, Err(ConversationError::Full { .. })),
        "{refused:?}"
    );
    assert_eq!(
        conversation.queued(&thread).await.unwrap(),
        std::slice::from_ref(&before)
    );
    assert_eq!(conversation.items(&thread, None, 9).await.unwrap().len(), 1);
    // What needs no room still works.
    assert_eq!(start(&conversation, &thread).await.id, before.id);

    make_room(&conversation).await;
    say(&conversation, &thread, "2", &large).await;
    conversation.put_items(entries).await.unwrap();
    let (conversation, _) = reopened(folder.path(), conversation).await;
    assert_eq!(conversation.items(&thread, None, 9).await.unwrap().len(), 4);
}

#[tokio::test]
async fn what_finds_room_is_kept_when_its_neighbour_finds_none() {
    let (_folder, conversation, thread) = with_thread().await;
    say(&conversation, &thread, "1", "one").await;
    fill(&conversation).await;
    let large = "x".repeat(100_000);
    // Both wait at the same time, so that they share a transaction, which the full disk ends.
    let (large, started, again) = tokio::join!(
        conversation.enqueue(message(&thread, "2", &large)),
        conversation.start_next(&thread),
        conversation.enqueue(message(&thread, "3", &large)),
    );
    assert!(matches!(large, Err(ConversationError::Full { .. })), "{large:?}");
    assert!(matches!(again, Err(ConversationError::Full { .. })), "{again:?}");
    let started = started.unwrap().expect("one waits");
    assert_eq!(
        conversation.turn(started.id).await.unwrap().state,
        TurnState::Running
    );
}
