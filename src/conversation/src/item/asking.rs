//! What an agent asks people for: the answers that it offers, and what became of the question.

use serde::{Deserialize, Serialize};

/// An answer to a permission request, as the agent offers it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// The agent's name of it.
    pub id: String,
    /// The agent's words for it.
    pub name: String,
    /// What it does.
    pub kind: ChoiceKind,
}

/// What an answer does (ACP `PermissionOptionKind`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChoiceKind {
    /// Allows this time.
    AllowOnce,
    /// Allows, and is remembered, as widely as the agent's words say.
    AllowAlways,
    /// Denies this time.
    RejectOnce,
    /// Denies, and is remembered by the agent.
    RejectAlways,
}

/// What became of a permission request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "decision", rename_all = "snake_case")]
pub enum Decision {
    /// Allowed, this time.
    Once {
        /// By whom: the name they show.
        by: String,
    },
    /// Allowed, and remembered.
    Always {
        /// By whom.
        by: String,
        /// How widely: the agent's words for it. Empty where they are not known.
        #[serde(default)]
        words: String,
    },
    /// Denied.
    Denied {
        /// By whom.
        by: String,
        /// Why, if they said.
        reason: Option<String>,
    },
    /// Nobody answered.
    TimedOut,
    /// The turn ended before anybody answered.
    Gone,
}

/// What became of a login that a turn waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LoginEnd {
    /// Somebody signed in.
    Done,
    /// Nobody did in time.
    TimedOut,
    /// The turn ended before anybody did.
    Gone,
}
