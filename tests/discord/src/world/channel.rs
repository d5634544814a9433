//! Channels and threads, and how Discord writes them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::World;
use crate::Id;
use crate::clock::iso;

/// What kind of channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Of a guild, for text.
    Text,
    /// Between two people.
    Direct,
    /// Whoever sees the parent sees it.
    PublicThread,
    /// Whoever was added sees it.
    PrivateThread,
    /// Of a guild; everything said stands in a thread of it.
    Forum,
    /// Of a guild, for news that others may follow.
    News,
    /// A thread of such a channel.
    NewsThread,
    /// Of a guild, for voices; what is written there stands in no thread.
    Voice,
    /// The same with an audience.
    Stage,
    /// Other channels stand below it.
    Category,
}

impl Kind {
    pub(crate) fn number(self) -> u8 {
        match self {
            Self::Text => 0,
            Self::Direct => 1,
            Self::PublicThread => 11,
            Self::PrivateThread => 12,
            Self::Forum => 15,
            Self::News => 5,
            Self::NewsThread => 10,
            Self::Voice => 2,
            Self::Stage => 13,
            Self::Category => 4,
        }
    }

    /// What a thread of such a channel is that everybody sees; `None`: there are none.
    pub(crate) fn thread(self) -> Option<Self> {
        match self {
            Self::Text | Self::Forum => Some(Self::PublicThread),
            Self::News => Some(Self::NewsThread),
            _ => None,
        }
    }
}

/// What a role or a user may more or less in one channel.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Overwrite {
    pub(crate) id: Id,
    pub(crate) is_role: bool,
    pub(crate) allow: u64,
    pub(crate) deny: u64,
}

/// What only threads have.
#[derive(Clone, Debug)]
pub struct Thread {
    /// Who started it.
    pub owner: Id,
    /// Put away; a message brings it back.
    pub archived: bool,
    /// Only moderators may bring it back, or write.
    pub locked: bool,
    /// Who joined, and when (Unix milliseconds).
    pub members: BTreeMap<Id, u64>,
    pub(crate) auto_archive: u64,
    pub(crate) archive_changed: u64,
    pub(crate) invitable: bool,
    pub(crate) tags: Vec<Value>,
}

/// A channel of a guild, a thread, or a direct conversation.
#[derive(Clone, Debug)]
pub struct Channel {
    /// Its id; that of a thread from a message is the message's.
    pub id: Id,
    /// What it is.
    pub kind: Kind,
    /// None for direct messages.
    pub guild: Option<Id>,
    /// Of a thread.
    pub parent: Option<Id>,
    /// Empty for direct messages.
    pub name: String,
    /// Threads only.
    pub thread: Option<Thread>,
    pub(crate) overwrites: Vec<Overwrite>,
    pub(crate) recipients: Vec<Id>,
    pub(crate) topic: Option<String>,
    pub(crate) slow_mode: u64,
    pub(crate) last_message: Option<Id>,
}

impl Channel {
    pub(crate) fn new(id: Id, kind: Kind, guild: Option<Id>, name: &str) -> Self {
        Self {
            id,
            kind,
            guild,
            parent: None,
            name: name.to_owned(),
            thread: None,
            overwrites: Vec::new(),
            recipients: Vec::new(),
            topic: None,
            slow_mode: 0,
            last_message: None,
        }
    }

    /// Threads only; false for all others.
    pub fn is_archived(&self) -> bool {
        self.thread.as_ref().is_some_and(|thread| thread.archived)
    }
}

impl World {
    pub(crate) fn channel_json(&self, channel: &Channel) -> Value {
        let mut json = json!({
            "id": channel.id, "type": channel.kind.number(), "flags": 0, "last_message_id": channel.last_message,
            "last_pin_timestamp": null,
        });
        let Some(guild) = channel.guild else {
            let others = channel
                .recipients
                .iter()
                .filter(|id| **id != self.application.bot);
            json["recipients"] = others.map(|id| self.user(*id).json()).collect();
            return json;
        };
        json["guild_id"] = json!(guild);
        json["name"] = json!(channel.name);
        json["parent_id"] = json!(channel.parent);
        json["rate_limit_per_user"] = json!(channel.slow_mode);
        let Some(thread) = &channel.thread else {
            json["topic"] = json!(channel.topic);
            json["position"] = json!(0);
            json["nsfw"] = json!(false);
            json["permission_overwrites"] = channel.overwrites.iter().map(overwrite_json).collect();
            if channel.kind == Kind::Forum {
                json["available_tags"] = json!([]);
            }
            if matches!(channel.kind, Kind::Voice | Kind::Stage) {
                json["bitrate"] = json!(64_000);
                json["user_limit"] = json!(0);
                json["rtc_region"] = Value::Null;
            }
            return json;
        };
        let said = self.by_channel.get(&channel.id).map_or(0, Vec::len);
        json["owner_id"] = json!(thread.owner);
        json["thread_metadata"] = json!({
            "archived": thread.archived, "locked": thread.locked, "auto_archive_duration": thread.auto_archive,
            "archive_timestamp": iso(thread.archive_changed), "create_timestamp": iso(channel.id.made_at()),
            "invitable": thread.invitable,
        });
        json["message_count"] = json!(said);
        json["total_message_sent"] = json!(said);
        json["member_count"] = json!(thread.members.len());
        json["applied_tags"] = json!(thread.tags);
        if let Some(member) = thread_member_json(channel, self.application.bot) {
            json["member"] = member;
        }
        json
    }
}

pub(crate) fn thread_member_json(channel: &Channel, user: Id) -> Option<Value> {
    let joined = channel.thread.as_ref()?.members.get(&user)?;
    Some(json!({ "id": channel.id, "user_id": user, "join_timestamp": iso(*joined), "flags": 0 }))
}

fn overwrite_json(overwrite: &Overwrite) -> Value {
    json!({
        "id": overwrite.id, "type": u8::from(!overwrite.is_role),
        "allow": overwrite.allow.to_string(), "deny": overwrite.deny.to_string(),
    })
}
