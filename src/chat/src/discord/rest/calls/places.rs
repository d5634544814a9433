//! Channels, threads and guilds.

use std::collections::BTreeSet;
use std::time::Duration;

use credentials::Timestamp;
use serde_json::{Value, json};
use serenity::all::{ChannelId, GuildId, MessageId, UserId};
use serenity::http::{LightMethod, Route};

use super::id;
use crate::discord::admission::Id;
use crate::discord::clock;
use crate::discord::places::Kind;
use crate::discord::rest::{Call, Lane, NO_ACCESS, NO_PERMISSION, Rest, Trouble};

/// After so many minutes without a word Discord puts a thread away; the next word brings it back.
const ARCHIVE: u64 = 4320;

/// A thread that was put away.
#[derive(Debug, Clone, Copy)]
pub(in crate::discord) struct PutAway {
    pub(in crate::discord) channel: Id,
    /// Its newest message.
    pub(in crate::discord) newest: Id,
    /// The bot is a member of it.
    pub(in crate::discord) is_ours: bool,
}

/// Discord's code for a thread that was put away.
const ARCHIVED: i64 = 50_083;

impl Trouble {
    /// Whether it is that a thread was put away.
    pub(in crate::discord) fn is_put_away(&self) -> bool {
        matches!(self, Self::Refused { code: ARCHIVED, .. })
    }

    /// Whether it is that the bot does not see a channel.
    pub(in crate::discord) fn is_hidden(&self) -> bool {
        matches!(self, Self::Refused { code: NO_ACCESS, .. })
    }

    /// Whether it is that the bot lacks a permission.
    pub(in crate::discord) fn is_lacking(&self) -> bool {
        matches!(
            self,
            Self::Refused {
                code: NO_PERMISSION,
                ..
            }
        )
    }
}

/// Discord's machines agree on the time to this.
const APART: Duration = Duration::from_mins(1);

impl Rest {
    /// Opens a thread from a message, which is named like it; whether there was none yet.
    pub(in crate::discord) async fn start_thread(
        &self,
        channel: Id,
        message: Id,
        name: &str,
    ) -> Result<bool, Trouble> {
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
            Ok(_) => Ok(true),
            Err(Trouble::Refused { code: THERE, .. }) => Ok(false),
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

    /// A thread that the bot has opened in a channel with no message, under this name and after this moment, if it is open.
    pub(in crate::discord) async fn opened(
        &self,
        guild: Id,
        (channel, name): (Id, &str),
        after: Id,
        us: Id,
    ) -> Result<Vec<Id>, Trouble> {
        let guild_id = GuildId::new(guild);
        let route = Route::GuildThreadsActive { guild_id };
        let call = Call::new(LightMethod::Get, route, Lane("other", guild));
        let reply = self.ask(call).await?;
        let threads = reply.body["threads"].as_array().into_iter().flatten();
        let ours = threads.filter(|thread| {
            let is = |key: &str, wanted: Id| id(&thread[key]).is_ok_and(|id| id == wanted);
            is("parent_id", channel) && is("owner_id", us) && thread["name"] == name
        });
        let mut ids: Vec<Id> = ours.filter_map(|thread| id(&thread["id"]).ok()).collect();
        ids.retain(|id| *id > after);
        ids.sort_unstable();
        Ok(ids)
    }

    /// Threads of a channel of this kind that are put away and have a message after this one; private ones if the bot is a
    /// member of them.
    pub(in crate::discord) async fn put_away(
        &self,
        (channel, kind): (Id, Kind),
        after: Id,
    ) -> Result<Vec<PutAway>, Trouble> {
        let channel_id = ChannelId::new(channel);
        let public = Route::ChannelArchivedPublicThreads { channel_id };
        let mut found = self.put_away_on(public, channel, after).await?;
        if kind == Kind::Text {
            let private = Route::ChannelJoinedPrivateThreads { channel_id };
            match self.put_away_on(private, channel, after).await {
                Ok(private) => found.extend(private),
                Err(trouble @ Trouble::Refused { .. }) => {
                    tracing::info!(channel, %trouble, "may not look for private threads that were put away");
                }
                Err(trouble) => return Err(trouble),
            }
        }
        Ok(found)
    }

    /// Page by page. Public ones come by when they were put away, the last first: it ends with those that were put away before
    /// that message. (That nothing was said in a hundred of them says nothing of the next.) Private ones come by their ids, and
    /// it ends with them.
    async fn put_away_on(&self, route: Route<'_>, channel: Id, after: Id) -> Result<Vec<PutAway>, Trouble> {
        let by_id = matches!(route, Route::ChannelJoinedPrivateThreads { .. });
        let mut found = vec![];
        let mut before: Option<String> = None;
        loop {
            let mut call = Call::new(LightMethod::Get, route, Lane("other", channel));
            call.params = vec![("limit", "100".to_owned())];
            call.params.extend(before.take().map(|before| ("before", before)));
            let reply = self.ask(call).await?;
            let threads = reply.body["threads"].as_array().cloned().unwrap_or_default();
            let members = reply.body["members"].as_array().into_iter().flatten();
            let ours: BTreeSet<Id> = members.filter_map(|member| id(&member["id"]).ok()).collect();
            let of = |thread: &Value| {
                let channel = id(&thread["id"]).ok()?;
                Some(PutAway {
                    channel,
                    newest: id(&thread["last_message_id"]).ok()?,
                    is_ours: by_id || ours.contains(&channel),
                })
            };
            found.extend(threads.iter().filter_map(of).filter(|one| one.newest > after));
            let last = threads.last().map(|last| {
                if by_id {
                    &last["id"]
                } else {
                    &last["thread_metadata"]["archive_timestamp"]
                }
            });
            before = last.and_then(Value::as_str).map(str::to_owned);
            let is_old = !by_id && before.as_deref().is_some_and(|at| is_before(at, after));
            if reply.body["has_more"] != true || is_old || before.is_none() {
                return Ok(found);
            }
        }
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

    /// Whether something was refused because its thread was put away, which it is no longer: it is worth another try. (A new
    /// message wakes a thread by itself.)
    pub(in crate::discord) async fn is_woken<T>(&self, thread: Id, answer: &Result<T, Trouble>) -> bool {
        matches!(answer, Err(trouble) if trouble.is_put_away()) && self.wake(thread).await.is_ok()
    }

    /// Brings back a thread that was put away.
    async fn wake(&self, thread: Id) -> Result<(), Trouble> {
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
        self.ask(Call::new(LightMethod::Post, route, Lane("other", channel)).nicety())
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

    /// Whether a user is a bot; a webhook is no user.
    pub(in crate::discord) async fn is_bot(&self, user: Id) -> Result<bool, Trouble> {
        let user_id = UserId::new(user);
        let route = Route::User { user_id };
        let reply = self
            .ask(Call::new(LightMethod::Get, route, Lane("other", user)))
            .await?;
        Ok(reply.body["bot"] == true)
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

/// Whether a moment, as Discord writes it, was certainly before a message.
fn is_before(moment: &str, message: Id) -> bool {
    let Ok(at) = serenity::all::Timestamp::parse(moment) else {
        return false;
    };
    let at = Timestamp::from_seconds(at.unix_timestamp());
    clock::moment(at.plus(APART), None) < message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_before_a_message_by_more_than_machines_disagree() {
        // <https://discord.com/developers/docs/reference#snowflakes>: 2016-04-30T11:18:25.796Z.
        let message = 175_928_847_299_117_063;
        assert!(is_before("2016-04-30T11:17:25.795000+00:00", message));
        for not in [
            "2016-04-30T11:17:26+00:00",
            "2016-04-30T11:18:26Z",
            "yesterday",
            "",
        ] {
            assert!(!is_before(not, message), "{not}");
        }
    }
}
