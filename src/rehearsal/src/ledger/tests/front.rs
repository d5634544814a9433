//! Authorization requests, consent, codes and client authentication.

use super::{
    AuthorizationRefusal, Bench, Credentials, Dialect, REDIRECT, Refusal, VERIFIER, Verdict, params, query,
};
use crate::counts::Counter;
use crate::ledger::SecretCarrier;

#[test]
fn a_bad_client_or_redirect_is_never_redirected_to() {
    let bench = Bench::new();
    for bad in [
        ("client_id", "nobody"),
        ("client_id", ""),
        ("client_id", crate::ledger::CODEX_CLIENT),
        ("redirect_uri", ""),
        ("redirect_uri", "https://evil.example/callback"),
        ("redirect_uri", "http://127.0.0.1:4000/callback/../other"),
    ] {
        let refusal = bench.examine(&[bad]).err().unwrap();
        assert!(matches!(refusal, AuthorizationRefusal::Page(_)), "{bad:?}");
    }
}

#[test]
fn other_faults_go_back_to_the_client_with_state_and_issuer() {
    let bench = Bench::new();
    for (bad, error) in [
        (("response_type", "token"), "unsupported_response_type"),
        (("response_type", ""), "invalid_request"),
        (("code_challenge", ""), "invalid_request"),
        (("code_challenge", "short"), "invalid_request"),
        (("code_challenge_method", "plain"), "invalid_request"),
        (("code_challenge_method", ""), "invalid_request"),
        (("scope", "a\"b"), "invalid_scope"),
        (("resource", "/relative"), "invalid_target"),
        (("resource", "https://a.example/#part"), "invalid_target"),
    ] {
        let Err(AuthorizationRefusal::Redirect(url)) = bench.examine(&[bad]) else {
            panic!("{bad:?}");
        };
        assert!(url.as_str().starts_with(REDIRECT));
        assert_eq!(query(&url, "error").as_deref(), Some(error), "{bad:?}");
        assert_eq!(query(&url, "state").as_deref(), Some("st"));
        assert_eq!(query(&url, "iss").as_deref(), Some(super::ISSUER));
    }
    let Err(AuthorizationRefusal::Redirect(url)) = bench.examine(&[("state", "")]) else {
        panic!("a missing state");
    };
    assert_eq!(query(&url, "state"), None);
}

#[test]
fn a_consent_ticket_is_answered_once_and_in_time() {
    let mut bench = Bench::new();
    let yes = || Verdict::Approve { user: " ".to_owned() };
    let open = |bench: &mut Bench| {
        let authorization = bench.examine(&[]).unwrap();
        bench.ledger.open_consent(authorization, bench.now)
    };
    let ticket = open(&mut bench);
    assert!(bench.ledger.decide(&ticket, yes(), bench.now).is_some());
    assert!(bench.ledger.decide(&ticket, yes(), bench.now).is_none());
    let ticket = open(&mut bench);
    bench.pass(600);
    assert!(bench.ledger.decide(&ticket, yes(), bench.now).is_none());
    let ticket = open(&mut bench);
    let denied = bench.ledger.decide(&ticket, Verdict::Deny, bench.now).unwrap();
    assert_eq!(query(&denied, "error").as_deref(), Some("access_denied"));
}

#[test]
fn a_code_that_comes_back_revokes_what_it_brought() {
    let mut bench = Bench::new();
    let code = bench.approve(&[]);
    let tokens = bench.exchange(&code, &[]).unwrap();
    assert_eq!(bench.exchange(&code, &[]).err().unwrap().code(), "invalid_grant");
    assert!(!bench.works(&tokens));
    assert_eq!(
        bench.refresh(&tokens.refresh_token, &[]).err(),
        Some(Refusal::RefreshTokenInvalidated)
    );
    assert_eq!(bench.count(Counter::CodeReuse), 1);
}

#[test]
fn a_code_needs_its_verifier_its_redirect_and_its_minute() {
    let mut bench = Bench::new();
    let code = bench.approve(&[]);
    let other_verifier = VERIFIER.replace("long", "wrong");
    for wrong in [
        ("code_verifier", other_verifier.as_str()),
        ("code_verifier", "short"),
        ("redirect_uri", "http://127.0.0.1:4001/callback"),
        ("code", "rh-code-made-up"),
    ] {
        let refusal = bench.exchange(&code, &[wrong]).err().unwrap();
        assert_eq!(refusal.code(), "invalid_grant", "{wrong:?}");
    }
    for missing in ["code_verifier", "redirect_uri", "code"] {
        let refusal = bench.exchange(&code, &[(missing, "")]).err().unwrap();
        assert_eq!(refusal.code(), "invalid_request", "{missing}");
    }
    bench.pass(60);
    let late = bench.exchange(&code, &[]).err();
    assert_eq!(late, Some(Refusal::InvalidGrant("the code has expired")));
}

#[test]
fn a_confidential_client_must_present_its_secret_where_it_said() {
    let mut bench = Bench::new();
    let registration = serde_json::from_str(r#"{"redirect_uris":["https://a.example/callback"]}"#).unwrap();
    let client = bench.ledger.register(registration, bench.now).ok().unwrap();
    let secret = client.client_secret.unwrap();
    let ask = params(&[("grant_type", "refresh_token"), ("refresh_token", "x")], &[]);
    let mut code_with = |secret: Option<(SecretCarrier, String)>| {
        let credentials = Credentials {
            client_id: client.client_id.clone(),
            secret,
        };
        let refused = bench
            .ledger
            .token(Dialect::Standard, &credentials, &ask, bench.now);
        refused.err().unwrap().code()
    };
    assert_eq!(code_with(None), "invalid_client");
    assert_eq!(
        code_with(Some((SecretCarrier::Body, secret.clone()))),
        "invalid_client"
    );
    assert_eq!(
        code_with(Some((SecretCarrier::Basic, "guess".into()))),
        "invalid_client"
    );
    assert_eq!(code_with(Some((SecretCarrier::Basic, secret))), "invalid_grant");
}

#[test]
fn a_registration_with_an_unsafe_redirect_is_refused() {
    let mut bench = Bench::new();
    for (text, error) in [
        (
            r#"{"redirect_uris":["http://evil.example/"]}"#,
            "invalid_redirect_uri",
        ),
        (r#"{"redirect_uris":[]}"#, "invalid_redirect_uri"),
        (
            r#"{"redirect_uris":["https://a.example/"],"token_endpoint_auth_method":"tls"}"#,
            "invalid_client_metadata",
        ),
        (
            r#"{"redirect_uris":["https://a.example/"],"grant_types":["password"]}"#,
            "invalid_client_metadata",
        ),
    ] {
        let registration = serde_json::from_str(text).unwrap();
        let refusal = bench.ledger.register(registration, bench.now).err().unwrap();
        assert_eq!(refusal.code(), error, "{text}");
    }
}
