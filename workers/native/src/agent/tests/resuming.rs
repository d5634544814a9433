//! A kill at any point, and the session loaded again.

use acp::schema::StopReason;
use agent_client_protocol::v1 as acp;
use serde_json::{Value, json};

use super::scene::{Answers, Person, Place, Script, Step, calls, meet, reply, says, text};
use crate::agent::history::{NOT_BEGUN, UNKNOWN_RESULT};
use crate::message::ReplyPart;

/// Points at which the story below can stand still: model calls, questions, tools.
const POINTS: usize = 9;

/// A turn with everything in it.
fn story() -> Script {
    let thought = ReplyPart::Thought {
        text: "hm".to_owned(),
        opaque: Some(json!({"id": "r1", "b": [1, {"z": 0, "a": 0}]})),
    };
    let plan = r#"{"steps":[{"step":"x","status":"pending"}]}"#;
    Script::of([
        Step::Reply(
            vec![text("hello")],
            reply(vec![
                thought,
                ReplyPart::Text {
                    text: "hello".to_owned(),
                },
            ]),
        ),
        calls(&[["look", "1"], ["touch", "2"], ["update_plan", plan]]),
        calls(&[["touch", "3"], ["fly", "4"], ["look", "5"]]),
        says("done"),
    ])
}

fn answers() -> Answers {
    let answers = Answers::default();
    answers.permit("allow_always");
    answers.deny("no");
    answers
}

/// Tells the story until it is over, or stands still and is stopped; just before that, `at_rest` is called.
async fn tell(script: &Script, person: &mut Person, at_rest: impl FnOnce()) {
    if person.prompt_until(script, "one").await && person.prompt_until(script, "two").await {
        at_rest();
        return;
    }
    at_rest();
    person.cancel();
}

impl Person {
    /// Whether the turn ended, and not the story stood still.
    async fn prompt_until(&mut self, script: &Script, words: &str) -> bool {
        let turn = self.start(words).block_task();
        tokio::select! {
            answer = turn => {
                assert_eq!(answer.unwrap().stop_reason, StopReason::EndTurn);
                true
            }
            () = script.standing_still() => false,
        }
    }
}

/// Byte by byte, but for what a call that has no end says of it: one that was stopped has its words, and who stopped it.
fn but_for_why(request: &Value) -> String {
    let stopped =
        json!("so far, and more\n[stopped while this ran; what it had done by then stays]").to_string();
    let request = request.to_string();
    let ran = request
        .replace(&stopped, "RAN")
        .replace(&json!(UNKNOWN_RESULT).to_string(), "RAN");
    ran.replace(&json!("not run: stopped").to_string(), "NOT RUN")
        .replace(&json!(NOT_BEGUN).to_string(), "NOT RUN")
}

#[tokio::test]
async fn after_a_kill_anywhere_the_next_request_is_the_one_that_would_have_come() {
    let mut stood = 0;
    for point in 1..=POINTS + 1 {
        let place = Place::new();
        let killed = place.session().with_file_name("killed");
        let script = story();
        script.hang_at(point);
        let mut id = String::new();
        meet(&script, &answers(), async |person| {
            person.ready(&place).await;
            id.clone_from(&person.id);
            tell(&script, person, || {
                std::fs::create_dir(&killed).unwrap();
                std::fs::copy(place.transcript(), killed.join("transcript.jsonl")).unwrap();
            })
            .await;
            stood += usize::from(script.is_standing_still());
            script.restart([says("next")]);
            person.settled_prompt("next").await;
        })
        .await;
        let uninterrupted = script.last_request();

        std::fs::remove_dir_all(place.session()).unwrap();
        std::fs::rename(&killed, place.session()).unwrap();
        script.restart([says("next")]);
        meet(&script, &Answers::default(), async |person| {
            person.resumed(&place, &id).await;
            person.prompt("next").await.unwrap();
        })
        .await;
        let resumed = script.last_request();
        assert_eq!(
            but_for_why(&resumed),
            but_for_why(&uninterrupted),
            "killed at point {point}"
        );
    }
    assert_eq!(stood, POINTS, "every point was tried, and the end");
}

#[tokio::test]
async fn a_load_tells_the_history_before_it_answers() {
    let place = Place::new();
    let script = story();
    let (id, live) = meet(&script, &answers(), async |person| {
        person.ready(&place).await;
        tell(&script, person, || {}).await;
        (person.id.clone(), person.all().to_vec())
    })
    .await;
    meet(&Script::default(), &Answers::default(), async |person| {
        person.resumed(&place, &id).await;
        // Whatever is told after the answer would come too late.
        assert_eq!(person.words("user_message_chunk"), "onetwo");
        assert_eq!(person.words("agent_message_chunk"), "hellodone");
        assert_eq!(person.words("agent_thought_chunk"), "hm");
        assert_eq!(person.updates("plan").len(), 1);
        let ids = |told: Vec<Value>| -> Vec<String> {
            told.iter().map(|call| call["toolCallId"].to_string()).collect()
        };
        let shown: Vec<_> = live
            .into_iter()
            .filter(|told| told["sessionUpdate"] == "tool_call")
            .collect();
        let replayed = person.updates("tool_call");
        let states: Vec<_> = replayed.iter().map(|call| call["status"].clone()).collect();
        assert_eq!(
            states,
            ["completed", "completed", "failed", "failed", "completed"]
        );
        assert_eq!(ids(replayed), ids(shown), "the same calls have the same names");
    })
    .await;
}
