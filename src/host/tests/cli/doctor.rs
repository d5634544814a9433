//! `doctor`: green when all is well; for each check, what breaks exactly that thing turns exactly that check.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use rehearsal::SettingsChange;
use serde_json::Value;

use crate::house::{House, Ran, Town};

mod unreadable;

/// Every check without `--probe`.
const CHECKS: [&str; 18] = [
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

/// The checks that are not `ok`, by name. Left out: `root`, because tests run as root in some places, and `agents`,
/// because most houses here only keep logins.
fn troubled(report: &Value) -> BTreeMap<String, Value> {
    let checks = report["checks"].as_array().unwrap().iter();
    let odd = checks
        .filter(|check| check["status"] != "ok" && check["name"] != "root" && check["name"] != "agents");
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
fn a_file_that_others_may_read_fails_with_the_command_that_mends_it() {
    let (_town, house) = signed_in();
    let path = house.path("auth.json");
    chmod(&path, 0o644);
    let hint = format!("chmod 600 {}", path.display());
    exactly(&house.run("doctor --json"), "file", "fail", "has mode 644", &hint);
    let human = house.run("doctor").exits(1).out;
    assert!(human.contains(&format!("hint: {hint}")), "{human}");
    assert_eq!(human.lines().last(), Some("1 problem"), "{human}");
    chmod(&path, 0o600);
    house.run("doctor").exits(0);
}

#[test]
fn a_truncated_file_fails_and_so_does_a_newer_version() {
    let (_town, house) = signed_in();
    let path = house.path("auth.json");
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    exactly(
        &house.run("doctor --json"),
        "file",
        "fail",
        "is corrupt",
        "agent-host auth repair",
    );
    fs::write(&path, r#"{"version":99,"tenants":{}}"#).unwrap();
    exactly(
        &house.run("doctor --json"),
        "file",
        "fail",
        "version 99",
        "the version of agent-host that wrote it",
    );
}

#[test]
fn a_folder_in_place_of_the_file_fails() {
    let house = House::new();
    fs::create_dir(house.path("auth.json")).unwrap();
    chmod(&house.path("auth.json"), 0o700);
    exactly(
        &house.run("doctor --json"),
        "file",
        "fail",
        "is a folder",
        "move it away",
    );
}

#[test]
fn a_file_of_somebody_else_fails() {
    // Only root can give files away.
    if !is_root() {
        eprintln!("not tested: giving a file away needs root");
        return;
    }
    let (_town, house) = signed_in();
    nix::unistd::chown(&house.path("auth.json"), Some(1.into()), None).unwrap();
    exactly(
        &house.run("doctor --json"),
        "file",
        "fail",
        "belongs to user id 1",
        "run as the file's owner",
    );
}

#[test]
fn a_link_is_fine_and_said() {
    let (_town, house) = signed_in();
    fs::create_dir(house.path("real")).unwrap();
    chmod(&house.path("real"), 0o700);
    fs::rename(house.path("auth.json"), house.path("real/auth.json")).unwrap();
    symlink("real/auth.json", house.path("auth.json")).unwrap();
    let human = house.run("doctor").exits(0).out;
    assert!(
        human.contains("real/auth.json` is private and whole (through the link `"),
        "{human}"
    );
}

#[test]
fn a_folder_that_others_may_look_into_fails() {
    let (_town, house) = signed_in();
    chmod(house.home(), 0o755);
    let hint = format!("chmod 700 {}", house.home().display());
    exactly(
        &house.run("doctor --json"),
        "folder",
        "fail",
        "has mode 755",
        &hint,
    );
}

#[test]
fn a_folder_of_somebody_else_fails() {
    // Only root can give folders away.
    if !is_root() {
        eprintln!("not tested: giving a file away needs root");
        return;
    }
    let (_town, house) = signed_in();
    nix::unistd::chown(house.home(), Some(1.into()), None).unwrap();
    exactly(
        &house.run("doctor --json"),
        "folder",
        "fail",
        "belongs to user id 1",
        "run as its owner",
    );
}

#[test]
fn a_state_folder_that_can_not_be_made_fails() {
    let house = House::new();
    fs::write(house.path("in-the-way"), "").unwrap();
    let home = house.path("in-the-way/state");
    let output = house
        .command(&["doctor", "--json"])
        .env("AGENT_HOST_HOME", home)
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        troubled(&report).keys().collect::<Vec<_>>(),
        ["folder"],
        "{report:#}"
    );
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn a_lock_that_can_not_be_taken_fails() {
    let (_town, house) = signed_in();
    fs::create_dir(house.path("auth.json.probe.lock")).unwrap();
    exactly(
        &house.run("doctor --json"),
        "locks",
        "fail",
        "could not try the lock",
        "check the folder",
    );
}

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
        "sign in again: agent-host auth login rehearsal",
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
    house
        .run_with_stdin("auth login openai --user alice", "sk-test-1\n")
        .exits(0);
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

/// What the check of the agents says with this configuration.
fn agents(config: &str) -> (Ran, Value) {
    let house = House::new();
    fs::write(house.home().join("config.toml"), config).unwrap();
    let ran = house.run("doctor --json");
    let report = ran.json();
    let check = report["checks"]
        .as_array()
        .unwrap()
        .iter()
        .find(|check| check["name"] == "agents");
    (ran, check.unwrap().clone())
}

#[test]
fn an_agent_of_new_threads_without_a_model_fails_and_without_any_configuration_it_is_only_said() {
    let (ran, check) = agents("[agents.native]\ninstructions = \"be brief\"\n");
    assert_eq!(
        (check["status"].as_str(), ran.code),
        (Some("fail"), 1),
        "{check:#}"
    );
    assert!(
        check["hint"]
            .as_str()
            .unwrap()
            .contains("set `model` in `[agents.native]`"),
        "{check:#}"
    );
    let (ran, check) = agents("");
    assert_eq!(
        (check["status"].as_str(), ran.code),
        (Some("warn"), 0),
        "{check:#}"
    );
}

#[test]
fn an_external_agent_that_is_not_installed_is_told() {
    let (ran, check) =
        agents("default_agent = \"codex\"\n[agents.codex]\ncommand = [\"no-such-agent-anywhere\"]\n");
    assert_eq!(
        (check["status"].as_str(), ran.code),
        (Some("fail"), 1),
        "{check:#}"
    );
    assert!(
        check["message"]
            .as_str()
            .unwrap()
            .contains("agent `codex` could not serve a thread: could not start `no-such-agent-anywhere`"),
        "{check:#}"
    );
}

#[test]
fn a_layer_that_the_host_does_without_is_told() {
    let house = House::new();
    fs::write(
        house.home().join("config.toml"),
        "[cage]\nwithout = [\"limits\"]\n",
    )
    .unwrap();
    exactly(
        &house.run("doctor --json"),
        "cage",
        "warn",
        "tools run without `limits`",
        "take it out of `without`",
    );
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
