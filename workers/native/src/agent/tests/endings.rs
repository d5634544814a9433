//! Turns that end before they are done: stopped, failed, left alone, or with a defect.

use acp::schema::StopReason;
use agent_client_protocol::v1 as acp;
use contract::Canceller;
use serde_json::{Value, json};

use super::scene::{Answers, Place, Script, Step, calls, meet, says, text};
use crate::providers::ProviderError;

fn roles(request: &Value) -> Vec<&str> {
    let messages = request["history"].as_array().unwrap().iter();
    messages
        .map(|message| message["role"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn stopping_an_answer_keeps_what_was_said() {
    let place = Place::new();
    let script = Script::of([Step::Hang(vec![text("half an "), text("answer")]), says("ok")]);
    meet(&script, &Answers::default(), async |person| {
        person.ready(&place).await;
        let turn = person.start("go");
        person
            .hears(|told| told["sessionUpdate"] == "agent_message_chunk")
            .await;
        person.cancel();
        let answer = turn.block_task().await.unwrap();
        assert_eq!(answer.stop_reason, StopReason::Cancelled);
        assert_eq!(person.words("agent_message_chunk"), "half an answer");
        person.prompt("and then").await.unwrap();
    })
    .await;
    let request = script.last_request();
    assert_eq!(roles(&request), ["user", "assistant", "user"]);
    assert_eq!(request["history"][1]["parts"][0]["text"], "half an answer");
    assert_eq!(place.lines()[3], json!({"line": "interrupted"}));
}

#[tokio::test]
async fn what_a_stopped_tool_had_put_out_is_kept_and_who_stopped_it_is_told() {
    for (by, why) in [
        (Some(Canceller::Person), "stopped by the person"),
        (Some(Canceller::Message), "interrupted by a new message"),
        (Some(Canceller::Host), "stopped because the host went away"),
        (None, "stopped"),
    ] {
        for (call, put_out) in [("a", "so far, and more"), ("deaf", "so far")] {
            let place = Place::new();
            let script = Script::of([
                calls(&[["hang", call], ["look", "b"], ["touch", "c"]]),
                says("ok"),
            ]);
            let ran = format!("{put_out}\n[{why} while this ran; what it had done by then stays]");
            meet(&script, &Answers::default(), async |person| {
                person.ready(&place).await;
                let turn = person.start("go");
                person.hears(|told| told.to_string().contains("so far")).await;
                person.cancel_by(by);
                let answer = turn.block_task().await.unwrap();
                assert_eq!(answer.stop_reason, StopReason::Cancelled);
                assert_eq!(script.dropped(), [format!("hang {call}")]);
                let card = person.hears(|told| told["status"] == "failed").await;
                assert_eq!(card["content"][0]["content"]["text"], ran);
                assert_eq!(card["_meta"], json!({"agent-host": {"stopped": true}}));
                person.prompt("and then").await.unwrap();
            })
            .await;
            assert_eq!(script.ran().len(), 1, "what comes after is not begun");
            let history = &script.last_request()["history"];
            let never = format!("not run: {why}");
            for (index, call, words) in [(2, "p0", &ran), (3, "p1", &never), (4, "p2", &never)] {
                let expected = json!({"role": "tool_result", "call": call, "text": words, "failed": true});
                assert_eq!(history[index], expected);
            }
            // A worker that loads it says the same.
            let lines = place.lines().iter().map(Value::to_string).collect::<String>();
            assert!(
                lines.contains(why) && !lines.contains("the worker ended"),
                "{lines}"
            );
        }
    }
}

#[tokio::test]
async fn stopping_an_open_question_withdraws_it() {
    let place = Place::new();
    let script = Script::of([calls(&[["touch", "a"], ["look", "b"]]), says("ok")]);
    meet(&script, &Answers::default(), async |person| {
        person.ready(&place).await;
        let turn = person.start("go");
        person.hears(|told| told["asked"].is_object()).await;
        person.cancel_by(Some(Canceller::Person));
        let answer = turn.block_task().await.unwrap();
        assert_eq!(answer.stop_reason, StopReason::Cancelled);
        let card = person.hears(|told| told["status"] == "failed").await;
        assert_eq!(card["_meta"], json!({"agent-host": {"stopped": true}}));
        person.prompt("and then").await.unwrap();
    })
    .await;
    assert!(script.ran().is_empty());
    let history = &script.last_request()["history"];
    for index in [2, 3] {
        assert_eq!(history[index]["text"], "not run: stopped by the person");
    }
}

#[tokio::test]
async fn stopping_while_a_login_is_awaited_is_a_stop_like_any_other() {
    let place = Place::new();
    let needed = ProviderError::LoginRequired {
        owner: "web:1".to_owned(),
        reason: "no".to_owned(),
        useless: None,
    };
    let script = Script::of([Step::Fail(vec![], needed)]);
    meet(&script, &Answers::default(), async |person| {
        person.ready(&place).await;
        let turn = person.start("go");
        person.hears(|told| told["login"].is_object()).await;
        person.cancel();
        let answer = turn.block_task().await.unwrap();
        assert_eq!(answer.stop_reason, StopReason::Cancelled);
    })
    .await;
}

#[tokio::test]
async fn a_withdrawn_prompt_is_stopped_too() {
    let place = Place::new();
    let script = Script::of([Step::Hang(vec![text("x")]), says("ok")]);
    meet(&script, &Answers::default(), async |person| {
        person.ready(&place).await;
        let turn = person.start("go");
        person
            .hears(|told| told["sessionUpdate"] == "agent_message_chunk")
            .await;
        turn.cancel().unwrap();
        let answer = turn.block_task().await.unwrap();
        assert_eq!(answer.stop_reason, StopReason::Cancelled);
        person.prompt("still there?").await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_second_prompt_has_to_wait_for_the_first() {
    let place = Place::new();
    let script = Script::of([Step::Hang(vec![text("x")])]);
    meet(&script, &Answers::default(), async |person| {
        person.ready(&place).await;
        let turn = person.start("one");
        person
            .hears(|told| told["sessionUpdate"] == "agent_message_chunk")
            .await;
        let error = person.prompt("two").await.unwrap_err();
        assert!(error.message.contains("a turn is running"), "{}", error.message);
        person.cancel();
        turn.block_task().await.unwrap();
    })
    .await;
    assert_eq!(place.lines().len(), 4, "the second one left nothing behind");
}

#[tokio::test]
async fn a_client_that_goes_away_stops_the_turn_which_keeps_what_it_had() {
    let place = Place::new();
    for (step, heard) in [
        (Step::Hang(vec![text("half")]), "half"),
        (calls(&[["hang", "a"]]), "so far"),
        (calls(&[["touch", "a"]]), "asked"),
    ] {
        let script = Script::of([step]);
        meet(&script, &Answers::default(), async |person| {
            person.ready(&place).await;
            person.start("go").detach();
            person.hears(|told| told.to_string().contains(heard)).await;
        })
        .await;
        assert_eq!(script.dropped().len(), script.ran().len());
        assert_eq!(place.lines().last(), Some(&json!({"line": "interrupted"})));
    }
}

#[tokio::test]
async fn a_cut_stream_keeps_its_words_and_a_failure_says_its_kind() {
    let place = Place::new();
    let cut = ProviderError::Cut {
        why: "the connection was closed".to_owned(),
        partial: vec![],
    };
    let script = Script::of([
        Step::Fail(vec![text("half")], cut),
        Step::Fail(
            vec![],
            ProviderError::WrongKey("the key in X was refused".to_owned()),
        ),
        Step::Fail(vec![], ProviderError::Unavailable("busy".to_owned())),
        Step::Fail(vec![], ProviderError::Refused("no such model".to_owned())),
        says("ok"),
    ]);
    meet(&script, &Answers::default(), async |person| {
        person.ready(&place).await;
        for (kind, words) in [
            ("cut", "the model's answer was cut off: the connection was closed"),
            ("wrong_key", "the key in X was refused"),
            ("unavailable", "busy"),
            ("refused", "no such model"),
        ] {
            let error = person.prompt("go").await.unwrap_err();
            assert_eq!(error.message, words);
            assert_eq!(error.data.unwrap(), json!({"agent-host": {"failure": kind}}));
        }
        person.prompt("go").await.unwrap();
    })
    .await;
    let request = script.last_request();
    assert_eq!(
        roles(&request),
        ["user", "assistant", "user"],
        "asked again, not doubled"
    );
    assert_eq!(request["history"][1]["parts"][0]["text"], "half");
}

#[tokio::test]
async fn a_message_that_the_provider_refuses_does_not_poison_the_thread() {
    let place = Place::new();
    let refused = || Step::Fail(vec![], ProviderError::Refused("too long".to_owned()));
    let script = Script::of([says("hello"), refused(), says("fine")]);
    let said = |request: &Value| -> Vec<Value> {
        let messages = request["history"].as_array().unwrap().iter();
        messages
            .map(|message| message["parts"][0]["text"].clone())
            .collect()
    };
    let id = meet(&script, &Answers::default(), async |person| {
        person.ready(&place).await;
        person.prompt("one").await.unwrap();
        person.prompt("huge").await.unwrap_err();
        person.prompt("two").await.unwrap();
        person.id.clone()
    })
    .await;
    assert_eq!(said(&script.requests()[1]), ["one", "hello", "huge"]);
    assert_eq!(said(&script.last_request()), ["one", "hello", "two"]);

    // The same after a load; and a refusal later in a turn withdraws nothing.
    script.restart([calls(&[["look", "a"]]), refused(), says("ok")]);
    meet(&script, &Answers::default(), async |person| {
        person.resumed(&place, &id).await;
        person.prompt("three").await.unwrap_err();
        person.prompt("four").await.unwrap();
    })
    .await;
    let request = script.last_request();
    let roles = roles(&request);
    assert_eq!(
        roles[4..],
        ["user", "assistant", "tool_result", "assistant", "user"]
    );
    assert_eq!(said(&request)[..5], ["one", "hello", "two", "fine", "three"]);
}

#[tokio::test]
async fn a_defect_answers_the_prompt_and_ends_the_worker() {
    let place = Place::new();
    let script = Script::of([Step::Panic]);
    meet(&script, &Answers::default(), async |person| {
        person.ready(&place).await;
        assert!(person.prompt("go").await.is_err());
        person.connection.incoming_closed().await;
    })
    .await;
}

#[tokio::test]
async fn a_fault_at_each_try_never_sticks_to_what_was_said() {
    let place = Place::new();
    let fault = || {
        Step::Fail(
            vec![],
            ProviderError::Faulty("a fault (also after 6 tries)".to_owned()),
        )
    };
    let script = Script::of([says("hello"), fault(), fault(), says("fine")]);
    meet(&script, &Answers::default(), async |person| {
        person.ready(&place).await;
        person.prompt("one").await.unwrap();
        let first = person.prompt("what the server fails at").await.unwrap_err();
        assert_eq!(
            first.message, "a fault (also after 6 tries)",
            "a fault passes, mostly"
        );
        assert_eq!(
            first.data.unwrap(),
            json!({"agent-host": {"failure": "unavailable"}})
        );
        let second = person.prompt("what the server fails at").await.unwrap_err();
        assert!(second.message.contains("it is taken back"), "{}", second.message);
        person.prompt("two").await.unwrap();
    })
    .await;
    assert!(
        !script.last_request().to_string().contains("fails at"),
        "{}",
        script.last_request()
    );
    assert_eq!(roles(&script.last_request()), ["user", "assistant", "user"]);
}

#[tokio::test]
async fn what_may_be_too_long_is_made_shorter_once_and_forgets_nothing_for_a_guess() {
    let guess = || {
        Step::Fail(
            vec![],
            ProviderError::PerhapsTooLong("over some limit".to_owned()),
        )
    };
    let refused = || Step::Fail(vec![], ProviderError::Refused("no".to_owned()));
    let long = "word ".repeat(4000);
    // Words that may mean it; and none, at a request that is much longer than the last that was answered.
    for (asked, refusal) in [("more", guess as fn() -> Step), (long.as_str(), refused)] {
        let place = Place::new();
        let script = Script::of([
            says("hello"),
            refusal(),
            says("the note"),
            says("fine"),
            says("and on"),
        ]);
        meet(&script, &Answers::default(), async |person| {
            person.ready(&place).await;
            person.prompt("one").await.unwrap();
            person.prompt(asked).await.unwrap();
        })
        .await;
        let shown = script.last_request()["history"].to_string();
        assert!(shown.contains("the note") && !shown.contains("hello"), "{shown}");

        // It does not help, or no note is to be had: it is a refusal like any other.
        for (then, kept) in [
            (vec![says("the note"), refusal()], "the note"),
            (vec![refused()], "hello"),
        ] {
            let place = Place::new();
            let script = Script::of([says("hello"), refusal()]);
            meet(&script, &Answers::default(), async |person| {
                person.ready(&place).await;
                person.prompt("one").await.unwrap();
                for step in then {
                    script.then(step);
                }
                person.prompt(asked).await.unwrap_err();
                script.then(says("fine"));
                person.prompt("two").await.unwrap();
            })
            .await;
            let shown = script.last_request()["history"].to_string();
            assert!(shown.contains(kept) && shown.contains("two"), "{shown}");
            assert!(!shown.contains(&asked[..4]), "{shown}");
        }
    }
}
