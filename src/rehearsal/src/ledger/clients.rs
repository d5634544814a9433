//! Who may ask: the built-in clients, dynamic registration (RFC 7591) and client authentication (RFC 6749 §2.3).

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::redirects::{self, Port};
use super::token_request::{AUTHORIZATION_CODE, DEVICE_CODE, REFRESH_TOKEN};
use super::{Dialect, Ledger, Refusal};
use crate::counts::Counter;
use crate::moment::Moment;
use crate::random::{self, Purpose};

/// The public client that needs no registration.
pub(crate) const REHEARSAL_CLIENT: &str = "rehearsal";
/// The public client id of the `codex` vendor.
pub(crate) const CODEX_CLIENT: &str = "app_EMoamEEZ73f0CkXaXp7hrann";

/// A client as the ledger knows it.
pub(super) struct Client {
    pub(super) name: String,
    pub(super) dialect: Dialect,
    redirect_uris: Vec<String>,
    port: Port,
    authentication: Authentication,
}

/// How a client proves who it is at the token endpoint.
enum Authentication {
    Public,
    Secret { carrier: SecretCarrier, secret: String },
}

/// Where a client secret travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SecretCarrier {
    Basic,
    Body,
}

/// What a request says about who sends it.
pub(crate) struct Credentials {
    pub(crate) client_id: String,
    pub(crate) secret: Option<(SecretCarrier, String)>,
}

/// Client metadata as sent to the registration endpoint (RFC 7591 §2); fields we do not know are ignored.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Registration {
    #[serde(default)]
    redirect_uris: Vec<String>,
    #[serde(default = "basic")]
    token_endpoint_auth_method: String,
    #[serde(default = "code_only")]
    grant_types: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    client_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
}

/// The answer to a registration (RFC 7591 §3.2.1).
#[derive(Serialize)]
pub(crate) struct Registered {
    pub(crate) client_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) client_secret: Option<String>,
    client_id_issued_at: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret_expires_at: Option<u64>,
    #[serde(flatten)]
    metadata: Registration,
}

impl Client {
    pub(super) fn may_redirect_to(&self, address: &str) -> bool {
        self.redirect_uris
            .iter()
            .any(|registered| redirects::matches(registered, address, self.port))
    }
}

impl Ledger {
    /// Registers a client; the secret in the answer is shown only here.
    pub(crate) fn register(
        &mut self,
        registration: Registration,
        now: Moment,
    ) -> Result<Registered, Refusal> {
        let carrier = registration.carrier()?;
        registration.check()?;
        let client_id = random::token(Purpose::ClientId);
        let client_secret = carrier.map(|_| random::token(Purpose::ClientSecret));
        let authentication = match (carrier, client_secret.clone()) {
            (Some(carrier), Some(secret)) => Authentication::Secret { carrier, secret },
            _ => Authentication::Public,
        };
        let client = Client {
            name: registration
                .client_name
                .clone()
                .unwrap_or_else(|| client_id.clone()),
            dialect: Dialect::Standard,
            redirect_uris: registration.redirect_uris.clone(),
            port: Port::Any,
            authentication,
        };
        self.clients.insert(client_id.clone(), client);
        self.counts.add(Counter::Registrations);
        Ok(Registered {
            client_id,
            client_secret_expires_at: client_secret.as_ref().map(|_| 0),
            client_secret,
            client_id_issued_at: now.seconds(),
            metadata: registration,
        })
    }

    /// Checks who sends a request: the client exists in this dialect, and proves itself exactly as registered.
    pub(super) fn authenticate(
        &self,
        dialect: Option<Dialect>,
        credentials: &Credentials,
    ) -> Result<(), Refusal> {
        let client = self
            .clients
            .get(&credentials.client_id)
            .filter(|client| dialect.is_none_or(|dialect| dialect == client.dialect))
            .ok_or(Refusal::InvalidClient("this client is not known here"))?;
        match (&client.authentication, &credentials.secret) {
            (Authentication::Public, None) => Ok(()),
            (Authentication::Public, Some(_)) => Err(Refusal::InvalidClient("this client has no secret")),
            (Authentication::Secret { carrier, secret }, Some((sent_in, sent)))
                if carrier == sent_in && secret == sent =>
            {
                Ok(())
            }
            (Authentication::Secret { .. }, _) => Err(Refusal::InvalidClient(
                "the client secret is missing, wrong or sent in the wrong place",
            )),
        }
    }
}

impl Registration {
    fn carrier(&self) -> Result<Option<SecretCarrier>, Refusal> {
        match self.token_endpoint_auth_method.as_str() {
            "none" => Ok(None),
            "client_secret_post" => Ok(Some(SecretCarrier::Body)),
            "client_secret_basic" => Ok(Some(SecretCarrier::Basic)),
            _ => Err(Refusal::InvalidClientMetadata(
                "token_endpoint_auth_method is not known here",
            )),
        }
    }

    fn check(&self) -> Result<(), Refusal> {
        let known = [AUTHORIZATION_CODE, REFRESH_TOKEN, DEVICE_CODE];
        if !self.grant_types.iter().all(|kind| known.contains(&kind.as_str())) {
            return Err(Refusal::InvalidClientMetadata(
                "grant_types names one that is not known here",
            ));
        }
        let needs_redirect = self.grant_types.iter().any(|kind| kind == AUTHORIZATION_CODE);
        let all_legal = self
            .redirect_uris
            .iter()
            .all(|address| redirects::may_be_registered(address));
        if !all_legal || (needs_redirect && self.redirect_uris.is_empty()) {
            return Err(Refusal::InvalidRedirectUri);
        }
        Ok(())
    }
}

/// The clients that exist before anybody registers.
pub(super) fn built_in(issuer: &str) -> HashMap<String, Client> {
    let mut redirect_uris = vec![format!("{issuer}/code")];
    for host in ["127.0.0.1", "[::1]", "localhost"] {
        for path in ["/callback", "/auth/callback"] {
            redirect_uris.push(format!("http://{host}{path}"));
        }
    }
    let rehearsal = Client {
        name: "Rehearsal client".to_owned(),
        dialect: Dialect::Standard,
        redirect_uris,
        port: Port::Any,
        authentication: Authentication::Public,
    };
    let codex = Client {
        name: "Codex".to_owned(),
        dialect: Dialect::Codex,
        redirect_uris: vec![
            "http://localhost:1455/auth/callback".to_owned(),
            "http://localhost:1457/auth/callback".to_owned(),
            format!("{issuer}/deviceauth/callback"),
        ],
        port: Port::Registered,
        authentication: Authentication::Public,
    };
    HashMap::from([
        (REHEARSAL_CLIENT.to_owned(), rehearsal),
        (CODEX_CLIENT.to_owned(), codex),
    ])
}

/// The default of RFC 7591 §2.
fn basic() -> String {
    "client_secret_basic".to_owned()
}

/// The default of RFC 7591 §2.
fn code_only() -> Vec<String> {
    vec![AUTHORIZATION_CODE.to_owned()]
}
