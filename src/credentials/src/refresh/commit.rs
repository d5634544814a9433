//! Step 6: a vendor's answer becomes the stored entry, unless something newer came in between.

use super::Answer;
use crate::digest::Fingerprint;
use crate::entry::{Account, Credential, Grant, ObtainedBy};
use crate::oauth::{TokenAnswer, account_of};
use crate::store::{Store, StoreError};
use crate::tenant::Tenant;
use crate::vendor::TokenEndpoint;

/// What became of an answer.
#[derive(Debug)]
pub(super) enum Committed {
    /// It is the stored entry now.
    Stored,
    /// It was already: the process that did it was killed before it could say so.
    AlreadyThere,
    /// A login or logout came in between; here is the grant that lost, to be given back.
    Lost(Box<Grant>),
}

/// Commits under the global lock, if the entry is still the one that the refresh token was read from.
///
/// Errors: the store can't be written. The answer is then still in its recovery file.
pub(super) fn commit(
    store: &Store,
    tenant: &Tenant,
    endpoint: &TokenEndpoint,
    answer: &Answer,
    parsed: &TokenAnswer,
) -> Result<Committed, StoreError> {
    store.update(|document| {
        let before = document.entry(tenant)?;
        let Some(entry) = before else {
            return Ok(lost(endpoint, answer, parsed));
        };
        let Credential::OAuth(grant) = &entry.credential else {
            return Ok(lost(endpoint, answer, parsed));
        };
        if entry.generation == answer.generation && grant.fingerprint().as_ref() == Some(&answer.spent) {
            let next = next(Some(grant), endpoint, answer, parsed);
            document.put(tenant, Credential::OAuth(Box::new(next)), Some(&entry));
            return Ok(Committed::Stored);
        }
        let same_access = parsed
            .access()
            .is_none_or(|token| crate::entry::same(&token, &grant.access_token));
        let same_refresh = parsed
            .refresh()
            .is_none_or(|token| Some(Fingerprint::of(&token)) == grant.fingerprint());
        if same_access && same_refresh {
            return Ok(Committed::AlreadyThere);
        }
        Ok(lost(endpoint, answer, parsed))
    })
}

fn lost(endpoint: &TokenEndpoint, answer: &Answer, parsed: &TokenAnswer) -> Committed {
    Committed::Lost(Box::new(next(None, endpoint, answer, parsed)))
}

/// The grant after a refresh: what the answer names, and what it leaves out as it was.
fn next(before: Option<&Grant>, endpoint: &TokenEndpoint, answer: &Answer, parsed: &TokenAnswer) -> Grant {
    let expires_at = match (parsed.access(), before) {
        // Rotated without a new access token: the old one keeps its end.
        (None, Some(before)) => before.expires_at,
        _ => parsed.expires_at(answer.received_at),
    };
    Grant {
        access_token: parsed
            .access()
            .or_else(|| before.map(|grant| grant.access_token.clone()))
            .unwrap_or_default(),
        refresh_token: parsed
            .refresh()
            .or_else(|| before.and_then(|grant| grant.refresh_token.clone())),
        account: account(before, endpoint, parsed),
        scopes: parsed
            .granted()
            .or_else(|| before.map(|grant| grant.scopes.clone()))
            .unwrap_or_default(),
        obtained_at: answer.received_at,
        expires_at,
        obtained_by: if answer.after_rejection {
            ObtainedBy::Rejection
        } else {
            ObtainedBy::Refresh
        },
        client_id: before.map_or_else(|| endpoint.client_id.clone(), |grant| grant.client_id.clone()),
        resource: before.and_then(|grant| grant.resource.clone()),
        api_base: parsed
            .api_base()
            .or_else(|| before.and_then(|grant| grant.api_base.clone())),
        invalidated: None,
    }
}

/// The account that the answer names, with what else is known of it; where it names none, the one that is stored.
fn account(before: Option<&Grant>, endpoint: &TokenEndpoint, parsed: &TokenAnswer) -> Option<Account> {
    let stored = before.and_then(|grant| grant.account.clone());
    match parsed
        .id_token()
        .and_then(|token| account_of(token, &endpoint.account_pointer))
    {
        Some(named) => match stored {
            Some(stored) if stored.id == named.id => Some(Account {
                label: named.label.or(stored.label.clone()),
                ..stored
            }),
            _ => Some(named),
        },
        None => stored,
    }
}
