//! `doctor` on a disk that is really full, of bytes or of files, and what a start says there: a small file system of its own in
//! a namespace of its own.

use std::process::{Command, Output};

use nix::unistd::geteuid;
use serde_json::Value;
use support::agent_host;

/// Mounts, fills, and becomes the program.
const ENTER: &str = "set -e
disk=$1 options=$2 fill=$3
shift 3
mount -t tmpfs -o \"$options\" tmpfs \"$disk\"
mkdir -m 700 \"$disk/state\"
cd \"$disk\"
eval \"$fill\" 2>/dev/null
exec \"$@\"";

const BYTES: &str = "cat /dev/zero > filler || true";
const FILES: &str = "n=0; while n=$((n + 1)); ( : > \"filler$n\" ); do :; done";

/// The program with its state on a disk that was made with these options and filled so.
fn on_a_disk(options: &str, fill: &str, words: &[&str]) -> Output {
    let disk = tempfile::tempdir().expect("a folder can be made");
    let program = agent_host(&disk.path().join("state"));
    let mut command = Command::new("unshare");
    if !geteuid().is_root() {
        command.args(["--user", "--map-root-user"]);
    }
    command.args(["--mount", "sh", "-c", ENTER, "sh"]);
    command.arg(disk.path()).args([options, fill]);
    command.arg(program.get_program()).args(words).env_clear();
    command.envs(program.get_envs().filter_map(|(name, is)| Some((name, is?))));
    command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    let output = command.output().expect("unshare comes with the system");
    let told = String::from_utf8_lossy(&output.stderr);
    let is_mounted = !told.contains("unshare: ") && !told.contains("mount: ");
    assert!(
        is_mounted,
        "a disk of its own needs root or namespaces of users: {told}"
    );
    output
}

/// What `doctor` says of the state there.
fn state(options: &str, fill: &str) -> Value {
    let output = on_a_disk(options, fill, &["doctor", "--json"]);
    let report: Value = serde_json::from_slice(&output.stdout).expect("a report");
    let checks = report["checks"].as_array().expect("a list").clone();
    let found = checks.into_iter().find(|check| check["name"] == "state");
    found.expect("it is looked at")
}

#[test]
fn a_disk_that_is_full_of_bytes_or_of_files_fails_and_one_with_little_room_is_told() {
    for (options, fill, status, words) in [
        ("size=256m", "", "ok", "a host can start"),
        ("size=40m", "", "warn", "has 40 MiB left"),
        ("size=256m,nr_inodes=400", "", "warn", "more files, however small"),
        ("size=4m", BYTES, "fail", "has 0 MiB left: a host could not start"),
        (
            "size=256m,nr_inodes=60",
            FILES,
            "fail",
            "has room for 0 more files, however small: a host could not start",
        ),
    ] {
        let check = state(options, fill);
        let message = check["message"].as_str().expect("words");
        assert!(
            check["status"] == status && message.contains(words),
            "{options}: {check}"
        );
        if status != "ok" {
            assert!(check["hint"].to_string().contains("make room there"), "{check}");
        }
    }
}

#[test]
fn a_start_on_a_disk_that_is_full_fails_as_doctor_says_with_what_is_full() {
    for (options, fill) in [("size=4m", BYTES), ("size=256m,nr_inodes=60", FILES)] {
        let output = on_a_disk(options, fill, &["up", "--listen", "127.0.0.1:0"]);
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{options}: {told}");
        assert!(
            told.contains("error: ") && told.contains("No space left on device"),
            "{told}"
        );
    }
}
