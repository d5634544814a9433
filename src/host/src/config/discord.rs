//! Discord: where the token is, who may speak where, and what is different in a channel.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use chat::discord::admission::{Mode, Rules};
use chat::discord::config::{Channel, Config, Server};
use supervisor::Agent;
use url::Url;

use super::cage::{Hidden, without_links};
use super::document::{DiscordTables, Named, TablePlace};
use super::{Places, Problem, Variables};

mod section;
mod token;

pub(crate) use section::id_of;
pub(super) use section::{ChannelSection, DiscordSection, NO_ID};
pub(crate) use token::{DEFAULT_VARIABLE, Source};

/// Turns in a row that bots may begin, unless it is said otherwise.
const BOT_TURNS: u32 = 5;

/// Checks the section. Without one, a token in the environment is enough.
pub(super) fn settings(
    tables: Option<DiscordTables>,
    agents: &BTreeMap<String, Agent>,
    places: &Places,
    hidden: &Hidden<'_>,
    variables: &Variables,
    problems: &mut Vec<Problem>,
) -> Option<Config> {
    let Some(tables) = tables else {
        return token::of_environment(variables, problems).map(|token| Config {
            token,
            rules: rules(&DiscordSection::default(), &BTreeMap::new()),
            channels: BTreeMap::new(),
            approvers: [].into(),
            admins: [].into(),
            shards: None,
            server: Server::default(),
        });
    };
    let server = server(Some(&tables));
    let DiscordTables {
        section,
        place,
        channels,
    } = tables;
    let token = token::find(&section, &place, places, variables, problems);
    check_server(&section, &place, problems);
    let modes: BTreeMap<_, _> = channels
        .iter()
        .filter_map(|table| Some((id_of(&table.name)?, table.declared.mode?.into())))
        .collect();
    let rules = rules(&section, &modes);
    let channels = channels
        .into_iter()
        .filter_map(|table| {
            Some((
                id_of(&table.name)?,
                channel(table, agents, places, hidden, problems),
            ))
        })
        .collect();
    Some(Config {
        token: token?,
        rules,
        channels,
        approvers: section.approvers.unwrap_or_default().0,
        admins: section.admins.unwrap_or_default().0,
        shards: section.shards.map(|shards| shards.0),
        server,
    })
}

/// Where threads of some channels get their workspaces.
pub(super) fn workspaces(tables: Option<&DiscordTables>, places: &Places) -> Vec<PathBuf> {
    let channels = tables.into_iter().flat_map(|tables| &tables.channels);
    let named = channels.filter_map(|table| table.declared.workspace.as_ref());
    named.map(|path| places.beside_config(path)).collect()
}

/// Where Discord is, by this section.
pub(super) fn server(tables: Option<&DiscordTables>) -> Server {
    tables.map_or_else(Server::default, |tables| Server {
        api_base: tables.section.api_base.clone(),
        gateway_url: tables.section.gateway_url.clone(),
    })
}

fn rules(section: &DiscordSection, modes: &BTreeMap<u64, Mode>) -> Rules {
    let ids = |ids: &Option<section::Ids>| ids.clone().unwrap_or_default().0;
    Rules {
        // Discord says who they are.
        owners: [].into(),
        users: ids(&section.users),
        roles: ids(&section.roles),
        everyone: section.everyone.unwrap_or(false),
        allowed: ids(&section.allowed_channels),
        modes: modes.clone(),
        guilds: ids(&section.guilds),
        dms: section.dms.unwrap_or(false),
        bots: ids(&section.bots),
        bot_turns: section.bot_turns.map_or(BOT_TURNS, std::num::NonZeroU32::get),
    }
}

fn channel(
    table: Named<ChannelSection>,
    agents: &BTreeMap<String, Agent>,
    places: &Places,
    hidden: &Hidden<'_>,
    problems: &mut Vec<Problem>,
) -> Channel {
    let section = table.declared;
    if let Some(name) = section.agent.as_ref().filter(|name| !agents.contains_key(*name)) {
        let known: Vec<&str> = agents.keys().map(String::as_str).collect();
        problems.push(
            table
                .place
                .problem(Some("agent"), format!("there is no agent `{name}`"))
                .hint(format!("known: {}", known.join(", "))),
        );
    }
    if section
        .model
        .as_deref()
        .is_some_and(|model| model.trim().is_empty())
    {
        problems.push(table.place.problem(Some("model"), "is empty"));
    }
    let workspace = section.workspace.map(|path| places.beside_config(&path));
    if let Some(what) = workspace.as_deref().and_then(|folder| meets(folder, hidden)) {
        problems.push(
            table
                .place
                .problem(Some("workspace"), what)
                .hint("name a folder that is for the threads of this channel alone"),
        );
    }
    Channel {
        agent: section.agent,
        model: section.model,
        workspace,
        dispatch: section.dispatch,
        permissions: section.permissions.map(Into::into),
    }
}

/// What else is in a folder of workspaces, or holds it: threads would share files. Channels may name the same folder, since each
/// thread has one of its own in it.
fn meets(folder: &Path, hidden: &Hidden<'_>) -> Option<String> {
    let own = without_links(folder);
    let met = |other: &Path| {
        let other = without_links(other);
        own.starts_with(&other) || other.starts_with(&own)
    };
    if met(hidden.state) {
        return Some(format!(
            "and the state folder `{}` lie in each other",
            hidden.state.display()
        ));
    }
    if hidden
        .store
        .parent()
        .is_some_and(|logins| without_links(logins).starts_with(&own))
    {
        return Some(format!("holds the logins `{}`", hidden.store.display()));
    }
    if met(hidden.workspaces) {
        return Some(format!(
            "and the folder of all other threads' workspaces `{}` lie in each other",
            hidden.workspaces.display()
        ));
    }
    let others = hidden.of_channels.iter();
    let mut others = others.filter(|other| without_links(other) != own);
    let other = others.find(|other| met(other))?;
    Some(format!(
        "and another channel's `{}` lie in each other",
        other.display()
    ))
}

/// The token goes to these addresses.
fn check_server(section: &DiscordSection, place: &TablePlace, problems: &mut Vec<Problem>) {
    let mut fault = |key, what: &str| problems.push(place.problem(Some(key), what));
    let is_local = |url: &Option<Url>| url.as_ref().is_some_and(credentials::is_loopback);
    for (key, url, secure, plain) in [
        ("api_base", &section.api_base, "https", "http"),
        ("gateway_url", &section.gateway_url, "wss", "ws"),
    ] {
        let Some(url) = url else {
            continue;
        };
        if url.scheme() != secure && url.scheme() != plain {
            fault(key, &format!("must begin with {secure}://"));
        } else if url.scheme() == plain && !credentials::is_loopback(url) {
            fault(
                key,
                &format!("must begin with {secure}://: the token is sent there"),
            );
        } else if url.query().is_some() || url.fragment().is_some() {
            fault(key, "must be an address without `?` and `#`");
        }
    }
    if is_local(&section.gateway_url) && !is_local(&section.api_base) {
        fault(
            "gateway_url",
            "is on this machine and `api_base` is not: what happens here would reach the real service",
        );
    }
    if section.gateway_url.is_some() && is_local(&section.api_base) && !is_local(&section.gateway_url) {
        fault("gateway_url", "is not on this machine, and `api_base` is");
    }
}

#[cfg(test)]
mod tests;
