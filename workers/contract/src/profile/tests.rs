//! A profile survives the wire whole, and its secrets show nowhere else.

use credentials::{Service, UserId, Vendors};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use super::*;

const KEY: &str = "sk-planted-key";
const TOKEN: &str = "planted-token";
const CLIENT: &str = "planted-client-secret";

fn whole() -> Profile {
    let service = Service::parse("codex").unwrap();
    let vendor = Vendors::builtin(None).get(&service).unwrap();
    let mut endpoint = vendor.endpoint.clone().unwrap();
    endpoint.client_secret = Some(CLIENT.into());
    let secret = |variable: &str, value: &str| HostSecret {
        variable: variable.to_owned(),
        value: value.into(),
    };
    Profile {
        session_folder: "/state/threads/1".into(),
        provider: Provider::OpenaiChat,
        base_url: Url::parse("http://127.0.0.1:11434/v1").unwrap(),
        model: Some("m".to_owned()),
        account: Some(Account {
            store: "/state/auth.json".into(),
            allow_network_filesystem: true,
            service,
            title: "Codex".to_owned(),
            owner: UserId::parse("web:1").unwrap(),
            endpoint: Some(endpoint),
            rejection_codes: vec!["token_expired".to_owned()],
            host_key: Some(secret("OPENAI_API_KEY", KEY)),
            host_token: Some(secret("OPENAI_TOKEN", TOKEN)),
        }),
        permissions: Permissions::Deny,
        without_layers: vec![Layer::Landlock],
        readable: vec!["/srv/data".into()],
        patience: Duration::from_mins(20),
        ca_file: Some("/etc/ssl/ours.pem".into()),
        context_tokens: NonZeroU64::new(8192),
        model_calls: NonZeroU32::MIN,
        processes: NonZeroU32::MIN,
        instructions: Some("be brief".to_owned()),
    }
}

fn bare() -> Profile {
    Profile {
        session_folder: "/s".into(),
        provider: Provider::OpenaiResponses,
        base_url: Url::parse("https://api.example/v1").unwrap(),
        model: None,
        account: None,
        permissions: Permissions::Ask,
        without_layers: vec![],
        readable: vec![],
        patience: PATIENCE,
        ca_file: None,
        context_tokens: None,
        model_calls: MODEL_CALLS,
        processes: PROCESSES,
        instructions: None,
    }
}

#[test]
fn a_profile_comes_back_whole_from_the_wire() {
    for profile in [whole(), bare()] {
        let meta = profile.to_meta();
        let back = Profile::from_meta(&meta).unwrap();
        // Debug shows every field but the secrets; the wire form shows those.
        assert_eq!(format!("{back:?}"), format!("{profile:?}"));
        assert_eq!(back.to_meta(), meta);
    }
    let account = Profile::from_meta(&whole().to_meta()).unwrap().account.unwrap();
    assert_eq!(account.host_key.unwrap().value.expose_secret(), KEY);
    assert_eq!(account.host_token.unwrap().value.expose_secret(), TOKEN);
    let client = account.endpoint.unwrap().client_secret.unwrap();
    assert_eq!(client.expose_secret(), CLIENT);
}

#[test]
fn debug_shows_no_secret() {
    let shown = format!("{:?}", whole());
    for secret in [KEY, TOKEN, CLIENT] {
        assert!(!shown.contains(secret), "{shown}");
        assert!(whole().to_meta().to_string().contains(secret), "planted");
    }
    assert!(
        shown.contains("OPENAI_API_KEY") && shown.contains("REDACTED"),
        "{shown}"
    );
}

#[test]
fn another_version_is_refused_with_both_numbers() {
    let mut meta = whole().to_meta();
    meta["version"] = json!(2);
    assert_eq!(
        Profile::from_meta(&meta).unwrap_err(),
        ProfileError::Version { found: 2, known: 1 }
    );
}

#[test]
fn what_is_no_profile_is_refused_without_repeating_a_value() {
    let with = |pointer: &str, value: Value| {
        let mut meta = whole().to_meta();
        *meta.pointer_mut(pointer).unwrap() = value;
        meta
    };
    for broken in [
        json!(null),
        json!(KEY),
        json!({}),
        with("/account/host_key", json!(KEY)),
        with("/account/host_key/value", json!([KEY])),
        with("/account/host_key/value", json!(12_345)),
        with("/account/client_secret", json!({ "value": KEY })),
        with("/account/endpoint", json!(KEY)),
        with("/provider", json!(KEY)),
        with("/version", json!(KEY)),
        with("/base_url", json!(KEY)),
        with("/account/owner", json!(format!("{KEY}:x"))),
        with("/without_layers", json!([KEY])),
    ] {
        let error = Profile::from_meta(&broken).unwrap_err();
        let words = format!("{error} {error:?}");
        assert!(words.contains("could not read the profile"), "{words}");
        assert!(!words.contains(KEY) && !words.contains("12345"), "{words}");
    }
}
