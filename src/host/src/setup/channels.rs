//! In which channels the bot speaks, and whether it may do there what it has to.

use std::collections::BTreeSet;

use chat::discord::inspect::{Channel, Trouble};

use super::dialogue::again;
use super::document::{Channels, Written};
use super::{Guide, Met, done};
use crate::failure::Failure;
use crate::output;

/// So many are listed to choose from.
const SHOWN: usize = 60;

/// A bot in more servers is listed by some of them.
const MAX_GUILDS: usize = 10;

impl Guide<'_> {
    /// What is to be written, and the channels that are meant.
    pub(super) async fn channels(
        &mut self,
        met: &Met,
        written: &Written,
    ) -> Result<(Channels, Vec<Channel>), Failure> {
        self.step("5. The channels");
        let all = match all(met).await {
            Ok(all) => all,
            Err(trouble) => {
                output::say(&format!("   ✘ the channels could not be listed: {trouble}"));
                self.left.push("the channels could not be looked at".to_owned());
                Vec::new()
            }
        };
        let asked: BTreeSet<u64> = self.asked.channels.iter().copied().collect();
        let plan = if !asked.is_empty() {
            Channels::Listed(asked)
        } else if self.dialogue.is_some() {
            self.choose_channels(&all, written).await?
        } else {
            Channels::Keep
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
        let mut found = Vec::new();
        for channel in all.iter().filter(is_meant) {
            found.push(self.permissions(met, channel).await?);
        }
        if meant.is_empty() {
            // Those that it may speak in, for the words at the end.
            found = all
                .into_iter()
                .filter(|channel| channel.permissions.missing().is_empty())
                .collect();
            done("the bot speaks wherever it is invited to and mentioned");
        }
        Ok((plan, found))
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

    async fn choose_channels(&mut self, all: &[Channel], written: &Written) -> Result<Channels, Failure> {
        let Some(dialogue) = &mut self.dialogue else {
            return Ok(Channels::Keep);
        };
        for (number, channel) in all.iter().take(SHOWN).enumerate() {
            let missing = channel.permissions.missing();
            let note = if missing.is_empty() {
                String::new()
            } else {
                format!("  (lacks {})", missing.join(", "))
            };
            output::say(&format!("   {}) #{}{note}", number + 1, channel.name));
        }
        let keeps = !written.channels.is_empty();
        let default = if keeps {
            "Enter keeps those of the configuration"
        } else {
            "Enter: wherever it is invited to"
        };
        output::say(&format!(
            "   In which may it speak? Numbers or ids with commas, or `all`. {default}."
        ));
        loop {
            let answer = dialogue.ask("   channels: ").await?;
            match answer.as_str() {
                "" if keeps => return Ok(Channels::Keep),
                "" | "all" => return Ok(Channels::All),
                _ => {}
            }
            match ids(&answer, all) {
                Ok(ids) => return Ok(Channels::Listed(ids)),
                Err(word) => again(&format!(
                    "numbers from the list, ids, or `all`; `{word}` is none of these"
                )),
            }
        }
    }
}

/// Channels by their number in the list, or their id.
fn ids<'a>(answer: &'a str, all: &[Channel]) -> Result<BTreeSet<u64>, &'a str> {
    let words = answer.split([',', ' ']).filter(|word| !word.is_empty());
    words
        .map(|word| {
            let number = word
                .parse::<usize>()
                .ok()
                .and_then(|number| number.checked_sub(1));
            let listed = number
                .and_then(|at| all.iter().take(SHOWN).nth(at))
                .map(|channel| channel.id);
            let known = crate::config::id_of(word).filter(|id| all.iter().any(|channel| channel.id == *id));
            listed.or(known).ok_or(word)
        })
        .collect()
}

async fn all(met: &Met) -> Result<Vec<Channel>, Trouble> {
    let mut all = Vec::new();
    for guild in met.rest.guilds().await?.iter().take(MAX_GUILDS) {
        all.extend(met.rest.channels(guild.id, met.bot.id).await?);
    }
    Ok(all)
}
