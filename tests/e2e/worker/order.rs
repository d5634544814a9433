//! A client that asks in an odd order is answered with the protocol's codes, and with words that help.

use serde_json::{Value, json};

use super::{Answer, Scene, prompt};

/// JSON-RPC: the request can't be handled as things are.
const INVALID_REQUEST: i32 = -32600;
/// JSON-RPC: the parameters are wrong.
const INVALID_PARAMS: i32 = -32602;
/// ACP: there is no such session.
const NOT_FOUND: i32 = -32002;

#[track_caller]
fn refused(answer: &Value, code: i32, words: &str) {
    let error = &answer["error"];
    let told = format!("{}: {}", error["message"], error["data"]);
    assert!(error["code"] == code && told.contains(words), "{answer}");
}

#[test]
fn sessions_before_their_time_are_refused_with_what_to_do_first() {
    let scene = Scene::new([Answer::words("hello")]);
    let mut worker = scene.start();
    let new = json!({"cwd": scene.workspace(), "mcpServers": []});
    let load = json!({"sessionId": "old", "cwd": scene.workspace(), "mcpServers": []});
    worker.tell("session/cancel", &json!({"sessionId": "old"}));
    for (method, parameters) in [
        ("session/prompt", &prompt("old", "hi")),
        ("session/new", &new),
        ("session/load", &load),
    ] {
        let answer = worker.ask(method, parameters);
        refused(&answer, INVALID_REQUEST, "initialization must complete");
    }
    worker.initialize(Some(scene.profile()));
    refused(&worker.ask("session/load", &load), NOT_FOUND, "no session `old`");
    let nowhere = json!({"cwd": "/nonexistent", "mcpServers": []});
    refused(
        &worker.ask("session/new", &nowhere),
        INVALID_PARAMS,
        "not an existing folder",
    );
    let relative = json!({"cwd": "work", "mcpServers": []});
    refused(
        &worker.ask("session/new", &relative),
        INVALID_PARAMS,
        "not an existing folder",
    );
    // After all that it still serves.
    let id = worker.ask("session/new", &new)["result"]["sessionId"].clone();
    let id = id.as_str().expect("a session");
    worker.tell("session/cancel", &json!({"sessionId": id}));
    let answer = worker.ask("session/prompt", &prompt(id, "hi"));
    assert_eq!(
        answer["result"]["stopReason"], "end_turn",
        "the idle cancel stopped nothing: {answer}"
    );
    refused(
        &worker.ask("session/new", &new),
        INVALID_REQUEST,
        "serves one session",
    );
    refused(
        &worker.ask("session/prompt", &json!({"sessionId": id, "prompt": []})),
        INVALID_PARAMS,
        "empty",
    );
    assert_eq!(worker.close().code, Some(0));
}

#[test]
fn while_a_turn_runs_only_its_cancel_is_heard() {
    let scene = Scene::new([Answer::Silence, Answer::words("later")]);
    let (mut worker, id) = scene.opened();
    let turn = worker.send("session/prompt", &prompt(&id, "one"));
    scene.model.wait_for_requests(1);
    let load = json!({"sessionId": id, "cwd": scene.workspace(), "mcpServers": []});
    refused(
        &worker.ask("session/prompt", &prompt(&id, "two")),
        INVALID_REQUEST,
        "a turn is running",
    );
    refused(
        &worker.ask("session/load", &load),
        INVALID_REQUEST,
        "serves one session",
    );
    refused(
        &worker.ask("session/prompt", &prompt("other", "x")),
        NOT_FOUND,
        "no session `other`",
    );
    worker.tell("session/cancel", &json!({"sessionId": "other"}));
    // A second greeting changes nothing.
    let again = worker.initialize(Some(json!({"version": 1})));
    assert_eq!(again["result"]["protocolVersion"], 1, "{again}");
    worker.tell("session/cancel", &json!({"sessionId": id}));
    assert_eq!(worker.answer(turn)["result"]["stopReason"], "cancelled");
    let answer = worker.ask("session/prompt", &prompt(&id, "three"));
    assert_eq!(answer["result"]["stopReason"], "end_turn", "{answer}");
    let said = scene.model.last_request().to_string();
    assert!(said.contains("three") && !said.contains("two"), "{said}");
}
