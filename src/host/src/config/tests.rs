//! What the configuration promises to people who write one.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use chat::web::Access;
use secrecy::ExposeSecret as _;

use super::sections::VENDOR_KEYS;
use super::*;

mod agents;

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

fn places(pairs: &[(&'static str, &str)], explicit: Option<&str>) -> (String, String) {
    let places = Places::of(&variables(pairs), explicit.map(Path::new)).unwrap();
    (
        places.state.display().to_string(),
        places.config.display().to_string(),
    )
}

#[test]
fn the_own_home_comes_before_the_xdg_folders_and_these_before_their_defaults() {
    let home = ("HOME", "/h");
    let xdg = [("XDG_STATE_HOME", "/s"), ("XDG_CONFIG_HOME", "/c"), home];
    let pair = |state: &str, config: &str| (state.to_owned(), config.to_owned());
    assert_eq!(
        places(&[home], None),
        pair("/h/.local/state/agent-host", "/h/.config/agent-host/config.toml")
    );
    assert_eq!(
        places(&xdg, None),
        pair("/s/agent-host", "/c/agent-host/config.toml")
    );
    assert_eq!(
        places(&[xdg[0], xdg[1], ("AGENT_HOST_HOME", "/own")], None),
        pair("/own", "/own/config.toml")
    );
    assert_eq!(
        places(
            &[("XDG_STATE_HOME", "relative"), ("XDG_CONFIG_HOME", ""), home],
            Some("/x.toml")
        ),
        pair("/h/.local/state/agent-host", "/x.toml")
    );
    assert!(
        Places::of(&variables(&[]), None)
            .unwrap_err()
            .hint_words()
            .is_some()
    );
}

#[test]
fn no_file_is_fine_unless_it_was_named() {
    let home = tempfile::tempdir().unwrap();
    let variables = variables(&[("AGENT_HOST_HOME", home.path().to_str().unwrap())]);
    let loaded = load_from(&variables, None).unwrap();
    assert!(loaded.problems.is_empty() && !loaded.settings.config_exists);
    assert_eq!(loaded.settings.store_path, home.path().join("auth.json"));
    assert_eq!(loaded.settings.log_filter, "warn");
    let missing = load_from(&variables, Some(&home.path().join("none.toml"))).unwrap_err();
    assert!(missing.to_string().contains("none.toml"), "{missing}");
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
fn keys_tokens_and_client_secrets_come_from_the_environment() {
    let text = "[vendors.acme]\ngrant = \"device\"\ndevice_url = \"https://a.example/d\"\n\
                token_url = \"https://a.example/t\"\nclient_id = \"c\"\nclient_secret_env = \"ACME_SECRET\"\n";
    let loaded = load_text(
        text,
        &[
            ("ACME_SECRET", "s"),
            ("OPENAI_API_KEY", "k"),
            ("CLAUDE_CODE_OAUTH_TOKEN", "t"),
            ("ANTHROPIC_API_KEY", " "),
        ],
    );
    let vendor = |name: &str| {
        let service = credentials::Service::parse(name).unwrap();
        loaded.settings.vendors.get(&service).unwrap()
    };
    let secret = vendor("acme").token_endpoint().unwrap().client_secret.unwrap();
    assert_eq!(secret.expose_secret(), "s");
    assert_eq!(
        vendor("openai").environment.key.as_ref().unwrap().expose_secret(),
        "k"
    );
    assert_eq!(
        vendor("anthropic")
            .environment
            .token
            .as_ref()
            .unwrap()
            .expose_secret(),
        "t"
    );
    assert!(vendor("anthropic").environment.key.is_none(), "blanks are no key");
}

#[test]
fn a_key_that_no_header_can_carry_is_told_by_its_variable_where_an_agent_would_send_it() {
    let broken = [
        ("OPENAI_API_KEY", "sk-one\nsk-two"),
        ("ANTHROPIC_API_KEY", "sk\u{7}"),
    ];
    let told = problems_of("", &broken);
    assert_eq!(
        told,
        [
            "environment: OPENAI_API_KEY: holds a line feed (character 7 of 13), which no HTTP header can carry (set it to the \
             key alone, one word of visible characters)"
        ]
    );
    // Whoever only looks is not kept from it.
    assert!(!load_text("", &broken).problems[0].concerns_all());
    let of_others = "default_agent = \"other\"\n[agents.other]\ncommand = [\"x\"]\n";
    assert!(problems_of(of_others, &broken).is_empty());
    let blanks = [("OPENAI_API_KEY", " sk-one\n")];
    assert!(problems_of("", &blanks).is_empty(), "around it they are left out");
}

#[test]
fn the_rehearsal_server_is_found_by_variable_then_file_then_note_then_default() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().to_str().unwrap();
    let base = |more: &[(&'static str, &str)]| {
        let mut pairs = vec![("AGENT_HOST_HOME", path)];
        pairs.extend(more);
        let loaded = load_from(&variables(&pairs), None).unwrap();
        let service = credentials::Service::parse("rehearsal").unwrap();
        let vendor = loaded.settings.vendors.get(&service).unwrap();
        (
            vendor.token_endpoint().unwrap().token_url.to_string(),
            loaded.problems.len(),
        )
    };
    assert_eq!(base(&[]).0, "http://127.0.0.1:7879/token");
    Notice::leave(home.path(), &"http://127.0.0.1:4/".parse().unwrap()).unwrap();
    assert_eq!(base(&[]).0, "http://127.0.0.1:4/token");
    fs::write(
        home.path().join("config.toml"),
        "[rehearsal]\nurl = \"http://127.0.0.1:5/\"\n",
    )
    .unwrap();
    assert_eq!(base(&[]).0, "http://127.0.0.1:5/token");
    let variable = |url| base(&[("AGENT_HOST_REHEARSAL_URL", url)]);
    assert_eq!(
        variable("http://127.0.0.1:6/"),
        ("http://127.0.0.1:6/token".into(), 0)
    );
    assert_eq!(
        variable("https://a.example/"),
        ("http://127.0.0.1:5/token".into(), 1)
    );
    Notice::take_back(home.path());
    assert!(!home.path().join("rehearsal.json").exists());
}

#[test]
fn a_note_of_a_server_is_private() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = tempfile::tempdir().unwrap();
    Notice::leave(home.path(), &"http://127.0.0.1:4/".parse().unwrap()).unwrap();
    let mode = fs::metadata(home.path().join("rehearsal.json"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_secret_in_place_of_the_name_of_a_variable_is_told_and_not_shown() {
    for (text, start) in [
        (
            "[agents.a]\ncommand = [\"a-acp\"]\nenv = { K = { from_env = \"sk-planted 1\" } }\n",
            "3: agents.a.env: the `from_env` of K is not the name of a variable",
        ),
        (
            "[web]\npassword_env = \"sk-planted 1\"\n",
            "2: web.password_env: is not the name of a variable",
        ),
        (
            "[vendors.codex]\nkey_env = \"sk-planted 1\"\n",
            "2: vendors.codex.key_env: is not the name of a variable",
        ),
        (
            "[vendors.codex]\nclient_secret_env = \"sk-planted 1\"\n",
            "2: vendors.codex.client_secret_env: is not the name of a variable",
        ),
    ] {
        let told = problems(text);
        assert_eq!(told.len(), 1, "{told:#?}");
        assert!(
            told[0].starts_with(start) && !told[0].contains("planted"),
            "{told:#?}"
        );
    }
}

#[test]
fn a_page_for_other_machines_wants_a_password_that_is_really_there() {
    let config = "[web]\nlisten = \"0.0.0.0:0\"\npassword_env = \"SECRET_WORD\"\n";
    assert_eq!(
        load_text(config, &[]).problems.len(),
        1,
        "a password that is not set keeps nobody out"
    );
    // `status` in another terminal needs no password.
    assert!(!load_text(config, &[]).problems.iter().any(Problem::concerns_all));
    let loaded = load_text(config, &[("SECRET_WORD", "open sesame, please")]);
    assert_eq!(loaded.problems, []);
    assert!(matches!(loaded.settings.web.allow, Access::Password(_)));
}

#[test]
fn a_page_that_could_not_work_is_told_by_the_check() {
    for (web, starts) in [
        (
            "public_url = \"https://x.example/agents/\"\nuser_header = \"X-User\"\n",
            &[
                "2: web.public_url: `https://x.example/agents/` is not the root",
                "3: web.user_header: every program on this machine",
            ][..],
        ),
        (
            "user_header = \"X User\"\nproxy_secret_env = \"LONG\"\nproxy_secret_header = \"\"\n",
            &[
                "2: web.user_header: people come through the proxy",
                "2: web.user_header: `X User` is not the name of a header",
                "4: web.proxy_secret_header: `` is not the name of a header",
            ],
        ),
        (
            "public_url = \"https://x.example/\"\nuser_header = \"x-proxy-secret\"\nproxy_secret_env = \"LONG\"\n",
            &["3: web.user_header: is the header of the secret"],
        ),
        (
            "public_url = \"https://x.example/\"\nuser_header = \"X-User\"\nproxy_secret_env = \"SHORT\"\n",
            &["4: web.proxy_secret_env: the secret is too short"],
        ),
        (
            "public_url = \"https://x.example/\"\nuser_header = \"X-User\"\nproxy_secret_file = \"/nowhere/a\"\n",
            &["4: web.proxy_secret_file: could not read"],
        ),
        (
            "admins = [\"alice\"]\nproxy_secret_env = \"LONG\"\n",
            &[
                "2: web.admins: has no meaning without user_header",
                "3: web.proxy_secret_env: has no meaning without",
            ],
        ),
        (
            "proxy_secret_header = \"X-S\"\n",
            &["2: web.proxy_secret_header: has no meaning"],
        ),
        (
            "public_url = \"https://x.example/\"\nuser_header = \"X-User\"\npassword_env = \"LONG\"\nproxy_secret_env = \"LONG\"\n",
            &["3: web.user_header: there is also a password"],
        ),
    ] {
        let secrets = [
            ("LONG", "a secret of thirty-two characters"),
            ("SHORT", "fourteen chars"),
        ];
        let loaded = load_text(&format!("[web]\n{web}"), &secrets);
        let told: Vec<String> = loaded.problems.iter().map(in_short).collect();
        assert_eq!(told.len(), starts.len(), "{told:#?}");
        for (told, start) in told.iter().zip(starts) {
            assert!(told.starts_with(start), "{told} instead of {start}");
        }
    }
    let short = load_text(
        "[web]\npassword_env = \"SECRET_WORD\"\n",
        &[("SECRET_WORD", "short")],
    );
    assert!(short.problems[0].to_string().contains("at least 12 characters"));
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

#[test]
fn every_value_of_the_wrong_kind_is_told_in_peoples_words() {
    let values = [
        "7",
        "-1",
        "0",
        "1.5",
        "true",
        "\"?\"",
        "\"http://a:99999/\"",
        "[]",
        "[7]",
        "[\"?\"]",
        "{}",
        "{ a = 7 }",
        "1979-05-27",
    ];
    let jargon = [
        "invalid", "expected", "variant", "sequence", "syntax", "nonzero", "u32", "u64", "usize", "wanted",
        "element",
    ];
    let mut told = 0;
    for (table, keys) in tables() {
        for (key, value) in keys.iter().flat_map(|key| values.map(|value| (key, value))) {
            for line in problems(&format!("[{table}]\n{key} = {value}\n")) {
                let spoken = jargon.iter().find(|word| line.contains(*word));
                assert_eq!(spoken, None, "{key} = {value}: {line}");
                told += 1;
            }
        }
    }
    assert!(told > 500, "{told}");
}

#[test]
fn what_should_have_been_there_is_told_with_a_line_that_is_right() {
    for (table, wrong, told) in [
        (
            "web",
            "listen = \"127.0.0.1\"",
            "an IP address and a port (as in `listen = \"127.0.0.1:7878\"`)",
        ),
        (
            "agents.a",
            "command = \"foo\"",
            "a list, in square brackets (as in `command = [\"codex-acp\"]`)",
        ),
        (
            "limits",
            "workers = -1",
            "a whole number of at least 1 (as in `workers = 1000`)",
        ),
        (
            "limits",
            "workers = \"many\"",
            "a whole number of at least 1 (as in `workers = 1000`)",
        ),
        (
            "agents.a.b",
            "title = 3",
            "text in quotation marks (as in `title = \"Local model\"`)",
        ),
        (
            "threads",
            "dispatch = \"shout\"",
            "\"queue\", \"steer\" or \"interrupt\" (as in `dispatch = \"queue\"`)",
        ),
        (
            "agents.a",
            "base_url = \"localhost\"",
            "a whole address, with https:// or http:// in front (as in `base_url = \"https://api.openai.com/v1\"`)",
        ),
        (
            "credentials",
            "allow_network_filesystem = \"yes\"",
            "true or false, without quotation marks (as in `allow_network_filesystem = false`)",
        ),
        ("web", "admins = \"alice\"", "a list, in square brackets"),
    ] {
        let table_name = table.replace("a.b", "\"a.b\"");
        let lines = problems(&format!("[{table_name}]\n{wrong}\n"));
        let key = wrong.split(' ').next().unwrap();
        assert_eq!(lines, [format!("2: {table}.{key}: must be {told}")]);
    }
    let parts = problems("[agents.a]\ncommand = [\"a\", 7]\n");
    assert!(
        parts[0].starts_with("2: agents.a.command: each must be text"),
        "{parts:?}"
    );
}

fn tables() -> [(&'static str, &'static [&'static str]); 11] {
    use super::discord::{ChannelSection, DiscordSection};
    use super::sections::{
        AgentSection, CageSection, CredentialsSection, LimitsSection, LogSection, RehearsalSection,
        ThreadsSection, WebSection,
    };
    [
        ("agents.a", AgentSection::KEYS),
        ("cage", CageSection::KEYS),
        ("credentials", CredentialsSection::KEYS),
        ("discord", DiscordSection::KEYS),
        ("discord.channels.7", ChannelSection::KEYS),
        ("limits", LimitsSection::KEYS),
        ("log", LogSection::KEYS),
        ("rehearsal", RehearsalSection::KEYS),
        ("threads", ThreadsSection::KEYS),
        ("vendors.v", VENDOR_KEYS),
        ("web", WebSection::KEYS),
    ]
}
