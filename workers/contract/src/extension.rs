//! Our extension methods of ACP (their names begin with an underscore, as the protocol asks).

use serde::{Deserialize, Serialize};

/// Request from worker to supervisor: a model call needs a login. Answered when there is one, or the turn is over.
pub const LOGIN_METHOD: &str = "_agent-host/login";

/// The key in `_meta["agent-host"]` of a permission answer that carries the reason of a denial.
pub const DENIAL_REASON: &str = "reason";

/// What [`LOGIN_METHOD`] says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoginNeeded {
    /// The ACP session.
    pub session: String,
    /// The service.
    pub service: String,
    /// Its name for people.
    pub title: String,
    /// Whose login is missing or dead: an owner as `credentials::Owner` writes it.
    pub owner: String,
    /// Why, in words.
    pub reason: String,
}

/// What it is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum LoginAnswer {
    /// There is a new login: try again.
    Try,
    /// Nobody signed in: end the turn with the reason.
    GiveUp,
}
