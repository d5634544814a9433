//! In which channels the bot speaks, and whether it may do there what it has to.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chat::discord::inspect::{Channel, Looked, Trouble};

use super::dialogue::again;
use super::document::{Channels, Written};
use super::names::{Hit, No, Said, unknown};
use super::{Guide, Met, done};
use crate::failure::Failure;
use crate::output;

/// So many are listed to choose from.
const SHOWN: usize = 60;

/// A bot in more servers is looked at for so long that the person is told.
const MANY_GUILDS: usize = 20;

/// No further server is looked at after this.
const PATIENCE: Duration = Duration::from_mins(3);

/// All channels that were found, and their servers' names.
#[derive(Default)]
struct Found {
    channels: Vec<Channel>,
    servers: BTreeMap<u64, String>,
}

impl Guide<'_> {
    /// What is to be written, and the channels that are meant.
    pub(super) async fn channels(
        &mut self,
        met: &Met,
        written: &Written,
    ) -> Result<(Channels, Vec<Channel>), Failure> {
        self.step("5. The channels");
        let found = match all(met).await {
            Ok(found) => found,
            Err(trouble) => {
                output::say(&format!("   ✘ the channels could not be listed: {trouble}"));
                self.left.push("the channels could not be looked at".to_owned());
                Found::default()
            }
        };
        let all = &found.channels;
        let plan = match self.asked_channels(&found).await {
            Ok(Some(ids)) => Channels::Listed(ids),
            Err(No::Failed(failure)) => return Err(failure),
            Err(No::Means(words)) if self.dialogue.is_none() => return Err(unknown(&words)),
            other => {
                if let Err(No::Means(words)) = other {
                    again(&words);
                }
                self.choose_channels(&found, written).await?
            }
        };
        let meant: Vec<u64> = match &plan {
            Channels::Listed(ids) => ids.iter().copied().collect(),
            Channels::Keep => written.channels.clone(),
            Channels::All => vec![],
        };
        for id in meant
            .iter()
            .filter(|id| !all.iter().any(|channel| channel.id == **id))
        {
            output::say(&format!(
                "   ✘ no server that the bot is in has a text channel or forum {id}"
            ));
            self.left.push(format!(
                "correct the channel {id}, or invite the bot to its server"
            ));
        }
        let is_meant = |channel: &&Channel| meant.contains(&channel.id);
        let mut fit = Vec::new();
        for channel in all.iter().filter(is_meant) {
            fit.push(self.permissions(met, channel).await?);
        }
        if meant.is_empty() {
            // Those that it may speak in, for the words at the end.
            let may_speak = |channel: &&Channel| channel.permissions.missing().is_empty();
            fit = all.iter().filter(may_speak).cloned().collect();
            fit.retain(|channel| written.guilds.is_empty() || written.guilds.contains(&channel.guild));
        }
        let words = match (meant.is_empty(), written.guilds.is_empty()) {
            (true, true) => Some("the bot speaks wherever it is invited to and mentioned"),
            (true, false) => Some("the bot speaks wherever it is mentioned in the servers of `guilds`"),
            (false, false) => {
                Some("besides, the bot speaks wherever it is mentioned in the servers of `guilds`")
            }
            (false, true) => None,
        };
        if let Some(words) = words {
            done(words);
        }
        Ok((plan, fit))
    }

    /// Those that were named beforehand, if any were.
    async fn asked_channels(&mut self, found: &Found) -> Result<Option<BTreeSet<u64>>, No> {
        let mut ids = BTreeSet::new();
        for said in &self.asked.channels {
            match said {
                Said::Id(id) => ids.extend([*id]),
                Said::Name(name) => ids.extend(self.meant(name, "#", &found.hits(name)).await?),
            }
        }
        Ok((!ids.is_empty()).then_some(ids))
    }

    /// Waits until the bot may do there what it has to.
    async fn permissions(&mut self, met: &Met, channel: &Channel) -> Result<Channel, Failure> {
        let missing = channel.permissions.missing().join(", ");
        let link = format!("https://discord.com/channels/{}/{}", channel.guild, channel.id);
        let steps = format!("open {link} → Edit Channel → Permissions → allow it to the bot's role");
        let what = if missing.is_empty() {
            format!("#{}", channel.name)
        } else {
            format!("#{} lacks {missing}", channel.name)
        };
        let may = async || {
            let now = met.rest.channels(channel.guild, met.bot.id).await?;
            let now = now.into_iter().find(|one| one.id == channel.id);
            Ok(now.filter(|now| now.permissions.missing().is_empty()))
        };
        let found = if missing.is_empty() {
            Some(channel.clone())
        } else {
            self.wait(&what, &steps, may).await?
        };
        if let Some(channel) = found {
            done(&format!("#{}: all permissions are there", channel.name));
            return Ok(channel);
        }
        Ok(channel.clone())
    }

    async fn choose_channels(&mut self, found: &Found, written: &Written) -> Result<Channels, Failure> {
        let Some(dialogue) = &mut self.dialogue else {
            return Ok(Channels::Keep);
        };
        let keeps = !written.channels.is_empty();
        let default = if keeps {
            "Enter keeps those of the configuration"
        } else {
            "Enter: wherever it is invited to"
        };
        let mut listed: Vec<&Channel> = found.channels.iter().collect();
        found.list(&listed);
        output::say(&format!(
            "   In which may it speak? Numbers, names or ids with commas, or `all`; a part of a name lists those that have it. \
             {default}."
        ));
        loop {
            let answer = dialogue.ask("   channels: ").await?;
            match answer.as_str() {
                "" if keeps => return Ok(Channels::Keep),
                "" | "all" => return Ok(Channels::All),
                _ => {}
            }
            let word = match ids(&answer, &listed, &found.channels) {
                Ok(ids) => return Ok(Channels::Listed(ids)),
                Err(word) => word,
            };
            let named = found.named(&answer);
            if named.is_empty() {
                again(&format!(
                    "numbers from the list, names, ids, or `all`; `{word}` is none of these"
                ));
            } else {
                listed = named;
                found.list(&listed);
            }
        }
    }
}

impl Found {
    /// Says which there are, as far as anybody reads on; the others are found by their names.
    fn list(&self, channels: &[&Channel]) {
        for (number, channel) in channels.iter().take(SHOWN).enumerate() {
            let missing = channel.permissions.missing();
            let note = if missing.is_empty() {
                String::new()
            } else {
                format!("  (lacks {})", missing.join(", "))
            };
            let server = self
                .servers
                .get(&channel.guild)
                .filter(|_| self.servers.len() > 1);
            let server = server.map(|name| format!("  in {name}")).unwrap_or_default();
            let category = self.category(channel);
            output::say(&format!(
                "   {}) #{}{category}{server}{note}",
                number + 1,
                channel.name
            ));
        }
        let more = channels.len().saturating_sub(SHOWN);
        if more > 0 {
            output::say(&format!("   and {more} more"));
        }
    }

    /// What tells it from others of its server that have its name.
    fn category(&self, channel: &Channel) -> String {
        let is_other = |other: &&Channel| {
            (other.guild, &other.name) == (channel.guild, &channel.name) && other.id != channel.id
        };
        match (self.channels.iter().find(is_other), &channel.category) {
            (None, _) => String::new(),
            (Some(_), Some(category)) => format!("  below {category} ({})", channel.id),
            (Some(_), None) => format!("  below nothing ({})", channel.id),
        }
    }

    /// The same as what a name may mean.
    fn hits(&self, part: &str) -> Vec<Hit> {
        let hit = |channel: &Channel| Hit {
            id: channel.id,
            name: channel.name.clone(),
            shown: None,
            place: self.servers.get(&channel.guild).cloned().unwrap_or_default(),
        };
        self.named(part).into_iter().map(hit).collect()
    }

    /// Those whose name, or whose server's name, has this in it.
    fn named(&self, part: &str) -> Vec<&Channel> {
        let part = part.trim().trim_start_matches('#').to_lowercase();
        // A number that is none of the list is a slip.
        if part.chars().all(|letter| letter.is_ascii_digit()) {
            return vec![];
        }
        let has = |name: &str| name.to_lowercase().contains(&part);
        let server = |channel: &Channel| self.servers.get(&channel.guild).is_some_and(|name| has(name));
        let channels = self.channels.iter();
        channels
            .filter(|channel| has(&channel.name) || server(channel))
            .collect()
    }
}

/// Channels by their number in the list, their id, or a name that no other one has.
fn ids<'a>(answer: &'a str, listed: &[&Channel], all: &[Channel]) -> Result<BTreeSet<u64>, &'a str> {
    let words = answer.split([',', ' ']).filter(|word| !word.is_empty());
    words
        .map(|word| {
            let number = word
                .parse::<usize>()
                .ok()
                .and_then(|number| number.checked_sub(1));
            let listed = number
                .and_then(|at| listed.iter().take(SHOWN).nth(at))
                .map(|channel| channel.id);
            let known = crate::config::id_of(word).filter(|id| all.iter().any(|channel| channel.id == *id));
            let name = word.strip_prefix('#').unwrap_or(word).to_lowercase();
            let mut called = all.iter().filter(|channel| channel.name.to_lowercase() == name);
            let only = called.next().filter(|_| called.next().is_none());
            let called = only.map(|channel| channel.id);
            listed.or(known).or(called).ok_or(word)
        })
        .collect()
}

async fn all(met: &Met) -> Result<Found, Trouble> {
    let guilds = met.rest.guilds().await?;
    if guilds.len() > MANY_GUILDS {
        output::say(&format!(
            "   looking at {} servers; that takes a moment",
            guilds.len()
        ));
    }
    let Looked { channels, left_out } = met.rest.channels_of(&guilds, met.bot.id, PATIENCE).await?;
    if left_out > 0 {
        output::say(&format!(
            "   {left_out} more servers were not looked at: that takes too long"
        ));
    }
    let servers = guilds.into_iter().map(|guild| (guild.id, guild.name)).collect();
    Ok(Found { channels, servers })
}
