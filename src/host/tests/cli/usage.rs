//! Help, wrong command lines, exit codes, and what happens when nobody listens.

use std::fs::{self, OpenOptions};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::house::House;

#[test]
fn help_is_data_and_teaches_by_example() {
    let house = House::new();
    for (line, example) in [
        ("--help", "agent-host demo"),
        ("auth --help", "agent-host auth begin codex --user alice"),
        ("auth begin --help", "--grant device"),
        (
            "auth complete --help",
            "xclip -o | agent-host auth complete codex",
        ),
        ("auth login --help", "agent-host auth login codex"),
        ("auth token --help", "--rejected-stdin"),
        ("auth list --help", "invalidated"),
        ("auth logout --help", "agent-host auth logout codex"),
        ("auth repair --help", "agent-host auth repair"),
        ("doctor --help", "agent-host doctor --probe"),
        ("config --help", "agent-host config example > config.toml"),
        ("rehearsal --help", "agent-host rehearsal"),
        ("demo --help", "agent-host demo --storm 32"),
    ] {
        let ran = house.run(line).exits(0);
        assert!(ran.out.contains(example), "{line}: {}", ran.out);
        assert!(ran.err.is_empty(), "{line}: {}", ran.err);
        assert!(!ran.out.contains("probe-lock"), "{line}");
    }
    assert_eq!(
        house.run("--version").exits(0).out,
        format!("agent-host {}\n", env!("CARGO_PKG_VERSION"))
    );
}

/// The command that a hint tells.
fn told(err: &str) -> String {
    let hint = err.lines().find(|line| line.starts_with("hint: ")).expect(err);
    hint.split('`').nth(1).expect(err).to_owned()
}

#[test]
fn a_command_that_is_told_works_where_it_is_pasted() {
    let house = House::new().configured("[web\n");
    fs::write(house.path("other.toml"), "[web\n").unwrap();
    let pasted = |command: &str| {
        let program = Path::new(env!("CARGO_BIN_EXE_agent-host")).parent().unwrap();
        let mut shell = Command::new("sh");
        shell.args(["-c", command]).env_clear().env("HOME", "/nowhere");
        let shell = shell.env("PATH", format!("{}:/usr/bin:/bin", program.display()));
        String::from_utf8(shell.output().unwrap().stdout).unwrap()
    };
    for name in ["config.toml", "other.toml"] {
        let config = house.path(name).display().to_string();
        let ran = match name {
            "config.toml" => house.run("up"),
            _ => house.run(&format!("--config {config} up")),
        };
        let command = told(&ran.exits(1).err);
        assert!(command.ends_with("config check"), "{command}");
        let checked = pasted(&command);
        assert!(checked.contains(&format!("{config}:1")), "{command}: {checked}");
    }
    // At the usual places nothing is put before it.
    let mut command = house.command(&["up"]);
    command
        .env_remove("AGENT_HOST_HOME")
        .env("XDG_STATE_HOME", house.home());
    fs::create_dir(house.path("agent-host")).unwrap();
    fs::rename(house.path("config.toml"), house.path("agent-host/config.toml")).unwrap();
    let output = command.env("XDG_CONFIG_HOME", house.home()).output().unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(told(&err), "agent-host config check");
}

#[test]
fn a_command_line_that_means_nothing_exits_2_and_prints_no_data() {
    let house = House::new();
    for line in [
        "",
        "nonsense",
        "auth",
        "auth begin",
        "auth begin codex --user a --owner nobody",
        "auth begin codex --user slack:1",
        "auth token",
        "auth token codex extra",
        "auth token mcp:",
        "auth token codex --min-ttl soon",
        "auth list --user a",
        "config",
        "rehearsal --listen here",
        "rehearsal --listen 0.0.0.0:0",
        "demo --storm 0",
        "demo --access-ttl 0",
        "rehearsal --access-ttl 0",
        "doctor --jsn",
    ] {
        let ran = house.run(line).exits(2);
        assert!(ran.out.is_empty(), "{line}: {ran:?}");
        assert!(!ran.err.is_empty(), "{line}");
    }
    house.run("doctor --jsn").tells(&["--json"]);
}

#[test]
fn an_unknown_tenant_is_told_with_those_that_are_known() {
    let house = House::new();
    for line in [
        "auth token acme",
        "auth begin acme --user a",
        "auth login acme",
        "auth complete acme --user a",
    ] {
        house.run(line).exits(1).tells(&[
            "error: unknown tenant `acme`",
            "hint: known: anthropic, codex, openai, rehearsal; add any other as `[vendors.acme]`",
        ]);
    }
}

/// Data is what `--json` promises, whatever happens.
#[test]
fn a_verb_that_fails_tells_it_to_machines_in_one_line_too() {
    let house = House::new();
    let missing = "--json --config /nowhere/at.toml";
    let why = "could not read the configuration `/nowhere/at.toml`";
    for (line, code, what) in [
        (format!("config check {missing}"), 1, why),
        (format!("doctor {missing}"), 1, why),
        (format!("status {missing}"), 1, why),
        (format!("threads list {missing}"), 1, why),
        (format!("auth list {missing}"), 1, why),
        (
            "threads show web:a --json".to_owned(),
            1,
            "there are no threads in",
        ),
        (
            "threads skip web:a --json".to_owned(),
            1,
            "there are no threads in",
        ),
        ("auth begin acme --json".to_owned(), 1, "unknown tenant `acme`"),
        ("auth login acme --json".to_owned(), 1, "unknown tenant `acme`"),
        ("auth complete codex --json".to_owned(), 1, "no sign-in"),
        (
            "auth token codex --json".to_owned(),
            3,
            "login required for codex",
        ),
    ] {
        let ran = house.run(&line).exits(code);
        let told = ran.json();
        assert_eq!(told["ok"], false, "{line}: {told}");
        let error = &told["errors"][0];
        let words = error["what"].as_str().unwrap();
        assert!(words.starts_with(what), "{line}: {told}");
        assert!(error["hint"].is_string(), "{line}: {told}");
        ran.tells(&[&format!("error: {words}"), "hint: "]);
    }
}

#[test]
fn a_slip_is_told_with_what_was_most_likely_meant() {
    let house = House::new();
    house
        .run("auth token codx")
        .exits(1)
        .tells(&["hint: did you mean `codex`? known: "]);
    for slip in ["localhost:7878", "7878", "127.0.0.1"] {
        for verb in ["up", "demo", "rehearsal"] {
            let ran = house.run(&format!("{verb} --listen {slip}")).exits(2);
            ran.tells(&["must be an IP address and a port, such as 127.0.0.1:7878"]);
        }
    }
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = House::new()
        .command(&["config", "example"])
        .stdout(Stdio::from(writer))
        .output()
        .unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), told.as_str()), (Some(0), ""));
}

#[test]
fn data_that_can_not_be_written_is_an_error() {
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = House::new()
        .command(&["config", "example"])
        .stdout(Stdio::from(full))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(
        told.starts_with("error: could not write to standard output"),
        "{told}"
    );
}

#[test]
fn without_any_home_the_way_out_is_told() {
    let output = House::new()
        .command(&["auth", "list"])
        .env_remove("AGENT_HOST_HOME")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("hint: set AGENT_HOST_HOME"), "{told}");
}
