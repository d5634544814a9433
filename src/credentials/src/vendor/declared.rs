//! A vendor that a user declares in the configuration, and changes to a built-in one.

use std::collections::BTreeMap;

use serde::Deserialize;
use thiserror::Error;
use url::Url;

use super::{
    BodyFormat, Device, DeviceWire, Environment, Pkce, TokenEndpoint, Vendor, Vendors, Way, builtin, is_safe,
};
use crate::tenant::{NameError, Service};

/// The way of signing in, as written in the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GrantName {
    /// Authorization code with PKCE.
    Pkce,
    /// Device authorization (RFC 8628).
    Device,
    /// A pasted key.
    ApiKey,
}

/// The table `[vendors.NAME]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeclaredVendor {
    /// How one signs in. Left out for a built-in vendor that is only changed.
    pub grant: Option<GrantName>,
    /// Name for people.
    pub title: Option<String>,
    /// Replaces the base of all URLs of a built-in vendor.
    pub issuer: Option<Url>,
    /// Authorization endpoint (pkce).
    pub authorize_url: Option<Url>,
    /// Token endpoint (pkce, device).
    pub token_url: Option<Url>,
    /// Device authorization endpoint (device; with pkce it adds a second way).
    pub device_url: Option<Url>,
    /// RFC 7009 endpoint.
    pub revoke_url: Option<Url>,
    /// Public client id (pkce, device).
    pub client_id: Option<String>,
    /// Environment variable with the client secret.
    pub client_secret_env: Option<String>,
    /// Environment variable with an API key.
    pub key_env: Option<String>,
    /// Scopes to ask for.
    pub scopes: Option<Vec<String>>,
    /// Redirect (pkce).
    pub redirect_uri: Option<Url>,
    /// RFC 8707 resource.
    pub resource: Option<Url>,
    /// Body of both token requests.
    pub token_body: Option<BodyFormat>,
    /// Further parameters of the link (pkce).
    pub extra_authorize_params: Option<BTreeMap<String, String>>,
}

/// The longest name of a declared vendor, in bytes: Discord's buttons carry it, in names of a hundred letters.
const LONGEST_NAME: usize = 64;

/// What is wrong with a declared vendor. `key` is the key in its table.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum VendorError {
    /// The table's name.
    #[error("vendor name: {0}")]
    Name(#[from] NameError),
    /// The name belongs to another kind of service.
    #[error("the vendor name `{name}` may not contain a colon")]
    Colon {
        /// The name.
        name: String,
    },
    /// Longer than 64 bytes.
    #[error(
        "the vendor name `{name}` is longer than {LONGEST_NAME} letters: the buttons of a chat have no room for it"
    )]
    Long {
        /// The name.
        name: String,
    },
    /// A key that this grant needs.
    #[error("`{key}` is missing: grant \"{grant}\" needs it")]
    Missing {
        /// The key.
        key: &'static str,
        /// The grant.
        grant: &'static str,
    },
    /// A key that this grant has no use for.
    #[error("`{key}` has no meaning with grant \"{grant}\"")]
    Superfluous {
        /// The key.
        key: &'static str,
        /// The grant.
        grant: &'static str,
    },
    /// A URL that tokens must not be sent to.
    #[error("`{key}` must be https (plain http is accepted only for this machine)")]
    Unsafe {
        /// The key.
        key: &'static str,
    },
    /// `issuer` on a vendor that is not built in, or on one without endpoints.
    #[error("`issuer` only changes the built-in vendor codex")]
    Issuer,
}

impl VendorError {
    /// The key that is wrong, if it is one.
    pub fn key(&self) -> Option<&'static str> {
        match self {
            Self::Missing { .. } | Self::Name(_) | Self::Colon { .. } | Self::Long { .. } => None,
            Self::Superfluous { key, .. } | Self::Unsafe { key } => Some(key),
            Self::Issuer => Some("issuer"),
        }
    }
}

impl Vendors {
    /// Adds what a user declared under `name`, or says everything that is wrong with it.
    pub fn declare(&mut self, name: &str, declared: &DeclaredVendor) -> Result<(), Vec<VendorError>> {
        let service = Service::parse(name).map_err(|error| vec![error.into()])?;
        if service.as_str().contains(':') {
            return Err(vec![VendorError::Colon {
                name: name.to_owned(),
            }]);
        }
        if service.as_str().len() > LONGEST_NAME {
            return Err(vec![VendorError::Long {
                name: name.to_owned(),
            }]);
        }
        let errors = declared.errors(service.as_str());
        if !errors.is_empty() {
            return Err(errors);
        }
        match (declared.grant, self.get(&service)) {
            (None, Ok(known)) => {
                let mut vendor = declared
                    .issuer
                    .as_ref()
                    .map_or_else(|| (*known).clone(), builtin::codex);
                declared.change(&mut vendor);
                self.insert(vendor);
            }
            (None, Err(_)) => {
                return Err(vec![VendorError::Missing {
                    key: "grant",
                    grant: "…",
                }]);
            }
            (Some(grant), _) => self.insert(declared.build(service, grant)?),
        }
        Ok(())
    }
}

impl DeclaredVendor {
    fn errors(&self, name: &str) -> Vec<VendorError> {
        let mut errors = Vec::new();
        for (key, url) in [
            ("authorize_url", &self.authorize_url),
            ("token_url", &self.token_url),
            ("device_url", &self.device_url),
            ("revoke_url", &self.revoke_url),
            ("issuer", &self.issuer),
        ] {
            if url.as_ref().is_some_and(|url| !is_safe(url)) {
                errors.push(VendorError::Unsafe { key });
            }
        }
        if self.issuer.is_some() && (name != "codex" || self.grant.is_some()) {
            errors.push(VendorError::Issuer);
        }
        let Some(grant) = self.grant else { return errors };
        let has = [
            ("authorize_url", self.authorize_url.is_some()),
            ("token_url", self.token_url.is_some()),
            ("device_url", self.device_url.is_some()),
            ("client_id", self.client_id.is_some()),
            ("redirect_uri", self.redirect_uri.is_some()),
            ("key_env", self.key_env.is_some()),
            ("revoke_url", self.revoke_url.is_some()),
            ("extra_authorize_params", self.extra_authorize_params.is_some()),
        ];
        let (word, needed, useless): (_, &[&str], &[&str]) = match grant {
            GrantName::Pkce => (
                "pkce",
                &["authorize_url", "token_url", "client_id", "redirect_uri"],
                &[],
            ),
            GrantName::Device => (
                "device",
                &["device_url", "token_url", "client_id"],
                &["authorize_url", "redirect_uri", "extra_authorize_params"],
            ),
            GrantName::ApiKey => (
                "api-key",
                &[],
                &[
                    "authorize_url",
                    "token_url",
                    "device_url",
                    "client_id",
                    "redirect_uri",
                    "revoke_url",
                    "extra_authorize_params",
                ],
            ),
        };
        for (key, there) in has {
            if needed.contains(&key) && !there {
                errors.push(VendorError::Missing { key, grant: word });
            }
            if useless.contains(&key) && there {
                errors.push(VendorError::Superfluous { key, grant: word });
            }
        }
        errors
    }

    fn build(&self, service: Service, grant: GrantName) -> Result<Vendor, Vec<VendorError>> {
        let missing = |key| vec![VendorError::Missing { key, grant: "…" }];
        let mut ways = Vec::new();
        if grant == GrantName::Pkce {
            ways.push(Way::Pkce(Pkce {
                authorize_url: self
                    .authorize_url
                    .clone()
                    .ok_or_else(|| missing("authorize_url"))?,
                redirect_uris: vec![self.redirect_uri.clone().ok_or_else(|| missing("redirect_uri"))?],
                extra_params: vec![],
                sends_state: false,
            }));
        }
        if let (Some(device_url), GrantName::Pkce | GrantName::Device) = (&self.device_url, grant) {
            ways.push(Way::Device(Box::new(Device {
                device_url: device_url.clone(),
                wire: DeviceWire::Rfc8628,
            })));
        }
        if grant == GrantName::ApiKey {
            ways.push(Way::ApiKey);
        }
        let endpoint = match (&self.token_url, &self.client_id) {
            (Some(token_url), Some(client_id)) => Some(TokenEndpoint::plain(token_url.clone(), client_id)),
            _ => None,
        };
        let mut vendor = Vendor {
            title: service.as_str().to_owned(),
            service,
            ways,
            endpoint,
            scopes: vec![],
            resource: None,
            issuer: None,
            environment: Environment::default(),
            rejection_codes: vec![],
            shortest_key: 0,
            warning: None,
        };
        self.change(&mut vendor);
        Ok(vendor)
    }

    /// Applies every key that is given.
    fn change(&self, vendor: &mut Vendor) {
        if let Some(title) = &self.title {
            vendor.title.clone_from(title);
        }
        if let Some(scopes) = &self.scopes {
            vendor.scopes.clone_from(scopes);
        }
        if let Some(resource) = &self.resource {
            vendor.resource = Some(resource.as_str().to_owned());
        }
        if let Some(variable) = &self.key_env {
            vendor.environment.key_name = Some(variable.clone());
        }
        if let Some(variable) = &self.client_secret_env {
            vendor.environment.client_secret_name = Some(variable.clone());
        }
        for way in &mut vendor.ways {
            match way {
                Way::Pkce(pkce) => self.change_pkce(pkce),
                Way::Device(device) => {
                    if let Some(url) = &self.device_url {
                        device.device_url = url.clone();
                    }
                }
                Way::ApiKey => {}
            }
        }
        if let Some(endpoint) = &mut vendor.endpoint {
            self.change_endpoint(endpoint);
        }
    }

    fn change_pkce(&self, pkce: &mut Pkce) {
        if let Some(url) = &self.authorize_url {
            pkce.authorize_url = url.clone();
        }
        if let Some(url) = &self.redirect_uri {
            pkce.redirect_uris = vec![url.clone()];
        }
        if let Some(params) = &self.extra_authorize_params {
            pkce.extra_params = params
                .iter()
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect();
        }
    }

    fn change_endpoint(&self, endpoint: &mut TokenEndpoint) {
        if let Some(url) = &self.token_url {
            endpoint.token_url = url.clone();
        }
        if let Some(url) = &self.revoke_url {
            endpoint.revoke_url = Some(url.clone());
        }
        if let Some(id) = &self.client_id {
            endpoint.client_id.clone_from(id);
        }
        if let Some(format) = self.token_body {
            (endpoint.code_body, endpoint.refresh_body) = (format, format);
        }
    }
}
