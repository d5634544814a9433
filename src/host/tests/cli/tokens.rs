//! `auth token`: whose login pays, what is printed, and which exit code says what.

use rehearsal::{Counter, Fault, FaultRule, Target};

use crate::house::{House, Town};

#[test]
fn a_token_is_alone_on_standard_output() {
    let town = Town::start();
    let house = House::in_town(&town);
    house.sign_in(&town, "alice", "");
    let stored = house.store()["tenants"]["rehearsal"]["host"]["access_token"].clone();
    let ran = house.run("auth token rehearsal").exits(0);
    assert_eq!(ran.out, format!("{}\n", stored.as_str().unwrap()));
    assert!(ran.err.is_empty(), "{ran:?}");
}

#[test]
fn json_tells_everything_about_the_token() {
    let town = Town::start();
    let house = House::in_town(&town);
    house.sign_in(&town, "alice", "--owner user");
    let token = house
        .run("auth token rehearsal --user alice --json")
        .exits(0)
        .json();
    assert_eq!(token["token_type"], "Bearer");
    assert_eq!(
        (&token["source"], &token["owner"]),
        (&"own".into(), &"local:alice".into())
    );
    assert_eq!(token["account"]["label"], "alice@rehearsal.invalid");
    assert!(
        (290..=300).contains(&token["expires_in_s"].as_i64().unwrap()),
        "{token}"
    );
    assert!(token["expires_at"].as_str().unwrap().ends_with('Z'), "{token}");
    assert!(
        token["scopes"]
            .as_array()
            .unwrap()
            .contains(&"offline_access".into()),
        "{token}"
    );
    let key = House::new().with("OPENAI_API_KEY", "sk-env");
    let token = key.run("auth token openai --json").exits(0).json();
    assert_eq!(token["source"], "env:OPENAI_API_KEY");
    assert!(
        token["expires_at"].is_null() && token["expires_in_s"].is_null(),
        "{token}"
    );
}

#[test]
fn a_stale_token_is_refreshed_once_and_a_rejected_one_is_replaced() {
    let town = Town::start();
    let house = House::in_town(&town);
    house.sign_in(&town, "alice", "");
    house.expire("rehearsal", "host");
    let first = house.run("auth token rehearsal").exits(0).out;
    assert_eq!(house.run("auth token rehearsal").exits(0).out, first);
    assert_eq!(town.count(Counter::RefreshRequests), 1);
    let second = house
        .run_with_stdin("auth token rehearsal --rejected-stdin", &first)
        .exits(0)
        .out;
    assert_ne!(first, second);
    let again = house
        .run_with_stdin("auth token rehearsal --rejected-stdin", &first)
        .exits(0)
        .out;
    assert_eq!(second, again, "the replacement is adopted, not replaced again");
    assert_eq!(town.count(Counter::RefreshRequests), 2);
    house.run("auth token rehearsal --rejected-stdin").exits(2);
}

#[test]
fn a_longer_life_is_had_by_refreshing() {
    let town = Town::start();
    let house = House::in_town(&town);
    house.sign_in(&town, "alice", "");
    let before = house.run("auth token rehearsal").exits(0).out;
    assert_eq!(
        house.run("auth token rehearsal --min-ttl 200").exits(0).out,
        before
    );
    house.change_grant("rehearsal", "host", |grant| {
        let earlier = grant["expires_at_ms"].as_i64().unwrap() - 100_000;
        grant["expires_at_ms"] = earlier.into();
        grant["obtained_at_ms"] = (earlier - 300_000).into();
    });
    assert_eq!(house.run("auth token rehearsal").exits(0).out, before);
    assert_ne!(
        house.run("auth token rehearsal --min-ttl 230").exits(0).out,
        before
    );
}

#[test]
fn a_scope_that_the_login_lacks_needs_a_person() {
    let town = Town::start();
    let house = House::in_town(&town);
    house.sign_in(&town, "alice", "");
    house
        .run("auth token rehearsal --scope openid --scope profile")
        .exits(0);
    house.run("auth token rehearsal --scope admin").exits(3).tells(&[
        "lacks the scope admin",
        "hint: sign in with `AGENT_HOST_HOME=",
        "agent-host auth login rehearsal`",
    ]);
}

#[test]
fn own_login_then_key_then_long_lived_token_then_host_login() {
    let town = Town::start();
    let source = |house: &House, line: &str| {
        house.run(line).exits(0).json()["source"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let house = House::in_town(&town);
    house.sign_in(&town, "host-admin", "");
    assert_eq!(source(&house, "auth token rehearsal --user alice --json"), "host");
    house.sign_in(&town, "alice", "--owner user");
    assert_eq!(source(&house, "auth token rehearsal --user alice --json"), "own");
    assert_eq!(source(&house, "auth token rehearsal --json"), "host");

    let both = House::new()
        .with("ANTHROPIC_API_KEY", "k")
        .with("CLAUDE_CODE_OAUTH_TOKEN", "t");
    assert_eq!(
        source(&both, "auth token anthropic --json"),
        "env:ANTHROPIC_API_KEY"
    );
    let token = House::new().with("CLAUDE_CODE_OAUTH_TOKEN", "t");
    assert_eq!(
        source(&token, "auth token anthropic --json"),
        "env:CLAUDE_CODE_OAUTH_TOKEN"
    );
    token
        .run_with_stdin("auth login anthropic --user alice --owner user", "sk-her-own\n")
        .exits(0);
    assert_eq!(source(&token, "auth token anthropic --user alice --json"), "own");
    assert_eq!(
        source(&token, "auth token anthropic --user bob --json"),
        "env:CLAUDE_CODE_OAUTH_TOKEN"
    );
}

#[test]
fn an_own_login_that_is_dead_is_never_passed_over() {
    let town = Town::start();
    let house = House::in_town(&town);
    house.sign_in(&town, "admin", "");
    house.sign_in(&town, "alice", "--owner user");
    house.change_grant("rehearsal", "local:alice", |grant| {
        grant["expires_at_ms"] = 2_000_000.into();
        grant.as_object_mut().unwrap().remove("refresh_token");
    });
    house.run("auth token rehearsal --user alice").exits(3).tells(&[
        "login required for rehearsal of local:alice",
        "hint: sign in with `AGENT_HOST_HOME=",
        "agent-host auth begin rehearsal --user local:alice`",
    ]);
    house.run("auth token rehearsal --user bob").exits(0);
}

#[test]
fn a_user_without_a_login_is_told_both_ways() {
    House::new()
        .run("auth token codex --user discord:1")
        .exits(3)
        .tells(&[
            "error: login required for codex: nobody has signed in",
            "agent-host auth login codex` for the host",
            "agent-host auth begin codex --user discord:1` for discord:1 alone",
        ]);
}

#[test]
fn a_refused_environment_key_is_told_by_its_name() {
    let house = House::new().with("OPENAI_API_KEY", "sk-env");
    assert_eq!(house.run("auth token openai").exits(0).out, "sk-env\n");
    let ran = house
        .run_with_stdin("auth token openai --rejected-stdin", "sk-env\n")
        .exits(3)
        .tells(&["OPENAI_API_KEY", "hint: put a valid one into OPENAI_API_KEY"]);
    assert!(!ran.err.contains("sk-env"), "{ran:?}");
    house
        .run_with_stdin("auth token openai --rejected-stdin", "sk-other\n")
        .exits(0);
}

#[test]
fn a_vendor_that_is_away_is_exit_4_and_a_dead_login_exit_3() {
    let town = Town::start();
    let house = House::in_town(&town);
    house.sign_in(&town, "alice", "");
    house.expire("rehearsal", "host");
    let fault = Fault::Status {
        status: 503,
        retry_after: None,
        error: None,
        error_description: None,
        body: None,
    };
    let rule = FaultRule {
        target: Target::Refresh,
        times: None,
        fault,
    };
    town.control.add_fault(rule).unwrap();
    house
        .run("auth token rehearsal")
        .exits(4)
        .tells(&["error: no token for rehearsal now", "hint: try again"]);
    town.control.clear_faults();
    town.control.revoke_families();
    let stored = house.store()["tenants"]["rehearsal"]["host"]["access_token"].clone();
    // Another login, so that the pause after the failure does not count.
    house.sign_in(&town, "alice", "");
    town.control.revoke_families();
    house.expire("rehearsal", "host");
    assert_ne!(
        house.store()["tenants"]["rehearsal"]["host"]["access_token"],
        stored
    );
    house.run("auth token rehearsal").exits(3).tells(&[
        "the vendor refused the refresh token",
        "hint: sign in with `AGENT_HOST_HOME=",
        "agent-host auth login rehearsal`",
    ]);
}

#[test]
fn a_corrupt_store_is_told_with_the_way_out() {
    let house = House::new();
    std::fs::write(house.path("auth.json"), "{").unwrap();
    house.run("auth token codex").exits(1).tells(&[
        "is corrupt",
        "hint: run `AGENT_HOST_HOME=",
        "agent-host auth repair`",
    ]);
}
