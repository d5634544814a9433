//! OpenAI Chat Completions, as many servers speak it: the request, with nothing in it that is not common.

use serde_json::{Value, json};

use super::Request;
use super::abilities::{Abilities, Ability};
use super::history;
use crate::message::{Message, Part, ReplyPart};

mod reader;

pub(super) use reader::Reader;

/// The member of a thought's opaque value that names the field in which it came.
const FIELD: &str = "chat_reasoning_field";

/// The request's body.
pub(super) fn body(request: &Request<'_>, abilities: Abilities) -> Value {
    let history = history::settled(request.history);
    // Reasoning goes back within a turn only: some models need it between their tool calls, and some servers refuse
    // that of earlier turns.
    let turn = history
        .iter()
        .rposition(|message| matches!(message.as_ref(), Message::User { .. }));
    let mut messages = vec![];
    if !request.system.is_empty() {
        messages.push(json!({ "role": "system", "content": request.system }));
    }
    let mut asked = vec![];
    for (index, message) in history.iter().enumerate() {
        let is_of_turn = turn.is_none_or(|turn| index > turn) && abilities.has(Ability::EarlierReasoning);
        let answer = match message.as_ref() {
            Message::User { parts } => {
                asked.extend(parts);
                continue;
            }
            Message::Assistant { parts } => assistant(parts, is_of_turn),
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

fn assistant(parts: &[ReplyPart], with_reasoning: bool) -> Option<Value> {
    let (mut texts, mut calls) = (vec![], vec![]);
    let mut message = json!({ "role": "assistant", "content": null });
    for part in parts {
        match part {
            ReplyPart::Text { text } => texts.push(text.as_str()),
            ReplyPart::Thought { text, opaque } => {
                let field = opaque.as_ref().and_then(|opaque| opaque[FIELD].as_str());
                if let Some(field) = field.filter(|_| with_reasoning) {
                    let before = message[field].as_str().unwrap_or_default();
                    message[field] = json!(format!("{before}{text}"));
                }
            }
            ReplyPart::ToolCall(call) => calls.push(json!({
                "id": call.id,
                "type": "function",
                "function": { "name": history::name(&call.name), "arguments": history::arguments(&call.arguments) },
            })),
        }
    }
    if !texts.is_empty() {
        message["content"] = json!(texts.join("\n\n"));
    }
    if !calls.is_empty() {
        message["tool_calls"] = Value::Array(calls);
    }
    // A message of thoughts alone says nothing, and a null content without calls is refused.
    let says_something = !message["content"].is_null() || !message["tool_calls"].is_null();
    says_something.then_some(message)
}

#[cfg(test)]
mod tests;
