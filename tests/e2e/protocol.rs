//! What every answer of a vendor leads to: the table of `adr/0002`, row by row, against a server that makes it happen.

use credentials::{LoginReason, Need, State, TokenError};
use rehearsal::{Fault, Target};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use support::Scene;

mod meanwhile;

mod unanswered;

fn status(status: u16, retry_after: Option<u64>, error: Option<&str>) -> Fault {
    Fault::Status {
        status,
        retry_after,
        error: error.map(str::to_owned),
        error_description: None,
        body: None,
    }
}

fn stored(scene: &Scene, field: &str) -> Value {
    scene.file()["tenants"]["rehearsal"]["host"][field].clone()
}

fn same(a: &SecretString, b: &SecretString) -> bool {
    a.expose_secret() == b.expose_secret()
}

fn is_try_again(result: &Result<credentials::Token, TokenError>) -> bool {
    matches!(result, Err(TokenError::TryAgain { .. }))
}

fn rejecting(token: &SecretString) -> Need {
    Need {
        rejected: Some(token.clone()),
        ..Need::default()
    }
}

#[tokio::test]
async fn the_old_refresh_token_is_kept_when_none_comes() {
    let scene = Scene::signed_in().await;
    scene.expire(&scene.host());
    let before = stored(&scene, "refresh_token");
    scene.fault(
        Target::Refresh,
        1,
        Fault::Omit {
            fields: vec!["refresh_token".into()],
        },
    );
    let token = scene.token(&scene.host()).await.expect("a token");
    assert!(scene.accepts(&token.secret).await);
    assert_eq!(stored(&scene, "refresh_token"), before);
}

#[tokio::test]
async fn an_odd_lifetime_never_makes_every_call_refresh() {
    let scene = Scene::signed_in().await;
    for odd in [
        json!(0),
        json!(-5),
        json!("3600"),
        json!(1e300),
        Value::Null,
        json!({"no": "number"}),
    ] {
        scene.expire(&scene.host());
        let before = scene.refreshes();
        scene.fault(
            Target::Refresh,
            1,
            Fault::Set {
                field: "expires_in".into(),
                value: odd.clone(),
            },
        );
        for _ in 0..3 {
            scene.token(&scene.host()).await.expect("a token");
        }
        assert_eq!(scene.refreshes() - before, 1, "expires_in {odd}");
    }
}

#[tokio::test]
async fn a_token_that_is_over_on_arrival_by_our_clock_is_used() {
    let scene = Scene::signed_in().await;
    // Issued two hours ago for one hour, says the JWT: the server's clock is behind ours.
    let claims = r#"{"iat":1000000000,"exp":1000003600}"#;
    let jwt = format!("e30.{}.x", base64url(claims));
    scene.expire(&scene.host());
    scene.fault(
        Target::Refresh,
        1,
        Fault::Set {
            field: "access_token".into(),
            value: jwt.into(),
        },
    );
    for _ in 0..3 {
        scene.token(&scene.host()).await.expect("a token");
    }
    assert_eq!(scene.refreshes(), 1);
}

fn base64url(text: &str) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    text.as_bytes()
        .chunks(3)
        .flat_map(|chunk| {
            let bits =
                chunk.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
            (0..=chunk.len()).map(move |index| char::from(ALPHABET[(bits >> (18 - 6 * index) & 63) as usize]))
        })
        .collect()
}

#[tokio::test]
async fn a_dead_grant_is_stamped_once_kept_and_never_sent_again() {
    let scene = Scene::signed_in().await;
    scene.expire(&scene.host());
    scene.control().revoke_families();
    let before = stored(&scene, "refresh_token");
    for _ in 0..3 {
        let error = scene.token(&scene.host()).await.expect_err("the family is gone");
        assert!(
            error
                .to_string()
                .contains("if you signed in elsewhere with the same account"),
            "{error}"
        );
        let TokenError::LoginRequired {
            reason: LoginReason::Invalidated { reason, .. },
            ..
        } = error
        else {
            panic!("{error}")
        };
        assert!(reason.contains("invalid_grant"), "{reason}");
    }
    assert_eq!(scene.refreshes(), 1);
    assert_eq!(
        stored(&scene, "refresh_token"),
        before,
        "never deleted or blanked"
    );
    assert_eq!(scene.state(), State::Invalidated);
    // A new sign-in is not dead.
    scene.sign_in(&scene.host()).await;
    assert_eq!(scene.state(), State::Valid);
    scene.token(&scene.host()).await.expect("a token");
}

#[tokio::test]
async fn a_server_in_trouble_is_no_dead_grant_and_the_live_token_is_used() {
    let scene = Scene::signed_in().await;
    for trouble in [
        status(503, Some(0), None),
        status(500, Some(0), Some("invalid_grant")),
        status(429, Some(0), None),
        status(403, Some(0), Some("blocked")),
        Fault::Html { status: 200 },
        Fault::Html { status: 403 },
        status(400, None, Some("invalid_client")),
    ] {
        let before = scene.refreshes();
        scene.control().clear_faults();
        scene.fault(Target::Refresh, None, trouble.clone());
        scene.make_stale(&scene.host());
        let live = scene.stored_token(&scene.host());
        let token = scene.token(&scene.host()).await.expect("the live token");
        assert!(same(&token.secret, &live), "{trouble:?}");
        assert_eq!(scene.refreshes() - before, 1, "{trouble:?}");
        scene.expire(&scene.host());
        let result = scene.token(&scene.host()).await;
        assert!(is_try_again(&result), "{trouble:?}: {result:?}");
        assert_eq!(scene.state(), State::Expired, "{trouble:?}");
        // A sign-in begins a new family, and with it a clean record.
        scene.sign_in(&scene.host()).await;
    }
}

#[tokio::test]
async fn a_server_that_asks_for_time_is_given_it() {
    let scene = Scene::signed_in().await;
    scene.expire(&scene.host());
    scene.fault(Target::Refresh, None, status(429, Some(60), None));
    for _ in 0..3 {
        let Err(TokenError::TryAgain {
            after: Some(after),
            why,
            ..
        }) = scene.token(&scene.host()).await
        else {
            panic!("no token can be had")
        };
        assert!((50..=60).contains(&after.as_secs()), "{after:?}");
        assert!(why.contains("429"), "{why}");
    }
    assert_eq!(scene.refreshes(), 1);
}

#[tokio::test]
async fn a_refused_early_refresh_leaves_the_good_token_in_use() {
    let scene = Scene::signed_in().await;
    scene.make_stale(&scene.host());
    scene.fault(Target::Refresh, None, Fault::RefuseEarly { within_s: 0 });
    let live = scene.stored_token(&scene.host());
    for _ in 0..3 {
        let token = scene.token(&scene.host()).await.expect("the live token");
        assert!(same(&token.secret, &live));
    }
    assert_eq!(scene.state(), State::Expiring);
}

#[tokio::test]
async fn a_network_file_system_is_refused_unless_the_configuration_says_otherwise() {
    let scene = Scene::signed_in().await;
    let run = || {
        let mut command = support::agent_host(scene.folder());
        command
            .args(["auth", "token", "rehearsal"])
            .env("AGENT_HOST_FAULT", "file-system=nfs");
        command.output().expect("the program runs")
    };
    let refused = run();
    let told = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1), "{told}");
    assert!(
        told.contains("network file system (nfs)") && told.contains("allow_network_filesystem"),
        "{told}"
    );
    let configuration = "[credentials]\nallow_network_filesystem = true\n";
    std::fs::write(scene.folder().join("config.toml"), configuration).expect("it can be written");
    assert!(run().status.success());
}

#[tokio::test]
async fn another_rejected_token_than_the_stored_one_costs_nothing() {
    let scene = Scene::signed_in().await;
    let need = rejecting(&"an-older-one".to_owned().into());
    let token = scene
        .credentials()
        .token(&scene.host(), &need)
        .await
        .expect("the stored one");
    assert!(same(&token.secret, &scene.stored_token(&scene.host())));
    assert_eq!(scene.refreshes(), 0);
}

#[tokio::test]
async fn a_second_rejection_after_a_refresh_does_not_loop() {
    let scene = Scene::signed_in().await;
    scene.fault(Target::Resource, None, status(401, None, Some("invalid_token")));
    let credentials = scene.credentials();
    let mut token = scene.stored_token(&scene.host());
    let mut answers = Vec::new();
    for _ in 0..4 {
        match credentials.token(&scene.host(), &rejecting(&token)).await {
            Ok(next) => token = next.secret,
            Err(error) => answers.push(error.to_string()),
        }
    }
    assert_eq!(scene.refreshes(), 1);
    assert_eq!(answers.len(), 3);
    assert!(answers[0].contains("another one would not help"), "{answers:?}");
}

#[tokio::test]
async fn without_an_entry_or_a_refresh_token_nothing_is_sent() {
    let scene = Scene::start().await;
    let reason = |error: TokenError| match error {
        TokenError::LoginRequired { reason, .. } => reason,
        other => panic!("{other}"),
    };
    let error = scene.token(&scene.host()).await.expect_err("nobody signed in");
    assert_eq!(reason(error), LoginReason::NoEntry);
    scene.fault(
        Target::Code,
        1,
        Fault::Omit {
            fields: vec!["refresh_token".into()],
        },
    );
    scene.sign_in(&scene.host()).await;
    scene.make_stale(&scene.host());
    scene
        .token(&scene.host())
        .await
        .expect("it lives for another minute");
    scene.expire(&scene.host());
    let error = scene.token(&scene.host()).await.expect_err("it is over");
    assert_eq!(reason(error), LoginReason::NoRefreshToken);
    assert_eq!(scene.refreshes(), 0);
}

#[tokio::test]
async fn a_missing_scope_is_a_login_and_a_refresh_narrows_nothing() {
    let scene = Scene::signed_in().await;
    let before = stored(&scene, "scopes");
    let need = Need {
        scopes: vec!["openid".into()],
        ..Need::default()
    };
    scene
        .credentials()
        .token(&scene.host(), &need)
        .await
        .expect("granted");
    let need = Need {
        scopes: vec!["admin".into()],
        ..Need::default()
    };
    let error = scene
        .credentials()
        .token(&scene.host(), &need)
        .await
        .expect_err("not granted")
        .to_string();
    assert!(error.contains("lacks the scope admin"), "{error}");
    scene.expire(&scene.host());
    let need = Need {
        scopes: vec!["openid".into()],
        ..Need::default()
    };
    scene
        .credentials()
        .token(&scene.host(), &need)
        .await
        .expect("refreshed");
    assert_eq!(stored(&scene, "scopes"), before);
    assert_eq!(scene.refreshes(), 1);
}
