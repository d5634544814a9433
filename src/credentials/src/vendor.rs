//! Vendors as data: how a credential is obtained and renewed. Nothing here knows how a model is called.

use std::collections::BTreeMap;
use std::sync::Arc;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use url::Url;

use crate::tenant::Service;

mod builtin;
mod declared;

pub use declared::{DeclaredVendor, GrantName, VendorError};

/// One vendor.
#[derive(Debug, Clone)]
pub struct Vendor {
    /// The service whose tenants it serves.
    pub service: Service,
    /// Its name for people.
    pub title: String,
    /// How one signs in; the first is the default.
    pub ways: Vec<Way>,
    /// Where tokens come from; `None` for vendors that only know keys.
    pub endpoint: Option<TokenEndpoint>,
    /// What is asked for.
    pub scopes: Vec<String>,
    /// RFC 8707 resource that tokens are bound to.
    pub resource: Option<String>,
    /// RFC 8414 issuer; where known, an `iss` in the redirect must equal it (RFC 9207).
    pub issuer: Option<String>,
    /// What the host has in its environment for this vendor.
    pub environment: Environment,
    /// Error codes with which its API says, by a 403, that the token is refused; any other 403 is about something else.
    pub rejection_codes: Vec<String>,
    /// Letters of its shortest API key, as far as is known; 0: nobody knows.
    pub shortest_key: usize,
    /// Terms that a person must know before signing in.
    pub warning: Option<String>,
}

/// Credentials of the host that are not in the store. The names are for messages; the host's configuration reads the values.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    /// Name of the variable with an API key.
    pub key_name: Option<String>,
    /// The API key, if it is set.
    pub key: Option<SecretString>,
    /// Name of the variable with a long-lived token.
    pub token_name: Option<String>,
    /// The long-lived token, if it is set.
    pub token: Option<SecretString>,
    /// Name of the variable with the client secret.
    pub client_secret_name: Option<String>,
}

/// A way to sign in.
#[derive(Debug, Clone)]
pub enum Way {
    /// Authorization code with PKCE (RFC 7636, S256): a link, then a code.
    Pkce(Pkce),
    /// A short code typed into a page, while we poll.
    Device(Box<Device>),
    /// A key that is pasted.
    ApiKey,
}

/// Authorization code with PKCE.
#[derive(Debug, Clone)]
pub struct Pkce {
    /// The authorization endpoint.
    pub authorize_url: Url,
    /// Registered redirects; the first is the default. A loopback one without a port may be given any (RFC 8252 §7.3).
    pub redirect_uris: Vec<Url>,
    /// Further parameters of the link.
    pub extra_params: Vec<(String, String)>,
    /// Whether the token request repeats the state.
    pub sends_state: bool,
}

/// Device authorization.
#[derive(Debug, Clone)]
pub struct Device {
    /// The device authorization endpoint.
    pub device_url: Url,
    /// How the two requests look.
    pub wire: DeviceWire,
}

/// The wire shapes of device authorization.
#[derive(Debug, Clone)]
#[expect(
    clippy::large_enum_variant,
    reason = "one value per vendor, and it stands in a box"
)]
pub enum DeviceWire {
    /// RFC 8628.
    Rfc8628,
    /// Codex: JSON, 403 and 404 while waiting, then a code with a verifier of the server's making.
    Codex {
        /// Where to poll.
        poll_url: Url,
        /// The page on which the code is typed.
        verification_url: Url,
        /// Redirect that the code is bound to.
        redirect_uri: Url,
    },
}

impl Way {
    /// The word for it in config, CLI and messages.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Pkce(_) => "pkce",
            Self::Device(_) => "device",
            Self::ApiKey => "api-key",
        }
    }
}

/// Everything that a token request needs of a vendor. The client secret is never serialized with it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TokenEndpoint {
    /// The token endpoint.
    pub token_url: Url,
    /// The revocation endpoint (RFC 7009).
    pub revoke_url: Option<Url>,
    /// The client id; public.
    pub client_id: String,
    /// The client secret of an installed app, from the environment.
    #[serde(skip)]
    pub client_secret: Option<SecretString>,
    /// Whether client id and secret travel in the Authorization header.
    pub basic_auth: bool,
    /// Body of the code exchange.
    pub code_body: BodyFormat,
    /// Body of the refresh.
    pub refresh_body: BodyFormat,
    /// How an access token is renewed.
    pub renewal: Renewal,
    /// The vendor's own error codes for a dead grant, besides `invalid_grant`.
    pub dead_errors: Vec<String>,
    /// JSON pointer to the account id among the id token's claims.
    pub account_pointer: String,
}

/// How a token request's body is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BodyFormat {
    /// `application/x-www-form-urlencoded`, as RFC 6749 says.
    #[default]
    Form,
    /// `application/json`.
    Json,
}

/// How an access token is renewed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Renewal {
    /// By redeeming the refresh token (RFC 6749 §6).
    #[default]
    Refresh,
    /// By a GET with the token of the sign-in, which does not rotate, in the Authorization header.
    Mint {
        /// Where.
        url: Url,
        /// The header's scheme.
        scheme: String,
    },
}

impl Vendor {
    /// Where tokens come from.
    ///
    /// Errors: this vendor has no tokens, or its client secret is not in the environment.
    pub fn token_endpoint(&self) -> Result<TokenEndpoint, VendorGap> {
        let endpoint = self.endpoint.clone().ok_or_else(|| VendorGap::NoTokens {
            service: self.service.clone(),
        })?;
        match &self.environment.client_secret_name {
            Some(variable) if endpoint.client_secret.is_none() => Err(VendorGap::NoSecret {
                service: self.service.clone(),
                variable: variable.clone(),
            }),
            _ => Ok(endpoint),
        }
    }

    /// Whether an API's answer refuses the token, so that another one may help: 401, or a 403 with one of this vendor's
    /// own codes. Any other 403 (plan, scope, a firewall's page) must not lead to a refresh.
    pub fn is_rejection(&self, status: u16, body: &[u8]) -> bool {
        status == 401
            || status == 403
                && crate::oauth::error_codes(body)
                    .iter()
                    .any(|code| self.rejection_codes.contains(code))
    }

    /// The way of signing in with this name, or the default one.
    pub fn way(&self, name: Option<&str>) -> Option<&Way> {
        match name {
            None => self.ways.first(),
            Some(name) => self.ways.iter().find(|way| way.name() == name),
        }
    }
}

/// What a vendor's description lacks for a request.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum VendorGap {
    /// It only knows keys.
    #[error("{service} has no token endpoint: it is used with an API key")]
    NoTokens {
        /// The vendor.
        service: Service,
    },
    /// Its client secret is not set.
    #[error("{service} needs its client secret in the environment variable {variable}, which is not set")]
    NoSecret {
        /// The vendor.
        service: Service,
        /// The variable.
        variable: String,
    },
    /// Nobody described it.
    #[error("{service} is not a known vendor")]
    Unknown {
        /// The name.
        service: Service,
    },
}

/// All vendors of a host, by service.
#[derive(Debug, Clone, Default)]
pub struct Vendors(BTreeMap<Service, Arc<Vendor>>);

impl Vendors {
    /// The vendors that are built in. `rehearsal` is the base URL of a running rehearsal server.
    pub fn builtin(rehearsal: Option<&Url>) -> Self {
        let mut vendors = Self::default();
        for vendor in builtin::all(rehearsal) {
            vendors.insert(vendor);
        }
        vendors
    }

    /// Adds a vendor, or replaces the one of that service.
    pub fn insert(&mut self, vendor: Vendor) {
        self.0.insert(vendor.service.clone(), Arc::new(vendor));
    }

    /// The vendor of a service.
    pub fn get(&self, service: &Service) -> Result<Arc<Vendor>, VendorGap> {
        self.0.get(service).cloned().ok_or_else(|| VendorGap::Unknown {
            service: service.clone(),
        })
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Vendor>> {
        self.0.values()
    }

    /// Changes each vendor, as configuration does with what it reads from the environment.
    pub fn for_each_mut(&mut self, mut change: impl FnMut(&mut Vendor)) {
        for vendor in self.0.values_mut() {
            change(Arc::make_mut(vendor));
        }
    }
}

/// Whether tokens may be sent to this URL: https, or http to this machine.
pub fn is_safe(url: &Url) -> bool {
    match url.scheme() {
        "https" => true,
        "http" => is_loopback(url),
        _ => false,
    }
}

/// Whether a URL's host is this machine.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests;
