//! Signing in: whose is whose, what is swept, and what each vendor's wire looks like.

use std::time::Duration;

use credentials::{Begun, PasteError, Service, SignInError, Tenant, UserId};
use rehearsal::{Counter, Decision, Fault, FaultRule, Target};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use support::Scene;

mod dialects;

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
    let (Begun::Link { url, .. }, _) = begun else {
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

/// How long a test waits for an event that is certain to come.
const CERTAIN: Duration = Duration::from_mins(1);

fn once(scene: &Scene, target: Target, fault: Fault) {
    let rule = FaultRule {
        target,
        times: Some(1),
        fault,
    };
    scene.control().add_fault(rule).expect("it can be acted out");
}

async fn becomes(what: &str, is_so: impl Fn() -> bool) {
    let waiting = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let became = tokio::time::timeout(CERTAIN, waiting).await;
    became.unwrap_or_else(|_| panic!("never {what}"));
}

#[tokio::test]
async fn a_sign_in_that_nobody_waits_for_any_more_is_stored() {
    let scene = Scene::start().await;
    let pasted = approve(&scene, &link(&scene, "alice").await, "alice");
    once(&scene, Target::Code, Fault::Hold);
    let credentials = scene.credentials();
    let leaves = {
        let (credentials, pasted) = (credentials.clone(), pasted.clone());
        tokio::spawn(async move {
            credentials
                .complete(&service("rehearsal"), &user("alice"), Some(pasted))
                .await
        })
    };
    let held = scene.control();
    held.wait(Counter::AnswersHeld, 1, CERTAIN)
        .await
        .expect("the vendor is asked");
    leaves.abort();
    assert!(leaves.await.expect_err("it was left").is_cancelled());
    held.release();
    becomes("stored", || {
        credentials
            .store()
            .entry(&scene.user("alice"))
            .is_ok_and(|entry| entry.is_some())
    })
    .await;
    assert_eq!(scene.count(Counter::FamiliesRevoked), 0);
}

#[tokio::test]
async fn a_vendor_is_told_of_a_sign_out_that_nobody_waits_for_any_more() {
    let scene = Scene::signed_in().await;
    // Whoever goes before that is not heard.
    once(&scene, Target::Revoke, Fault::Latency { ms: 300 });
    let credentials = scene.credentials();
    let leaves = {
        let (credentials, host) = (credentials.clone(), scene.host());
        tokio::spawn(async move { credentials.logout(&host).await })
    };
    becomes("removed", || {
        credentials
            .store()
            .entry(&scene.host())
            .is_ok_and(|entry| entry.is_none())
    })
    .await;
    leaves.abort();
    let told = scene.control();
    told.wait(Counter::Revocations, 1, CERTAIN)
        .await
        .expect("the vendor is told");
}

#[tokio::test]
async fn the_address_of_a_page_is_no_key_and_the_key_before_it_stays() {
    let scene = Scene::start().await;
    let credentials = scene.credentials();
    let alice = user("alice");
    let tenant = Tenant::user(service("openai"), alice.clone());
    let paste = async |text: &str| {
        let begun = credentials.begin(&tenant, &alice, Some("api-key"), None);
        begun.await.expect("it begins");
        let pasted = Some(text.to_owned().into());
        credentials.complete(&tenant.service, &alice, pasted).await
    };
    let good = "sk-proj-not-a-real-key-0123456789";
    paste(good).await.expect("it is a key");
    let error = paste("https://platform.openai.com/api-keys")
        .await
        .expect_err("it is an address");
    assert!(
        matches!(error, SignInError::Paste(PasteError::NotAKey)),
        "{error}"
    );
    let kept = &scene.file()["tenants"]["openai"][tenant.owner.as_str()]["key"];
    assert_eq!(*kept, json!(good));
}
