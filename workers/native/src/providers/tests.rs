//! Whole calls against a small real server.

mod account;
mod calls;
pub(super) mod read;
mod server;
mod tls;
mod trouble;

use std::path::PathBuf;
use std::time::Duration;

use contract::{Account, HostSecret, Permissions, Profile, Provider};
use credentials::{Refresher, Service, UserId};
use serde_json::{Value, json};
use url::Url;

use super::{Model, Progress, ProviderError, Reply, Request};
use crate::message::{Message, Part, ReplyPart};
use server::{Answer, Server};

/// A whole stream of each format that says `hello`.
const HELLO_RESPONSES: &str = "data: {\"type\":\"response.output_text.delta\",\"delta\":\"hello\"}\n\n\
    data: {\"type\":\"response.completed\",\"response\":{\"usage\":{\"input_tokens\":3,\"output_tokens\":1}}}\n\n";
const HELLO_CHAT: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"hello\"},\"finish_reason\":\"stop\"}]}\n\n\
    data: [DONE]\n\n";

fn hello() -> Answer {
    Answer::stream(HELLO_CHAT)
}

/// A profile without an account.
fn profile(provider: Provider, base_url: &Url) -> Profile {
    Profile {
        session_folder: PathBuf::from("/nowhere"),
        provider,
        base_url: base_url.clone(),
        model: None,
        account: None,
        permissions: Permissions::Ask,
        without_layers: vec![],
        readable: vec![],
        patience: contract::PATIENCE,
        ca_file: None,
        context_tokens: None,
        model_calls: contract::MODEL_CALLS,
        processes: contract::PROCESSES,
        instructions: None,
    }
}

/// Alice's account with a store in this folder.
fn account(folder: &tempfile::TempDir) -> Account {
    Account {
        store: folder.path().join("auth.json"),
        allow_network_filesystem: true,
        service: Service::parse("acme").unwrap(),
        title: "Acme".into(),
        owner: UserId::parse("alice").unwrap(),
        endpoint: None,
        rejection_codes: vec!["token_expired".into()],
        host_key: None,
        host_token: None,
    }
}

fn secret(variable: &str, value: &str) -> HostSecret {
    HostSecret {
        variable: variable.into(),
        value: value.to_owned().into(),
    }
}

/// Replaces the store as another program would: in one step.
fn store(path: &std::path::Path, generation: u64, entries: &[(&str, Value)]) {
    let mut owners = json!({});
    for (owner, entry) in entries {
        owners[owner] = entry.clone();
        owners[owner]["generation"] = json!(generation);
    }
    let file = json!({ "version": 1, "tenants": { "acme": owners } });
    let next = path.with_extension("next");
    std::fs::write(&next, file.to_string()).unwrap();
    std::fs::rename(next, path).unwrap();
}

fn key(key: &str) -> Value {
    json!({ "type": "api_key", "key": key, "obtained_at_ms": 1 })
}

/// A login that lasts for ages, and can't be renewed.
fn login(token: &str) -> Value {
    json!({
        "type": "oauth", "access_token": token, "scopes": [], "obtained_at_ms": 1,
        "expires_at_ms": 4_000_000_000_000_u64, "obtained_by": "sign_in", "client_id": "c",
    })
}

fn model(profile: &Profile) -> Model {
    Model::with_refresher(profile, Refresher::InProcess).unwrap()
}

/// What became of a call.
struct Told {
    result: Result<Reply, ProviderError>,
    text: String,
    /// Why it waited, each time, and how long.
    waits: Vec<(String, Duration)>,
}

impl Told {
    fn words(&self) -> String {
        match &self.result {
            Ok(_) => "a reply".into(),
            Err(error) => error.to_string(),
        }
    }
}

async fn call(model: &Model) -> Told {
    let history = [Message::User {
        parts: vec![Part::Text { text: "hi".into() }],
    }];
    let request = Request {
        model: "m",
        system: "",
        history: &history,
        tools: &[],
        session: "s1",
    };
    let (mut text, mut waits) = (String::new(), vec![]);
    let result = model
        .call(request, &mut |progress| match progress {
            Progress::Text(more) => text.push_str(&more),
            Progress::Thought(_) | Progress::Call { .. } | Progress::Alive => {}
            Progress::Waiting { why, delay } => waits.push((why, delay)),
        })
        .await;
    Told { result, text, waits }
}

fn said_hello(told: &Told) -> bool {
    let parts = [ReplyPart::Text { text: "hello".into() }];
    told.text == "hello" && told.result.as_ref().is_ok_and(|reply| reply.parts == parts)
}
