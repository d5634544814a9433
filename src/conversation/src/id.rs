//! Names of things: threads, turns, items, messages of a chat.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// One chat thread: `web:<id>` or `discord:<channel id>`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ThreadId(String);

/// What is wrong with a thread's name.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "`{0}` is not a thread: it must look like `web:abc123`, lower-case front-end, then letters, digits, `-` and `_`, at most 80 in all"
)]
pub struct IdError(String);

/// The longest name of a thread in bytes.
const MAX_THREAD_ID: usize = 80;

impl ThreadId {
    /// Reads `front-end:id`.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        let sound = |part: &str, upper: bool| {
            !part.is_empty()
                && part.bytes().all(|byte| {
                    byte.is_ascii_lowercase()
                        || byte.is_ascii_digit()
                        || byte == b'-'
                        || upper && (byte.is_ascii_uppercase() || byte == b'_')
                })
        };
        match text.split_once(':') {
            Some((front, id)) if text.len() <= MAX_THREAD_ID && sound(front, false) && sound(id, true) => {
                Ok(Self(text.to_owned()))
            }
            _ => Err(IdError(text.chars().take(MAX_THREAD_ID).collect())),
        }
    }

    /// The whole name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part before the colon.
    pub fn front_end(&self) -> &str {
        self.0.split_once(':').map_or("", |(front, _)| front)
    }

    /// The part after the colon.
    pub fn local(&self) -> &str {
        self.0.split_once(':').map_or("", |(_, id)| id)
    }

    /// A name for this thread's folder: path-safe, and different for different threads on any file system.
    pub fn folder_name(&self) -> String {
        // Upper case is marked, for file systems that fold it.
        let mut name = String::with_capacity(self.0.len() + 4);
        for letter in self.0.chars() {
            match letter {
                ':' => name.push('.'),
                upper if upper.is_ascii_uppercase() => {
                    name.push('~');
                    name.push(upper.to_ascii_lowercase());
                }
                other => name.push(other),
            }
        }
        name
    }
}

impl TryFrom<String> for ThreadId {
    type Error = IdError;

    fn try_from(text: String) -> Result<Self, IdError> {
        Self::parse(&text)
    }
}

impl From<ThreadId> for String {
    fn from(id: ThreadId) -> Self {
        id.0
    }
}

impl FromStr for ThreadId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        Self::parse(text)
    }
}

impl fmt::Display for ThreadId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

macro_rules! number {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(formatter)
            }
        }
    };
}

number!(
    /// One turn; unique in the state folder, growing, never used again.
    TurnId
);
number!(
    /// One entry of a timeline; unique in the state folder, growing, never used again.
    ItemId
);
number!(
    /// One delivery to a chat.
    DeliveryId
);
number!(
    /// Something that is always allowed; unique in the state folder, never used again.
    GrantId
);

/// The chat's own name of a message; with the thread it is the key that makes a message count once.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SourceId(pub String);
