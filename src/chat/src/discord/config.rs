//! What the program that starts this front-end tells it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use conversation::{Dispatch, Permissions};
use secrecy::SecretString;
use url::Url;

use super::admission::{Id, Rules};

/// What Discord's front-end is told. `Debug` shows no token.
#[derive(Debug, Clone)]
pub struct Config {
    /// The bot's token.
    pub token: Token,
    /// Who may speak and where. Its owners are empty until Discord has said who they are.
    pub rules: Rules,
    /// What is different in a channel.
    pub channels: BTreeMap<Id, Channel>,
    /// Who may decide permission requests besides a thread's owner.
    pub approvers: BTreeSet<Id>,
    /// Who may sign in and out for the whole host, besides the application's owners.
    pub admins: BTreeSet<Id>,
    /// The shards that this host connects; all of them if it is not said.
    pub shards: Option<Shards>,
    /// Another service than Discord's own.
    pub server: Server,
}

/// Where the bot's token comes from.
#[derive(Debug, Clone)]
pub enum Token {
    /// It is here.
    Given {
        /// The token.
        secret: SecretString,
        /// Where it was found, for people.
        from: String,
        /// The file that it was found in, if it was one.
        file: Option<PathBuf>,
    },
    /// The first line that a program prints.
    Command(Vec<String>),
}

impl Token {
    /// The file that it was found in, if it was one.
    pub fn file(&self) -> Option<&PathBuf> {
        match self {
            Self::Given { file, .. } => file.as_ref(),
            Self::Command(_) => None,
        }
    }

    /// Where it comes from, for people.
    pub fn source(&self) -> String {
        match self {
            Self::Given { from, .. } => from.clone(),
            Self::Command(words) => format!("the command `{}`", words.first().map_or("", String::as_str)),
        }
    }
}

/// What is different in one channel; `None` leaves it as it is everywhere.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Channel {
    /// The agent of its threads.
    pub agent: Option<String>,
    /// Its model.
    pub model: Option<String>,
    /// The folder in which each of its threads gets a workspace of its own.
    pub workspace: Option<PathBuf>,
    /// What a message does that comes while a turn runs.
    pub dispatch: Option<Dispatch>,
    /// What happens before a tool changes something.
    pub permissions: Option<Permissions>,
}

/// Shards of a large bot that one host connects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shards {
    /// The first one, from 0.
    pub first: u32,
    /// The last one.
    pub last: u32,
    /// All that there are.
    pub total: u32,
}

/// Where Discord is. A gateway on this machine is only ever used with an API on this machine.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Server {
    /// The root of its API; Discord's own if it is not said.
    pub api_base: Option<Url>,
    /// Its gateway; if it is not said, the one that the API names.
    pub gateway_url: Option<Url>,
    /// A file with the certificate (PEM) of an authority that is trusted besides those that the web trusts.
    pub ca_file: Option<PathBuf>,
}
