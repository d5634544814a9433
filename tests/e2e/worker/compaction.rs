//! A thread that outgrows its model goes on: with a note in place of its beginning, or without old outputs.

use std::fs;
use std::path::Path;

use rehearsal::{Config, Counter, Server};
use serde_json::{Value, json};

use super::{Answer, Scene, prompt, with};

/// Of the rehearsal's model, in tokens: system prompt and tools are about half of it.
const CONTEXT: u64 = 6000;

/// The names of the transcript's lines.
fn lines(folder: &Path) -> Vec<String> {
    let text = fs::read_to_string(folder.join("session/transcript.jsonl")).expect("a transcript");
    let lines = text
        .lines()
        .skip(1)
        .map(|line| serde_json::from_str(line).expect("JSON"));
    lines
        .map(|line: Value| line["line"].as_str().expect("a name").to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thread_that_outgrows_its_model_goes_on_with_a_note_in_either_wire_format() {
    // Whoever was first in this process installed it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let server = Server::start(Config {
        model_key: Some("sk-key".to_owned().into()),
        words_per_second: 0,
        context_tokens: Some(CONTEXT),
        ..Config::default()
    })
    .await
    .expect("loopback can be listened on");
    for provider in ["openai-chat", "openai-responses"] {
        for context_tokens in [json!(CONTEXT), json!(null)] {
            let refused = server.control().counts().get(Counter::ModelTooLong);
            grow(&server, provider, &context_tokens);
            let refused = server.control().counts().get(Counter::ModelTooLong) - refused;
            if context_tokens.is_null() {
                assert!(refused > 0, "it was found out by the refusal");
            } else {
                assert_eq!(refused, 0, "what is known is not tried");
            }
        }
    }
}

/// Talks until far more was said than the model can take.
fn grow(server: &Server, provider: &str, context_tokens: &Value) {
    let scene = Scene::new([]);
    fs::write(scene.workspace().join("AGENTS.md"), "use tabs").expect("it can be written");
    let key = json!({"variable": "KEY", "value": "sk-key"});
    let profile = with(
        scene.profile(),
        &json!({
            "provider": provider, "base_url": format!("{}v1", server.url()), "model": "rehearsal",
            "context_tokens": context_tokens,
            "account": {
                "store": scene.folder.path().join("auth.json"), "allow_network_filesystem": false,
                "service": "openai", "title": "OpenAI", "owner": "web:1", "endpoint": null,
                "client_secret": null, "rejection_codes": [], "host_key": key, "host_token": null,
            },
        }),
    );
    let (mut worker, id) = scene.opened_with(profile);
    for number in 0..16 {
        let answer = worker.ask(
            "session/prompt",
            &prompt(&id, &format!("say: wish-{number} {}", "word ".repeat(300))),
        );
        assert_eq!(answer["result"]["stopReason"], "end_turn", "{answer}");
    }
    let notes = lines(scene.folder.path());
    assert!(notes.iter().any(|line| line == "summarized"), "{notes:?}");
    assert!(
        worker
            .statuses()
            .iter()
            .any(|what| what.contains("summing up the earlier conversation")),
        "{:?}",
        worker.statuses()
    );
    let usage: Vec<_> = worker.updates("usage_update").collect();
    assert!(
        usage
            .iter()
            .all(|usage| usage["size"] == context_tokens.as_u64().unwrap_or(0)),
        "{usage:?}"
    );
    let used: Vec<u64> = usage.iter().filter_map(|usage| usage["used"].as_u64()).collect();
    assert!(
        used.windows(2).any(|pair| pair[1] < pair[0]),
        "it shrank: {used:?}"
    );
    // The model knows the first wish, from the note; and the note is its own.
    worker.forget();
    worker.ask("session/prompt", &prompt(&id, "recall"));
    let request = server
        .control()
        .model_requests()
        .pop()
        .expect("a request")
        .body
        .to_string();
    for words in ["wish-0", "wish-14", "recall", "use tabs", "What was said before:"] {
        assert!(request.contains(words), "{words}: {request}");
    }
}

#[test]
fn a_worker_killed_while_it_makes_a_note_asks_what_it_would_have_asked() {
    // In the call for the note; and in the one after it.
    for point in 0..2 {
        let requests = [false, true].map(|killed| {
            let scene = Scene::new([Answer::words(&"long ".repeat(10_000))]);
            fs::write(scene.workspace().join("AGENTS.md"), "use tabs").unwrap();
            let profile = with(scene.profile(), &json!({"context_tokens": 10_000}));
            let (mut worker, id) = scene.opened_with(profile.clone());
            worker.ask("session/prompt", &prompt(&id, "first"));
            let note = || Answer::words("the first wish, in short");
            if point == 0 {
                scene.model.then([Answer::Silence]);
            } else {
                scene.model.then([note(), Answer::Silence]);
            }
            let turn = worker.send("session/prompt", &prompt(&id, "second"));
            scene.model.wait_for_requests(2 + point);
            if point == 0 {
                scene.model.then([note(), Answer::words("done")]);
            } else {
                scene.model.then([Answer::words("done")]);
            }
            if killed {
                worker.kill();
                worker = scene.loaded_with(&id, profile);
            } else {
                worker.tell("session/cancel", &json!({"sessionId": id}));
                assert_eq!(worker.answer(turn)["result"]["stopReason"], "cancelled");
            }
            let answer = worker.ask("session/prompt", &prompt(&id, "third"));
            assert_eq!(answer["result"]["stopReason"], "end_turn", "{answer}");
            let request = scene.model.last_request().to_string();
            request.replace(&scene.workspace().display().to_string(), "WORKSPACE")
        });
        assert_eq!(requests[0], requests[1], "at point {point}");
        for words in ["the first wish, in short", "third", "use tabs"] {
            assert!(requests[0].contains(words), "{words}: {}", requests[0]);
        }
        assert!(!requests[0].contains("long long"), "the long answer is gone");
    }
}

#[test]
fn without_a_note_old_outputs_go_first_and_then_old_turns_and_the_thread_goes_on() {
    let seq = || Answer::call("bash", &json!({"command": "seq 1000 2000"}));
    let scene = Scene::new([seq(), Answer::words("counted")]);
    let (mut worker, id) = scene.opened();
    worker.ask("session/prompt", &prompt(&id, "count"));

    scene
        .model
        .then([Answer::too_long(), Answer::too_long(), Answer::words("two")]);
    let answer = worker.ask("session/prompt", &prompt(&id, "second"));
    assert_eq!(answer["result"]["stopReason"], "end_turn", "{answer}");
    let request = scene.model.last_request().to_string();
    assert!(
        request.contains("left out to make room") && !request.contains("1999"),
        "{request}"
    );
    assert!(
        request.contains("count") && request.contains("second"),
        "{request}"
    );

    scene.model.then([
        Answer::too_long(),
        Answer::ends(&json!({}), "stop"),
        Answer::words("three"),
    ]);
    let answer = worker.ask("session/prompt", &prompt(&id, "third"));
    assert_eq!(answer["result"]["stopReason"], "end_turn", "{answer}");
    let request = scene.model.last_request()["messages"].to_string();
    assert!(
        request.contains("No note could be made") && request.contains("third"),
        "{request}"
    );
    assert!(!request.contains("second"), "{request}");
    let lines = lines(scene.folder.path());
    let made: Vec<_> = lines
        .iter()
        .filter(|line| matches!(line.as_str(), "trimmed" | "summarized"))
        .collect();
    assert_eq!(made, ["trimmed", "summarized"]);
}

#[test]
fn one_long_turn_drops_its_older_outputs_and_keeps_its_last() {
    let seq = |from: usize| Answer::call("bash", &json!({"command": format!("seq {from} {}", from + 999)}));
    let scene = Scene::new([seq(1000), seq(5000), Answer::too_long(), Answer::words("done")]);
    let (mut worker, id) = scene.opened();
    let answer = worker.ask("session/prompt", &prompt(&id, "count twice"));
    assert_eq!(answer["result"]["stopReason"], "end_turn", "{answer}");
    let request = scene.model.last_request().to_string();
    for words in ["count twice", "left out to make room", "5999"] {
        assert!(request.contains(words), "{words}: {request}");
    }
    assert!(!request.contains("1999\\n"), "{request}");
}

#[test]
fn a_message_that_is_too_long_by_itself_is_told_and_the_thread_stays_usable() {
    let scene = Scene::new([Answer::too_long(), Answer::words("fine")]);
    let (mut worker, id) = scene.opened();
    let answer = worker.ask("session/prompt", &prompt(&id, &"huge ".repeat(1000)));
    let words = answer["error"]["message"].as_str().unwrap_or_default();
    assert!(
        words.contains("hint: ") && words.contains("say it in parts"),
        "{answer}"
    );
    worker.ask("session/prompt", &prompt(&id, "small"));
    let request = scene.model.last_request().to_string();
    assert!(
        request.contains("small") && !request.contains("huge"),
        "{request}"
    );
}
