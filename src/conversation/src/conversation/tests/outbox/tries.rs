//! Deliveries that are tried again, refused, and given up.

use super::*;
use crate::backlog::WaitingKind;

#[tokio::test]
async fn tries_have_pauses_and_an_end() {
    let (_folder, conversation, thread) = with_thread().await;
    let follower = put(&conversation, &thread, 0, "x").await;
    assert_eq!(follower.tries, 0);
    let behind = put(&conversation, &thread, 1, "y").await;
    let mut now = later();
    let mut tries = 0;
    loop {
        let claimed = claim(&conversation, now).await.remove(0);
        tries += 1;
        assert_eq!((claimed.id, claimed.tries), (follower.id, tries));
        let settled = conversation
            .settle_delivery(&claimed, not_sent(), now)
            .await
            .unwrap();
        assert_eq!(settled.reason.as_deref(), Some("busy"));
        if settled.state == DeliveryState::NeedsAttention {
            assert_eq!(settled.text.as_deref(), Some("x"));
            break;
        }
        assert_eq!(settled.state, DeliveryState::Pending);
        assert!(settled.next_try > now);
        let early = Timestamp::from_millis(settled.next_try.millis() - 1);
        assert!(claim(&conversation, early).await.is_empty());
        now = settled.next_try;
    }
    assert_eq!(tries, MAX_TRIES);
    // What needs attention does not hold up what comes behind it.
    assert_eq!(claim(&conversation, now).await[0].id, behind.id);
}

#[tokio::test]
async fn a_pause_that_the_chat_asks_for_is_kept_however_often_it_was_tried() {
    let (_folder, conversation, thread) = with_thread().await;
    put(&conversation, &thread, 0, "x").await;
    let mut now = later();
    let often = vec![2; MAX_TRIES as usize + 3];
    for pause in often.into_iter().chain([3600]).map(Duration::from_secs) {
        let claimed = claim(&conversation, now).await.remove(0);
        let outcome = Outcome::NotSent {
            reason: "rate limit".to_owned(),
            pause: Some(pause),
        };
        let settled = conversation
            .settle_delivery(&claimed, outcome, now)
            .await
            .unwrap();
        assert_eq!(
            (settled.state, settled.next_try),
            (DeliveryState::Pending, now.plus(pause))
        );
        now = settled.next_try;
    }
}

#[tokio::test]
async fn what_is_for_a_thread_that_is_not_there_any_more_is_given_up_whatever_has_become_of_it() {
    let (_folder, conversation, thread) = with_thread().await;
    for part in 0..4 {
        put(&conversation, &thread, part, "x").await;
    }
    let now = later();
    let settle = async |outcome: Outcome| {
        let claimed = claim(&conversation, now).await.remove(0);
        let settled = conversation.settle_delivery(&claimed, outcome, now).await;
        settled.unwrap()
    };
    let there = settle(delivered()).await;
    let reason = "no".to_owned();
    settle(Outcome::Refused { reason }).await;
    let sending = claim(&conversation, now).await.remove(0);
    assert_eq!(conversation.give_up_deliveries(&thread).await.unwrap(), 3);
    let given_up = conversation.deliveries(&thread, None).await.unwrap();
    let states: Vec<DeliveryState> = given_up.iter().map(|one| one.state).collect();
    let up = DeliveryState::GivenUp;
    assert_eq!(states, [DeliveryState::Delivered, up, up, up]);
    assert_eq!(given_up[0], there);
    let late = conversation
        .settle_delivery(&sending, not_sent(), now)
        .await
        .unwrap();
    assert_eq!(late.state, up, "its end changes nothing");
    assert_eq!(conversation.give_up_deliveries(&thread).await.unwrap(), 0);
}

#[tokio::test]
async fn a_refusal_needs_attention_at_once() {
    let (_folder, conversation, thread) = with_thread().await;
    put(&conversation, &thread, 0, "x").await;
    let now = later();
    let claimed = claim(&conversation, now).await.remove(0);
    let outcome = Outcome::Refused {
        reason: "no permission".to_owned(),
    };
    let stuck = conversation
        .settle_delivery(&claimed, outcome, now)
        .await
        .unwrap();
    assert_eq!(stuck.state, DeliveryState::NeedsAttention);
    assert_eq!(
        conversation.stuck_deliveries(None, 10).await.unwrap(),
        std::slice::from_ref(&stuck)
    );
    assert_eq!(
        conversation
            .stuck_deliveries(Some(&thread), 10)
            .await
            .unwrap()
            .len(),
        1
    );
    let counts = conversation.counts().await.unwrap();
    assert_eq!((counts.deliveries, counts.stuck_deliveries), (0, 1));
    // A person lets it be tried again, as the same.
    let again = conversation.retry_delivery(stuck.id, now).await.unwrap();
    assert_eq!(
        (again.state, again.identity()),
        (DeliveryState::Pending, stuck.identity())
    );
    assert_eq!(claim(&conversation, now).await[0].id, stuck.id);
    let twice = conversation.retry_delivery(stuck.id, now).await;
    assert!(
        matches!(twice, Err(ConversationError::NoDelivery(_))),
        "{twice:?}"
    );
}

#[tokio::test]
async fn what_is_given_up_is_never_sent_and_keeps_its_identity() {
    let (_folder, conversation, thread) = with_thread().await;
    let other = open(&conversation, "web:b").await;
    let now = later();
    for (place, part) in [(&thread, 0), (&thread, 1), (&other, 0)] {
        put(&conversation, place, part, "x").await;
        let claimed = claim(&conversation, now).await.remove(0);
        let skipped = conversation.skip_delivery(claimed.id).await;
        assert!(
            matches!(skipped, Err(ConversationError::NoDelivery(_))),
            "being sent: {skipped:?}"
        );
        let outcome = Outcome::Refused {
            reason: "no".to_owned(),
        };
        conversation
            .settle_delivery(&claimed, outcome, now)
            .await
            .unwrap();
    }
    // A turn that came later is not the oldest.
    say(&conversation, &other, "1", "hello").await;
    let given_up = conversation.skip(waiting(None, 1)).await.unwrap();
    assert_eq!(
        (given_up.entries.len(), given_up.deliveries, given_up.turns),
        (1, 2, 1)
    );
    let Waiting::Delivery(gone) = &given_up.entries[0] else {
        panic!("{given_up:?}");
    };
    assert_eq!((gone.state, gone.text.as_deref()), (DeliveryState::GivenUp, None));
    assert_eq!(gone.reason.as_deref(), Some("no"));
    assert_eq!(put(&conversation, &thread, 0, "x").await, *gone);
    let rest = conversation
        .skip(waiting(Some(&thread), usize::MAX))
        .await
        .unwrap();
    assert_eq!((rest.entries.len(), rest.deliveries), (1, 0));
    let both = conversation.backlog(waiting(Some(&other), 5)).await.unwrap();
    assert_eq!((both.entries.len(), both.deliveries, both.turns), (2, 1, 1));
    let only = BacklogFilter {
        only: Some(WaitingKind::Turns),
        ..waiting(Some(&other), 5)
    };
    let skipped = conversation.skip(only).await.unwrap();
    assert_eq!(
        (skipped.entries.len(), skipped.deliveries, skipped.turns),
        (1, 1, 0)
    );
    let pending = put(&conversation, &thread, 2, "y").await;
    conversation.skip_delivery(pending.id).await.unwrap();
    assert!(claim(&conversation, now).await.is_empty());
}
