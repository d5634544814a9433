//! Requests and golden streams of OpenAI Chat Completions, as several servers speak it.

use contract::Provider;
use serde_json::json;

use super::*;
use crate::message::{Finish, ToolCall, Usage};
use crate::providers::format::StreamFailure;
use crate::providers::tests::read::{self, Read};
use crate::tools::ToolSpec;

/// A thought, words, and two calls whose pieces are mixed.
const PARALLEL_CALLS: &str = r#"data: {"id":"c1","object":"chat.completion.chunk","model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":null},"finish_reason":null}],"usage":null}

data: {"id":"c1","choices":[{"index":0,"delta":{"reasoning_content":"Hm ä€"},"finish_reason":null}]}

data: {"id":"c1","choices":[{"index":0,"delta":{"reasoning_content":"😀."},"finish_reason":null}]}

data: {"id":"c1","choices":[{"index":0,"delta":{"content":"I look "},"finish_reason":null}]}

data: {"id":"c1","choices":[{"index":0,"delta":{"content":"around."},"finish_reason":null}]}

data: {"id":"c1","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"call_a","type":"function","function":{"name":"bash","arguments":""}}]},"finish_reason":null}]}

data: {"id":"c1","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"command\":"}}]},"finish_reason":null}]}

data: {"id":"c1","choices":[{"index":0,"delta":{"tool_calls":[{"index":1,"id":"call_b","type":"function","function":{"name":"read","arguments":"{\"path\""}}]},"finish_reason":null}]}

data: {"id":"c1","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"\"ls\"}"}},{"index":1,"function":{"arguments":":\"a\"}"}}]},"finish_reason":null}]}

data: {"id":"c1","choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}

data: {"id":"c1","choices":[],"usage":{"prompt_tokens":5,"completion_tokens":7,"total_tokens":12}}

data: [DONE]

"#;

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

fn thought(text: &str, field: &str) -> ReplyPart {
    ReplyPart::Thought {
        text: text.into(),
        opaque: Some(json!({ FIELD: field })),
    }
}

fn read(stream: &str) -> Read {
    read::stream(Provider::OpenaiChat, stream.as_bytes(), stream.len())
}

/// Chunks with these choices, no `[DONE]`.
fn chunks(choices: &[Value]) -> String {
    let chunk = |choice| format!("data: {}\n\n", json!({ "choices": [choice] }));
    choices.iter().map(chunk).collect()
}

#[test]
fn a_stream_with_parallel_calls_reads_the_same_wherever_it_is_cut() {
    let expected = Read {
        result: Ok(()),
        parts: vec![
            thought("Hm ä€😀.", "reasoning_content"),
            text("I look around."),
            call("call_a", "bash", r#"{"command":"ls"}"#),
            call("call_b", "read", r#"{"path":"a"}"#),
        ],
        usage: Usage { input: 5, output: 7 },
        finish: Finish::Complete,
        text: "I look around.".into(),
        thought: "Hm ä€😀.".into(),
        is_whole: true,
    };
    for cut in 0..PARALLEL_CALLS.len() {
        let read = read::stream(Provider::OpenaiChat, PARALLEL_CALLS.as_bytes(), cut);
        assert_eq!(read, expected, "cut at {cut}");
    }
}

#[test]
fn a_stream_without_done_or_usage_is_whole_once_it_gave_a_reason() {
    let stop = chunks(&[
        json!({ "delta": { "role": "assistant", "content": "hi" } }),
        json!({ "delta": { "content": "" }, "finish_reason": "stop" }),
    ]);
    let whole = read(&stop);
    assert!(whole.is_whole);
    assert_eq!(whole.parts, [text("hi")]);
    assert_eq!(whole.usage, Usage::default());
    let cut = chunks(&[json!({ "delta": { "content": "hi" } })]);
    assert!(!read(&cut).is_whole);
    assert!(read(&format!("{cut}data: [DONE]\n\n")).is_whole);
}

#[test]
fn calls_are_told_apart_however_a_server_numbers_them() {
    let piece = |call: Value| json!({ "delta": { "tool_calls": [call] } });
    let object = json!({ "command": "ls" });
    let whole = |index: u64, id: &str| {
        piece(json!({ "index": index, "id": id, "function": { "name": "bash", "arguments": object } }))
    };
    for (server, pieces) in [
        (
            "all are number zero, arguments are an object",
            vec![whole(0, "x"), whole(0, "y")],
        ),
        (
            "no numbers, no ids",
            vec![
                piece(json!({ "function": { "name": "bash", "arguments": "{\"command\":" } })),
                piece(json!({ "function": { "arguments": "\"ls\"}" } })),
                piece(json!({ "function": { "name": "bash", "arguments": "{\"command\":\"ls\"}" } })),
            ],
        ),
        (
            "the id is repeated with each piece",
            vec![
                piece(
                    json!({ "index": 0, "id": "x", "function": { "name": "bash", "arguments": "{\"command\":" } }),
                ),
                piece(json!({ "index": 0, "id": "x", "function": { "name": null, "arguments": "\"ls\"}" } })),
                piece(
                    json!({ "index": 1, "id": "y", "function": { "name": "bash", "arguments": "{\"command\":\"ls\"}" } }),
                ),
            ],
        ),
        (
            "all are number zero, ids are empty or missing",
            vec![
                piece(
                    json!({ "index": 0, "id": "", "function": { "name": "bash", "arguments": "{\"command\":" } }),
                ),
                piece(json!({ "index": 0, "function": { "arguments": "\"ls\"}" } })),
                piece(json!({ "index": 0, "function": { "name": "bash", "arguments": "{\"command\":" } })),
                piece(json!({ "index": 0, "function": { "name": "", "arguments": "\"ls\"}" } })),
            ],
        ),
        (
            "no numbers, id and name with each piece",
            vec![
                piece(json!({ "id": "x", "function": { "name": "bash", "arguments": "{\"command\":" } })),
                piece(json!({ "id": "y", "function": { "name": "bash", "arguments": "{\"command\":" } })),
                piece(json!({ "id": "x", "function": { "name": "bash", "arguments": "\"ls\"}" } })),
                piece(json!({ "id": "y", "function": { "name": "bash", "arguments": "\"ls\"}" } })),
            ],
        ),
        (
            "no numbers, no ids, the name with each piece",
            vec![
                piece(json!({ "function": { "name": "bash", "arguments": "{\"command\":" } })),
                piece(json!({ "function": { "name": "bash", "arguments": "\"ls\"}" } })),
                piece(json!({ "function": { "name": "bash", "arguments": "{\"command\":\"ls\"}" } })),
            ],
        ),
        (
            "an end that repeats the name",
            vec![
                piece(json!({ "index": 0, "id": "x", "function": { "name": "bash", "arguments": object } })),
                piece(json!({ "index": 0, "id": "x", "function": { "name": "bash", "arguments": "" } })),
                piece(json!({ "index": 0, "id": "y", "function": { "name": "bash", "arguments": object } })),
            ],
        ),
        (
            "one told twice",
            vec![whole(0, "x"), whole(0, "x"), whole(1, "y")],
        ),
        (
            "an empty object first",
            vec![
                piece(json!({ "index": 0, "id": "x", "function": { "name": "bash", "arguments": {} } })),
                piece(json!({ "index": 0, "function": { "arguments": "{\"command\":\"ls\"}" } })),
                piece(json!({ "index": 1, "id": "y", "function": { "name": "bash", "arguments": object } })),
            ],
        ),
        (
            "both in one chunk",
            vec![json!({ "delta": { "tool_calls": [
                { "index": 0, "function": { "name": "bash", "arguments": object } },
                { "index": 1, "function": { "name": "bash", "arguments": object } },
            ] } })],
        ),
    ] {
        let calls: Vec<(String, String)> = read(&chunks(&pieces))
            .parts
            .into_iter()
            .map(|part| match part {
                ReplyPart::ToolCall(call) => (call.name, call.arguments),
                other => panic!("{other:?}"),
            })
            .collect();
        let one = ("bash".to_owned(), r#"{"command":"ls"}"#.to_owned());
        assert_eq!(calls, [one.clone(), one], "{server}");
    }
}

#[test]
fn other_shapes_of_words_and_thoughts_are_read() {
    let stream = chunks(&[
        json!({ "delta": { "reasoning": "a", "content": null } }),
        json!({ "delta": { "content": [{ "type": "thinking", "thinking": [{ "type": "text", "text": "b" }] }] } }),
        json!({ "delta": { "content": [{ "type": "text", "text": "c" }] } }),
    ]);
    let read = read(&stream);
    assert_eq!((read.thought.as_str(), read.text.as_str()), ("ab", "c"));
}

#[test]
fn a_call_of_another_tool_is_another_call_whatever_its_number() {
    let piece = |name: &str| json!({ "delta": { "tool_calls": [{ "index": 0, "function": { "name": name, "arguments": "" } }] } });
    let parts = read(&chunks(&[piece("list"), piece("bash")])).parts;
    assert_eq!(parts, [call("", "list", ""), call("", "bash", "")]);
}

#[test]
fn a_thought_between_tags_is_no_part_of_the_answer() {
    let delta = |text: &str| json!({ "delta": { "content": text } });
    let stop = json!({ "delta": {}, "finish_reason": "stop" });
    let told = read(&chunks(&[
        delta("<th"),
        delta("ink>hm"),
        delta("</think>\n\nye"),
        delta("s"),
        stop.clone(),
    ]));
    assert_eq!((told.thought.as_str(), told.text.as_str()), ("hm", "yes"));
    let silent = ReplyPart::Thought {
        text: "hm".into(),
        opaque: None,
    };
    assert_eq!(told.parts, [silent, text("yes")]);
    // What only looks like a tag is told with the reason to end, or without one.
    for stream in [
        chunks(&[delta("<thin"), stop]),
        chunks(&[delta("<thin")]) + "data: [DONE]\n\n",
    ] {
        assert_eq!(read(&stream).parts, [text("<thin")], "{stream}");
    }
}

/// What a model answers, with members of its provider's own, as it goes back with the next request.
fn sent_back(choices: &[Value], abilities: Abilities) -> Value {
    let mut history = vec![
        user("go"),
        Message::Assistant {
            parts: read(&chunks(choices)).parts,
        },
    ];
    history.push(Message::ToolResult {
        call: "x".into(),
        text: "done".into(),
        failed: false,
    });
    body_of(&history, &[], abilities)["messages"][2].clone()
}

#[test]
fn what_came_with_a_call_or_a_message_goes_back_as_it_came() {
    let signature = json!({ "google": { "thought_signature": "AbC=" } });
    let piece = |more: Value| {
        let mut call = json!({ "index": 0, "id": "x", "type": "function", "function": { "name": "bash", "arguments": "" } });
        for (name, value) in more.as_object().unwrap() {
            call[name] = value.clone();
        }
        json!({ "delta": { "tool_calls": [call] } })
    };
    let all = Abilities::default();
    let back = sent_back(&[piece(json!({ "extra_content": signature }))], all);
    assert_eq!(back["tool_calls"][0]["extra_content"], signature);
    // In a later piece than the name; beside the function's own members; and unknown ones, too.
    let later = json!({ "delta": { "tool_calls": [{ "index": 0, "extra_content": signature, "novel": [1], "function": { "sign": "s" } }] } });
    let back = sent_back(&[piece(json!({})), later], all);
    let called = &back["tool_calls"][0];
    assert_eq!(
        (&called["extra_content"], &called["novel"]),
        (&signature, &json!([1]))
    );
    assert_eq!(
        called["function"],
        json!({ "name": "bash", "arguments": "{}", "sign": "s" })
    );
    let message = json!({ "delta": { "content": "so", "extra_content": signature } });
    assert_eq!(
        sent_back(&[message.clone(), piece(json!({}))], all)["extra_content"],
        signature
    );
    // Not to a server that does not take it.
    let bare = all.without(Ability::Opaque);
    assert!(
        !sent_back(&[message, piece(json!({ "extra_content": signature }))], bare)
            .to_string()
            .contains("AbC=")
    );
}

#[test]
fn details_of_reasoning_go_back_whole_within_their_turn() {
    let detail = |detail: Value| json!({ "delta": { "reasoning": "…", "reasoning_details": [detail] } });
    let call = json!({ "delta": { "tool_calls": [{ "index": 0, "id": "x", "function": { "name": "bash", "arguments": "{}" } }] } });
    let stream = [
        detail(json!({ "type": "reasoning.text", "text": "Let", "format": "f", "index": 0 })),
        detail(
            json!({ "type": "reasoning.text", "text": " me", "format": "f", "index": 0, "signature": null }),
        ),
        detail(json!({ "type": "reasoning.text", "signature": "Sig", "format": "f", "index": 0 })),
        detail(json!({ "type": "reasoning.encrypted", "data": "one", "id": "x", "index": 1 })),
        detail(json!({ "type": "reasoning.encrypted", "data": "two", "id": "y", "index": 1 })),
        call,
    ];
    let back = sent_back(&stream, Abilities::default());
    assert_eq!(
        back["reasoning_details"],
        json!([
            { "type": "reasoning.text", "text": "Let me", "format": "f", "index": 0, "signature": "Sig" },
            { "type": "reasoning.encrypted", "data": "one", "id": "x", "index": 1 },
            { "type": "reasoning.encrypted", "data": "two", "id": "y", "index": 1 },
        ])
    );
    assert_eq!(back["reasoning"], Value::Null, "not twice");
    let parts = read(&chunks(&stream)).parts;
    let later = [user("go"), Message::Assistant { parts }, user("and now")];
    let messages = body_of(&later, &[], Abilities::default())["messages"].to_string();
    assert!(!messages.contains("reasoning_details"), "{messages}");
    // Without any other field they are what is shown.
    let alone = read(&chunks(&[
        json!({ "delta": { "reasoning_details": [{ "type": "reasoning.text", "text": "hm" }] } }),
    ]));
    assert_eq!(alone.thought, "hm");
}

#[test]
fn a_server_that_wants_all_reasoning_back_gets_it() {
    let history = [
        user("one"),
        Message::Assistant {
            parts: vec![thought("old", "reasoning_content"), text("yes")],
        },
        user("two"),
        Message::Assistant {
            parts: vec![text("interrupted")],
        },
        user("three"),
    ];
    let sent = |abilities| {
        let body = body_of(&history, &[], abilities);
        [2, 4].map(|index: usize| body["messages"][index]["reasoning_content"].clone())
    };
    let all = Abilities::default();
    assert_eq!(sent(all), [Value::Null, Value::Null]);
    assert_eq!(
        sent(all.without(Ability::TurnsReasoningOnly)),
        [json!("old"), json!("")]
    );
}

#[test]
fn an_answer_that_is_no_stream_is_read() {
    let whole = json!({
        "object": "chat.completion",
        "choices": [{ "index": 0, "finish_reason": "tool_calls", "message": {
            "role": "assistant", "content": "so",
            "tool_calls": [{ "id": "x", "type": "function", "function": { "name": "bash", "arguments": "{}" } }],
        } }],
        "usage": { "prompt_tokens": 1, "completion_tokens": 2 },
    });
    let read = read::whole(Provider::OpenaiChat, &whole);
    assert_eq!(read.parts, [text("so"), call("x", "bash", "{}")]);
    assert_eq!(read.usage, Usage { input: 1, output: 2 });
    assert!(read.is_whole);
}

#[test]
fn why_it_ended_is_told() {
    for (reason, finish) in [
        ("stop", Finish::Complete),
        ("tool_calls", Finish::Complete),
        ("eos", Finish::Complete),
        ("length", Finish::Length),
        ("content_filter", Finish::Filtered),
        ("refusal", Finish::Refused),
    ] {
        let stream = chunks(&[json!({ "delta": { "content": "x" }, "finish_reason": reason })]);
        assert_eq!(read(&stream).finish, finish, "{reason}");
    }
    let refused = chunks(&[json!({ "delta": { "refusal": "I will not" }, "finish_reason": "stop" })]);
    assert_eq!(read(&refused).finish, Finish::Refused);
}

#[test]
fn a_failure_in_the_stream_is_the_servers_word() {
    for stream in [
        r#"data: {"error":{"message":"oh","code":500}}"#,
        r#"data: {"error":"oh"}"#,
        r#"error: {"message":"oh"}"#,
        r#"data: {"choices":[{"delta":{},"error":{"message":"oh"},"finish_reason":"error"}]}"#,
    ] {
        let Err(StreamFailure::Said(said)) = read(stream).result else {
            panic!("no failure: {stream}")
        };
        assert_eq!(said.after("failed"), "failed: oh", "{stream}");
    }
}

fn user(text: &str) -> Message {
    Message::User {
        parts: vec![Part::Text { text: text.into() }],
    }
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
    let history = [
        user("first"),
        Message::Assistant {
            parts: vec![thought("old", "reasoning_content"), text("yes")],
        },
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
                thought("new", "reasoning_content"),
                call("a", "functions.bash", "{broken"),
            ],
        },
        Message::ToolResult {
            call: "a".into(),
            text: "no JSON".into(),
            failed: true,
        },
    ];
    let tools = [ToolSpec {
        name: "bash",
        description: "runs a command",
        parameters: json!({ "type": "object" }),
    }];
    assert_eq!(
        body_of(&history, &tools, Abilities::default()),
        json!({
            "model": "m",
            "messages": [
                { "role": "system", "content": "be brief" },
                { "role": "user", "content": "first" },
                { "role": "assistant", "content": "yes" },
                { "role": "user", "content": [
                    { "type": "text", "text": "look" },
                    { "type": "image_url", "image_url": { "url": "data:image/png;base64,AAAA" } },
                ] },
                { "role": "assistant", "content": null, "reasoning_content": "new", "tool_calls": [{
                    "id": "a", "type": "function",
                    "function": { "name": "functions_bash", "arguments": "{\"not_an_object\":\"{broken\"}" },
                }] },
                { "role": "tool", "tool_call_id": "a", "content": "no JSON" },
            ],
            "stream": true,
            "tools": [{ "type": "function", "function": {
                "name": "bash", "description": "runs a command", "parameters": { "type": "object" },
            } }],
            "stream_options": { "include_usage": true },
        })
    );
}

#[test]
fn people_never_speak_twice_in_a_row() {
    let picture = Message::User {
        parts: vec![Part::Image {
            mime: "image/png".into(),
            data: "AAAA".into(),
        }],
    };
    let history = [
        user("one"),
        // Says nothing, and so stands between nothing.
        Message::Assistant {
            parts: vec![thought("hm", "reasoning_content")],
        },
        user("two"),
        Message::Assistant {
            parts: vec![call("a", "bash", "{}"), call("b", "bash", "{}")],
        },
        Message::ToolResult {
            call: "a".into(),
            text: "done".into(),
            failed: false,
        },
        Message::Assistant {
            parts: vec![text("stopped")],
        },
        user("three"),
        picture,
    ];
    let body = body_of(&history, &[], Abilities::default());
    let messages = body["messages"].as_array().unwrap();
    let roles: Vec<_> = messages
        .iter()
        .map(|message| message["role"].as_str().unwrap())
        .collect();
    assert_eq!(
        roles,
        ["system", "user", "assistant", "tool", "tool", "assistant", "user"]
    );
    assert_eq!(messages[1]["content"], "one\n\ntwo");
    assert_eq!(
        messages[6]["content"],
        json!([
            { "type": "text", "text": "three" },
            { "type": "image_url", "image_url": { "url": "data:image/png;base64,AAAA" } },
        ])
    );
}

#[test]
fn what_a_server_does_not_take_is_left_out() {
    let bare = [Ability::UsageInStream, Ability::EarlierReasoning]
        .into_iter()
        .fold(Abilities::default(), Abilities::without);
    let history = [
        user("first"),
        Message::Assistant {
            parts: vec![thought("only", "reasoning")],
        },
    ];
    assert_eq!(
        body_of(&history, &[], bare),
        json!({
            "model": "m",
            "messages": [
                { "role": "system", "content": "be brief" },
                { "role": "user", "content": "first" },
            ],
            "stream": true,
        })
    );
}
