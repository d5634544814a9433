//! A request of OpenAI Chat Completions.

use serde_json::Value;

use super::{Asked, Refusal, Said, Tool, invalid, list, text};

pub(super) fn read(body: &Value) -> Result<Asked, Refusal> {
    let mut asked = Asked {
        wants_usage: body["stream_options"]["include_usage"] == true,
        tools: list(&body["tools"])
            .iter()
            .map(|tool| Tool {
                name: text(&tool["function"]["name"]).to_owned(),
                parameters: tool["function"]["parameters"].clone(),
            })
            .collect(),
        ..Asked::default()
    };
    let mut last = None;
    // The calls that wait for their results: they come right after, before anything else.
    let mut open: Vec<(&str, Option<String>)> = vec![];
    for message in list(&body["messages"]) {
        if message["role"] == "tool" {
            let id = text(&message["tool_call_id"]);
            let Some((_, result)) = open
                .iter_mut()
                .find(|(open, result)| *open == id && result.is_none())
            else {
                return Err(invalid(
                    "invalid_value",
                    "messages",
                    "messages with role 'tool' must be a response to a preceding message with 'tool_calls'",
                ));
            };
            *result = Some(words(&message["content"]));
            continue;
        }
        close(&mut open, &mut asked)?;
        match text(&message["role"]) {
            "user" => asked.say(said(&message["content"]), &mut last),
            "assistant" => {
                let calls = list(&message["tool_calls"]);
                if message["content"].is_null() && calls.is_empty() {
                    return Err(invalid(
                        "invalid_value",
                        "messages",
                        "an assistant message says nothing",
                    ));
                }
                for call in calls {
                    let id = text(&call["id"]);
                    if serde_json::from_str::<Value>(text(&call["function"]["arguments"])).is_err() {
                        let message = format!("the arguments of call {id} are not JSON");
                        return Err(invalid("invalid_value", "messages", message));
                    }
                    open.push((id, None));
                }
            }
            _ => {}
        }
    }
    close(&mut open, &mut asked)?;
    asked.about(last, "messages")
}

fn close(open: &mut Vec<(&str, Option<String>)>, asked: &mut Asked) -> Result<(), Refusal> {
    for (id, result) in open.drain(..) {
        let Some(result) = result else {
            return Err(invalid(
                "invalid_value",
                "messages",
                format!(
                    "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id': {id}"
                ),
            ));
        };
        asked.results.push(result);
    }
    Ok(())
}

fn said(content: &Value) -> Said {
    let mut said = Said::default();
    if let Some(words) = content.as_str() {
        said.add_text(words);
    }
    for part in list(content) {
        match text(&part["type"]) {
            "image_url" => said.add_image(text(&part["image_url"]["url"])),
            "file" => said.attach(text(&part["file"]["filename"])),
            _ => said.add_text(text(&part["text"])),
        }
    }
    said
}

fn words(content: &Value) -> String {
    match content {
        Value::String(words) => words.clone(),
        parts => list(parts).iter().map(|part| text(&part["text"])).collect(),
    }
}
