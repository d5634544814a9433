//! Servers that the bot is in, their channels, and what it may do in each.

use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use serde::Deserialize;
use serde_json::{Value, json};
use serenity::http::{LightMethod, Request, Route};
use serenity::model::channel::GuildChannel;
use serenity::model::guild::{Member, PartialGuild};
use serenity::model::id::{ChannelId, GuildId, UserId};
use tokio::time::{Instant, sleep};

use super::identity::shown;
use super::permissions::{Permissions, Place};
use super::rest::{Rest, Trouble};
use crate::discord::admission::Id;

/// Discord gives so many at once.
const PAGE: usize = 200;
/// Between the first questions about two servers: each costs three, and Discord answers fifty in a second, however they bunch.
const EACH: Duration = Duration::from_millis(100);
/// Servers that are asked about at the same time.
const TOGETHER: usize = 8;

/// A server that the bot is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guild {
    /// Its id.
    pub id: Id,
    /// Its name.
    pub name: String,
}

/// A channel that has threads, or a forum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Channel {
    /// Its id.
    pub id: Id,
    /// Its name, without `#`.
    pub name: String,
    /// Its server's id.
    pub guild: Id,
    /// The category that it stands below.
    pub category: Option<String>,
    /// What the bot may do there.
    pub permissions: Permissions,
}

/// What was found in several servers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Looked {
    /// Their channels, in the order of the servers.
    pub channels: Vec<Channel>,
    /// Servers that there was no time for.
    pub left_out: usize,
}

#[derive(Deserialize)]
struct InGuild {
    id: GuildId,
    name: String,
}

impl Rest {
    /// The servers that the bot is in.
    pub async fn guilds(&self) -> Result<Vec<Guild>, Trouble> {
        let mut guilds: Vec<Guild> = Vec::new();
        loop {
            let mut params = vec![("limit", PAGE.to_string())];
            params.extend(guilds.last().map(|last| ("after", last.id.to_string())));
            let request = Request::new(Route::UserMeGuilds, LightMethod::Get).params(Some(params));
            let page: Vec<InGuild> = self.ask(request).await?;
            let count = page.len();
            guilds.extend(page.iter().map(|guild| Guild {
                id: guild.id.get(),
                name: shown(&guild.name),
            }));
            if count < PAGE {
                return Ok(guilds);
            }
        }
    }

    /// The channels and forums of a server that have threads, whether the bot sees them or not, in order of their names.
    pub async fn channels(&self, guild: Id, bot: Id) -> Result<Vec<Channel>, Trouble> {
        let guild_id = GuildId::new(guild.max(1));
        let user_id = UserId::new(bot.max(1));
        let house: PartialGuild = self.get(Route::Guild { guild_id }).await?;
        let mut member: Value = self.get(Route::GuildMember { guild_id, user_id }).await?;
        member["guild_id"] = json!(guild_id);
        let odd =
            |error: serde_json::Error| Trouble::Odd(format!("with a member that can't be read: {error}"));
        let member: Member = serde_json::from_value(member).map_err(odd)?;
        let listed: Vec<Value> = self.get(Route::GuildChannels { guild_id }).await?;
        // One of a kind that came after this version hides no other.
        let read = listed
            .into_iter()
            .filter_map(|channel| serde_json::from_value::<GuildChannel>(channel).ok());
        let read: Vec<GuildChannel> = read.collect();
        let category = |id: ChannelId| read.iter().find(|one| one.id == id).map(|one| shown(&one.name));
        let mut channels: Vec<Channel> = read
            .iter()
            .filter_map(|channel| Some((channel, Place::of(channel.kind)?)))
            .map(|(channel, place)| Channel {
                id: channel.id.get(),
                name: shown(&channel.name),
                guild,
                category: channel.parent_id.and_then(category),
                permissions: Permissions {
                    given: house.user_permissions_in(channel, &member).bits(),
                    place,
                },
            })
            .collect();
        channels.sort_by(|one, other| (&one.name, one.id).cmp(&(&other.name, other.id)));
        Ok(channels)
    }

    /// The same of several servers, inside Discord's limits; after `patience` no further server is looked at.
    pub async fn channels_of(
        &self,
        guilds: &[Guild],
        bot: Id,
        patience: Duration,
    ) -> Result<Looked, Trouble> {
        let began = Instant::now();
        let paced = stream::iter(guilds).then(async |guild| {
            sleep(EACH).await;
            guild
        });
        let questions = paced.map(|guild| async move {
            if began.elapsed() > patience {
                return Ok(None);
            }
            self.channels(guild.id, bot).await.map(Some)
        });
        let mut answers = Box::pin(questions.buffered(TOGETHER));
        let mut looked = Looked::default();
        while let Some(answer) = answers.next().await {
            match answer? {
                Some(channels) => looked.channels.extend(channels),
                None => looked.left_out += 1,
            }
        }
        Ok(looked)
    }

    /// Says something in a channel, and mentions nobody. Sent once: a lost answer is not asked for again.
    pub async fn say(&self, channel: Id, text: &str) -> Result<(), Trouble> {
        let route = Route::ChannelMessages {
            channel_id: ChannelId::new(channel.max(1)),
        };
        let body = json!({ "content": text, "allowed_mentions": { "parse": [] } });
        let request = Request::new(route, LightMethod::Post).body(Some(body.to_string().into_bytes()));
        let _: Value = self.ask(request).await?;
        Ok(())
    }
}
