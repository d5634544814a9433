//! `auth login`: the browser comes back to this machine, or the person pastes.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use rehearsal::Decision;
use url::Url;

use crate::house::{House, PATIENCE, Town};

/// What the listener answers to a GET of this address; `host` and `path` may be wrong on purpose.
fn get(back: &Url, host: &str, path_and_query: &str) -> String {
    let mut stream = TcpStream::connect((back.host_str().unwrap(), back.port().unwrap())).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(stream, "GET {path_and_query} HTTP/1.1\r\nHost: {host}\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn authority(back: &Url) -> String {
    back.authority().to_owned()
}

fn target(back: &Url) -> String {
    format!("{}?{}", back.path(), back.query().unwrap())
}

#[test]
fn the_browser_comes_back_and_is_told_that_it_worked() {
    let town = Town::start();
    let house = House::in_town(&town);
    let mut login = house.start("auth login rehearsal --json");
    let link = login.link();
    let back: Url = town.approve(&link, "alice").parse().unwrap();
    assert_eq!(back.path(), "/callback", "a loopback redirect of this machine");
    let page = get(&back, &authority(&back), &target(&back));
    assert!(page.starts_with("HTTP/1.1 200"), "{page}");
    for part in [
        "Signed in to rehearsal",
        "x-content-type-options: nosniff",
        "content-security-policy: default-src 'none'",
        "referrer-policy: no-referrer",
        "cache-control: no-store",
    ] {
        assert!(page.contains(part), "no {part} in {page}");
    }
    let done = login.end().exits(0).tells(&["signed in to rehearsal as alice@"]);
    assert_eq!(done.json()["owner"], "host");
    house.run("auth token rehearsal").exits(0);
}

#[test]
fn requests_that_are_no_answer_to_this_link_change_nothing() {
    let town = Town::start();
    let house = House::in_town(&town);
    let mut login = house.start("auth login rehearsal --user alice");
    let link = login.link();
    let back: Url = town.approve(&link, "alice").parse().unwrap();
    let host = authority(&back);
    for (host, target, status) in [
        ("evil.example", target(&back), "421"),
        (host.as_str(), "/favicon.ico".to_owned(), "404"),
        (host.as_str(), "/callback?code=x&state=made-up".to_owned(), "400"),
        (host.as_str(), "/callback?error=access_denied".to_owned(), "400"),
        (host.as_str(), "/callback".to_owned(), "400"),
    ] {
        let page = get(&back, host, &target);
        assert!(
            page.starts_with(&format!("HTTP/1.1 {status}")),
            "{target}: {page}"
        );
    }
    let page = get(&back, &host, &target(&back));
    assert!(page.starts_with("HTTP/1.1 200"), "{page}");
    login.end().exits(0);
}

#[test]
fn a_denial_reaches_the_page_and_the_terminal() {
    let town = Town::start();
    let house = House::in_town(&town);
    let mut login = house.start("auth login rehearsal --user alice");
    let link = login.link();
    let back = town.control.authorize(&link, "alice", Decision::Deny).unwrap();
    let page = get(&back, &authority(&back), &target(&back));
    assert!(
        page.contains("Not signed in") && page.contains("denied at the vendor"),
        "{page}"
    );
    login
        .end()
        .exits(1)
        .tells(&["denied at the vendor's page", "hint: begin again with"]);
}

#[test]
fn pasting_is_the_way_out_and_a_slip_is_forgiven() {
    let town = Town::start();
    let house = House::in_town(&town);
    let mut login = house.start("auth login rehearsal --user alice");
    let link = login.link();
    login.type_line("I clicked on it");
    login.line(|line| line == "that is neither a code nor an address");
    login.type_line(&town.approve(&link, "alice"));
    login.end().exits(0).tells(&["signed in to rehearsal"]);
}

#[test]
fn without_a_free_address_only_pasting_is_left() {
    let town = Town::start();
    let busy = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let redirect = format!("http://{}/cb", busy.local_addr().unwrap());
    let house = House::new().configured(&format!(
        "[vendors.acme]\ngrant = \"pkce\"\nauthorize_url = \"{0}authorize\"\ntoken_url = \"{0}token\"\n\
         client_id = \"rehearsal\"\nredirect_uri = \"{redirect}\"\n",
        town.url
    ));
    house.run("auth login acme --user alice").exits(1).tells(&[
        "no registered address of this machine is free",
        "nothing was pasted",
    ]);
}

#[test]
fn a_device_login_shows_the_code_and_waits() {
    let town = Town::start();
    let house = House::in_town(&town);
    let mut login = house.start("auth login rehearsal --grant device");
    let line = login.line(|line| line.starts_with("open "));
    let code = line.rsplit(' ').next().unwrap();
    town.control
        .decide_device(code, "alice", Decision::Approve)
        .unwrap();
    login.end().exits(0);
}

#[test]
fn a_key_login_takes_the_key_from_standard_input() {
    let house = House::new();
    house
        .run_with_stdin("auth login openai --user alice", "sk-test-2\n")
        .exits(0)
        .tells(&["signed in to openai (local:alice)"]);
    assert_eq!(
        house.run("auth token openai --user alice").exits(0).out,
        "sk-test-2\n"
    );
}

#[test]
fn an_interrupted_login_leaves_nothing_broken() {
    let town = Town::start();
    let house = House::in_town(&town);
    let mut login = house.start("auth login rehearsal --user alice");
    login.link();
    let pid = nix::unistd::Pid::from_raw(login.child.id().try_into().unwrap());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGINT).unwrap();
    login.end();
    house.run("doctor").exits(0);
    house.sign_in(&town, "alice", "");
}

#[test]
fn without_a_rehearsal_it_is_said_at_once_what_to_start() {
    // tcpmux, which nobody runs.
    let url = "http://127.0.0.1:1";
    let house = House::new().with("AGENT_HOST_REHEARSAL_URL", url);
    for line in [
        "auth begin rehearsal --user alice",
        "auth begin rehearsal --user alice --grant device",
        "auth login rehearsal",
    ] {
        let ran = house.run(line).exits(4);
        assert!(ran.out.is_empty(), "{ran:?}");
        ran.tells(&[
            &format!("error: no rehearsal answers at {url}"),
            "agent-host rehearsal` in another terminal starts one",
        ]);
    }
    // Nothing was begun that would wait.
    house.run("auth complete rehearsal --user alice").exits(1);
}
