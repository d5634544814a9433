//! What `doctor` says of logins and vendors.

use super::*;

#[test]
fn what_an_interrupted_refresh_left_is_told() {
    let (_town, house) = signed_in();
    fs::write(house.path("auth.json.recovery.something"), "x").unwrap();
    exactly(
        &house.run("doctor --json"),
        "recovery",
        "warn",
        "left by an interrupted refresh",
        "no stored login",
    );
}

#[test]
fn a_revoked_login_fails_with_the_command_to_sign_in_again() {
    let (town, house) = signed_in();
    town.control.revoke_families();
    house.expire("rehearsal", "host");
    house.run("auth token rehearsal").exits(3);
    let ran = house.run("doctor --json");
    exactly(
        &ran,
        "tenants",
        "fail",
        "is invalidated",
        "agent-host auth login rehearsal`",
    );
    assert_eq!(ran.json()["tenants"][0]["state"], "invalidated");
    house.sign_in(&town, "alice", "");
    house.run("doctor").exits(0);
}

#[test]
fn an_unreadable_entry_fails_and_so_does_one_that_is_over_for_good() {
    let (_town, house) = signed_in();
    house.change_grant("rehearsal", "host", |grant| {
        grant["expires_at_ms"] = 2_000_000.into();
        grant.as_object_mut().unwrap().remove("refresh_token");
    });
    exactly(
        &house.run("doctor --json"),
        "tenants",
        "fail",
        "has no refresh token",
        "agent-host auth login rehearsal",
    );
    house.change_grant("rehearsal", "host", |grant| {
        *grant = serde_json::json!({ "type": "oauth" });
    });
    exactly(
        &house.run("doctor --json"),
        "tenants",
        "fail",
        "is unreadable",
        "agent-host auth login rehearsal",
    );
}

#[test]
fn a_stale_login_that_renews_itself_is_fine_and_probe_refreshes_it() {
    let (_town, house) = signed_in();
    house.expire("rehearsal", "host");
    let report = house.run("doctor --json").exits(0).json();
    assert_eq!(report["tenants"][0]["state"], "expired");
    let report = house.run("doctor --json --probe").exits(0).json();
    assert_eq!(report["tenants"][0]["state"], "valid");
    let probe = &report["checks"][0];
    assert_eq!(probe["message"], "refreshed rehearsal", "{report:#}");
}

#[test]
fn a_pending_sign_in_is_shown_and_one_that_can_not_be_read_is_told() {
    let (_town, house) = signed_in();
    house.run("auth begin rehearsal --user bob").exits(0);
    let human = house.run("doctor").exits(0).out;
    assert!(
        human.contains("waiting for the second step: local:bob to rehearsal"),
        "{human}"
    );
    let mut store = house.store();
    store["pending"] = serde_json::json!({ "rehearsal": { "local:bob": { "type": "other" } } });
    fs::write(house.path("auth.json"), store.to_string()).unwrap();
    exactly(
        &house.run("doctor --json"),
        "pending",
        "warn",
        "can't be read",
        "begin it again",
    );
}

#[test]
fn a_client_secret_that_is_not_set_is_told() {
    let (_town, house) = signed_in();
    let house = house.configured(
        "[vendors.acme]\ngrant = \"device\"\ndevice_url = \"https://a.example/d\"\n\
         token_url = \"https://a.example/t\"\nclient_id = \"c\"\nclient_secret_env = \"ACME_SECRET\"\n",
    );
    exactly(
        &house.run("doctor --json"),
        "vendors",
        "warn",
        "ACME_SECRET, which is not set",
        "set ACME_SECRET",
    );
    house.with("ACME_SECRET", "s").run("doctor").exits(0);
}

#[test]
fn a_key_that_comes_before_a_stored_login_is_told() {
    let house = House::new();
    house.run_with_stdin("auth login openai", "sk-test-1\n").exits(0);
    let house = house.with("OPENAI_API_KEY", "sk-env");
    let ran = house.run("doctor --json");
    exactly(
        &ran,
        "environment",
        "warn",
        "OPENAI_API_KEY is set and comes before the host's login",
        "unset it",
    );
    assert!(!ran.out.contains("sk-"), "{ran:?}");
}

#[test]
fn a_vendor_that_is_away_is_told() {
    let (town, house) = signed_in();
    drop(town);
    exactly(
        &house.run("doctor --json --probe"),
        "clock",
        "warn",
        "could not ask rehearsal",
        "check the network",
    );
}
