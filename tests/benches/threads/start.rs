//! From the start of a worker to its answer to `initialize`, against the first byte of a tiny program.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::table::{Limit, Table, median};

const RUNS: usize = 101;

/// The first request of the protocol.
pub(crate) const INITIALIZE: &str =
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\",\"params\":{\"protocolVersion\":1}}\n";

pub(crate) fn measure(table: &mut Table) {
    let mut worker = Command::new(support::program("agent-host-worker"));
    let mut tiny = Command::new(support::program("empty"));
    tiny.arg("byte");
    let (mut ours, mut floor) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        ours.push(milliseconds(&mut worker, INITIALIZE));
        floor.push(milliseconds(&mut tiny, ""));
    }
    let (ours, floor) = (median(ours), median(floor));
    table.add(
        "worker, from its start to `initialize` answered, against a tiny program's first byte",
        format!("{ours:.2} ms against {floor:.2} ms"),
        ours / floor,
        "×",
        Limit::AtMost(3.0),
    );
}

/// From the start to the first line.
fn milliseconds(command: &mut Command, request: &str) -> f64 {
    command
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let began = Instant::now();
    let mut child = command.spawn().expect("it starts");
    let mut input = child.stdin.take().expect("it is piped");
    // The tiny program may have ended already.
    let _ = input.write_all(request.as_bytes());
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("it is piped"))
        .read_line(&mut line)
        .expect("it answers");
    let took = began.elapsed();
    assert!(!line.is_empty(), "it answers");
    drop(input);
    child.wait().expect("it ends");
    took.as_secs_f64() * 1000.0
}
