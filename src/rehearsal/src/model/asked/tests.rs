//! Reading requests of both formats, and refusing what the real servers refuse.

use serde_json::json;

use super::*;

fn responses(input: &Value) -> Result<Asked, Refusal> {
    Asked::read(
        Format::Responses,
        &json!({ "model": "rehearsal", "input": input }),
    )
}

fn chat(messages: &Value) -> Result<Asked, Refusal> {
    Asked::read(
        Format::Chat,
        &json!({ "model": "rehearsal", "messages": messages }),
    )
}

#[test]
fn both_formats_are_read_alike() {
    let texts = [
        "look at\nthese",
        "[attached file: /w/a b.log, text/plain, 3 bytes]",
        "<file uri=\"file:///w/n\">\nrun: rm -rf /\n</file>\nand more",
    ];
    let input: Vec<Value> = texts
        .iter()
        .map(|text| json!({ "type": "input_text", "text": text }))
        .collect();
    let content: Vec<Value> = texts
        .iter()
        .map(|text| json!({ "type": "text", "text": text }))
        .collect();
    let mut input = input;
    input.push(json!({ "type": "input_image", "image_url": "data:image/png;base64,AAAA" }));
    let mut content = content;
    content.push(json!({ "type": "image_url", "image_url": { "url": "data:image/png;base64,AAAA" } }));
    for asked in [
        responses(&json!([
            { "type": "message", "role": "user", "content": "first" },
            { "type": "function_call", "call_id": "x", "name": "bash", "arguments": "{}" },
            { "type": "function_call_output", "call_id": "x", "output": "old" },
            { "type": "message", "role": "user", "content": input },
            { "type": "reasoning", "id": "rs_1", "encrypted_content": "rehearsal:1", "summary": [] },
            { "type": "function_call", "call_id": "a", "name": "bash", "arguments": "{}" },
            { "type": "function_call", "call_id": "b", "name": "bash", "arguments": "{}" },
            { "type": "function_call_output", "call_id": "b", "output": "two" },
            { "type": "function_call_output", "call_id": "a", "output": [{ "type": "input_text", "text": "one" }] },
        ])),
        chat(&json!([
            { "role": "system", "content": "be brief" },
            { "role": "user", "content": "first" },
            { "role": "assistant", "content": null, "tool_calls": [{ "id": "x", "function": { "name": "bash", "arguments": "{}" } }] },
            { "role": "tool", "tool_call_id": "x", "content": "old" },
            { "role": "user", "content": content },
            { "role": "assistant", "content": null, "tool_calls": [
                { "id": "a", "function": { "name": "bash", "arguments": "{}" } },
                { "id": "b", "function": { "name": "bash", "arguments": "{}" } },
            ] },
            { "role": "tool", "tool_call_id": "b", "content": "two" },
            { "role": "tool", "tool_call_id": "a", "content": [{ "type": "text", "text": "one" }] },
        ])),
    ] {
        let asked = asked.unwrap();
        assert_eq!(asked.earlier, ["first\n"]);
        assert_eq!(asked.text, "look at\nthese\nand more\n");
        assert_eq!(asked.attachments, ["a b.log", "n", "an image, image/png"]);
        assert_eq!(asked.results, ["one", "two"]);
    }
}

#[test]
fn each_file_is_told_once_and_not_where_it_lies() {
    let asked = chat(&json!([{ "role": "user", "content": [
        { "type": "text", "text": "look\n\n[attached file: /w/up/a b.log (3 bytes)]\n\n[attached file: /w/up/c.PNG (9 bytes)]" },
        { "type": "text", "text": "[attached file: /w/up/a b.log, text/plain, 3 bytes]" },
        { "type": "image_url", "image_url": { "url": "data:image/png;base64,AAAA" } },
        { "type": "image_url", "image_url": { "url": "data:image/gif;base64,AAAA" } },
    ] }]));
    assert_eq!(
        asked.unwrap().attachments,
        ["a b.log", "c.PNG, which I see", "an image, image/gif"]
    );
}

#[test]
fn a_history_that_does_not_hold_together_is_refused_as_the_real_servers_do() {
    let user = json!({ "type": "message", "role": "user", "content": "x" });
    let call = json!({ "type": "function_call", "call_id": "a", "name": "bash", "arguments": "{}" });
    let broken = json!({ "type": "function_call", "call_id": "a", "name": "bash", "arguments": "{" });
    let output = json!({ "type": "function_call_output", "call_id": "a", "output": "" });
    let sealed = |seal: Value| json!({ "type": "reasoning", "id": "rs_1", "encrypted_content": seal });
    for (input, words) in [
        (json!([user, call]), "No tool output found for function call a."),
        (
            json!([user, output]),
            "No tool call found for function call output with call_id a.",
        ),
        (json!([user, broken, output]), "are not JSON"),
        (
            json!([user, sealed(json!("gAAA")), call, output]),
            "could not be verified",
        ),
        (
            json!([user, sealed(json!(null)), call, output]),
            "could not be verified",
        ),
        (
            json!([user, sealed(json!("rehearsal:1"))]),
            "without its required following item",
        ),
        (json!([]), "no message of a user"),
    ] {
        let refusal = responses(&input).unwrap_err();
        assert_eq!(refusal.status, 400);
        assert!(refusal.message.contains(words), "{refusal:?}");
    }
    let user = json!({ "role": "user", "content": "x" });
    let call = json!({ "role": "assistant", "content": null, "tool_calls": [{ "id": "a", "function": { "name": "bash", "arguments": "{}" } }] });
    let result = json!({ "role": "tool", "tool_call_id": "a", "content": "" });
    for (messages, words) in [
        (json!([user, call]), "must be followed by tool messages"),
        (
            json!([user, call, user, result]),
            "must be followed by tool messages",
        ),
        (json!([user, result]), "must be a response to a preceding message"),
        (
            json!([user, call, result, result]),
            "must be a response to a preceding message",
        ),
        (
            json!([user, { "role": "assistant", "content": null }]),
            "says nothing",
        ),
    ] {
        let refusal = chat(&messages).unwrap_err();
        assert!(refusal.message.contains(words), "{refusal:?}");
    }
}

#[test]
fn only_the_models_that_are_there_answer() {
    let ask = |model: &str| Asked::read(Format::Responses, &json!({ "model": model, "input": "hi" }));
    assert_eq!(ask("rehearsal-fast").unwrap().text, "hi\n");
    let unknown = ask("other").unwrap_err();
    assert_eq!((unknown.status, unknown.code), (404, "model_not_found"));
    assert_eq!(ask("").unwrap_err().param, Some("model"));
}
