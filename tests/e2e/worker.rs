//! The worker program by itself: raw lines in, raw lines out, and what it leaves behind when it ends.

use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use support::program;
use tempfile::TempDir;

mod brakes;
mod compaction;
mod lines;
mod model;
mod order;
mod stopping;

use lines::Worker;
use model::{Answer, ModelServer};

/// The worker that was built with the tests; and the one for users, where `tests/run` has built it.
fn workers() -> Vec<PathBuf> {
    let ours = program("agent-host-worker");
    let release = ours
        .parent()
        .and_then(Path::parent)
        .map(|target| target.join("release/agent-host-worker"));
    let release = release.filter(|path| *path != ours && path.exists());
    [ours].into_iter().chain(release).collect()
}

/// Folders of one thread, and a model.
struct Scene {
    folder: TempDir,
    model: ModelServer,
}

impl Scene {
    fn new(answers: impl IntoIterator<Item = Answer>) -> Self {
        let folder = TempDir::new().expect("a folder");
        for name in ["work", "home"] {
            std::fs::create_dir(folder.path().join(name)).expect("a folder");
        }
        Self {
            folder,
            model: ModelServer::start(answers),
        }
    }

    fn start(&self) -> Worker {
        Worker::start(&program("agent-host-worker"), &self.folder.path().join("home"))
    }

    fn workspace(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    fn profile(&self) -> Value {
        json!({
            "version": 1,
            "session_folder": self.folder.path().join("session"),
            "provider": "openai-chat",
            "base_url": self.model.base_url(),
            "model": "m",
            "account": null,
            "permissions": "allow",
            "without_layers": [],
            "instructions": null,
        })
    }

    /// A worker with a new session, and the session's id.
    fn opened(&self) -> (Worker, String) {
        self.opened_with(self.profile())
    }

    /// The same with another profile.
    fn opened_with(&self, profile: Value) -> (Worker, String) {
        let mut worker = self.start();
        worker.initialize(Some(profile));
        let answer = worker.ask("session/new", &json!({"cwd": self.workspace(), "mcpServers": []}));
        let id = answer["result"]["sessionId"]
            .as_str()
            .unwrap_or_else(|| worker.fail("no session"));
        let id = id.to_owned();
        (worker, id)
    }

    /// A worker with this session loaded.
    fn loaded(&self, id: &str) -> Worker {
        self.loaded_with(id, self.profile())
    }

    /// The same with another profile.
    fn loaded_with(&self, id: &str, profile: Value) -> Worker {
        let mut worker = self.start();
        worker.initialize(Some(profile));
        let parameters = json!({"sessionId": id, "cwd": self.workspace(), "mcpServers": []});
        let answer = worker.ask("session/load", &parameters);
        assert!(answer["error"].is_null(), "{answer}");
        worker
    }
}

/// The profile with some keys changed.
fn with(mut profile: Value, more: &Value) -> Value {
    for (key, value) in more.as_object().expect("an object") {
        profile[key] = value.clone();
    }
    profile
}

fn prompt(id: &str, words: &str) -> Value {
    json!({"sessionId": id, "prompt": [{"type": "text", "text": words}]})
}

#[test]
fn a_command_goes_before_a_worker_without_rights_when_memory_ends() {
    const NOBODY: u32 = 65_534;
    let answer = Answer::call("bash", &json!({"command": "cat /proc/self/oom_score_adj"}));
    let scene = Scene::new([answer, Answer::words("done")]);
    let mut program = program("agent-host-worker");
    // Root may do what a worker should not need.
    if nix::unistd::geteuid().is_root() {
        let start =
            format!("#!/bin/sh\nexec setpriv --reuid={NOBODY} --regid={NOBODY} --clear-groups {program:?}\n");
        program = scene.folder.path().join("worker");
        std::fs::write(&program, start).expect("it can be written");
        std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).expect("it is there");
        for name in ["", "work", "home"] {
            chown(scene.folder.path().join(name), Some(NOBODY), Some(NOBODY)).expect("it is there");
        }
    }
    let mut worker = Worker::start(&program, &scene.folder.path().join("home"));
    worker.initialize(Some(with(scene.profile(), &json!({"readable": ["/proc"]}))));
    let answer = worker.ask(
        "session/new",
        &json!({"cwd": scene.workspace(), "mcpServers": []}),
    );
    let id = answer["result"]["sessionId"]
        .as_str()
        .expect("a session")
        .to_owned();
    worker.ask("session/prompt", &prompt(&id, "go"));
    let ours = std::fs::read_to_string("/proc/self/oom_score_adj").expect("the system tells");
    let victim = ours.trim().parse::<i32>().expect("a number").max(500);
    assert_eq!(
        brakes::results(&scene.model.last_request()),
        [format!("{victim}\n")]
    );
}

#[test]
fn a_worker_with_an_empty_home_introduces_itself_and_ends_with_its_input() {
    for program in workers() {
        let home = TempDir::new().unwrap();
        let mut worker = Worker::start(&program, home.path());
        let answer = worker.initialize(None);
        assert_eq!(answer["result"]["protocolVersion"], 1, "{answer}");
        assert_eq!(
            answer["result"]["agentCapabilities"]["loadSession"], true,
            "{answer}"
        );
        let answer = worker.ask("session/new", &json!({"cwd": home.path(), "mcpServers": []}));
        let words = answer["error"]["message"].as_str().unwrap_or_default();
        assert!(words.contains("no profile"), "{answer}");
        let ended = worker.close();
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(!ended.stderr.contains("ERROR"), "{ended:?}");
        assert_eq!(
            home.path().read_dir().unwrap().count(),
            0,
            "nothing was left behind"
        );
    }
}

#[test]
fn what_is_no_protocol_ends_the_worker_with_a_reason() {
    let deep = format!("{}\n", "[".repeat(100));
    for (bytes, words) in [
        (&b"hello\n"[..], "not a JSON object"),
        (b"\xff\xfe{}\n", "not UTF-8"),
        (deep.as_bytes(), "a batch of messages"),
        (
            b"{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":{}}\n",
            "a request that was not made",
        ),
    ] {
        let home = TempDir::new().unwrap();
        let mut worker = Worker::start(&program("agent-host-worker"), home.path());
        worker.initialize(None);
        worker.write(bytes);
        let ended = worker.ended();
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(ended.stderr.contains(words), "{ended:?}");
        assert!(
            !ended.stderr.contains("hello"),
            "input is not repeated: {ended:?}"
        );
    }
}

#[test]
fn unknown_methods_and_wrong_parameters_are_answered_and_the_worker_goes_on() {
    let scene = Scene::new([]);
    let mut worker = scene.start();
    worker.initialize(Some(scene.profile()));
    let answer = worker.ask("session/fly", &json!({}));
    assert_eq!(answer["error"]["code"], -32601, "{answer}");
    let answer = worker.ask("session/new", &json!({"cwd": 7}));
    assert_eq!(answer["error"]["code"], -32602, "{answer}");
    let answer = worker.ask("session/prompt", &prompt("nobody", "hi"));
    assert_eq!(answer["error"]["code"], -32002, "{answer}");
    worker.tell("session/cancel", &json!({"sessionId": "nobody"}));
    worker.tell("_other/thing", &json!({}));
    let answer = worker.ask(
        "session/new",
        &json!({"cwd": scene.workspace(), "mcpServers": []}),
    );
    assert!(answer["result"]["sessionId"].is_string(), "{answer}");
    assert_eq!(worker.close().code, Some(0));
}

#[test]
fn a_worker_killed_anywhere_in_a_turn_goes_on_as_if_it_had_been_stopped_there() {
    // In the first model call, in the first command, in the call after it, in the second command; a model that says nothing
    // yet, and one that is in the middle of its words.
    for (point, half) in [
        (0, None),
        (0, Some("half a ")),
        (1, None),
        (2, None),
        (2, Some("half b ")),
        (3, None),
    ] {
        let requests = [false, true].map(|killed| {
            let command = |number: usize| {
                let waits = "touch here; sleep 1000";
                let script = if point == 2 * number + 1 { waits } else { "true" };
                Answer::call("bash", &json!({"command": script}))
            };
            let answers = [command(0), command(1), Answer::words("done")];
            let scene = Scene::new(answers.into_iter().enumerate().map(|(index, answer)| {
                match half.map_or(Answer::Silence, Answer::Half) {
                    hangs if point == 2 * index => hangs,
                    _ => answer,
                }
            }));
            let (mut worker, id) = scene.opened();
            let turn = worker.send("session/prompt", &prompt(&id, "go"));
            if let Some(half) = half {
                worker.wait_for(|told| told["params"]["update"]["content"]["text"] == half);
            } else if point % 2 == 0 {
                scene.model.wait_for_requests(point / 2 + 1);
            } else {
                worker.wait_for_file(&scene.workspace().join("here"));
            }
            scene.model.then([Answer::words("next")]);
            let mut worker = if killed {
                worker.kill();
                let mut worker = scene.loaded(&id);
                worker.ask("session/prompt", &prompt(&id, "next"));
                worker
            } else {
                worker.tell("session/cancel", &json!({"sessionId": id}));
                let answer = worker.answer(turn);
                assert_eq!(answer["result"]["stopReason"], "cancelled", "{answer}");
                worker.ask("session/prompt", &prompt(&id, "next"));
                worker
            };
            let request = scene.model.last_request();
            assert_eq!(worker.close().code, Some(0));
            // Once more: what was found of the killed answer is found once.
            scene.model.then([Answer::words("last")]);
            let mut worker = scene.loaded(&id);
            worker.ask("session/prompt", &prompt(&id, "last"));
            let last = scene.model.last_request();
            assert_eq!(worker.close().code, Some(0));
            let workspace = scene.workspace().display().to_string();
            [request, last].map(|request| {
                request
                    .to_string()
                    .replace(&workspace, "WORKSPACE")
                    .replace(&id, "SESSION")
                    // What is told of a call that did not end is not the same, and need not be.
                    .replace("[stopped while this ran; what it had done by then stays]", "CUT")
                    .replace("interrupted: the worker ended while this ran; its effects are unknown", "CUT")
            })
        });
        assert_eq!(requests[0], requests[1], "at point {point}");
        for request in &requests[1] {
            assert!(request.contains("next"), "{request}");
            let words = half.unwrap_or("half ");
            assert_eq!(
                request.matches(words).count(),
                usize::from(half.is_some()),
                "{request}"
            );
        }
    }
}

#[test]
fn a_model_is_told_the_projects_instructions_wherever_they_stand() {
    let scene = Scene::new([Answer::words("a"), Answer::words("b")]);
    let put = |name: &str, words: &str| {
        let path = scene.workspace().join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, words).expect("a file");
    };
    put("CLAUDE.md", "use tabs");
    std::os::unix::fs::symlink("CLAUDE.md", scene.workspace().join("AGENTS.md")).expect("a link");
    put("repo/AGENTS.md", "use spaces");
    let (mut worker, id) = scene.opened();
    worker.ask("session/prompt", &prompt(&id, "go"));
    let system = |request: Value| request["messages"][0]["content"].as_str().map(str::to_owned);
    let told = system(scene.model.last_request()).expect("a system prompt");
    assert!(told.contains("use tabs"), "{told}");
    assert!(told.contains("\n- repo/AGENTS.md\n"), "{told}");

    let secret = scene.folder.path().join("secret");
    std::fs::write(&secret, "planted").expect("a file");
    std::fs::remove_file(scene.workspace().join("AGENTS.md")).expect("it was there");
    std::os::unix::fs::symlink(&secret, scene.workspace().join("AGENTS.md")).expect("a link");
    worker.ask("session/prompt", &prompt(&id, "go on"));
    let told = system(scene.model.last_request()).expect("a system prompt");
    assert!(
        told.contains("could not be read") && !told.contains("planted"),
        "{told}"
    );
    let ended = worker.close();
    assert!(ended.stderr.contains("AGENTS.md"), "{ended:?}");
}

#[test]
fn a_worker_that_loses_its_client_leaves_no_command_behind() {
    let command = "touch here; echo $$ > pid; sleep 1000";
    let scene = Scene::new([Answer::call("bash", &json!({"command": command}))]);
    let (mut worker, id) = scene.opened();
    worker.send("session/prompt", &prompt(&id, "go"));
    let pid = scene.workspace().join("pid");
    worker.wait_for_file(&pid);
    let ended = worker.close();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let pid = std::fs::read_to_string(pid).unwrap();
    let lives = || {
        let state = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim()));
        state.is_ok_and(|state| !state.contains(") Z "))
    };
    // It was killed before the worker ended, and dies in its own time.
    let patience = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while lives() && std::time::Instant::now() < patience {
        std::thread::yield_now();
    }
    assert!(!lives(), "the command lives on as {pid}");
}
