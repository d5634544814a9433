//! What a channel or thread is, and where it belongs.

use serde_json::Value;
use serenity::all::{ChannelId, GuildChannel};

use crate::discord::admission::Id;

/// A channel or a thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::discord) struct Spot {
    /// Its guild; `None` for a direct conversation.
    pub(in crate::discord) guild: Option<Id>,
    /// Of a thread or a post: the channel or forum.
    pub(in crate::discord) parent: Option<Id>,
    /// What it is.
    pub(in crate::discord) kind: Kind,
}

/// Kinds of channels, by what can be opened in them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::discord) enum Kind {
    /// Threads. Also what came after this version: Discord then says what it does not do.
    Text,
    /// Threads of their own kind.
    News,
    /// Nothing but posts.
    Forum,
    /// Nothing: other channels stand below it.
    Category,
    /// Nothing: the text beside voices.
    Voice,
    /// A thread or a post.
    Thread,
    /// A direct conversation.
    Direct,
}

impl Kind {
    /// Whether it may have threads or posts that are put away.
    pub(in crate::discord) fn has_threads(self) -> bool {
        matches!(self, Self::Text | Self::News | Self::Forum)
    }

    /// Whether something is said in it itself: of a forum Discord calls its newest post its last message.
    pub(in crate::discord) fn has_messages(self) -> bool {
        !matches!(self, Self::Forum | Self::Category)
    }
}

impl From<u8> for Kind {
    /// <https://docs.discord.com/developers/resources/channel#channel-object-channel-types>
    fn from(number: u8) -> Self {
        match number {
            1 | 3 => Self::Direct,
            2 | 13 => Self::Voice,
            4 => Self::Category,
            5 => Self::News,
            10..=12 => Self::Thread,
            15 | 16 => Self::Forum,
            _ => Self::Text,
        }
    }
}

impl Spot {
    /// A direct conversation.
    pub(in crate::discord) const DIRECT: Self = Self {
        guild: None,
        parent: None,
        kind: Kind::Direct,
    };

    /// As the gateway describes it.
    pub(in crate::discord) fn of(channel: &GuildChannel) -> Self {
        let kind = Kind::from(u8::from(channel.kind));
        Self {
            guild: Some(channel.guild_id.get()),
            parent: channel
                .parent_id
                .filter(|_| kind == Kind::Thread)
                .map(ChannelId::get),
            kind,
        }
    }

    /// As REST describes it.
    pub(in crate::discord) fn of_json(channel: &Value) -> Self {
        let id = |key: &str| channel[key].as_str().and_then(|id| id.parse().ok());
        let kind = channel["type"].as_u64().and_then(|kind| u8::try_from(kind).ok());
        let kind = kind.map_or(Kind::Text, Kind::from);
        Self {
            guild: id("guild_id"),
            // Of a channel it is the category that it stands below.
            parent: id("parent_id").filter(|_| kind == Kind::Thread),
            kind,
        }
    }
}
