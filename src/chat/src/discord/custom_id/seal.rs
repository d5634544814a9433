//! The seal of a name: who has not this host's key makes none, and takes none to another thread.

use std::fmt;

use sha2::{Digest as _, Sha256};

use super::{Action, CustomIdError, LONGEST};
use crate::discord::admission::Id;

/// Hex digits of the seal.
const SEAL: usize = 16;
/// Tells our names from those of other versions.
const VERSION: &str = "a1";

/// Seals names, and knows them again. Lives as long as its key: with another one all old buttons are refused.
#[derive(Clone)]
pub struct Sealer {
    key: [u8; 32],
}

impl Sealer {
    /// With a key that only this host knows.
    pub fn new(key: [u8; 32]) -> Self {
        Self { key }
    }

    /// Three letters that another host hardly has, too, and that tell nothing of the key.
    pub fn mark(&self) -> String {
        let mut mark = self.seal(0, "mark");
        mark.truncate(3);
        mark
    }

    /// The name of a button in a thread or channel.
    ///
    /// Errors: `TooLong` for what has a name that does not fit: of a service that is no vendor.
    pub fn encode(&self, channel: Id, action: &Action) -> Result<String, CustomIdError> {
        let (verb, about) = action.words();
        let body = format!("{VERSION}.{verb}.{about}");
        let name = format!("{body}.{}", self.seal(channel, &body));
        if name.len() > LONGEST {
            return Err(CustomIdError::TooLong(about));
        }
        Ok(name)
    }

    /// What the button is for that was pressed in this thread or channel.
    ///
    /// Errors: `Unknown`.
    pub fn parse(&self, channel: Id, custom_id: &str) -> Result<Action, CustomIdError> {
        let unknown = || CustomIdError::Unknown;
        if custom_id.len() > LONGEST {
            return Err(unknown());
        }
        let (body, seal) = custom_id.rsplit_once('.').ok_or_else(unknown)?;
        if !is_same(seal, &self.seal(channel, body)) {
            return Err(unknown());
        }
        let mut words = body.splitn(3, '.');
        match (words.next(), words.next(), words.next()) {
            (Some(VERSION), Some(verb), Some(about)) => Action::of(verb, about).ok_or_else(unknown),
            _ => Err(unknown()),
        }
    }

    fn seal(&self, channel: Id, body: &str) -> String {
        let mut inner = Sha256::new();
        inner.update(self.key);
        inner.update(channel.to_be_bytes());
        inner.update(body);
        // Hashed again with the key, so that nobody can add to what they have seen (as HMAC does it).
        let mut outer = Sha256::new();
        outer.update(self.key);
        outer.update(inner.finalize());
        let mut seal = format!("{:x}", outer.finalize());
        seal.truncate(SEAL);
        seal
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealer").finish_non_exhaustive()
    }
}

/// Takes the same time wherever they differ.
fn is_same(given: &str, right: &str) -> bool {
    let differences = given
        .bytes()
        .zip(right.bytes())
        .fold(0, |sum, (a, b)| sum | (a ^ b));
    given.len() == right.len() && differences == 0
}
