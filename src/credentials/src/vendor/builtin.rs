//! The vendors that are built in. Client ids are public; there is no secret in this file or anywhere in the repository.

use url::Url;

use super::{
    BodyFormat, Device, DeviceWire, Environment, Pkce, Renewal, TokenEndpoint, Vendor, Way, is_loopback,
};
use crate::tenant::Service;

/// Codex's public client id, as its own CLI uses it.
const CODEX_CLIENT: &str = "app_EMoamEEZ73f0CkXaXp7hrann";

/// Keys of the vendors whose API is used with one have many times as many letters. A server that stands in for one, and takes
/// anything, takes so many.
const SHORTEST_KEY: usize = 8;

pub(super) fn all(rehearsal: Option<&Url>) -> Vec<Vendor> {
    let mut vendors = vec![
        codex(&url("https://auth.openai.com/")),
        key_vendor("openai", "OpenAI API", "OPENAI_API_KEY", None),
        key_vendor(
            "anthropic",
            "Anthropic API",
            "ANTHROPIC_API_KEY",
            Some("CLAUDE_CODE_OAUTH_TOKEN"),
        ),
    ];
    vendors.extend(rehearsal.map(self::rehearsal));
    vendors
}

/// Codex: a `ChatGPT` plan. `issuer` is only another one in tests.
pub(super) fn codex(issuer: &Url) -> Vendor {
    Vendor {
        service: service("codex"),
        title: "OpenAI Codex (ChatGPT plan)".into(),
        ways: vec![
            Way::Pkce(Pkce {
                authorize_url: at(issuer, "oauth/authorize"),
                redirect_uris: vec![
                    url("http://localhost:1455/auth/callback"),
                    url("http://localhost:1457/auth/callback"),
                ],
                extra_params: [
                    ("id_token_add_organizations", "true"),
                    ("codex_cli_simplified_flow", "true"),
                    ("originator", "agent-host"),
                ]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .to_vec(),
                sends_state: false,
            }),
            Way::Device(Box::new(Device {
                device_url: at(issuer, "api/accounts/deviceauth/usercode"),
                wire: DeviceWire::Codex {
                    poll_url: at(issuer, "api/accounts/deviceauth/token"),
                    verification_url: at(issuer, "codex/device"),
                    redirect_uri: at(issuer, "deviceauth/callback"),
                },
            })),
        ],
        endpoint: Some(TokenEndpoint {
            token_url: at(issuer, "oauth/token"),
            refresh_body: BodyFormat::Json,
            dead_errors: [
                "refresh_token_expired",
                "refresh_token_reused",
                "refresh_token_invalidated",
            ]
            .map(str::to_owned)
            .to_vec(),
            account_pointer: "/https:~1~1api.openai.com~1auth/chatgpt_account_id".into(),
            // Not known to offer RFC 7009; the rehearsal server does.
            revoke_url: is_loopback(issuer).then(|| at(issuer, "revoke")),
            ..TokenEndpoint::plain(at(issuer, "oauth/token"), CODEX_CLIENT)
        }),
        scopes: ["openid", "profile", "email", "offline_access"]
            .map(str::to_owned)
            .to_vec(),
        resource: None,
        issuer: None,
        environment: Environment::default(),
        rejection_codes: vec![],
        shortest_key: 0,
        warning: None,
    }
}

/// The rehearsal server's own vendor: no account, only this machine.
fn rehearsal(base: &Url) -> Vendor {
    Vendor {
        service: service("rehearsal"),
        title: "Rehearsal (no account, this machine only)".into(),
        ways: vec![
            Way::Pkce(Pkce {
                authorize_url: at(base, "authorize"),
                redirect_uris: vec![at(base, "code"), url("http://127.0.0.1/callback")],
                extra_params: vec![],
                sends_state: false,
            }),
            Way::Device(Box::new(Device {
                device_url: at(base, "device_authorization"),
                wire: DeviceWire::Rfc8628,
            })),
        ],
        endpoint: Some(TokenEndpoint {
            revoke_url: Some(at(base, "revoke")),
            ..TokenEndpoint::plain(at(base, "token"), "rehearsal")
        }),
        scopes: ["openid", "profile", "offline_access"]
            .map(str::to_owned)
            .to_vec(),
        resource: None,
        issuer: Some(base.as_str().trim_end_matches('/').to_owned()),
        environment: Environment::default(),
        rejection_codes: vec![],
        shortest_key: 0,
        warning: None,
    }
}

fn key_vendor(name: &str, title: &str, key: &str, token: Option<&str>) -> Vendor {
    Vendor {
        service: service(name),
        title: title.into(),
        ways: vec![Way::ApiKey],
        endpoint: None,
        scopes: vec![],
        resource: None,
        issuer: None,
        environment: Environment {
            key_name: Some(key.into()),
            token_name: token.map(str::to_owned),
            ..Environment::default()
        },
        rejection_codes: vec![],
        shortest_key: SHORTEST_KEY,
        warning: None,
    }
}

impl TokenEndpoint {
    /// An endpoint as RFC 6749 describes it, for a public client.
    pub fn plain(token_url: Url, client_id: &str) -> Self {
        Self {
            token_url,
            revoke_url: None,
            client_id: client_id.to_owned(),
            client_secret: None,
            basic_auth: false,
            code_body: BodyFormat::Form,
            refresh_body: BodyFormat::Form,
            renewal: Renewal::Refresh,
            dead_errors: vec![],
            account_pointer: "/sub".into(),
        }
    }
}

fn service(name: &str) -> Service {
    Service::parse(name).expect("built-in names are valid")
}

fn url(text: &str) -> Url {
    Url::parse(text).expect("built-in URLs are valid")
}

fn at(base: &Url, path: &str) -> Url {
    base.join(path).expect("built-in paths are valid")
}
