//! The outbox: each delivery is tried by one at a time, in order, with one identity, until it is in the chat or given up.

use std::time::Duration;

use super::*;
use crate::delivery::{Claim, Delivery, DeliveryState, MAX_TRIES, NewDelivery, Outcome};
use crate::id::DeliveryId;

mod tries;

const LEASE: Duration = Duration::from_secs(30);

fn new(thread: &ThreadId, turn: Option<TurnId>, part: i64, text: &str) -> NewDelivery {
    NewDelivery {
        thread: thread.clone(),
        turn,
        part,
        text: text.to_owned(),
    }
}

async fn put(conversation: &Conversation, thread: &ThreadId, part: i64, text: &str) -> Delivery {
    let put = conversation
        .put_deliveries(vec![new(thread, None, part, text)])
        .await;
    put.unwrap().remove(0)
}

fn everything(now: Timestamp) -> Claim {
    Claim {
        now,
        lease: LEASE,
        limit: 100,
        only: None,
        text: None,
    }
}

async fn claim(conversation: &Conversation, now: Timestamp) -> Vec<Delivery> {
    conversation.claim_deliveries(everything(now)).await.unwrap()
}

fn not_sent() -> Outcome {
    Outcome::NotSent {
        reason: "busy".to_owned(),
        pause: None,
    }
}

fn delivered() -> Outcome {
    Outcome::Delivered {
        remote: Some("m1".to_owned()),
    }
}

/// Somewhen after every first try is due.
fn later() -> Timestamp {
    Timestamp::now().plus(Duration::from_secs(1))
}

#[tokio::test]
async fn a_delivery_is_claimed_sent_and_keeps_only_its_identity() {
    let (folder, conversation, thread) = with_thread().await;
    let turn = say(&conversation, &thread, "1", "x").await;
    let put = conversation
        .put_deliveries(vec![new(&thread, Some(turn.id), 0, "the answer")])
        .await
        .unwrap()
        .remove(0);
    assert_eq!(
        (put.state, put.tries, put.turn),
        (DeliveryState::Pending, 0, Some(turn.id))
    );
    let now = later();
    let claimed = claim(&conversation, now).await.remove(0);
    assert_eq!((claimed.state, claimed.tries), (DeliveryState::Sent, 1));
    assert_eq!(
        (claimed.text.as_deref(), claimed.lease),
        (Some("the answer"), Some(now.plus(LEASE)))
    );
    let settled = conversation
        .settle_delivery(&claimed, delivered(), now)
        .await
        .unwrap();
    assert_eq!(
        (settled.state, settled.text.as_deref()),
        (DeliveryState::Delivered, None)
    );
    assert_eq!(
        (settled.remote.as_deref(), settled.ended),
        (Some("m1"), Some(now))
    );
    assert_eq!(settled.identity(), put.identity());
    // A second put of the same is the same, and is not sent again.
    let again = conversation
        .put_deliveries(vec![new(&thread, Some(turn.id), 0, "the answer")])
        .await
        .unwrap();
    assert_eq!(again, std::slice::from_ref(&settled));
    assert!(claim(&conversation, now).await.is_empty());
    assert_eq!(
        conversation.deliveries(&thread, Some(turn.id)).await.unwrap(),
        again
    );
    // The text is not in the row any more.
    conversation.close().await.unwrap();
    let kept: Option<String> = raw(folder.path())
        .query_row("SELECT text FROM deliveries", [], |row| row.get(0))
        .unwrap();
    assert_eq!(kept, None);
}

#[tokio::test]
async fn the_identity_is_made_of_thread_turn_part_and_text() {
    let (_folder, conversation, thread) = with_thread().await;
    let other = open(&conversation, "web:b").await;
    let turn = say(&conversation, &thread, "1", "x").await;
    let different = vec![
        new(&thread, None, 0, "a"),
        new(&thread, None, 1, "a"),
        new(&thread, None, 0, "b"),
        new(&thread, Some(turn.id), 0, "a"),
        new(&other, None, 0, "a"),
    ];
    let put = conversation.put_deliveries(different.clone()).await.unwrap();
    let mut identities: Vec<_> = put.iter().map(Delivery::identity).collect();
    assert!(identities.iter().all(|identity| identity.len() == 64));
    identities.sort();
    identities.dedup();
    assert_eq!(identities.len(), 5);
    assert_eq!(conversation.put_deliveries(different).await.unwrap(), put);
}

#[tokio::test]
async fn a_delivery_of_something_that_is_not_there_is_refused() {
    let (_folder, conversation, thread) = with_thread().await;
    let other = open(&conversation, "web:b").await;
    let theirs = say(&conversation, &other, "1", "x").await;
    let nobody = ThreadId::parse("web:nobody").unwrap();
    let good = new(&thread, None, 0, "good");
    let refused = conversation
        .put_deliveries(vec![good.clone(), new(&nobody, None, 0, "x")])
        .await;
    assert!(
        matches!(refused, Err(ConversationError::NoThread(_))),
        "{refused:?}"
    );
    let refused = conversation
        .put_deliveries(vec![good, new(&thread, Some(theirs.id), 0, "x")])
        .await;
    is_no_turn(refused, theirs.id);
    let large = new(&thread, None, 0, &"x".repeat((1 << 20) + 1));
    let refused = conversation.put_deliveries(vec![large]).await;
    assert!(
        matches!(refused, Err(ConversationError::TooLarge { .. })),
        "{refused:?}"
    );
    assert!(claim(&conversation, later()).await.is_empty());
    let missing = conversation.delivery(DeliveryId(1)).await;
    assert!(
        matches!(missing, Err(ConversationError::NoDelivery(DeliveryId(1)))),
        "{missing:?}"
    );
}

#[tokio::test]
async fn two_flushers_never_claim_the_same() {
    let (_folder, conversation) = fresh();
    for number in 0..40 {
        let thread = open(&conversation, &format!("web:{number}")).await;
        put(&conversation, &thread, 0, "x").await;
    }
    let now = later();
    let flushers: Vec<_> = (0..8)
        .map(|_| {
            tokio::spawn({
                let conversation = conversation.clone();
                async move {
                    let mut mine = Vec::new();
                    loop {
                        let few = Claim {
                            limit: 3,
                            ..everything(now)
                        };
                        let claimed = conversation.claim_deliveries(few).await.unwrap();
                        if claimed.is_empty() {
                            return mine;
                        }
                        mine.extend(claimed.into_iter().map(|delivery| delivery.id));
                    }
                }
            })
        })
        .collect();
    let mut all = Vec::new();
    for flusher in flushers {
        all.extend(flusher.await.unwrap());
    }
    all.sort();
    let each_once: Vec<_> = (1..=40).map(DeliveryId).collect();
    assert_eq!(all, each_once);
}

#[tokio::test]
async fn deliveries_of_a_thread_arrive_in_order() {
    let (_folder, conversation, thread) = with_thread().await;
    let other = open(&conversation, "web:b").await;
    let first = put(&conversation, &thread, 0, "one").await;
    let second = put(&conversation, &thread, 1, "two").await;
    let elsewhere = put(&conversation, &other, 0, "three").await;
    let now = later();
    let claimed = claim(&conversation, now).await;
    let ids: Vec<_> = claimed.iter().map(|delivery| delivery.id).collect();
    assert_eq!(ids, [first.id, elsewhere.id]);
    // A direct send does not overtake either.
    let direct = Claim {
        only: Some(second.id),
        ..everything(now)
    };
    assert!(
        conversation
            .claim_deliveries(direct.clone())
            .await
            .unwrap()
            .is_empty()
    );
    // Nor does the next one while the first waits for another try.
    let waiting = conversation
        .settle_delivery(&claimed[0], not_sent(), now)
        .await
        .unwrap();
    assert!(claim(&conversation, now).await.is_empty());
    let claimed = claim(&conversation, waiting.next_try).await.remove(0);
    assert_eq!(
        (claimed.id, claimed.tries, claimed.state),
        (first.id, 2, DeliveryState::Sent)
    );
    conversation
        .settle_delivery(&claimed, delivered(), now)
        .await
        .unwrap();
    assert_eq!(
        conversation.claim_deliveries(direct).await.unwrap()[0].id,
        second.id
    );
}

#[tokio::test]
async fn a_claim_of_a_dead_host_comes_back_uncertain() {
    let (folder, conversation, thread) = with_thread().await;
    let other = open(&conversation, "web:b").await;
    put(&conversation, &thread, 0, "x").await;
    let now = later();
    let claimed = claim(&conversation, now).await.remove(0);
    put(&conversation, &other, 0, "y").await;
    let (conversation, found) = reopened(folder.path(), conversation).await;
    assert_eq!(found.uncertain, 1);
    let back = conversation.delivery(claimed.id).await.unwrap();
    assert_eq!(
        (back.state, back.doubt, back.lease),
        (DeliveryState::Uncertain, Some(now), None)
    );
    let untouched = conversation.deliveries(&other, None).await.unwrap().remove(0);
    assert_eq!((untouched.state, untouched.doubt), (DeliveryState::Pending, None));
    // The next try knows that it has to look first, and has the same identity.
    let all = claim(&conversation, later()).await;
    let next = all.iter().find(|next| next.id == claimed.id).unwrap();
    assert_eq!((next.doubt, next.identity()), (Some(now), claimed.identity()));
}

#[tokio::test]
async fn a_claim_that_is_never_settled_comes_back_uncertain() {
    let (_folder, conversation, thread) = with_thread().await;
    put(&conversation, &thread, 0, "x").await;
    let now = later();
    let lost = claim(&conversation, now).await.remove(0);
    let end = now.plus(LEASE);
    assert!(
        claim(&conversation, Timestamp::from_millis(end.millis() - 1))
            .await
            .is_empty()
    );
    let again = claim(&conversation, end).await.remove(0);
    assert_eq!((again.id, again.tries, again.doubt), (lost.id, 2, Some(now)));
    // The first one wakes up: its failure is not that of the second, ...
    let same = conversation
        .settle_delivery(&lost, not_sent(), end)
        .await
        .unwrap();
    assert_eq!(same, again);
    // ... but if it has put the message into the chat, that is so.
    let settled = conversation
        .settle_delivery(&lost, delivered(), end)
        .await
        .unwrap();
    assert_eq!(settled.state, DeliveryState::Delivered);
    let late = conversation
        .settle_delivery(&again, not_sent(), end)
        .await
        .unwrap();
    assert_eq!(late, settled);
}

#[tokio::test]
async fn a_host_that_dies_with_every_try_stops_trying() {
    let (folder, mut conversation, thread) = with_thread().await;
    let put = put(&conversation, &thread, 0, "x").await;
    for _ in 0..MAX_TRIES {
        assert_eq!(claim(&conversation, later()).await.len(), 1);
        (conversation, _) = reopened(folder.path(), conversation).await;
    }
    let stuck = conversation.delivery(put.id).await.unwrap();
    assert_eq!(stuck.state, DeliveryState::NeedsAttention);
    assert!(stuck.doubt.is_some());
    assert!(claim(&conversation, later()).await.is_empty());
    // It may be in the chat, so the try that a person asks for looks first.
    let again = conversation.retry_delivery(stuck.id, later()).await.unwrap();
    assert_eq!(again.state, DeliveryState::Uncertain);
}
