//! The tables of the configuration file, besides `[vendors.NAME]`.

use std::path::PathBuf;

use serde::Deserialize;
use url::Url;

/// Tables at the top of the file.
pub(super) const TABLES: &[&str] = &["credentials", "log", "rehearsal", "vendors"];

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
