//! The shape of the house: what may use what, how long a file may be, what may be committed, what a program links.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use serde_json::Value;

/// The rooms, lowest first: each may use only those before it (adr/0001-architecture.md).
const ROOMS: [&str; 12] = [
    "agent-host-credentials",
    "agent-host-conversation",
    "agent-host-cage",
    "agent-host-contract",
    "agent-host-native",
    "agent-host-rehearsal",
    "agent-host-discord-fake",
    "agent-host-gateway",
    "agent-host-supervisor",
    "agent-host-chat",
    "agent-host",
    "agent-host-tests",
];

/// What may stand at the top beside hidden files.
const TOP_LEVEL: [&str; 10] = [
    "CHANGELOG.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "README.md",
    "adr",
    "deploy",
    "src",
    "tests",
    "workers",
];

/// Above this a file holds more than one idea. Tests and SQL may be longer.
const LINES_PER_FILE: usize = 600;

/// Above this a decision is not being told but documented.
const LINES_PER_ADR: usize = 80;

/// What every decision record says, in any order.
const ADR_PARTS: [&str; 5] = [
    "status",
    "context",
    "decision",
    "consequences",
    "what would change our mind",
];

/// Crates and rooms that serve chats, the web or a database.
const HEAVY_CRATES: [&str; 6] = [
    "axum",
    "serenity",
    "tungstenite",
    "rusqlite",
    "libsqlite3_sys",
    "tokio_postgres",
];
/// Of these nobody uses this one.
const UNUSED: &str = "tokio_postgres";
const HEAVY_ROOMS: [&str; 2] = ["src/chat/", "src/rehearsal/"];

#[test]
fn no_room_uses_one_above_it() {
    let mut wrong = Vec::new();
    for package in workspace_members() {
        let room = text(&package["name"]);
        let Some(floor) = floor_of(&room) else {
            wrong.push(format!("{room} has no place in the order of rooms"));
            continue;
        };
        // Of every kind: a test that looks upwards closes the circle just as well.
        for dependency in package["dependencies"]
            .as_array()
            .expect("a list of dependencies")
        {
            let used = text(&dependency["name"]);
            let ours = !dependency["path"].is_null();
            if ours && floor_of(&used).is_none_or(|other| other >= floor) {
                wrong.push(format!("{room} uses {used}, which is not below it"));
            }
        }
    }
    none(&wrong);
}

#[test]
fn every_version_stands_in_the_one_table() {
    let mut wrong = Vec::new();
    for package in workspace_members() {
        let path = PathBuf::from(text(&package["manifest_path"]));
        let manifest: toml::Table = read(&path).parse().expect("cargo has read this manifest already");
        for (table, name, value) in dependencies(&manifest) {
            if value.get("workspace").and_then(toml::Value::as_bool) != Some(true) {
                wrong.push(format!(
                    "{}: [{table}] {name} does not say `workspace = true`",
                    short(&path)
                ));
            }
        }
    }
    none(&wrong);
}

#[test]
fn no_rust_file_is_longer_than_600_lines() {
    let files = files_to_be();
    let long = files
        .iter()
        .filter(|file| is_rust(file) && !is_test(file))
        .filter_map(|file| {
            let lines = read(&root().join(file)).lines().count();
            (lines > LINES_PER_FILE).then(|| format!("{file} has {lines} lines, {LINES_PER_FILE} at most"))
        });
    none(&long.collect::<Vec<_>>());
}

#[test]
fn nothing_that_is_ignored_is_tracked() {
    // Only the project's own rules: what a person ignores on their machine is no business of the project.
    none(&git(&[
        "ls-files",
        "-z",
        "--cached",
        "--ignored",
        "--exclude-per-directory=.gitignore",
    ]));
}

#[test]
fn the_top_level_holds_only_agreed_names() {
    let files = tracked();
    let names: BTreeSet<&str> = files.iter().filter_map(|file| file.split('/').next()).collect();
    let odd = names
        .into_iter()
        .filter(|name| !name.starts_with('.') && !TOP_LEVEL.contains(name));
    none(
        &odd.map(|name| format!("{name} is no agreed name"))
            .collect::<Vec<_>>(),
    );
}

#[test]
fn no_package_registry_host_or_machine_path_is_committed() {
    // In pieces, so that this file does not find itself.
    let hosts = [
        ["crates", "io"],
        ["npmjs", "org"],
        ["npmjs", "com"],
        ["pypi", "org"],
        ["pythonhosted", "org"],
        ["rubygems", "org"],
        ["golang", "org"],
    ];
    let folders = [["/home", ""], ["/root", ""], ["/Users", ""]];
    let mut banned: Vec<String> = hosts.iter().map(|pieces| pieces.join(".")).collect();
    banned.extend(folders.iter().map(|pieces| pieces.join("/")));
    banned.push(format!("{}/", root().display()));

    let mut wrong = Vec::new();
    for file in tracked().iter().filter(|file| *file != "Cargo.lock") {
        for (number, line) in read(&root().join(file)).lines().enumerate() {
            let found = banned.iter().filter(|name| line.contains(name.as_str()));
            wrong.extend(found.map(|name| format!("{file}:{}: names {name}", number + 1)));
        }
    }
    none(&wrong);
}

#[test]
fn adrs_are_short_and_have_their_parts() {
    let files = files_to_be();
    let papers: Vec<&String> = files.iter().filter(|file| file.starts_with("adr/")).collect();
    assert!(!papers.is_empty(), "there is no decision record in adr/");
    none(
        &papers
            .iter()
            .flat_map(|file| faults_of_adr(file, &read(&root().join(file))))
            .collect::<Vec<_>>(),
    );
}

#[test]
fn readme_commands_are_run_by_ci() {
    for file in ["README.md", ".ci/run"] {
        assert!(
            read(&root().join(file)).contains("tests/run"),
            "{file} does not say `tests/run`"
        );
    }
    for file in [".ci/run", "tests/run"] {
        let mode = fs::metadata(root().join(file))
            .expect("just read")
            .permissions()
            .mode();
        assert!(mode & 0o111 == 0o111, "{file} is not executable (mode {mode:o})");
    }
}

#[test]
fn the_worker_links_no_chat_web_or_database() {
    // The supervisor serves all of that: what the search does not find there, it finds nowhere.
    let supervisor = heavy_code_in("agent-host").join("\n").replace('-', "_");
    for name in HEAVY_CRATES.iter().chain(&HEAVY_ROOMS) {
        assert!(
            *name == UNUSED || supervisor.contains(name),
            "found no trace of {name} in agent-host: the search itself is broken"
        );
    }
    none(&heavy_code_in("agent-host-worker"));
}

/// Traces of heavy code in a program: mangled symbols and source paths, each once.
///
/// The program stands beside this test's folder; grep searches it, because an unoptimised search takes minutes.
fn heavy_code_in(program: &str) -> Vec<String> {
    let test = env::current_exe().expect("a test knows its own path");
    let path = test
        .ancestors()
        .nth(2)
        .expect("deps/ is in the profile's folder")
        .join(program);
    assert!(
        path.is_file(),
        "{} is not built: cargo build --workspace --all-targets",
        path.display()
    );

    let crates = HEAVY_CRATES.iter().flat_map(|name| {
        let folder = name.replace('_', "[-_]");
        [
            format!("[^0-9]{}{name}[^a-z_]", name.len()),
            format!("/{folder}-[0-9]+[.][0-9]+"),
        ]
    });
    let rooms = HEAVY_ROOMS.iter().map(|room| format!("{room}[a-z_/]*[.]rs"));
    let pattern = crates.chain(rooms).collect::<Vec<_>>().join("|");
    let found = Command::new("grep")
        .args([
            "--text",
            "--only-matching",
            "--extended-regexp",
            "-e",
            &pattern,
            "--",
        ])
        .arg(&path)
        .env("LC_ALL", "C")
        .output()
        .expect("grep can be started");
    assert!(
        found.status.code().is_some_and(|code| code < 2),
        "{}",
        String::from_utf8_lossy(&found.stderr)
    );
    let names: BTreeSet<String> = String::from_utf8_lossy(&found.stdout)
        .lines()
        .map(str::to_owned)
        .collect();
    names
        .into_iter()
        .map(|name| format!("{program} holds {name:?}"))
        .collect()
}

/// What is wrong with one decision record; nothing for a good one.
fn faults_of_adr(file: &str, paper: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let lines = paper.lines().count();
    if lines > LINES_PER_ADR {
        faults.push(format!("{file} has {lines} lines, {LINES_PER_ADR} at most"));
    }
    let number: String = file
        .trim_start_matches("adr/")
        .chars()
        .take_while(char::is_ascii_digit)
        .collect();
    if number.len() != 4 || !paper.lines().next().unwrap_or_default().contains(&number) {
        faults.push(format!(
            "{file}: the file name and the title do not begin with the same four digits"
        ));
    }
    // A part is a heading, or a line such as `Status: accepted`.
    let begins = |part: &str| {
        let plain = |line: &str| line.trim_start_matches(['#', '-', '*', ' ']).to_lowercase();
        paper.lines().any(|line| plain(line).starts_with(part))
    };
    let missing = ADR_PARTS.iter().filter(|part| !begins(part));
    faults.extend(missing.map(|part| format!("{file} has no part `{part}`")));
    if !paper.split_whitespace().any(is_date) {
        faults.push(format!("{file} has no date (YYYY-MM-DD)"));
    }
    faults
}

/// `2026-11-21`, with or without a comma or full stop behind it.
fn is_date(word: &str) -> bool {
    let word = word.trim_end_matches(|c: char| c.is_ascii_punctuation());
    let parts: Vec<&str> = word.split('-').collect();
    parts.iter().map(|part| part.len()).eq([4, 2, 2])
        && parts
            .iter()
            .all(|part| part.bytes().all(|byte| byte.is_ascii_digit()))
}

fn is_rust(file: &str) -> bool {
    Path::new(file)
        .extension()
        .is_some_and(|extension| extension == "rs")
}

fn is_test(file: &str) -> bool {
    file.starts_with("tests/") || file.contains("/tests/") || file.ends_with("tests.rs")
}

fn floor_of(room: &str) -> Option<usize> {
    ROOMS.iter().position(|known| *known == room)
}

/// Every dependency of a manifest, of every kind and platform: table, name, value.
fn dependencies(manifest: &toml::Table) -> Vec<(String, String, toml::Value)> {
    let mut tables = vec![(String::new(), manifest.clone())];
    if let Some(platforms) = manifest.get("target").and_then(toml::Value::as_table) {
        let of_platform = |(name, value): (&String, &toml::Value)| {
            value
                .as_table()
                .map(|table| (format!("target.{name}."), table.clone()))
        };
        tables.extend(platforms.iter().filter_map(of_platform));
    }
    let mut found = Vec::new();
    for (place, table) in tables {
        for kind in ["dependencies", "dev-dependencies", "build-dependencies"] {
            for (name, value) in table
                .get(kind)
                .and_then(toml::Value::as_table)
                .into_iter()
                .flatten()
            {
                found.push((format!("{place}{kind}"), name.clone(), value.clone()));
            }
        }
    }
    found
}

/// The packages of the workspace, as cargo tells them.
fn workspace_members() -> Vec<Value> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let answer = run(Command::new(cargo).current_dir(root()).args([
        "metadata",
        "--format-version",
        "1",
        "--no-deps",
        "--locked",
        "--offline",
    ]));
    let metadata: Value = serde_json::from_str(&answer).expect("cargo answers with JSON");
    let members = metadata["packages"]
        .as_array()
        .expect("a list of packages")
        .clone();
    assert!(members.len() > 1, "cargo knows no members: {answer}");
    members
}

/// The files in git's index that are still there. A clone holds exactly these.
fn tracked() -> Vec<String> {
    on_disk(git(&["ls-files", "-z", "--cached"]))
}

/// The files in the index and those that the next `git add` would bring.
fn files_to_be() -> Vec<String> {
    on_disk(git(&[
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ]))
}

/// Each once, without those deleted but not yet committed so, and without links and submodules.
fn on_disk(files: Vec<String>) -> Vec<String> {
    let known: BTreeSet<String> = files.into_iter().collect();
    let is_file = |file: &String| fs::symlink_metadata(root().join(file)).is_ok_and(|data| data.is_file());
    known.into_iter().filter(is_file).collect()
}

/// What git prints for NUL-separated output, also when the test runs inside a git hook.
fn git(arguments: &[&str]) -> Vec<String> {
    let mut command = Command::new("git");
    command.arg("-C").arg(root()).args(arguments);
    for name in ["GIT_DIR", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_WORK_TREE"] {
        command.env_remove(name);
    }
    run(&mut command)
        .split_terminator('\0')
        .map(str::to_owned)
        .collect()
}

fn run(command: &mut Command) -> String {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("could not start {command:?}: {error}"));
    assert!(
        output.status.success(),
        "{command:?} failed: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("names in UTF-8")
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the tests stand in the workspace")
}

fn short(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

/// Bytes that are not UTF-8 are replaced: pictures are searched too.
fn read(path: &Path) -> String {
    let bytes = fs::read(path).unwrap_or_else(|error| panic!("could not read {}: {error}", path.display()));
    String::from_utf8_lossy(&bytes).into_owned()
}

fn text(value: &Value) -> String {
    value.as_str().expect("a string").to_owned()
}

/// Fails with one line for each fault.
fn none(faults: &[String]) {
    assert!(
        faults.is_empty(),
        "{} at fault:\n  {}",
        faults.len(),
        faults.join("\n  ")
    );
}
