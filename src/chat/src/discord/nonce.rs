//! The name under which Discord knows a message that is sent twice.

use conversation::Delivery;

/// Discord takes no longer one.
const LENGTH: usize = 25;

/// The same for every try of a delivery, different for different content: to be sent with `enforce_nonce`.
pub fn nonce(delivery: &Delivery) -> String {
    let mut nonce = delivery.identity();
    nonce.truncate(LENGTH);
    nonce
}

#[cfg(test)]
mod tests {
    use conversation::{DeliveryId, DeliveryState, ThreadId, TurnId};
    use credentials::Timestamp;

    use super::*;

    fn delivery(part: i64, hash: &str) -> Delivery {
        Delivery {
            id: DeliveryId(1),
            thread: ThreadId::parse("discord:1").unwrap(),
            turn: Some(TurnId(2)),
            part,
            hash: hash.to_owned(),
            text: Some("words".to_owned()),
            state: DeliveryState::Pending,
            tries: 0,
            next_try: Timestamp::from_seconds(0),
            claimed: None,
            lease: None,
            doubt: None,
            remote: None,
            reason: None,
            created: Timestamp::from_seconds(0),
            ended: None,
        }
    }

    #[test]
    fn every_try_has_the_same_nonce_and_other_content_another() {
        let first = delivery(1, "aa");
        let again = Delivery {
            id: DeliveryId(7),
            tries: 3,
            state: DeliveryState::Uncertain,
            text: None,
            ..first.clone()
        };
        assert_eq!(nonce(&first), nonce(&again));
        assert_ne!(nonce(&first), nonce(&delivery(1, "ab")));
        assert_ne!(nonce(&first), nonce(&delivery(2, "aa")));
        assert_eq!(nonce(&first).len(), 25);
    }
}
