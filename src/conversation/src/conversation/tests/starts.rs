//! What a host finds that starts after another has died.

use super::timeline::{login, permission, tool};
use super::*;
use crate::item::{Decision, LoginEnd, ToolStatus};
use crate::turn::{TurnEnd, TurnState};

/// A running turn, one queued behind it, one done before it.
async fn busy(conversation: &Conversation, thread: &ThreadId) -> (Turn, Turn, Turn) {
    let done = say(conversation, thread, "1", "one").await;
    start(conversation, thread).await;
    let done = conversation.finish(done.id, TurnEnd::Done, None).await.unwrap();
    say(conversation, thread, "2", "two").await;
    let running = start(conversation, thread).await;
    let queued = say(conversation, thread, "3", "three").await;
    (done, running, queued)
}

#[tokio::test]
async fn only_what_was_running_is_cut() {
    let (folder, conversation, thread) = with_thread().await;
    let (done, running, queued) = busy(&conversation, &thread).await;
    let idle = open(&conversation, "web:b").await;
    let (conversation, found) = reopened(folder.path(), conversation).await;
    assert_eq!(found.cut.len(), 1);
    assert_eq!(
        (found.cut[0].id, found.cut[0].state),
        (running.id, TurnState::Cut)
    );
    assert!(found.cut[0].reason.as_deref().unwrap().contains("host stopped"));
    assert!(found.cut[0].ended.is_some());
    assert_eq!(conversation.turn(running.id).await.unwrap(), found.cut[0]);
    assert_eq!(found.waiting, std::slice::from_ref(&thread));
    assert_eq!(conversation.turn(done.id).await.unwrap(), done);
    assert_eq!(conversation.turn(queued.id).await.unwrap(), queued);
    assert_eq!(
        conversation.start_next(&thread).await.unwrap().unwrap().id,
        queued.id
    );
    assert_eq!(conversation.start_next(&idle).await.unwrap(), None);
}

#[tokio::test]
async fn the_thread_that_waits_longest_comes_first() {
    let (folder, conversation, a) = with_thread().await;
    let b = open(&conversation, "web:b").await;
    say(&conversation, &b, "1", "x").await;
    say(&conversation, &a, "1", "x").await;
    say(&conversation, &b, "2", "x").await;
    let (_conversation, found) = reopened(folder.path(), conversation).await;
    assert_eq!(found.waiting, [b, a]);
}

#[tokio::test]
async fn a_cut_is_found_until_its_thread_was_told() {
    let (folder, conversation, thread) = with_thread().await;
    let other = open(&conversation, "web:b").await;
    let (_, running, _) = busy(&conversation, &thread).await;
    say(&conversation, &other, "1", "x").await;
    let retried = start(&conversation, &other).await;
    let (conversation, _) = reopened(folder.path(), conversation).await;
    // This host dies before it could tell anybody.
    let (conversation, found) = reopened(folder.path(), conversation).await;
    let ids: Vec<_> = found.cut.iter().map(|turn| turn.id).collect();
    assert_eq!(ids, [running.id, retried.id]);
    // Any other entry of the turn tells nothing.
    let words = item(&conversation, &thread, Some(running.id), answer("…"));
    let told = item(&conversation, &thread, None, note("cut", Some(running.id)));
    conversation.put_items(vec![words]).await.unwrap();
    let (conversation, found) = reopened(folder.path(), conversation).await;
    assert_eq!(found.cut.len(), 2);
    conversation.put_items(vec![told]).await.unwrap();
    conversation.retry(retried.id).await.unwrap();
    let (_conversation, found) = reopened(folder.path(), conversation).await;
    assert!(found.cut.is_empty(), "{:?}", found.cut);
}

#[tokio::test]
async fn a_cut_that_a_host_saw_itself_is_not_found_again() {
    let (folder, conversation, thread) = with_thread().await;
    let (_, running, _) = busy(&conversation, &thread).await;
    conversation.finish(running.id, TurnEnd::Cut, None).await.unwrap();
    let (_conversation, found) = reopened(folder.path(), conversation).await;
    assert!(found.cut.is_empty());
}

#[tokio::test]
async fn nothing_unfinished_outlives_its_host() {
    let (folder, conversation, thread) = with_thread().await;
    let (done, running, _) = busy(&conversation, &thread).await;
    let allowed = Decision::Once {
        by: "Alice".to_owned(),
    };
    let bodies = [
        tool(ToolStatus::Pending),
        tool(ToolStatus::Running),
        tool(ToolStatus::Completed),
        tool(ToolStatus::Failed),
        permission(None),
        permission(Some(allowed.clone())),
        login(None),
        login(Some(LoginEnd::Done)),
        answer("half of"),
    ];
    let mut items: Vec<_> = bodies
        .into_iter()
        .map(|body| item(&conversation, &thread, Some(running.id), body))
        .collect();
    // Its turn has ended, but the last word about it was lost.
    items.push(item(
        &conversation,
        &thread,
        Some(done.id),
        tool(ToolStatus::Running),
    ));
    conversation.put_items(items.clone()).await.unwrap();
    let (conversation, _) = reopened(folder.path(), conversation).await;
    let now = conversation.items(&thread, None, 10).await.unwrap();
    for cut in [0, 1, 9] {
        let Body::Tool(call) = &now[cut].body else {
            panic!("{:?}", now[cut])
        };
        assert_eq!(call.status, ToolStatus::Cut);
        assert!(call.ended.is_some());
        assert_eq!(
            (now[cut].id, now[cut].at, &call.input),
            (items[cut].id, items[cut].at, &"ls\0-la".to_owned())
        );
    }
    assert_eq!(now[4].body, permission(Some(Decision::Gone)));
    assert_eq!(now[6].body, login(Some(LoginEnd::Gone)));
    for same in [2, 3, 5, 7, 8] {
        assert_eq!(now[same], items[same]);
    }
}

#[tokio::test]
async fn an_entry_that_can_not_be_read_does_not_keep_a_host_from_starting() {
    let (folder, conversation, thread) = with_thread().await;
    let open = item(&conversation, &thread, None, tool(ToolStatus::Running));
    conversation.put_items(vec![open]).await.unwrap();
    conversation.close().await.unwrap();
    raw(folder.path())
        .execute("UPDATE items SET body = 'rubbish'", [])
        .unwrap();
    let before: String = body(folder.path());
    let (conversation, _) = Conversation::open(folder.path()).unwrap();
    conversation.close().await.unwrap();
    assert_eq!(
        body(folder.path()),
        before,
        "what can't be read is kept for somebody who can"
    );
}

fn body(folder: &Path) -> String {
    raw(folder)
        .query_row("SELECT body FROM items", [], |row| row.get(0))
        .unwrap()
}
