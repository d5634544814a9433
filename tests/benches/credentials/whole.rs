//! `agent-host auth token` on a valid token, from start to end of the process.

use std::process::{Command, Stdio};
use std::time::Instant;

use serde_json::json;

use crate::roles::{now, write_private};
use crate::table::{Limit, Table, median};

const RUNS: usize = 201;

pub(crate) fn measure(table: &mut Table) {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let at = i64::try_from(now() / 1_000_000).expect("milliseconds fit");
    let entry = json!({
        "type": "oauth", "generation": 1, "access_token": "x", "refresh_token": "r", "scopes": [],
        "obtained_at_ms": at, "expires_at_ms": at + 3_600_000, "obtained_by": "sign_in", "client_id": "c",
    });
    let file = json!({ "version": 1, "generation": 1, "tenants": { "codex": { "host": entry } } });
    write_private(&folder.path().join("auth.json"), &file.to_string());
    let mut token = support::agent_host(folder.path());
    token.args(["auth", "token", "codex"]).stdout(Stdio::null());
    let mut empty = Command::new(support::program("empty"));
    empty.env_clear().stdin(Stdio::null()).stdout(Stdio::null());
    let (mut ours, mut floor) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        ours.push(milliseconds(&mut token));
        floor.push(milliseconds(&mut empty));
    }
    let (ours, floor) = (median(ours), median(floor));
    table.add(
        "`agent-host auth token` on a valid token, against an empty program",
        format!("{ours:.2} ms against {floor:.2} ms"),
        ours / floor,
        "×",
        Limit::AtMost(3.0),
    );
}

fn milliseconds(command: &mut Command) -> f64 {
    let began = Instant::now();
    let status = command.status().expect("the program starts");
    let took = began.elapsed();
    assert!(status.success(), "the program ends well");
    took.as_secs_f64() * 1e3
}
