//! What `[discord]` promises to people who write one.

use std::path::Path;

use chat::discord::config::{Channel, Shards, Token};
use conversation::{Dispatch, Permissions};
use secrecy::ExposeSecret as _;

use super::*;
use crate::config::Loaded;
use crate::config::tests::{in_short, load_text, problems_of};

const TOKEN: &str = "MTE1planted.Gabcde.planted-token-0123456789";

fn sound(text: &str) -> Config {
    let loaded = load_text(text, &[("DISCORD_TOKEN", TOKEN)]);
    assert_eq!(loaded.problems, []);
    loaded.settings.discord.unwrap()
}

#[test]
fn without_a_section_a_token_in_the_environment_is_enough_and_lets_only_the_owner_in() {
    let config = sound("");
    assert_eq!(
        config.rules,
        Rules {
            bot_turns: BOT_TURNS,
            ..Rules::default()
        }
    );
    assert_eq!(config.token.source(), "DISCORD_TOKEN");
    assert!(load_text("", &[]).settings.discord.is_none());
    let told = problems_of("[discord]\n", &[]);
    assert!(
        told[0].starts_with("1: discord: no token: DISCORD_TOKEN is not set"),
        "{told:?}"
    );
    let loaded = load_text("[discord]\n", &[]);
    assert!(
        !loaded.problems[0].concerns_all(),
        "who only looks at threads needs no token"
    );
}

#[test]
fn everything_that_can_be_said_is_understood() {
    let config = sound(
        "[agents.codex]\ncommand = [\"codex-acp\"]\n\
         [discord]\n\
         users = [1, \"2\"]\nallowed_channels = [12, \"13\"]\nroles = [3]\nguilds = [\"4\"]\nbots = [5]\nbot_turns = 9\n\
         everyone = true\ndms = true\napprovers = [6]\nadmins = [7]\n\
         shards = { first = 0, last = 3, total = 16 }\n\
         api_base = \"http://127.0.0.1:1/\"\ngateway_url = \"ws://127.0.0.1:2/\"\n\
         [discord.channels.10]\nmode = \"all\"\nagent = \"codex\"\nmodel = \"m\"\nworkspace = \"/srv/agents/w\"\ndispatch = \"steer\"\n\
         permissions = \"deny\"\n\
         [discord.channels.11]\n",
    );
    let rules = Rules {
        owners: [].into(),
        users: [1, 2].into(),
        roles: [3].into(),
        everyone: true,
        allowed: [12, 13].into(),
        modes: [(10, Mode::All)].into(),
        guilds: [4].into(),
        dms: true,
        bots: [5].into(),
        bot_turns: 9,
    };
    assert_eq!(config.rules, rules);
    assert_eq!((config.approvers, config.admins), ([6].into(), [7].into()));
    let shards = Shards {
        first: 0,
        last: 3,
        total: 16,
    };
    assert_eq!(config.shards, Some(shards));
    let channel = &config.channels[&10];
    assert_eq!(channel.agent.as_deref(), Some("codex"));
    assert_eq!(channel.model.as_deref(), Some("m"));
    assert_eq!(channel.workspace.as_deref(), Some(Path::new("/srv/agents/w")));
    assert_eq!(channel.dispatch, Some(Dispatch::Steer));
    assert_eq!(channel.permissions, Some(Permissions::Deny));
    assert_eq!(config.channels[&11], Channel::default());
    assert_eq!(
        problems_of("[discord]\nchannels = [10]\n", &[("DISCORD_TOKEN", TOKEN)])[0],
        "2: discord.channels: what is different in a channel is a table, [discord.channels.ID] (the list of channels that \
         the bot works in is called allowed_channels)"
    );
}

/// What is said of the folders of two channels, where the state is in one folder and the other threads are in another.
fn of_workspaces(one: &str, other: &str) -> Vec<String> {
    let places = tempfile::tempdir().unwrap();
    let at = |name: &str| places.path().join(name);
    std::fs::create_dir_all(at("state")).unwrap();
    std::os::unix::fs::symlink(at("state"), at("link")).unwrap();
    let text = format!(
        "[credentials]\npath = \"{}\"\n[threads]\nworkspaces = \"{}\"\n[discord.channels.1]\nworkspace = \"{}\"\n\
         [discord.channels.2]\nworkspace = \"{}\"\n",
        at("logins/auth.json").display(),
        at("threads").display(),
        at(one).display(),
        at(other).display(),
    );
    let home = at("state");
    std::fs::write(home.join("config.toml"), text).unwrap();
    let pairs = [
        ("AGENT_HOST_HOME", home.to_str().unwrap()),
        ("DISCORD_TOKEN", TOKEN),
    ];
    let loaded = crate::config::load_from(&crate::config::tests::variables(&pairs), None).unwrap();
    let root = places.path().display().to_string();
    let said = loaded.problems.iter().map(ToString::to_string);
    said.map(|problem| problem.replace(&root, "")).collect()
}

#[test]
fn folders_of_workspaces_lie_apart_or_are_the_same() {
    assert_eq!(
        of_workspaces("project", "project"),
        [""; 0],
        "each thread has its own in it"
    );
    assert_eq!(of_workspaces("project", "project2"), [""; 0]);
    for (one, other, what) in [
        ("state", "b", "the state folder `/state` lie in each other"),
        (
            "state/project",
            "b",
            "the state folder `/state` lie in each other",
        ),
        ("link/project", "b", "the state folder `/state` lie in each other"),
        ("", "b", "the state folder `/state` lie in each other"),
        ("logins", "b", "holds the logins `/logins/auth.json`"),
        (
            "threads/project",
            "b",
            "all other threads' workspaces `/threads` lie in each other",
        ),
        (
            "a",
            "a/discord.5",
            "another channel's `/a/discord.5` lie in each other",
        ),
    ] {
        let told = of_workspaces(one, other);
        assert!(!told.is_empty() && told[0].contains(what), "{one}: {told:?}");
        assert!(told[0].contains("workspace"), "{told:?}");
    }
}

#[test]
fn what_works_and_is_hardly_meant_so_is_warned_of_with_its_line() {
    let loaded = load_text(
        "[discord]\nusers = [1, 2, \"1\", 2]\nallowed_channels = [10]\n\
         [discord.channels.10]\nmode = \"all\"\n\
         [discord.channels.11]\nmode = \"all\"\n\
         [discord.channels.12]\nmode = \"off\"\n",
        &[("DISCORD_TOKEN", TOKEN)],
    );
    assert_eq!(loaded.problems, []);
    let warned: Vec<String> = loaded.warnings.iter().map(in_short).collect();
    let starts = [
        "2: discord.users: names 1 and 2 more than once",
        "6: discord.channels.11: changes nothing: the bot works in `allowed_channels` alone",
    ];
    assert_eq!(warned.len(), starts.len(), "{warned:#?}");
    for (warned, start) in warned.iter().zip(starts) {
        assert!(
            warned.starts_with(start) && warned.ends_with(')'),
            "{warned} instead of {start}"
        );
    }
    // In a server where it works in every channel the same table is meant; which server that is is not known.
    for text in ["guilds = [5]\nallowed_channels = [10]\n", ""] {
        let text = format!("[discord]\n{text}[discord.channels.11]\nmode = \"all\"\n");
        assert_eq!(load_text(&text, &[("DISCORD_TOKEN", TOKEN)]).warnings, []);
    }
    let told = problems_of(
        "[discord.channels.11]\n[discord.channels.\"11\"]\n",
        &[("DISCORD_TOKEN", TOKEN)],
    );
    assert_eq!(
        told,
        ["2:19: syntax: `\"11\"` stands there a second time (keep one of the two, with what both say)"]
    );
    // A second spelling of the same id would be a second table of one channel.
    let told = problems_of("[discord.channels.011]\n", &[("DISCORD_TOKEN", TOKEN)]);
    assert!(
        told[0].starts_with("1: discord.channels.011: must be an id"),
        "{told:#?}"
    );
}

#[test]
fn a_workspace_that_no_thread_could_get_is_told_and_one_that_may_be_a_slip_is_warned_of() {
    let places = tempfile::tempdir().unwrap();
    let at = |name: &str| places.path().join(name);
    std::fs::create_dir(at("good")).unwrap();
    std::fs::write(at("file"), "").unwrap();
    std::os::unix::fs::symlink(at("nowhere"), at("loose")).unwrap();
    let told = |folder: &str| {
        let text = format!("[discord.channels.1]\nworkspace = \"{}\"\n", at(folder).display());
        let Loaded {
            problems, warnings, ..
        } = load_text(&text, &[("DISCORD_TOKEN", TOKEN)]);
        let words = |found: &[Problem]| found.iter().map(in_short).collect::<Vec<_>>();
        (words(&problems), words(&warnings))
    };
    for (folder, what) in [
        ("file", "is a file, not a folder"),
        ("file/below", "a part of its path is a file"),
        ("loose", "is a link that leads nowhere"),
    ] {
        let (problems, warnings) = told(folder);
        assert_eq!(
            (problems.len(), warnings.len()),
            (1, 0),
            "{folder}: {problems:?} {warnings:?}"
        );
        let words = &problems[0];
        assert!(
            words.starts_with("2: discord.channels.1.workspace: ") && words.contains(what),
            "{words}"
        );
        assert!(words.contains("(name a folder"), "{words}");
    }
    let (problems, warnings) = told("new/folder");
    assert_eq!((problems.len(), warnings.len()), (0, 1), "{problems:?}");
    let start = "2: discord.channels.1.workspace: ";
    assert!(
        warnings[0].starts_with(start) && warnings[0].contains("is not there yet"),
        "{warnings:?}"
    );
    assert_eq!(told("good"), (vec![], vec![]));
}

#[test]
fn the_token_is_in_one_place_which_is_not_this_file() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("token");
    std::fs::write(&file, format!("{TOKEN}\n")).unwrap();
    let text = format!("[discord]\ntoken_file = \"{}\"\n", file.display());
    let loaded = load_text(&text, &[]);
    assert_eq!(loaded.problems, []);
    let Some(Token::Given { secret, from, .. }) = loaded.settings.discord.map(|config| config.token) else {
        panic!("it is in the file");
    };
    assert_eq!(
        (secret.expose_secret(), from),
        (TOKEN, format!("`{}`", file.display()))
    );
    let command = load_text("[discord]\ntoken_command = [\"pass\", \"show\", \"bot\"]\n", &[]);
    assert_eq!(
        command.settings.discord.unwrap().token.source(),
        "the command `pass`"
    );

    for (text, start) in [
        (
            "token = \"MTE1planted.a.b\"\n",
            "2: discord.token: a token does not belong in this file",
        ),
        (
            "token_env = \"MTE1planted.a.b\"\n",
            "2: discord.token_env: is not the name of a variable",
        ),
        (
            "token_env = \"NOT_SET\"\n",
            "2: discord.token_env: no token: NOT_SET is not set",
        ),
        ("token_env = 3\n", "2: discord.token_env: must be text"),
        (
            "token_file = \"/nowhere\"\n",
            "2: discord.token_file: could not read `/nowhere`",
        ),
        (
            "token_command = []\n",
            "2: discord.token_command: names no program",
        ),
        (
            "token_env = \"A\"\ntoken_file = \"b\"\n",
            "3: discord.token_file: there is already a token_env",
        ),
        (
            "token_env = \"SHORT\"\n",
            "2: discord.token_env: what SHORT holds is not a token",
        ),
    ] {
        let told = problems_of(&format!("[discord]\n{text}"), &[("SHORT", "planted")]);
        assert_eq!(told.len(), 1, "{told:#?}");
        assert!(told[0].starts_with(start), "{} instead of {start}", told[0]);
        assert!(!told[0].contains("planted"), "{}", told[0]);
    }
}

#[test]
fn a_service_managers_credential_is_as_good_as_a_variable_and_comes_after_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("DISCORD_TOKEN");
    std::fs::write(&file, format!("{TOKEN}\n")).unwrap();
    let given = ("CREDENTIALS_DIRECTORY", folder.path().to_str().unwrap());
    for text in ["", "[discord]\n", "[discord]\ntoken_env = \"DISCORD_TOKEN\"\n"] {
        let loaded = load_text(text, &[given]);
        assert_eq!(loaded.problems, []);
        let token = loaded.settings.discord.unwrap().token;
        assert_eq!(token.source(), "the service's credential DISCORD_TOKEN");
        assert!(matches!(token, Token::Given { file: Some(found), .. } if found == file));
    }
    let both = load_text("", &[given, ("DISCORD_TOKEN", TOKEN)]);
    assert_eq!(both.settings.discord.unwrap().token.source(), "DISCORD_TOKEN");
    // A folder in its place can't be read by anybody.
    std::fs::remove_file(&file).unwrap();
    std::fs::create_dir(&file).unwrap();
    let told = problems_of("[discord]\n", &[given]);
    assert!(
        told[0].starts_with("1: discord: could not read the credential `"),
        "{told:?}"
    );
}

#[test]
fn a_token_is_never_printed() {
    assert!(!format!("{:?}", sound("[discord]\n")).contains("planted"));
}

#[test]
fn every_fault_is_told_at_once_with_its_line() {
    let told = problems_of(
        "[discord]\n\
         users = [\"@ann\"]\n\
         roles = 5\n\
         guild = [1]\n\
         bots = [0]\n\
         everyone = \"yes\"\n\
         bot_turns = 0\n\
         shards = { first = 4, last = 3, total = 4 }\n\
         api_base = \"http://discord.example/\"\n\
         gateway_url = \"ws://127.0.0.1:9/\"\n\
         [discord.channels.general]\n\
         mode = \"al\"\n\
         agent = \"nobody\"\n\
         [discord.channels.77]\n\
         mode = \"sometimes\"\n\
         agent = \"nobody\"\n\
         model = \" \"\n\
         colour = \"red\"\n",
        &[("DISCORD_TOKEN", TOKEN)],
    );
    let starts = [
        "2: discord.users: each must be an id such as 123456789012345678",
        "3: discord.roles: must be a list of ids",
        "4: discord.guild: unknown key (did you mean `guilds`?)",
        "5: discord.bots: each must be an id",
        "6: discord.everyone: must be true or false",
        "7: discord.bot_turns: must be a whole number from 1",
        "8: discord.shards: must be a range",
        "9: discord.api_base: must begin with https://: the token is sent there",
        "10: discord.gateway_url: is on this machine and `api_base` is not",
        "11: discord.channels.general: must be an id",
        "12: discord.channels.general.mode: must be \"mention\", \"all\" or \"off\"",
        "13: discord.channels.general.agent: there is no agent `nobody`",
        "15: discord.channels.77.mode: must be \"mention\"",
        "16: discord.channels.77.agent: there is no agent `nobody`",
        "17: discord.channels.77.model: is empty",
        "18: discord.channels.77.colour: unknown key",
    ];
    assert_eq!(told.len(), starts.len(), "{told:#?}");
    for (told, start) in told.iter().zip(starts) {
        assert!(told.starts_with(start), "{told} instead of {start}");
    }
}

#[test]
fn each_key_with_a_wrong_value_is_told_with_its_line_and_what_is_allowed() {
    const IDS: (&str, &str) = ("7", "must be a list of ids: [123456789012345678]");
    const BOOLEAN: (&str, &str) = ("\"yes\"", "must be true or false");
    const TEXT: (&str, &str) = ("3", "must be text in quotation marks");
    const ADDRESS: (&str, &str) = ("\"nowhere\"", "must be an address such as ");
    let wrong = |key: &str| match key {
        "admins" | "allowed_channels" | "approvers" | "bots" | "guilds" | "roles" | "users" => IDS,
        "dms" | "everyone" => BOOLEAN,
        "agent" | "model" | "token_env" => TEXT,
        "ca_file" | "token_file" | "workspace" => ("3", "must be text in quotation marks"),
        "api_base" | "gateway_url" => ADDRESS,
        "bot_turns" => ("0", "must be a whole number from 1 to 4294967295"),
        "dispatch" => ("\"later\"", "must be \"queue\", \"steer\" or \"interrupt\""),
        "mode" => ("\"some\"", "must be \"mention\", \"all\" or \"off\""),
        "permissions" => ("\"yes\"", "must be \"ask\", \"allow\" or \"deny\""),
        "shards" => ("3", "must be a range such as { first = 0, last = 3, total = 16 }"),
        "token" => ("\"planted\"", "a token does not belong in this file"),
        "token_command" => (
            "\"pass show bot\"",
            "must be a list such as [\"pass\", \"show\", \"discord-bot\"]",
        ),
        key => panic!("{key} is not tried"),
    };
    for (table, keys) in [
        ("discord", DiscordSection::KEYS),
        ("discord.channels.7", ChannelSection::KEYS),
    ] {
        for key in keys {
            let (value, words) = wrong(key);
            let told = problems_of(
                &format!("[{table}]\n{key} = {value}\n"),
                &[("DISCORD_TOKEN", TOKEN)],
            );
            assert_eq!(told.len(), 1, "{told:#?}");
            assert!(
                told[0].starts_with(&format!("2: {table}.{key}: ")) && told[0].contains(words),
                "{told:#?}"
            );
        }
    }
}

#[test]
fn what_the_example_says_is_what_it_does() {
    let lines = crate::config::EXAMPLE.lines();
    let of_discord = lines.skip_while(|line| *line != "#[discord]");
    let of_discord = of_discord.take_while(|line| !line.starts_with("#[threads]"));
    let settings = of_discord.filter_map(|line| line.strip_prefix('#').filter(|line| !line.starts_with(' ')));
    let text = settings.collect::<Vec<_>>().join("\n");
    let config = sound(&format!("[agents.native]\nmodel = \"m\"\n{text}"));
    let rules = Rules {
        owners: [].into(),
        users: [123_456_789_012_345_678].into(),
        roles: [234_567_890_123_456_789].into(),
        everyone: false,
        allowed: [456_789_012_345_678_901].into(),
        modes: [(456_789_012_345_678_902, Mode::Mention)].into(),
        guilds: [345_678_901_234_567_890].into(),
        dms: false,
        bots: [567_890_123_456_789_012].into(),
        bot_turns: BOT_TURNS,
    };
    assert_eq!(config.rules, rules);
    assert_eq!(config.approvers, [678_901_234_567_890_123].into());
    assert_eq!(config.admins, [789_012_345_678_901_234].into());
    assert_eq!(
        config
            .shards
            .map(|shards| (shards.first, shards.last, shards.total)),
        Some((0, 3, 16))
    );
    let channel = &config.channels[&456_789_012_345_678_902];
    assert_eq!(channel.agent.as_deref(), Some("native"));
    assert_eq!(channel.model.as_deref(), Some("the-name-of-a-model"));
    assert_eq!(channel.dispatch, Some(Dispatch::Queue));
    assert_eq!(
        channel.workspace.as_deref(),
        Some(Path::new("/var/lib/agents/project"))
    );
    assert_eq!(channel.permissions, Some(Permissions::Ask));
    // For tests, and what is told in words: two of three places of the token, and an authority of one's own.
    let elsewhere = [
        "api_base",
        "ca_file",
        "gateway_url",
        "token",
        "token_command",
        "token_file",
    ];
    for key in DiscordSection::KEYS.iter().chain(ChannelSection::KEYS) {
        let is_shown = text.contains(&format!("{key} = "));
        assert_eq!(is_shown, !elsewhere.contains(key), "{key}");
    }
}

#[test]
fn what_happens_on_this_machine_never_reaches_the_real_service() {
    let told = |text: &str| problems_of(&format!("[discord]\n{text}"), &[("DISCORD_TOKEN", TOKEN)]);
    let local = "api_base = \"http://127.0.0.1:1/\"\n";
    assert_eq!(told(local), Vec::<String>::new());
    assert_eq!(
        told(&format!("{local}gateway_url = \"ws://localhost:2/\"\n")),
        Vec::<String>::new()
    );
    for (text, start) in [
        (
            "gateway_url = \"ws://127.0.0.1:2/\"\n".to_owned(),
            "2: discord.gateway_url: is on this machine and",
        ),
        (
            format!("{local}gateway_url = \"wss://gateway.discord.gg/\"\n"),
            "3: discord.gateway_url: is not on this machine",
        ),
        (
            "api_base = \"http://192.0.2.1/\"\n".to_owned(),
            "2: discord.api_base: must begin with https://",
        ),
        (
            "api_base = \"ftp://127.0.0.1/\"\n".to_owned(),
            "2: discord.api_base: must begin with https://",
        ),
        (
            "gateway_url = \"ws://192.0.2.1/\"\n".to_owned(),
            "2: discord.gateway_url: must begin with wss://",
        ),
        (
            format!("{local}gateway_url = \"ws://127.0.0.1:2/?v=10\"\n"),
            "3: discord.gateway_url: must be an address without `?`",
        ),
    ] {
        let told = told(&text);
        assert_eq!(told.len(), 1, "{told:#?}");
        assert!(told[0].starts_with(start), "{} instead of {start}", told[0]);
    }
}

#[test]
fn a_token_in_the_environment_that_is_none_is_told_although_there_is_no_section() {
    let told = problems_of("", &[("DISCORD_TOKEN", "Bot MTAw.planted.x")]);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].contains("DISCORD_TOKEN") && told[0].contains("not a token") && !told[0].contains("planted"),
        "{told:?}"
    );
    assert_eq!(problems_of("", &[]), Vec::<String>::new());
}
