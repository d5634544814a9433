//! Our extension methods of ACP (their names begin with an underscore, as the protocol asks).

use agent_client_protocol::{JsonRpcNotification, JsonRpcRequest, JsonRpcResponse};
use serde::{Deserialize, Serialize};

/// Request from worker to supervisor: a model call needs a login. Answered when there is one, or the turn is over.
pub const LOGIN_METHOD: &str = "_agent-host/login";

/// Notification from worker to supervisor: what the running turn is doing now.
pub const STATUS_METHOD: &str = "_agent-host/status";

/// The key in `_meta["agent-host"]` of a permission request that names what calls have in common which its one
/// `allow_always` covers. The host then remembers that answer, tells the agent "once" each time, and can take it back;
/// without this the agent is told "always", and remembers it itself.
pub const LIKENESS: &str = "likeness";

/// The key in `_meta["agent-host"]` of a permission answer that carries the reason of a denial.
pub const DENIAL_REASON: &str = "reason";

/// The same, where nobody denied it but the host, for want of an answer or of a place to write it down.
pub const HOST_REASON: &str = "host_reason";

/// The key in `data["agent-host"]` of an error answer to `session/prompt` that holds a [`TurnFailure`]'s word.
pub const FAILURE: &str = "failure";

/// The key in `_meta["agent-host"]` of `session/cancel` that holds a [`Canceller`]'s word.
pub const CANCELLER: &str = "canceller";

/// The key in `_meta["agent-host"]` of an update of a tool call that has `failed` as its status: `true` if it did not
/// fail by itself but was stopped. Its content then has what it had put out, and says why.
pub const STOPPED: &str = "stopped";

/// What [`LOGIN_METHOD`] says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonRpcRequest)]
#[request(method = "_agent-host/login", response = LoginAnswer)]
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
    /// The stored login that does not help, by the number of the write that stored it; `None` where there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub useless: Option<u64>,
}

/// What it is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonRpcResponse)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum LoginAnswer {
    /// There is a new login: try again.
    Try,
    /// Nobody signed in: end the turn with the reason.
    GiveUp,
}

/// What [`STATUS_METHOD`] says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonRpcNotification)]
#[notification(method = "_agent-host/status")]
pub struct Status {
    /// The ACP session.
    pub session: String,
    /// In a few words: `thinking`, `writing`, `running ls -la`, `waiting: the provider is overloaded (503)`.
    pub what: String,
}

/// Who cancels a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Canceller {
    /// A person, who wants it to end.
    Person,
    /// A new message, which is sent next.
    Message,
    /// The host, which goes away.
    Host,
}

/// Why a turn of the native agent ended without an answer; the words are the error's message. Variants by what a
/// person does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TurnFailure {
    /// Nobody signed in.
    LoginRequired,
    /// A key or token from the host's environment was refused: an operator must change it.
    WrongKey,
    /// The provider does not answer now: try again later.
    Unavailable,
    /// The answer was cut off: ask again.
    Cut,
    /// The request can't succeed as it is: another model, a shorter conversation.
    Refused,
    /// The transcript could not be written: look at the disk.
    Transcript,
}

#[cfg(test)]
mod tests {
    use agent_client_protocol::{JsonRpcMessage as _, JsonRpcResponse as _};
    use serde_json::json;

    use super::*;

    #[test]
    fn the_extensions_have_their_documented_wire_form() {
        let needed = LoginNeeded {
            session: "s".into(),
            service: "codex".into(),
            title: "Codex".into(),
            owner: "web:1".into(),
            reason: "no login".into(),
            useless: Some(3),
        };
        let message = needed.to_untyped_message().unwrap();
        assert_eq!(message.method, LOGIN_METHOD);
        assert_eq!(
            LoginNeeded::parse_message(LOGIN_METHOD, &message.params).unwrap(),
            needed
        );
        assert_eq!(
            LoginAnswer::GiveUp.into_json(LOGIN_METHOD).unwrap(),
            json!({"answer": "give_up"})
        );
        let status = Status {
            session: "s".into(),
            what: "thinking".into(),
        };
        let message = status.to_untyped_message().unwrap();
        assert_eq!(message.method, STATUS_METHOD);
        assert_eq!(message.params, json!({"session": "s", "what": "thinking"}));
        assert_eq!(
            serde_json::to_value(TurnFailure::WrongKey).unwrap(),
            json!("wrong_key")
        );
    }
}
