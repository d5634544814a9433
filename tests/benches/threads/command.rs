//! What the guard adds to the start and the end of a command in its cage.

use std::process::Stdio;
use std::time::Instant;

use cage::{Cage, Layer, Policy};

use crate::table::{Limit, Table, median};

const RUNS: usize = 201;

pub(crate) fn measure(table: &mut Table) {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let policy = |without: &[Layer]| Policy {
        workspace: folder.path().to_owned(),
        readable: Vec::new(),
        without: without.into(),
    };
    let (with, without) = (policy(&[]), policy(&[Layer::Session]));
    let (mut guarded, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        guarded.push(milliseconds(&with));
        bare.push(milliseconds(&without));
    }
    let (guarded, bare) = (median(guarded), median(bare));
    table.add(
        "`true` in its cage, from prepared to ended, with its guard against without",
        format!("{guarded:.2} ms against {bare:.2} ms"),
        guarded / bare,
        "×",
        Limit::AtMost(3.0),
    );
}

fn milliseconds(policy: &Policy) -> f64 {
    let began = Instant::now();
    let cage = Cage::prepare(policy).expect("it can be prepared");
    let mut command = cage.command::<&str>("true", []);
    let status = command.stdin(Stdio::null()).status().expect("it starts");
    assert!(status.success());
    began.elapsed().as_secs_f64() * 1000.0
}
