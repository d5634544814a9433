//! What a native worker is told in its first frame: `_meta["agent-host"]` of `initialize`. Never argv, never environment.

use std::num::{NonZeroU32, NonZeroU64};
use std::path::PathBuf;
use std::time::Duration;

use cage::Layer;
use credentials::{Service, TokenEndpoint, UserId};
use secrecy::SecretString;
use serde_json::Value;
use thiserror::Error;
use url::Url;

mod wire;

/// The key under `_meta` that is ours.
pub const META_KEY: &str = "agent-host";

/// The key in `_meta["agent-host"]` of `session/prompt` that names the model of this turn; without it, the profile's.
pub const MODEL_CHANGE: &str = "model";

/// Everything that a native worker has to know, and nothing that it has not.
#[derive(Debug, Clone)]
pub struct Profile {
    /// Where the transcript is kept. The thread's own folder, outside the workspace.
    pub session_folder: PathBuf,
    /// The wire format.
    pub provider: Provider,
    /// Base URL of the API, such as `https://api.openai.com/v1`.
    pub base_url: Url,
    /// The model; `None` makes every turn fail with words that say how to choose one.
    pub model: Option<String>,
    /// Whose login pays; `None` for a server that wants none.
    pub account: Option<Account>,
    /// What happens before a tool runs.
    pub permissions: Permissions,
    /// Layers of the cage that this host does without.
    pub without_layers: Vec<Layer>,
    /// Folders besides the system's that commands and tools may read. Absolute, without links.
    pub readable: Vec<PathBuf>,
    /// How long the model's server may say nothing: before its first byte, and between two.
    pub patience: Duration,
    /// Certificates (PEM) that a server's may be signed by, besides those that the web trusts.
    pub ca_file: Option<PathBuf>,
    /// How many tokens the model can take, answer included; `None` if that is only known when it refuses a request.
    pub context_tokens: Option<NonZeroU64>,
    /// Model calls in one turn.
    pub model_calls: NonZeroU32,
    /// Processes and threads that one command may have at once.
    pub processes: NonZeroU32,
    /// Words added to the system prompt by the configuration.
    pub instructions: Option<String>,
}

/// Far more model calls than the work of a turn needs, and an end to a model that goes round in circles.
pub const MODEL_CALLS: NonZeroU32 = NonZeroU32::new(200).expect("not zero");

/// More processes and threads than an honest command has at once, and few enough of the 32,768 numbers that many systems
/// have for all.
pub const PROCESSES: NonZeroU32 = NonZeroU32::new(4096).expect("not zero");

/// The longest silence of a model's server unless something else is configured: models that think say nothing for minutes.
pub const PATIENCE: Duration = Duration::from_mins(5);

/// Why a profile could not be read. Never contains a value of it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ProfileError {
    /// Supervisor and worker are not of the same version.
    #[error("the profile has version {found}, this worker understands {known}")]
    Version {
        /// The version that came.
        found: u64,
        /// The one that is understood.
        known: u64,
    },
    /// It is not a profile.
    #[error("could not read the profile: {0}")]
    Malformed(String),
}

impl Profile {
    /// The value that goes into `_meta` under [`META_KEY`]. It holds secrets: it is for a worker's pipe, not for a log.
    pub fn to_meta(&self) -> Value {
        wire::write(self)
    }

    /// Reads the value that stands in `_meta` under [`META_KEY`].
    ///
    /// Errors: another version, or not a profile. No error repeats a value.
    pub fn from_meta(meta: &Value) -> Result<Self, ProfileError> {
        wire::read(meta)
    }
}

/// Wire formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provider {
    /// OpenAI Responses.
    OpenaiResponses,
    /// OpenAI Chat Completions.
    OpenaiChat,
}

/// What happens before a tool that changes something runs. (Reading inside the workspace never asks.)
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Permissions {
    /// A person is asked.
    #[default]
    Ask,
    /// It runs.
    Allow,
    /// It is denied.
    Deny,
}

/// Where the worker finds the credential for its model calls, at each call anew.
#[derive(Debug, Clone)]
pub struct Account {
    /// `auth.json`.
    pub store: PathBuf,
    /// Whether the store may lie on a network file system.
    pub allow_network_filesystem: bool,
    /// The service.
    pub service: Service,
    /// Its name for people.
    pub title: String,
    /// The thread's owner.
    pub owner: UserId,
    /// How its tokens are refreshed; `None` for services that only know keys.
    pub endpoint: Option<TokenEndpoint>,
    /// Error codes with which its API says, by a 403, that the token is refused.
    pub rejection_codes: Vec<String>,
    /// The host's API key.
    pub host_key: Option<HostSecret>,
    /// The host's long-lived token.
    pub host_token: Option<HostSecret>,
}

/// A secret from the host's environment, and where it came from, for messages.
#[derive(Debug, Clone)]
pub struct HostSecret {
    /// The variable's name.
    pub variable: String,
    /// Its value.
    pub value: SecretString,
}

#[cfg(test)]
mod tests;
