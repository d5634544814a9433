//! Who asked for what, who was granted what, and what has been spent: the whole authorization server without transport.
//!
//! Every method takes the time as a value and returns at once. The promise that matters: a refresh token is good
//! exactly once; when it comes back, its family and every access token of it are dead in the same step.

mod authorization;
mod clients;
mod codes;
mod devices;
mod families;
mod redirects;
mod refusal;
mod scope;
mod token_request;

use std::collections::HashMap;

use crate::counts::Counts;
use crate::settings::Settings;

pub(crate) use authorization::{Authorization, AuthorizationRefusal, Verdict};
pub(crate) use clients::{CODEX_CLIENT, Credentials, REHEARSAL_CLIENT, Registration, SecretCarrier};
pub(crate) use devices::WaitingDevice;
pub(crate) use families::Tokens;
pub(crate) use refusal::Refusal;
pub(crate) use scope::Scope;
pub(crate) use token_request::GrantKind;

/// Which of the two faces of the server a request came through; clients belong to exactly one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// The RFCs.
    Standard,
    /// The `codex` vendor's paths, bodies and errors.
    Codex,
}

/// All state of the authorization server.
pub(crate) struct Ledger {
    issuer: String,
    pub(crate) settings: Settings,
    pub(crate) counts: Counts,
    clients: HashMap<String, clients::Client>,
    consents: HashMap<String, authorization::Consent>,
    codes: HashMap<String, codes::Code>,
    devices: HashMap<String, devices::Device>,
    families: Vec<families::Family>,
    access_tokens: HashMap<String, families::AccessToken>,
    refresh_tokens: HashMap<String, families::RefreshToken>,
}

impl Ledger {
    /// An empty ledger that knows the built-in clients. `issuer` has no slash at the end.
    pub(crate) fn new(issuer: &str, settings: Settings) -> Self {
        Self {
            issuer: issuer.to_owned(),
            settings,
            counts: Counts::default(),
            clients: clients::built_in(issuer),
            consents: HashMap::new(),
            codes: HashMap::new(),
            devices: HashMap::new(),
            families: Vec::new(),
            access_tokens: HashMap::new(),
            refresh_tokens: HashMap::new(),
        }
    }
}

#[cfg(test)]
mod tests;
