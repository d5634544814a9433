//! Where everything is: what `agent-host rehearsal` prints and what tests read instead of building addresses.

use serde::Serialize;

use crate::ledger::{CODEX_CLIENT, REHEARSAL_CLIENT};

/// Absolute addresses of a running server, and the client ids it knows from the start.
#[derive(Clone, Debug, Serialize)]
pub struct Endpoints {
    /// The issuer identifier, without a slash at the end (RFC 8414 §2).
    pub issuer: String,
    /// The public client that needs no registration.
    pub client_id: String,
    /// RFC 8414 metadata.
    pub metadata: String,
    /// Authorization endpoint and consent page.
    pub authorize: String,
    /// Token endpoint.
    pub token: String,
    /// Device authorization endpoint (RFC 8628).
    pub device: String,
    /// The page on which a person approves a device.
    pub device_page: String,
    /// Revocation endpoint (RFC 7009).
    pub revoke: String,
    /// Dynamic client registration (RFC 7591).
    pub register: String,
    /// A protected resource that takes access tokens.
    pub resource: String,
    /// Base URL of the model, for both wire formats.
    pub model_api: String,
    /// A redirect target that shows `code#state` for pasting.
    pub code_page: String,
    /// Prefix of the control API, with a slash at the end.
    pub control: String,
    /// The same server in the words of the `codex` vendor.
    pub codex: CodexEndpoints,
}

/// The addresses of the `codex` dialect.
#[derive(Clone, Debug, Serialize)]
pub struct CodexEndpoints {
    /// The only client of this dialect.
    pub client_id: String,
    /// Authorization endpoint.
    pub authorize: String,
    /// Token endpoint: form for codes, JSON for refreshes.
    pub token: String,
    /// Where a device flow begins.
    pub user_code: String,
    /// Where a device flow is polled.
    pub device_token: String,
    /// The page on which a person approves a device.
    pub device_page: String,
    /// The redirect address with which a device's code is exchanged.
    pub device_redirect: String,
}

impl Endpoints {
    /// The addresses below `issuer`, which has no slash at the end.
    pub(crate) fn new(issuer: &str) -> Self {
        let at = |path: &str| format!("{issuer}{path}");
        Self {
            issuer: issuer.to_owned(),
            client_id: REHEARSAL_CLIENT.to_owned(),
            metadata: at("/.well-known/oauth-authorization-server"),
            authorize: at("/authorize"),
            token: at("/token"),
            device: at("/device_authorization"),
            device_page: at("/device"),
            revoke: at("/revoke"),
            register: at("/register"),
            resource: at("/resource"),
            model_api: at("/v1"),
            code_page: at("/code"),
            control: at("/control/"),
            codex: CodexEndpoints {
                client_id: CODEX_CLIENT.to_owned(),
                authorize: at("/oauth/authorize"),
                token: at("/oauth/token"),
                user_code: at("/api/accounts/deviceauth/usercode"),
                device_token: at("/api/accounts/deviceauth/token"),
                device_page: at("/codex/device"),
                device_redirect: at("/deviceauth/callback"),
            },
        }
    }
}
