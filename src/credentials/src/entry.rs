//! One stored credential, and the pure questions that are asked of it.

use std::fmt;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use crate::clock::Timestamp;
use crate::digest::Fingerprint;

mod state;
mod unknown;
mod wire;

pub use state::State;
pub(crate) use unknown::Unknown;
pub(crate) use wire::{describe, parse, serialize};

/// The refresh margin is never longer than this.
pub(crate) const LONGEST_MARGIN: Duration = Duration::from_mins(2);

/// A credential together with the number of the write that stored it.
#[derive(Clone)]
pub struct Entry {
    /// Grows with every write of any entry and is never used twice, so it tells "the same login" from "another one".
    pub generation: u64,
    /// What is stored.
    pub credential: Credential,
    /// Fields of a newer version; kept as they are.
    pub(crate) unknown: Unknown,
}

/// What is stored for a tenant.
#[derive(Debug, Clone)]
pub enum Credential {
    /// An OAuth 2 grant (RFC 6749).
    OAuth(Box<Grant>),
    /// A key that its owner pasted; it neither expires nor refreshes.
    ApiKey(ApiKey),
}

/// An access token and, usually, the refresh token that renews it.
#[derive(Debug, Clone)]
pub struct Grant {
    /// Sent as Bearer (RFC 6750).
    pub access_token: SecretString,
    /// Redeemed for the next access token (RFC 6749 §6).
    pub refresh_token: Option<SecretString>,
    /// Whose account at the vendor, as far as the vendor said.
    pub account: Option<Account>,
    /// What was granted: the answer's `scope`, else what was asked for.
    pub scopes: Vec<String>,
    /// When the access token came.
    pub obtained_at: Timestamp,
    /// When the access token ends, by this machine's clock.
    pub expires_at: Timestamp,
    /// What the access token was fetched for.
    pub obtained_by: ObtainedBy,
    /// The public client id that the grant is bound to.
    pub client_id: String,
    /// The RFC 8707 resource that the grant is bound to.
    pub resource: Option<String>,
    /// Where the vendor wants this account's API requests, if it said.
    pub api_base: Option<String>,
    /// Set when the vendor said that the refresh token is dead.
    pub invalidated: Option<Invalidated>,
}

/// A pasted key.
#[derive(Debug, Clone)]
pub struct ApiKey {
    /// The key.
    pub key: SecretString,
    /// When it was stored.
    pub obtained_at: Timestamp,
}

/// An account at a vendor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The vendor's own id.
    pub id: String,
    /// What a person recognises, such as an e-mail address.
    pub label: Option<String>,
    /// Fields of a newer version; kept as they are.
    pub(crate) unknown: Unknown,
}

/// What an access token was fetched for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObtainedBy {
    /// A person signed in.
    SignIn,
    /// The one before was about to end.
    Refresh,
    /// A server refused the one before.
    Rejection,
}

/// A vendor's word that a refresh token is dead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invalidated {
    /// When it said so.
    pub at: Timestamp,
    /// Which refresh token: a stamp for another one says nothing about the present one.
    pub fingerprint: Fingerprint,
    /// The vendor's error code and what led to it, in words.
    pub reason: String,
}

/// What a caller wants of an access token.
#[derive(Debug, Clone, Default)]
pub struct Need {
    /// Shortest remaining life. Never more than four fifths of the token's whole life is demanded.
    pub min_ttl: Option<Duration>,
    /// The access token that a server has just refused (401): anything but this one.
    pub rejected: Option<SecretString>,
    /// Scopes that it must have. They are never asked for: a grant that lacks one needs a new sign-in.
    pub scopes: Vec<String>,
}

/// Without the fields of a newer version, which may hold secrets that this one knows nothing of.
impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("generation", &self.generation)
            .field("credential", &self.credential)
            .finish_non_exhaustive()
    }
}

impl Grant {
    /// The whole life of the access token, as told when it came.
    pub fn lifetime(&self) -> Duration {
        self.expires_at.since(self.obtained_at)
    }

    /// How long before its end the access token is renewed: a fifth of its life, at most two minutes.
    pub fn margin(&self) -> Duration {
        (self.lifetime() / 5).min(LONGEST_MARGIN)
    }

    /// The refresh token's fingerprint, if there is one.
    pub fn fingerprint(&self) -> Option<Fingerprint> {
        self.refresh_token.as_ref().map(Fingerprint::of)
    }

    /// The stamp that holds for the refresh token that is stored now.
    pub fn dead(&self) -> Option<&Invalidated> {
        let stamp = self.invalidated.as_ref()?;
        (self.fingerprint().as_ref() == Some(&stamp.fingerprint)).then_some(stamp)
    }

    /// Whether the access token may still be used: not over, not refused.
    pub fn is_live(&self, need: &Need, now: Timestamp) -> bool {
        self.expires_at > now && !need.rejects(&self.access_token)
    }

    /// Whether the access token serves `need` without a refresh.
    pub fn is_fresh(&self, need: &Need, now: Timestamp) -> bool {
        // A demand that even a new token could not meet would make every call refresh.
        let most = self.lifetime() * 4 / 5;
        let wanted = need
            .min_ttl
            .map_or(self.margin(), |ttl| ttl.max(self.margin()).min(most));
        self.is_live(need, now) && self.expires_at.since(now) >= wanted
    }
}

impl Need {
    /// Whether this is the secret that a server has just refused.
    pub(crate) fn rejects(&self, secret: &SecretString) -> bool {
        self.rejected
            .as_ref()
            .is_some_and(|rejected| same(rejected, secret))
    }
}

/// Whether two secrets are equal.
pub(crate) fn same(a: &SecretString, b: &SecretString) -> bool {
    a.expose_secret() == b.expose_secret()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn grant(access: &str, refresh: Option<&str>, obtained: i64, expires: i64) -> Grant {
        Grant {
            access_token: access.to_owned().into(),
            refresh_token: refresh.map(|token| token.to_owned().into()),
            account: None,
            scopes: vec![],
            obtained_at: Timestamp::from_seconds(obtained),
            expires_at: Timestamp::from_seconds(expires),
            obtained_by: ObtainedBy::SignIn,
            client_id: "pub".into(),
            resource: None,
            api_base: None,
            invalidated: None,
        }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    #[test]
    fn the_margin_is_a_fifth_of_the_life_and_at_most_two_minutes() {
        assert_eq!(grant("a", None, 0, 100).margin(), Duration::from_secs(20));
        assert_eq!(grant("a", None, 0, 3600).margin(), Duration::from_mins(2));
        let hour = grant("a", None, 0, 3600);
        assert!(hour.is_fresh(&Need::default(), at(3480)));
        assert!(!hour.is_fresh(&Need::default(), at(3481)));
        assert!(hour.is_live(&Need::default(), at(3599)));
        assert!(!hour.is_live(&Need::default(), at(3600)));
    }

    #[test]
    fn a_demand_no_token_can_meet_does_not_refresh_every_time() {
        let need = Need {
            min_ttl: Some(Duration::from_hours(2)),
            rejected: None,
            scopes: vec![],
        };
        assert!(grant("a", None, 0, 3600).is_fresh(&need, at(720)));
        assert!(!grant("a", None, 0, 3600).is_fresh(&need, at(721)));
    }

    #[test]
    fn a_rejected_token_is_neither_fresh_nor_live() {
        let need = Need {
            min_ttl: None,
            rejected: Some("a".to_owned().into()),
            scopes: vec![],
        };
        assert!(!grant("a", None, 0, 3600).is_live(&need, at(0)));
        assert!(grant("b", None, 0, 3600).is_fresh(&need, at(0)));
    }

    #[test]
    fn a_stamp_for_another_refresh_token_says_nothing() {
        let mut grant = grant("a", Some("new"), 0, 10);
        let stamp = |token: &str| Invalidated {
            at: at(1),
            fingerprint: Fingerprint::of(&token.to_owned().into()),
            reason: "invalid_grant".into(),
        };
        grant.invalidated = Some(stamp("old"));
        assert!(grant.dead().is_none());
        grant.invalidated = Some(stamp("new"));
        assert!(grant.dead().is_some());
    }

    #[test]
    fn debug_shows_no_token() {
        let text = format!("{:?}", grant("planted-access", Some("planted-refresh"), 0, 1));
        assert!(!text.contains("planted"), "{text}");
    }
}
