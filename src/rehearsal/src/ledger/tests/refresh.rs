//! Rotation, reuse, expiry and what a refresh may ask for.

use super::{Bench, Credentials, Dialect, REHEARSAL_CLIENT, Refusal, params, rehearsal};
use crate::counts::Counter;
use crate::jwt;
use crate::settings::SettingsChange;

#[test]
fn every_refresh_rotates_the_refresh_token() {
    let mut bench = Bench::new();
    let first = bench.sign_in();
    let second = bench.refresh(&first.refresh_token, &[]).unwrap();
    assert_ne!(first.refresh_token, second.refresh_token);
    assert_ne!(first.access_token, second.access_token);
    assert!(bench.works(&first), "the older access token lives out its time");
    assert!(bench.works(&second));
    assert_eq!(bench.count(Counter::Rotations), 1);
}

#[test]
fn reuse_revokes_the_family_with_all_its_access_tokens() {
    let mut bench = Bench::new();
    let other = bench.sign_in();
    let first = bench.sign_in();
    let second = bench.refresh(&first.refresh_token, &[]).unwrap();
    let refusal = bench.refresh(&first.refresh_token, &[]).err().unwrap();
    assert_eq!(refusal.code(), "invalid_grant");
    assert_eq!(
        refusal.to_string(),
        "refresh token reuse detected; family revoked"
    );
    assert!(!bench.works(&first) && !bench.works(&second));
    assert_eq!(
        bench.refresh(&second.refresh_token, &[]).err(),
        Some(Refusal::RefreshTokenInvalidated)
    );
    assert!(bench.works(&other), "other families are not touched");
    assert_eq!(bench.count(Counter::ReuseDetected), 1);
    assert_eq!(bench.count(Counter::FamiliesRevoked), 1);
}

#[test]
fn two_callers_who_refresh_with_the_same_token_lose_the_family() {
    let mut bench = Bench::new();
    let shared = bench.sign_in();
    let winner = bench.refresh(&shared.refresh_token, &[]).unwrap();
    assert!(bench.refresh(&shared.refresh_token, &[]).is_err());
    assert!(!bench.works(&winner));
}

#[test]
fn a_refresh_token_is_good_for_its_own_client_only() {
    let mut bench = Bench::new();
    let tokens = bench.sign_in();
    let registration = serde_json::from_str(
        r#"{"redirect_uris":["https://a.example/"],"token_endpoint_auth_method":"none"}"#,
    )
    .unwrap();
    let stranger = bench.ledger.register(registration, bench.now).ok().unwrap();
    let credentials = Credentials {
        client_id: stranger.client_id,
        secret: None,
    };
    let ask = params(
        &[
            ("grant_type", "refresh_token"),
            ("refresh_token", &tokens.refresh_token),
        ],
        &[],
    );
    let refusal = bench
        .ledger
        .token(Dialect::Standard, &credentials, &ask, bench.now)
        .err()
        .unwrap();
    assert_eq!(refusal.code(), "invalid_grant");
    assert!(
        bench.refresh(&tokens.refresh_token, &[]).is_ok(),
        "and was not spent"
    );
}

#[test]
fn a_narrower_scope_narrows_the_access_token_and_not_the_grant() {
    let mut bench = Bench::new();
    let first = bench.sign_in();
    let narrow = bench
        .refresh(&first.refresh_token, &[("scope", "offline_access")])
        .unwrap();
    assert_eq!(narrow.scope, "offline_access");
    let again = bench.refresh(&narrow.refresh_token, &[]).unwrap();
    assert_eq!(again.scope, "offline_access openid");
    let refusal = bench.refresh(&again.refresh_token, &[("scope", "admin")]).err();
    assert_eq!(refusal.unwrap().code(), "invalid_scope");
    assert!(
        bench.refresh(&again.refresh_token, &[]).is_ok(),
        "a refused refresh spends nothing"
    );
}

#[test]
fn a_grant_with_a_resource_is_refreshed_with_that_resource() {
    let mut bench = Bench::new();
    let resource = [("resource", "https://mcp.example/a")];
    let code = bench.approve(&resource);
    let without = bench.exchange(&code, &[]).err().unwrap();
    assert_eq!(without.code(), "invalid_target");
    let tokens = bench.exchange(&code, &resource).unwrap();
    for wrong in [&[][..], &[("resource", "https://mcp.example/b")]] {
        let refusal = bench.refresh(&tokens.refresh_token, wrong).err().unwrap();
        assert_eq!(refusal.code(), "invalid_target");
    }
    assert!(bench.refresh(&tokens.refresh_token, &resource).is_ok());
}

#[test]
fn an_access_token_ends_with_its_time_or_by_order() {
    let mut bench = Bench::new();
    let tokens = bench.sign_in();
    bench.pass(299);
    assert!(bench.works(&tokens));
    bench.pass(1);
    assert!(!bench.works(&tokens));
    let next = bench.refresh(&tokens.refresh_token, &[]).unwrap();
    bench.ledger.expire_access_tokens(bench.now);
    assert!(!bench.works(&next));
    assert!(
        bench.refresh(&next.refresh_token, &[]).is_ok(),
        "the family lives"
    );
}

#[test]
fn an_unused_refresh_token_ends_only_if_it_was_given_an_end() {
    let mut bench = Bench::new();
    let tokens = bench.sign_in();
    bench.pass(100_000_000);
    let tokens = bench.refresh(&tokens.refresh_token, &[]).unwrap();
    bench.ledger.settings.apply(SettingsChange {
        refresh_ttl_s: Some(60),
        ..SettingsChange::default()
    });
    let tokens = bench.refresh(&tokens.refresh_token, &[]).unwrap();
    bench.pass(60);
    assert_eq!(
        bench.refresh(&tokens.refresh_token, &[]).err(),
        Some(Refusal::RefreshTokenExpired)
    );
}

#[test]
fn revoking_a_refresh_token_takes_the_family_and_an_access_token_only_itself() {
    let mut bench = Bench::new();
    let first = bench.sign_in();
    let second = bench.refresh(&first.refresh_token, &[]).unwrap();
    let revoke = |token: &str, bench: &mut Bench| {
        bench
            .ledger
            .revoke(&rehearsal(), &params(&[("token", token)], &[]), bench.now)
    };
    assert_eq!(revoke("never issued", &mut bench), Ok(()));
    assert_eq!(revoke(&first.access_token, &mut bench), Ok(()));
    assert!(!bench.works(&first) && bench.works(&second));
    assert_eq!(revoke(&second.refresh_token, &mut bench), Ok(()));
    assert!(!bench.works(&second));
}

#[test]
fn tokens_can_be_jwts_that_say_who_and_until_when() {
    let mut bench = Bench::new();
    bench.ledger.settings.jwt = true;
    let tokens = bench.sign_in();
    let claims = jwt::claims(&tokens.access_token);
    assert_eq!(claims["sub"], "alice");
    assert_eq!(claims["exp"], 1_000_300);
    assert!(tokens.access_token.contains(".rh-at-"), "still recognisable");
    assert!(bench.works(&tokens));
    let id = jwt::claims(&tokens.id_token.unwrap());
    assert_eq!(id["email"], "alice@rehearsal.invalid");
    assert_eq!(id["aud"], REHEARSAL_CLIENT);
}
