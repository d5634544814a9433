//! The control API over HTTP.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::Bench;
use crate::Counter;

#[tokio::test]
async fn control_refuses_other_origins_and_hosts() {
    let bench = Bench::new().await;
    let own = bench.server.endpoints().issuer;
    for (header, value, status) in [
        ("origin", "http://evil.example", StatusCode::FORBIDDEN),
        ("origin", "null", StatusCode::FORBIDDEN),
        ("host", "evil.example", StatusCode::FORBIDDEN),
        ("origin", own.as_str(), StatusCode::NO_CONTENT),
    ] {
        let request = bench.client.post(bench.at("control/reset"));
        let answer = request.header(header, value).send().await.unwrap();
        assert_eq!(answer.status(), status, "{header}: {value}");
    }
}

#[tokio::test]
async fn waiting_ends_when_the_counter_is_there_or_the_time_is_up() {
    let bench = Bench::new().await;
    let path = "control/wait?counter=reports&at_least=1";
    let early = bench.get(&format!("{path}&timeout_ms=0")).await;
    assert_eq!(early.status(), StatusCode::REQUEST_TIMEOUT);
    let (there, _) = tokio::join!(bench.get(path), async {
        let body = json!({ "caller": "one" });
        bench.json(Method::POST, "control/report", &body).await
    });
    let there: Value = there.json().await.unwrap();
    assert_eq!(there["value"], 1);
    let unknown = bench.get("control/wait?counter=x&at_least=1").await;
    assert_eq!(unknown.status(), StatusCode::NOT_FOUND);
    let unknown: Value = unknown.json().await.unwrap();
    assert!(unknown["known"].as_array().unwrap().contains(&json!("rotations")));
}

#[tokio::test]
async fn faults_are_added_listed_used_up_and_cleared() {
    let bench = Bench::new().await;
    let rule = |times: Value| json!({ "target": "metadata", "times": times, "fault": { "kind": "status", "status": 503 } });
    let add = async |rule: Value| {
        let answer = bench.json(Method::POST, "control/faults", &rule).await;
        answer.status()
    };
    assert_eq!(add(rule(json!(1))).await, StatusCode::NO_CONTENT);
    assert_eq!(add(rule(json!(0))).await, StatusCode::BAD_REQUEST);
    let listed: Value = bench.get("control/faults").await.json().await.unwrap();
    assert_eq!(listed[0]["fault"]["status"], 503);
    let metadata = ".well-known/oauth-authorization-server";
    assert_eq!(
        bench.get(metadata).await.status(),
        StatusCode::SERVICE_UNAVAILABLE
    );
    assert_eq!(bench.get(metadata).await.status(), StatusCode::OK);
    assert_eq!(add(rule(Value::Null)).await, StatusCode::NO_CONTENT);
    let cleared = bench
        .client
        .delete(bench.at("control/faults"))
        .send()
        .await
        .unwrap();
    assert_eq!(cleared.status(), StatusCode::NO_CONTENT);
    assert_eq!(bench.get(metadata).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_test_can_sign_in_without_a_browser() {
    let bench = Bench::new().await;
    let mut body = json!({ "url": bench.authorize_url(""), "user": "alice", "decision": "deny" });
    let answer = bench.json(Method::POST, "control/authorize", &body).await;
    let answer: Value = answer.json().await.unwrap();
    assert!(
        answer["redirect"]
            .as_str()
            .unwrap()
            .contains("error=access_denied")
    );
    body["url"] = json!(bench.at("authorize?client_id=nobody"));
    let refused = bench.json(Method::POST, "control/authorize", &body).await;
    assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
    body["url"] = json!("http://127.0.0.1:1/authorize?client_id=rehearsal");
    let foreign = bench.json(Method::POST, "control/authorize", &body).await;
    assert_eq!(foreign.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn expiry_revocation_settings_and_reset_work_from_outside() {
    let bench = Bench::new().await;
    let first = bench.sign_in().await;
    bench.json(Method::POST, "control/expire", &Value::Null).await;
    assert!(!bench.works(&first.access).await);
    let knobs = json!({ "access_ttl_s": 7, "jwt": true });
    let set = bench.json(Method::POST, "control/settings", &knobs).await;
    assert_eq!(set.status(), StatusCode::NO_CONTENT);
    let answer: Value = bench.refresh(&first.refresh).await.json().await.unwrap();
    assert_eq!(answer["expires_in"], 7);
    assert_eq!(answer["access_token"].as_str().unwrap().split('.').count(), 3);
    bench
        .json(Method::POST, "control/revoke-families", &Value::Null)
        .await;
    assert!(!bench.works(answer["access_token"].as_str().unwrap()).await);
    let counts: Value = bench.get("control/counts").await.json().await.unwrap();
    assert_eq!(
        (&counts["rotations"], &counts["families_revoked"]),
        (&json!(1), &json!(1))
    );
    bench.json(Method::POST, "control/reset", &Value::Null).await;
    assert_eq!(bench.count(Counter::Rotations), 0);
}
