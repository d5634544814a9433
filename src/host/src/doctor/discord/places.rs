//! Where the bot is, and whether it may do there what it has to.

use std::collections::BTreeSet;

use chat::discord::config::Config;
use chat::discord::inspect::{Application, Bot, Channel, Guild, Rest, Trouble, invite_link};

use super::unanswered;
use crate::doctor::check::Check;

const NAME: &str = "bot-channels";

/// A bot in more servers than this is looked at in some of them.
const MAX_GUILDS: usize = 25;

/// So many are named.
const SHOWN: usize = 8;

/// Whether the bot may do what it has to in every channel it is meant for.
pub(super) async fn check(config: &Config, rest: &Rest, bot: &Bot, application: &Application) -> Check {
    match gather(config, rest, bot).await {
        Ok(found) => judge(config, application.id, &found),
        Err(trouble) => unanswered(NAME, "its servers", &trouble),
    }
}

struct Places {
    guilds: Vec<Guild>,
    channels: Vec<Channel>,
    /// Servers that were not looked at.
    left_out: usize,
}

async fn gather(config: &Config, rest: &Rest, bot: &Bot) -> Result<Places, Trouble> {
    let listed = &config.rules.guilds;
    let mut guilds = rest.guilds().await?;
    // Listed channels may be in any server.
    if config.rules.allowed.is_empty() && !listed.is_empty() {
        guilds.retain(|guild| listed.contains(&guild.id));
    }
    let left_out = guilds.len().saturating_sub(MAX_GUILDS);
    guilds.truncate(MAX_GUILDS);
    let mut channels = Vec::new();
    for guild in &guilds {
        channels.extend(rest.channels(guild.id, bot.id).await?);
    }
    Ok(Places {
        guilds,
        channels,
        left_out,
    })
}

fn judge(config: &Config, application: u64, places: &Places) -> Check {
    let invite = || {
        format!(
            "an administrator of the server opens {}",
            invite_link(application)
        )
    };
    if places.guilds.is_empty() && config.rules.guilds.is_empty() {
        return Check::fail(NAME, "the bot is in no server").hint(invite());
    }
    let mut findings: Vec<Check> = absent_guilds(config, places)
        .map(|id| Check::fail(NAME, format!("the bot is not in the server {id} of `guilds`")).hint(invite()))
        .collect();
    let rules = &config.rules;
    // What is said of a channel is meant for one that is there, too.
    let meant: BTreeSet<u64> = rules
        .allowed
        .iter()
        .chain(config.channels.keys())
        .copied()
        .collect();
    let unknown = |id: &&u64| !places.channels.iter().any(|channel| channel.id == **id);
    if places.left_out == 0 {
        findings.extend(meant.iter().filter(unknown).map(|id| {
            Check::fail(
                NAME,
                format!("no server that the bot is in has a text channel or forum {id}"),
            )
            .hint("correct the id in `allowed_channels` or a table of `[discord]`, or invite the bot to its server")
        }));
    }
    // One that is not listed and that the bot does not see is most likely not meant for it.
    let is_looked_at = |channel: &&Channel| {
        let is_meant = rules.allowed.contains(&channel.id) || channel.permissions.may_see();
        is_meant && rules.serves(channel.guild, channel.id)
    };
    let looked_at: Vec<&Channel> = places.channels.iter().filter(is_looked_at).collect();
    if looked_at.is_empty() {
        findings.push(
            Check::fail(NAME, "there is no channel that the bot sees and may work in").hint(
                "give it a role that has View Channel there, or invite it anew; or change `allowed_channels`, `guilds`, or a \
                 `mode = \"off\"` in `[discord]`",
            ),
        );
    }
    let lacks = looked_at
        .iter()
        .filter(|channel| !channel.permissions.missing().is_empty());
    findings.extend(lacks.map(|channel| lacking(channel, rules.allowed.contains(&channel.id))));
    let mut fine = good(places, &looked_at);
    if places.left_out > 0 {
        fine = format!("{fine}; {} more servers were not looked at", places.left_out);
    }
    Check::worst(NAME, findings, fine)
}

fn absent_guilds(config: &Config, places: &Places) -> impl Iterator<Item = u64> {
    let listed = config.rules.guilds.iter();
    let present: BTreeSet<u64> = places.guilds.iter().map(|guild| guild.id).collect();
    listed.copied().filter(move |id| !present.contains(id))
}

/// Without a list of channels the bot is anywhere, and one channel is no reason to act.
fn lacking(channel: &Channel, is_listed: bool) -> Check {
    let what = format!(
        "#{} lacks {}",
        channel.name,
        channel.permissions.missing().join(", ")
    );
    let check = if is_listed {
        Check::fail(NAME, what)
    } else {
        Check::warn(NAME, what)
    };
    check.hint(format!(
        "allow it to the bot's role: open https://discord.com/channels/{}/{} → Edit Channel → Permissions",
        channel.guild, channel.id
    ))
}

fn good(places: &Places, looked_at: &[&Channel]) -> String {
    let names: Vec<String> = looked_at
        .iter()
        .take(SHOWN)
        .map(|channel| format!("#{}", channel.name))
        .collect();
    let more = looked_at.len().saturating_sub(SHOWN);
    let more = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    let servers: Vec<&str> = places
        .guilds
        .iter()
        .take(SHOWN)
        .map(|guild| guild.name.as_str())
        .collect();
    format!(
        "may do all it has to in {}{more}, in {}",
        names.join(", "),
        servers.join(", ")
    )
}
