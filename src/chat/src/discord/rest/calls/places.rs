//! Channels, threads and guilds.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use serenity::all::{ChannelId, GuildId, MessageId, UserId};
use serenity::http::{LightMethod, Route};

use super::id;
use crate::discord::admission::Id;
use crate::discord::places::Kind;
use crate::discord::rest::{Call, Lane, Rest, Trouble};

/// After so many minutes without a word Discord puts a thread away; the next word brings it back.
const ARCHIVE: u64 = 4320;

impl Rest {
    /// Opens a thread from a message. Its id; one that is there already is that one.
    pub(in crate::discord) async fn start_thread(
        &self,
        channel: Id,
        message: Id,
        name: &str,
    ) -> Result<Id, Trouble> {
        /// A thread was started from this message before.
        const THERE: i64 = 160_004;
        let (channel_id, message_id) = (ChannelId::new(channel), MessageId::new(message));
        let route = Route::ChannelMessageThreads {
            channel_id,
            message_id,
        };
        let body = json!({ "name": name, "auto_archive_duration": ARCHIVE });
        let call = Call::new(LightMethod::Post, route, Lane("thread", channel)).body(body);
        match self.ask(call).await {
            Ok(reply) => id(&reply.body["id"]),
            // Discord names a thread like the message it begins with.
            Err(Trouble::Refused { code: THERE, .. }) => Ok(message),
            Err(trouble) => Err(trouble),
        }
    }

    /// Opens a thread that begins with no message, in a channel of this kind. Its id.
    pub(in crate::discord) async fn start_empty_thread(
        &self,
        channel: Id,
        kind: Kind,
        name: &str,
    ) -> Result<Id, Trouble> {
        const OF_NEWS: u64 = 10;
        const PUBLIC: u64 = 11;
        let number = if kind == Kind::News { OF_NEWS } else { PUBLIC };
        let channel_id = ChannelId::new(channel);
        let body = json!({ "name": name, "auto_archive_duration": ARCHIVE, "type": number });
        let route = Route::ChannelThreads { channel_id };
        let call = Call::new(LightMethod::Post, route, Lane("thread", channel)).body(body);
        let reply = self.ask(call).await?;
        id(&reply.body["id"])
    }

    /// Becomes a member of a thread.
    pub(in crate::discord) async fn join(&self, thread: Id) -> Result<(), Trouble> {
        let channel_id = ChannelId::new(thread);
        let route = Route::ChannelThreadMemberMe { channel_id };
        self.ask(Call::new(LightMethod::Put, route, Lane("join", thread)))
            .await
            .map(drop)
    }

    /// Of which tier a guild is, from 0 to 3, by how much it is boosted.
    pub(in crate::discord) async fn tier(&self, guild: Id) -> Result<u8, Trouble> {
        let guild_id = GuildId::new(guild);
        let route = Route::Guild { guild_id };
        let reply = self
            .ask(Call::new(LightMethod::Get, route, Lane("other", guild)))
            .await?;
        let tier = reply.body["premium_tier"].as_u64();
        Ok(tier.and_then(|tier| u8::try_from(tier).ok()).unwrap_or_default())
    }

    /// Brings back a thread that was put away.
    pub(in crate::discord) async fn wake(&self, thread: Id) -> Result<(), Trouble> {
        let channel_id = ChannelId::new(thread);
        let body = json!({ "archived": false });
        let call = Call::new(
            LightMethod::Patch,
            Route::Channel { channel_id },
            Lane("wake", thread),
        )
        .body(body);
        self.ask(call).await.map(drop)
    }

    /// Shows for ten seconds that the bot writes.
    pub(in crate::discord) async fn typing(&self, channel: Id) -> Result<(), Trouble> {
        let channel_id = ChannelId::new(channel);
        let route = Route::ChannelTyping { channel_id };
        self.ask(Call::new(LightMethod::Post, route, Lane("other", channel)))
            .await
            .map(drop)
    }

    /// A channel, as Discord describes it.
    pub(in crate::discord) async fn channel(&self, channel: Id) -> Result<Value, Trouble> {
        let channel_id = ChannelId::new(channel);
        let route = Route::Channel { channel_id };
        let reply = self
            .ask(Call::new(LightMethod::Get, route, Lane("other", channel)))
            .await?;
        Ok(reply.body)
    }

    /// The roles of a member.
    pub(in crate::discord) async fn roles(&self, guild: Id, user: Id) -> Result<BTreeSet<Id>, Trouble> {
        let (guild_id, user_id) = (GuildId::new(guild), UserId::new(user));
        let route = Route::GuildMember { guild_id, user_id };
        let reply = self
            .ask(Call::new(LightMethod::Get, route, Lane("other", guild)))
            .await?;
        let roles = reply.body["roles"].as_array().cloned().unwrap_or_default();
        Ok(roles.iter().filter_map(|role| id(role).ok()).collect())
    }
}
