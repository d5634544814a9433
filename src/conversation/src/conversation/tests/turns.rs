//! The inbox.

use super::*;
use crate::conversation::{Part, Spoken};
use crate::turn::{Merged, TurnEnd, TurnState};

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
async fn what_has_ended_stays_so() {
    let (_folder, conversation, thread) = with_thread().await;
    let turn = say(&conversation, &thread, "1", "one").await;
    start(&conversation, &thread).await;
    let reason = Some("the model said no".to_owned());
    let failed = conversation
        .finish(turn.id, TurnEnd::Failed, reason.clone())
        .await
        .unwrap();
    assert_eq!((failed.state, &failed.reason), (TurnState::Failed, &reason));
    assert!(failed.ended.is_some());
    is_no_turn(conversation.finish(turn.id, TurnEnd::Done, None).await, turn.id);
    assert_eq!(conversation.turn(turn.id).await.unwrap(), failed);
    is_no_turn(conversation.turn(TurnId(99)).await, TurnId(99));
}

#[tokio::test]
async fn what_ended_last_is_known_although_the_clock_was_set_back() {
    let (folder, conversation, thread) = with_thread().await;
    say(&conversation, &thread, "1", "one").await;
    let turn = start(&conversation, &thread).await;
    conversation.finish(turn.id, TurnEnd::Failed, None).await.unwrap();
    // As if the clock had been two hours ahead until now.
    raw(folder.path())
        .execute("UPDATE turns SET ended = ended + 7200000", [])
        .unwrap();
    say(&conversation, &thread, "2", "two").await;
    let turn = start(&conversation, &thread).await;
    conversation.finish(turn.id, TurnEnd::Done, None).await.unwrap();
    let told = conversation
        .threads(crate::ThreadFilter::default())
        .await
        .unwrap();
    assert_eq!(told[0].last_end, Some(TurnState::Done));
    assert!(
        !conversation.dismiss(&thread).await.unwrap(),
        "the last one was answered"
    );
}

#[tokio::test]
async fn all_last_turns_without_an_answer_are_dismissed_but_where_something_goes_on() {
    let (_folder, conversation, thread) = with_thread().await;
    let failed = async |name: &str| {
        say(&conversation, &thread, name, name).await;
        let turn = start(&conversation, &thread).await;
        conversation.finish(turn.id, TurnEnd::Failed, None).await.unwrap();
        turn.id
    };
    let first = failed("1").await;
    let last = failed("2").await;
    say(&conversation, &thread, "3", "waits").await;
    assert_eq!(conversation.dismiss_all().await.unwrap(), []);
    let turn = start(&conversation, &thread).await;
    conversation.finish(turn.id, TurnEnd::Cut, None).await.unwrap();
    assert_eq!(
        conversation.dismiss_all().await.unwrap(),
        std::slice::from_ref(&thread)
    );
    let state = async |id| conversation.turn(id).await.unwrap().state;
    assert_eq!(state(turn.id).await, TurnState::Stopped);
    // What came before it is as it was, and is not dismissed by a second time.
    assert_eq!(conversation.dismiss_all().await.unwrap(), []);
    assert_eq!(
        (state(first).await, state(last).await),
        (TurnState::Failed, TurnState::Failed)
    );
}

#[tokio::test]
async fn what_never_ran_is_neither_answered_nor_cut() {
    let (_folder, conversation, thread) = with_thread().await;
    let turn = say(&conversation, &thread, "1", "one").await;
    is_no_turn(conversation.finish(turn.id, TurnEnd::Done, None).await, turn.id);
    is_no_turn(conversation.finish(turn.id, TurnEnd::Cut, None).await, turn.id);
    let stopped = conversation
        .finish(turn.id, TurnEnd::Stopped, None)
        .await
        .unwrap();
    assert_eq!((stopped.state, stopped.started), (TurnState::Stopped, None));
}

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
async fn skipping_takes_the_oldest_and_tells_what_is_left() {
    let (_folder, conversation, thread) = with_thread().await;
    let other = open(&conversation, "web:b").await;
    let first = say(&conversation, &thread, "1", "x").await;
    let second = say(&conversation, &other, "1", "x").await;
    let third = say(&conversation, &thread, "2", "x").await;
    let skipped = conversation.skip(waiting(None, 2)).await.unwrap();
    let ids: Vec<_> = skipped.entries.iter().map(skipped_turn).collect();
    assert_eq!((ids, skipped.turns), (vec![first.id, second.id], 1));
    let nothing = conversation
        .skip(waiting(Some(&other), usize::MAX))
        .await
        .unwrap();
    assert_eq!((nothing.entries.len(), nothing.turns), (0, 0));
    assert_eq!(
        conversation.skip(waiting(Some(&thread), 0)).await.unwrap().turns,
        1
    );
    let last = conversation
        .skip(waiting(Some(&thread), usize::MAX))
        .await
        .unwrap();
    assert_eq!((skipped_turn(&last.entries[0]), last.turns), (third.id, 0));
    let told = conversation.items(&thread, None, 1).await.unwrap();
    assert_eq!(told[0].turn, Some(third.id));
    assert!(
        matches!(&told[0].body, Body::Note { text, .. } if text == "Dropped: the operator took it out of the queue.")
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

fn skipped_turn(waiting: &Waiting) -> TurnId {
    match waiting {
        Waiting::Turn(turn) => {
            assert_eq!(turn.state, TurnState::Stopped);
            turn.id
        }
        Waiting::Delivery(delivery) => panic!("{delivery:?}"),
    }
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

/// The message of a turn, with other words and no files.
fn says(turn: &Turn, text: &str) -> Part {
    Part {
        text: text.to_owned(),
        files: vec![],
        ..Part::of(turn.clone())
    }
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

#[tokio::test]
async fn an_end_and_its_last_words_are_written_together_or_not_at_all() {
    let (_folder, conversation, thread) = with_thread().await;
    let turn = say(&conversation, &thread, "m1", "hello").await;
    start(&conversation, &thread).await;
    let end = async |words: &str| {
        let note = item(&conversation, &thread, Some(turn.id), note(words, Some(turn.id)));
        let stopped = (TurnEnd::Stopped, Some("why".to_owned()));
        conversation.conclude(turn.id, stopped, None, vec![note]).await
    };
    let ended = end("Stopped.").await.unwrap();
    assert_eq!(
        (ended.state, ended.reason.as_deref()),
        (TurnState::Stopped, Some("why"))
    );
    let before = conversation.items(&thread, None, 10).await.unwrap();
    assert_eq!(before.len(), 2);
    is_no_turn(end("Stopped again.").await, turn.id);
    assert_eq!(conversation.items(&thread, None, 10).await.unwrap(), before);
}
