//! Where the configuration, the state and the rehearsal's server are.

use super::*;

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
