//! `doctor`: green when all is well; for each check, what breaks exactly that thing turns exactly that check.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use rehearsal::SettingsChange;
use serde_json::Value;

use crate::house::{House, Ran, Town};

mod agents;
mod files;
mod logins;
mod state;
mod unreadable;

/// Every check without `--probe`.
const CHECKS: [&str; 19] = [
    "folder",
    "file",
    "filesystem",
    "locks",
    "recovery",
    "tenants",
    "pending",
    "environment",
    "clock",
    "agents",
    "config",
    "vendors",
    "state",
    "worker",
    "host",
    "cage",
    "root",
    "memory",
    "descriptors",
];

/// A house with one login.
fn signed_in() -> (Town, House) {
    let town = Town::start();
    let house = House::in_town(&town);
    house.sign_in(&town, "alice", "");
    (town, house)
}

fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// The checks that are not `ok`, by name. Left out: `root`, because tests run as root in some places, `agents`, because
/// most houses here only keep logins, and the page's usual port, where a host of this machine may listen.
fn troubled(report: &Value) -> BTreeMap<String, Value> {
    let checks = report["checks"].as_array().unwrap().iter();
    let usual = |check: &Value| {
        check["message"]
            .as_str()
            .is_some_and(|said| said.contains("127.0.0.1:7878"))
    };
    let odd = checks.filter(|check| {
        check["status"] != "ok" && check["name"] != "root" && check["name"] != "agents" && !usual(check)
    });
    odd.map(|check| (check["name"].as_str().unwrap().to_owned(), check.clone()))
        .collect()
}

/// Asserts that exactly this check is troubled, with this status, and that words and hint say so.
#[track_caller]
fn exactly(ran: &Ran, name: &str, status: &str, message: &str, hint: &str) {
    let report = ran.json();
    let troubled = troubled(&report);
    assert_eq!(troubled.keys().collect::<Vec<_>>(), [name], "{report:#}");
    let check = &troubled[name];
    assert_eq!(check["status"], status, "{check:#}");
    assert!(check["message"].as_str().unwrap().contains(message), "{check:#}");
    assert!(
        check["hint"].as_str().unwrap_or_default().contains(hint),
        "{check:#}"
    );
    let failed = status == "fail";
    assert_eq!(
        (ran.code == 1, report["ok"] == false),
        (failed, failed),
        "{report:#}"
    );
}

#[test]
fn all_is_well_with_a_valid_login() {
    let (_town, house) = signed_in();
    let ran = house.run("doctor --json").exits(0);
    let report = ran.json();
    assert!(troubled(&report).is_empty(), "{report:#}");
    let names: Vec<_> = report["checks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|check| check["name"].clone())
        .collect();
    for check in CHECKS {
        assert!(names.contains(&check.into()), "{check} is missing");
    }
    assert_eq!(names.len(), CHECKS.len());
    let tenant = &report["tenants"][0];
    assert_eq!(
        (&tenant["tenant"], &tenant["owner"]),
        (&"rehearsal".into(), &"host".into())
    );
    assert_eq!(
        (&tenant["state"], &tenant["refreshable"]),
        (&"valid".into(), &true.into())
    );
    assert!(tenant["expires_in_s"].as_i64().unwrap() > 200, "{tenant}");
    let human = house.run("doctor").exits(0).out;
    assert_eq!(human.lines().last(), Some("ok"), "{human}");
    assert!(
        !human.contains('\u{1b}'),
        "no colours without a terminal: {human}"
    );
}

#[test]
fn root_is_told() {
    let report = House::new().run("doctor --json").exits(0).json();
    let checks = report["checks"].as_array().unwrap();
    let root = checks.iter().find(|check| check["name"] == "root").unwrap();
    assert_eq!(root["status"], if is_root() { "warn" } else { "ok" });
}

#[test]
fn a_wrong_configuration_fails_with_its_line() {
    let (_town, house) = signed_in();
    let house = house.configured("[log]\nfilter = 3\n");
    exactly(
        &house.run("doctor --json"),
        "config",
        "fail",
        "config.toml:2: log.filter",
        "config check",
    );
}

#[test]
fn a_clock_that_is_off_is_told_by_how_much() {
    let (town, house) = signed_in();
    let skew = |seconds| {
        town.control.set(SettingsChange {
            date_skew_s: Some(seconds),
            ..SettingsChange::default()
        });
        house.run("doctor --json --probe")
    };
    assert!(troubled(&skew(0).json()).is_empty());
    exactly(
        &skew(120),
        "clock",
        "warn",
        "behind that of rehearsal",
        "set the clock",
    );
    exactly(
        &skew(-3600),
        "clock",
        "fail",
        "ahead of that of rehearsal",
        "set the clock",
    );
}

#[test]
fn too_few_open_files_are_told() {
    let house = House::new();
    let output = std::process::Command::new("/bin/sh")
        .args([
            "-c",
            "ulimit -n 256; exec \"$0\" doctor --json",
            env!("CARGO_BIN_EXE_agent-host"),
        ])
        .env_clear()
        .env("AGENT_HOST_HOME", house.home())
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let troubled = troubled(&report);
    assert_eq!(troubled.keys().collect::<Vec<_>>(), ["descriptors"], "{report:#}");
    assert_eq!(troubled["descriptors"]["status"], "warn");
}

#[test]
fn two_doctors_at_one_moment_are_not_in_each_others_way() {
    // What another doctor holds while it looks: an address that is taken and not listened on.
    let other = tokio::net::TcpSocket::new_v4().unwrap();
    other.set_reuseaddr(true).unwrap();
    other.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let house = House::new();
    let listen = format!("[web]\nlisten = \"{}\"\n", other.local_addr().unwrap());
    fs::write(house.home().join("config.toml"), listen).unwrap();
    let report = house.run("doctor --json").json();
    assert!(troubled(&report).is_empty(), "{report:#}");
}

#[test]
fn a_page_whose_port_is_taken_is_told() {
    let house = House::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    fs::write(
        house.home().join("config.toml"),
        format!("[web]\nlisten = \"{address}\"\n"),
    )
    .unwrap();
    exactly(
        &house.run("doctor --json"),
        "host",
        "warn",
        &format!("could not listen on {address}"),
        "--listen 127.0.0.1:0",
    );
}
