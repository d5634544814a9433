//! What `doctor` says of what a host keeps besides the logins, and `status` beside it.

use std::fs;

use super::{chmod, exactly, signed_in};

#[test]
fn a_conversation_or_a_list_of_browsers_that_would_stop_a_host_fails_and_status_tells_both() {
    for (name, content, message) in [
        (
            "conversation.db",
            "no database\n".repeat(500),
            "is damaged, or no conversation",
        ),
        (
            "web-sessions.json",
            "{garbage".to_owned(),
            "holds something else than expected",
        ),
    ] {
        let (_town, house) = signed_in();
        let path = house.path(name);
        fs::write(&path, &content).unwrap();
        let hint = format!("move `{}` a", path.display());
        exactly(&house.run("doctor --json"), "state", "fail", message, &hint);
        assert_eq!(fs::read_to_string(&path).unwrap(), content);
        house
            .run("up --listen 127.0.0.1:0")
            .exits(1)
            .tells(&["error: ", message, "hint: ", &hint]);
        let status = house.run("status").exits(1).out;
        assert!(status.contains("no host runs on"), "{status}");
        if name == "conversation.db" {
            assert!(status.contains(message) && status.contains(&hint), "{status}");
            house.run("threads list").exits(1).tells(&[message, &hint]);
        }
    }
}

#[test]
fn a_folder_in_place_of_the_conversation_fails() {
    let (_town, house) = signed_in();
    fs::create_dir(house.path("conversation.db")).unwrap();
    exactly(
        &house.run("doctor --json"),
        "state",
        "fail",
        "it is no file",
        "aside",
    );
}

#[test]
fn a_password_that_others_may_read_is_warned_of() {
    let (_town, house) = signed_in();
    let path = house.path("password");
    fs::write(&path, "a password of many letters\n").unwrap();
    chmod(&path, 0o644);
    let house = house.configured(&format!("[web]\npassword_file = {path:?}\n"));
    exactly(
        &house.run("doctor --json"),
        "state",
        "warn",
        "every user of this machine may read",
        "chmod 600",
    );
    // Stopped by what is damaged, after the warning.
    fs::write(house.path("conversation.db"), "no database\n".repeat(500)).unwrap();
    house
        .run("up --listen 127.0.0.1:0")
        .exits(1)
        .tells(&["warning: every user of this machine may read"]);
    chmod(&path, 0o600);
    fs::remove_file(house.path("conversation.db")).unwrap();
    house.run("doctor").exits(0);
}

#[test]
fn a_conversation_that_was_emptied_stops_a_host_and_one_that_is_gone_is_warned_of() {
    let (_town, house) = signed_in();
    let path = house.path("conversation.db");
    fs::create_dir_all(house.path("threads/web-a")).unwrap();
    exactly(
        &house.run("doctor --json"),
        "state",
        "warn",
        "1 thread has files in",
        "backup",
    );
    fs::write(&path, "").unwrap();
    exactly(
        &house.run("doctor --json"),
        "state",
        "fail",
        "is empty, and 1 thread",
        "backup",
    );
    house.run("up --listen 127.0.0.1:0").exits(1).tells(&[
        "is empty, and 1 thread has files in",
        "hint: put a backup in its place; or remove",
    ]);
    assert_eq!(fs::metadata(&path).unwrap().len(), 0);
}
