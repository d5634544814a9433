//! Scopes as sets (RFC 6749 §3.3).

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::Refusal;

/// What is granted when a request names no scope.
const DEFAULT: &str = "profile";

/// A set of scope tokens; prints as the space-separated list of the wire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Scope(BTreeSet<String>);

impl Scope {
    /// Reads the `scope` parameter; left out, it is the default scope.
    pub(crate) fn parse(text: Option<&str>) -> Result<Self, Refusal> {
        let text = text.unwrap_or(DEFAULT);
        // The characters a scope token may have, RFC 6749 appendix A.4.
        let legal = |byte: u8| matches!(byte, b' ' | 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
        let tokens: BTreeSet<String> = text
            .split(' ')
            .filter(|token| !token.is_empty())
            .map(str::to_owned)
            .collect();
        if tokens.is_empty() || !text.bytes().all(legal) {
            return Err(Refusal::InvalidScope("the scope is malformed"));
        }
        Ok(Self(tokens))
    }

    /// The scope of an access token: all of this grant, or the part that was asked for, never more.
    pub(crate) fn narrowed(&self, asked: Option<&str>) -> Result<Self, Refusal> {
        let Some(asked) = asked else {
            return Ok(self.clone());
        };
        let asked = Self::parse(Some(asked))?;
        if asked.0.is_subset(&self.0) {
            Ok(asked)
        } else {
            Err(Refusal::InvalidScope("the scope is wider than the grant"))
        }
    }

    pub(crate) fn has(&self, token: &str) -> bool {
        self.0.contains(token)
    }

    pub(crate) fn tokens(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, token) in self.0.iter().enumerate() {
            if index > 0 {
                formatter.write_str(" ")?;
            }
            formatter.write_str(token)?;
        }
        Ok(())
    }
}
