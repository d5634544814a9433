//! Users, guilds, roles, members, and how Discord writes them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::World;
use crate::Id;
use crate::clock::iso;
use crate::permissions;

/// A person, a bot, or the face of a webhook.
#[derive(Clone, Debug)]
pub struct User {
    /// Its id.
    pub id: Id,
    /// The unique name.
    pub name: String,
    /// Bots and webhooks.
    pub bot: bool,
}

impl User {
    pub(crate) fn json(&self) -> Value {
        json!({
            "id": self.id, "username": self.name, "global_name": if self.bot { Value::Null } else { json!(self.name) },
            "avatar": null, "discriminator": if self.bot { "0001" } else { "0" }, "public_flags": 0, "flags": 0,
            "bot": self.bot, "system": false, "banner": null, "accent_color": null,
            "avatar_decoration_data": null, "collectibles": null, "primary_guild": null,
        })
    }
}

/// A role; the one with the guild's own id is everyone's.
#[derive(Clone, Debug)]
pub struct Role {
    /// Its id.
    pub id: Id,
    /// Its name.
    pub name: String,
    /// Bits.
    pub permissions: u64,
    /// Whether anybody may ping it.
    pub mentionable: bool,
    pub(crate) position: usize,
    /// The bot that it came with.
    pub(crate) of_bot: Option<Id>,
}

impl Role {
    pub(crate) fn json(&self) -> Value {
        let mut json = json!({
            "id": self.id, "name": self.name, "permissions": self.permissions.to_string(), "position": self.position,
            "color": 0, "colors": { "primary_color": 0, "secondary_color": null, "tertiary_color": null },
            "hoist": false, "managed": self.of_bot.is_some(), "mentionable": self.mentionable, "icon": null,
            "unicode_emoji": null, "flags": 0,
        });
        if let Some(bot) = self.of_bot {
            json["tags"] = json!({ "bot_id": bot });
        }
        json
    }
}

/// A user in a guild.
#[derive(Clone, Debug)]
pub struct Member {
    /// Who.
    pub user: Id,
    /// Without everyone's.
    pub roles: Vec<Id>,
    /// What they are called in that guild.
    pub nick: Option<String>,
    pub(crate) joined: u64,
}

/// A server, as people call it.
#[derive(Clone, Debug)]
pub struct Guild {
    /// Its id, and that of everyone's role.
    pub id: Id,
    /// Its name.
    pub name: String,
    /// May do everything.
    pub owner: Id,
    /// By id.
    pub roles: BTreeMap<Id, Role>,
    /// By user.
    pub members: BTreeMap<Id, Member>,
    /// From 0 to 3, by how much it is boosted.
    pub tier: u8,
}

impl Guild {
    /// What GET and `GUILD_CREATE` have in common.
    pub(crate) fn json(&self) -> Value {
        json!({
            "id": self.id, "name": self.name, "icon": null, "description": null, "home_header": null, "splash": null,
            "discovery_splash": null, "features": [], "banner": null, "owner_id": self.owner, "application_id": null,
            "region": "deprecated", "afk_channel_id": null, "afk_timeout": 300, "system_channel_id": null,
            "system_channel_flags": 0, "widget_enabled": false, "widget_channel_id": null, "verification_level": 0,
            "roles": self.roles.values().map(Role::json).collect::<Vec<_>>(),
            "default_message_notifications": 0, "mfa_level": 0, "explicit_content_filter": 0, "max_presences": null,
            "max_members": 500_000, "max_stage_video_channel_users": 50, "max_video_channel_users": 25,
            "vanity_url_code": null, "premium_tier": self.tier, "premium_subscription_count": 0, "preferred_locale": "en-US",
            "rules_channel_id": null, "safety_alerts_channel_id": null, "public_updates_channel_id": null,
            "premium_progress_bar_enabled": false, "nsfw": false, "nsfw_level": 0, "emojis": [], "stickers": [],
            "incidents_data": null,
        })
    }
}

impl World {
    /// The largest file that the bot may send into a channel, bytes.
    /// <https://docs.discord.com/developers/reference#uploading-files>
    pub(crate) fn file_limit(&self, channel: Id) -> usize {
        let guild = self.channels.get(&channel).and_then(|channel| channel.guild);
        let tier = guild
            .and_then(|id| self.guilds.get(&id))
            .map_or(0, |guild| guild.tier);
        let usual = match tier {
            0 | 1 => 10 << 20,
            2 => 50 << 20,
            _ => 100 << 20,
        };
        self.file_limit.unwrap_or(usual)
    }

    pub(crate) fn member_json(&self, guild: &Guild, user: Id) -> Option<Value> {
        let member = guild.members.get(&user)?;
        let mut json = Self::bare_member_json(member);
        json["user"] = self.user(user).json();
        Some(json)
    }

    /// As it stands in messages, where the user stands beside it.
    pub(crate) fn bare_member_json(member: &Member) -> Value {
        json!({
            "avatar": null, "banner": null, "communication_disabled_until": null, "flags": 0,
            "joined_at": iso(member.joined), "nick": member.nick, "pending": false, "premium_since": null,
            "roles": member.roles, "mute": false, "deaf": false,
        })
    }

    /// A guild as the gateway describes it: with all its channels, whether or not this application's bot sees them, and the
    /// open threads that it does see.
    pub(crate) fn guild_create(&self, guild: &Guild) -> Value {
        let mut json = guild.json();
        let bot = self.application.bot;
        let seen = |thread: bool| {
            self.channels
                .values()
                .filter(move |channel| channel.guild == Some(guild.id) && channel.thread.is_some() == thread)
                .filter(move |channel| !thread || (!channel.is_archived() && self.sees(bot, channel.id)))
                .map(|channel| self.channel_json(channel))
                .collect::<Vec<_>>()
        };
        json["channels"] = Value::Array(seen(false));
        json["threads"] = Value::Array(seen(true));
        json["members"] = guild
            .members
            .keys()
            .filter_map(|user| self.member_json(guild, *user))
            .collect();
        json["joined_at"] = json!(iso(guild.members.get(&bot).map_or(0, |member| member.joined)));
        json["large"] = json!(false);
        json["unavailable"] = json!(false);
        json["member_count"] = json!(guild.members.len());
        for empty in [
            "voice_states",
            "presences",
            "stage_instances",
            "guild_scheduled_events",
            "soundboard_sounds",
        ] {
            json[empty] = json!([]);
        }
        json
    }

    /// What `user` may do in `channel`. Direct messages: everything a person may, for those in it.
    pub fn permissions(&self, user: Id, channel: Id) -> u64 {
        let Some(channel) = self.channels.get(&channel) else {
            return 0;
        };
        let Some(guild) = channel.guild.and_then(|id| self.guilds.get(&id)) else {
            let inside = channel.recipients.contains(&user);
            return if inside { permissions::EVERYDAY } else { 0 };
        };
        let rules = match (&channel.thread, channel.parent) {
            (Some(_), Some(parent)) => self.channels.get(&parent).unwrap_or(channel),
            _ => channel,
        };
        permissions::in_channel(guild, rules, user)
    }

    /// Whether it is there for `user` at all: private threads are for their members and for moderators.
    pub fn sees(&self, user: Id, channel: Id) -> bool {
        let given = self.permissions(user, channel);
        let inside = self.channels.get(&channel).is_some_and(|channel| {
            channel.kind != super::Kind::PrivateThread
                || given & permissions::MANAGE_THREADS != 0
                || channel
                    .thread
                    .as_ref()
                    .is_some_and(|thread| thread.members.contains_key(&user))
        });
        given & permissions::VIEW_CHANNEL != 0 && inside
    }
}
