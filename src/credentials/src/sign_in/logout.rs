//! Signing out: the entry goes first, then the vendor is told.

use super::{PendingKey, SignInError, blocking};
use crate::credentials::Credentials;
use crate::entry::{Credential, Grant};
use crate::oauth::{self, Http};
use crate::refresh::{REVOKE_LIMIT, chain};
use crate::store::StoreError;
use crate::tenant::{Owner, Tenant};

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

pub(super) async fn logout(credentials: &Credentials, tenant: &Tenant) -> Result<SignedOut, SignInError> {
    let store = credentials.store().clone();
    let removed = tenant.clone();
    let (was_there, grant) = blocking(move || {
        store.update(|document| {
            // What can't be read can still be removed.
            let entry = document.entry(&removed).ok().flatten();
            let was_there = document.remove(&removed).map_err(StoreError::from)?;
            if let Owner::User(user) = &removed.owner {
                document.remove_pending(&PendingKey {
                    service: removed.service.clone(),
                    user: user.clone(),
                });
            }
            let grant = entry.and_then(|entry| match entry.credential {
                Credential::OAuth(grant) => Some(*grant),
                Credential::ApiKey(_) => None,
            });
            Ok((was_there, grant))
        })
    })
    .await?;
    let revoked = match grant {
        Some(grant) => tell(credentials, tenant, &grant).await,
        None => Revoked::NotPossible,
    };
    Ok(SignedOut { was_there, revoked })
}

async fn tell(credentials: &Credentials, tenant: &Tenant, grant: &Grant) -> Revoked {
    let Ok(endpoint) = credentials
        .vendors()
        .get(&tenant.service)
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
