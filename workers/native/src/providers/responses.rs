//! OpenAI Responses: the request. Nothing is stored at the provider; reasoning travels encrypted, back and forth.

use serde_json::{Value, json};

use super::Request;
use super::abilities::{Abilities, Ability};
use super::history;
use crate::message::{Message, Part, ReplyPart};

mod draft;
mod reader;

pub(super) use reader::Reader;

/// The request's body.
pub(super) fn body(request: &Request<'_>, abilities: Abilities) -> Value {
    let mut input = vec![];
    for message in history::settled(request.history) {
        add(&mut input, &message, abilities);
    }
    let mut body = json!({
        "model": request.model,
        "instructions": request.system,
        "input": input,
        "stream": true,
        "store": false,
    });
    if !request.tools.is_empty() {
        body["tools"] = request
            .tools
            .iter()
            .map(|tool| {
                json!({
                    "type": "function",
                    "name": tool.name,
                    "description": tool.description,
                    "parameters": tool.parameters,
                    "strict": false,
                })
            })
            .collect();
    }
    if abilities.has(Ability::EncryptedReasoning) {
        body["include"] = json!(["reasoning.encrypted_content"]);
    }
    if abilities.has(Ability::ReasoningSummary) {
        body["reasoning"] = json!({ "summary": "auto" });
    }
    if abilities.has(Ability::CacheKey) {
        body["prompt_cache_key"] = json!(request.session);
    }
    body
}

fn add(input: &mut Vec<Value>, message: &Message, abilities: Abilities) {
    match message {
        Message::User { parts } => {
            let content: Vec<Value> = parts.iter().map(user_part).collect();
            input.push(json!({ "type": "message", "role": "user", "content": content }));
        }
        Message::Assistant { parts } => {
            // Reasoning is refused without the item that it led to, for as long as the thread lives.
            let spoken = parts.iter().rposition(is_spoken).map_or(0, |last| last + 1);
            let sent = parts[..spoken].iter();
            input.extend(sent.filter_map(|part| reply_part(part, abilities)));
        }
        Message::ToolResult { call, text, .. } => {
            input.push(json!({ "type": "function_call_output", "call_id": call, "output": text }));
        }
    }
}

fn user_part(part: &Part) -> Value {
    match part {
        Part::Text { text } => json!({ "type": "input_text", "text": text }),
        Part::Image { mime, data } => {
            json!({ "type": "input_image", "image_url": format!("data:{mime};base64,{data}") })
        }
    }
}

fn reply_part(part: &ReplyPart, abilities: Abilities) -> Option<Value> {
    match part {
        ReplyPart::Text { text } if text.is_empty() => None,
        ReplyPart::Text { text } => Some(json!({
            "type": "message",
            "role": "assistant",
            "content": [{ "type": "output_text", "text": text }],
        })),
        ReplyPart::Thought { opaque, .. } => {
            let item = opaque.as_ref().filter(|item| is_sendable(item));
            item.filter(|_| abilities.has(Ability::EarlierReasoning)).cloned()
        }
        ReplyPart::ToolCall(call) => Some(json!({
            "type": "function_call",
            "call_id": call.id,
            "name": history::name(&call.name),
            "arguments": history::arguments(&call.arguments),
        })),
    }
}

/// Whether it is words or a call, and is sent.
fn is_spoken(part: &ReplyPart) -> bool {
    match part {
        ReplyPart::Text { text } => !text.is_empty(),
        ReplyPart::Thought { .. } => false,
        ReplyPart::ToolCall(_) => true,
    }
}

/// Whether a reasoning item means anything to a provider that stores nothing. (Another wire format's item does not.)
fn is_sendable(item: &Value) -> bool {
    item["type"] == "reasoning" && item["encrypted_content"].is_string()
}

#[cfg(test)]
mod tests;
