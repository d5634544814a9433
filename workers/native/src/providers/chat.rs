//! OpenAI Chat Completions, as many servers speak it: the request, with nothing in it that is not common.

use serde_json::{Value, json};

use super::Request;
use super::abilities::{Abilities, Ability};
use super::{history, opaque};
use crate::message::{Message, Part, ReplyPart, ToolCall};

mod calls;
mod reader;
mod tags;

pub(super) use reader::Reader;

/// The member of a thought's opaque value that names the field in which it came.
const FIELD: &str = "chat_reasoning_field";

/// The member of a message in which a router gives the model's reasoning in parts, signed or encrypted.
const DETAILS: &str = "reasoning_details";

/// The request's body.
pub(super) fn body(request: &Request<'_>, abilities: Abilities) -> Value {
    let history = history::settled(request.history);
    // Reasoning goes back within a turn only, until a server wants all of it: some models need it between their tool calls,
    // and some servers refuse that of earlier turns.
    let turn = history
        .iter()
        .rposition(|message| matches!(message.as_ref(), Message::User { .. }));
    let mut messages = vec![];
    if !request.system.is_empty() {
        messages.push(json!({ "role": "system", "content": request.system }));
    }
    let mut asked = vec![];
    for (index, message) in history.iter().enumerate() {
        let is_of_turn = turn.is_none_or(|turn| index > turn);
        let reasoning = match abilities.has(Ability::EarlierReasoning) {
            true if !abilities.has(Ability::TurnsReasoningOnly) => Reasoning::Always,
            true if is_of_turn => Reasoning::Known,
            _ => Reasoning::None,
        };
        let answer = match message.as_ref() {
            Message::User { parts } => {
                asked.extend(parts);
                continue;
            }
            Message::Assistant { parts } => assistant(parts, reasoning, abilities),
            Message::ToolResult { call, text, .. } => {
                Some(json!({ "role": "tool", "tool_call_id": call, "content": text }))
            }
        };
        if let Some(answer) = answer {
            ask(&mut messages, &mut asked);
            messages.push(answer);
        }
    }
    ask(&mut messages, &mut asked);
    let mut body = json!({ "model": request.model, "messages": messages, "stream": true });
    if !request.tools.is_empty() {
        body["tools"] = request
            .tools
            .iter()
            .map(|tool| {
                json!({
                    "type": "function",
                    "function": {
                        "name": tool.name,
                        "description": tool.description,
                        "parameters": tool.parameters,
                    },
                })
            })
            .collect();
    }
    if abilities.has(Ability::UsageInStream) {
        body["stream_options"] = json!({ "include_usage": true });
    }
    body
}

/// Adds what people said since the last answer as one message: strict servers refuse two in a row.
fn ask(messages: &mut Vec<Value>, asked: &mut Vec<&Part>) {
    if asked.is_empty() {
        return;
    }
    messages.push(json!({ "role": "user", "content": user_content(asked) }));
    asked.clear();
}

/// Plain text where that is enough: templates of small models know nothing else.
fn user_content(parts: &[&Part]) -> Value {
    let mut texts = vec![];
    for part in parts {
        match part {
            Part::Text { text } => texts.push(text.as_str()),
            Part::Image { .. } => return parts.iter().copied().map(user_part).collect(),
        }
    }
    Value::String(texts.join("\n\n"))
}

fn user_part(part: &Part) -> Value {
    match part {
        Part::Text { text } => json!({ "type": "text", "text": text }),
        Part::Image { mime, data } => {
            json!({ "type": "image_url", "image_url": { "url": format!("data:{mime};base64,{data}") } })
        }
    }
}

/// How much of the reasoning goes back with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reasoning {
    None,
    /// What there is.
    Known,
    /// The same, and the field stands there empty where there is none.
    Always,
}

fn assistant(parts: &[ReplyPart], reasoning: Reasoning, abilities: Abilities) -> Option<Value> {
    let (mut texts, mut calls) = (vec![], vec![]);
    let mut message = json!({ "role": "assistant", "content": null });
    let with_opaque = abilities.has(Ability::Opaque);
    for part in parts {
        match part {
            ReplyPart::Text { text } => texts.push(text.as_str()),
            ReplyPart::Thought { text, opaque } => {
                let field = opaque.as_ref().and_then(|opaque| opaque[FIELD].as_str());
                if let Some(field) = field.filter(|_| reasoning != Reasoning::None) {
                    let before = message[field].as_str().unwrap_or_default();
                    message[field] = json!(format!("{before}{text}"));
                }
                for (name, value) in opaque::members(opaque.as_ref()).filter(|_| with_opaque) {
                    if name != DETAILS || reasoning != Reasoning::None {
                        message[name] = value.clone();
                    }
                }
            }
            ReplyPart::ToolCall(call) => calls.push(call_of(call, with_opaque)),
        }
    }
    if !texts.is_empty() {
        message["content"] = json!(texts.join("\n\n"));
    }
    if !calls.is_empty() {
        message["tool_calls"] = Value::Array(calls);
    }
    if !message[DETAILS].is_null() {
        // They say the same, and more.
        message.as_object_mut()?.remove("reasoning");
    }
    if reasoning == Reasoning::Always
        && message["reasoning"].is_null()
        && message["reasoning_content"].is_null()
    {
        message["reasoning_content"] = json!("");
    }
    // A message of thoughts alone says nothing, and a null content without calls is refused.
    let says_something = !message["content"].is_null() || !message["tool_calls"].is_null();
    says_something.then_some(message)
}

fn call_of(call: &ToolCall, with_opaque: bool) -> Value {
    let mut sent = json!({ "id": call.id, "type": "function", "function": {} });
    for (name, value) in opaque::members(call.opaque.as_ref()).filter(|_| with_opaque) {
        sent[name] = value.clone();
    }
    sent["function"]["name"] = json!(history::name(&call.name));
    sent["function"]["arguments"] = json!(history::arguments(&call.arguments));
    sent
}

#[cfg(test)]
mod tests;
