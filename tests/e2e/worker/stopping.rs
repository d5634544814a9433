//! A turn that is stopped ends at once, whatever it is doing.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::os::unix::fs::FileExt as _;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{Answer, Scene, Worker, prompt, with};

/// What a person takes for at once.
const AT_ONCE: Duration = Duration::from_millis(500);

/// The machine may be busy: the best of so many.
const TRIES: usize = 5;

/// Asks, waits until `begun`, stops, and says how long that took.
fn stopped(worker: &mut Worker, id: &str, begun: impl FnOnce(&mut Worker)) -> Duration {
    worker.forget();
    let turn = worker.send("session/prompt", &prompt(id, "go"));
    begun(worker);
    let since = Instant::now();
    worker.tell("session/cancel", &json!({"sessionId": id}));
    let answer = worker.answer(turn);
    let took = since.elapsed();
    assert_eq!(answer["result"]["stopReason"], "cancelled", "{answer}");
    took
}

fn says(told: &Value, words: &str) -> bool {
    told["params"]["what"]
        .as_str()
        .is_some_and(|what| what.contains(words))
}

fn at_once(what: &str, mut stop: impl FnMut() -> Duration) {
    let took: Vec<Duration> = (0..TRIES).map(|_| stop()).collect();
    assert!(took.iter().min() < Some(&AT_ONCE), "{what}: {took:?}");
}

#[test]
fn a_model_call_and_the_wait_before_the_next_try_are_stopped_at_once() {
    let busy = || Answer::Refusal(429, "retry-after: 60\r\n", json!({"error": {"message": "slow"}}));
    let scene = Scene::new([]);
    let (mut worker, id) = scene.opened();
    at_once("a silent model", || {
        scene.model.then([Answer::Silence]);
        let asked = scene.model.requests().len();
        stopped(&mut worker, &id, |_| scene.model.wait_for_requests(asked + 1))
    });
    at_once("a wait", || {
        scene.model.then([busy()]);
        stopped(&mut worker, &id, |worker| {
            worker.wait_for(|told| says(told, "next try"));
        })
    });
}

#[test]
fn a_note_on_the_earlier_conversation_is_stopped_at_once() {
    let scene = Scene::new([Answer::words(&"long ".repeat(10_000))]);
    let profile = with(scene.profile(), &json!({"context_tokens": 10_000}));
    let (mut worker, id) = scene.opened_with(profile);
    worker.ask("session/prompt", &prompt(&id, "first"));
    at_once("a note", || {
        scene.model.then([Answer::Silence]);
        let asked = scene.model.requests().len();
        stopped(&mut worker, &id, |_| scene.model.wait_for_requests(asked + 1))
    });
    assert!(
        worker.statuses().iter().any(|what| what.contains("summing up")),
        "{:?}",
        worker.heard()
    );
}

#[test]
fn tools_are_stopped_at_once_in_the_middle_of_a_huge_file_and_of_a_command() {
    let scene = Scene::new([]);
    let workspace = scene.workspace();
    // Text without a match, which no search comes to the end of in time; and one line of a terabyte.
    let mut lines = BufWriter::new(File::create(workspace.join("lines")).unwrap());
    for _ in 0..4096 {
        lines
            .write_all(&[b"abcdefghijklmno\n".as_slice(); 1024].concat())
            .unwrap();
    }
    drop(lines);
    let line = File::create(workspace.join("line")).unwrap();
    line.write_all_at(&[b'x'; 16 * 1024], 0).unwrap();
    line.set_len(1 << 40).unwrap();
    let (mut worker, id) = scene.opened();
    for (what, tool, arguments) in [
        (
            "a search",
            "grep",
            json!({"pattern": "(a|b|[^c]{3,60}|\\w+d){5,10}Z$", "path": "lines"}),
        ),
        ("a read", "read", json!({"path": "line"})),
        ("a command", "bash", json!({"command": "sleep 1000"})),
    ] {
        at_once(what, || {
            scene.model.then([Answer::call(tool, &arguments)]);
            stopped(&mut worker, &id, |worker| {
                worker.wait_for(|told| says(told, "running"));
            })
        });
    }
    // Nobody goes on reading for nobody: a worker that is closed ends, although its threads are waited for.
    assert_eq!(worker.close().code, Some(0));
}

/// Threads besides the main one that have worked for a tenth of a second.
fn busy_threads(pid: u32) -> usize {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).expect("it lives");
    let names = tasks
        .flatten()
        .filter_map(|task| task.file_name().into_string().ok());
    let ticks = |name: &String| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/task/{name}/stat")).ok()?;
        // proc(5): behind the name, user and system time are the 12th and 13th.
        let (_, fields) = stat.rsplit_once(')')?;
        let times = fields.split_whitespace().skip(11).take(2);
        Some(times.filter_map(|time| time.parse::<u64>().ok()).sum::<u64>())
    };
    let is_busy = |name: &String| ticks(name).is_some_and(|ticks| ticks >= 10);
    names
        .filter(|name| *name != pid.to_string() && is_busy(name))
        .count()
}

/// Nothing can interrupt an expression inside one line.
#[test]
fn searches_that_hear_nothing_are_stopped_at_once_and_hold_up_nothing_that_follows() {
    let scene = Scene::new([]);
    // Letters without a period: each brings the expression into a state where it never was.
    let next = |at: &u64| Some(at.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
    let letters = std::iter::successors(Some(1), next).map(|at: u64| b"abcdefgh"[(at >> 61) as usize]);
    let line: Vec<u8> = letters.take(1_000_000).collect();
    std::fs::write(scene.workspace().join("line"), line).expect("a file");
    let search = json!({"pattern": "(?:[a-h]{1,40}a[a-h]{1,40}b){3,20}[i-z0-9]", "path": "line"});
    let (mut worker, id) = scene.opened();
    let pid = worker.pid();
    for number in 1..=4 {
        scene.model.then([Answer::call("grep", &search)]);
        stopped(&mut worker, &id, |worker| {
            worker.wait_until("a search at work", || busy_threads(pid) >= number);
        });
    }
    scene.model.then([Answer::words("still here")]);
    let answer = worker.ask("session/prompt", &prompt(&id, "hello?"));
    assert_eq!(answer["result"]["stopReason"], "end_turn", "{answer}");
    worker.kill();
}
