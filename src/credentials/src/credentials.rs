//! `token(tenant)`: what every caller does to get a valid access token, and who waits for whom.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use secrecy::SecretString;

use crate::clock::Timestamp;
use crate::entry::{Account, Credential, Entry, Grant, Need};
use crate::lock::Cancel;
use crate::oauth::{self, Http};
use crate::refresh::REQUEST_LIMIT;
use crate::sign_in::UnderWay;
use crate::store::Store;
use crate::tenant::{Service, Tenant};
use crate::vendor::Vendors;

mod acquire;
mod error;
mod flight;
mod refusal;

pub use error::{LoginReason, TokenError};
use flight::Flights;
pub use refusal::RefusedVariable;

/// The credentials of one store, for any number of tasks. Clones share everything.
#[derive(Debug, Clone)]
pub struct Credentials {
    store: Store,
    vendors: Arc<Vendors>,
    refresher: Refresher,
    flights: Arc<Flights>,
    under_way: UnderWay,
}

/// Where a refresh runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refresher {
    /// In a process of its own: this program, started with a hidden verb. Whoever uses it calls
    /// [`refresh_child_main`](crate::refresh_child_main) first in `main`.
    Program(PathBuf),
    /// On a thread of this process. A kill of this process between the request and the write of its answer loses the
    /// login; a cancelled caller does not.
    InProcess,
}

impl Refresher {
    /// A refresher that is this very program. On systems where locks can't be inherited: [`Refresher::InProcess`].
    ///
    /// Errors: the system does not tell where this program is.
    pub fn this_program() -> io::Result<Self> {
        if cfg!(unix) {
            crate::refresh::child::this_program().map(Self::Program)
        } else {
            Ok(Self::InProcess)
        }
    }
}

/// A valid access token.
#[derive(Debug, Clone)]
pub struct Token {
    /// What is sent: as Bearer, or as the vendor's key header.
    pub secret: SecretString,
    /// When it ends, by this machine's clock; `None` for a key.
    pub expires_at: Option<Timestamp>,
    /// What was granted.
    pub scopes: Vec<String>,
    /// Whose account, as far as the vendor said.
    pub account: Option<Account>,
    /// Where the vendor wants this account's API requests, if it said.
    pub api_base: Option<String>,
    /// The write that stored it.
    pub generation: u64,
}

impl Token {
    fn of(entry: &Entry) -> Self {
        match &entry.credential {
            Credential::ApiKey(key) => Self {
                secret: key.key.clone(),
                expires_at: None,
                scopes: vec![],
                account: None,
                api_base: None,
                generation: entry.generation,
            },
            Credential::OAuth(grant) => Self::of_grant(entry, grant),
        }
    }

    fn of_grant(entry: &Entry, grant: &Grant) -> Self {
        Self {
            secret: grant.access_token.clone(),
            expires_at: Some(grant.expires_at),
            scopes: grant.scopes.clone(),
            account: grant.account.clone(),
            api_base: grant.api_base.clone(),
            generation: entry.generation,
        }
    }
}

impl Credentials {
    /// Puts the parts together. Touches nothing.
    pub fn new(store: Store, vendors: Vendors, refresher: Refresher) -> Self {
        Self {
            store,
            vendors: Arc::new(vendors),
            refresher,
            flights: Arc::default(),
            under_way: UnderWay::default(),
        }
    }

    pub(crate) fn under_way(&self) -> &UnderWay {
        &self.under_way
    }

    /// The store.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The vendors.
    pub fn vendors(&self) -> &Vendors {
        &self.vendors
    }

    /// A valid access token of a tenant. Costs one stat(2) while the stored one serves; otherwise all who ask in this
    /// process wait for one thread, and all processes of this machine for one request.
    ///
    /// Errors: see [`TokenError`]. Cancel safe: dropping it leaves no lock held or waited for, and loses no token.
    pub async fn token(&self, tenant: &Tenant, need: &Need) -> Result<Token, TokenError> {
        loop {
            if let Some(token) = self.ready(tenant, need)? {
                return Ok(token);
            }
            // Whoever joined a wait with another need looks again afterwards.
            match self.flights.wait(self, tenant, need).await {
                // (A wait may also have been cancelled by passengers who all left just before we came.)
                (Err(TokenError::Cancelled { .. }), _) | (_, false) => {}
                (result, true) => return result,
            }
        }
    }

    /// As [`token`](Self::token), on this thread. Not for async tasks.
    pub fn token_blocking(&self, tenant: &Tenant, need: &Need) -> Result<Token, TokenError> {
        match self.ready(tenant, need)? {
            Some(token) => Ok(token),
            None => self.acquire(tenant, need, &Cancel::default()),
        }
    }

    /// How far a vendor's clock is ahead of ours, in seconds; `None` if its server sends no date. Costs one GET.
    pub async fn clock_ahead(&self, service: &Service) -> Result<Option<i64>, TokenError> {
        let endpoint = self.vendors.get(service)?.token_endpoint()?;
        let failed = |error| TokenError::why(&Tenant::host(service.clone()), &error);
        let http = Http::new(REQUEST_LIMIT).map_err(failed)?;
        let date = oauth::server_clock(&http, &endpoint).await.map_err(failed)?;
        Ok(date.map(|date| date.seconds_from(Timestamp::now())))
    }

    /// The stored token, if it serves as it is.
    fn ready(&self, tenant: &Tenant, need: &Need) -> Result<Option<Token>, TokenError> {
        let entry = self
            .store
            .entry(tenant)
            .map_err(|error| TokenError::store(tenant, error))?;
        let Some(entry) = entry else {
            return Err(TokenError::login(tenant, LoginReason::NoEntry));
        };
        match &entry.credential {
            Credential::ApiKey(key) => Ok((!need.rejects(&key.key)).then(|| Token::of(&entry))),
            Credential::OAuth(grant) => {
                if !crate::scopes::covers(&grant.scopes, &need.scopes) {
                    let missing = crate::scopes::missing(&grant.scopes, &need.scopes);
                    return Err(TokenError::login(tenant, LoginReason::Scope { missing }));
                }
                let serves = grant.dead().is_none() && grant.is_fresh(need, Timestamp::now());
                Ok(serves.then(|| Token::of_grant(&entry, grant)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tenant::{Service, UserId};

    fn credentials(folder: &std::path::Path) -> Credentials {
        let store = Store::open(&folder.join("auth.json"), false).unwrap();
        Credentials::new(store, Vendors::builtin(None), Refresher::InProcess)
    }

    #[test]
    fn every_call_may_be_made_from_any_task() {
        fn may_move(_: impl Send) {}
        let folder = tempfile::tempdir().unwrap();
        let credentials = credentials(folder.path());
        let (tenant, user) = (
            Tenant::host(Service::parse("codex").unwrap()),
            UserId::parse("a").unwrap(),
        );
        may_move(credentials.token(&tenant, &Need::default()));
        may_move(credentials.begin(&tenant, &user, None, None));
        may_move(credentials.complete(&tenant.service, &user, None));
        may_move(credentials.logout(&tenant));
        may_move(credentials.clock_ahead(&tenant.service));
    }

    #[test]
    fn debug_shows_no_token_of_anybody() {
        let folder = tempfile::tempdir().unwrap();
        let credentials = credentials(folder.path());
        let file = r#"{"version":1,"tenants":{"codex":{"host":{"type":"api_key","generation":1,"key":"planted",
            "obtained_at_ms":1,"id_token":"planted"}}},"pending":{"codex":{"local:a":{"verifier":"planted"}}}}"#;
        std::fs::write(folder.path().join("auth.json"), file).unwrap();
        let tenant = Tenant::host(Service::parse("codex").unwrap());
        let token = credentials.token_blocking(&tenant, &Need::default()).unwrap();
        let entry = credentials.store().entry(&tenant).unwrap();
        let text = format!("{credentials:?} {token:?} {entry:?}");
        assert!(text.contains("auth.json") && !text.contains("planted"), "{text}");
    }
}
