//! Discord: where the token is, who may speak where, and what is different in a channel.

use std::collections::BTreeMap;
use std::path::PathBuf;

use chat::discord::admission::{Mode, Rules};
use chat::discord::config::{Config, Server};
use supervisor::Agent;
use url::Url;

use super::cage::Hidden;
use super::document::{DiscordTables, TablePlace};
use super::{Places, Problem, Variables, ca_file};

mod channels;
mod section;
mod token;

pub(crate) use section::id_of;
pub(super) use section::{ChannelSection, DiscordSection, NO_ID};
pub(crate) use token::{DEFAULT_VARIABLE, Source};

/// Turns in a row that bots may begin, unless it is said otherwise.
const BOT_TURNS: u32 = 5;

/// Checks the section. Without one, a token in the environment is enough. `warnings` are for what works, and hardly as it is
/// meant.
pub(super) fn settings(
    tables: Option<DiscordTables>,
    agents: &BTreeMap<String, Agent>,
    places: &Places,
    hidden: &Hidden<'_>,
    variables: &Variables,
    problems: &mut Vec<Problem>,
    warnings: &mut Vec<Problem>,
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
    let server = server(Some(&tables), places);
    let DiscordTables {
        section,
        place,
        channels,
    } = tables;
    let token = token::find(&section, &place, places, variables, problems);
    check_server(&section, &place, problems);
    problems.extend(ca_file::fault(server.ca_file.as_deref(), &place));
    warnings.extend(section.repeated(&place));
    let modes = channels
        .iter()
        .filter_map(|table| Some((id_of(&table.name)?, table.declared.mode?.into())));
    let rules = rules(&section, &modes.collect());
    let mut reader = channels::Reader {
        agents,
        places,
        hidden,
        rules: &rules,
        problems,
        warnings,
    };
    let channels = channels.into_iter().filter_map(|table| reader.channel(table));
    let channels = channels.collect();
    Some(Config {
        token: token?,
        rules,
        channels,
        approvers: section.approvers.unwrap_or_default().ids,
        admins: section.admins.unwrap_or_default().ids,
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
pub(super) fn server(tables: Option<&DiscordTables>, places: &Places) -> Server {
    tables.map_or_else(Server::default, |DiscordTables { section, .. }| Server {
        api_base: section.api_base.clone(),
        gateway_url: section.gateway_url.clone(),
        ca_file: section.ca_file.as_deref().map(|file| places.beside_config(file)),
    })
}

fn rules(section: &DiscordSection, modes: &BTreeMap<u64, Mode>) -> Rules {
    let ids = |ids: &Option<section::Ids>| ids.clone().unwrap_or_default().ids;
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
