//! A model call that needs a login.

use agent_client_protocol::ErrorCode;
use contract::LoginAnswer;
use serde_json::json;

use super::scene::{Answers, Place, Script, Step, meet, says};
use crate::providers::ProviderError;

fn refused() -> Step {
    let error = ProviderError::LoginRequired {
        owner: "web:1".to_owned(),
        reason: "nobody is signed in to Acme".to_owned(),
        useless: Some(4),
    };
    Step::Fail(vec![], error)
}

#[tokio::test]
async fn a_login_lets_the_waiting_turn_go_on() {
    let place = Place::new();
    let script = Script::of([refused(), refused(), says("hello")]);
    let answers = Answers::default();
    answers
        .logins
        .lock()
        .unwrap()
        .extend([LoginAnswer::Try, LoginAnswer::Try]);
    meet(&script, &answers, async |person| {
        person.ready(&place).await;
        person.prompt("hi").await.unwrap();
        let login = person.hears(|told| told["login"].is_object()).await;
        assert_eq!(
            login["login"],
            json!({
                "session": person.id, "service": "acme", "title": "Acme", "owner": "web:1",
                "reason": "nobody is signed in to Acme", "useless": 4,
            })
        );
    })
    .await;
    let requests = script.requests();
    assert_eq!(requests.len(), 3);
    assert!(
        requests.iter().all(|request| *request == requests[0]),
        "the same call again"
    );
}

#[tokio::test]
async fn giving_up_ends_the_turn_with_the_reason_and_the_question_is_not_asked_twice() {
    let place = Place::new();
    let script = Script::of([refused(), says("hello")]);
    let answers = Answers::default();
    answers.logins.lock().unwrap().push_back(LoginAnswer::GiveUp);
    meet(&script, &answers, async |person| {
        person.ready(&place).await;
        let error = person.prompt("hi").await.unwrap_err();
        assert!(
            error
                .message
                .ends_with("needs a login of the thread’s owner: nobody is signed in to Acme"),
            "{}",
            error.message
        );
        assert_eq!(
            error.data.unwrap(),
            json!({"agent-host": {"failure": "login_required"}})
        );
        person.prompt("hi").await.unwrap();
    })
    .await;
    let history = &script.last_request()["history"];
    assert_eq!(history.as_array().unwrap().len(), 1, "{history}");
}

#[tokio::test]
async fn a_client_that_knows_no_logins_gets_the_protocols_own_error() {
    let place = Place::new();
    let script = Script::of([refused()]);
    let answers = Answers {
        plain: true,
        ..Answers::default()
    };
    meet(&script, &answers, async |person| {
        person.ready(&place).await;
        let error = person.prompt("hi").await.unwrap_err();
        assert_eq!(error.code, ErrorCode::AUTH_REQUIRED);
        assert!(
            error
                .message
                .ends_with("needs a login of the thread’s owner: nobody is signed in to Acme"),
            "{}",
            error.message
        );
    })
    .await;
}

#[tokio::test]
async fn a_client_that_always_says_try_does_not_make_us_try_for_ever() {
    let place = Place::new();
    let script = Script::of((0..10).map(|_| refused()));
    let answers = Answers::default();
    answers.logins.lock().unwrap().extend([LoginAnswer::Try; 20]);
    meet(&script, &answers, async |person| {
        person.ready(&place).await;
        let error = person.prompt("hi").await.unwrap_err();
        assert!(error.message.contains("refuses every login"), "{}", error.message);
    })
    .await;
}
