//! How turns end, and what is kept of it.

use super::*;

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
