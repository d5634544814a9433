//! Signing in: whose is whose, what is swept, and what each vendor's wire looks like.

use credentials::{
    Begun, Credentials, DeclaredVendor, Need, PasteError, Refresher, Renewal, Service, SignInError, Tenant,
    TokenEndpoint, UserId, Vendors, Way,
};
use rehearsal::{Counter, Decision};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use support::{Scene, program};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

fn user(name: &str) -> UserId {
    UserId::parse(name).expect("a valid name")
}

fn service(name: &str) -> Service {
    Service::parse(name).expect("a valid name")
}

async fn link(scene: &Scene, name: &str) -> String {
    let begun = scene
        .credentials()
        .begin(&scene.user(name), &user(name), None, None)
        .await
        .expect("it begins");
    let Begun::Link { url, .. } = begun else {
        panic!("pkce gives a link")
    };
    url.into()
}

fn approve(scene: &Scene, link: &str, name: &str) -> SecretString {
    let redirect = scene
        .control()
        .authorize(link, name, Decision::Approve)
        .expect("the link is good");
    redirect.to_string().into()
}

async fn complete(
    scene: &Scene,
    name: &str,
    pasted: &SecretString,
) -> Result<credentials::Completed, SignInError> {
    scene
        .credentials()
        .complete(&service("rehearsal"), &user(name), Some(pasted.clone()))
        .await
}

#[tokio::test]
async fn two_users_sign_in_at_once_and_neither_completes_the_others() {
    let scene = Scene::start().await;
    let (for_alice, for_bob) = (link(&scene, "alice").await, link(&scene, "bob").await);
    let (alices, bobs) = (
        approve(&scene, &for_alice, "alice"),
        approve(&scene, &for_bob, "bob"),
    );
    let error = complete(&scene, "bob", &alices).await.expect_err("it is not his");
    assert!(
        matches!(error, SignInError::Paste(PasteError::OtherState)),
        "{error}"
    );
    let error = complete(&scene, "carol", &alices)
        .await
        .expect_err("she began nothing");
    assert!(matches!(error, SignInError::NothingPending { .. }), "{error}");
    for (name, pasted) in [("alice", alices), ("bob", bobs)] {
        let completed = complete(&scene, name, &pasted).await.expect("it is theirs");
        assert_eq!(completed.tenant, scene.user(name));
        let label = completed.account.and_then(|account| account.label);
        assert_eq!(label, Some(format!("{name}@rehearsal.invalid")));
    }
    assert_eq!(scene.file()["pending"], json!({}));
}

#[tokio::test]
async fn a_second_begin_replaces_the_first() {
    let scene = Scene::start().await;
    let first = link(&scene, "alice").await;
    let second = link(&scene, "alice").await;
    let error = complete(&scene, "alice", &approve(&scene, &first, "alice"))
        .await
        .expect_err("it was replaced");
    assert!(
        matches!(error, SignInError::Paste(PasteError::OtherState)),
        "{error}"
    );
    complete(&scene, "alice", &approve(&scene, &second, "alice"))
        .await
        .expect("the newest link");
}

#[tokio::test]
async fn a_code_is_used_once_and_a_bare_one_needs_the_right_verifier() {
    let scene = Scene::start().await;
    let link = link(&scene, "alice").await;
    let pasted = approve(&scene, &link, "alice");
    let url = url::Url::parse(pasted.expose_secret()).expect("a URL");
    let code = url
        .query_pairs()
        .find(|(name, _)| name == "code")
        .expect("a code")
        .1
        .into_owned();
    // Somebody else's bare code has no state to tell it by; PKCE does.
    let begun = scene
        .credentials()
        .begin(&scene.user("bob"), &user("bob"), None, None)
        .await;
    assert!(begun.is_ok());
    let error = complete(&scene, "bob", &code.clone().into())
        .await
        .expect_err("another verifier");
    assert!(matches!(error, SignInError::CodeRefused { .. }), "{error}");
    complete(&scene, "alice", &code.clone().into())
        .await
        .expect("hers");
    let _ = self::link(&scene, "alice").await;
    let error = complete(&scene, "alice", &code.into())
        .await
        .expect_err("used before");
    assert!(error.to_string().contains("used before"), "{error}");
}

#[tokio::test]
async fn stale_sign_ins_are_swept_and_fresh_or_foreign_ones_kept() {
    let scene = Scene::signed_in().await;
    let _ = link(&scene, "stale").await;
    let _ = link(&scene, "fresh").await;
    let mut file = scene.file();
    let pending = &mut file["pending"]["rehearsal"];
    pending["local:stale"]["created_at_ms"] = 1_000_000_000_000_i64.into();
    let mut unstamped = pending["local:fresh"].clone();
    unstamped
        .as_object_mut()
        .expect("an object")
        .remove("created_at_ms");
    pending["local:unstamped"] = unstamped;
    pending["local:future"] = json!({ "type": "of another version", "x": [1] });
    file["tenants"]["unknown vendor"] = json!({ "host": { "type": "?", "y": { "z": 1.50 } } });
    file["from_another_version"] = json!([1, { "a": null }]);
    scene.write_file(file.to_string().as_bytes());
    // Any locked write sweeps.
    scene.expire(&scene.host());
    scene.token(&scene.host()).await.expect("a refresh writes");
    let after = scene.file();
    let left: Vec<_> = after["pending"]["rehearsal"]
        .as_object()
        .expect("an object")
        .keys()
        .cloned()
        .collect();
    assert_eq!(left, ["local:fresh", "local:future"]);
    assert_eq!(
        after["tenants"]["unknown vendor"],
        file["tenants"]["unknown vendor"]
    );
    assert_eq!(after["from_another_version"], file["from_another_version"]);
}

#[tokio::test]
async fn a_link_that_is_over_its_time_says_so() {
    let scene = Scene::start().await;
    let link = link(&scene, "alice").await;
    let mut file = scene.file();
    file["pending"]["rehearsal"]["local:alice"]["created_at_ms"] = 1_000_000_000_000_i64.into();
    scene.write_file(file.to_string().as_bytes());
    let error = complete(&scene, "alice", &approve(&scene, &link, "alice"))
        .await
        .expect_err("over");
    assert!(matches!(error, SignInError::Over { .. }), "{error}");
}

#[tokio::test]
async fn a_new_sign_in_never_reuses_the_old_entry() {
    let scene = Scene::signed_in().await;
    let before = scene.stored_token(&scene.host());
    scene.sign_in(&scene.host()).await;
    assert_ne!(
        scene.stored_token(&scene.host()).expose_secret(),
        before.expose_secret()
    );
    assert_eq!(scene.count(Counter::CodesExchanged), 2);
}

#[tokio::test]
async fn an_answer_from_another_issuer_is_refused() {
    let scene = Scene::start().await;
    let link = link(&scene, "alice").await;
    let pasted = approve(&scene, &link, "alice");
    let mut url = url::Url::parse(pasted.expose_secret()).expect("a URL");
    let others: Vec<(String, String)> = url
        .query_pairs()
        .into_owned()
        .filter(|(name, _)| name != "iss")
        .collect();
    url.query_pairs_mut()
        .clear()
        .extend_pairs(others)
        .append_pair("iss", "https://elsewhere.example");
    let error = complete(&scene, "alice", &url.to_string().into())
        .await
        .expect_err("mixed up");
    assert!(
        matches!(error, SignInError::Paste(PasteError::OtherIssuer)),
        "{error}"
    );
}

#[tokio::test]
async fn a_device_sign_in_completes_by_itself_and_has_one_poller() {
    let scene = Scene::start().await;
    let credentials = scene.credentials();
    let alice = user("alice");
    let begun = credentials
        .begin(&scene.user("alice"), &alice, Some("device"), None)
        .await
        .expect("it begins");
    let Begun::Device {
        user_code,
        page_with_code,
        ..
    } = begun
    else {
        panic!("a device gives a code")
    };
    assert!(page_with_code.is_some());
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
    scene
        .control()
        .decide_device(&user_code, "alice", Decision::Approve)
        .expect("a code");
    let completed = polling.await.expect("a task ends").expect("granted");
    assert_eq!(completed.tenant, scene.user("alice"));
}

#[tokio::test]
async fn a_denied_device_sign_in_is_told_as_denied() {
    let scene = Scene::start().await;
    let credentials = scene.credentials();
    let begun = credentials
        .begin(&scene.host(), &user("alice"), Some("device"), None)
        .await
        .expect("it begins");
    let Begun::Device { user_code, .. } = begun else {
        panic!("a device gives a code")
    };
    scene
        .control()
        .decide_device(&user_code, "alice", Decision::Deny)
        .expect("a code");
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
    let begun = credentials
        .begin(&tenant, &user("alice"), Some(way), None)
        .await
        .expect("it begins");
    let pasted = match begun {
        Begun::Link { url, .. } => Some(approve(scene, url.as_str(), "alice")),
        Begun::Device { user_code, .. } => {
            scene
                .control()
                .decide_device(&user_code, "alice", Decision::Approve)
                .expect("a code");
            None
        }
        Begun::Key { .. } => panic!("codex knows no key"),
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
    let begun = credentials
        .begin(&scene.host(), &user("alice"), None, None)
        .await
        .expect("it begins");
    let Begun::Device { user_code, .. } = begun else {
        panic!("a device gives a code")
    };
    scene
        .control()
        .decide_device(&user_code, "alice", Decision::Approve)
        .expect("a code");
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
