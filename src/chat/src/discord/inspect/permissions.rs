//! What the bot must be allowed in a channel, under the names that Discord shows, and the link that asks for it.

use url::Url;

use crate::discord::admission::Id;

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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Permissions(pub(super) u64);

impl Permissions {
    /// All that the bot needs where it speaks; without one of the first four it answers nobody.
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
        let lacks = |permission: &&Permission| self.0 & permission.bit == 0;
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

    /// Whether somebody who mentions the bot there is answered: in a thread that it opens.
    pub fn may_answer(self) -> bool {
        let needed = Self::bits(Self::TO_ANSWER);
        self.0 & needed == needed
    }

    /// Whether the channel is seen at all.
    pub fn may_see(self) -> bool {
        self.0 & Self::NEEDED[0].bit != 0
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
