//! `config check` and `config example`, and what other verbs do with a file that is wrong.

use crate::house::House;

const WRONG: &str =
    "[vendors.acme]\ngrant = \"pkce\"\ntokn_url = \"https://a.example/t\"\nclient_id = \"c\"\n";

#[test]
fn every_fault_is_told_at_once_with_its_line() {
    let house = House::new().configured(WRONG);
    let path = house.path("config.toml").display().to_string();
    let ran = house.run("config check").exits(1);
    let expected = [
        format!("{path}:1: vendors.acme: `authorize_url` is missing: grant \"pkce\" needs it"),
        format!("{path}:1: vendors.acme: `token_url` is missing: grant \"pkce\" needs it"),
        format!("{path}:1: vendors.acme: `redirect_uri` is missing: grant \"pkce\" needs it"),
        format!("{path}:3: vendors.acme.tokn_url: unknown key (did you mean `token_url`?)"),
    ];
    assert_eq!(ran.out.lines().collect::<Vec<_>>(), expected);
    ran.tells(&[
        "error: 4 problems in the configuration",
        "agent-host config example` explains every key",
    ]);
    // Of what does not stand in the file it explains nothing.
    let house = House::new().configured("").with("AGENT_HOST_LOG", "a=b=c");
    let ran = house.run("config check").exits(1);
    assert!(
        ran.out.contains("AGENT_HOST_LOG") && !ran.err.contains("hint: "),
        "{ran:?}"
    );
}

#[test]
fn other_verbs_refuse_a_file_that_is_wrong_and_doctor_goes_on() {
    let house = House::new().configured(WRONG);
    house.run("auth list").exits(1).tells(&[
        "the configuration has problems",
        "config.toml:3: vendors.acme.tokn_url",
    ]);
    let report = house.run("doctor --json").exits(1).json();
    assert!(report["checks"].as_array().unwrap().len() > 10, "{report}");
}

#[test]
fn a_file_that_is_no_toml_is_told_with_line_and_column() {
    let house = House::new().configured("[vendors.acme]\ngrant = pkce\n");
    let ran = house.run("config check").exits(1);
    assert!(ran.out.contains("config.toml:2:9: syntax: "), "{ran:?}");
}

#[test]
fn a_file_that_can_not_be_read_is_a_problem_like_any_other() {
    let house = House::new();
    std::fs::write(house.path("config.toml"), [0xff, 0xfe]).unwrap();
    let ran = house.run("config check").exits(1);
    assert!(
        ran.out.contains("config.toml: file: could not be read"),
        "{ran:?}"
    );
    house.run("auth token codex").exits(1);
}

#[test]
fn the_printed_example_is_accepted() {
    let house = House::new();
    let example = house.run("config example").exits(0).out;
    let house = house.configured(&example);
    let ran = house.run("config check").exits(0);
    assert!(ran.out.contains("is fine"), "{ran:?}");
}

#[test]
fn what_is_configured_is_said_and_so_is_that_nothing_is() {
    let house = House::new();
    let ran = house.run("config check").exits(0);
    assert!(ran.out.contains("the defaults hold"), "{ran:?}");
    let house =
        house.configured("[vendors.acme]\ngrant = \"api-key\"\n[credentials]\npath = \"kept/logins.json\"\n");
    let ran = house.run("config check").exits(0);
    assert!(
        ran.out
            .contains("is fine: no agents of your own, vendors acme, store `"),
        "{ran:?}"
    );
    assert!(ran.out.contains("kept/logins.json"), "{ran:?}");
}

#[test]
fn a_named_file_must_exist_and_is_used() {
    let house = House::new();
    house
        .run("config check --config /nowhere/at.toml")
        .exits(1)
        .tells(&["/nowhere/at.toml", "hint: "]);
    let other = House::new().configured("[vendors.acme]\ngrant = \"api-key\"\n");
    let line = format!(
        "auth begin acme --user a --json --config {}",
        other.path("config.toml").display()
    );
    assert_eq!(house.run(&line).exits(0).json()["kind"], "key");
}

/// Where these stand, as a person reads it and as a machine does.
#[test]
fn errors_and_warnings_are_told_apart_also_to_machines() {
    let both = "[web]\nlisten = \"nowhere\"\n[discord]\nusers = [1, 1]\n";
    let house = House::new()
        .configured(both)
        .with("DISCORD_TOKEN", "MTE1planted.Gabcde.planted-token-0123456789");
    let path = house.path("config.toml").display().to_string();
    let ran = house.run("config check").exits(1);
    let lines: Vec<&str> = ran.out.lines().collect();
    assert!(
        lines[0].starts_with(&format!("{path}:2: web.listen: ")),
        "{ran:?}"
    );
    assert!(
        lines[1].starts_with(&format!(
            "warning: {path}:4: discord.users: names 1 more than once ("
        )),
        "{ran:?}"
    );
    let json = house.run("config check --json").exits(1).json();
    assert_eq!(json["ok"], false);
    let [error, warning] = [&json["errors"][0], &json["warnings"][0]];
    assert_eq!(
        (&error["file"], &error["line"], &error["key"]),
        (&path.clone().into(), &2.into(), &"web.listen".into())
    );
    assert_eq!(
        (&warning["line"], &warning["what"]),
        (&4.into(), &"names 1 more than once".into())
    );
    assert!(warning["hint"].is_string(), "{json}");
    ran.tells(&["error: 1 problem in the configuration, and 1 warning"]);

    // A warning is in nobody's way, and nobody misses it.
    let house = house.configured("[discord]\nusers = [1, 1]\n");
    let ran = house.run("config check").exits(0);
    assert!(ran.out.contains("is fine, with 1 warning"), "{ran:?}");
    assert_eq!(house.run("config check --json").exits(0).json()["ok"], true);
    let report = house.run("doctor --json").json();
    let checks = report["checks"].as_array().unwrap();
    let check = checks.iter().find(|check| check["name"] == "config").unwrap();
    assert!(
        check["status"] == "warn" && check["message"].to_string().contains("more than once"),
        "{check}"
    );
}

#[test]
fn a_key_that_is_only_there_to_be_refused_is_offered_to_nobody() {
    let house = House::new().configured("[discord]\ncolour = 1\ntoke = 2\n");
    let ran = house.run("config check").exits(1);
    let known = ran.out.lines().find(|line| line.contains("colour")).unwrap();
    assert!(
        known.contains("token_env") && !known.contains("token,"),
        "{known}"
    );
    assert!(!ran.out.contains("`token`"), "{ran:?}");
}
