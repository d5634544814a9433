//! What a message does that comes while a turn runs, and what the model is asked then.

use super::*;

#[tokio::test]
async fn queue_steer_and_interrupt_leave_what_their_definitions_say() {
    let (scene, host, person) = host("").await;
    // queue: both are answered, in order.
    let thread = person.open("hold\nsay: first").await;
    scene.wait(Counter::ModelRequests, 1).await;
    let queued = person.say(&thread, "q1", "say: second").await;
    assert_eq!(queued["happened"], "queued", "{queued}");
    released(&scene, &host).await;
    assert_eq!(states(&scene, &thread).await, [TurnState::Done, TurnState::Done]);
    let said = answers(&items(&scene, &thread).await);
    assert!(said.find("first") < said.find("second"), "{said}");

    // steer: one turn, sent again with both.
    let mode = |mode: &str| json!({ "id": mode, "text": "say: changed", "files": [], "mode": mode });
    let thread = person.open("hold\nsay: never").await;
    scene.wait(Counter::ModelRequests, 3).await;
    let (_, steered) = person
        .post(&format!("/api/t/{thread}/messages"), &mode("steer"))
        .await;
    assert_eq!(steered["happened"], "steered", "{steered}");
    scene.wait(Counter::ModelRequests, 4).await;
    released(&scene, &host).await;
    // What was merged belongs to the turn that took it in.
    assert_eq!(states(&scene, &thread).await, [TurnState::Done]);
    let requests = scene.control().model_requests();
    let last = requests.last().expect("there was one").body.to_string();
    assert!(
        last.contains("say: never") && last.contains("say: changed"),
        "{last}"
    );

    // interrupt: what ran and what waited is stopped, the new one is answered.
    let thread = person.open("hold\nsay: never").await;
    scene.wait(Counter::ModelRequests, 5).await;
    person.say(&thread, "q2", "say: neither").await;
    let (_, interrupted) = person
        .post(&format!("/api/t/{thread}/messages"), &mode("interrupt"))
        .await;
    assert_eq!(interrupted["happened"], "interrupted", "{interrupted}");
    idle(&host).await;
    assert_eq!(
        states(&scene, &thread).await,
        [TurnState::Stopped, TurnState::Stopped, TurnState::Done]
    );
    let said = answers(&items(&scene, &thread).await);
    assert!(said.contains("changed") && !said.contains("neither"), "{said}");
}

#[tokio::test]
async fn what_was_stopped_or_interrupted_is_not_asked_of_the_model_again() {
    for provider in ["openai-responses", "openai-chat"] {
        let (scene, host, person) = host(&format!("provider = \"{provider}\"\n")).await;
        let held = async |text: &str| {
            let before = scene.count(Counter::ModelRequests);
            let thread = person.open(&format!("hold\n{text}")).await;
            scene.wait(Counter::ModelRequests, before + 1).await;
            thread
        };
        let thread = held("say: stopped").await;
        person.post(&format!("/api/t/{thread}/stop"), &json!({})).await;
        idle(&host).await;
        person.say(&thread, "after", "say: after the stop").await;
        idle(&host).await;
        assert_eq!(
            asked(&scene),
            ["user: hold\nsay: stopped", ENDED, "user: say: after the stop"],
            "{provider}"
        );
        assert_eq!(answers(&items(&scene, &thread).await), "after the stop");

        let thread = held("say: interrupted").await;
        let body = json!({ "id": "i", "text": "say: instead", "files": [], "mode": "interrupt" });
        person.post(&format!("/api/t/{thread}/messages"), &body).await;
        idle(&host).await;
        assert_eq!(
            asked(&scene),
            ["user: hold\nsay: interrupted", ENDED, "user: say: instead"],
            "{provider}"
        );

        // A steered turn is one turn: it is asked once, with both.
        let thread = held("say: first").await;
        let body = json!({ "id": "s", "text": "say: second", "files": [], "mode": "steer" });
        person.post(&format!("/api/t/{thread}/messages"), &body).await;
        // A request is counted a moment before it can be read.
        let both = ["user: hold\nsay: first\n\nsay: second"];
        until(async || (asked(&scene) == both).then_some(())).await;
        released(&scene, &host).await;
    }
}
