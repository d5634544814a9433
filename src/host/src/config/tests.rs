//! What the configuration promises to people who write one.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use chat::web::Access;
use secrecy::ExposeSecret as _;

use super::sections::VENDOR_KEYS;
use super::*;

mod agents;
mod pages;
mod places;
mod secrets;
mod values;

/// The certificate of an authority whose key nobody has.
const AUTHORITY: &str = "\
-----BEGIN CERTIFICATE-----
MIIBbzCCARWgAwIBAgIUSwqFKHHnXY3ZV/o0sAMDbT/hgzUwCgYIKoZIzj0EAwIw
DDEKMAgGA1UEAwwBYTAgFw0yNjExMjIwODQ1MjJaGA8yMTI2MTAyOTA4NDUyMlow
DDEKMAgGA1UEAwwBYTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABG0keTQFGHHE
Ee3K2pvDURmMxSUvz0Nhmkn2EiAy7v1cLsRrnzqobsBY7SK2kBXAkycYDGn28TTT
UOtGMytft7ejUzBRMB0GA1UdDgQWBBQeybAfnSHCg0dbkdWPVov/YSzWLDAfBgNV
HSMEGDAWgBQeybAfnSHCg0dbkdWPVov/YSzWLDAPBgNVHRMBAf8EBTADAQH/MAoG
CCqGSM49BAMCA0gAMEUCIQDJvQ77I9lSiRk2lS/lnsDsAFXTwjvfIov25WKFXpag
sgIgK2lx/cVLwFIcUxPaiHTowPy1T3fuxHtAqUPvZkhRT/o=
-----END CERTIFICATE-----
";

pub(super) fn variables(pairs: &[(&'static str, &str)]) -> Variables {
    Variables::Given(
        pairs
            .iter()
            .map(|(name, value)| (*name, value.into()))
            .collect::<HashMap<_, _>>(),
    )
}

/// Loads this text as the file in a home folder of its own.
pub(super) fn load_text(text: &str, more: &[(&'static str, &str)]) -> Loaded {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("config.toml"), text).unwrap();
    let mut pairs = vec![("AGENT_HOST_HOME", home.path().to_str().unwrap())];
    pairs.extend(more);
    load_from(&variables(&pairs), None).unwrap()
}

/// The problems, without the path before each.
fn problems(text: &str) -> Vec<String> {
    problems_of(text, &[])
}

/// The same, with variables.
pub(super) fn problems_of(text: &str, more: &[(&'static str, &str)]) -> Vec<String> {
    load_text(text, more).problems.iter().map(in_short).collect()
}

/// A problem without the name of the file.
pub(super) fn in_short(problem: &Problem) -> String {
    let line = problem.to_string();
    line.split_once("config.toml:")
        .map_or(line.clone(), |(_, rest)| rest.to_owned())
}

#[test]
fn all_faults_are_told_at_once_each_with_its_line() {
    let text = r#"
[log]
filter = "credentials=loud"
[vendors.acme]
grant = "pkce"
authorise_url = "https://a.example/authorize"
token_url = "http://a.example/token"
client_id = 7
scopes = ["openid"]
[vendors.other]
title = "x"
[credentials]
path = true
[extra]
"#;
    let told = problems(text);
    let starts = [
        "3: log.filter: ",
        "4: vendors.acme: `authorize_url` is missing: grant \"pkce\" needs it",
        "4: vendors.acme: `redirect_uri` is missing: grant \"pkce\" needs it",
        "6: vendors.acme.authorise_url: unknown key (did you mean `authorize_url`?)",
        "7: vendors.acme.token_url: `token_url` must be https",
        "8: vendors.acme.client_id: must be text in quotation marks (as in `client_id = \"agent-host\"`)",
        "10: vendors.other: `grant` is missing, and no vendor of this name is built in",
        "13: credentials.path: must be text",
        "14: extra: unknown table or key (known: agents, cage, credentials, default_agent, discord, limits, log, rehearsal, threads, vendors, web)",
    ];
    assert_eq!(told.len(), starts.len(), "{told:#?}");
    for (told, start) in told.iter().zip(starts) {
        assert!(told.starts_with(start), "{told}\nwanted {start}");
    }
}

#[test]
fn a_time_that_no_clock_can_be_moved_by_is_told_with_its_line() {
    let told = problems("[limits]\nidle = \"584542046090y\"\nstart = \"0s\"\nlogin = \"1y\"\n");
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(
        told[0].starts_with('2') && told[0].contains("a year at most"),
        "{told:?}"
    );
    assert!(
        told[1].starts_with('3') && told[1].contains("at least one second"),
        "{told:?}"
    );
}

#[test]
fn a_syntax_error_is_told_with_line_and_column() {
    let told = problems("[log]\nfilter = \"info\nx = 1\n");
    assert!(told[0].starts_with("2:"), "{told:?}");
    assert!(told[0].contains(": syntax: "), "{told:?}");
    let told = problems("[vendors.acme]\ngrant = pkce\n");
    assert!(told[0].starts_with("2:9: syntax: "), "{told:?}");
}

#[test]
fn something_else_in_place_of_a_table_is_told() {
    assert_eq!(
        problems("vendors = 3\nlog = \"info\"\n"),
        [
            "1: vendors: is an integer, not a table (write `[vendors]`)",
            "2: log: is a string, not a table (write `[log]`)"
        ]
    );
}

#[test]
fn the_example_is_accepted_as_printed_and_with_everything_switched_on() {
    assert_eq!(problems(EXAMPLE), Vec::<String>::new());
    let switched_on: String = EXAMPLE
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(setting) if !setting.starts_with(' ') => format!("{setting}\n"),
            _ => format!("{line}\n"),
        })
        .collect();
    let certificate = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&certificate, AUTHORITY).unwrap();
    let switched_on = switched_on.replace("\"ca.pem\"", &format!("{:?}", certificate.path()));
    let loaded = load_text(
        &switched_on,
        &[
            ("ACME_CLIENT_SECRET", "s3"),
            ("ACME_API_KEY", " k3\n"),
            ("SOME_KEY", "k4"),
            ("AGENT_HOST_WEB_PASSWORD", "p5 of twelve letters"),
            ("DISCORD_TOKEN", "a-bots-name.made.up-by-this-test"),
            ("AGENT_HOST_PROXY_SECRET", "p6 of thirty-two letters, or of more"),
        ],
    );
    assert_eq!(loaded.problems, []);
    assert_eq!(
        loaded.settings.declared,
        ["acme", "acme-device", "acme-key", "codex"]
    );
    for key in VENDOR_KEYS.iter().filter(|key| **key != "issuer") {
        assert!(
            switched_on.contains(&format!("\n{key} = ")),
            "the example does not show {key}"
        );
    }
}

#[test]
fn what_the_readme_shows_is_accepted_as_it_stands() {
    let readme = include_str!("../../../../README.md");
    let blocks: Vec<&str> = readme
        .split("```toml\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
        .collect();
    assert!(blocks.len() >= 3, "{blocks:?}");
    for block in &blocks {
        let loaded = load_text(block, &[("ROUTER_KEY", "sk-planted")]);
        assert_eq!(loaded.problems, [], "{block}");
    }
    let router = blocks
        .iter()
        .find(|block| block.contains("ROUTER_KEY"))
        .expect("it shows a key");
    let loaded = load_text(router, &[("ROUTER_KEY", "sk-planted")]);
    let supervisor::AgentKind::Native(profile) = &loaded.settings.agents[&loaded.settings.default_agent].kind
    else {
        panic!("it is a built-in one");
    };
    let key = profile.account.as_ref().unwrap().host_key.as_ref().unwrap();
    assert_eq!(
        (key.variable.as_str(), key.value.expose_secret()),
        ("ROUTER_KEY", "sk-planted")
    );
    assert_eq!(profile.provider, contract::Provider::OpenaiChat);
}

#[test]
fn whoever_writes_a_key_into_an_agent_is_told_how_it_is_done() {
    for name in ["api_key", "apiKey", "key", "api-key-env", "token"] {
        let told = problems(&format!("[agents.router]\n{name} = \"sk-planted\"\n"));
        assert_eq!(told.len(), 1, "{told:?}");
        for words in [
            "unknown key",
            "`[vendors.router]`",
            "key_env",
            "`tenant = \"router\"`",
        ] {
            assert!(told[0].contains(words), "{words}: {told:?}");
        }
        assert!(!told[0].contains("sk-planted"), "{told:?}");
    }
}

#[test]
fn every_known_vendor_key_is_one() {
    let text = VENDOR_KEYS.join(" = []\n");
    for line in problems(&format!("[vendors.acme]\n{text} = []\n")) {
        assert!(!line.contains("unknown"), "{line}");
    }
}

#[test]
fn a_readable_folder_that_would_show_too_much_is_told_with_its_line_and_good_ones_hold() {
    let folder = tempfile::tempdir().unwrap();
    let good = folder.path().canonicalize().unwrap();
    let text = format!(
        "[cage]\nreadable = [{:?}, \"relative\", \"/\"]\n",
        good.display().to_string()
    );
    let loaded = load_text(&text, &[]);
    assert_eq!(loaded.settings.readable, [good]);
    let told = problems(&text);
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(
        told[0].starts_with("2: cage.readable: `relative` is not an absolute path"),
        "{told:?}"
    );
    assert!(
        told[1].starts_with("2: cage.readable: `/` is everything"),
        "{told:?}"
    );
}
