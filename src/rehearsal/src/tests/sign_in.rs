//! Signing in and refreshing, with and without care.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{Bench, error_of, tokens};
use crate::{Config, Counter, Server, StartError};

#[tokio::test]
async fn two_callers_that_refresh_without_care_lose_the_family() {
    let bench = Bench::new().await;
    let shared = bench.sign_in().await;
    let (one, other) = tokio::join!(bench.refresh(&shared.refresh), bench.refresh(&shared.refresh));
    let (winner, loser) = if one.status() == StatusCode::OK {
        (one, other)
    } else {
        (other, one)
    };
    let expected = json!(["invalid_grant", "refresh token reuse detected; family revoked"]);
    assert_eq!(error_of(loser).await, (StatusCode::BAD_REQUEST, expected));
    let won = tokens(&winner.json().await.unwrap());
    assert!(!bench.works(&won.access).await);
    assert!(!bench.works(&shared.access).await);
    assert_eq!(bench.count(Counter::ReuseDetected), 1);
}

#[tokio::test]
async fn a_person_approves_on_the_page_and_sees_the_code() {
    let bench = Bench::new().await;
    let page = bench.client.get(bench.authorize_url("")).send().await.unwrap();
    assert_eq!(page.status(), StatusCode::OK);
    let policy = page.headers()["content-security-policy"]
        .to_str()
        .unwrap()
        .to_owned();
    assert!(
        policy.starts_with("default-src 'none'; style-src 'sha256-"),
        "{policy}"
    );
    let html = page.text().await.unwrap();
    let ticket = html.split("name=\"ticket\" value=\"").nth(1).unwrap();
    let ticket = ticket.split('"').next().unwrap();
    let fields = [("ticket", ticket), ("user", "eve"), ("decision", "approve")];
    let answer = bench.form("authorize", &fields).await;
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    let target = answer.headers()["location"].to_str().unwrap().to_owned();
    assert!(target.starts_with(&bench.at("code?code=rh-code-")));
    let shown = bench
        .client
        .get(target)
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(shown.contains("#st</textarea>"), "{shown}");
    let again = bench.form("authorize", &fields).await;
    assert_eq!(again.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_bad_redirect_gets_a_page_and_a_bad_scope_goes_back() {
    let bench = Bench::new().await;
    let hostile = bench.at("authorize?client_id=rehearsal&redirect_uri=https://evil.example/");
    let page = bench.client.get(hostile).send().await.unwrap();
    assert_eq!(page.status(), StatusCode::BAD_REQUEST);
    assert!(page.headers().get("location").is_none());
    let back = bench
        .client
        .get(bench.authorize_url("&resource=x"))
        .send()
        .await
        .unwrap();
    assert_eq!(back.status(), StatusCode::SEE_OTHER);
    let target = back.headers()["location"].to_str().unwrap();
    assert!(target.contains("error=invalid_target") && target.contains("iss=http"));
}

#[tokio::test]
async fn the_token_endpoint_takes_forms_and_json_but_no_repeats() {
    let bench = Bench::new().await;
    let first = bench.sign_in().await;
    let body = json!({
        "grant_type": "refresh_token",
        "client_id": "rehearsal",
        "refresh_token": first.refresh,
    });
    let answer = bench.json(Method::POST, "token", &body).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()["cache-control"], "no-store");
    let next = tokens(&answer.json().await.unwrap());
    let fields = [
        ("grant_type", "refresh_token"),
        ("client_id", "rehearsal"),
        ("refresh_token", next.refresh.as_str()),
        ("refresh_token", next.refresh.as_str()),
    ];
    let (status, error) = error_of(bench.form("token", &fields).await).await;
    assert_eq!(
        (status, &error[0]),
        (StatusCode::BAD_REQUEST, &json!("invalid_request"))
    );
    assert_eq!(bench.refresh(&next.refresh).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_device_is_approved_on_its_page() {
    let bench = Bench::new().await;
    let begun: Value = bench
        .form("device_authorization", &[("client_id", "rehearsal")])
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(begun["interval"], 1);
    let complete = begun["verification_uri_complete"].as_str().unwrap();
    let page = bench
        .client
        .get(complete)
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(page.contains("Rehearsal client"));
    let code = begun["user_code"].as_str().unwrap();
    let fields = [("user_code", code), ("user", "bob"), ("decision", "approve")];
    let foreign = bench
        .client
        .post(bench.at("device"))
        .header("origin", "http://evil.example")
        .form(&fields);
    assert_eq!(foreign.send().await.unwrap().status(), StatusCode::BAD_REQUEST);
    assert_eq!(bench.form("device", &fields).await.status(), StatusCode::OK);
    let poll = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
        ("client_id", "rehearsal"),
        ("device_code", begun["device_code"].as_str().unwrap()),
    ];
    let answer = bench.form("token", &poll).await;
    assert_eq!(answer.status(), StatusCode::OK);
}

#[tokio::test]
async fn the_codex_dialect_wants_json_refreshes_and_names_dead_tokens_its_own_way() {
    let bench = Bench::new().await;
    let client_id = bench.server.endpoints().codex.client_id;
    let begun: Value = bench
        .json(
            Method::POST,
            "api/accounts/deviceauth/usercode",
            &json!({ "client_id": client_id }),
        )
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(begun["interval"], "1");
    let poll = json!({
        "device_auth_id": begun["device_auth_id"],
        "user_code": begun["user_code"],
    });
    let path = "api/accounts/deviceauth/token";
    let pending = bench.json(Method::POST, path, &poll).await;
    assert_eq!(pending.status(), StatusCode::FORBIDDEN);
    let control = bench.server.control();
    let user_code = begun["user_code"].as_str().unwrap();
    control
        .decide_device(user_code, "carol", crate::Decision::Approve)
        .unwrap();
    let code: Value = bench.json(Method::POST, path, &poll).await.json().await.unwrap();
    let redirect = bench.server.endpoints().codex.device_redirect;
    let exchange = [
        ("grant_type", "authorization_code"),
        ("client_id", client_id.as_str()),
        ("code", code["authorization_code"].as_str().unwrap()),
        ("code_verifier", code["code_verifier"].as_str().unwrap()),
        ("redirect_uri", redirect.as_str()),
    ];
    let first = tokens(&bench.form("oauth/token", &exchange).await.json().await.unwrap());
    let fields = [
        ("grant_type", "refresh_token"),
        ("client_id", client_id.as_str()),
        ("refresh_token", first.refresh.as_str()),
    ];
    let as_form = bench.form("oauth/token", &fields).await;
    assert_eq!(as_form.status(), StatusCode::BAD_REQUEST);
    let body = json!({
        "grant_type": "refresh_token",
        "client_id": client_id,
        "refresh_token": first.refresh,
    });
    let good = bench.json(Method::POST, "oauth/token", &body).await;
    assert_eq!(good.status(), StatusCode::OK);
    let reused = bench.json(Method::POST, "oauth/token", &body).await;
    assert_eq!(reused.status(), StatusCode::UNAUTHORIZED);
    let reused: Value = reused.json().await.unwrap();
    assert_eq!(reused["error"]["code"], "refresh_token_reused");
}

#[tokio::test]
async fn only_loopback_is_listened_on() {
    let config = Config {
        listen: "0.0.0.0:0".parse().unwrap(),
        ..Config::default()
    };
    let refused = Server::start(config).await.err();
    assert!(matches!(refused, Some(StartError::NotLoopback(_))));
}

#[tokio::test]
async fn a_server_that_was_shut_down_listens_no_more() {
    let bench = Bench::new().await;
    let first = bench.sign_in().await;
    let address = bench.at("token");
    bench.server.shutdown().await;
    let fields = [("refresh_token", first.refresh.as_str())];
    let late = bench.client.post(address).form(&fields).send().await;
    assert!(late.unwrap_err().is_connect());
}

#[tokio::test]
async fn a_vendor_with_a_memory_knows_its_logins_and_what_is_spent_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let config = || Config {
        memory: Some(folder.path().join("logins.json")),
        ..Config::default()
    };
    let first = Bench::with(config()).await;
    let spent = first.sign_in().await;
    let live = tokens(&first.refresh(&spent.refresh).await.json().await.unwrap());
    first.server.shutdown().await;

    let second = Bench::with(config()).await;
    assert!(second.works(&live.access).await);
    assert_eq!(
        second.refresh(&spent.refresh).await.status(),
        StatusCode::BAD_REQUEST
    );
    assert!(!second.works(&live.access).await);
    assert_eq!(second.count(Counter::ReuseDetected), 1);
}
