//! What `doctor` says of the files and folders of a host.

use super::*;

#[test]
fn a_file_that_others_may_read_fails_with_the_command_that_mends_it() {
    let (_town, house) = signed_in();
    let path = house.path("auth.json");
    chmod(&path, 0o644);
    let hint = format!("chmod 600 {}", path.display());
    exactly(&house.run("doctor --json"), "file", "fail", "has mode 644", &hint);
    let human = house.run("doctor").exits(1).out;
    assert!(human.contains(&format!("hint: {hint}")), "{human}");
    assert_eq!(human.lines().last(), Some("1 problem"), "{human}");
    chmod(&path, 0o600);
    house.run("doctor").exits(0);
}

#[test]
fn a_truncated_file_fails_and_so_does_a_newer_version() {
    let (_town, house) = signed_in();
    let path = house.path("auth.json");
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    exactly(
        &house.run("doctor --json"),
        "file",
        "fail",
        "is corrupt",
        "agent-host auth repair",
    );
    fs::write(&path, r#"{"version":99,"tenants":{}}"#).unwrap();
    exactly(
        &house.run("doctor --json"),
        "file",
        "fail",
        "version 99",
        "the version of agent-host that wrote it",
    );
}

#[test]
fn a_folder_in_place_of_the_file_fails() {
    let house = House::new();
    fs::create_dir(house.path("auth.json")).unwrap();
    chmod(&house.path("auth.json"), 0o700);
    exactly(
        &house.run("doctor --json"),
        "file",
        "fail",
        "is a folder",
        "move it away",
    );
}

#[test]
fn a_file_of_somebody_else_fails() {
    // Only root can give files away.
    if !is_root() {
        eprintln!("not tested: giving a file away needs root");
        return;
    }
    let (_town, house) = signed_in();
    nix::unistd::chown(&house.path("auth.json"), Some(1.into()), None).unwrap();
    exactly(
        &house.run("doctor --json"),
        "file",
        "fail",
        "belongs to user id 1",
        "root gives it back with `chown -R root: ",
    );
}

#[test]
fn a_link_is_fine_and_said() {
    let (_town, house) = signed_in();
    fs::create_dir(house.path("real")).unwrap();
    chmod(&house.path("real"), 0o700);
    fs::rename(house.path("auth.json"), house.path("real/auth.json")).unwrap();
    symlink("real/auth.json", house.path("auth.json")).unwrap();
    let human = house.run("doctor").exits(0).out;
    assert!(
        human.contains("real/auth.json` is private and whole (through the link `"),
        "{human}"
    );
}

#[test]
fn a_folder_that_others_may_look_into_fails() {
    let (_town, house) = signed_in();
    chmod(house.home(), 0o755);
    let hint = format!("chmod 700 {}", house.home().display());
    exactly(
        &house.run("doctor --json"),
        "folder",
        "fail",
        "has mode 755",
        &hint,
    );
}

#[test]
fn a_folder_of_somebody_else_fails() {
    // Only root can give folders away.
    if !is_root() {
        eprintln!("not tested: giving a file away needs root");
        return;
    }
    let (_town, house) = signed_in();
    nix::unistd::chown(house.home(), Some(1.into()), None).unwrap();
    exactly(
        &house.run("doctor --json"),
        "folder",
        "fail",
        "belongs to user id 1",
        "run this as its owner, `sudo -u ",
    );
}

#[test]
fn a_state_folder_that_can_not_be_made_fails() {
    let house = House::new();
    fs::write(house.path("in-the-way"), "").unwrap();
    let home = house.path("in-the-way/state");
    let output = house
        .command(&["doctor", "--json"])
        .env("AGENT_HOST_HOME", home)
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        troubled(&report).keys().collect::<Vec<_>>(),
        ["folder"],
        "{report:#}"
    );
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn a_doctor_leaves_nothing_behind() {
    let (_town, house) = signed_in();
    let files = || -> std::collections::BTreeSet<_> {
        let entries = fs::read_dir(house.home()).unwrap();
        entries.map(|entry| entry.unwrap().file_name()).collect()
    };
    let before = files();
    house.run("doctor").exits(0);
    assert_eq!(files(), before);
}
