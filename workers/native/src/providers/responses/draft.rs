//! OpenAI Responses: one item of an answer, as far as it has come.

use serde_json::Value;

use crate::message::{ReplyPart, ToolCall};
use crate::providers::format::written;

/// An item of the output, as far as it has come.
#[derive(Debug)]
pub(super) enum Draft {
    Text(String),
    Thought { text: String, opaque: Option<Value> },
    Call(ToolCall),
}

impl Draft {
    pub(super) fn is_of(&self, kind: &str) -> bool {
        let own = match self {
            Self::Text(_) => "message",
            Self::Thought { .. } => "reasoning",
            Self::Call(_) => "function_call",
        };
        kind == own
    }

    /// Whether it may be this item of the whole answer. Ids of words and thoughts change on the way with some servers.
    pub(super) fn may_be(&self, item: &Value) -> bool {
        let is_same = match self {
            Self::Call(call) => {
                let id = item["call_id"].as_str().unwrap_or_default();
                id.is_empty() || call.id.is_empty() || id == call.id
            }
            Self::Text(_) | Self::Thought { .. } => true,
        };
        is_same && self.is_of(item["type"].as_str().unwrap_or_default())
    }

    /// Whether it is this very call, under whatever id: vLLM makes a new one each time that it tells of a call.
    pub(super) fn is_call(&self, item: &Value) -> bool {
        let Self::Call(call) = self else { return false };
        let arguments = written(&item["arguments"]).unwrap_or_default();
        item["type"] == "function_call"
            && item["name"] == call.name.as_str()
            && is_same_json(&call.arguments, &arguments)
    }

    /// Whether it is a call of nothing.
    pub(super) fn is_nameless(&self) -> bool {
        matches!(self, Self::Call(call) if call.name.is_empty())
    }

    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::Text(text) => text.is_empty(),
            Self::Thought { text, opaque } => text.is_empty() && opaque.is_none(),
            Self::Call(call) => call.arguments.is_empty(),
        }
    }

    pub(super) fn part(self) -> Option<ReplyPart> {
        match self {
            Self::Text(text) => (!text.is_empty()).then_some(ReplyPart::Text { text }),
            Self::Thought { text, opaque } => {
                (!text.is_empty() || opaque.is_some()).then_some(ReplyPart::Thought { text, opaque })
            }
            Self::Call(call) => Some(ReplyPart::ToolCall(call)),
        }
    }
}

pub(super) fn thought() -> Draft {
    Draft::Thought {
        text: String::new(),
        opaque: None,
    }
}

pub(super) fn call(item: &Value) -> ToolCall {
    let text = |name: &str| item[name].as_str().unwrap_or_default().to_owned();
    ToolCall {
        id: text("call_id"),
        name: text("name"),
        arguments: written(&item["arguments"]).unwrap_or_default(),
        opaque: None,
    }
}

/// Whether two texts say the same, however they are laid out.
fn is_same_json(one: &str, other: &str) -> bool {
    let read = |text| serde_json::from_str::<Value>(text).ok();
    one == other || read(one).is_some_and(|value| read(other) == Some(value))
}

pub(super) fn texts(parts: &Value) -> Vec<String> {
    let parts = parts.as_array().map(Vec::as_slice).unwrap_or_default();
    let text = |part: &Value| part["text"].as_str().map(str::to_owned);
    parts
        .iter()
        .filter_map(text)
        .filter(|text| !text.is_empty())
        .collect()
}
