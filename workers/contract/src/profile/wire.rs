//! The profile's shape on the wire: versioned and tagged, apart from the types that the programs work with.

use std::num::{NonZeroU32, NonZeroU64};
use std::path::PathBuf;
use std::time::Duration;

use cage::Layer;
use credentials::{Service, TokenEndpoint, UserId};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use url::Url;

use super::{
    Account, HostSecret, MODEL_CALLS, PATIENCE, PROCESSES, Permissions, Profile, ProfileError, Provider,
};

const VERSION: u64 = 1;

#[derive(Serialize, Deserialize)]
struct WireProfile {
    version: u64,
    session_folder: PathBuf,
    provider: WireProvider,
    base_url: Url,
    model: Option<String>,
    account: Option<WireAccount>,
    permissions: WirePermissions,
    without_layers: Vec<Layer>,
    #[serde(default)]
    readable: Vec<PathBuf>,
    /// Seconds.
    #[serde(default = "patience")]
    patience: u64,
    #[serde(default)]
    ca_file: Option<PathBuf>,
    #[serde(default)]
    context_tokens: Option<NonZeroU64>,
    #[serde(default = "model_calls")]
    model_calls: NonZeroU32,
    #[serde(default = "processes")]
    processes: NonZeroU32,
    instructions: Option<String>,
}

fn model_calls() -> NonZeroU32 {
    MODEL_CALLS
}

fn processes() -> NonZeroU32 {
    PROCESSES
}

fn patience() -> u64 {
    PATIENCE.as_secs()
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum WireProvider {
    OpenaiResponses,
    OpenaiChat,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum WirePermissions {
    Ask,
    Allow,
    Deny,
}

#[derive(Serialize, Deserialize)]
struct WireAccount {
    store: PathBuf,
    allow_network_filesystem: bool,
    service: Service,
    title: String,
    owner: UserId,
    endpoint: Option<TokenEndpoint>,
    /// The endpoint's own wire form leaves it out.
    client_secret: Option<Exposed>,
    rejection_codes: Vec<String>,
    host_key: Option<WireHostSecret>,
    host_token: Option<WireHostSecret>,
}

#[derive(Serialize, Deserialize)]
struct WireHostSecret {
    variable: String,
    value: Exposed,
}

/// A secret that shows itself while it is written.
struct Exposed(SecretString);

impl Serialize for Exposed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.expose_secret())
    }
}

impl<'de> Deserialize<'de> for Exposed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(text.into()))
    }
}

pub(super) fn write(profile: &Profile) -> Value {
    let wire = WireProfile {
        version: VERSION,
        session_folder: profile.session_folder.clone(),
        provider: match profile.provider {
            Provider::OpenaiResponses => WireProvider::OpenaiResponses,
            Provider::OpenaiChat => WireProvider::OpenaiChat,
        },
        base_url: profile.base_url.clone(),
        model: profile.model.clone(),
        account: profile.account.as_ref().map(write_account),
        permissions: match profile.permissions {
            Permissions::Ask => WirePermissions::Ask,
            Permissions::Allow => WirePermissions::Allow,
            Permissions::Deny => WirePermissions::Deny,
        },
        without_layers: profile.without_layers.clone(),
        readable: profile.readable.clone(),
        patience: profile.patience.as_secs(),
        ca_file: profile.ca_file.clone(),
        context_tokens: profile.context_tokens,
        model_calls: profile.model_calls,
        processes: profile.processes,
        instructions: profile.instructions.clone(),
    };
    // Only a path that is not UTF-8 can fail, and such a worker then says that it got no profile.
    serde_json::to_value(wire).unwrap_or(Value::Null)
}

fn write_account(account: &Account) -> WireAccount {
    let secret = account
        .endpoint
        .as_ref()
        .and_then(|endpoint| endpoint.client_secret.clone());
    let host = |secret: &HostSecret| WireHostSecret {
        variable: secret.variable.clone(),
        value: Exposed(secret.value.clone()),
    };
    WireAccount {
        store: account.store.clone(),
        allow_network_filesystem: account.allow_network_filesystem,
        service: account.service.clone(),
        title: account.title.clone(),
        owner: account.owner.clone(),
        endpoint: account.endpoint.clone(),
        client_secret: secret.map(Exposed),
        rejection_codes: account.rejection_codes.clone(),
        host_key: account.host_key.as_ref().map(host),
        host_token: account.host_token.as_ref().map(host),
    }
}

pub(super) fn read(meta: &Value) -> Result<Profile, ProfileError> {
    let found = meta.get("version").and_then(Value::as_u64);
    if let Some(found) = found.filter(|found| *found != VERSION) {
        return Err(ProfileError::Version {
            found,
            known: VERSION,
        });
    }
    let wire = WireProfile::deserialize(meta).map_err(|error| malformed(&error))?;
    Ok(Profile {
        session_folder: wire.session_folder,
        provider: match wire.provider {
            WireProvider::OpenaiResponses => Provider::OpenaiResponses,
            WireProvider::OpenaiChat => Provider::OpenaiChat,
        },
        base_url: wire.base_url,
        model: wire.model,
        account: wire.account.map(read_account),
        permissions: match wire.permissions {
            WirePermissions::Ask => Permissions::Ask,
            WirePermissions::Allow => Permissions::Allow,
            WirePermissions::Deny => Permissions::Deny,
        },
        without_layers: wire.without_layers,
        readable: wire.readable,
        patience: Duration::from_secs(wire.patience),
        ca_file: wire.ca_file,
        context_tokens: wire.context_tokens,
        model_calls: wire.model_calls,
        processes: wire.processes,
        instructions: wire.instructions,
    })
}

fn read_account(wire: WireAccount) -> Account {
    let secret = wire.client_secret.map(|secret| secret.0);
    let host = |secret: WireHostSecret| HostSecret {
        variable: secret.variable,
        value: secret.value.0,
    };
    Account {
        store: wire.store,
        allow_network_filesystem: wire.allow_network_filesystem,
        service: wire.service,
        title: wire.title,
        owner: wire.owner,
        endpoint: wire.endpoint.map(|endpoint| TokenEndpoint {
            client_secret: secret,
            ..endpoint
        }),
        rejection_codes: wire.rejection_codes,
        host_key: wire.host_key.map(host),
        host_token: wire.host_token.map(host),
    }
}

/// serde's words without the value that it did not expect: that may be a secret in the wrong place.
fn malformed(error: &serde_json::Error) -> ProfileError {
    let words = error.to_string();
    let words = match words.split_once(", expected ") {
        Some((_, expected)) => format!("expected {expected}"),
        None if words.starts_with("missing field") => words,
        None => "it has the wrong shape".to_owned(),
    };
    ProfileError::Malformed(words)
}
