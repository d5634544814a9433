//! The tables of the configuration file, besides `[vendors.NAME]`.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroU64};
use std::path::PathBuf;
use std::time::Duration;

use cage::Layer;
use conversation::Dispatch;
use serde::Deserialize;
use serde::de::Error as _;
use url::Url;

/// Tables at the top of the file.
pub(super) const TABLES: &[&str] = &[
    "agents",
    "cage",
    "credentials",
    "default_agent",
    "discord",
    "limits",
    "log",
    "rehearsal",
    "threads",
    "vendors",
    "web",
];

/// Keys of `[vendors.NAME]`, as `credentials::DeclaredVendor` reads them.
pub(super) const VENDOR_KEYS: &[&str] = &[
    "authorize_url",
    "client_id",
    "client_secret_env",
    "device_url",
    "extra_authorize_params",
    "grant",
    "issuer",
    "key_env",
    "redirect_uri",
    "resource",
    "revoke_url",
    "scopes",
    "title",
    "token_body",
    "token_url",
];

/// `[credentials]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CredentialsSection {
    /// Where `auth.json` is; relative to the configuration's folder.
    pub(super) path: Option<PathBuf>,
    /// Accept a network file system.
    pub(super) allow_network_filesystem: Option<bool>,
}

impl CredentialsSection {
    pub(super) const KEYS: &[&str] = &["allow_network_filesystem", "path"];
}

/// `[rehearsal]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RehearsalSection {
    /// Base URL of a running rehearsal server.
    pub(super) url: Option<Url>,
}

impl RehearsalSection {
    pub(super) const KEYS: &[&str] = &["url"];
}

/// `[log]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LogSection {
    /// Filter for log lines, as in `info,credentials=debug`.
    pub(super) filter: Option<String>,
}

impl LogSection {
    pub(super) const KEYS: &[&str] = &["filter"];
}

/// `[agents.NAME]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AgentSection {
    /// Its name for people.
    pub(super) title: Option<String>,
    /// Program and arguments of an external ACP agent.
    pub(super) command: Option<Vec<String>>,
    /// Variables of the external agent.
    pub(super) env: Option<BTreeMap<String, EnvironmentValue>>,
    /// Whose credential the model calls carry.
    pub(super) tenant: Option<String>,
    /// The wire format.
    pub(super) provider: Option<ProviderName>,
    /// Where the model's API is.
    pub(super) base_url: Option<Url>,
    /// The model.
    pub(super) model: Option<String>,
    /// How long the model's server may say nothing.
    pub(super) patience: Option<Span>,
    /// File with certificates that the server's may be signed by.
    pub(super) ca_file: Option<PathBuf>,
    /// How many tokens the model can take.
    pub(super) context_tokens: Option<NonZeroU64>,
    /// What happens before a tool changes something.
    pub(super) permissions: Option<PermissionsName>,
    /// Added to the system prompt.
    pub(super) instructions: Option<String>,
}

impl AgentSection {
    pub(super) const KEYS: &[&str] = &[
        "base_url",
        "ca_file",
        "command",
        "context_tokens",
        "env",
        "instructions",
        "model",
        "patience",
        "permissions",
        "provider",
        "tenant",
        "title",
    ];
}

/// A variable of an external agent: written out, or taken from the host's environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum EnvironmentValue {
    Text(String),
    FromEnvironment(String),
}

impl<'de> Deserialize<'de> for EnvironmentValue {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match toml::Value::deserialize(deserializer)? {
            toml::Value::String(text) => Ok(Self::Text(text)),
            toml::Value::Table(table) => match table.get("from_env").and_then(toml::Value::as_str) {
                Some(name) if table.len() == 1 => Ok(Self::FromEnvironment(name.to_owned())),
                _ => Err(D::Error::custom(FROM_ENV)),
            },
            _ => Err(D::Error::custom(FROM_ENV)),
        }
    }
}

const FROM_ENV: &str = "must be a string or { from_env = \"NAME\" }";

/// Wire formats by the name they have in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum ProviderName {
    OpenaiResponses,
    OpenaiChat,
}

/// Permission modes by the name they have in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum PermissionsName {
    Ask,
    Allow,
    Deny,
}

/// `[web]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WebSection {
    /// Where it listens.
    pub(super) listen: Option<SocketAddr>,
    /// Name of the variable with the password.
    pub(super) password_env: Option<String>,
    /// File with the password.
    pub(super) password_file: Option<PathBuf>,
    /// Header in which the proxy names the user.
    pub(super) user_header: Option<String>,
    /// Values of that header whose users are administrators.
    pub(super) admins: Option<Vec<String>>,
    /// Name of the variable with the proxy's secret.
    pub(super) proxy_secret_env: Option<String>,
    /// File with the proxy's secret.
    pub(super) proxy_secret_file: Option<PathBuf>,
    /// Header in which the proxy sends its secret.
    pub(super) proxy_secret_header: Option<String>,
    /// The address that people type, where a proxy stands before it.
    pub(super) public_url: Option<Url>,
}

impl WebSection {
    pub(super) const KEYS: &[&str] = &[
        "admins",
        "listen",
        "password_env",
        "password_file",
        "proxy_secret_env",
        "proxy_secret_file",
        "proxy_secret_header",
        "public_url",
        "user_header",
    ];
}

/// `[threads]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ThreadsSection {
    /// What a message does that comes while a turn runs.
    pub(super) dispatch: Option<Dispatch>,
    /// Where workspaces are made.
    pub(super) workspaces: Option<PathBuf>,
}

impl ThreadsSection {
    pub(super) const KEYS: &[&str] = &["dispatch", "workspaces"];
}

/// `[limits]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LimitsSection {
    pub(super) workers: Option<std::num::NonZeroUsize>,
    pub(super) starting: Option<std::num::NonZeroUsize>,
    pub(super) starts_per_second: Option<NonZeroU32>,
    pub(super) queued: Option<std::num::NonZeroUsize>,
    pub(super) idle: Option<Span>,
    pub(super) start: Option<Span>,
    pub(super) silence: Option<Span>,
    pub(super) permission: Option<Span>,
    pub(super) login: Option<Span>,
    pub(super) drain: Option<Span>,
    pub(super) model_calls: Option<NonZeroU32>,
    pub(super) processes: Option<Processes>,
}

impl LimitsSection {
    pub(super) const KEYS: &[&str] = &[
        "drain",
        "idle",
        "login",
        "model_calls",
        "permission",
        "processes",
        "queued",
        "silence",
        "start",
        "starting",
        "starts_per_second",
        "workers",
    ];
}

/// How many processes and threads one command may have at once.
#[derive(Debug, Clone, Copy)]
pub(super) struct Processes(pub(super) NonZeroU32);

impl Processes {
    /// With fewer a shell can hardly run a pipe.
    const LEAST: u32 = 16;
}

impl<'de> Deserialize<'de> for Processes {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (least, most) = (Self::LEAST, cage::MOST_PROCESSES);
        let asked = i64::deserialize(deserializer).ok();
        asked
            .and_then(|asked| u32::try_from(asked).ok())
            .filter(|asked| (least..=most).contains(asked))
            .and_then(NonZeroU32::new)
            .map(Self)
            .ok_or_else(|| D::Error::custom(format!("must be a number from {least} to {most}")))
    }
}

const LONGEST: Duration = Duration::from_hours(366 * 24);

/// A time as people write it: `90s`, `30m`, `1h 30m`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span(pub(super) Duration);

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match humantime::parse_duration(&text) {
            Ok(span) if span < Duration::from_secs(1) => Err(D::Error::custom("must be at least one second")),
            // Far longer ones can't be added to a clock.
            Ok(span) if span > LONGEST => Err(D::Error::custom("must be a year at most")),
            Ok(span) => Ok(Self(span)),
            Err(_) => Err(D::Error::custom(
                "must be a time such as \"90s\", \"30m\" or \"2h\"",
            )),
        }
    }
}

/// `[cage]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CageSection {
    /// Layers that this host does without.
    pub(super) without: Option<Vec<Layer>>,
    /// Folders besides the system's that commands may read.
    pub(super) readable: Option<Vec<PathBuf>>,
}

impl CageSection {
    pub(super) const KEYS: &[&str] = &["readable", "without"];
}
