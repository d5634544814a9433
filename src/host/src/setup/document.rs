//! `[discord]` in the text of a configuration: changed where it must be, with everything else left as it stands.

use std::collections::BTreeSet;
use std::path::Path;

use toml_edit::{Array, DocumentMut, Item, Table, TableLike, Value};

use super::file;
use crate::config::{Settings, Source, id_of};
use crate::failure::Failure;

/// The key of the list of channels that the bot works in.
const ALLOWED: &str = "allowed_channels";

/// What is to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Plan {
    /// `None`: as it was.
    pub(super) source: Option<Source>,
    pub(super) channels: Channels,
    pub(super) people: People,
}

/// Where the bot speaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Channels {
    /// As it was.
    Keep,
    /// Wherever it is invited to.
    All,
    /// Here.
    Listed(BTreeSet<u64>),
}

/// Who may speak besides the owner and the team.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum People {
    /// As it was.
    Keep,
    /// Everybody there.
    Everyone,
    /// These.
    Listed {
        users: BTreeSet<u64>,
        roles: BTreeSet<u64>,
    },
}

impl People {
    /// Nobody.
    pub(super) fn none() -> Self {
        Self::Listed {
            users: [].into(),
            roles: [].into(),
        }
    }
}

/// What the configuration says already.
#[derive(Debug, Default)]
pub(super) struct Written {
    /// Where the token is.
    pub(super) source: Option<Source>,
    /// Its channels.
    pub(super) channels: Vec<u64>,
    /// Servers in all of whose channels the bot works, too.
    pub(super) guilds: Vec<u64>,
    /// Whether it names anybody who may speak.
    pub(super) names_people: bool,
}

impl Written {
    pub(super) fn read(settings: &Settings) -> Result<Self, Failure> {
        let path = &settings.config_path;
        let document = parsed(&file::text(path)?)?;
        let Some(table) = document.get("discord").and_then(Item::as_table_like) else {
            return Ok(Self::default());
        };
        Ok(Self {
            source: source_of(table, path.parent().unwrap_or(Path::new("/"))),
            channels: ids_of(table, ALLOWED),
            guilds: ids_of(table, "guilds"),
            names_people: ["users", "roles", "everyone"]
                .iter()
                .any(|key| table.contains_key(key)),
        })
    }
}

/// The text with what is planned in it.
///
/// Errors: the text is no TOML, or `discord` is no table.
pub(super) fn merged(text: &str, plan: &Plan) -> Result<String, Failure> {
    let mut document = parsed(text)?;
    let root = document.as_table_mut();
    if !root.contains_key("discord") {
        let mut table = Table::new();
        if !root.is_empty() || !text.trim().is_empty() {
            table.decor_mut().set_prefix("\n");
        }
        root.insert("discord", Item::Table(table));
    }
    let Some(table) = root.get_mut("discord").and_then(Item::as_table_like_mut) else {
        return Err(Failure::words("`discord` in the configuration is not a table"));
    };
    if let Some(source) = &plan.source {
        set_source(table, source);
    }
    set_channels(table, &plan.channels);
    set_people(table, &plan.people);
    Ok(document.to_string())
}

/// The lines of the section, for people.
pub(super) fn section(text: &str) -> String {
    let lines = text.lines().skip_while(|line| line.trim() != "[discord]");
    let own = lines.enumerate().take_while(|(at, line)| {
        let is_other = line.starts_with('[') && !line.starts_with("[discord");
        *at == 0 || !is_other
    });
    let shown = own.map(|(_, line)| line).filter(|line| {
        let line = line.trim_start();
        !line.is_empty() && !line.starts_with('#')
    });
    shown
        .map(|line| format!("   {line}"))
        .collect::<Vec<_>>()
        .join("\n")
}

fn parsed(text: &str) -> Result<DocumentMut, Failure> {
    text.parse().map_err(|error: toml_edit::TomlError| {
        // Its own words show the line, which could be a secret in the wrong place.
        let at = error.span().map_or(0, |span| span.start);
        let line = text
            .get(..at)
            .map_or(1, |before| before.matches('\n').count() + 1);
        Failure::words(format!(
            "the configuration is not TOML (line {line}), and is left as it is"
        ))
    })
}

/// The place of the token as it is written; a file's is relative to `folder`.
fn source_of(table: &dyn TableLike, folder: &Path) -> Option<Source> {
    let text = |key| table.get(key).and_then(Item::as_str);
    if let Some(name) = text("token_env") {
        return Some(Source::Variable(name.to_owned()));
    }
    if let Some(file) = text("token_file") {
        return Some(Source::File(folder.join(file)));
    }
    let words = table.get("token_command").and_then(Item::as_array)?;
    let words = words.iter().filter_map(Value::as_str).map(str::to_owned);
    Some(Source::Command(words.collect()))
}

fn set_source(table: &mut dyn TableLike, source: &Source) {
    let (key, value) = match source {
        Source::Variable(name) => ("token_env", Value::from(name.as_str())),
        Source::File(path) => ("token_file", Value::from(path.display().to_string())),
        Source::Command(words) => ("token_command", Value::from(words.iter().collect::<Array>())),
    };
    for other in ["token_env", "token_file", "token_command"] {
        if other != key {
            table.remove(other);
        }
    }
    set(table, key, value);
}

fn set_channels(table: &mut dyn TableLike, channels: &Channels) {
    let ids = match channels {
        Channels::Keep => return,
        Channels::All => {
            table.remove(ALLOWED);
            return;
        }
        Channels::Listed(ids) => ids,
    };
    set(table, ALLOWED, list(ids));
    // What is said of a channel stays, but that the bot never speaks there.
    let Some(tables) = table.get_mut("channels").and_then(Item::as_table_like_mut) else {
        return;
    };
    for (key, item) in tables.iter_mut() {
        let is_chosen = id_of(key.get()).is_some_and(|id| ids.contains(&id));
        if let Some(table) = item.as_table_like_mut()
            && is_chosen
            && table.get("mode").and_then(Item::as_str) == Some("off")
        {
            table.remove("mode");
        }
    }
}

fn set_people(table: &mut dyn TableLike, people: &People) {
    let (users, roles) = match people {
        People::Keep => return,
        People::Everyone => {
            set(table, "everyone", true.into());
            return;
        }
        People::Listed { users, roles } => (users, roles),
    };
    table.remove("everyone");
    for (key, ids) in [("users", users), ("roles", roles)] {
        if ids.is_empty() {
            table.remove(key);
        } else {
            set(table, key, list(ids));
        }
    }
}

/// A new value in the old one's place, with the comment that stood there.
fn set(table: &mut dyn TableLike, key: &str, mut value: Value) {
    if let Some(old) = table.get_mut(key).and_then(Item::as_value_mut) {
        *value.decor_mut() = old.decor().clone();
        *old = value;
    } else {
        table.insert(key, value.into());
    }
}

/// Discord's ids fit; one that did not would be written as text.
fn list(ids: &BTreeSet<u64>) -> Value {
    let value = |id: &u64| i64::try_from(*id).map_or_else(|_| Value::from(id.to_string()), Value::from);
    Value::Array(ids.iter().map(value).collect())
}

fn ids_of(table: &dyn TableLike, key: &str) -> Vec<u64> {
    let values = table.get(key).and_then(Item::as_array).into_iter().flatten();
    values
        .filter_map(|value| match value {
            Value::Integer(number) => u64::try_from(*number.value()).ok(),
            value => id_of(value.as_str()?),
        })
        .collect()
}

#[cfg(test)]
mod tests;
