//! The one function that says how a stored credential stands; `auth list`, `doctor` and the chat all show this.

use std::fmt;

use secrecy::SecretString;
use serde::Serialize;

use super::{Credential, Entry, Need};
use crate::clock::Timestamp;
use crate::lock::Record;

/// How a stored credential stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Good beyond the refresh margin.
    Valid,
    /// Still good, and due for a refresh.
    Expiring,
    /// Over; the next use refreshes it, where that is possible.
    Expired,
    /// The vendor said that the refresh token is dead: sign in again.
    Invalidated,
    /// The vendor refused this key when it was last used; each use still tries it, in case it is taken again.
    Refused,
    /// A refresh was sent and its answer never came.
    Uncertain,
    /// The entry can't be understood.
    Unreadable,
}

impl State {
    /// The state of an entry. `record` is what its lock file says; `None` for an unreadable entry.
    pub fn of(entry: Option<&Entry>, record: Option<&Record>, now: Timestamp) -> Self {
        let Some(entry) = entry else {
            return Self::Unreadable;
        };
        let noted = |secret: &SecretString| record.is_some_and(|record| record.dead(secret).is_some());
        let grant = match &entry.credential {
            Credential::ApiKey(key) if noted(&key.key) => return Self::Refused,
            Credential::ApiKey(_) => return Self::Valid,
            Credential::OAuth(grant) => grant,
        };
        if grant.dead().is_some() || grant.refresh_token.as_ref().is_some_and(noted) {
            return Self::Invalidated;
        }
        let fingerprint = grant.fingerprint();
        let sent = record.and_then(|record| record.sent.as_ref());
        if sent.is_some_and(|sent| fingerprint.is_some_and(|stored| sent.is_about(&stored))) {
            return Self::Uncertain;
        }
        let need = Need::default();
        if grant.is_fresh(&need, now) {
            Self::Valid
        } else if grant.is_live(&need, now) {
            Self::Expiring
        } else {
            Self::Expired
        }
    }

    /// The word that is shown: the same in every output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Expiring => "expiring",
            Self::Expired => "expired",
            Self::Invalidated => "invalidated",
            Self::Refused => "refused",
            Self::Uncertain => "uncertain",
            Self::Unreadable => "unreadable",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
