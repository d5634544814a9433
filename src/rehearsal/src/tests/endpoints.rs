//! Metadata, registration, revocation, the resource and the odds and ends.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{Bench, error_of};
use crate::SettingsChange;

#[tokio::test]
async fn the_metadata_names_the_issuer_and_real_endpoints() {
    let bench = Bench::new().await;
    let endpoints = bench.server.endpoints();
    let answer = bench.get(".well-known/oauth-authorization-server").await;
    let metadata: Value = answer.json().await.unwrap();
    assert_eq!(metadata["issuer"], endpoints.issuer);
    assert_eq!(metadata["token_endpoint"], endpoints.token);
    assert_eq!(metadata["code_challenge_methods_supported"], json!(["S256"]));
    assert_eq!(metadata["authorization_response_iss_parameter_supported"], true);
    assert_eq!(bench.server.url().as_str(), format!("{}/", endpoints.issuer));
}

#[tokio::test]
async fn the_resource_tells_whom_a_token_speaks_for_or_challenges() {
    let bench = Bench::new().await;
    let tokens = bench.sign_in().await;
    let request = bench.client.get(bench.at("resource")).bearer_auth(&tokens.access);
    let shown: Value = request.send().await.unwrap().json().await.unwrap();
    assert_eq!(
        (&shown["sub"], &shown["generation"]),
        (&json!("alice"), &json!(0))
    );
    let denied = bench.get("resource").await;
    assert_eq!(denied.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(
        denied.headers()["www-authenticate"],
        "Bearer error=\"invalid_token\""
    );
}

#[tokio::test]
async fn a_confidential_client_authenticates_with_basic() {
    let bench = Bench::new().await;
    let body = json!({ "redirect_uris": ["http://127.0.0.1/callback"] });
    let answer = bench.json(Method::POST, "register", &body).await;
    assert_eq!(answer.status(), StatusCode::CREATED);
    let client: Value = answer.json().await.unwrap();
    let (id, secret) = (client["client_id"].as_str(), client["client_secret"].as_str());
    let fields = [("grant_type", "refresh_token"), ("refresh_token", "x")];
    let ask = |secret| {
        let request = bench.client.post(bench.at("token")).form(&fields);
        request.basic_auth(id.unwrap(), secret).send()
    };
    let wrong = ask(Some("guess")).await.unwrap();
    assert!(wrong.headers().contains_key("www-authenticate"));
    let (status, error) = error_of(wrong).await;
    assert_eq!(
        (status, &error[0]),
        (StatusCode::UNAUTHORIZED, &json!("invalid_client"))
    );
    let (_, error) = error_of(ask(secret).await.unwrap()).await;
    assert_eq!(
        error[0], "invalid_grant",
        "authenticated, but the token is made up"
    );
}

#[tokio::test]
async fn revoking_a_refresh_token_ends_the_family() {
    let bench = Bench::new().await;
    let tokens = bench.sign_in().await;
    let fields = [("client_id", "rehearsal"), ("token", tokens.refresh.as_str())];
    for _ in 0..2 {
        assert_eq!(bench.form("revoke", &fields).await.status(), StatusCode::OK);
    }
    assert!(!bench.works(&tokens.access).await);
}

#[tokio::test]
async fn the_date_is_sent_and_can_be_skewed() {
    let bench = Bench::new().await;
    let honest = bench.get("resource").await.headers()["date"].clone();
    assert!(honest.to_str().unwrap().ends_with("GMT"));
    bench.server.control().set(SettingsChange {
        date_skew_s: Some(-4_000_000_000),
        ..SettingsChange::default()
    });
    let skewed = bench.get("resource").await.headers()["date"].clone();
    assert_eq!(skewed, "Thu, 01 Jan 1970 00:00:00 GMT");
}

#[tokio::test]
async fn the_root_explains_itself_and_other_paths_are_not_found() {
    let bench = Bench::new().await;
    let home = bench.get("").await;
    assert_eq!(home.status(), StatusCode::OK);
    assert!(home.text().await.unwrap().contains("oauth-authorization-server"));
    assert_eq!(bench.get("nowhere").await.status(), StatusCode::NOT_FOUND);
}
