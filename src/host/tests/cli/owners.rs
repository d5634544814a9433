//! Two users of one machine, most likely root and a service: nobody makes files where the other could not open them.

#![expect(
    clippy::print_stderr,
    reason = "a test that could not be done must not look like one that was"
)]

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::process::Output;

use nix::unistd::{chown, geteuid};

use crate::house::{House, Town};

/// `daemon`, where it has a name.
const SERVICE: u32 = 1;

/// Only root can give files away.
fn may_give_away() -> bool {
    let may = geteuid().is_root();
    if !may {
        eprintln!("not tested: giving a file away needs root");
    }
    may
}

/// Runs the program as the service; `None` where its user may not read this build.
fn as_service(house: &House, arguments: &[&str]) -> Option<Output> {
    let spawned = house.command(arguments).uid(SERVICE).gid(SERVICE).output();
    if spawned.is_err() {
        eprintln!("not tested: another user may not read this build");
    }
    spawned.ok()
}

#[test]
fn who_would_write_into_another_users_state_is_refused_before_anything_is_written() {
    if !may_give_away() {
        return;
    }
    let town = Town::start();
    let house = House::in_town(&town);
    chown(house.home(), Some(SERVICE.into()), Some(SERVICE.into())).unwrap();
    for line in [
        "auth begin rehearsal",
        "auth login rehearsal",
        "auth logout rehearsal",
        "auth repair",
        "up --listen 192.0.2.1:7878",
    ] {
        house.run(line).exits(1).tells(&[
            "belongs to user id 1, this program runs as 0",
            "hint: run this as its owner, `sudo -u ",
            &format!("AGENT_HOST_HOME={}", house.home().display()),
        ]);
        let made = fs::read_dir(house.home()).unwrap().count();
        assert_eq!(made, 0, "{line}");
    }
    // Who only looks may.
    house.run("auth list").exits(0);
}

#[test]
fn a_service_whose_logins_root_made_does_not_start_and_says_whose_they_are() {
    if !may_give_away() {
        return;
    }
    let town = Town::start();
    let house = House::in_town(&town);
    house.sign_in(&town, "alice", "");
    chown(house.home(), Some(SERVICE.into()), Some(SERVICE.into())).unwrap();
    let store = fs::metadata(house.path("auth.json")).unwrap();
    assert_eq!((store.uid(), store.permissions().mode() & 0o777), (0, 0o600));
    for line in ["status", "auth list", "doctor", "up --listen 192.0.2.1:7878"] {
        let arguments: Vec<&str> = line.split(' ').collect();
        let Some(ran) = as_service(&house, &arguments) else {
            return;
        };
        let told = String::from_utf8([ran.stdout, ran.stderr].concat()).unwrap();
        assert_eq!(ran.status.code(), Some(1), "{line}: {told}");
        let whose = "auth.json` belongs to user id 0, this program runs as 1";
        assert!(told.contains(whose), "{line}: {told}");
        assert!(
            told.contains("root gives it back with `chown -R "),
            "{line}: {told}"
        );
    }
}
