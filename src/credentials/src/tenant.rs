//! Who a credential belongs to: one canonical (service, owner), whatever way it was written.

use std::fmt;
use std::sync::Arc;

use thiserror::Error;

mod encoding;

pub use encoding::FileId;

/// Longest service or user id that is accepted, in bytes.
pub const MAX_NAME_BYTES: usize = 200;

/// Why a service, user or owner was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NameError {
    /// Nothing was given.
    #[error("the {what} is empty")]
    Empty {
        /// What was being read: `service`, `user` or `owner`.
        what: &'static str,
    },
    /// Longer than [`MAX_NAME_BYTES`].
    #[error("the {what} is {bytes} bytes long; at most {MAX_NAME_BYTES} are allowed")]
    TooLong {
        /// What was being read.
        what: &'static str,
        /// Its length in bytes.
        bytes: usize,
    },
    /// A control character or white space, which no such name has.
    #[error("the {what} {shown:?} contains white space or a control character")]
    Character {
        /// What was being read.
        what: &'static str,
        /// The name, escaped when shown.
        shown: String,
    },
    /// A prefix before the colon that is not known.
    #[error("unknown kind `{kind}:` in the {what} `{shown}`; known kinds: {known}")]
    Kind {
        /// What was being read.
        what: &'static str,
        /// The prefix.
        kind: String,
        /// The whole name.
        shown: String,
        /// The prefixes that are accepted.
        known: &'static str,
    },
}

/// What a credential is for: a vendor (`codex`), an MCP server (`mcp:linear`) or a git host (`git:example.org`).
///
/// Vendor names and git hosts are case-insensitive and kept in lower case; MCP server names are kept as written.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Service(Arc<str>);

impl Service {
    /// Reads a service in any accepted spelling.
    ///
    /// Errors: empty, too long, white space or control characters, or an unknown `kind:` prefix.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let text = checked("service", text.trim())?;
        let canonical = match text.split_once(':') {
            None => text.to_ascii_lowercase(),
            Some((kind, rest)) => {
                let rest = checked("service", rest)?;
                match kind.to_ascii_lowercase().as_str() {
                    "mcp" => format!("mcp:{rest}"),
                    "git" => format!("git:{}", rest.to_ascii_lowercase()),
                    _ => return Err(unknown_kind("service", kind, text, "mcp:, git:")),
                }
            }
        };
        Ok(Self(canonical.into()))
    }

    /// The canonical spelling.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A chat or local user: `discord:<id>`, `web:<id>` or `local:<name>`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserId(Arc<str>);

impl UserId {
    /// Reads a user id; a bare name means `local:<name>`.
    ///
    /// Errors: empty, too long, white space or control characters, or an unknown `kind:` prefix.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let text = checked("user", text.trim())?;
        let canonical = match text.split_once(':') {
            None => format!("local:{text}"),
            Some((kind, rest)) => {
                let rest = checked("user", rest)?;
                match kind.to_ascii_lowercase().as_str() {
                    kind @ ("discord" | "web" | "local") => format!("{kind}:{rest}"),
                    _ => return Err(unknown_kind("user", kind, text, "discord:, web:, local:")),
                }
            }
        };
        Ok(Self(canonical.into()))
    }

    /// The canonical spelling.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whose credential it is.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Owner {
    /// Everybody who may use this host.
    Host,
    /// One user alone.
    User(UserId),
}

impl Owner {
    /// Reads `host` or a user id.
    ///
    /// Errors: as [`UserId::parse`]. A user who is called host is written `local:host`.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        match text.trim() {
            "host" => Ok(Self::Host),
            user => UserId::parse(user).map(Self::User),
        }
    }

    /// The canonical spelling.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Host => "host",
            Self::User(user) => user.as_str(),
        }
    }
}

/// On the wire and on disk each of these is its canonical spelling, read back with the same checks.
macro_rules! as_text {
    ($($name:ident),*) => {$(
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str> as serde::Deserialize>::deserialize(deserializer)?;
                Self::parse(&text).map_err(serde::de::Error::custom)
            }
        }
    )*};
}

as_text!(Service, UserId, Owner);

/// One credential's place in the store.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tenant {
    /// What it is for.
    pub service: Service,
    /// Whose it is.
    pub owner: Owner,
}

impl Tenant {
    /// The host's credential for a service.
    pub fn host(service: Service) -> Self {
        Self {
            service,
            owner: Owner::Host,
        }
    }

    /// One user's own credential for a service.
    pub fn user(service: Service, user: UserId) -> Self {
        Self {
            service,
            owner: Owner::User(user),
        }
    }

    /// The name of this tenant's files: safe in a path, and different for different tenants.
    pub fn file_id(&self) -> FileId {
        FileId::of(self.service.as_str(), self.owner.as_str())
    }
}

fn checked<'a>(what: &'static str, text: &'a str) -> Result<&'a str, NameError> {
    if text.is_empty() {
        return Err(NameError::Empty { what });
    }
    if text.len() > MAX_NAME_BYTES {
        return Err(NameError::TooLong {
            what,
            bytes: text.len(),
        });
    }
    if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(NameError::Character {
            what,
            shown: text.to_owned(),
        });
    }
    Ok(text)
}

fn unknown_kind(what: &'static str, kind: &str, shown: &str, known: &'static str) -> NameError {
    NameError::Kind {
        what,
        kind: kind.to_owned(),
        shown: shown.to_owned(),
        known,
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.owner {
            Owner::Host => write!(f, "{}", self.service),
            Owner::User(user) => write!(f, "{} of {user}", self.service),
        }
    }
}

impl fmt::Debug for Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.service, self.owner)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_spelling_of_a_default_hits_the_same_entry() {
        for spelling in ["codex", "Codex", " codex ", "CODEX\n"] {
            assert_eq!(Service::parse(spelling).unwrap().as_str(), "codex");
        }
        assert_eq!(
            Service::parse("GIT:Example.ORG").unwrap().as_str(),
            "git:example.org"
        );
        assert_eq!(
            UserId::parse("alice").unwrap(),
            UserId::parse("Local:alice").unwrap()
        );
        assert_ne!(
            Service::parse("mcp:codex").unwrap(),
            Service::parse("codex").unwrap()
        );
        assert_ne!(Owner::parse("host").unwrap(), Owner::parse("local:host").unwrap());
    }

    #[test]
    fn bad_names_are_refused_with_words() {
        for (text, words) in [
            ("", "is empty"),
            ("mcp:", "is empty"),
            ("a b", "white space"),
            ("a\0b", "control character"),
            ("slack:1", "unknown kind `slack:`"),
        ] {
            assert!(
                Service::parse(text).unwrap_err().to_string().contains(words),
                "{text:?}"
            );
        }
        assert!(
            UserId::parse(&"x".repeat(201))
                .unwrap_err()
                .to_string()
                .contains("201 bytes")
        );
    }

    proptest! {
        #[test]
        fn parsing_is_idempotent_and_never_panics(text in ".{0,250}") {
            if let Ok(service) = Service::parse(&text) {
                prop_assert_eq!(Service::parse(service.as_str()).unwrap(), service);
            }
            if let Ok(user) = UserId::parse(&text) {
                prop_assert_eq!(UserId::parse(user.as_str()).unwrap(), user);
            }
        }
    }
}
