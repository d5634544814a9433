//! What a delivery becomes, as a table, without a database.

use super::DeliveryState::{Delivered, GivenUp, NeedsAttention, Pending, Sent, Uncertain};
use super::*;

const NOW: Timestamp = Timestamp::from_seconds(1_000_000);

fn delivery(state: DeliveryState) -> Delivery {
    Delivery {
        id: DeliveryId(1),
        thread: ThreadId::parse("web:a").unwrap(),
        turn: None,
        part: 0,
        hash: hash("x"),
        text: Some("x".to_owned()),
        state,
        tries: 1,
        next_try: NOW,
        claimed: Some(NOW),
        lease: None,
        doubt: None,
        remote: None,
        reason: None,
        created: NOW,
        ended: None,
    }
}

fn outcomes() -> [Outcome; 4] {
    let reason = || "why".to_owned();
    [
        Outcome::Delivered { remote: None },
        Outcome::NotSent {
            reason: reason(),
            pause: None,
        },
        Outcome::Unknown { reason: reason() },
        Outcome::Refused { reason: reason() },
    ]
}

#[test]
fn a_try_ends_only_as_the_table_says() {
    let same = |state| [Delivered, state, state, state];
    let table = [
        (Pending, same(Pending)),
        (Sent, [Delivered, Pending, Uncertain, NeedsAttention]),
        (Uncertain, same(Uncertain)),
        (NeedsAttention, same(NeedsAttention)),
        (Delivered, same(Delivered)),
        (GivenUp, same(GivenUp)),
    ];
    for (state, expected) in table {
        let found = delivery(state);
        let became = outcomes().map(|outcome| settled(found.clone(), &found, outcome, (NOW, NOW)).state);
        assert_eq!(became, expected, "{state:?}");
    }
}

#[test]
fn a_doubt_stays_until_it_is_delivered() {
    let found = Delivery {
        doubt: Some(NOW),
        ..delivery(Sent)
    };
    let after = outcomes().map(|outcome| settled(found.clone(), &found, outcome, (NOW, NOW)));
    assert_eq!(after[1].state, Uncertain);
    assert!(after.iter().all(|delivery| delivery.doubt == Some(NOW)));
}

#[test]
fn pauses_double_up_to_a_limit_and_are_spread() {
    let after = |tries| {
        pause_after(&Delivery {
            tries,
            ..delivery(Sent)
        })
    };
    for tries in 1..=u32::from(u8::MAX) {
        let least = Duration::from_secs(1 << (tries - 1).min(16)).min(MAX_PAUSE);
        let pause = after(tries);
        assert!(least <= pause && pause < least * 5 / 4, "{tries}: {pause:?}");
    }
    let of_others = (0..20).map(|number| {
        pause_after(&Delivery {
            hash: hash(&number.to_string()),
            ..delivery(Sent)
        })
    });
    let different: std::collections::BTreeSet<_> = of_others.collect();
    assert!(different.len() > 5, "{different:?}");
    assert!(pause_after(&delivery(Sent)) > Duration::ZERO);
}

#[test]
fn an_identity_is_the_same_for_every_try() {
    let first = delivery(Pending);
    let later = Delivery {
        id: DeliveryId(9),
        text: None,
        tries: 5,
        state: Delivered,
        ..first.clone()
    };
    assert_eq!(first.identity(), later.identity());
    assert_eq!(first.identity().len(), 64);
}

#[test]
fn a_new_host_tries_at_once() {
    for (state, after) in [(Pending, Pending), (Sent, Uncertain), (Uncertain, Uncertain)] {
        let found = Delivery {
            next_try: NOW.plus(MAX_PAUSE),
            ..delivery(state)
        };
        let taken = taken_over(found, NOW);
        assert_eq!((taken.state, taken.next_try), (after, NOW));
    }
}

#[test]
fn in_doubt_a_host_waits_as_long_as_it_has_been_in_doubt_itself() {
    let after = |seconds| NOW.plus(Duration::from_secs(seconds));
    for (doubt, began, now, least) in [
        (0, 0, 0, 1),
        (0, 0, 2, 2),
        (0, 0, 40, 40),
        (0, 0, 4000, 300),
        // Others have tried long before, and often, and died.
        (0, 3990, 4000, 10),
        (0, 4000, 4000, 1),
    ] {
        let found = Delivery {
            doubt: Some(after(doubt)),
            tries: MAX_TRIES - 1,
            ..delivery(Sent)
        };
        let outcome = Outcome::Unknown {
            reason: "no answer".to_owned(),
        };
        let settled = settled(found.clone(), &found, outcome, (after(now), after(began)));
        let pause = settled.next_try.since(after(now));
        let least = Duration::from_secs(least);
        assert!(
            least <= pause && pause <= least * 5 / 4,
            "{doubt} {began} {now}: {pause:?}"
        );
    }
}
