//! A request of OpenAI Responses.

use serde_json::Value;

use super::{Asked, Refusal, Said, Tool, invalid, list, text};

/// How reasoning that this model gave out begins, where it is encrypted.
pub(in crate::model) const SEAL: &str = "rehearsal:";

pub(super) fn read(body: &Value) -> Result<Asked, Refusal> {
    let mut asked = Asked {
        wants_encrypted: list(&body["include"])
            .iter()
            .any(|item| item == "reasoning.encrypted_content"),
        tools: list(&body["tools"])
            .iter()
            .filter(|tool| tool["type"] == "function")
            .map(|tool| Tool {
                name: text(&tool["name"]).to_owned(),
                parameters: tool["parameters"].clone(),
            })
            .collect(),
        ..Asked::default()
    };
    let mut last = None;
    if let Some(words) = body["input"].as_str() {
        let mut said = Said::default();
        said.add_text(words);
        last = Some(said);
    }
    let items = list(&body["input"]);
    check(items)?;
    for (at, item) in items.iter().enumerate() {
        match text(&item["type"]) {
            "message" | "" if item["role"] == "user" => asked.say(said(&item["content"]), &mut last),
            "function_call" => {
                let output = items[at..].iter().find(|output| is_output_of(output, item));
                asked
                    .results
                    .push(output.map(|output| words(&output["output"])).unwrap_or_default());
            }
            _ => {}
        }
    }
    asked.about(last, "input")
}

/// What the real server checks of items that belong together.
fn check(items: &[Value]) -> Result<(), Refusal> {
    for (at, item) in items.iter().enumerate() {
        let id = text(&item["call_id"]);
        match text(&item["type"]) {
            "function_call" if !items[at..].iter().any(|output| is_output_of(output, item)) => {
                return Err(invalid(
                    "invalid_value",
                    "input",
                    format!("No tool output found for function call {id}."),
                ));
            }
            "function_call" if serde_json::from_str::<Value>(text(&item["arguments"])).is_err() => {
                return Err(invalid(
                    "invalid_value",
                    "input",
                    format!("the arguments of call {id} are not JSON"),
                ));
            }
            "function_call_output" if !items[..at].iter().any(|call| is_output_of(item, call)) => {
                return Err(invalid(
                    "invalid_value",
                    "input",
                    format!("No tool call found for function call output with call_id {id}."),
                ));
            }
            "reasoning" if !text(&item["encrypted_content"]).starts_with(SEAL) => {
                return Err(invalid(
                    "invalid_encrypted_content",
                    "input",
                    format!(
                        "The encrypted content for item {} could not be verified.",
                        text(&item["id"])
                    ),
                ));
            }
            "reasoning" if !items.get(at + 1).is_some_and(is_of_the_model) => {
                return Err(invalid(
                    "invalid_value",
                    "input",
                    format!(
                        "Item '{}' of type 'reasoning' was provided without its required following item.",
                        text(&item["id"])
                    ),
                ));
            }
            _ => {}
        }
    }
    Ok(())
}

fn is_output_of(output: &Value, call: &Value) -> bool {
    output["type"] == "function_call_output"
        && call["type"] == "function_call"
        && output["call_id"] == call["call_id"]
}

fn is_of_the_model(item: &Value) -> bool {
    matches!(text(&item["type"]), "reasoning" | "function_call") || item["role"] == "assistant"
}

fn said(content: &Value) -> Said {
    let mut said = Said::default();
    if let Some(words) = content.as_str() {
        said.add_text(words);
    }
    for part in list(content) {
        match text(&part["type"]) {
            "input_image" => said.add_image(text(&part["image_url"])),
            "input_file" => said.attach(text(&part["filename"])),
            _ => said.add_text(text(&part["text"])),
        }
    }
    said
}

/// A tool's output, which may be a list of parts.
fn words(output: &Value) -> String {
    match output {
        Value::String(words) => words.clone(),
        parts => list(parts).iter().map(|part| text(&part["text"])).collect(),
    }
}
