//! Agents that can't serve: what their threads are told, and what `doctor` says before.

use std::path::{Path, PathBuf};

use serde_json::Value;
use support::{Host, Person};

use super::{Talk, config, until};
/// Commands that can serve nobody, and the words for each.
fn broken(folder: &Path) -> Vec<(PathBuf, Vec<&'static str>, &'static str)> {
    let agent = support::program("foreign-agent");
    let not_executable = folder.join("read-only");
    std::fs::write(&not_executable, "#!/bin/sh\n").expect("a file can be written");
    vec![
        (
            PathBuf::from("no-such-agent-anywhere"),
            vec![],
            "ould not start `no-such-agent-anywhere`",
        ),
        (not_executable, vec![], "ermission denied"),
        (agent.clone(), vec!["--exit", "3"], "exit code 3"),
        (agent.clone(), vec!["--exit", "3"], "licence server not reachable"),
        (agent.clone(), vec!["--babble"], "broke the protocol"),
        (
            agent.clone(),
            vec!["--version", "2"],
            "do not understand each other",
        ),
        (
            agent.clone(),
            vec!["--hang"],
            "did not answer `initialize` within 2 s",
        ),
        (agent, vec!["--hang"], "looking for updates"),
    ]
}

/// The doctor's finding about the agents.
fn examined(config: &str) -> (bool, Value) {
    let home = tempfile::tempdir().expect("a folder can be made");
    std::fs::write(home.path().join("config.toml"), config).expect("it can be written");
    let output = support::agent_host(home.path())
        .args(["doctor", "--json"])
        .output()
        .expect("the program runs");
    let report: Value = serde_json::from_slice(&output.stdout).expect("it prints JSON");
    let checks = report["checks"].as_array().expect("a list");
    let found = checks.iter().find(|check| check["name"] == "agents");
    (
        output.status.success(),
        found.expect("agents are looked at").clone(),
    )
}

#[test]
fn the_doctor_starts_each_agent_and_says_what_is_wrong_with_it() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    for (program, arguments, words) in broken(folder.path()) {
        let (ok, check) = examined(&config(&program, &arguments, "[limits]\nstart = \"2s\"\n"));
        assert!(!ok && check["status"] == "fail", "{arguments:?}: {check:#}");
        let message = check["message"].as_str().expect("words");
        assert!(
            message.contains("agent `foreign`") && message.contains(words),
            "{words}: {message}"
        );
    }
    // One that is well, and one that only wants a login, which it keeps itself.
    for arguments in [&["--slow", "300"][..], &["--login", "/nowhere"]] {
        let (_, check) = examined(&config(&support::program("foreign-agent"), arguments, ""));
        assert_eq!(check["status"], "ok", "{arguments:?}: {check:#}");
    }
}

#[tokio::test]
async fn a_start_that_fails_is_told_in_its_thread() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    for (program, arguments, words) in broken(folder.path()) {
        let home = tempfile::tempdir().expect("a folder can be made");
        let config = config(&program, &arguments, "[limits]\nstart = \"2s\"\n");
        let host = Host::configured(home.path(), &config, &[]);
        let person = Person::enter(host.link()).await;
        let talk = Talk { home, host, person };
        let thread = talk.person.open("say: hello").await;
        let note = until("it is told", async || talk.notes(&thread).await.pop()).await;
        assert!(note.1.contains(words), "{arguments:?}: {note:?}");
    }
}
