//! The keys of `[discord]` and `[discord.channels.ID]`.

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::path::PathBuf;

use chat::discord::admission::Mode;
use chat::discord::config::Shards;
use conversation::{Dispatch, Permissions};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use url::Url;

use crate::config::Problem;
use crate::config::document::TablePlace;
use crate::config::sections::PermissionsName;

/// What is said of something that should be an id.
pub(in crate::config) const NO_ID: &str = "must be an id such as 123456789012345678 (in Discord: Settings → Advanced → Developer Mode, \
     then right-click → Copy ID)";

/// `[discord]`, without the tables of channels.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct DiscordSection {
    /// Never: it says why not.
    #[serde(rename = "token")]
    _token: Option<NeverHere>,
    /// Name of the variable with the token.
    pub(super) token_env: Option<String>,
    /// File with the token.
    pub(super) token_file: Option<PathBuf>,
    /// Program and arguments that print the token.
    #[serde(default, deserialize_with = "words")]
    pub(super) token_command: Option<Vec<String>>,
    pub(super) users: Option<Ids>,
    pub(super) roles: Option<Ids>,
    pub(super) allowed_channels: Option<Ids>,
    pub(super) guilds: Option<Ids>,
    pub(super) everyone: Option<bool>,
    pub(super) dms: Option<bool>,
    pub(super) bots: Option<Ids>,
    pub(super) bot_turns: Option<NonZeroU32>,
    pub(super) approvers: Option<Ids>,
    pub(super) admins: Option<Ids>,
    pub(super) shards: Option<ShardsSection>,
    #[serde(default, deserialize_with = "address")]
    pub(super) api_base: Option<Url>,
    #[serde(default, deserialize_with = "address")]
    pub(super) gateway_url: Option<Url>,
    pub(super) ca_file: Option<PathBuf>,
}

impl DiscordSection {
    pub(in crate::config) const KEYS: &[&str] = &[
        "admins",
        "allowed_channels",
        "api_base",
        "approvers",
        "bot_turns",
        "bots",
        "ca_file",
        "dms",
        "everyone",
        "gateway_url",
        "guilds",
        "roles",
        "shards",
        "token",
        "token_command",
        "token_env",
        "token_file",
        "users",
    ];

    /// What stands twice in one list: it does no harm, and one of the two was most likely meant to be another.
    pub(super) fn repeated(&self, place: &TablePlace) -> Vec<Problem> {
        let lists = [
            ("admins", &self.admins),
            ("allowed_channels", &self.allowed_channels),
            ("approvers", &self.approvers),
            ("bots", &self.bots),
            ("guilds", &self.guilds),
            ("roles", &self.roles),
            ("users", &self.users),
        ];
        let repeated = lists.into_iter().filter_map(|(key, ids)| {
            let ids = ids.as_ref().map(|ids| &ids.repeated)?;
            let words: Vec<String> = ids.iter().map(u64::to_string).collect();
            let what = format!("names {} more than once", words.join(" and "));
            let hint = "take one out, or correct it if another was meant";
            (!ids.is_empty()).then(|| place.problem(Some(key), what).hint(hint))
        });
        repeated.collect()
    }
}

/// `[discord.channels.ID]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct ChannelSection {
    pub(super) mode: Option<ModeName>,
    pub(super) agent: Option<String>,
    pub(super) model: Option<String>,
    pub(super) workspace: Option<PathBuf>,
    pub(super) dispatch: Option<Dispatch>,
    pub(super) permissions: Option<PermissionsName>,
}

impl ChannelSection {
    pub(in crate::config) const KEYS: &[&str] =
        &["agent", "dispatch", "mode", "model", "permissions", "workspace"];
}

/// Modes by the name they have in the file.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(in crate::config) enum ModeName {
    Mention,
    All,
    Off,
}

impl From<ModeName> for Mode {
    fn from(name: ModeName) -> Self {
        match name {
            ModeName::Mention => Self::Mention,
            ModeName::All => Self::All,
            ModeName::Off => Self::Off,
        }
    }
}

impl From<PermissionsName> for Permissions {
    fn from(name: PermissionsName) -> Self {
        match name {
            PermissionsName::Ask => Self::Ask,
            PermissionsName::Allow => Self::Allow,
            PermissionsName::Deny => Self::Deny,
        }
    }
}

/// A key that is always wrong. Its value is not looked at, and so never shown.
#[derive(Debug)]
struct NeverHere;

impl<'de> Deserialize<'de> for NeverHere {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Err(D::Error::custom(
            "a token does not belong in this file, which is shown, copied and backed up; say where it is: token_env, token_file \
             or token_command. If this file was ever shared, make a new token",
        ))
    }
}

fn words<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<String>>, D::Error> {
    let words = toml::Value::deserialize(deserializer)?.try_into();
    words.map(Some).map_err(|_| {
        D::Error::custom(
            "must be a list such as [\"pass\", \"show\", \"discord-bot\"]: the program and its arguments",
        )
    })
}

fn address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Url>, D::Error> {
    let url = toml::Value::deserialize(deserializer)?.try_into();
    url.map(Some).map_err(|_| {
        D::Error::custom(
            "must be an address such as \"https://discord.example/\", with wss:// for the gateway",
        )
    })
}

/// Ids, as numbers or in quotation marks.
#[derive(Debug, Clone, Default)]
pub(in crate::config) struct Ids {
    pub(super) ids: BTreeSet<u64>,
    /// Those that stand there more than once.
    repeated: BTreeSet<u64>,
}

impl<'de> Deserialize<'de> for Ids {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let toml::Value::Array(values) = toml::Value::deserialize(deserializer)? else {
            return Err(D::Error::custom("must be a list of ids: [123456789012345678]"));
        };
        let id = |value: &toml::Value| match value {
            toml::Value::Integer(number) => u64::try_from(*number).ok().filter(|id| *id > 0),
            toml::Value::String(text) => id_of(text),
            _ => None,
        };
        let mut read = Self::default();
        for value in &values {
            let id = id(value).ok_or_else(|| D::Error::custom(format!("each {NO_ID}")))?;
            if !read.ids.insert(id) {
                read.repeated.insert(id);
            }
        }
        Ok(read)
    }
}

/// The id that a text is. One with a zero before it would be a second spelling of the same.
pub(crate) fn id_of(text: &str) -> Option<u64> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    text.parse().ok().filter(|_| is_number)
}

/// `{ first = 0, last = 3, total = 16 }`.
#[derive(Debug, Clone, Copy)]
pub(in crate::config) struct ShardsSection(pub(super) Shards);

impl<'de> Deserialize<'de> for ShardsSection {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Range {
            first: u32,
            last: u32,
            total: u32,
        }
        let range: Result<Range, _> = toml::Value::deserialize(deserializer)?.try_into();
        match range {
            Ok(Range { first, last, total }) if first <= last && last < total => {
                Ok(Self(Shards { first, last, total }))
            }
            _ => Err(D::Error::custom(
                "must be a range such as { first = 0, last = 3, total = 16 }, counted from 0",
            )),
        }
    }
}
