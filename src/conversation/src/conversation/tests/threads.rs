//! Threads.

use super::*;
use crate::thread::Permissions;
use crate::thread::{ThreadChange, ThreadFilter};
use crate::turn::{TurnEnd, TurnState};

#[tokio::test]
async fn opening_a_thread_again_gives_the_first_one_unchanged() {
    let (_folder, conversation) = fresh();
    let first = conversation
        .open_thread(new_thread("web:a", "local:alice"))
        .await
        .unwrap();
    let mut other = new_thread("web:a", "local:bob");
    other.agent = "codex".to_owned();
    assert_eq!(conversation.open_thread(other).await.unwrap(), first);
    assert_eq!(conversation.thread(&first.id).await.unwrap(), first);
}

#[tokio::test]
async fn a_thread_that_is_not_there_is_named() {
    let (_folder, conversation) = fresh();
    let nobody = ThreadId::parse("web:nobody").unwrap();
    let named = |error| matches!(error, ConversationError::NoThread(id) if id == nobody);
    assert!(named(conversation.thread(&nobody).await.unwrap_err()));
    assert!(named(
        conversation
            .enqueue(message(&nobody, "1", "x"))
            .await
            .unwrap_err()
    ));
    assert!(named(conversation.start_next(&nobody).await.unwrap_err()));
    assert!(named(conversation.queued(&nobody).await.unwrap_err()));
    assert!(named(conversation.items(&nobody, None, 1).await.unwrap_err()));
    assert!(named(
        conversation
            .drop_queued(&nobody, |_| true, "x")
            .await
            .unwrap_err()
    ));
    assert!(named(
        conversation.skip(waiting(Some(&nobody), 1)).await.unwrap_err()
    ));
    let change = conversation.change_thread(&nobody, ThreadChange::default()).await;
    assert!(named(change.unwrap_err()));
    let lost = vec![item(&conversation, &nobody, None, answer("x"))];
    assert!(named(conversation.put_items(lost).await.unwrap_err()));
}

#[tokio::test]
async fn a_change_touches_only_what_it_names() {
    let (_folder, conversation, thread) = with_thread().await;
    let before = conversation.thread(&thread).await.unwrap();
    let set = ThreadChange {
        model: Some(Some("m".to_owned())),
        mode: Some(Some("plan".to_owned())),
        own_model: Some(Some("small".to_owned())),
        own_mode: Some(Some("ask".to_owned())),
        session: Some(Some("s".to_owned())),
        dispatch: Some(Dispatch::Steer),
        permissions: Some(Some(Permissions::Deny)),
        ..ThreadChange::default()
    };
    let changed = conversation.change_thread(&thread, set).await.unwrap();
    let expected = crate::Thread {
        model: Some("m".to_owned()),
        mode: Some("plan".to_owned()),
        own_model: Some("small".to_owned()),
        own_mode: Some("ask".to_owned()),
        session: Some("s".to_owned()),
        dispatch: Dispatch::Steer,
        permissions: Some(Permissions::Deny),
        ..before
    };
    assert_eq!(changed, expected);
    let unset = ThreadChange {
        session: Some(None),
        title: Some("t".to_owned()),
        agent: Some("codex".to_owned()),
        ..ThreadChange::default()
    };
    let expected = crate::Thread {
        session: None,
        own_model: None,
        own_mode: None,
        title: "t".to_owned(),
        agent: "codex".to_owned(),
        ..expected
    };
    assert_eq!(
        conversation.change_thread(&thread, unset).await.unwrap(),
        expected
    );
    assert_eq!(conversation.thread(&thread).await.unwrap(), expected);
}

#[tokio::test]
async fn the_first_message_names_a_thread_that_has_no_name() {
    let (_folder, conversation, thread) = with_thread().await;
    say(&conversation, &thread, "1", "\n fix the build \nplease").await;
    say(&conversation, &thread, "2", "and more").await;
    assert_eq!(conversation.thread(&thread).await.unwrap().title, "fix the build");
    let mut named = new_thread("web:b", "local:alice");
    named.title = "mine".to_owned();
    let named = conversation.open_thread(named).await.unwrap().id;
    say(&conversation, &named, "1", "something").await;
    assert_eq!(conversation.thread(&named).await.unwrap().title, "mine");
}

#[tokio::test]
async fn a_message_of_files_alone_names_a_thread_after_the_first() {
    let (_folder, conversation, thread) = with_thread().await;
    let mut files = message(&thread, "1", " ");
    files.files.push(crate::Attachment {
        name: "log.txt".to_owned(),
        path: "in/log.txt".to_owned(),
        size: 3,
        mime: "text/plain".to_owned(),
    });
    let Enqueued::New(turn, entry) = conversation.enqueue(files.clone()).await.unwrap() else {
        panic!("new");
    };
    assert_eq!(conversation.thread(&thread).await.unwrap().title, "log.txt");
    assert_eq!(conversation.turn(turn.id).await.unwrap().files, files.files);
    assert!(matches!(entry.body, Body::Said { files: shown, .. } if shown == files.files));
}

#[tokio::test]
async fn the_list_shows_the_most_recently_active_first_and_how_each_stands() {
    let (_folder, conversation) = fresh();
    let ids = ["web:a", "web:b", "discord:7", "webx:1"];
    for id in ids {
        open(&conversation, id).await;
    }
    let a = ThreadId::parse("web:a").unwrap();
    let first = say(&conversation, &a, "1", "one").await;
    start(&conversation, &a).await;
    conversation
        .finish(first.id, TurnEnd::Failed, None)
        .await
        .unwrap();
    say(&conversation, &a, "2", "two").await;
    say(&conversation, &a, "3", "three").await;
    start(&conversation, &a).await;
    // The clock may not have moved: what counts is that nothing comes before what is younger.
    let all = conversation.threads(ThreadFilter::default()).await.unwrap();
    assert_eq!(all.len(), 4);
    assert!(
        all.windows(2)
            .all(|pair| pair[0].thread.active >= pair[1].thread.active)
    );
    let shown = all.iter().find(|summary| summary.thread.id == a).unwrap();
    assert_eq!(
        (shown.queued, shown.running, shown.last_end),
        (1, true, Some(TurnState::Failed))
    );
    let quiet = all.iter().find(|summary| summary.thread.id != a).unwrap();
    assert_eq!((quiet.queued, quiet.running, quiet.last_end), (0, false, None));

    let web = ThreadFilter {
        front_end: Some("web".to_owned()),
        ..ThreadFilter::default()
    };
    let mut of_web: Vec<_> = conversation.threads(web).await.unwrap();
    of_web.sort_by(|one, two| one.thread.id.cmp(&two.thread.id));
    let names: Vec<_> = of_web.iter().map(|summary| summary.thread.id.as_str()).collect();
    assert_eq!(names, ["web:a", "web:b"]);

    let limited = ThreadFilter {
        limit: 2,
        ..ThreadFilter::default()
    };
    assert_eq!(conversation.threads(limited).await.unwrap(), all[..2]);
}

#[tokio::test]
async fn a_list_by_owner_shows_nobody_elses_threads() {
    let (_folder, conversation) = fresh();
    open(&conversation, "web:a").await;
    conversation
        .open_thread(new_thread("web:b", "local:bob"))
        .await
        .unwrap();
    let of_bob = ThreadFilter {
        owner: Some(UserId::parse("local:bob").unwrap()),
        ..ThreadFilter::default()
    };
    let found = conversation.threads(of_bob).await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].thread.id.as_str(), "web:b");
}

#[tokio::test]
async fn the_counts_tell_what_there_is() {
    let (_folder, conversation, a) = with_thread().await;
    let b = open(&conversation, "web:b").await;
    open(&conversation, "web:c").await;
    let failed = say(&conversation, &a, "1", "x").await;
    conversation
        .finish(failed.id, TurnEnd::Failed, None)
        .await
        .unwrap();
    for (source, end) in [("1", TurnEnd::Done), ("2", TurnEnd::Cut)] {
        let turn = say(&conversation, &b, source, "x").await;
        start(&conversation, &b).await;
        conversation.finish(turn.id, end, None).await.unwrap();
    }
    for source in ["2", "3", "4"] {
        say(&conversation, &a, source, "x").await;
    }
    start(&conversation, &a).await;
    let expected = crate::Counts {
        threads: 3,
        queued: 2,
        running: 1,
        failed: 1,
        cut: 1,
        deliveries: 0,
        stuck_deliveries: 0,
    };
    assert_eq!(conversation.counts().await.unwrap(), expected);
}

#[tokio::test]
async fn only_what_a_person_would_call_new_moves_a_thread_up_in_the_list() {
    let (_folder, conversation) = fresh();
    open(&conversation, "web:a").await;
    let a = ThreadId::parse("web:a").unwrap();
    let turn = say(&conversation, &a, "1", "one").await;
    let active = async || conversation.thread(&a).await.unwrap().active;
    let asked = active().await;
    start(&conversation, &a).await;
    let later = asked.plus(std::time::Duration::from_mins(1));
    let item = |at, body| crate::Item {
        id: conversation.new_item_id(),
        thread: a.clone(),
        turn: Some(turn.id),
        at,
        body,
    };
    let text = "words".to_owned();
    conversation
        .put_items(vec![
            item(later, crate::Body::Answer { text: text.clone() }),
            item(later, crate::Body::Thought { text }),
            item(later, crate::Body::Usage { used: 1, size: 2 }),
        ])
        .await
        .unwrap();
    assert_eq!(active().await, asked, "an answer that grows is no news");
    let mut question = item(later, super::timeline::permission(None));
    conversation.put_items(vec![question.clone()]).await.unwrap();
    assert_eq!(active().await, later, "a question is");
    // What became of it is written as the same entry.
    question.body = super::timeline::permission(Some(crate::Decision::TimedOut));
    conversation.put_items(vec![question]).await.unwrap();
    assert_eq!(active().await, later);
}

#[tokio::test]
async fn what_is_set_for_a_thread_is_kept_as_it_was_when_it_was_opened() {
    use std::os::unix::ffi::OsStrExt as _;
    let (folder, conversation) = fresh();
    let new = NewThread {
        // A path is what the system has, not text.
        workspaces: Some(std::ffi::OsStr::from_bytes(b"/srv/\xff").into()),
        permissions: Some(Permissions::Allow),
        ..new_thread("web:a", "local:alice")
    };
    let opened = conversation.open_thread(new.clone()).await.unwrap();
    let set = (new.workspaces, new.permissions);
    assert_eq!((opened.workspaces.clone(), opened.permissions), set);
    let again = conversation.open_thread(new_thread("web:a", "local:bob")).await;
    assert_eq!(again.unwrap(), opened);
    let (conversation, _) = reopened(folder.path(), conversation).await;
    assert_eq!(conversation.thread(&opened.id).await.unwrap(), opened);
}
