//! What a model may not do for ever, or may do wrong: each is answered with words, and the thread goes on.

use serde_json::{Value, json};

use super::{Answer, Scene, prompt, with};

/// Does one turn in which the model answers first so, and then with words; gives the stop reason, what the model was sent
/// last, and the words that were said.
fn turn(answer: Answer) -> (Value, Value, String) {
    let scene = Scene::new([answer, Answer::words("fine")]);
    let (mut worker, id) = scene.opened();
    let ended = worker.ask("session/prompt", &prompt(&id, "go"));
    let chunks = worker.updates("agent_message_chunk");
    let said = chunks
        .filter_map(|chunk| chunk["content"]["text"].as_str())
        .collect();
    let request = scene.model.last_request();
    // Whatever it was, the next turn works.
    scene.model.then([Answer::words("still here")]);
    let next = worker.ask("session/prompt", &prompt(&id, "and now"));
    assert_eq!(next["result"]["stopReason"], "end_turn", "{next}");
    (ended["result"]["stopReason"].clone(), request, said)
}

/// What the tools gave back in a request.
pub(crate) fn results(request: &Value) -> Vec<&str> {
    let messages = request["messages"].as_array().expect("messages");
    let results = messages.iter().filter(|message| message["role"] == "tool");
    results.filter_map(|result| result["content"].as_str()).collect()
}

#[test]
fn calls_that_make_no_sense_are_explained_to_the_model() {
    for (arguments, name, words) in [
        ("{\"command\": ", "bash", "are not JSON"),
        ("[1]", "bash", "are not right"),
        ("{}", "fly", "there is no tool `fly`"),
        ("", "read", "missing field `path`"),
    ] {
        let (ended, request, said) = turn(Answer::calls(&[("c", name, arguments)]));
        assert_eq!((ended, said.as_str()), (json!("end_turn"), "fine"));
        let results = results(&request);
        assert!(results.len() == 1 && results[0].contains(words), "{results:?}");
        let kept = request["messages"].to_string();
        assert!(
            !kept.contains("\"arguments\":\"{\\\"command\\\": \""),
            "sent back as an object: {kept}"
        );
    }
}

#[test]
fn the_same_id_twice_is_two_calls_with_a_result_each() {
    let call = |script: &'static str| ("same", "bash", script);
    let (_, request, _) = turn(Answer::calls(&[
        call(r#"{"command":"echo one"}"#),
        call(r#"{"command":"echo two"}"#),
    ]));
    assert_eq!(results(&request), ["one\n", "two\n"]);
    let messages = request["messages"].as_array().unwrap();
    let ids: Vec<_> = messages
        .iter()
        .filter_map(|message| message["tool_call_id"].as_str())
        .collect();
    assert!(ids.len() == 2 && ids[0] != ids[1], "{ids:?}");
}

#[test]
fn of_a_thousand_calls_in_one_answer_a_hundred_run() {
    let calls = vec![("", "bash", r#"{"command":"echo x >> ran"}"#); 1000];
    let scene = Scene::new([Answer::calls(&calls), Answer::words("fine")]);
    let (mut worker, id) = scene.opened();
    let ended = worker.ask("session/prompt", &prompt(&id, "go"));
    assert_eq!(ended["result"]["stopReason"], "end_turn", "{ended}");
    let ran = std::fs::read_to_string(scene.workspace().join("ran")).unwrap();
    assert_eq!(ran.lines().count(), 100);
    let request = scene.model.last_request();
    let results = results(&request);
    assert_eq!(results.len(), 1000, "each call has its result");
    assert!(
        results[100..]
            .iter()
            .all(|text| text.contains("only the first 100")),
        "{:?}",
        results[100]
    );
}

#[test]
fn arguments_of_megabytes_are_neither_run_nor_kept() {
    let arguments = json!({"path": "a", "content": "x".repeat(5 << 20)}).to_string();
    let (ended, request, _) = turn(Answer::calls(&[("c", "write", &arguments)]));
    assert_eq!(ended, "end_turn");
    assert!(
        results(&request)[0].contains("is the limit; they were not kept"),
        "{:?}",
        results(&request)
    );
    assert!(
        request.to_string().len() < 100_000,
        "{}",
        request.to_string().len()
    );
}

#[test]
fn an_answer_without_a_word_is_said_to_be_one() {
    for delta in [
        json!({}),
        json!({"content": " \n"}),
        json!({"reasoning_content": "hm"}),
    ] {
        let scene = Scene::new([Answer::ends(&delta, "stop"), Answer::words("fine")]);
        let (mut worker, id) = scene.opened();
        let ended = worker.ask("session/prompt", &prompt(&id, "go"));
        assert_eq!(ended["result"]["stopReason"], "end_turn", "{ended}");
        let said = worker
            .updates("agent_message_chunk")
            .map(Value::to_string)
            .collect::<String>();
        assert!(said.contains("ended its answer without a word"), "{said}");
        let ended = worker.ask("session/prompt", &prompt(&id, "and now"));
        assert_eq!(ended["result"]["stopReason"], "end_turn", "{ended}");
        let request = scene.model.last_request().to_string();
        assert!(
            !request.contains("without a word"),
            "never as the model's own: {request}"
        );
    }
}

#[test]
fn a_call_that_the_token_limit_cut_is_told_as_that_to_model_and_person() {
    let cut = json!({"tool_calls": [{
        "index": 0, "id": "c", "type": "function",
        "function": {"name": "write", "arguments": "{\"path\":\"x.txt\",\"content\":\"hal"},
    }]});
    let scene = Scene::new([Answer::ends(&cut, "length"), Answer::words("fine")]);
    let (mut worker, id) = scene.opened();
    let ended = worker.ask("session/prompt", &prompt(&id, "go"));
    assert_eq!(ended["result"]["stopReason"], "end_turn", "{ended}");
    let told = results(&scene.model.last_request()).concat();
    assert!(told.contains("limit of tokens"), "{told}");
    let shown = worker
        .updates("tool_call")
        .map(Value::to_string)
        .collect::<String>();
    assert!(
        shown.contains("limit of tokens") && shown.contains("failed"),
        "{shown}"
    );
    // One that it could still write to its end is run.
    let whole = json!({"tool_calls": [{
        "index": 0, "id": "d", "type": "function",
        "function": {"name": "bash", "arguments": "{\"command\":\"echo whole\"}"},
    }]});
    scene
        .model
        .then([Answer::ends(&whole, "length"), Answer::words("fine")]);
    worker.ask("session/prompt", &prompt(&id, "again"));
    let request = scene.model.last_request();
    assert_eq!(results(&request).last(), Some(&"whole\n"));
}

#[test]
fn a_model_that_calls_tools_for_ever_is_stopped_and_says_so() {
    let scene = Scene::new((0..9).map(|_| Answer::call("bash", &json!({"command": "true"}))));
    let (mut worker, id) = scene.opened_with(with(scene.profile(), &json!({"model_calls": 3})));
    let ended = worker.ask("session/prompt", &prompt(&id, "go"));
    assert_eq!(ended["result"]["stopReason"], "max_turn_requests", "{ended}");
    assert_eq!(scene.model.requests().len(), 3);
    let mut said = worker.updates("agent_message_chunk");
    assert!(said.any(|chunk| chunk.to_string().contains("this turn took 3 model calls")));
}

#[test]
fn a_refusal_anywhere_in_a_turn_is_not_met_again_in_the_next() {
    let refusal = || Answer::Refusal(400, "", json!({"error": {"message": "planted is not allowed"}}));
    let filtered = || Answer::ends(&json!({}), "content_filter");
    let forbidden = || Answer::Refusal(403, "", json!({"error": {"message": "planted was flagged"}}));
    for refuse in [refusal, forbidden, filtered] {
        let planted = json!({"command": "echo planted"});
        let scene = Scene::new([Answer::call("bash", &planted), refuse(), Answer::words("fine")]);
        let (mut worker, id) = scene.opened();
        let ended = worker.ask("session/prompt", &prompt(&id, "one"));
        assert!(
            ended["error"].is_object() || ended["result"]["stopReason"] == "refusal",
            "{ended}"
        );
        worker.ask("session/prompt", &prompt(&id, "two"));
        let request = scene.model.last_request();
        assert_eq!(results(&request).len(), 1, "the call keeps a result: {request}");
        assert!(!results(&request)[0].contains("planted"), "{request}");
        let messages = request["messages"].to_string();
        assert!(messages.contains("one") && messages.contains("two"), "{messages}");
        // The same after a load.
        worker.kill();
        let mut worker = scene.loaded(&id);
        scene.model.then([Answer::words("again")]);
        worker.ask("session/prompt", &prompt(&id, "three"));
        let request = scene.model.last_request();
        assert!(!results(&request)[0].contains("planted"), "{request}");
    }
}

#[test]
fn money_or_a_wrong_model_in_mid_turn_costs_nothing_that_was_done() {
    for (status, code) in [
        (402, "unpaid"),
        (404, "model_not_found"),
        (429, "insufficient_quota"),
    ] {
        let barred = Answer::Refusal(status, "", json!({"error": {"message": "no", "code": code}}));
        let scene = Scene::new([
            Answer::call("bash", &json!({"command": "echo precious"})),
            barred,
            Answer::words("fine"),
        ]);
        let (mut worker, id) = scene.opened();
        let ended = worker.ask("session/prompt", &prompt(&id, "one"));
        assert_eq!(
            ended["error"]["data"]["agent-host"]["failure"], "refused",
            "{ended}"
        );
        worker.ask("session/prompt", &prompt(&id, "two"));
        let request = scene.model.last_request();
        assert_eq!(results(&request), ["precious\n"], "{status}");
    }
}

/// What a person says with a picture.
fn look(id: &str) -> Value {
    let png =
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
    json!({"sessionId": id, "prompt": [
        {"type": "text", "text": "look at this"},
        {"type": "image", "mimeType": "image/png", "data": png},
    ]})
}

#[test]
fn a_picture_that_the_model_can_not_read_is_told_once_and_the_thread_goes_on() {
    for (status, message) in [
        (
            500,
            "image input is not supported - hint: you may need to provide the mmproj",
        ),
        (500, "this model is missing data required for image input"),
        (404, "No endpoints found that support image input"),
        (400, "unknown variant `image_url`, expected `text`"),
    ] {
        let refusal = || Answer::Refusal(status, "", json!({"error": {"message": message}}));
        let scene = Scene::new([Answer::words("hello"), refusal()]);
        let (mut worker, id) = scene.opened();
        worker.ask("session/prompt", &prompt(&id, "hi"));
        let ended = worker.ask("session/prompt", &look(&id)).to_string();
        assert!(
            ended.contains(message) && ended.contains("/model NAME"),
            "{ended}"
        );
        assert_eq!(scene.model.requests().len(), 2, "it is sent once: {message}");
        scene.model.then([Answer::words("fine")]);
        let ended = worker.ask("session/prompt", &prompt(&id, "and without"));
        assert_eq!(ended["result"]["stopReason"], "end_turn", "{message}: {ended}");
        let request = scene.model.last_request().to_string();
        assert!(!request.contains("image_url"), "{request}");
        assert!(
            request.contains("look at this") && request.contains("and without"),
            "{request}"
        );
        // The same after a load; said again, perhaps to another model, the picture is there.
        worker.kill();
        let mut worker = scene.loaded(&id);
        scene.model.then([Answer::words("again"), Answer::words("a dot")]);
        worker.ask("session/prompt", &prompt(&id, "three"));
        assert!(!scene.model.last_request().to_string().contains("image_url"));
        worker.ask("session/prompt", &look(&id));
        assert!(scene.model.last_request().to_string().contains("image_url"));
    }
}
