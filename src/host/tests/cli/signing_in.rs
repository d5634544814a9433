//! `auth begin` and `auth complete`: two steps, two users, and every wrong turn.

use std::fs;

use rehearsal::{Counter, Decision};

use crate::house::{House, Town};

#[test]
fn a_link_is_alone_on_standard_output_and_the_next_command_is_told() {
    let town = Town::start();
    let house = House::in_town(&town);
    let begun = house
        .run("auth begin rehearsal --user alice --owner host")
        .exits(0);
    assert!(begun.out.starts_with("http://127.0.0.1:"), "{begun:?}");
    assert_eq!(begun.out.lines().count(), 1);
    let begun = begun.tells(&[
        "agent-host auth complete rehearsal --user local:alice",
        "15 minutes",
    ]);
    let done = house
        .run_with_stdin(
            "auth complete rehearsal --user alice",
            &town.approve(begun.out.trim(), "alice"),
        )
        .exits(0)
        .tells(&[
            "signed in to rehearsal as alice@",
            "(host), valid until ",
            ", renewed by itself",
        ]);
    assert!(done.out.is_empty(), "{done:?}");
    assert_eq!(house.run("auth token rehearsal").exits(0).out.lines().count(), 1);
}

#[test]
fn who_is_not_named_has_the_name_that_the_system_knows_also_without_a_variable() {
    let town = Town::start();
    let house = House::in_town(&town);
    let own = nix::unistd::User::from_uid(nix::unistd::geteuid()).unwrap();
    let name = own.map_or_else(|| "me".to_owned(), |own| own.name);
    house
        .run("auth begin rehearsal")
        .exits(0)
        .tells(&[&format!("auth complete rehearsal --user local:{name}")]);
}

#[test]
fn what_is_printed_as_the_next_command_can_be_typed_as_it_stands() {
    let town = Town::start();
    let house = House::in_town(&town);
    let config = house.path("another $place.toml");
    fs::write(&config, "[vendors.acme]\ngrant = \"api-key\"\ntitle = \"Acme\"\n").unwrap();
    // Names and places as people have them; the vendor is known in that configuration only.
    let begun = house.command(&[
        "--config",
        config.to_str().unwrap(),
        "auth",
        "begin",
        "acme",
        "--user",
        "o'b$1",
        "--owner",
        "host",
    ]);
    let begun = { begun }.output().unwrap();
    let told = String::from_utf8(begun.stderr).unwrap();
    let next = told
        .lines()
        .find(|line| line.trim().starts_with("AGENT_HOST_HOME="))
        .unwrap();
    house
        .types(next, "a-key\n")
        .exits(0)
        .tells(&["signed in to acme (host)"]);
}

#[test]
fn a_sign_in_that_ended_badly_is_begun_again_for_the_same_owner() {
    let town = Town::start();
    let house = House::in_town(&town);
    let begun = house
        .run("auth begin rehearsal --user alice --owner host")
        .exits(0);
    let denied = town
        .control
        .authorize(begun.out.trim(), "alice", Decision::Deny)
        .unwrap();
    let ended = house.run_with_stdin("auth complete rehearsal --user alice", denied.as_str());
    let again = "agent-host auth begin rehearsal --user local:alice --owner host";
    let ended = ended.exits(1).tells(&[&format!("{again}`")]);
    assert!(ended.out.is_empty());
    let begun = house.types(again, "").exits(0);
    let back = town.approve(begun.out.trim(), "alice");
    house
        .run_with_stdin("auth complete rehearsal --user alice", &back)
        .exits(0)
        .tells(&["(host)"]);
}

#[test]
fn both_steps_speak_json() {
    let town = Town::start();
    let house = House::in_town(&town);
    let begun = house
        .run("auth begin rehearsal --user alice --json")
        .exits(0)
        .json();
    assert_eq!(
        (&begun["kind"], &begun["expires_in_s"]),
        (&"link".into(), &900.into())
    );
    assert!(
        begun["redirect_uri"].as_str().unwrap().ends_with("/code"),
        "{begun}"
    );
    let back = town.approve(begun["url"].as_str().unwrap(), "alice");
    let done = house
        .run_with_stdin("auth complete rehearsal --user alice - --json", &back)
        .exits(0)
        .json();
    assert_eq!(
        (&done["tenant"], &done["owner"]),
        (&"rehearsal".into(), &"local:alice".into())
    );
    assert_eq!(done["account"]["label"], "alice@rehearsal.invalid");
    assert_eq!(done["refreshable"], true);
    assert!(done["expires_at"].as_str().unwrap().ends_with('Z'), "{done}");
}

#[test]
fn without_a_user_both_steps_are_for_the_host_and_with_one_for_that_user_alone() {
    let town = Town::start();
    let house = House::in_town(&town).with("USER", "carol");
    for (user, owner) in [
        ("", "host"),
        (" --user alice", "local:alice"),
        (" --user bob --owner host", "host"),
    ] {
        let begun = house.run(&format!("auth begin rehearsal{user}")).exits(0);
        let back = town.approve(begun.out.trim(), "alice");
        let user = user.trim_end_matches(" --owner host");
        let done = house.run_with_stdin(&format!("auth complete rehearsal{user} --json"), &back);
        assert_eq!(done.exits(0).json()["owner"], owner);
    }
    let key = house.run_with_stdin("auth login openai --user alice --json", "sk-test-1\n");
    assert_eq!(key.exits(0).json()["owner"], "local:alice");
    house
        .run_with_stdin("auth complete rehearsal", "code\n")
        .exits(1)
        .tells(&["agent-host auth begin rehearsal --user local:carol --owner host`"]);
}

#[test]
fn code_with_state_and_bare_code_are_as_good_as_the_address() {
    let town = Town::start();
    let house = House::in_town(&town);
    for with_state in [true, false] {
        let begun = house.run("auth begin rehearsal --user alice").exits(0);
        let back: url::Url = town.approve(begun.out.trim(), "alice").parse().unwrap();
        let value = |wanted: &str| {
            let found = back.query_pairs().find(|(name, _)| name == wanted);
            found.unwrap().1.into_owned()
        };
        let state = if with_state {
            format!("#{}", value("state"))
        } else {
            String::new()
        };
        house
            .run_with_stdin(
                "auth complete rehearsal --user alice",
                &format!("{}{state}\n", value("code")),
            )
            .exits(0);
    }
}

#[test]
fn a_code_on_the_command_line_works_and_is_warned_about() {
    let town = Town::start();
    let house = House::in_town(&town);
    let begun = house.run("auth begin rehearsal --user alice").exits(0);
    let back = town.approve(begun.out.trim(), "alice");
    house
        .run(&format!("auth complete rehearsal --user alice {back}"))
        .exits(0)
        .tells(&["warning: other users of this machine can see"]);
}

#[test]
fn each_wrong_paste_has_its_own_words_and_the_sign_in_still_waits() {
    let town = Town::start();
    let house = House::in_town(&town);
    let begun = house.run("auth begin rehearsal --user alice").exits(0);
    let link = begun.out.trim();
    for (pasted, words) in [
        ("", "nothing was pasted"),
        ("I clicked on it", "neither a code nor an address"),
        (link, "that is the link to open"),
        (
            "http://127.0.0.1/cb?code=x&state=old",
            "older link or another sign-in",
        ),
        (
            "http://127.0.0.1/cb?error=access_denied",
            "denied at the vendor's page",
        ),
        (
            "http://127.0.0.1/cb?error=server_error",
            "`server_error` instead of a code",
        ),
        ("sk-proj-1", "looks like an API key"),
    ] {
        house
            .run_with_stdin("auth complete rehearsal --user alice", &format!("{pasted}\n"))
            .exits(1)
            .tells(&["error: ", words, "hint: "]);
    }
    house
        .run_with_stdin(
            "auth complete rehearsal --user alice",
            &town.approve(link, "alice"),
        )
        .exits(0);
}

#[test]
fn a_code_that_was_used_before_is_refused_with_the_command_to_begin_again() {
    let town = Town::start();
    let house = House::in_town(&town);
    house.sign_in(&town, "alice", "");
    house
        .run_with_stdin("auth complete rehearsal --user alice", "code\n")
        .exits(1)
        .tells(&[
            "no sign-in to rehearsal is waiting",
            "agent-host auth begin rehearsal --user local:alice`",
        ]);
    house.run("auth begin rehearsal --user alice").exits(0);
    house
        .run_with_stdin("auth complete rehearsal --user alice", "rh-code-made-up\n")
        .exits(1)
        .tells(&["the vendor refused the code", "begin again"]);
}

#[test]
fn two_users_sign_in_side_by_side_and_neither_takes_the_others_code() {
    let town = Town::start();
    let house = House::in_town(&town);
    let link = |user: &str| {
        let begun = house.run(&format!("auth begin rehearsal --user {user}"));
        begun.exits(0).out.trim().to_owned()
    };
    let (alice, bob) = (link("alice"), link("discord:1"));
    let (alices, bobs) = (town.approve(&alice, "alice"), town.approve(&bob, "bob"));
    house
        .run_with_stdin("auth complete rehearsal --user discord:1", &alices)
        .exits(1)
        .tells(&[
            "older link or another sign-in",
            "do not paste what somebody sent you",
        ]);
    house
        .run_with_stdin("auth complete rehearsal --user alice", &alices)
        .exits(0);
    house
        .run_with_stdin("auth complete rehearsal --user discord:1", &bobs)
        .exits(0);
    let token = |user: &str| {
        house
            .run(&format!("auth token rehearsal --user {user}"))
            .exits(0)
            .out
    };
    assert_ne!(token("alice"), token("discord:1"));
    house.run("auth token rehearsal").exits(3);
}

#[test]
fn a_device_sign_in_waits_for_the_person_and_reads_no_standard_input() {
    let town = Town::start();
    let house = House::in_town(&town);
    let begun = house
        .run("auth begin rehearsal --user alice --grant device --json")
        .exits(0)
        .json();
    assert_eq!(begun["kind"], "device");
    let waiting = house.start("auth complete rehearsal --user alice --json");
    town.wait(Counter::DevicePolls, 1);
    let code = begun["user_code"].as_str().unwrap();
    town.control
        .decide_device(code, "alice", Decision::Approve)
        .unwrap();
    let done = waiting.end().exits(0);
    assert_eq!(done.json()["account"]["label"], "alice@rehearsal.invalid");
}

#[test]
fn a_device_sign_in_that_is_denied_says_so() {
    let town = Town::start();
    let house = House::in_town(&town);
    let begun = house
        .run("auth begin rehearsal --user alice --grant device")
        .exits(0);
    let code = begun.out.lines().next().unwrap().rsplit(' ').next().unwrap();
    town.control.decide_device(code, "alice", Decision::Deny).unwrap();
    house
        .run("auth complete rehearsal --user alice")
        .exits(1)
        .tells(&["the sign-in was denied at the vendor", "hint: begin again with"]);
}

#[test]
fn codex_is_signed_in_to_by_link_and_by_device() {
    let town = Town::start();
    let house = House::new().configured(&format!("[vendors.codex]\nissuer = \"{}\"\n", town.url));
    let begun = house.run("auth begin codex --user alice --owner host").exits(0);
    assert!(begun.out.contains("localhost%3A1455"), "{begun:?}");
    let back = town.approve(begun.out.trim(), "alice");
    house
        .run_with_stdin("auth complete codex --user alice", &back)
        .exits(0);

    let begun = house
        .run("auth begin codex --user bob --grant device --json")
        .exits(0)
        .json();
    assert!(
        begun["page"].as_str().unwrap().ends_with("/codex/device"),
        "{begun}"
    );
    let code = begun["user_code"].as_str().unwrap();
    town.control
        .decide_device(code, "bob", Decision::Approve)
        .unwrap();
    house
        .run("auth complete codex --user bob")
        .exits(0)
        .tells(&["signed in to codex as bob@"]);

    house.expire("codex", "host");
    house.run("auth token codex").exits(0);
    assert_eq!(
        town.count(Counter::Rotations),
        1,
        "codex refreshes with JSON, as its server wants"
    );
}

#[test]
fn an_api_key_is_pasted_and_printed_again_as_token() {
    let house = House::new();
    let begun = house.run("auth begin openai --user alice --owner host").exits(0);
    assert!(begun.out.is_empty(), "{begun:?}");
    begun.tells(&[
        "API key of OpenAI API",
        "agent-host auth complete openai --user local:alice",
    ]);
    for wrong in ["sk-planted in two words".to_owned(), "k".repeat(5000)] {
        house
            .run_with_stdin("auth complete openai --user alice", &format!("{wrong}\n"))
            .exits(1)
            .tells(&["that is no API key", "hint: paste the key alone"]);
    }
    house
        .run_with_stdin("auth complete openai --user alice", "sk-test-1\n")
        .exits(0)
        .tells(&["signed in to openai (host), valid until it is removed"]);
    assert_eq!(house.run("auth token openai").exits(0).out, "sk-test-1\n");
    assert_eq!(
        house.run("auth begin openai --user alice --json").exits(0).out,
        "{\"kind\":\"key\",\"vendor\":\"OpenAI API\"}\n"
    );
}

#[test]
fn a_way_that_the_vendor_does_not_have_is_told_with_those_it_has() {
    House::new()
        .run("auth begin openai --user alice --grant device")
        .exits(1)
        .tells(&["openai can't be signed in to by `device`; it knows api-key"]);
}

#[test]
fn what_shadows_a_login_is_said_when_it_begins() {
    House::new()
        .with("OPENAI_API_KEY", "sk-planted")
        .run("auth begin openai")
        .exits(0)
        .tells(&["note: OPENAI_API_KEY is set and comes before the host's login to openai"]);
}

#[test]
fn a_vendor_that_is_away_is_exit_4_and_the_sign_in_still_waits() {
    let town = Town::start();
    let house = House::in_town(&town);
    let begun = house.run("auth begin rehearsal --user alice").exits(0);
    let back = town.approve(begun.out.trim(), "alice");
    drop(town);
    house
        .run_with_stdin("auth complete rehearsal --user alice", &back)
        .exits(4)
        .tells(&["error: ", "hint: the sign-in is still waiting"]);
}

#[test]
fn no_log_filter_brings_a_secret_to_standard_error() {
    let town = Town::start();
    let house = House::in_town(&town).with("AGENT_HOST_LOG", "trace,reqwest=trace,hyper=trace,oauth2=trace");
    let begun = house
        .run("auth begin rehearsal --user alice --owner host")
        .exits(0);
    let back = town.approve(begun.out.trim(), "alice");
    let done = house
        .run_with_stdin("auth complete rehearsal --user alice", &back)
        .exits(0);
    let code = back.split("code=").nth(1).unwrap().split('&').next().unwrap();
    let store = house.store();
    let grant = &store["tenants"]["rehearsal"]["host"];
    for secret in [
        code,
        grant["access_token"].as_str().unwrap(),
        grant["refresh_token"].as_str().unwrap(),
    ] {
        assert!(secret.len() > 10 && !done.err.contains(secret), "{}", done.err);
    }
}

#[test]
fn the_state_folder_and_its_files_are_private() {
    use std::os::unix::fs::PermissionsExt as _;
    let town = Town::start();
    let house = House::in_town(&town);
    house.sign_in(&town, "alice", "");
    for entry in fs::read_dir(house.home()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{:?}", entry.path());
    }
}
