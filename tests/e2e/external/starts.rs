//! Agents that can't serve: what their threads are told, and what `doctor` says before.

use std::path::{Path, PathBuf};

use nix::unistd::Pid;
use serde_json::Value;
use support::{Host, Person};

use super::{Talk, config, is_alive, until};

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
        (agent.clone(), vec!["--hang"], "looking for updates"),
        (agent.clone(), vec!["--refuse"], "its settings are broken"),
        (
            agent,
            vec!["--stray", "Loaded cached credentials."],
            "not a JSON object: “Loaded cached credentials.”",
        ),
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
    // One that is well, one that its key signs in, and those that a person has to sign in.
    let agent = support::program("foreign-agent");
    let key = ["--key", "FOREIGN_KEY"];
    for (arguments, more, status, words) in [
        (&["--slow", "300"][..], "", "ok", "new threads get `foreign`"),
        (
            &key,
            "env.FOREIGN_KEY = \"x\"\n",
            "ok",
            "new threads get `foreign`",
        ),
        (
            &key,
            "",
            "warn",
            "`env = { FOREIGN_KEY = { from_env = \"FOREIGN_KEY\" } }`",
        ),
        (
            &["--login", "/nowhere"],
            "",
            "warn",
            "run `foreign login` in a terminal",
        ),
    ] {
        let (_, check) = examined(&config(&agent, arguments, more));
        let message = check["message"].as_str().expect("words");
        assert_eq!(check["status"], status, "{arguments:?}: {check:#}");
        assert!(message.contains(words), "{words}: {message}");
    }
}

#[test]
fn the_doctor_leaves_nothing_of_an_agent_that_it_tried() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let detached = folder.path().join("detached");
    let arguments = ["--detach", detached.to_str().expect("a path is text")];
    let (_, check) = examined(&config(&support::program("foreign-agent"), &arguments, ""));
    assert_eq!(check["status"], "ok", "{check:#}");
    let process = std::fs::read_to_string(&detached).expect("it opened a session");
    let process = Pid::from_raw(process.trim().parse().expect("a number"));
    assert!(!is_alive(process), "{process}");
}

#[tokio::test]
async fn an_agent_whose_key_is_in_its_env_is_signed_in_with_it() {
    let talk = Talk::new(&["--key", "FOREIGN_KEY"], "env.FOREIGN_KEY = \"x\"\n").await;
    let thread = talk.open("say: at your service").await;
    assert!(talk.answers(&thread).await.contains("at your service"));
    assert_eq!(talk.notes(&thread).await, []);
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

#[tokio::test]
async fn an_agent_may_open_as_many_files_as_the_host_when_it_was_started() {
    support::lower_open_files(700);
    let home = tempfile::tempdir().expect("a folder can be made");
    let functions = r#"on_prompt() { say "may open $(ulimit -Sn)"; answer '{"stopReason":"end_turn"}'; }"#;
    let host = Host::configured(home.path(), &support::shell_agent(home.path(), functions), &[]);
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", host.pid())).expect("it runs");
    let raised = limits.lines().find(|line| line.starts_with("Max open files"));
    assert!(raised.is_some_and(|line| !line.contains(" 700 ")), "{limits}");
    let person = Person::enter(host.link()).await;
    let thread = person.open("go").await;
    let mut ear = person.listen(&thread).await;
    let heard = ear.until(|heard| heard.data.to_string().contains("may open"));
    let heard = heard.await.data.to_string();
    assert!(heard.contains("may open 700"), "{heard}");
}
