//! Values of the wrong kind.

use super::*;

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
