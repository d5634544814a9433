//! Requests and golden streams of OpenAI Responses.

use serde_json::json;

use super::*;
use crate::message::{Finish, ToolCall, Usage};
use crate::providers::format::StreamFailure;
use crate::providers::tests::read::{self, Read};
use crate::tools::ToolSpec;
use contract::Provider;

/// A reasoning model that thinks, says something, and calls two tools at once.
const PARALLEL_CALLS: &str = r#"event: response.created
data: {"type":"response.created","sequence_number":0,"response":{"id":"resp_1","object":"response","status":"in_progress","error":null,"output":[],"usage":null}}

event: response.in_progress
data: {"type":"response.in_progress","sequence_number":1,"response":{"id":"resp_1","object":"response","status":"in_progress"}}

event: response.output_item.added
data: {"type":"response.output_item.added","sequence_number":2,"output_index":0,"item":{"id":"rs_1","type":"reasoning","summary":[]}}

event: response.reasoning_summary_part.added
data: {"type":"response.reasoning_summary_part.added","sequence_number":3,"item_id":"rs_1","output_index":0,"summary_index":0,"part":{"type":"summary_text","text":""}}

event: response.reasoning_summary_text.delta
data: {"type":"response.reasoning_summary_text.delta","sequence_number":4,"item_id":"rs_1","output_index":0,"summary_index":0,"delta":"**Looking** "}

event: response.reasoning_summary_text.delta
data: {"type":"response.reasoning_summary_text.delta","sequence_number":5,"item_id":"rs_1","output_index":0,"summary_index":0,"delta":"at ä€😀"}

event: response.reasoning_summary_part.added
data: {"type":"response.reasoning_summary_part.added","sequence_number":6,"item_id":"rs_1","output_index":0,"summary_index":1,"part":{"type":"summary_text","text":""}}

event: response.reasoning_summary_text.delta
data: {"type":"response.reasoning_summary_text.delta","sequence_number":7,"item_id":"rs_1","output_index":0,"summary_index":1,"delta":"then more"}

event: response.output_item.done
data: {"type":"response.output_item.done","sequence_number":8,"output_index":0,"item":{"id":"rs_1","type":"reasoning","encrypted_content":"gAAAA","summary":[{"type":"summary_text","text":"**Looking** at ä€😀"},{"type":"summary_text","text":"then more"}]}}

event: response.output_item.added
data: {"type":"response.output_item.added","sequence_number":9,"output_index":1,"item":{"id":"msg_1","type":"message","status":"in_progress","content":[],"role":"assistant"}}

event: response.output_text.delta
data: {"type":"response.output_text.delta","sequence_number":10,"item_id":"msg_1","output_index":1,"content_index":0,"delta":"I look "}

event: response.output_text.delta
data: {"type":"response.output_text.delta","sequence_number":11,"item_id":"msg_1","output_index":1,"content_index":0,"delta":"around.\n"}

event: response.output_item.done
data: {"type":"response.output_item.done","sequence_number":12,"output_index":1,"item":{"id":"msg_1","type":"message","status":"completed","content":[{"type":"output_text","annotations":[],"text":"I look around.\n"}],"role":"assistant"}}

event: response.output_item.added
data: {"type":"response.output_item.added","sequence_number":13,"output_index":2,"item":{"id":"fc_1","type":"function_call","status":"in_progress","arguments":"","call_id":"call_a","name":"bash"}}

event: response.output_item.added
data: {"type":"response.output_item.added","sequence_number":14,"output_index":3,"item":{"id":"fc_2","type":"function_call","status":"in_progress","arguments":"","call_id":"call_b","name":"read"}}

event: response.function_call_arguments.delta
data: {"type":"response.function_call_arguments.delta","sequence_number":15,"item_id":"fc_1","output_index":2,"delta":"{\"command\":"}

event: response.function_call_arguments.delta
data: {"type":"response.function_call_arguments.delta","sequence_number":16,"item_id":"fc_2","output_index":3,"delta":"{\"path\":"}

event: response.function_call_arguments.delta
data: {"type":"response.function_call_arguments.delta","sequence_number":17,"item_id":"fc_1","output_index":2,"delta":"\"ls\"}"}

event: response.function_call_arguments.done
data: {"type":"response.function_call_arguments.done","sequence_number":18,"item_id":"fc_1","output_index":2,"arguments":"{\"command\":\"ls\"}"}

event: response.output_item.done
data: {"type":"response.output_item.done","sequence_number":19,"output_index":2,"item":{"id":"fc_1","type":"function_call","status":"completed","arguments":"{\"command\":\"ls\"}","call_id":"call_a","name":"bash"}}

event: response.function_call_arguments.delta
data: {"type":"response.function_call_arguments.delta","sequence_number":20,"item_id":"fc_2","output_index":3,"delta":"\"a.txt\"}"}

event: response.completed
data: {"type":"response.completed","sequence_number":21,"response":{"id":"resp_1","object":"response","status":"completed","error":null,"incomplete_details":null,"output":[],"usage":{"input_tokens":36,"input_tokens_details":{"cached_tokens":0},"output_tokens":87,"total_tokens":123}}}

"#;

fn reasoning() -> Value {
    json!({
        "id": "rs_1", "type": "reasoning", "encrypted_content": "gAAAA",
        "summary": [
            { "type": "summary_text", "text": "**Looking** at ä€😀" },
            { "type": "summary_text", "text": "then more" },
        ],
    })
}

fn call(id: &str, name: &str, arguments: &str) -> ReplyPart {
    ReplyPart::ToolCall(ToolCall {
        id: id.into(),
        name: name.into(),
        arguments: arguments.into(),
        opaque: None,
    })
}

fn text(text: &str) -> ReplyPart {
    ReplyPart::Text { text: text.into() }
}

fn read(stream: &str) -> Read {
    read::stream(Provider::OpenaiResponses, stream.as_bytes(), stream.len())
}

#[test]
fn a_stream_with_parallel_calls_reads_the_same_wherever_it_is_cut() {
    let expected = Read {
        result: Ok(()),
        parts: vec![
            ReplyPart::Thought {
                text: "**Looking** at ä€😀\n\nthen more".into(),
                opaque: Some(reasoning()),
            },
            text("I look around.\n"),
            call("call_a", "bash", r#"{"command":"ls"}"#),
            call("call_b", "read", r#"{"path":"a.txt"}"#),
        ],
        usage: Usage {
            input: 36,
            output: 87,
        },
        finish: Finish::Complete,
        text: "I look around.\n".into(),
        thought: "**Looking** at ä€😀\n\nthen more".into(),
        is_whole: true,
    };
    for cut in 0..PARALLEL_CALLS.len() {
        let read = read::stream(Provider::OpenaiResponses, PARALLEL_CALLS.as_bytes(), cut);
        assert_eq!(read, expected, "cut at {cut}");
    }
}

#[test]
fn servers_that_send_only_whole_items_or_no_stream_are_read_too() {
    let items = r#"data: {"type":"response.output_item.done","item":{"type":"reasoning","content":[{"type":"reasoning_text","text":"hm"}],"summary":[]},"output_index":0}

data: {"type":"response.output_item.done","item":{"type":"message","content":[{"type":"output_text","text":"hello"}]},"output_index":1}

data: {"type":"response.output_item.done","item":{"type":"function_call","call_id":"c","name":"bash","arguments":{"command":"ls"}},"output_index":2}

data: {"type":"response.completed","response":{"status":"completed"}}

"#;
    let whole = json!({
        "object": "response", "status": "completed", "error": null,
        "output": [
            { "type": "reasoning", "summary": [], "content": [{ "type": "reasoning_text", "text": "hm" }] },
            { "type": "message", "content": [{ "type": "output_text", "text": "hello" }] },
            { "type": "function_call", "call_id": "c", "name": "bash", "arguments": "{\"command\":\"ls\"}" },
        ],
    });
    for read in [read(items), read::whole(Provider::OpenaiResponses, &whole)] {
        assert_eq!(read.result, Ok(()));
        let thought = ReplyPart::Thought {
            text: "hm".into(),
            opaque: None,
        };
        assert_eq!(
            read.parts,
            [thought, text("hello"), call("c", "bash", r#"{"command":"ls"}"#)]
        );
        assert_eq!((read.text.as_str(), read.thought.as_str()), ("hello", "hm"));
        assert!(read.is_whole);
    }
}

/// As llama.cpp sends it: no index anywhere, no id of a function call, all items done at the end.
#[test]
fn items_without_an_index_are_told_apart_by_their_ids() {
    let added = |item: Value| json!({ "type": "response.output_item.added", "item": item });
    let done = |item: Value| json!({ "type": "response.output_item.done", "item": item });
    let delta = |kind: &str, id: &str, delta: &str| json!({ "type": format!("response.{kind}.delta"), "item_id": id, "delta": delta });
    let function = |id: &str, arguments: &str| json!({ "type": "function_call", "call_id": id, "name": "bash", "arguments": arguments });
    let (ls, id) = (r#"{"command":"ls"}"#, r#"{"command":"id"}"#);
    let thought = json!({ "type": "reasoning", "id": "rs_1", "summary": [], "content": [{ "type": "reasoning_text", "text": "hm so" }] });
    let message =
        json!({ "type": "message", "id": "msg_1", "content": [{ "type": "output_text", "text": "I look" }] });
    let events = [
        json!({ "type": "response.created", "response": { "id": "resp_1", "status": "in_progress" } }),
        added(json!({ "type": "reasoning", "id": "rs_1", "summary": [] })),
        delta("reasoning_text", "rs_1", "hm "),
        delta("reasoning_text", "rs_1", "so"),
        added(json!({ "type": "message", "id": "msg_1", "content": [] })),
        delta("output_text", "msg_1", "I "),
        delta("output_text", "msg_1", "look"),
        added(function("fc_a", "")),
        delta("function_call_arguments", "fc_a", &ls[..5]),
        delta("function_call_arguments", "fc_a", &ls[5..]),
        added(function("fc_b", "")),
        delta("function_call_arguments", "fc_b", id),
        done(thought.clone()),
        done(message.clone()),
        done(function("fc_a", ls)),
        done(function("fc_b", id)),
        json!({ "type": "response.completed", "response": { "status": "completed", "output": [] } }),
    ];
    let expected = [
        ReplyPart::Thought {
            text: "hm so".into(),
            opaque: None,
        },
        text("I look"),
        call("fc_a", "bash", ls),
        call("fc_b", "bash", id),
    ];
    let data = |event: &Value| format!("data: {event}\n\n");
    let stream = |events: &[Value]| -> String { events.iter().map(data).collect() };
    let told = read(&stream(&events));
    assert_eq!(told.parts, expected);
    assert_eq!((told.text.as_str(), told.thought.as_str()), ("I look", "hm so"));
    // Only whole items, the calls with no name at all that tells them apart.
    let whole = [
        done(thought),
        done(message),
        done(function("", ls)),
        done(function("", id)),
        events[16].clone(),
    ];
    let parts = read(&stream(&whole)).parts;
    assert_eq!(parts[..2], expected[..2]);
    assert_eq!(parts[2..], [call("", "bash", ls), call("", "bash", id)]);
    // Nor a word of what begins or ends.
    let bare = [
        events[2].clone(),
        events[5].clone(),
        events[8].clone(),
        events[9].clone(),
        events[16].clone(),
    ];
    assert_eq!(read(&stream(&bare)).parts.len(), 3);
}

/// One event of a stream.
fn data(event: &Value) -> String {
    format!("data: {event}\n\n")
}

#[test]
fn calls_and_items_with_one_number_are_told_apart_by_their_ids() {
    let event = |kind: &str, index: u64, item: Value| json!({ "type": format!("response.output_item.{kind}"), "output_index": index, "item": item });
    let function = |id: &str, call: &str, arguments: &str| json!({ "type": "function_call", "id": id, "call_id": call, "name": "bash", "arguments": arguments });
    let delta = |id: &str, delta: &str| json!({ "type": "response.function_call_arguments.delta", "output_index": 0, "item_id": id, "delta": delta });
    let words = |delta: &str| json!({ "type": "response.output_text.delta", "output_index": 0, "item_id": "m", "delta": delta });
    let end = json!({ "type": "response.completed", "response": { "status": "completed" } });
    let (ls, id) = (r#"{"command":"ls"}"#, r#"{"command":"id"}"#);
    let both = [call("a", "bash", ls), call("b", "bash", id)];
    for (server, events) in [
        (
            "only whole items",
            vec![
                event("done", 0, function("1", "a", ls)),
                event("done", 0, function("2", "b", id)),
            ],
        ),
        (
            "one after the other",
            vec![
                event("added", 0, function("1", "a", "")),
                delta("1", ls),
                event("done", 0, function("1", "a", ls)),
                event("added", 0, function("2", "b", "")),
                delta("2", id),
                event("done", 0, function("2", "b", id)),
            ],
        ),
        (
            "mixed",
            vec![
                event("added", 0, function("1", "a", "")),
                event("added", 0, function("2", "b", "")),
                delta("2", &id[..4]),
                delta("1", ls),
                delta("2", &id[4..]),
            ],
        ),
        (
            "renamed on the way",
            vec![
                event("added", 0, function("1", "a", "")),
                delta("other", ls),
                event("done", 0, function("another", "a", ls)),
                event("added", 1, function("2", "b", "")),
                event("done", 1, function("yet another", "b", id)),
            ],
        ),
        (
            "no ids of items",
            vec![
                event(
                    "done",
                    0,
                    json!({ "type": "function_call", "call_id": "a", "name": "bash", "arguments": ls }),
                ),
                event(
                    "done",
                    0,
                    json!({ "type": "function_call", "call_id": "b", "name": "bash", "arguments": id }),
                ),
            ],
        ),
    ] {
        let stream = |events: &[Value]| -> String { events.iter().map(data).collect() };
        let mut all = events.clone();
        all.push(end.clone());
        assert_eq!(read(&stream(&all)).parts, both, "{server}");
        // Words before them, with the same number.
        let message =
            json!({ "type": "message", "id": "m", "content": [{ "type": "output_text", "text": "I look" }] });
        let mut all = vec![words("I "), words("look"), event("done", 0, message)];
        all.extend(events);
        all.push(end.clone());
        if server != "renamed on the way" {
            assert_eq!(
                read(&stream(&all)).parts,
                [&[text("I look")], &both[..]].concat(),
                "{server}"
            );
        }
    }
}

#[test]
fn items_that_came_only_at_the_end_are_taken_and_none_twice() {
    let function = |call: &str| json!({ "type": "function_call", "id": "f", "call_id": call, "name": "bash", "arguments": "{}" });
    let message = |text: &str| json!({ "type": "message", "id": "renamed", "content": [{ "type": "output_text", "text": text }] });
    let words =
        json!({ "type": "response.output_text.delta", "output_index": 0, "item_id": "m", "delta": "I look" });
    let done = json!({ "type": "response.output_item.done", "output_index": 1, "item": function("a") });
    let bare = json!({ "type": "response.function_call_arguments.delta", "output_index": 1, "item_id": "q", "delta": "{}" });
    for (before, output, parts) in [
        (
            vec![&words],
            vec![message("I look"), function("a")],
            vec![text("I look"), call("a", "bash", "{}")],
        ),
        (
            vec![&words, &done],
            vec![message("I look"), function("a")],
            vec![text("I look"), call("a", "bash", "{}")],
        ),
        (
            vec![&words, &done],
            vec![message("I look"), function("a"), function("b")],
            vec![text("I look"), call("a", "bash", "{}"), call("b", "bash", "{}")],
        ),
        // A call without a name learns it.
        (
            vec![&words, &bare],
            vec![message("I look"), function("a")],
            vec![text("I look"), call("a", "bash", "{}")],
        ),
        (
            vec![&words],
            vec![message("I look"), message("more")],
            vec![text("I look"), text("more")],
        ),
        (vec![&done], vec![], vec![call("a", "bash", "{}")]),
    ] {
        let end =
            json!({ "type": "response.completed", "response": { "status": "completed", "output": output } });
        let stream: String = before.into_iter().chain([&end]).map(data).collect();
        assert_eq!(read(&stream).parts, parts, "{stream}");
    }
}

#[test]
fn a_call_that_gets_a_new_id_each_time_it_is_told_of_is_called_once() {
    let function = |call: &str, arguments: &str| json!({ "type": "function_call", "call_id": call, "name": "bash", "arguments": arguments });
    let (ls, laid_out) = (r#"{"command":"ls"}"#, r#"{ "command": "ls" }"#);
    for index in [json!({ "output_index": 0 }), json!({})] {
        let event = |kind: &str, mut event: Value| {
            event["type"] = kind.into();
            event["output_index"] = index["output_index"].clone();
            data(&event)
        };
        let mut added = function("call_1", "");
        added["id"] = "item".into();
        let stream = [
            event("response.output_item.added", json!({ "item": added })),
            event(
                "response.function_call_arguments.delta",
                json!({ "item_id": "item", "delta": ls }),
            ),
            event(
                "response.output_item.done",
                json!({ "item": function("fc_2", ls) }),
            ),
            data(
                &json!({ "type": "response.completed", "response": { "status": "completed", "output": [function("call_3", laid_out)] } }),
            ),
        ];
        assert_eq!(
            read(&stream.concat()).parts,
            [call("fc_2", "bash", ls)],
            "{index}"
        );
    }
}

#[test]
fn why_it_ended_is_told() {
    let ended = |end: &str| {
        let stream =
            format!("data: {{\"type\":\"response.output_text.delta\",\"delta\":\"x\"}}\n\ndata: {end}\n\n");
        read(&stream).finish
    };
    let incomplete = |reason: &str| {
        format!(
            r#"{{"type":"response.incomplete","response":{{"status":"incomplete","incomplete_details":{{"reason":"{reason}"}}}}}}"#
        )
    };
    assert_eq!(ended(&incomplete("max_output_tokens")), Finish::Length);
    assert_eq!(ended(&incomplete("content_filter")), Finish::Filtered);
    assert_eq!(
        ended(r#"{"type":"response.completed","response":{}}"#),
        Finish::Complete
    );
    let refusal = read(
        "data: {\"type\":\"response.refusal.delta\",\"delta\":\"I will not\"}\n\n\
         data: {\"type\":\"response.completed\",\"response\":{}}\n\n",
    );
    assert_eq!(
        (refusal.finish, refusal.text.as_str()),
        (Finish::Refused, "I will not")
    );
}

#[test]
fn a_failure_in_the_stream_is_the_servers_word() {
    for stream in [
        r#"data: {"type":"response.failed","response":{"status":"failed","error":{"code":"server_error","message":"oh"}}}"#,
        r#"data: {"type":"error","code":"server_error","message":"oh","param":null}"#,
        r#"data: {"type":"error","error":{"type":"server_error","code":null,"message":"oh"}}"#,
        "event: error\ndata: {\"code\":\"server_error\",\"message\":\"oh\"}",
        r#"error: {"code":"server_error","message":"oh"}"#,
    ] {
        let Err(StreamFailure::Said(said)) = read(stream).result else {
            panic!("no failure: {stream}")
        };
        assert_eq!(said.after("failed"), "failed: oh", "{stream}");
        assert_eq!(said.code.as_deref(), Some("server_error"), "{stream}");
    }
    assert_eq!(read("data: {nonsense").result, Err(StreamFailure::Nonsense));
}

#[test]
fn what_had_come_before_a_cut_has_no_calls_and_nothing_to_send_back() {
    let cut_at = PARALLEL_CALLS.find("event: response.completed").unwrap();
    let partial = read::partial(Provider::OpenaiResponses, &PARALLEL_CALLS.as_bytes()[..cut_at]);
    let thought = ReplyPart::Thought {
        text: "**Looking** at ä€😀\n\nthen more".into(),
        opaque: None,
    };
    assert_eq!(partial, [thought, text("I look around.\n")]);
    assert!(!read(&PARALLEL_CALLS[..cut_at]).is_whole);
}

#[test]
fn two_messages_are_two_paragraphs() {
    let message = |index: u8, text: &str| {
        format!(
            "data: {{\"type\":\"response.output_text.delta\",\"output_index\":{index},\"delta\":\"{text}\"}}\n\n"
        )
    };
    let read = read(&(message(0, "one") + &message(1, "two")));
    assert_eq!(read.text, "one\n\ntwo");
    assert_eq!(read.parts, [text("one"), text("two")]);
}

fn history() -> Vec<Message> {
    let thought = |opaque: Option<Value>| ReplyPart::Thought {
        text: "hm".into(),
        opaque,
    };
    vec![
        Message::User {
            parts: vec![
                Part::Text { text: "look".into() },
                Part::Image {
                    mime: "image/png".into(),
                    data: "AAAA".into(),
                },
            ],
        },
        Message::Assistant {
            parts: vec![
                thought(Some(reasoning())),
                thought(Some(json!({ "type": "reasoning", "encrypted_content": null }))),
                thought(Some(json!({ "chat_reasoning_field": "reasoning" }))),
                thought(None),
                text("I look"),
                call("a", "functions.bash", ""),
            ],
        },
        Message::ToolResult {
            call: "a".into(),
            text: "exit code 0".into(),
            failed: false,
        },
    ]
}

fn tools() -> Vec<ToolSpec> {
    vec![ToolSpec {
        name: "bash",
        description: "runs a command",
        parameters: json!({ "type": "object" }),
    }]
}

fn body_of(history: &[Message], tools: &[ToolSpec], abilities: Abilities) -> Value {
    let request = Request {
        model: "m",
        system: "be brief",
        history,
        tools,
        session: "s1",
    };
    body(&request, abilities)
}

#[test]
fn the_request_is_this() {
    assert_eq!(
        body_of(&history(), &tools(), Abilities::default()),
        json!({
            "model": "m",
            "instructions": "be brief",
            "input": [
                { "type": "message", "role": "user", "content": [
                    { "type": "input_text", "text": "look" },
                    { "type": "input_image", "image_url": "data:image/png;base64,AAAA" },
                ] },
                reasoning(),
                { "type": "message", "role": "assistant", "content": [{ "type": "output_text", "text": "I look" }] },
                { "type": "function_call", "call_id": "a", "name": "functions_bash", "arguments": "{}" },
                { "type": "function_call_output", "call_id": "a", "output": "exit code 0" },
            ],
            "stream": true,
            "store": false,
            "tools": [{
                "type": "function", "name": "bash", "description": "runs a command",
                "parameters": { "type": "object" }, "strict": false,
            }],
            "include": ["reasoning.encrypted_content"],
            "reasoning": { "summary": "auto" },
            "prompt_cache_key": "s1",
        })
    );
}

#[test]
fn reasoning_that_nothing_follows_is_not_sent_back() {
    let thought = || ReplyPart::Thought {
        text: "hm".into(),
        opaque: Some(reasoning()),
    };
    let sent = |parts: Vec<ReplyPart>| {
        let body = body_of(&[Message::Assistant { parts }], &[], Abilities::default());
        let kinds = body["input"].as_array().unwrap().iter();
        kinds
            .map(|item| item["type"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert!(sent(vec![thought()]).is_empty());
    assert!(sent(vec![thought(), text("")]).is_empty());
    assert_eq!(
        sent(vec![thought(), text("x"), thought()]),
        ["reasoning", "message"]
    );
    assert_eq!(
        sent(vec![thought(), thought(), call("a", "bash", "{}")]),
        ["reasoning", "reasoning", "function_call", "function_call_output"]
    );
}

#[test]
fn what_a_server_does_not_take_is_left_out() {
    let bare = [
        Ability::EncryptedReasoning,
        Ability::ReasoningSummary,
        Ability::EarlierReasoning,
        Ability::CacheKey,
    ]
    .into_iter()
    .fold(Abilities::default(), Abilities::without);
    let body = body_of(&history(), &[], bare);
    let names: Vec<&String> = body.as_object().unwrap().keys().collect();
    assert_eq!(names, ["model", "instructions", "input", "stream", "store"]);
    assert!(!body["input"].to_string().contains("gAAAA"));
}
