//! `initialize`, `session/new`, `session/load`.

use agent_client_protocol::ErrorCode;
use serde_json::json;

use super::scene::{Answers, Place, Script, meet, says};

#[tokio::test]
async fn initialize_is_answered_with_or_without_a_profile() {
    let place = Place::new();
    for profile in [
        Some(place.profile().to_meta()),
        Some(json!({"version": 99})),
        None,
    ] {
        meet(&Script::default(), &Answers::default(), async |person| {
            let answer = serde_json::to_value(person.initialize(profile).await).unwrap();
            assert_eq!(answer["protocolVersion"], 1);
            assert_eq!(answer["agentInfo"]["name"], "agent-host");
            assert_eq!(answer["agentInfo"]["version"], env!("CARGO_PKG_VERSION"));
            let capabilities = &answer["agentCapabilities"];
            assert_eq!(capabilities["loadSession"], true);
            assert_eq!(capabilities["promptCapabilities"]["image"], true);
            assert_eq!(capabilities["promptCapabilities"]["embeddedContext"], true);
        })
        .await;
    }
}

#[tokio::test]
async fn a_session_without_a_profile_is_refused_with_what_is_missing() {
    let place = Place::new();
    let mut other = place.profile().to_meta();
    other["version"] = json!(99);
    for (profile, words) in [(None, "_meta[\"agent-host\"]"), (Some(other), "version 99")] {
        meet(&Script::default(), &Answers::default(), async |person| {
            person.initialize(profile).await;
            let error = person.open(&place.workspace()).await.unwrap_err();
            assert!(error.message.contains(words), "{}", error.message);
            let error = person.load(&place.workspace(), "x").await.unwrap_err();
            assert!(error.message.contains(words), "{}", error.message);
        })
        .await;
    }
}

#[tokio::test]
async fn a_workspace_that_is_no_folder_is_refused_and_the_next_try_may_succeed() {
    let place = Place::new();
    meet(&Script::default(), &Answers::default(), async |person| {
        person.initialize(Some(place.profile().to_meta())).await;
        for wrong in ["work", "/no/such/folder", "/dev/null", ""] {
            let error = person.open(wrong.as_ref()).await.unwrap_err();
            assert_eq!(error.code, ErrorCode::INVALID_PARAMS);
            assert!(
                error.message.contains("not an existing folder"),
                "{}",
                error.message
            );
        }
        person.open(&place.workspace()).await.unwrap();
        let error = person.open(&place.workspace()).await.unwrap_err();
        assert!(error.message.contains("serves one session"), "{}", error.message);
    })
    .await;
}

#[tokio::test]
async fn a_session_that_is_not_there_is_not_found() {
    let place = Place::new();
    meet(&Script::default(), &Answers::default(), async |person| {
        person.initialize(Some(place.profile().to_meta())).await;
        let error = person.load(&place.workspace(), "nobody").await.unwrap_err();
        assert_eq!(error.code, ErrorCode::RESOURCE_NOT_FOUND);
        person.open(&place.workspace()).await.unwrap();
        person.id = "another".to_owned();
        let error = person.prompt("hello").await.unwrap_err();
        assert_eq!(error.code, ErrorCode::RESOURCE_NOT_FOUND);
    })
    .await;
}

#[tokio::test]
async fn a_broken_transcript_is_told_and_left_alone() {
    let place = Place::new();
    let script = Script::of([says("hi")]);
    let id = meet(&script, &Answers::default(), async |person| {
        person.ready(&place).await;
        person.prompt("hello").await.unwrap();
        person.id.clone()
    })
    .await;
    let broken = std::fs::read_to_string(place.transcript())
        .unwrap()
        .replacen("\"line\"", "\"lime\"", 1);
    std::fs::write(place.transcript(), &broken).unwrap();
    meet(&script, &Answers::default(), async |person| {
        person.initialize(Some(place.profile().to_meta())).await;
        let error = person.load(&place.workspace(), &id).await.unwrap_err();
        assert!(
            error.message.contains("line 2 of the transcript"),
            "{}",
            error.message
        );
    })
    .await;
    assert_eq!(std::fs::read_to_string(place.transcript()).unwrap(), broken);
}
