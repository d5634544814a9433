//! The inbox.

use super::*;
use crate::conversation::{Part, Spoken};
use crate::turn::{Merged, TurnEnd, TurnState};

mod ends;
mod several;

const MIB: usize = 1 << 20;

#[tokio::test]
async fn an_accepted_message_is_a_turn_and_an_entry() {
    let (folder, conversation, thread) = with_thread().await;
    let Enqueued::New(turn, entry) = conversation
        .enqueue(message(&thread, "m1", "hello"))
        .await
        .unwrap()
    else {
        panic!("new");
    };
    assert_eq!(
        (turn.state, turn.attempts, turn.text.as_str()),
        (TurnState::Queued, 0, "hello")
    );
    assert_eq!((entry.turn, &entry.thread), (Some(turn.id), &thread));
    // Durable: another process sees it at once.
    let other = Conversation::open_without_recovery(folder.path()).unwrap();
    assert_eq!(other.turn(turn.id).await.unwrap(), turn);
    assert_eq!(other.items(&thread, None, 10).await.unwrap(), [entry]);
}

#[tokio::test]
async fn a_message_counts_once() {
    let (_folder, conversation, thread) = with_thread().await;
    let turn = say(&conversation, &thread, "m1", "hello").await;
    let again = conversation
        .enqueue(message(&thread, "m1", "something else"))
        .await
        .unwrap();
    assert_eq!(again, Enqueued::Known(turn.clone()));
    start(&conversation, &thread).await;
    let done = conversation.finish(turn.id, TurnEnd::Done, None).await.unwrap();
    let late = conversation
        .enqueue(message(&thread, "m1", "hello"))
        .await
        .unwrap();
    assert_eq!(late, Enqueued::Known(done));
    assert_eq!(conversation.items(&thread, None, 10).await.unwrap().len(), 1);
    // The same name in another thread is another message.
    let other = open(&conversation, "web:b").await;
    say(&conversation, &other, "m1", "hello").await;
}

#[tokio::test]
async fn of_two_callers_with_one_message_only_one_makes_a_turn() {
    let (_folder, conversation, thread) = with_thread().await;
    let callers: Vec<_> = (0..32)
        .map(|_| {
            tokio::spawn({
                let (conversation, new) = (conversation.clone(), message(&thread, "m1", "hello"));
                async move { conversation.enqueue(new).await.unwrap() }
            })
        })
        .collect();
    let mut new = 0;
    for caller in callers {
        new += usize::from(matches!(caller.await.unwrap(), Enqueued::New(..)));
    }
    assert_eq!(new, 1);
    assert_eq!(conversation.queued(&thread).await.unwrap().len(), 1);
    assert_eq!(conversation.items(&thread, None, 10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn turns_of_a_thread_run_one_at_a_time_in_order() {
    let (_folder, conversation, thread) = with_thread().await;
    let other = open(&conversation, "web:b").await;
    let first = say(&conversation, &thread, "1", "one").await;
    let second = say(&conversation, &thread, "2", "two").await;
    let elsewhere = say(&conversation, &other, "1", "three").await;
    assert_eq!(
        conversation.start_next(&thread).await.unwrap().unwrap().id,
        first.id
    );
    assert_eq!(conversation.start_next(&thread).await.unwrap(), None);
    assert_eq!(
        conversation.start_next(&other).await.unwrap().unwrap().id,
        elsewhere.id
    );
    conversation.finish(first.id, TurnEnd::Done, None).await.unwrap();
    let started = conversation.start_next(&thread).await.unwrap().unwrap();
    assert_eq!(
        (started.id, started.attempts, started.state),
        (second.id, 1, TurnState::Running)
    );
    assert!(started.started.is_some());
}

#[tokio::test]
async fn many_callers_start_a_turn_once() {
    let (_folder, conversation, thread) = with_thread().await;
    say(&conversation, &thread, "1", "one").await;
    say(&conversation, &thread, "2", "two").await;
    let callers: Vec<_> = (0..16)
        .map(|_| {
            tokio::spawn({
                let (conversation, thread) = (conversation.clone(), thread.clone());
                async move { conversation.start_next(&thread).await.unwrap() }
            })
        })
        .collect();
    let mut started = 0;
    for caller in callers {
        started += usize::from(caller.await.unwrap().is_some());
    }
    assert_eq!(started, 1);
}

#[tokio::test]
async fn a_turn_is_found_by_the_name_of_its_message() {
    let (_folder, conversation, thread) = with_thread().await;
    let other = open(&conversation, "web:b").await;
    let turn = say(&conversation, &thread, "m", "x").await;
    assert_eq!(
        conversation.by_source(&thread, &turn.source).await.unwrap(),
        Some(turn.clone())
    );
    assert_eq!(conversation.by_source(&other, &turn.source).await.unwrap(), None);
}

#[tokio::test]
async fn a_mebibyte_is_accepted_and_one_byte_more_is_not() {
    let (_folder, conversation, thread) = with_thread().await;
    let text = "ä".repeat(MIB / 2);
    let turn = say(&conversation, &thread, "1", &text).await;
    assert_eq!(conversation.turn(turn.id).await.unwrap().text, text);
    let refused = conversation
        .enqueue(message(&thread, "2", &format!("{text}x")))
        .await;
    match refused {
        Err(ConversationError::TooLarge { bytes, limit, .. }) => assert_eq!((bytes, limit), (MIB + 1, MIB)),
        other => panic!("{other:?}"),
    }
    let named = conversation
        .enqueue(message(&thread, &"n".repeat(257), "x"))
        .await;
    assert!(
        matches!(named, Err(ConversationError::TooLarge { limit: 256, .. })),
        "{named:?}"
    );
    assert_eq!(conversation.queued(&thread).await.unwrap().len(), 1);
}

#[tokio::test]
async fn odd_characters_survive() {
    let (folder, conversation, thread) = with_thread().await;
    let odd = "a\0b\u{feff}\u{202e}\u{fffd}\u{10ffff}\u{ffff}e\u{301}\u{1f468}\u{200d}\u{1f469}\r\n\u{1b}[0m'\";--\0";
    let mut new = message(&thread, odd, odd);
    new.name = odd.to_owned();
    let Enqueued::New(turn, entry) = conversation.enqueue(new.clone()).await.unwrap() else {
        panic!("new");
    };
    let (conversation, _) = reopened(folder.path(), conversation).await;
    let kept = conversation.turn(turn.id).await.unwrap();
    assert_eq!(
        (kept.text.as_str(), kept.name.as_str(), kept.source.0.as_str()),
        (odd, odd, odd)
    );
    assert_eq!(conversation.items(&thread, None, 1).await.unwrap(), [entry]);
    assert_eq!(conversation.enqueue(new).await.unwrap(), Enqueued::Known(kept));
    // A name that differs only behind the NUL is another name.
    say(&conversation, &thread, "a\0c", "x").await;
}

#[tokio::test]
async fn a_turn_that_waits_can_say_something_else_and_so_does_its_entry() {
    let (_folder, conversation, thread) = with_thread().await;
    let turn = say(&conversation, &thread, "1", "old").await;
    let (turn, said) = conversation
        .reword(turn.id, vec![says(&turn, "new")])
        .await
        .unwrap();
    assert_eq!((turn.text.as_str(), said.len()), ("new", 1));
    assert_eq!(conversation.items(&thread, None, 9).await.unwrap(), said);
    assert!(matches!(&said[0].body, Body::Said { text, .. } if text == "new"));
    let running = start(&conversation, &thread).await;
    assert_eq!(running.text, "new");
    is_no_turn(
        conversation
            .reword(running.id, vec![says(&running, "late")])
            .await,
        running.id,
    );
    assert_eq!(conversation.turn(running.id).await.unwrap().text, "new");
}

/// The message of a turn, with other words and no files.
fn says(turn: &Turn, text: &str) -> Part {
    Part {
        text: text.to_owned(),
        files: vec![],
        ..Part::of(turn.clone())
    }
}
