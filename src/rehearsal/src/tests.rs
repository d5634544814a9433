//! The server over real HTTP, as a client sees it.

mod control;
mod endpoints;
mod faults;
mod model;
mod sign_in;

use std::sync::Once;
use std::time::Duration;

use reqwest::{Client, Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::{Config, Counter, Decision, Fault, FaultRule, Server, Target};

/// Far longer than anything takes; only a broken server meets it.
const PATIENCE: Duration = Duration::from_secs(20);
const VERIFIER: &str = "a-verifier-that-is-long-enough-to-be-a-verifier";
const CHALLENGE: &str = "HQXfu-YKIw9Yrw9bsbVTEHrXB9lcg8_o3_f0UQs8gDc";

/// A server and a client that follows no redirects.
struct Bench {
    server: Server,
    client: Client,
}

/// What a sign-in or a refresh brought.
#[derive(Clone)]
struct Tokens {
    access: String,
    refresh: String,
}

impl Bench {
    async fn new() -> Self {
        Self::with(Config::default()).await
    }

    async fn with(config: Config) -> Self {
        static PROVIDER: Once = Once::new();
        PROVIDER.call_once(|| {
            // Another test of this process may have been first.
            let _ = rustls::crypto::ring::default_provider().install_default();
        });
        let client = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .timeout(PATIENCE)
            .build()
            .unwrap();
        Self {
            server: Server::start(config).await.unwrap(),
            client,
        }
    }

    fn at(&self, path: &str) -> String {
        self.server.url().join(path).unwrap().to_string()
    }

    async fn get(&self, path: &str) -> Response {
        self.client.get(self.at(path)).send().await.unwrap()
    }

    async fn form(&self, path: &str, fields: &[(&str, &str)]) -> Response {
        let request = self.client.post(self.at(path)).form(fields);
        request.send().await.unwrap()
    }

    async fn json(&self, method: Method, path: &str, body: &Value) -> Response {
        let request = self.client.request(method, self.at(path)).json(body);
        request.send().await.unwrap()
    }

    fn authorize_url(&self, more: &str) -> String {
        let redirect = self.at("code");
        self.at(&format!(
            "authorize?response_type=code&client_id=rehearsal&redirect_uri={redirect}&state=st\
             &code_challenge={CHALLENGE}&code_challenge_method=S256&scope=openid{more}"
        ))
    }

    async fn sign_in(&self) -> Tokens {
        let url = self.authorize_url("");
        let url = self
            .server
            .control()
            .authorize(&url, "alice", Decision::Approve)
            .unwrap();
        let code = url.query_pairs().find(|(name, _)| name == "code").unwrap().1;
        let redirect = self.at("code");
        let answer = self
            .form(
                "token",
                &[
                    ("grant_type", "authorization_code"),
                    ("client_id", "rehearsal"),
                    ("code", &code),
                    ("redirect_uri", &redirect),
                    ("code_verifier", VERIFIER),
                ],
            )
            .await;
        assert_eq!(answer.status(), StatusCode::OK);
        tokens(&answer.json().await.unwrap())
    }

    /// The plain way to refresh, without any care for others who may do the same.
    async fn try_refresh(&self, token: &str) -> reqwest::Result<Response> {
        let fields = [
            ("grant_type", "refresh_token"),
            ("client_id", "rehearsal"),
            ("refresh_token", token),
        ];
        self.client.post(self.at("token")).form(&fields).send().await
    }

    async fn refresh(&self, token: &str) -> Response {
        self.try_refresh(token).await.unwrap()
    }

    async fn works(&self, access: &str) -> bool {
        let request = self.client.get(self.at("resource")).bearer_auth(access);
        request.send().await.unwrap().status() == StatusCode::OK
    }

    fn fault_once(&self, fault: Fault) {
        let rule = FaultRule {
            target: Target::Refresh,
            times: Some(1),
            fault,
        };
        self.server.control().add_fault(rule).unwrap();
    }

    fn count(&self, counter: Counter) -> u64 {
        self.server.control().counts().get(counter)
    }

    async fn until(&self, counter: Counter, at_least: u64) {
        let control = self.server.control();
        control.wait(counter, at_least, PATIENCE).await.unwrap();
    }
}

fn tokens(answer: &Value) -> Tokens {
    Tokens {
        access: answer["access_token"].as_str().unwrap().to_owned(),
        refresh: answer["refresh_token"].as_str().unwrap().to_owned(),
    }
}

async fn error_of(answer: Response) -> (StatusCode, Value) {
    let status = answer.status();
    let body: Value = answer.json().await.unwrap();
    (status, json!([body["error"], body["error_description"]]))
}
