//! Vendors that do it their own way: device codes, Codex, tokens that mint others.

use std::time::Duration;

use credentials::{
    Begun, Credentials, DeclaredVendor, Need, PasteError, Refresher, Renewal, SignInError, Tenant, Timestamp,
    TokenEndpoint, Vendors, Way,
};
use rehearsal::{Counter, Decision};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use support::{Scene, program};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use url::Url;

use super::{approve, service, user};

/// Alice decides at the page of a device sign-in; its address with the code in it, if there is one.
fn decided(scene: &Scene, begun: Begun, decision: Decision) -> Option<Url> {
    let Begun::Device {
        user_code,
        page_with_code,
        ..
    } = begun
    else {
        panic!("a device gives a code")
    };
    let control = scene.control();
    control
        .decide_device(&user_code, "alice", decision)
        .expect("a code");
    page_with_code
}

#[tokio::test]
async fn a_device_sign_in_completes_by_itself_and_has_one_poller() {
    let scene = Scene::start().await;
    let credentials = scene.credentials();
    let alice = user("alice");
    let (begun, _) = credentials
        .begin(&scene.user("alice"), &alice, Some("device"), None)
        .await
        .expect("it begins");
    let polling = tokio::spawn({
        let (credentials, alice) = (credentials.clone(), alice.clone());
        async move { credentials.complete(&service("rehearsal"), &alice, None).await }
    });
    scene.wait(Counter::DevicePolls, 1).await;
    let error = credentials
        .complete(&service("rehearsal"), &alice, None)
        .await
        .expect_err("one polls already");
    assert!(
        error.to_string().contains("is completing this sign-in already"),
        "{error}"
    );
    assert!(
        decided(&scene, begun, Decision::Approve).is_some(),
        "the page has the code"
    );
    let completed = polling.await.expect("a task ends").expect("granted");
    assert_eq!(completed.tenant, scene.user("alice"));
}

#[tokio::test]
async fn a_denied_device_sign_in_is_told_as_denied() {
    let scene = Scene::start().await;
    let credentials = scene.credentials();
    let (begun, _) = credentials
        .begin(&scene.host(), &user("alice"), Some("device"), None)
        .await
        .expect("it begins");
    decided(&scene, begun, Decision::Deny);
    let error = credentials
        .complete(&service("rehearsal"), &user("alice"), None)
        .await
        .expect_err("denied");
    assert!(matches!(error, SignInError::Denied), "{error}");
}

#[tokio::test]
async fn a_device_sign_in_that_is_replaced_stops_polling() {
    let scene = Scene::start().await;
    let credentials = scene.credentials();
    let alice = user("alice");
    credentials
        .begin(&scene.host(), &alice, Some("device"), None)
        .await
        .expect("it begins");
    let polling = tokio::spawn({
        let (credentials, alice) = (credentials.clone(), alice.clone());
        async move { credentials.complete(&service("rehearsal"), &alice, None).await }
    });
    scene.wait(Counter::DevicePolls, 1).await;
    credentials
        .begin(&scene.host(), &alice, None, None)
        .await
        .expect("it begins anew");
    let error = polling.await.expect("a task ends").expect_err("replaced");
    assert!(matches!(error, SignInError::Replaced), "{error}");
}

fn codex(scene: &Scene) -> Credentials {
    let declared: DeclaredVendor = serde_json::from_value(json!({ "issuer": scene.url() })).expect("a table");
    let mut vendors = Vendors::builtin(None);
    vendors.declare("codex", &declared).expect("it is well-formed");
    Credentials::new(scene.store(), vendors, Refresher::Program(program("caller")))
}

async fn codex_signed_in(scene: &Scene, way: &str) -> Credentials {
    let credentials = codex(scene);
    let tenant = Tenant::host(service("codex"));
    let (begun, _) = credentials
        .begin(&tenant, &user("alice"), Some(way), None)
        .await
        .expect("it begins");
    let pasted = match begun {
        Begun::Link { url, .. } => Some(approve(scene, url.as_str(), "alice")),
        begun => {
            decided(scene, begun, Decision::Approve);
            None
        }
    };
    credentials
        .complete(&service("codex"), &user("alice"), pasted)
        .await
        .expect("signed in");
    credentials
}

#[tokio::test]
async fn codex_speaks_its_own_dialect_from_sign_in_to_a_dead_grant() {
    for way in ["pkce", "device"] {
        let scene = Scene::start().await;
        let credentials = codex_signed_in(&scene, way).await;
        let tenant = Tenant::host(service("codex"));
        scene.expire(&tenant);
        let token = credentials
            .token(&tenant, &Need::default())
            .await
            .expect("refreshed by a JSON body");
        assert!(scene.accepts(&token.secret).await);
        assert_eq!(
            token.account.map(|account| account.id),
            Some("acct-alice".into()),
            "{way}"
        );
        scene.expire(&tenant);
        scene.control().revoke_families();
        let error = credentials
            .token(&tenant, &Need::default())
            .await
            .expect_err("dead")
            .to_string();
        assert!(
            error.contains("login required") && error.contains("refresh_token_"),
            "{error}"
        );
    }
}

/// Answers one GET with a minted token, and gives the request's Authorization header back.
async fn mint_once(listener: tokio::net::TcpListener, body: String) -> String {
    let (mut connection, _) = listener.accept().await.expect("somebody comes");
    let mut request = vec![0; 8192];
    let read = connection.read(&mut request).await.expect("a request");
    let answer = format!(
        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    connection.write_all(answer.as_bytes()).await.expect("it listens");
    let text = String::from_utf8_lossy(&request[..read]).into_owned();
    text.lines()
        .find(|line| line.to_lowercase().starts_with("authorization:"))
        .unwrap_or_default()
        .to_owned()
}

#[tokio::test]
async fn a_minted_token_is_minted_once_for_all_and_spends_nothing() {
    let scene = Scene::start().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let mint = format!("http://{}/mint", listener.local_addr().expect("an address"));
    let mut vendors = Vendors::builtin(Some(scene.url()));
    let mut vendor = (*vendors.get(&service("rehearsal")).expect("built in")).clone();
    vendor.ways.retain(|way| matches!(way, Way::Device(_)));
    let endpoint = vendor.endpoint.take().expect("it has one");
    let renewal = Renewal::Mint {
        url: mint.parse().expect("a URL"),
        scheme: "token".into(),
    };
    vendor.endpoint = Some(TokenEndpoint { renewal, ..endpoint });
    vendors.insert(vendor);
    let credentials = Credentials::new(scene.store(), vendors, Refresher::Program(program("caller")));
    let (begun, _) = credentials
        .begin(&scene.host(), &user("alice"), None, None)
        .await
        .expect("it begins");
    decided(&scene, begun, Decision::Approve);
    credentials
        .complete(&service("rehearsal"), &user("alice"), None)
        .await
        .expect("signed in");
    let signed_in = scene.file()["tenants"]["rehearsal"]["host"]["refresh_token"].clone();
    let body: Value = json!({ "token": "minted", "expires_at": 4_000_000_000_u64, "endpoints": { "api": "https://api.example" } });
    let server = tokio::spawn(mint_once(listener, body.to_string()));
    for _ in 0..3 {
        let token = credentials
            .token(&scene.host(), &Need::default())
            .await
            .expect("minted");
        assert_eq!(token.secret.expose_secret(), "minted");
        assert_eq!(token.api_base.as_deref(), Some("https://api.example"));
    }
    let header = server.await.expect("asked once");
    assert!(
        header.ends_with(&format!("token {}", signed_in.as_str().expect("text"))),
        "the sign-in's token was shown"
    );
    assert_eq!(
        scene.file()["tenants"]["rehearsal"]["host"]["refresh_token"],
        signed_in
    );
}

#[tokio::test]
async fn a_device_sign_in_is_waited_for_as_itself_and_found_by_whoever_did_not_hear_of_its_end() {
    let scene = Scene::start().await;
    let credentials = scene.credentials();
    let (alice, tenant) = (user("alice"), scene.user("alice"));
    let begin = async || {
        let begun = credentials.begin(&tenant, &alice, Some("device"), None);
        begun.await.expect("it begins")
    };
    let (_, older) = begin().await;
    let (told, newer) = begin().await;
    let wait = async |since| {
        let waits = credentials.wait_for_code((&tenant.service, since), &alice, async { Ok(()) });
        waits.await
    };
    let error = wait(older).await.expect_err("another one took its place");
    assert!(matches!(error, SignInError::Replaced), "{error}");
    let pasted = credentials.complete(&tenant.service, &alice, Some("a-code".to_owned().into()));
    let error = pasted.await.expect_err("nothing is looked at");
    assert!(
        matches!(error, SignInError::Paste(PasteError::NothingWanted)),
        "{error}"
    );
    decided(&scene, told, Decision::Approve);
    let completed = wait(newer).await.expect("granted");
    assert_eq!(completed.tenant, tenant);
    let error = wait(newer).await.expect_err("it is done");
    assert!(matches!(error, SignInError::NothingPending { .. }), "{error}");
    let found = |since| credentials.stored_since(&tenant, since).expect("it can be read");
    assert_eq!(found(newer).map(|found| found.account), Some(completed.account));
    assert!(found(Timestamp::now().plus(Duration::from_mins(1))).is_none());
}

#[tokio::test]
async fn what_may_not_be_stored_any_more_is_given_back() {
    let scene = Scene::start().await;
    let (credentials, alice, service) = (scene.credentials(), user("alice"), service("rehearsal"));
    let host = scene.host();
    let begun = credentials.begin(&host, &alice, Some("device"), None);
    let (begun, at) = begun.await.expect("it begins");
    decided(&scene, begun, Decision::Approve);
    let may = async { Err("not any more".to_owned()) };
    let waits = credentials.wait_for_code((&service, at), &alice, may);
    let error = waits.await.expect_err("it may not be stored");
    assert!(
        matches!(&error, SignInError::NotAllowed { why } if why == "not any more"),
        "{error}"
    );
    assert!(
        credentials
            .store()
            .entry(&host)
            .is_ok_and(|entry| entry.is_none())
    );
    assert_eq!(scene.file()["pending"], json!({}), "it does not come again");
    assert_eq!(scene.count(Counter::Revocations), 1);
}
