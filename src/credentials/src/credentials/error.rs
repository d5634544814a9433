//! Why no token was had, by what the caller does next.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

use crate::clock::Timestamp;
use crate::refresh::chain;
use crate::store::StoreError;
use crate::tenant::Tenant;
use crate::vendor::VendorGap;
use crate::words;

/// Why no token was had.
#[derive(Debug, Clone, Error)]
pub enum TokenError {
    /// A person must sign in (exit code 3).
    #[error("login required for {tenant}: {reason}")]
    LoginRequired {
        /// Whose credential.
        tenant: Tenant,
        /// Why.
        reason: LoginReason,
    },
    /// The same call may succeed later: a lock is busy, the network or the vendor is away, the disk is full (exit code 4).
    #[error("no token for {tenant} now: {why}")]
    TryAgain {
        /// Whose credential.
        tenant: Tenant,
        /// What is in the way.
        why: String,
        /// How long to wait at least.
        after: Option<Duration>,
    },
    /// The caller gave up.
    #[error("the wait for a token of {tenant} was cancelled")]
    Cancelled {
        /// Whose credential.
        tenant: Tenant,
    },
    /// The vendor is not described well enough for a refresh.
    #[error(transparent)]
    Vendor(#[from] VendorGap),
    /// The store can't be used until somebody looks at it.
    #[error("no token for {tenant}")]
    Store {
        /// Whose credential.
        tenant: Tenant,
        /// What is wrong with the store.
        #[source]
        source: Arc<StoreError>,
    },
}

/// Why a person must sign in.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LoginReason {
    /// Nothing is stored.
    #[error("nobody has signed in")]
    NoEntry,
    /// The access token is over (or was refused) and nothing renews it.
    #[error("the access token is over and there is no refresh token")]
    NoRefreshToken,
    /// The vendor said that the refresh token is dead.
    #[error(
        "the vendor refused the refresh token at {} ({reason}); if you signed in elsewhere with the same account, that may have ended this login",
        words::moment(*at)
    )]
    Invalidated {
        /// When it said so.
        at: Timestamp,
        /// Its error code, and what led to it.
        reason: String,
    },
    /// The vendor refused a pasted key.
    #[error("the vendor refused the stored API key")]
    KeyRejected,
    /// The grant has fewer scopes than are needed.
    #[error("the login lacks the scope {}", missing.join(", "))]
    Scope {
        /// The scopes that are missing.
        missing: Vec<String>,
    },
}

impl TokenError {
    pub(super) fn login(tenant: &Tenant, reason: LoginReason) -> Self {
        Self::LoginRequired {
            tenant: tenant.clone(),
            reason,
        }
    }

    pub(super) fn try_again(tenant: &Tenant, why: impl Into<String>, after: Option<Duration>) -> Self {
        Self::TryAgain {
            tenant: tenant.clone(),
            why: why.into(),
            after,
        }
    }

    pub(super) fn why(tenant: &Tenant, error: &dyn Error) -> Self {
        Self::try_again(tenant, chain(error), None)
    }

    pub(super) fn store(tenant: &Tenant, source: impl Into<StoreError>) -> Self {
        match source.into() {
            // Contention is not "not logged in", and it is over in a moment.
            StoreError::Lock(error) => Self::why(tenant, &error),
            source => Self::Store {
                tenant: tenant.clone(),
                source: Arc::new(source),
            },
        }
    }
}
