//! The model over HTTP: its bearer, its streams, and what the control tells about it.

use reqwest::{Response, StatusCode};
use serde_json::{Value, json};

use super::{Bench, Tokens};
use crate::{Config, Counter, Fault, FaultRule, SettingsChange, Target};

const BOTH: [&str; 2] = ["v1/responses", "v1/chat/completions"];

/// A server whose model does not dawdle.
async fn bench() -> Bench {
    Bench::with(Config {
        words_per_second: 0,
        model_key: Some("sk-rehearsal".to_owned().into()),
        ..Config::default()
    })
    .await
}

/// A request with this message and a shell tool.
fn body(path: &str, text: &str, more: &[Value]) -> Value {
    let user = json!({ "type": "message", "role": "user", "content": text });
    let mut items = vec![user];
    items.extend_from_slice(more);
    let parameters = json!({ "type": "object", "properties": { "command": {} } });
    if path == BOTH[0] {
        json!({
            "model": "rehearsal", "input": items, "stream": true, "store": false,
            "include": ["reasoning.encrypted_content"],
            "tools": [{ "type": "function", "name": "bash", "parameters": parameters }],
        })
    } else {
        json!({
            "model": "rehearsal", "messages": items, "stream": true, "stream_options": { "include_usage": true },
            "tools": [{ "type": "function", "function": { "name": "bash", "parameters": parameters } }],
        })
    }
}

async fn ask(bench: &Bench, path: &str, bearer: &str, body: &Value) -> Response {
    let request = bench.client.post(bench.at(path)).bearer_auth(bearer).json(body);
    request.send().await.unwrap()
}

/// The data of all events, `[DONE]` left out.
fn events(stream: &str) -> Vec<Value> {
    let data = stream.lines().filter_map(|line| line.strip_prefix("data: "));
    data.filter(|data| *data != "[DONE]")
        .map(|data| serde_json::from_str(data).unwrap())
        .collect()
}

/// The words of a stream, in either format.
fn words(stream: &str) -> String {
    let word = |event: &Value| {
        let delta = match event["type"].as_str() {
            Some("response.output_text.delta") => &event["delta"],
            Some(_) => return None,
            None => &event["choices"][0]["delta"]["content"],
        };
        delta.as_str().map(str::to_owned)
    };
    events(stream).iter().filter_map(word).collect()
}

async fn told(bench: &Bench, path: &str, bearer: &str, text: &str) -> String {
    let answer = ask(bench, path, bearer, &body(path, text, &[])).await;
    assert_eq!(answer.status(), StatusCode::OK, "{text}");
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    words(&answer.text().await.unwrap())
}

#[tokio::test]
async fn only_a_bearer_of_this_server_or_the_configured_key_is_answered() {
    let bench = bench().await;
    let Tokens { access, refresh } = bench.sign_in().await;
    for path in BOTH {
        for bearer in [access.as_str(), "sk-rehearsal"] {
            assert_eq!(told(&bench, path, bearer, "say: hi").await, "hi");
        }
        for bearer in ["", "sk-other", refresh.as_str()] {
            let refused = ask(&bench, path, bearer, &body(path, "say: hi", &[])).await;
            assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
            assert!(refused.headers().contains_key("www-authenticate"));
            let refused: Value = refused.json().await.unwrap();
            assert_eq!(refused["error"]["code"], "invalid_api_key");
        }
    }
    assert_eq!(bench.count(Counter::ModelRequests), 10);
    assert_eq!(bench.count(Counter::ModelDenied), 6);
    assert_eq!(bench.count(Counter::ModelReplies), 4);
    let models = |bearer: &str| bench.client.get(bench.at("v1/models")).bearer_auth(bearer).send();
    let listed: Value = models(&access).await.unwrap().json().await.unwrap();
    assert_eq!(listed["data"][0]["id"], "rehearsal");
    assert_eq!(models("other").await.unwrap().status(), StatusCode::UNAUTHORIZED);
    // A server without a key takes none.
    let keyless = Bench::new().await;
    let refused = ask(&keyless, BOTH[0], "sk-rehearsal", &body(BOTH[0], "hi", &[])).await;
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn expiry_rotation_and_revocation_really_happen() {
    let bench = bench().await;
    let first = bench.sign_in().await;
    let status = async |bearer: &str| {
        ask(&bench, BOTH[0], bearer, &body(BOTH[0], "say: hi", &[]))
            .await
            .status()
    };
    bench.server.control().expire();
    assert_eq!(status(&first.access).await, StatusCode::UNAUTHORIZED);
    let second = super::tokens(&bench.refresh(&first.refresh).await.json().await.unwrap());
    assert_eq!(status(&second.access).await, StatusCode::OK);
    bench.server.control().revoke_families();
    assert_eq!(status(&second.access).await, StatusCode::UNAUTHORIZED);
    let [request] = &bench.server.control().model_requests()[..] else {
        panic!("refused requests are recorded")
    };
    assert_eq!((request.caller.as_str(), request.generation), ("alice", 1));
}

#[tokio::test]
async fn a_whole_turn_with_a_tool_goes_through_in_both_formats() {
    let bench = bench().await;
    let script = "think: hm hm\nrun: ls -la";
    let first = ask(&bench, BOTH[0], "sk-rehearsal", &body(BOTH[0], script, &[]))
        .await
        .text()
        .await
        .unwrap();
    let done = |event: &Value| event["type"] == "response.output_item.done";
    let indexes: Vec<Value> = events(&first)
        .iter()
        .filter(|event| done(event))
        .map(|event| event["output_index"].clone())
        .collect();
    assert_eq!(indexes, [0, 1]);
    let completed = events(&first).pop().unwrap();
    let output = completed["response"]["output"].as_array().unwrap().clone();
    assert_eq!(output[0]["summary"][0]["text"], "hm hm");
    assert_eq!(
        (&output[1]["name"], &output[1]["arguments"]),
        (&json!("bash"), &json!(r#"{"command":"ls -la"}"#))
    );
    assert!(completed["response"]["usage"]["input_tokens"].as_u64().unwrap() > 10);
    let result =
        json!({ "type": "function_call_output", "call_id": output[1]["call_id"], "output": "exit code 3" });
    let more = [&output[..], &[result]].concat();
    let second = ask(&bench, BOTH[0], "sk-rehearsal", &body(BOTH[0], script, &more))
        .await
        .text()
        .await
        .unwrap();
    assert_eq!(words(&second), "`ls -la` ended with exit code 3.");

    let first = ask(&bench, BOTH[1], "sk-rehearsal", &body(BOTH[1], script, &[]))
        .await
        .text()
        .await
        .unwrap();
    assert!(first.ends_with("data: [DONE]\n\n"));
    let events = events(&first);
    let usage = &events.last().unwrap()["usage"];
    assert!(
        usage["prompt_tokens"].as_u64().unwrap() > 10 && usage["completion_tokens"].as_u64().unwrap() > 1
    );
    let pieces: Vec<&Value> = events
        .iter()
        .map(|event| &event["choices"][0]["delta"]["tool_calls"][0])
        .collect();
    let arguments: String = pieces
        .iter()
        .filter_map(|piece| piece["function"]["arguments"].as_str())
        .collect();
    assert_eq!(arguments, r#"{"command":"ls -la"}"#);
    let call = pieces.iter().find(|piece| piece["id"].is_string()).unwrap();
    let more = [
        json!({ "role": "assistant", "content": null, "tool_calls": [{
            "id": call["id"], "type": "function", "function": { "name": "bash", "arguments": arguments },
        }] }),
        json!({ "role": "tool", "tool_call_id": call["id"], "content": "the user denied this call: too long" }),
    ];
    let second = ask(&bench, BOTH[1], "sk-rehearsal", &body(BOTH[1], script, &more))
        .await
        .text()
        .await
        .unwrap();
    assert!(
        words(&second).contains("was not allowed: \u{201c}too long\u{201d}"),
        "{}",
        words(&second)
    );
}

#[tokio::test]
async fn the_same_request_gets_the_same_bytes() {
    let bench = bench().await;
    for path in BOTH {
        let body = body(path, "think: a\nsay: b\nrun: c", &[]);
        let one = ask(&bench, path, "sk-rehearsal", &body)
            .await
            .text()
            .await
            .unwrap();
        let other = ask(&bench, path, "sk-rehearsal", &body)
            .await
            .text()
            .await
            .unwrap();
        assert_eq!(one, other);
    }
}

#[tokio::test]
async fn a_failure_comes_once_whatever_the_bearer_and_then_again_the_next_time() {
    let bench = bench().await;
    let first = bench.sign_in().await;
    let body = body(BOTH[1], "fail 401\nfail 429", &[]);
    let status = async |bearer: &str| {
        let answer = ask(&bench, BOTH[1], bearer, &body).await;
        let retry_after = answer
            .headers()
            .get("retry-after")
            .is_some_and(|value| value == "1");
        (answer.status().as_u16(), retry_after)
    };
    for _ in 0..2 {
        assert_eq!(status(&first.access).await, (401, false));
        let rotated = super::tokens(
            &bench
                .refresh(&bench.sign_in().await.refresh)
                .await
                .json()
                .await
                .unwrap(),
        );
        assert_eq!(status(&rotated.access).await, (429, true));
        assert_eq!(status(&rotated.access).await, (200, false));
    }
}

#[tokio::test]
async fn a_cut_breaks_the_connection_after_the_words_before_it() {
    let bench = bench().await;
    for path in BOTH {
        let body = body(path, "say: one two\ncut", &[]);
        let mut answer = ask(&bench, path, "sk-rehearsal", &body).await;
        let mut came = vec![];
        let broken = loop {
            match answer.chunk().await {
                Ok(Some(chunk)) => came.extend(chunk),
                Ok(None) => break false,
                Err(_) => break true,
            }
        };
        let came = String::from_utf8(came).unwrap();
        assert!(broken);
        assert_eq!(words(&came), "one two");
        let whole = ask(&bench, path, "sk-rehearsal", &body)
            .await
            .text()
            .await
            .unwrap();
        assert_eq!(words(&whole), "one two");
    }
}

#[tokio::test]
async fn a_held_answer_goes_on_when_the_control_says_so() {
    let bench = bench().await;
    let mut answer = ask(
        &bench,
        BOTH[1],
        "sk-rehearsal",
        &body(BOTH[1], "say: one\nhold\nsay: two", &[]),
    )
    .await;
    let mut came = String::new();
    while !came.contains("\"one\"") {
        came += std::str::from_utf8(&answer.chunk().await.unwrap().unwrap()).unwrap();
    }
    bench.until(Counter::AnswersHeld, 1).await;
    assert!(!came.contains("two"));
    bench.server.control().release();
    came += &answer.text().await.unwrap();
    assert_eq!(words(&came), "onetwo");
}

#[tokio::test]
async fn an_answer_that_nobody_waits_for_ends() {
    let bench = bench().await;
    let body = body(BOTH[0], "hold\nsay: late", &[]);
    let answer = ask(&bench, BOTH[0], "sk-rehearsal", &body).await;
    bench.until(Counter::AnswersHeld, 1).await;
    drop(answer);
    bench.until(Counter::ModelAbandoned, 1).await;
    assert_eq!(bench.count(Counter::ModelReplies), 0);
}

#[tokio::test]
async fn stopping_the_server_ends_what_streams() {
    let bench = Bench::with(Config {
        model_key: Some("k".to_owned().into()),
        ..Config::default()
    })
    .await;
    let body = body(BOTH[0], "stream 50000 words", &[]);
    let mut answer = ask(&bench, BOTH[0], "k", &body).await;
    assert!(answer.chunk().await.unwrap().is_some());
    bench.server.stop();
    let rest = answer.text().await;
    assert!(rest.is_err(), "the stream ended as if it was whole");
}

#[tokio::test]
async fn a_stream_has_every_word_and_the_speed_can_be_set() {
    let bench = Bench::with(Config {
        model_key: Some("k".to_owned().into()),
        words_per_second: 1,
        ..Config::default()
    })
    .await;
    let count = async |text: &str| told(&bench, BOTH[0], "k", text).await.split_whitespace().count();
    assert_eq!(count("stream 2000 words fast").await, 2000);
    bench.server.control().set(SettingsChange {
        words_per_second: Some(0),
        ..SettingsChange::default()
    });
    assert_eq!(count("stream 3000 words").await, 3000);
}

#[tokio::test]
async fn without_a_stream_the_answer_is_one_value() {
    let bench = bench().await;
    for (path, text) in [
        (BOTH[0], "/output/0/content/0/text"),
        (BOTH[1], "/choices/0/message/content"),
    ] {
        let mut body = body(path, "say: hi", &[]);
        body["stream"] = json!(false);
        let answer: Value = ask(&bench, path, "sk-rehearsal", &body)
            .await
            .json()
            .await
            .unwrap();
        assert_eq!(answer.pointer(text), Some(&json!("hi")));
    }
}

#[tokio::test]
async fn requests_are_recorded_without_their_bearer_and_told_by_the_control() {
    let bench = bench().await;
    let access = bench.sign_in().await.access;
    let asked = body(BOTH[1], "say: hi", &[]);
    told(&bench, BOTH[1], &access, "say: hi").await;
    told(&bench, BOTH[1], "sk-rehearsal", "say: hi").await;
    let control = bench.server.control();
    assert_eq!(control.model_requests()[0].body, asked);
    assert_eq!(
        control.model_callers(),
        [("alice".to_owned(), 1), ("key".to_owned(), 1)].into()
    );
    let listed = bench.get("control/model-requests").await.text().await.unwrap();
    assert!(listed.contains("say: hi") && !listed.contains(&access) && !listed.contains("sk-rehearsal"));
    let callers: Value = bench.get("control/model-callers").await.json().await.unwrap();
    assert_eq!(callers, json!({ "alice": 1, "key": 1 }));
}

#[tokio::test]
async fn a_request_with_pictures_may_be_long_and_faults_meet_the_model_too() {
    let bench = bench().await;
    let picture = format!("data:image/png;base64,{}", "A".repeat(4 << 20));
    let image = json!([{ "type": "input_image", "image_url": picture }]);
    let mut asked = body(BOTH[0], "", &[]);
    asked["input"][0]["content"] = image;
    let answer = ask(&bench, BOTH[0], "sk-rehearsal", &asked).await;
    assert!(words(&answer.text().await.unwrap()).contains("I got one attachment: an image, image/png."));
    let rule = FaultRule {
        target: Target::Model,
        times: Some(1),
        fault: Fault::Html { status: 502 },
    };
    bench.server.control().add_fault(rule).unwrap();
    let asked = body(BOTH[0], "say: hi", &[]);
    assert_eq!(
        ask(&bench, BOTH[0], "sk-rehearsal", &asked).await.status(),
        StatusCode::BAD_GATEWAY
    );
    assert_eq!(
        ask(&bench, BOTH[0], "sk-rehearsal", &asked).await.status(),
        StatusCode::OK
    );
}
