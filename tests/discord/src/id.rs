//! Snowflakes: ids that sort by time, and travel as strings.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// First millisecond of Discord's calendar, in Unix time.
pub(crate) const EPOCH: u64 = 1_420_070_400_000;

/// The id of anything: user, guild, role, channel, message, command, interaction, attachment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(pub u64);

impl Id {
    /// When it was made, in Unix milliseconds.
    pub fn made_at(self) -> u64 {
        (self.0 >> 22) + EPOCH
    }

    /// As it stands in a text that mentions this user.
    pub fn mention(self) -> String {
        format!("<@{self}>")
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Id {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl From<&Id> for Id {
    fn from(id: &Id) -> Self {
        *id
    }
}
