//! What a caller tells the refresher it starts: everything but the tokens, which are read inside the lock.

use std::path::PathBuf;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use crate::digest::Fingerprint;
use crate::entry::{Grant, Need};
use crate::vendor::TokenEndpoint;
use crate::{Owner, Service, Tenant};

/// One refresh to be done. Travels through a pipe, never through argv or the environment: the endpoint may hold a
/// client secret.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    /// `auth.json`, links resolved.
    pub(crate) store: PathBuf,
    pub(crate) tenant: Tenant,
    pub(crate) endpoint: TokenEndpoint,
    pub(crate) min_ttl: Option<Duration>,
    /// The access token that was refused. Its fingerprint is enough to see whether it is still the stored one.
    pub(crate) rejected: Option<Fingerprint>,
}

#[derive(Serialize, Deserialize)]
struct WireJob {
    version: u32,
    store: PathBuf,
    service: String,
    owner: String,
    endpoint: TokenEndpoint,
    client_secret: Option<String>,
    min_ttl_ms: Option<u64>,
    rejected: Option<Fingerprint>,
}

const JOB_VERSION: u32 = 1;

impl Job {
    pub(crate) fn new(store: PathBuf, tenant: Tenant, endpoint: TokenEndpoint, need: &Need) -> Self {
        let rejected = need.rejected.as_ref().map(Fingerprint::of);
        Self {
            store,
            tenant,
            endpoint,
            min_ttl: need.min_ttl,
            rejected,
        }
    }

    /// The caller's need, for the grant that is stored now.
    pub(crate) fn need(&self, grant: &Grant) -> Need {
        let stored_is_rejected = self.rejected.as_ref() == Some(&Fingerprint::of(&grant.access_token));
        let rejected = stored_is_rejected.then(|| grant.access_token.clone());
        Need {
            min_ttl: self.min_ttl,
            rejected,
            scopes: vec![],
        }
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let secret = self.endpoint.client_secret.as_ref();
        let wire = WireJob {
            version: JOB_VERSION,
            store: self.store.clone(),
            service: self.tenant.service.as_str().to_owned(),
            owner: self.tenant.owner.as_str().to_owned(),
            endpoint: self.endpoint.clone(),
            client_secret: secret.map(|secret| secret.expose_secret().to_owned()),
            min_ttl_ms: self
                .min_ttl
                .map(|ttl| u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX)),
            rejected: self.rejected.clone(),
        };
        serde_json::to_vec(&wire).unwrap_or_default()
    }

    /// Reads a job. `None`: cut off because the caller died, or not a job; then nothing is to be done.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let wire: WireJob = serde_json::from_slice(bytes)
            .ok()
            .filter(|wire: &WireJob| wire.version == JOB_VERSION)?;
        let mut endpoint = wire.endpoint;
        endpoint.client_secret = wire.client_secret.map(SecretString::from);
        Some(Self {
            store: wire.store,
            tenant: Tenant {
                service: Service::parse(&wire.service).ok()?,
                owner: Owner::parse(&wire.owner).ok()?,
            },
            endpoint,
            min_ttl: wire.min_ttl_ms.map(Duration::from_millis),
            rejected: wire.rejected,
        })
    }
}
