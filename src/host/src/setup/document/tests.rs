//! What writing into somebody's configuration promises.

use super::*;

fn plan() -> Plan {
    Plan {
        source: Some(Source::Variable("BOT".to_owned())),
        channels: Channels::Listed([1, 2].into()),
        people: People::Listed {
            users: [3].into(),
            roles: [4].into(),
        },
    }
}

#[test]
fn a_file_that_is_not_there_gets_the_section_and_nothing_else() {
    assert_eq!(
        merged("", &plan()).unwrap(),
        "[discord]\ntoken_env = \"BOT\"\nallowed_channels = [1, 2]\nusers = [3]\nroles = [4]\n"
    );
}

#[test]
fn what_else_stands_there_stays_with_its_comments() {
    let before =
        "# ours\ndefault_agent = \"x\" # best\n\n[web]\n# the page\nlisten = \"127.0.0.1:1\"\n# the end\n";
    let after = merged(before, &plan()).unwrap();
    for line in before.lines() {
        assert!(
            after.lines().any(|found| found == line),
            "{line} is lost in {after}"
        );
    }
    assert!(after.contains("\n\n[discord]\ntoken_env"), "{after}");

    let before = "[discord]\n# the token\ntoken_file = \"/t\"\ndms = true # yes\nallowed_channels = [9] # one\neveryone = true\n\n\
                  [web] # page\nlisten = \"127.0.0.1:1\"\n";
    let after = merged(before, &plan()).unwrap();
    assert_eq!(
        after,
        "[discord]\ndms = true # yes\nallowed_channels = [1, 2] # one\ntoken_env = \"BOT\"\nusers = [3]\nroles = [4]\n\n\
         [web] # page\nlisten = \"127.0.0.1:1\"\n"
    );
}

#[test]
fn what_is_to_be_kept_is_kept_and_a_second_time_changes_nothing() {
    let before = "[discord]\nusers = [7] # ann\n[discord.channels.5]\nmode = \"all\"\n";
    let keep = Plan {
        channels: Channels::Keep,
        people: People::Keep,
        ..plan()
    };
    let once = merged(before, &keep).unwrap();
    assert!(
        once.contains("users = [7] # ann\n") && once.contains("[discord.channels.5]\nmode = \"all\"\n"),
        "{once}"
    );
    assert_eq!(merged(&once, &keep).unwrap(), once);
    let full = merged("", &plan()).unwrap();
    assert_eq!(merged(&full, &plan()).unwrap(), full);
}

#[test]
fn what_is_said_of_channels_stays_also_of_those_that_are_not_chosen() {
    let before = "[discord]\nguilds = [8]\n\n[discord.channels.1]\nmode = \"off\" # quiet\nmodel = \"m\"\n\n# never there\n\
                  [discord.channels.5]\nmode = \"off\"\n\n[discord.channels.9]\npermissions = \"deny\"\n";
    let after = merged(before, &plan()).unwrap();
    assert!(after.contains("allowed_channels = [1, 2]\n"), "{after}");
    assert!(after.contains("[discord.channels.1]\nmodel = \"m\"\n"), "{after}");
    assert!(
        after.ends_with(
            "# never there\n[discord.channels.5]\nmode = \"off\"\n\n[discord.channels.9]\npermissions = \"deny\"\n"
        ),
        "{after}"
    );
    let all = Plan {
        channels: Channels::All,
        people: People::Everyone,
        ..plan()
    };
    let before = "[discord]\nallowed_channels = [1]\n\n[discord.channels.9]\npermissions = \"deny\"\n";
    assert_eq!(
        merged(before, &all).unwrap(),
        "[discord]\ntoken_env = \"BOT\"\neveryone = true\n\n[discord.channels.9]\npermissions = \"deny\"\n"
    );
}

#[test]
fn a_file_that_is_no_toml_is_refused_without_showing_the_line() {
    let told = merged("a = 1\ntoken = planted\n", &plan())
        .unwrap_err()
        .to_string();
    assert_eq!(
        told,
        "the configuration is not TOML (line 2), and is left as it is"
    );
    let told = merged("discord = 1\n", &plan()).unwrap_err().to_string();
    assert_eq!(told, "`discord` in the configuration is not a table");
}

#[test]
fn people_see_the_section_without_its_comments() {
    let text = "a = 1\n[discord]\n# x\ntoken_env = \"T\"\n\n[discord.channels.1]\n[web]\nb = 2\n";
    assert_eq!(
        section(text),
        "   [discord]\n   token_env = \"T\"\n   [discord.channels.1]"
    );
}
