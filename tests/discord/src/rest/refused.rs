//! How Discord says no: status, code, words.
//! <https://docs.discord.com/developers/topics/opcodes-and-status-codes#json>

use std::borrow::Cow;

use serde_json::{Value, json};

use super::Call;

/// A refusal.
#[derive(Clone, Debug)]
pub(crate) struct Refused {
    pub(crate) status: u16,
    pub(crate) code: u32,
    pub(crate) message: Cow<'static, str>,
    details: Vec<String>,
    retry_after: Option<(f64, bool)>,
}

impl Refused {
    pub(crate) const UNAUTHORIZED: Self = Self::new(401, 0, "401: Unauthorized");
    pub(crate) const NOT_FOUND: Self = Self::new(404, 0, "404: Not Found");
    pub(crate) const UNKNOWN_APPLICATION: Self = Self::new(404, 10002, "Unknown Application");
    pub(crate) const UNKNOWN_CHANNEL: Self = Self::new(404, 10003, "Unknown Channel");
    pub(crate) const UNKNOWN_GUILD: Self = Self::new(404, 10004, "Unknown Guild");
    pub(crate) const UNKNOWN_MEMBER: Self = Self::new(404, 10007, "Unknown Member");
    pub(crate) const UNKNOWN_MESSAGE: Self = Self::new(404, 10008, "Unknown Message");
    pub(crate) const UNKNOWN_USER: Self = Self::new(404, 10013, "Unknown User");
    pub(crate) const UNKNOWN_EMOJI: Self = Self::new(400, 10014, "Unknown Emoji");
    pub(crate) const UNKNOWN_WEBHOOK: Self = Self::new(404, 10015, "Unknown Webhook");
    pub(crate) const UNKNOWN_INTERACTION: Self = Self::new(404, 10062, "Unknown interaction");
    pub(crate) const UNKNOWN_COMMAND: Self = Self::new(404, 10063, "Unknown application command");
    pub(crate) const FILE_TOO_BIG: Self = Self::new(413, 40005, "Request entity too large");
    pub(crate) const ACKNOWLEDGED: Self = Self::new(400, 40060, "Interaction has already been acknowledged.");
    pub(crate) const MISSING_ACCESS: Self = Self::new(403, 50001, "Missing Access");
    pub(crate) const NOT_OURS: Self = Self::new(403, 50005, "Cannot edit a message authored by another user");
    pub(crate) const EMPTY: Self = Self::new(400, 50006, "Cannot send an empty message");
    pub(crate) const CLOSED: Self = Self::new(403, 50007, "Cannot send messages to this user");
    pub(crate) const NO_TEXT: Self = Self::new(400, 50008, "Cannot send messages in a non-text channel");
    pub(crate) const MISSING_PERMISSIONS: Self = Self::new(403, 50013, "Missing Permissions");
    pub(crate) const SYSTEM_MESSAGE: Self =
        Self::new(403, 50021, "Cannot execute action on a system message");
    pub(crate) const WRONG_CHANNEL: Self =
        Self::new(400, 50024, "Cannot execute action on this channel type");
    pub(crate) const TOKEN_ENDED: Self = Self::new(401, 50027, "Invalid Webhook Token");
    pub(crate) const ARCHIVED: Self = Self::new(400, 50083, "Thread is archived");
    /// Not the client's fault: the message may have been deleted while the answer was on its way.
    pub(crate) const UNKNOWN_REFERENCE: Self = Self::new(
        400,
        50035,
        "Invalid Form Body: message_reference: Unknown message",
    );
    pub(crate) const NO_HISTORY: Self = Self::new(
        403,
        160_002,
        "Cannot reply without permission to read message history",
    );
    pub(crate) const HAS_THREAD: Self =
        Self::new(400, 160_004, "A thread has already been created for this message");
    pub(crate) const LOCKED: Self = Self::new(403, 160_005, "Thread is locked");

    pub(crate) const HARMFUL: Self = Self::new(400, 240_000, "Message blocked by harmful links filter");

    const fn new(status: u16, code: u32, message: &'static str) -> Self {
        Self {
            status,
            code,
            message: Cow::Borrowed(message),
            details: Vec::new(),
            retry_after: None,
        }
    }

    /// 50035: the request itself is wrong. No client should ever see it.
    pub(crate) fn invalid(details: &[String]) -> Self {
        Self {
            details: details.to_vec(),
            ..Self::new(400, 50035, "Invalid Form Body")
        }
    }

    pub(crate) fn wrong(detail: &str) -> Self {
        Self::invalid(&[detail.to_owned()])
    }

    /// Discord's own trouble.
    pub(crate) const fn broken(status: u16) -> Self {
        Self::new(status, 0, "the server has trouble of its own")
    }

    pub(crate) fn too_many(retry_after: f64, global: bool) -> Self {
        Self {
            retry_after: Some((retry_after, global)),
            ..Self::new(429, 0, "You are being rate limited.")
        }
    }

    /// An operation of Discord's that nothing here needed so far.
    pub(crate) fn not_done(call: &Call) -> Self {
        let words = format!(
            "the fake does not know {} /{} yet",
            call.method,
            call.path.join("/")
        );
        Self::invalid(&[words])
    }

    /// Whether it is about the request itself, not about the world.
    pub(crate) fn is_formal(&self) -> bool {
        !self.details.is_empty() || self.code == Self::EMPTY.code
    }

    pub(crate) fn details(&self) -> String {
        if self.details.is_empty() {
            self.message.to_string()
        } else {
            self.details.join("; ")
        }
    }

    pub(crate) fn json(&self) -> Value {
        let mut json = json!({ "code": self.code, "message": self.message });
        if let Some((retry_after, global)) = self.retry_after {
            json["retry_after"] = json!(retry_after);
            json["global"] = json!(global);
        }
        if !self.details.is_empty() {
            let error = |detail: &String| json!({ "code": "FAKE_INVALID", "message": detail });
            json["errors"] = json!({ "_errors": self.details.iter().map(error).collect::<Vec<_>>() });
        }
        json
    }
}
