//! What passes between the turn loop, the model and the transcript. No wire format's own shapes; each provider converts.

use serde::{Deserialize, Serialize};

/// One message of the history, in the order in which the model sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "role", rename_all = "snake_case")]
pub(crate) enum Message {
    /// From people.
    User {
        /// What was said.
        parts: Vec<Part>,
    },
    /// From the model.
    Assistant {
        /// In the order in which they came.
        parts: Vec<ReplyPart>,
    },
    /// What a tool gave back.
    ToolResult {
        /// The call's id.
        call: String,
        /// What the model gets to read.
        text: String,
        /// Whether it failed.
        failed: bool,
    },
}

impl Message {
    /// Whether the model said it.
    pub(crate) fn is_reply(&self) -> bool {
        matches!(self, Self::Assistant { .. })
    }
}

/// A part of a user's message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Part {
    /// Words.
    Text {
        /// The words.
        text: String,
    },
    /// A picture.
    Image {
        /// Media type.
        mime: String,
        /// Base64.
        data: String,
    },
}

impl Part {
    /// Whether it is a picture.
    pub(crate) fn is_picture(&self) -> bool {
        matches!(self, Self::Image { .. })
    }
}

/// A part of a model's reply.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum ReplyPart {
    /// Words.
    Text {
        /// Markdown.
        text: String,
    },
    /// Reasoning. `opaque` is what the provider wants back unchanged with the next request (Responses: the whole item).
    Thought {
        /// Its summary, as far as the provider shows it.
        text: String,
        /// The provider's own item, to be sent back.
        opaque: Option<serde_json::Value>,
    },
    /// A call of a tool.
    ToolCall(ToolCall),
}

/// A call of a tool.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ToolCall {
    /// The provider's id of the call.
    pub(crate) id: String,
    /// The tool.
    pub(crate) name: String,
    /// Its arguments as the model wrote them: JSON, possibly broken.
    pub(crate) arguments: String,
    /// What the provider wants back with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) opaque: Option<serde_json::Value>,
}

/// Tokens of one model call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Usage {
    /// Read.
    pub(crate) input: u64,
    /// Written.
    pub(crate) output: u64,
}

/// Why the model stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Finish {
    /// It is done, or wants its tools run.
    Complete,
    /// The token limit.
    Length,
    /// It refused.
    Refused,
    /// A filter of the provider's ended it.
    Filtered,
}
