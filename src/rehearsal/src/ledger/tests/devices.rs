//! The device flow in both dialects.

use url::Url;

use super::{Bench, Credentials, Dialect, Refusal, Tokens, Verdict, params, rehearsal};
use crate::jwt;
use crate::ledger::CODEX_CLIENT;
use crate::ledger::devices::DeviceStart;

fn start(bench: &mut Bench) -> DeviceStart {
    let ask = params(&[("scope", "openid")], &[]);
    bench
        .ledger
        .start_device(&rehearsal(), &ask, bench.now)
        .unwrap_or_else(|refusal| panic!("{refusal}"))
}

fn poll(bench: &mut Bench, device: &DeviceStart) -> Result<Tokens, Refusal> {
    let kind = "urn:ietf:params:oauth:grant-type:device_code";
    bench.token(&params(
        &[("grant_type", kind), ("device_code", &device.device_code)],
        &[],
    ))
}

fn approve(bench: &mut Bench, user_code: &str) -> bool {
    let verdict = Verdict::Approve {
        user: "bob".to_owned(),
    };
    bench.ledger.decide_device(user_code, verdict, bench.now)
}

#[test]
fn a_device_waits_until_somebody_approves_and_is_served_once() {
    let mut bench = Bench::new();
    let device = start(&mut bench);
    assert_eq!(
        poll(&mut bench, &device).err(),
        Some(Refusal::AuthorizationPending)
    );
    let typed = device.user_code.to_lowercase().replace('-', " ");
    assert!(approve(&mut bench, &typed));
    bench.pass(1);
    let tokens = poll(&mut bench, &device).unwrap();
    assert!(bench.works(&tokens));
    bench.pass(1);
    assert_eq!(poll(&mut bench, &device).err().unwrap().code(), "invalid_grant");
}

#[test]
fn a_device_that_polls_too_soon_must_slow_down_by_five_seconds() {
    let mut bench = Bench::new();
    let device = start(&mut bench);
    assert_eq!(
        poll(&mut bench, &device).err(),
        Some(Refusal::AuthorizationPending)
    );
    assert_eq!(poll(&mut bench, &device).err(), Some(Refusal::SlowDown));
    bench.pass(6);
    assert_eq!(
        poll(&mut bench, &device).err(),
        Some(Refusal::AuthorizationPending)
    );
    bench.pass(5);
    assert_eq!(poll(&mut bench, &device).err(), Some(Refusal::SlowDown));
}

#[test]
fn a_denied_device_is_told_so() {
    let mut bench = Bench::new();
    let device = start(&mut bench);
    assert!(
        bench
            .ledger
            .decide_device(&device.user_code, Verdict::Deny, bench.now)
    );
    assert_eq!(poll(&mut bench, &device).err(), Some(Refusal::AccessDenied));
    assert!(!approve(&mut bench, &device.user_code), "an answer is final");
}

#[test]
fn a_device_code_expires() {
    let mut bench = Bench::new();
    let device = start(&mut bench);
    bench.pass(600);
    assert_eq!(poll(&mut bench, &device).err(), Some(Refusal::DeviceCodeExpired));
    assert!(!approve(&mut bench, &device.user_code));
}

#[test]
fn a_codex_device_gets_a_code_with_the_servers_own_verifier() {
    let mut bench = Bench::new();
    let redirect = Url::parse("http://127.0.0.1:9/deviceauth/callback").unwrap();
    let device = bench
        .ledger
        .start_codex_device(CODEX_CLIENT, bench.now)
        .ok()
        .unwrap();
    let poll = |bench: &mut Bench, user_code: &str| {
        bench
            .ledger
            .poll_codex_device(&device.device_code, user_code, &redirect, bench.now)
    };
    assert_eq!(
        poll(&mut bench, &device.user_code).err(),
        Some(Refusal::AuthorizationPending)
    );
    assert!(approve(&mut bench, &device.user_code));
    assert!(poll(&mut bench, "XXXX-XXXX").is_err());
    let poll = poll(&mut bench, &device.user_code).ok().unwrap();
    let ask = params(
        &[
            ("grant_type", "authorization_code"),
            ("code", &poll.authorization_code),
            ("redirect_uri", redirect.as_str()),
            ("code_verifier", &poll.code_verifier),
        ],
        &[],
    );
    let credentials = Credentials {
        client_id: CODEX_CLIENT.to_owned(),
        secret: None,
    };
    let tokens = bench
        .ledger
        .token(Dialect::Codex, &credentials, &ask, bench.now)
        .unwrap();
    let claims = jwt::claims(&tokens.id_token.unwrap());
    assert_eq!(
        claims["https://api.openai.com/auth"]["chatgpt_account_id"],
        "acct-bob"
    );
}
