//! `rehearsal`, `demo` and the worker.

use std::io::{BufRead as _, BufReader};
use std::process::Command;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::house::House;

#[test]
fn rehearsal_prints_its_addresses_and_other_verbs_find_it_until_a_signal() {
    let house = House::new();
    let mut server = house.start("rehearsal --listen 127.0.0.1:0");
    let mut line = String::new();
    let mut out = BufReader::new(server.child.stdout.take().unwrap());
    out.read_line(&mut line).unwrap();
    let endpoints: Value = serde_json::from_str(&line).unwrap();
    server.line(|line| line.contains("stop it with Ctrl-C"));
    let begun = house.run("auth begin rehearsal --user alice").exits(0);
    assert!(
        begun.out.starts_with(endpoints["authorize"].as_str().unwrap()),
        "{begun:?}"
    );
    assert!(house.path("rehearsal.json").exists());
    kill(
        Pid::from_raw(server.child.id().try_into().unwrap()),
        Signal::SIGTERM,
    )
    .unwrap();
    let status = server.child.wait().unwrap();
    assert_eq!(status.code(), Some(0));
    line.clear();
    out.read_line(&mut line).unwrap();
    assert!(line.is_empty(), "exactly one line: {line}");
    assert!(!house.path("rehearsal.json").exists());
}

#[test]
fn a_busy_port_is_told_with_the_way_out() {
    let busy = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = busy.local_addr().unwrap();
    House::new()
        .run(&format!("rehearsal --listen {address}"))
        .exits(1)
        .tells(&[
            &format!("port {} is in use", address.port()),
            "hint: ",
            "--listen 127.0.0.1:0",
        ]);
}

#[test]
fn the_demo_shows_one_refresh_for_many_processes() {
    let house = House::new();
    let ran = house.run("demo --storm 12").exits(0);
    for words in [
        "12 processes asked",
        "tokens they got: 1; refreshes the server saw: 1",
        "one login",
    ] {
        assert!(ran.out.contains(words), "{ran:?}");
    }
    assert!(
        house.home().read_dir().unwrap().next().is_none(),
        "nothing is kept"
    );
}

#[test]
fn the_worker_says_what_it_is_and_does_nothing_for_people() {
    let worker = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_agent-host-worker"))
            .args(arguments)
            .output()
            .unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (
            output.status.code().unwrap(),
            text(output.stdout),
            text(output.stderr),
        )
    };
    let (code, out, _) = worker(&["--version"]);
    assert_eq!(
        (code, out),
        (0, format!("agent-host-worker {}\n", env!("CARGO_PKG_VERSION")))
    );
    assert!(worker(&["--help"]).1.contains("started by agent-host"));
    for wrong in [&["serve"][..], &["--help", "x"]] {
        let (code, out, err) = worker(wrong);
        assert_eq!((code, out.as_str()), (2, ""));
        assert!(err.contains("is started by agent-host"), "{err}");
    }
}
