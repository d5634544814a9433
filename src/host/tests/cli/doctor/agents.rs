//! What `doctor` says of agents and the cage.

use super::*;

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
fn an_agent_that_lacks_what_its_env_names_is_no_reason_to_speak_of_the_built_in_one() {
    let (ran, check) = agents(
        "default_agent = \"codex\"\n[agents.codex]\ncommand = [\"codex-acp\"]\nenv = { KEY = { from_env = \"NOT_SET_ANYWHERE\" } }\n",
    );
    let message = check["message"].as_str().unwrap();
    assert_eq!((check["status"].as_str(), ran.code), (Some("fail"), 1));
    assert_eq!(
        message,
        "no host would start: `codex` of `[agents]` can't be used; new threads are to get `codex`"
    );
    assert!(!check.to_string().contains("native"), "{check:#}");
    // Another one that nobody means to be the first.
    let (ran, check) = agents(
        "[agents.native]\nmodel = \"m\"\n[agents.codex]\ncommand = [\"codex-acp\"]\nenv = { KEY = { from_env = \"NOT_SET_ANYWHERE\" } }\n",
    );
    let message = check["message"].as_str().unwrap();
    assert_eq!((check["status"].as_str(), ran.code), (Some("fail"), 1));
    assert!(
        message.starts_with(
            "no host would start: `codex` of `[agents]` can't be used; new threads are to get `native`"
        ),
        "{message}"
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
fn a_key_that_is_not_set_is_named_where_its_agent_lacks_it() {
    let (_, check) = agents(
        "default_agent = \"router\"\n[vendors.router]\ngrant = \"api-key\"\nkey_env = \"ROUTER_KEY\"\n\
         [agents.router]\ntenant = \"router\"\nbase_url = \"https://a.example/v1\"\nmodel = \"m\"\n",
    );
    let told = check.to_string();
    for words in [
        "the host has no login or key for it (ROUTER_KEY is not set)",
        "agent-host auth login router` signs the host in, or set ROUTER_KEY where the host runs",
    ] {
        assert!(told.contains(words) && check["status"] == "warn", "{check:#}");
    }
}
