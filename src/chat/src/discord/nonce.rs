//! The name under which Discord knows a message that is sent twice, and this host those that it did not send.

use conversation::Delivery;

use super::custom_id::Sealer;

/// Discord takes no longer one.
const LENGTH: usize = 25;

/// Makes nonces. They all begin with a mark of this state folder.
pub struct Nonces {
    mark: String,
}

impl Nonces {
    /// Those of the host with this key.
    pub fn new(sealer: &Sealer) -> Self {
        Self { mark: sealer.mark() }
    }

    /// The same for every try of a delivery, different for different content: to be sent with `enforce_nonce`.
    pub fn of(&self, delivery: &Delivery) -> String {
        self.named(&delivery.identity())
    }

    /// The same for the same name, as far as there is room for it: 22 letters.
    pub fn named(&self, name: &str) -> String {
        let mut nonce = format!("{}{name}", self.mark);
        nonce.truncate(LENGTH);
        nonce
    }

    /// Whether another host, or another program, made this one.
    pub fn is_anothers(&self, nonce: &str) -> bool {
        !nonce.starts_with(&self.mark)
    }
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
        let nonces = Nonces::new(&Sealer::new([7; 32]));
        let nonce = |delivery: &Delivery| nonces.of(delivery);
        assert_eq!(nonce(&first), nonce(&again));
        assert_ne!(nonce(&first), nonce(&delivery(1, "ab")));
        assert_ne!(nonce(&first), nonce(&delivery(2, "aa")));
        assert_eq!(nonce(&first).len(), 25);
    }

    #[test]
    fn a_host_knows_its_own_nonces_from_anothers() {
        let (ours, theirs) = {
            let [ours, theirs] = [7, 8].map(|key| Nonces::new(&Sealer::new([key; 32])));
            (ours, theirs)
        };
        for nonces in [&ours, &theirs] {
            let name = format!("r{}", u64::MAX);
            let nonce = nonces.named(&name);
            assert!(nonce.ends_with(&name) && nonce.len() <= LENGTH, "{nonce}");
        }
        assert!(!ours.is_anothers(&ours.named("r1")) && ours.is_anothers(&theirs.named("r1")));
        assert!(!ours.is_anothers(&ours.of(&delivery(1, "aa"))));
    }
}
