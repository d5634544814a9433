//! Turns of several messages: steered, interrupted, asked for again.

use super::*;

#[tokio::test]
async fn a_steer_merges_text_and_files_into_the_running_turn() {
    let (_folder, conversation, thread) = with_thread().await;
    let into = say(&conversation, &thread, "1", "one").await;
    let mut second = message(&thread, "2", "two");
    second.files.push(crate::Attachment {
        name: "a".to_owned(),
        path: "a".to_owned(),
        size: 1,
        mime: "text/plain".to_owned(),
    });
    let Enqueued::New(from, entry) = conversation.enqueue(second.clone()).await.unwrap() else {
        panic!("new");
    };
    start(&conversation, &thread).await;
    let Merged { turn: merged, said } = conversation.merge(from.id, into.id).await.unwrap();
    assert_eq!(
        (merged.id, merged.text.as_str(), merged.attempts),
        (into.id, "one\n\ntwo", 2)
    );
    assert_eq!((merged.state, &merged.files), (TurnState::Running, &second.files));
    assert_eq!(conversation.turn(into.id).await.unwrap(), merged);
    let gone = conversation.turn(from.id).await.unwrap();
    assert_eq!(gone.state, TurnState::Stopped);
    assert_eq!(gone.reason, Some(format!("merged into turn {}", into.id)));
    assert_eq!(conversation.merged_into(&merged).await.unwrap(), [gone]);
    is_no_turn(conversation.merge(from.id, into.id).await, from.id);
    // Its entry is where it was, and belongs to the turn that answers it.
    let entry = Item {
        turn: Some(into.id),
        ..entry
    };
    assert_eq!(said, std::slice::from_ref(&entry));
    assert_eq!(conversation.items(&thread, None, 1).await.unwrap(), [entry]);
}

#[tokio::test]
async fn a_merge_that_can_not_be_changes_nothing() {
    let (_folder, conversation, thread) = with_thread().await;
    let other = open(&conversation, "web:b").await;
    let one = say(&conversation, &thread, "1", "one").await;
    let two = say(&conversation, &thread, "2", &"x".repeat(MIB)).await;
    let elsewhere = say(&conversation, &other, "1", "three").await;
    is_no_turn(conversation.merge(two.id, one.id).await, one.id);
    start(&conversation, &thread).await;
    is_no_turn(conversation.merge(elsewhere.id, one.id).await, elsewhere.id);
    let too_large = conversation.merge(two.id, one.id).await;
    assert!(
        matches!(too_large, Err(ConversationError::TooLarge { limit: MIB, .. })),
        "{too_large:?}"
    );
    assert_eq!(conversation.turn(two.id).await.unwrap(), two);
    assert_eq!(conversation.turn(one.id).await.unwrap().text, "one");
}

#[tokio::test]
async fn an_interrupt_drops_what_is_queued_but_the_new_one() {
    let (_folder, conversation, thread) = with_thread().await;
    let other = open(&conversation, "web:b").await;
    for source in ["1", "2", "3", "4"] {
        say(&conversation, &thread, source, source).await;
    }
    let elsewhere = say(&conversation, &other, "1", "x").await;
    let running = start(&conversation, &thread).await;
    let queued = conversation.queued(&thread).await.unwrap();
    let kept = queued[1].id;
    let dropped = conversation
        .drop_queued(&thread, move |turn| turn.id != kept, "something newer came")
        .await
        .unwrap();
    let ids: Vec<_> = dropped.iter().map(|dropped| dropped.turn.id).collect();
    assert_eq!(ids, [queued[0].id, queued[2].id]);
    let entries = conversation.items(&thread, None, 2).await.unwrap();
    for (dropped, entry) in dropped.iter().zip(&entries) {
        let reason = dropped.turn.reason.as_deref();
        assert_eq!(reason, Some("dropped: something newer came"));
        let told = Body::Note {
            kind: NoteKind::Info,
            text: "Dropped: something newer came.".to_owned(),
            retry: Some(dropped.turn.id),
        };
        assert_eq!((&entry.body, entry.turn), (&told, Some(dropped.turn.id)));
        assert_eq!(&dropped.told, entry);
    }
    assert_eq!(conversation.queued(&thread).await.unwrap(), [queued[1].clone()]);
    assert_eq!(
        conversation.turn(running.id).await.unwrap().state,
        TurnState::Running
    );
    assert_eq!(
        conversation.turn(elsewhere.id).await.unwrap().state,
        TurnState::Queued
    );
}

#[tokio::test]
async fn asking_again_for_a_turn_makes_one_new_turn_until_that_fails_too() {
    let (_folder, conversation, thread) = with_thread().await;
    let failed = say(&conversation, &thread, "m", "try").await;
    is_no_turn(conversation.retry(failed.id).await, failed.id);
    start(&conversation, &thread).await;
    is_no_turn(conversation.retry(failed.id).await, failed.id);
    conversation
        .finish(failed.id, TurnEnd::Failed, None)
        .await
        .unwrap();
    let Enqueued::New(again, entry) = conversation.retry(failed.id).await.unwrap() else {
        panic!("new");
    };
    assert_ne!(again.id, failed.id);
    assert_ne!(again.source, failed.source);
    assert_eq!((again.text.as_str(), again.state), ("try", TurnState::Queued));
    assert_eq!(entry.turn, Some(again.id));
    assert_eq!(
        conversation.retry(failed.id).await.unwrap(),
        Enqueued::Known(again.clone())
    );
    // The new one can fail, too; then either means the last of them.
    conversation
        .finish(again.id, TurnEnd::Failed, None)
        .await
        .unwrap();
    let Enqueued::New(third, _) = conversation.retry(failed.id).await.unwrap() else {
        panic!("new");
    };
    for asked in [failed.id, again.id] {
        let known = conversation.retry(asked).await.unwrap();
        assert_eq!(known, Enqueued::Known(third.clone()));
    }
    // What was answered is not.
    let done = start(&conversation, &thread).await;
    conversation.finish(done.id, TurnEnd::Done, None).await.unwrap();
    is_no_turn(conversation.retry(done.id).await, done.id);
    assert!(matches!(
        conversation.retry(failed.id).await.unwrap(),
        Enqueued::Known(turn) if turn.id == third.id && turn.state == TurnState::Done
    ));
}

#[tokio::test]
async fn a_chat_can_not_name_a_message_like_a_retry() {
    let (_folder, conversation, thread) = with_thread().await;
    for squatter_first in [true, false] {
        let failed = say(&conversation, &thread, &format!("{squatter_first}"), "try").await;
        conversation
            .finish(failed.id, TurnEnd::Stopped, None)
            .await
            .unwrap();
        let name = format!("retry:{}", failed.id);
        if squatter_first {
            say(&conversation, &thread, &name, "mine").await;
        }
        let Enqueued::New(again, _) = conversation.retry(failed.id).await.unwrap() else {
            panic!("new");
        };
        assert_eq!(again.text, "try");
        if !squatter_first {
            say(&conversation, &thread, &name, "mine").await;
        }
        let squatter = conversation
            .by_source(&thread, &SourceId(name.clone()))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(squatter.text, "mine");
        let known = conversation
            .enqueue(message(&thread, &name, "mine"))
            .await
            .unwrap();
        assert_eq!(known, Enqueued::Known(squatter));
        assert_eq!(
            conversation.retry(failed.id).await.unwrap(),
            Enqueued::Known(again)
        );
    }
}

#[tokio::test]
async fn the_messages_of_a_turn_are_told_apart_after_a_steer_and_in_its_retry() {
    let (_folder, conversation, thread) = with_thread().await;
    let write = async |source: &str, text: &str, file: Option<&str>| {
        let attached = |name: &str| crate::Attachment {
            name: name.to_owned(),
            path: name.to_owned(),
            size: 1,
            mime: "text/plain".to_owned(),
        };
        let new = NewTurn {
            files: file.map(attached).into_iter().collect(),
            ..message(&thread, source, text)
        };
        match conversation.enqueue(new).await.unwrap() {
            Enqueued::New(turn, _) => turn,
            Enqueued::Known(turn) => panic!("{turn:?}"),
        }
    };
    let told = async |turn: TurnId| {
        let parts = conversation.parts(turn).await.unwrap();
        let one = |part: &Part| {
            let files = part.files.iter().map(|file| format!(" +{}", file.name));
            format!("{}: {}{}", part.source.0, part.text, files.collect::<String>())
        };
        parts.iter().map(one).collect::<Vec<_>>()
    };
    let one = write("1", "look", Some("a")).await;
    assert_eq!(told(one.id).await, ["1: look +a"]);
    start(&conversation, &thread).await;
    let other = write("2", "and here\n\nlook", Some("b")).await;
    let bare = write("3", "", Some("c")).await;
    for from in [&other, &bare] {
        conversation.merge(from.id, one.id).await.unwrap();
    }
    let three = ["1: look +a", "2: and here\n\nlook +b", "3:  +c"];
    assert_eq!(told(one.id).await, three);
    conversation.finish(one.id, TurnEnd::Failed, None).await.unwrap();
    let Enqueued::New(again, _) = conversation.retry(one.id).await.unwrap() else {
        panic!("it is new");
    };
    let (text, files) = Part::joined(conversation.parts(again.id).await.unwrap());
    assert_eq!((&text, &files), (&again.text, &again.files));
    // What it says now changes nothing in what the messages said.
    let left = vec![files[0].clone()];
    let (again, said) = conversation
        .reword(
            again.id,
            vec![Part {
                files: left.clone(),
                ..says(&again, "look")
            }],
        )
        .await
        .unwrap();
    assert_eq!(again.files, left);
    assert!(matches!(&said[0].body, Body::Said { files, .. } if *files == left));
    start(&conversation, &thread).await;
    let more = write("4", "more", None).await;
    conversation.merge(more.id, again.id).await.unwrap();
    assert_eq!(told(again.id).await, [&three[..], &["4: more"]].concat());
}

#[tokio::test]
async fn who_wrote_what_of_a_turn_is_known_after_a_steer_and_in_its_retry() {
    let (_folder, conversation, thread) = with_thread().await;
    let write = async |by: &str, source: &str, text: &str| {
        let new = NewTurn {
            by: UserId::parse(by).unwrap(),
            name: by.to_owned(),
            ..message(&thread, source, text)
        };
        match conversation.enqueue(new).await.unwrap() {
            Enqueued::New(turn, _) => turn,
            Enqueued::Known(turn) => panic!("{turn:?}"),
        }
    };
    let spoken = async |turn: &Turn| {
        let Spoken { messages, is_shared } = conversation.spoken(turn).await.unwrap();
        let told: Vec<String> = messages
            .into_iter()
            .map(|spoke| format!("{}: {}", spoke.by.as_str(), spoke.text))
            .collect();
        (told, is_shared)
    };
    let one = write("local:alice", "1", "look").await;
    assert_eq!(spoken(&one).await, (vec!["local:alice: look".to_owned()], false));
    conversation.start_next(&thread).await.unwrap().unwrap();
    let other = write("local:bob", "2", "and here").await;
    let merged = conversation.merge(other.id, one.id).await.unwrap().turn;
    let both = ["local:alice: look".to_owned(), "local:bob: and here".to_owned()];
    assert_eq!(spoken(&merged).await, (both.to_vec(), true));
    conversation.finish(one.id, TurnEnd::Failed, None).await.unwrap();
    let Enqueued::New(again, _) = conversation.retry(one.id).await.unwrap() else {
        panic!("it is new");
    };
    assert_eq!(spoken(&again).await, (both.to_vec(), true));
    // Of its messages one was changed; then the other one was deleted.
    let mut parts = conversation.parts(again.id).await.unwrap();
    parts[1].text = "or here".to_owned();
    let (again, _) = conversation.reword(again.id, parts.clone()).await.unwrap();
    assert_eq!(again.text, "look\n\nor here");
    let [alice, bob] = ["local:alice: look".to_owned(), "local:bob: or here".to_owned()];
    assert_eq!(spoken(&again).await, (vec![alice, bob.clone()], true));
    let (again, _) = conversation.reword(again.id, parts.split_off(1)).await.unwrap();
    assert_eq!(spoken(&again).await, (vec![bob.clone()], true));
    conversation.start_next(&thread).await.unwrap().unwrap();
    let more = write("local:bob", "3", "").await;
    let merged = conversation.merge(more.id, again.id).await.unwrap().turn;
    let two = vec![bob, "local:bob: ".to_owned()];
    assert_eq!(spoken(&merged).await, (two.clone(), true));
    conversation
        .finish(merged.id, TurnEnd::Failed, None)
        .await
        .unwrap();
    let Enqueued::New(last, _) = conversation.retry(merged.id).await.unwrap() else {
        panic!("it is new");
    };
    assert_eq!(spoken(&last).await, (two, true));
    // A chat that names a message like a retry repeats nothing.
    let named = write("local:bob", &format!("retry:{}", one.id), "mine").await;
    assert_eq!(spoken(&named).await, (vec!["local:bob: mine".to_owned()], true));
}
