//! A command that people stop: what it had put out by then stays, for them and for the model.

use conversation::{Body, ToolCall, ToolStatus};
use rehearsal::Counter;
use serde_json::json;
use support::{Person, Scene};

use super::{ALLOW, host, items, until};

/// What it prints before it sleeps, which no model has asked for in these words.
const KNOWN: &str = "error 42: the thing to know";

/// A thread whose command has printed what is known and sleeps.
async fn asleep(scene: &Scene, person: &Person) -> String {
    let command = "seq 4; echo error $((6 * 7)): the thing to know; sleep 1000";
    let thread = person.open(&format!("run: {command}")).await;
    until(async || {
        let calls = calls(scene, &thread).await;
        calls.iter().any(|call| call.output.contains(KNOWN)).then_some(())
    })
    .await;
    thread
}

async fn calls(scene: &Scene, thread: &str) -> Vec<ToolCall> {
    let call = |item: conversation::Item| match item.body {
        Body::Tool(call) => Some(call),
        _ => None,
    };
    items(scene, thread).await.into_iter().filter_map(call).collect()
}

#[tokio::test]
async fn what_a_stopped_command_had_printed_stays_and_the_model_hears_who_stopped_it() {
    let (scene, host, person) = host(ALLOW).await;
    for (mode, why) in [
        (None, "stopped by the person"),
        (Some("steer"), "interrupted by a new message"),
        (Some("interrupt"), "interrupted by a new message"),
    ] {
        let thread = asleep(&scene, &person).await;
        let before = scene.count(Counter::ModelRequests);
        if let Some(mode) = mode {
            let body = json!({ "id": mode, "text": "say: on", "files": [], "mode": mode });
            person.post(&format!("/api/t/{thread}/messages"), &body).await;
        } else {
            person.post(&format!("/api/t/{thread}/stop"), &json!({})).await;
            person.say(&thread, "after", "say: on").await;
        }
        scene.wait(Counter::ModelRequests, before + 1).await;
        // A request is counted a moment before it can be read.
        let told = format!("{KNOWN}\\n[{why} while this ran; what it had done by then stays]");
        until(async || {
            let requests = scene.control().model_requests();
            let last = requests.last()?.body.to_string();
            (last.contains(&told) && !last.contains("the worker ended")).then_some(())
        })
        .await;
        let call = calls(&scene, &thread).await.remove(0);
        assert_eq!(call.status, ToolStatus::Stopped);
        assert!(
            call.output.starts_with("1\n2\n") && call.output.contains(KNOWN),
            "{}",
            call.output
        );
        let shown = support::agent_host(host.home())
            .args(["threads", "show", &format!("web:{thread}")])
            .output()
            .expect("it runs");
        let shown = String::from_utf8_lossy(&shown.stdout);
        assert!(
            shown.contains("tool, stopped") && shown.contains(KNOWN),
            "{shown}"
        );
        // What was steered begins again.
        person.post(&format!("/api/t/{thread}/stop"), &json!({})).await;
    }
}
