//! `agent-host up` with a key and a model, as somebody would with a real provider: an OpenAI-compatible server that knows
//! one key.

use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;

use rehearsal::{Config, Server};
use support::{Heard, Host, Person, agent_host};

const KEY: &str = "sk-the-right-key";

/// A server, and a configuration that leads to it.
async fn provider(more: &str) -> (Server, String) {
    // Whoever was first in this process installed it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let server = Server::start(Config {
        model_key: Some(KEY.to_owned().into()),
        ..Config::default()
    })
    .await
    .expect("loopback can be listened on");
    let config = format!("[agents.native]\nbase_url = \"{}v1\"\n{more}", server.url());
    (server, config)
}

/// What a thread shows once its first message was dealt with.
async fn told(config: &str, key: &str, text: &str) -> String {
    let home = tempfile::tempdir().expect("a folder can be made");
    let host = Host::configured(home.path(), config, &[("OPENAI_API_KEY", key)]);
    let person = Person::enter(host.link()).await;
    let thread = person.open(text).await;
    let mut ear = person.listen(&thread).await;
    ear.until(Heard::is_idle).await;
    let page = person.page(&format!("/t/{thread}")).await;
    assert!(!page.contains(key), "a key is on the page: {page}");
    page
}

#[tokio::test]
async fn a_key_and_a_model_do_a_turn_with_a_tool_in_either_wire_format() {
    for provider_name in ["openai-responses", "openai-chat"] {
        let (server, config) = provider(&format!(
            "tenant = \"openai\"\nmodel = \"rehearsal\"\npermissions = \"allow\"\nprovider = \"{provider_name}\"\n"
        ))
        .await;
        let page = told(&config, KEY, "run: echo from-a-tool").await;
        assert!(
            page.contains("from-a-tool") && page.contains("class=\"item answer\""),
            "{provider_name}: {page}"
        );
        assert!(
            server.control().model_requests().len() >= 2,
            "the tool's result went back"
        );
    }
}

#[tokio::test]
async fn a_wrong_key_is_told_everywhere_with_its_variable_until_another_one_is_set() {
    let (_server, config) = provider("tenant = \"openai\"\nmodel = \"rehearsal\"\n").await;
    let home = tempfile::tempdir().expect("a folder can be made");
    let home = home.path();
    let seen_with = |key: &str, verb: &[&str]| {
        let mut command = agent_host(home);
        let output = command.args(verb).env("OPENAI_API_KEY", key).output();
        let output = output.expect("it runs");
        String::from_utf8([output.stdout, output.stderr].concat()).expect("text")
    };
    let wrong = "sk-a-wrong-key";
    let host = Host::configured(home, &config, &[("OPENAI_API_KEY", wrong)]);
    let person = Person::enter(host.link()).await;
    let page = person.page("/credentials").await;
    assert!(page.contains("set where the host runs"), "{page}");
    let thread = person.open("hello").await;
    let mut ear = person.listen(&thread).await;
    ear.until(Heard::is_idle).await;
    let thread = person.page(&format!("/t/{thread}")).await;
    assert!(
        thread.contains("refused the API key in OPENAI_API_KEY"),
        "{thread}"
    );
    let page = person.page("/credentials").await;
    assert!(
        page.contains("no longer works") && page.contains("The vendor refused it at 20"),
        "{page}"
    );
    assert!(!page.contains("until another is set there"), "{page}");
    let words = "openai refused the key in OPENAI_API_KEY at 20";
    let status = told_by(home, &["status"]);
    let (doctor, list) = (seen_with(wrong, &["doctor"]), seen_with(wrong, &["auth", "list"]));
    for told in [&status, &doctor, &list] {
        assert!(
            told.contains(words) && told.contains("set one that works"),
            "{told}"
        );
    }
    for told in [&thread, &page, &status, &doctor, &list] {
        assert!(!told.contains(wrong), "{told}");
    }
    // Of another one nothing is said.
    assert!(!seen_with(KEY, &["auth", "list"]).contains("refused"));
    assert_eq!(host.stop(), Some(0));
    let host = Host::configured(home, &config, &[("OPENAI_API_KEY", KEY)]);
    let person = Person::enter(host.link()).await;
    let page = person.page("/credentials").await;
    assert!(
        page.contains("set where the host runs") && !page.contains("refused"),
        "{page}"
    );
    assert!(!told_by(home, &["status"]).contains("refused the key"));
}

/// Stores an API key for the host, as somebody at a terminal would.
fn store_key(home: &Path, key: &str) {
    let begun = agent_host(home).args(["auth", "begin", "openai"]).status();
    assert!(begun.expect("it runs").success());
    let mut completing = agent_host(home)
        .args(["auth", "complete", "openai"])
        .stdin(Stdio::piped())
        .spawn()
        .expect("it runs");
    let stdin = completing.stdin.as_mut().expect("it is piped");
    stdin.write_all(key.as_bytes()).expect("it reads");
    assert!(completing.wait().expect("it ends").success());
}

fn told_by(home: &Path, verb: &[&str]) -> String {
    let output = agent_host(home).args(verb).output().expect("it runs");
    let both = [output.stdout, output.stderr].concat();
    String::from_utf8(both).expect("text")
}

#[tokio::test]
async fn a_stored_key_that_the_vendor_refused_is_told_everywhere_until_a_good_one_is_stored() {
    let (server, config) = provider("tenant = \"openai\"\nmodel = \"rehearsal\"\n").await;
    let home = tempfile::tempdir().expect("a folder can be made");
    let home = home.path();
    store_key(home, "sk-a-wrong-key\n");
    let host = Host::configured(home, &config, &[]);
    assert!(told_by(home, &["auth", "list"]).contains("valid"));
    let person = Person::enter(host.link()).await;
    let thread = person.open("hello").await;
    let mut ear = person.listen(&thread).await;
    ear.until(|heard| heard.data.to_string().contains("refused the stored API key"))
        .await;
    let list = told_by(home, &["auth", "list"]);
    let doctor = told_by(home, &["doctor"]);
    let page = person.page("/credentials").await;
    for told in [&list, &doctor] {
        assert!(
            told.contains("openai (host) is refused: the vendor refused this key at 20")
                && told.contains("store another one: `AGENT_HOST_HOME=")
                && told.contains("agent-host auth login openai"),
            "{told}"
        );
    }
    assert!(!list.contains("valid") && !list.contains("never"), "{list}");
    assert!(
        page.contains("no longer works") && page.contains("the vendor refused this key at 20"),
        "{page}"
    );
    for told in [&list, &doctor, &page] {
        assert!(!told.contains("sk-a-wrong-key"), "{told}");
    }
    // The turn that waits goes on with the new one.
    store_key(home, &format!("{KEY}\n"));
    ear.until(Heard::is_idle).await;
    assert!(!server.control().model_requests().is_empty());
    let list = told_by(home, &["auth", "list"]);
    assert!(list.contains("valid") && !list.contains("refused"), "{list}");
}

#[tokio::test]
async fn a_key_that_no_header_can_carry_stops_a_host_with_the_variable_and_what_is_in_it() {
    let (_server, config) = provider("tenant = \"openai\"\nmodel = \"rehearsal\"\n").await;
    let home = tempfile::tempdir().expect("a folder can be made");
    std::fs::write(home.path().join("config.toml"), config).expect("it can be written");
    for verb in [
        &["config", "check"][..],
        &["doctor"],
        &["up", "--listen", "127.0.0.1:0"],
    ] {
        let output = agent_host(home.path())
            .args(verb)
            .env("OPENAI_API_KEY", "sk-planted\nsk-second")
            .output()
            .expect("it runs");
        assert_eq!(output.status.code(), Some(1), "{verb:?}");
        let told = String::from_utf8([output.stdout, output.stderr].concat()).expect("text");
        assert!(
            told.contains("OPENAI_API_KEY: holds a line feed (character 11 of 20)"),
            "{verb:?}: {told}"
        );
        assert!(!told.contains("planted"), "{verb:?}: {told}");
    }
}

#[tokio::test]
async fn without_a_model_the_thread_says_how_to_choose_one() {
    let (_server, config) = provider("tenant = \"openai\"\n").await;
    let page = told(&config, KEY, "hello").await;
    assert!(page.contains("/model"), "{page}");
}

#[tokio::test]
async fn a_command_reads_a_folder_that_the_configuration_names_and_cannot_change_it() {
    let shown = tempfile::tempdir().expect("a folder can be made");
    let data = shown.path().canonicalize().expect("it is there").join("data");
    std::fs::write(&data, "from-outside\n").expect("it can be written");
    let (_server, config) = provider(&format!(
        "tenant = \"openai\"\nmodel = \"rehearsal\"\npermissions = \"allow\"\n[cage]\nreadable = [{:?}]\n",
        shown.path()
    ))
    .await;
    let path = data.display();
    let script = format!("run: cat {path}; echo more >> {path}; rm {path}\nread: {path}\nwrite: {path} gone");
    let page = told(&config, KEY, &script).await;
    assert!(
        page.matches("from-outside").count() >= 2,
        "both tools see it: {page}"
    );
    assert!(page.contains("Permission denied"), "{page}");
    assert!(
        page.contains("outside the workspace: nothing may be written"),
        "{page}"
    );
    assert_eq!(
        std::fs::read_to_string(&data).expect("it is still there"),
        "from-outside\n"
    );
}

#[tokio::test]
async fn a_command_with_more_processes_than_the_configuration_allows_is_ended_and_says_so() {
    let (_server, config) = provider(
        "tenant = \"openai\"\nmodel = \"rehearsal\"\npermissions = \"allow\"\n[limits]\nprocesses = 40\n",
    )
    .await;
    let page = told(&config, KEY, "run: for i in $(seq 60); do sleep 60 & done; wait").await;
    assert!(
        page.contains("it had more than 40 processes and threads at once")
            && page.contains("[limits] processes"),
        "{page}"
    );
}

#[tokio::test]
async fn a_command_may_open_as_many_files_as_the_host_when_it_was_started() {
    support::lower_open_files(700);
    let (_server, config) = provider(
        "tenant = \"openai\"\nmodel = \"rehearsal\"\npermissions = \"allow\"\n[cage]\nwithout = [\"limits\"]\n",
    )
    .await;
    let run = "run: echo may-open-$(ulimit -Sn)";
    // Whether the cage sets limits or not.
    for config in [config.as_str(), config.split("[cage]").next().unwrap_or_default()] {
        let page = told(config, KEY, run).await;
        assert!(page.contains("may-open-700"), "{page}");
    }
}
