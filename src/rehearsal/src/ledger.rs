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

use serde::{Deserialize, Serialize};

use crate::counts::{Counter, Counts};
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

    /// Grows whenever a login begins, rotates or ends.
    pub(crate) fn changes(&self) -> u64 {
        [
            Counter::FamiliesStarted,
            Counter::Rotations,
            Counter::FamiliesRevoked,
        ]
        .map(|counter| self.counts.get(counter))
        .iter()
        .sum()
    }

    /// Every login, to be kept over a restart.
    pub(crate) fn logins(&self) -> Logins {
        Logins {
            families: self.families.clone(),
            access_tokens: self.access_tokens.clone(),
            refresh_tokens: self.refresh_tokens.clone(),
        }
    }

    /// Puts back what [`Ledger::logins`] gave. Replaces the logins that are there.
    pub(crate) fn recall(&mut self, logins: Logins) {
        self.families = logins.families;
        self.access_tokens = logins.access_tokens;
        self.refresh_tokens = logins.refresh_tokens;
    }
}

/// Logins and their tokens, spent ones included: a spent one that comes back after a restart is noticed all the same.
#[derive(Serialize, Deserialize)]
pub(crate) struct Logins {
    families: Vec<families::Family>,
    access_tokens: HashMap<String, families::AccessToken>,
    refresh_tokens: HashMap<String, families::RefreshToken>,
}

#[cfg(test)]
mod tests;
