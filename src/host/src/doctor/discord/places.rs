//! Where the bot is, and whether it may do there what it has to.

use std::collections::BTreeSet;
use std::time::Duration;

use chat::discord::config::Config;
use chat::discord::inspect::{Application, Bot, Channel, Guild, Looked, Rest, Trouble, invite_link};

use super::unanswered;
use crate::doctor::check::Check;
use crate::output::some_of;

const NAME: &str = "bot-channels";

/// No further server is looked at after this.
const PATIENCE: Duration = Duration::from_secs(40);

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
    let Looked { channels, left_out } = rest.channels_of(&guilds, bot.id, PATIENCE).await?;
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
    let is_mute = places.left_out == 0 && !looked_at.iter().any(|channel| channel.permissions.may_answer());
    let lacks = looked_at
        .iter()
        .filter(|channel| !channel.permissions.missing().is_empty());
    let lacks: Vec<Check> = lacks
        .map(|channel| lacking(channel, is_mute || rules.allowed.contains(&channel.id)))
        .collect();
    let unnamed = lacks.len().saturating_sub(SHOWN);
    findings.extend(lacks.into_iter().take(SHOWN));
    if unnamed > 0 {
        findings.push(Check::warn(
            NAME,
            format!("{unnamed} more channels lack something"),
        ));
    }
    let mut fine = good(places, &looked_at);
    if places.left_out > 0 {
        let what = format!(
            "{} more servers were not looked at: that takes too long",
            places.left_out
        );
        if findings.is_empty() {
            fine = format!("{fine}; {what}");
        } else {
            findings.push(Check::warn(NAME, what));
        }
    }
    Check::worst(NAME, findings, fine)
}

fn absent_guilds(config: &Config, places: &Places) -> impl Iterator<Item = u64> {
    let listed = config.rules.guilds.iter();
    let present: BTreeSet<u64> = places.guilds.iter().map(|guild| guild.id).collect();
    listed.copied().filter(move |id| !present.contains(id))
}

/// Without a list of channels the bot is anywhere, and one channel is no reason to act (`must_act`) while it may answer in
/// another.
fn lacking(channel: &Channel, must_act: bool) -> Check {
    let what = format!(
        "#{} lacks {}",
        channel.name,
        channel.permissions.missing().join(", ")
    );
    let check = if must_act {
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
        .map(|channel| format!("#{}", channel.name))
        .collect();
    let servers: Vec<&str> = places.guilds.iter().map(|guild| guild.name.as_str()).collect();
    format!(
        "may do all it has to in {}, in {}",
        some_of(&names, SHOWN),
        some_of(&servers, SHOWN)
    )
}
