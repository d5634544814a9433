//! `auth list`, `auth logout` and `auth repair`.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

use rehearsal::Counter;

use crate::house::{House, Town};

#[test]
fn an_empty_list_says_what_to_do() {
    let ran = House::new()
        .run("auth list")
        .exits(0)
        .tells(&["nobody has signed in", "hint: "]);
    assert!(ran.out.is_empty(), "{ran:?}");
    assert_eq!(
        House::new().run("auth list --json").exits(0).out,
        "{\"tenants\":[],\"refused_variables\":[]}\n"
    );
}

#[test]
fn the_list_and_the_doctor_show_the_same_states_and_no_token() {
    let town = Town::start();
    let house = House::in_town(&town);
    house.sign_in(&town, "alice", "");
    house.sign_in(&town, "bob", "--owner user");
    house.expire("rehearsal", "local:bob");
    let list = house.run("auth list --json").exits(0);
    let doctor = house.run("doctor --json");
    assert_eq!(list.json()["tenants"], doctor.json()["tenants"]);
    let states: Vec<_> = list.json()["tenants"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["state"].clone())
        .collect();
    assert_eq!(states, ["valid", "expired"]);
    let human = house.run("auth list").exits(0).out;
    assert!(human.starts_with("tenant     owner      state"), "{human}");
    assert!(human.contains("alice@rehearsal.invalid"), "{human}");
    let store = house.store();
    for owner in ["host", "local:bob"] {
        for name in ["access_token", "refresh_token"] {
            let secret = store["tenants"]["rehearsal"][owner][name]
                .as_str()
                .unwrap()
                .to_owned();
            for shown in [&list.out, &doctor.out, &human, &house.run("doctor").out] {
                assert!(!shown.contains(&secret[..12]), "{shown}");
            }
        }
    }
}

#[test]
fn a_sign_out_is_told_to_the_vendor() {
    let town = Town::start();
    let house = House::in_town(&town);
    house.sign_in(&town, "alice", "");
    house.sign_in(&town, "bob", "--owner user");
    house
        .run("auth logout rehearsal --user bob")
        .exits(0)
        .tells(&["signed out of rehearsal (local:bob), and the vendor has ended it"]);
    assert_eq!(town.count(Counter::Revocations), 1);
    house.run("auth token rehearsal").exits(0);
    house
        .run("auth logout rehearsal")
        .exits(0)
        .tells(&["signed out of rehearsal (host)"]);
    assert_eq!(town.count(Counter::FamiliesRevoked), 2);
    house
        .run("auth logout rehearsal")
        .exits(0)
        .tells(&["there was no login to rehearsal (host)"]);
    assert!(
        house.path("auth.json").exists(),
        "the last sign-out leaves a valid empty file"
    );
    house.run("auth token rehearsal").exits(3);
}

#[test]
fn a_vendor_that_can_not_be_told_is_said() {
    let town = Town::start();
    let house = House::in_town(&town);
    house.sign_in(&town, "alice", "");
    drop(town);
    house
        .run("auth logout rehearsal")
        .exits(0)
        .tells(&["signed out of rehearsal (host), here only: the vendor could not be told"]);
    house.run("auth token rehearsal").exits(3);
}

#[test]
fn repair_moves_a_corrupt_store_aside_and_loses_nothing() {
    let house = House::new();
    fs::write(house.path("auth.json"), "{ torn").unwrap();
    fs::set_permissions(house.path("auth.json"), Permissions::from_mode(0o644)).unwrap();
    let ran = house.run("auth repair").exits(0).tells(&[
        "had mode 644; it is 600 now",
        "was moved to `",
        "hint: sign in again",
    ]);
    let aside = ran
        .err
        .split("was moved to `")
        .nth(1)
        .unwrap()
        .split('`')
        .next()
        .unwrap();
    assert_eq!(fs::read_to_string(aside).unwrap(), "{ torn");
    house.run("doctor").exits(0);
    house.run("auth repair").exits(0).tells(&["nothing needs repair"]);
}

#[test]
fn repair_names_what_interrupted_refreshes_left_and_keeps_it() {
    let house = House::new();
    let leftover = house.path("auth.json.recovery.something");
    fs::write(&leftover, "x").unwrap();
    house.run("auth repair").exits(0).tells(&[
        "auth.json.recovery.something",
        "is kept",
        "no stored login belongs to it",
    ]);
    assert!(leftover.exists());
}

#[test]
fn repair_leaves_a_store_of_a_newer_version_alone() {
    let house = House::new();
    fs::write(house.path("auth.json"), r#"{"version":99,"tenants":{}}"#).unwrap();
    house.run("auth repair").exits(1).tells(&[
        "has version 99",
        "hint: use the version of agent-host that wrote it",
    ]);
    assert!(house.path("auth.json").exists());
}
