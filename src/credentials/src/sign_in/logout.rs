//! Signing out: the entry goes first, then the vendor is told.

use super::{SignInError, blocking, to_its_end};
use crate::credentials::Credentials;
use crate::entry::{Credential, Entry, Grant};
use crate::oauth::{self, Http, TokenAnswer};
use crate::refresh::{REVOKE_LIMIT, Recovery, chain};
use crate::store::Store;
use crate::tenant::{Service, Tenant};

/// What a sign-out did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedOut {
    /// Whether there was a login.
    pub was_there: bool,
    /// Whether the vendor knows.
    pub revoked: Revoked,
}

/// Whether a vendor was told that a grant is given back (RFC 7009).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Revoked {
    /// It said yes.
    Yes,
    /// There is no way to tell it, or nothing to give back.
    NotPossible,
    /// It could not be told; the grant may live on there.
    Failed(String),
}

/// The vendor is told to its end: an entry that is gone is nobody's to give back later.
pub(super) async fn logout(credentials: Credentials, tenant: Tenant) -> Result<SignedOut, SignInError> {
    let under_way = credentials.under_way().begin()?;
    to_its_end(async move {
        let _under_way = under_way;
        let (was_there, unstored, stored) = remove(&credentials, &tenant).await?;
        // The newest first: where one member of a family is given back, the others go with it.
        let mut revoked = Revoked::NotPossible;
        for grant in [unstored, stored].into_iter().flatten() {
            revoked = give_back(&credentials, &tenant.service, &grant).await;
        }
        Ok(SignedOut { was_there, revoked })
    })
    .await
}

/// Removes the entry and what is pending for it: whether there was one, and the grants that this leaves to nobody.
async fn remove(
    credentials: &Credentials,
    tenant: &Tenant,
) -> Result<(bool, Option<Grant>, Option<Grant>), SignInError> {
    let store = credentials.store().clone();
    let removed = tenant.clone();
    blocking(move || {
        let (was_there, stored) = store.update(|document| {
            // What can't be read can still be removed.
            let entry = document.entry(&removed).ok().flatten();
            let was_there = document.remove(&removed);
            document.remove_pending_for(&removed);
            Ok::<_, SignInError>((was_there, entry.and_then(grant_of)))
        })?;
        let unstored = stored
            .as_ref()
            .and_then(|grant| leftover(&store, &removed, grant));
        Ok((was_there, unstored, stored))
    })
    .await
}

fn grant_of(entry: Entry) -> Option<Grant> {
    match entry.credential {
        Credential::OAuth(grant) => Some(*grant),
        Credential::ApiKey(_) => None,
    }
}

/// The grant of an answer that was received and never committed; its file is removed. While a refresh is under way this is
/// the refresher's own work: it finds the entry gone.
fn leftover(store: &Store, tenant: &Tenant, before: &Grant) -> Option<Grant> {
    let _lock = store.refresh_lock(tenant).try_acquire().ok()??;
    let (recovery, answer) = Recovery::leftover(store.location(), tenant).ok()??;
    let parsed = answer.and_then(|answer| TokenAnswer::parse(&answer.body).ok());
    if let Err(error) = recovery.remove() {
        tracing::warn!(%error, "a leftover recovery file could not be removed");
    }
    let parsed = parsed?;
    let access_token = parsed.access().unwrap_or_default();
    Some(Grant {
        access_token,
        refresh_token: parsed.refresh(),
        ..before.clone()
    })
}

/// Tells the vendor that nobody will use a grant any more: best effort.
pub(super) async fn give_back(credentials: &Credentials, service: &Service, grant: &Grant) -> Revoked {
    let Ok(endpoint) = credentials
        .vendors()
        .get(service)
        .and_then(|vendor| vendor.token_endpoint())
    else {
        return Revoked::NotPossible;
    };
    let told = match Http::new(REVOKE_LIMIT) {
        Ok(http) => oauth::revoke(&http, &endpoint, grant).await,
        Err(error) => Err(error),
    };
    match told {
        Ok(true) => Revoked::Yes,
        Ok(false) => Revoked::NotPossible,
        Err(error) => Revoked::Failed(chain(&error)),
    }
}
