//! Planted secrets are found in nothing that a run writes, but in `auth.json` and on the output of `auth token`.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};

use rehearsal::{Decision, Fault, Target};
use support::{Fifo, Scene, agent_host};

/// How every secret that the rehearsal server makes begins, and the ones that this test plants.
const MARKS: [&str; 6] = [
    "rh-at-",
    "rh-rt-",
    "rh-code-",
    "rh-dc-",
    "sk-planted",
    "client-planted",
];

/// Everything that a run said, with where it said it.
#[derive(Default)]
struct Said(String);

impl Said {
    fn add(&mut self, place: &str, bytes: &[u8]) {
        let text = String::from_utf8_lossy(bytes).replace('\0', " ");
        writeln!(self.0, "[{place}] {text}").expect("a String takes everything");
    }

    /// Fails with the place, never with the secret.
    fn holds_none(&self, more: &[String]) {
        for line in self.0.split("\n[") {
            let place = line.split(']').next().unwrap_or_default();
            let found = MARKS.iter().any(|mark| line.contains(mark));
            assert!(!found, "a secret stands in {place}");
            assert!(
                !more.iter().any(|secret| line.contains(secret)),
                "a verifier or state stands in {place}"
            );
        }
    }
}

struct Run<'a> {
    scene: &'a Scene,
    said: Said,
}

impl Run<'_> {
    /// Runs the program with every log it has, with `input` on standard input. Its standard output is kept as said unless
    /// it is meant to be a token.
    fn run(&mut self, arguments: &[&str], input: Option<&str>) -> Vec<u8> {
        let mut child = self
            .command(arguments)
            .stdin(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut pipe = child.stdin.take().expect("it is piped");
        // A program that reads nothing may be gone already.
        let _ = pipe.write_all(input.unwrap_or_default().as_bytes());
        drop(pipe);
        let output = child.wait_with_output().expect("the program ends");
        self.said
            .add(&format!("stderr of {}", arguments.join(" ")), &output.stderr);
        if arguments[1] != "token" {
            self.said
                .add(&format!("stdout of {}", arguments.join(" ")), &output.stdout);
        }
        output.stdout
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = agent_host(self.scene.folder());
        command
            .args(arguments)
            .env("AGENT_HOST_LOG", "trace,rmcp=trace,hyper=trace,reqwest=trace")
            .env("AGENT_HOST_REHEARSAL_URL", self.scene.url().as_str())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// The files beside `auth.json`.
    fn files(&mut self) {
        for entry in fs::read_dir(self.scene.folder()).expect("the folder can be listed") {
            let path = entry.expect("an entry").path();
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            let may_hold_secrets = name == "auth.json" || name.starts_with("auth.json.recovery");
            if path.is_file() && !may_hold_secrets {
                self.said.add(&name, &fs::read(&path).expect("it can be read"));
            }
        }
    }

    /// Command line, environment and core limit of a running process.
    fn process(&mut self, name: &str, pid: i32) {
        for file in ["cmdline", "environ"] {
            // Only root may read the environment of a protected process; for others there is nothing to see.
            let bytes = fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default();
            self.said.add(&format!("{file} of the {name}"), &bytes);
        }
        let limits = fs::read_to_string(format!("/proc/{pid}/limits")).expect("limits can be read");
        let core = limits
            .lines()
            .find(|line| line.starts_with("Max core file size"))
            .unwrap_or_default();
        assert!(
            core.split_whitespace()
                .rev()
                .take(3)
                .skip(1)
                .all(|limit| limit == "0"),
            "{core}"
        );
    }
}

#[tokio::test]
async fn planted_secrets_are_found_in_nothing_the_run_wrote() {
    let scene = Scene::start().await;
    let mut run = Run {
        scene: &scene,
        said: Said::default(),
    };
    // A sign-in, with a wrong paste and an old code on the way.
    let link = run.run(
        &["auth", "begin", "rehearsal", "--user", "alice", "--owner", "host"],
        None,
    );
    let link = String::from_utf8(link).expect("a link").trim().to_owned();
    let pending = scene.file()["pending"]["rehearsal"]["local:alice"].clone();
    let verifier = pending["verifier"].as_str().expect("a verifier").to_owned();
    assert!(!link.contains(&verifier), "the verifier is not the state");
    let redirect = scene
        .control()
        .authorize(&link, "alice", Decision::Approve)
        .expect("the link is good");
    run.run(
        &["auth", "complete", "rehearsal", "--user", "alice"],
        Some("rh-code-of-somebody-else#x"),
    );
    run.run(
        &["auth", "complete", "rehearsal", "--user", "alice"],
        Some(redirect.as_str()),
    );
    run.run(
        &["auth", "complete", "rehearsal", "--user", "alice"],
        Some(redirect.as_str()),
    );
    // A key, good and bad.
    for key in ["sk-planted two words", "sk-planted-key"] {
        run.run(
            &["auth", "begin", "openai", "--user", "alice", "--owner", "host"],
            None,
        );
        run.run(&["auth", "complete", "openai", "--user", "alice"], Some(key));
    }
    // Tokens: good, refused, refreshed, in trouble, dead.
    run.run(&["auth", "token", "rehearsal"], None);
    run.run(
        &["auth", "token", "openai", "--rejected-stdin"],
        Some("sk-planted-key"),
    );
    refreshes_stopped_half_way(&mut run);
    // A server that quotes the very token it refuses, wherever it can.
    let token = scene.file()["tenants"]["rehearsal"]["host"]["refresh_token"]
        .as_str()
        .map(str::to_owned);
    let status = Fault::Status {
        status: 400,
        retry_after: None,
        error: token.clone(),
        error_description: token,
        body: None,
    };
    scene.fault(Target::Refresh, 1, status);
    scene.expire(&scene.host());
    run.run(&["auth", "token", "rehearsal", "--json"], None);
    scene.control().revoke_families();
    run.run(&["auth", "token", "rehearsal"], None);
    for arguments in [
        ["auth", "list"],
        ["doctor", "--json"],
        ["doctor", "--probe"],
        ["config", "check"],
    ] {
        run.run(&arguments, None);
    }
    run.run(&["auth", "logout", "rehearsal"], None);
    fs::write(scene.store_path(), "{\"version\":1,\"tenants\":{\"x\":rh-at-torn").expect("it can be written");
    run.run(&["auth", "token", "rehearsal"], None);
    run.run(&["auth", "repair"], None);
    run.files_without_the_torn_one();
    run.said.holds_none(&[verifier]);
}

/// Looks at the refresher while it has everything in its hands.
fn refreshes_stopped_half_way(run: &mut Run<'_>) {
    for point in ["before-post", "answered", "recovered"] {
        let scene = run.scene;
        scene.expire(&scene.host());
        let fifo = Fifo::new(scene.folder(), point);
        let mut command = run.command(&["auth", "token", "rehearsal"]);
        // The host's own key, which is none of the refresher's business.
        command.env("OPENAI_API_KEY", "sk-planted-in-the-environment");
        let child = command
            .env("AGENT_HOST_FAULT", fifo.pauses(point))
            .stdin(Stdio::null())
            .spawn();
        let child = child.expect("the program starts");
        let refresher = fifo.stopped();
        run.process("refresher", refresher.as_raw());
        let words = fs::read(format!("/proc/{refresher}/cmdline")).expect("it can be read");
        let words = String::from_utf8_lossy(&words).split_terminator('\0').count();
        assert_eq!(
            words, 3,
            "program, verb and tenant are all that a refresher's arguments say"
        );
        run.files();
        fifo.go_on();
        let output = child.wait_with_output().expect("it ends");
        assert!(output.status.success(), "a refresh that was looked at succeeds");
        run.said.add("stderr of a refresh", &output.stderr);
        fifo.remove();
    }
}

impl Run<'_> {
    /// A file that was moved aside keeps what it held: that is what it was moved for.
    fn files_without_the_torn_one(&mut self) {
        for entry in fs::read_dir(self.scene.folder()).expect("the folder can be listed") {
            let path = entry.expect("an entry").path();
            if path.to_string_lossy().contains(".corrupt-") {
                fs::remove_file(path).expect("it can be removed");
            }
        }
        self.files();
    }
}
