//! Tool calls: what is asked is what is done, and every answer reaches the model.

use acp::schema::StopReason;
use agent_client_protocol::v1 as acp;
use contract::Permissions;
use serde_json::{Value, json};

use super::scene::{Answers, Place, Script, calls, meet, says};

fn results(request: &Value) -> Vec<String> {
    let messages = request["history"].as_array().unwrap().iter();
    let results = messages.filter(|message| message["role"] == "tool_result");
    results
        .map(|result| format!("{} {}", result["failed"], result["text"].as_str().unwrap()))
        .collect()
}

#[tokio::test]
async fn what_is_asked_for_is_what_is_executed() {
    let place = Place::new();
    let script = Script::of([calls(&[["touch", "a \"b\"\n$(c)"]]), says("done")]);
    let answers = Answers::default();
    answers.permit("allow_once");
    meet(&script, &answers, async |person| {
        person.ready(&place).await;
        assert_eq!(person.prompt("go").await.unwrap(), StopReason::EndTurn);
        let question = person.hears(|told| told["asked"].is_object()).await;
        let asked = &question["asked"];
        assert_eq!(asked["rawInput"], "a \"b\"\n$(c)");
        assert_eq!(asked["title"], "touch a \"b\"\n$(c)");
        assert_eq!(
            asked["content"],
            json!([{"type": "diff", "path": "/w/a", "newText": "a \"b\"\n$(c)"}])
        );
        let kinds: Vec<_> = question["options"]
            .as_array()
            .unwrap()
            .iter()
            .map(|option| &option["kind"])
            .collect();
        assert_eq!(kinds, ["allow_once", "allow_always", "reject_once"]);
        assert_eq!(question["options"][1]["name"], "Always touch this");
        assert_eq!(script.ran(), ["touch a \"b\"\n$(c)"]);

        let announced = person.updates("tool_call").remove(0);
        assert_eq!(announced["toolCallId"], "c1.0");
        assert!(announced.get("status").is_none(), "pending is not written");
        let updates = person.updates("tool_call_update");
        let states: Vec<_> = updates.iter().map(|update| &update["status"]).collect();
        assert_eq!(states, ["in_progress", "completed"]);
        assert_eq!(updates[1]["rawOutput"], json!({"exit": 0}));
        assert_eq!(
            updates[1]["content"][1]["content"]["text"],
            "did touch a \"b\"\n$(c)"
        );
        let offered = person
            .hears(|told| told["content"]["type"] == "resource_link")
            .await;
        assert_eq!(offered["content"]["uri"], "file:///w/a%20b");
        assert_eq!(offered["content"]["name"], "a b");
    })
    .await;
    assert_eq!(results(&script.last_request()), ["false did touch a \"b\"\n$(c)"]);
}

#[tokio::test]
async fn each_call_is_asked_about_with_what_it_has_in_common_because_the_client_remembers_what_is_always_allowed()
 {
    let place = Place::new();
    let script = Script::of([
        calls(&[["touch", "a"], ["touch", "a"], ["touch", "b"]]),
        says("done"),
    ]);
    let answers = Answers::default();
    for option in ["allow_always", "allow_once", "reject_once"] {
        answers.permit(option);
    }
    meet(&script, &answers, async |person| {
        person.ready(&place).await;
        person.prompt("go").await.unwrap();
        let asked = person.all().iter().filter(|told| told["asked"].is_object());
        let alike: Vec<_> = asked
            .map(|question| question["meta"]["agent-host"]["likeness"].clone())
            .collect();
        assert_eq!(alike, ["a", "a", "b"]);
    })
    .await;
    assert_eq!(script.ran(), ["touch a", "touch a"]);
}

#[tokio::test]
async fn what_is_asked_about_each_time_offers_no_always_and_names_nothing_in_common() {
    let place = Place::new();
    let script = Script::of([calls(&[["rule", "a"], ["rule", "a"]]), says("done")]);
    let answers = Answers::default();
    answers.permit("allow_always");
    answers.deny("enough");
    meet(&script, &answers, async |person| {
        person.ready(&place).await;
        person.prompt("go").await.unwrap();
        let question = person.hears(|told| told["asked"].is_object()).await;
        let options = question["options"].as_array().unwrap();
        let kinds: Vec<_> = options.iter().map(|option| &option["kind"]).collect();
        assert_eq!(kinds, ["allow_once", "reject_once"]);
        assert_eq!(question["meta"], Value::Null);
    })
    .await;
    assert_eq!(script.ran(), ["rule a"]);
}

#[tokio::test]
async fn a_denial_and_its_reason_go_to_the_model() {
    let place = Place::new();
    let script = Script::of([calls(&[["touch", "a"], ["look", "b"]]), says("I see")]);
    let answers = Answers::default();
    answers.deny("not on a friday");
    meet(&script, &answers, async |person| {
        person.ready(&place).await;
        person.prompt("go").await.unwrap();
        let failed = person.updates("tool_call_update").remove(0);
        assert_eq!(failed["status"], "failed");
        assert!(failed["content"].to_string().contains("not on a friday"));
    })
    .await;
    assert_eq!(script.ran(), ["look b"]);
    assert_eq!(
        results(&script.last_request()),
        [
            "true the user denied this call: not on a friday",
            "false did look b"
        ]
    );
}

#[tokio::test]
async fn the_profile_may_allow_or_deny_without_asking() {
    for (permissions, ran) in [(Permissions::Allow, 1), (Permissions::Deny, 0)] {
        let place = Place::new();
        let script = Script::of([calls(&[["touch", "a"]]), says("done")]);
        meet(&script, &Answers::default(), async |person| {
            let mut profile = place.profile();
            profile.permissions = permissions;
            person.initialize(Some(profile.to_meta())).await;
            person.open(&place.workspace()).await.unwrap();
            person.prompt("go").await.unwrap();
            assert!(!person.all().iter().any(|told| told["asked"].is_object()));
        })
        .await;
        assert_eq!(script.ran().len(), ran);
    }
}

#[tokio::test]
async fn a_call_that_makes_no_sense_is_told_to_the_model_and_shown() {
    let place = Place::new();
    let script = Script::of([calls(&[["fly", "{broken"], ["update_plan", "{}"]]), says("sorry")]);
    meet(&script, &Answers::default(), async |person| {
        person.ready(&place).await;
        person.prompt("go").await.unwrap();
        let shown = person.updates("tool_call").remove(0);
        assert_eq!(shown["status"], "failed");
        assert_eq!(shown["rawInput"], "{broken");
    })
    .await;
    let results = results(&script.last_request());
    assert_eq!(results[0], "true there is no tool `fly`");
    assert!(
        results[1].starts_with("true the arguments of update_plan are wrong"),
        "{results:?}"
    );
}

#[tokio::test]
async fn a_plan_is_shown() {
    let place = Place::new();
    let plan = r#"{"steps":[{"step":"look","status":"in_progress"}]}"#;
    let script = Script::of([calls(&[["update_plan", plan]]), says("done")]);
    meet(&script, &Answers::default(), async |person| {
        person.ready(&place).await;
        person.prompt("go").await.unwrap();
        assert_eq!(person.updates("plan")[0]["entries"][0]["content"], "look");
        assert!(person.updates("tool_call").is_empty());
    })
    .await;
    let request = script.last_request();
    assert_eq!(results(&request), ["false the plan is shown to the user"]);
    assert_eq!(request["tools"], json!(["update_plan"]));
}

#[tokio::test(start_paused = true)]
async fn a_loud_tool_is_shown_a_few_times_a_second_and_by_its_end() {
    let place = Place::new();
    let script = Script::of([calls(&[["shout", "x"]]), says("done")]);
    meet(&script, &Answers::default(), async |person| {
        person.ready(&place).await;
        person.prompt("go").await.unwrap();
        let updates = person.updates("tool_call_update");
        // Five seconds of output.
        assert!((40..=60).contains(&updates.len()), "{} updates", updates.len());
        for update in &updates {
            assert!(update.to_string().len() < 20 * 1024);
        }
        let last = updates[updates.len() - 2].to_string();
        assert!(last.contains("line 49") && !last.contains("line 1000"), "{last}");
    })
    .await;
}

#[tokio::test]
async fn the_same_call_with_the_same_result_again_and_again_ends_the_turn_with_words() {
    let place = Place::new();
    let again = || calls(&[["look", "x"]]);
    // Many at once are one round: none of them knew the others' results. Four times, something else, and then once too often.
    let first = [calls(&[["look", "x"]; 9])]
        .into_iter()
        .chain((0..4).map(|_| again()));
    let first = first.chain([calls(&[["look", "y"]])]);
    let script = Script::of(first.chain((0..9).map(|_| again())));
    meet(&script, &Answers::default(), async |person| {
        person.ready(&place).await;
        assert_eq!(person.prompt("go").await.unwrap(), StopReason::EndTurn);
        let said = person.words("agent_message_chunk");
        assert!(
            said.contains("the same call of `look` 5 times in a row"),
            "{said}"
        );
        // The next turn counts anew.
        script.restart([again(), says("done")]);
        assert_eq!(person.prompt("go on").await.unwrap(), StopReason::EndTurn);
        assert!(person.words("agent_message_chunk").ends_with("done"));
    })
    .await;
    assert_eq!(script.requests().len(), 11 + 2);
}

#[tokio::test]
async fn a_call_that_brings_something_else_each_time_may_be_made_often() {
    let place = Place::new();
    let again = (0..9).map(|_| calls(&[["count", "x"]]));
    let script = Script::of(again.chain([says("done")]));
    meet(&script, &Answers::default(), async |person| {
        person.ready(&place).await;
        person.prompt("go").await.unwrap();
        assert_eq!(person.words("agent_message_chunk"), "done");
    })
    .await;
}

#[tokio::test]
async fn a_model_that_calls_tools_for_ever_is_stopped_with_words() {
    let place = Place::new();
    let script = Script::of((0..200).map(|number: u32| calls(&[["look", &number.to_string()]])));
    meet(&script, &Answers::default(), async |person| {
        person.ready(&place).await;
        assert_eq!(person.prompt("go").await.unwrap(), StopReason::MaxTurnRequests);
        assert!(person.words("agent_message_chunk").contains("200 model calls"));
    })
    .await;
    assert_eq!(script.requests().len(), 200);
}
