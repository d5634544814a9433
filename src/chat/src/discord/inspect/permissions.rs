//! What the bot must be allowed in a channel, under the names that Discord shows, and the link that asks for it.

use serenity::model::channel::ChannelType;
use url::Url;

use crate::discord::admission::Id;
use crate::discord::places::Kind;

/// One thing that can be allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permission {
    /// As Discord's settings name it.
    pub name: &'static str,
    bit: u64,
}

const fn permission(name: &'static str, place: u32) -> Permission {
    let bit = 1 << place;
    Permission { name, bit }
}

/// What a bot is allowed in a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permissions {
    pub(super) given: u64,
    pub(super) place: Place,
}

/// Channels by what the bot does there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// It opens threads from messages, and speaks in them.
    Channel,
    /// People make posts, and it speaks in these: nothing is said in a forum itself, and the bot makes no posts (ADR 0015).
    Forum,
}

impl Place {
    /// Of this kind of channel; `None`: the bot does nothing there, or the kind came after this version.
    pub(super) fn of(kind: ChannelType) -> Option<Self> {
        match Kind::from(u8::from(kind)) {
            Kind::Text if kind != ChannelType::Text => None,
            Kind::Text | Kind::News => Some(Self::Channel),
            Kind::Forum => Some(Self::Forum),
            Kind::Category | Kind::Voice | Kind::Thread | Kind::Direct => None,
        }
    }
}

impl Permissions {
    /// All that the bot needs where it speaks; without one of the first four it answers nobody, in a forum without the first
    /// or the fourth.
    pub const NEEDED: [Permission; 7] = [
        permission("View Channel", 10),
        permission("Send Messages", 11),
        permission("Create Public Threads", 35),
        permission("Send Messages in Threads", 38),
        permission("Attach Files", 15),
        permission("Read Message History", 16),
        permission("Add Reactions", 6),
    ];

    const TO_ANSWER: usize = 4;

    pub(super) const ALL_NEEDED: u64 = Self::bits(Self::NEEDED.len());

    /// What only a thread needs that the bot opens. In a forum Send Messages is to make posts, and Create Public Threads is
    /// nothing: <https://docs.discord.com/developers/resources/channel#start-thread-in-forum-or-media-channel>
    const TO_OPEN: u64 = Self::NEEDED[1].bit | Self::NEEDED[2].bit;

    const fn bits(first: usize) -> u64 {
        let mut bits = 0;
        let mut at = 0;
        while at < first {
            bits |= Self::NEEDED[at].bit;
            at += 1;
        }
        bits
    }

    /// What is needed and not allowed. Who does not see a channel may do nothing there: then only that is told.
    pub fn missing(self) -> Vec<&'static str> {
        let lacks = |permission: &&Permission| !self.has(permission.bit);
        let missing = Self::NEEDED
            .iter()
            .filter(lacks)
            .map(|permission| permission.name);
        if self.may_see() {
            missing.collect()
        } else {
            missing.take(1).collect()
        }
    }

    /// Whether somebody who mentions the bot there is answered: in a thread that it opens, or in a post.
    pub fn may_answer(self) -> bool {
        self.has(Self::bits(Self::TO_ANSWER))
    }

    /// Whether it may say something there outside of all threads.
    pub fn may_say(self) -> bool {
        self.place == Place::Channel && self.has(Self::bits(2))
    }

    /// Whether the channel is seen at all.
    pub fn may_see(self) -> bool {
        self.has(Self::NEEDED[0].bit)
    }

    /// Whether all of these are given, or not needed in such a place.
    fn has(self, bits: u64) -> bool {
        let needed = match self.place {
            Place::Channel => bits,
            Place::Forum => bits & !Self::TO_OPEN,
        };
        self.given & needed == needed
    }
}

/// The link with which an administrator of a server invites the bot, with all that it needs and no more.
pub fn invite_link(application: Id) -> String {
    let (id, bits) = (application.to_string(), Permissions::ALL_NEEDED.to_string());
    let query = [
        ("client_id", id.as_str()),
        ("scope", "bot applications.commands"),
        ("permissions", bits.as_str()),
    ];
    Url::parse_with_params("https://discord.com/oauth2/authorize", query)
        .map_or_else(|_| String::new(), String::from)
}
