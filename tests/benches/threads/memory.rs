//! What idle workers and known threads cost in memory. Reported, not limited: the aims stand beside the figures.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};

use support::{Host, Person, Scene, pss};

use crate::start::INITIALIZE;

const SIZES: [usize; 3] = [10, 100, 1000];

/// One line per number of threads, in KiB.
pub(crate) struct Memory(Vec<[u64; 5]>);

pub(crate) fn measure() -> Memory {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime starts");
    let lines = SIZES.map(|size| {
        let before = introduced(size);
        let (after, alive, known) = runtime.block_on(used(size));
        [size as u64, before, after, alive, known]
    });
    Memory(lines.to_vec())
}

impl Memory {
    #[expect(clippy::print_stdout, reason = "the report is what a benchmark is for")]
    pub(crate) fn print(&self) {
        println!(
            "\n| threads | worker before its first turn (aim ≤ 640 KiB) | worker after one (aim ≤ 1280 KiB) | host, all workers alive (aim ≤ 100 MiB at 1000) | host, all threads only known (aim ≤ 64 MiB at 1000) |\n|---|---|---|---|---|"
        );
        for [size, before, after, alive, known] in &self.0 {
            println!(
                "| {size} | {before} KiB | {after} KiB | {} MiB | {} MiB |",
                alive / 1024,
                known / 1024
            );
        }
    }
}

/// Mean proportional size of workers that have introduced themselves.
fn introduced(size: usize) -> u64 {
    let mut workers: Vec<(Child, Box<dyn std::io::Write>)> = Vec::new();
    for _ in 0..size {
        let mut child = Command::new(support::program("agent-host-worker"))
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts");
        let mut input = child.stdin.take().expect("it is piped");
        input.write_all(INITIALIZE.as_bytes()).expect("it reads");
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().expect("it is piped"))
            .read_line(&mut line)
            .expect("it answers");
        workers.push((child, Box::new(input)));
    }
    let sum: u64 = workers.iter().map(|(child, _)| pss(child.id())).sum();
    for (mut child, input) in workers {
        drop(input);
        let _ = child.wait();
    }
    sum / size as u64
}

/// Mean size of workers after a turn, size of the host with all of them alive, and with all of them ended.
async fn used(size: usize) -> (u64, u64, u64) {
    let scene = Scene::signed_in().await;
    let host = Host::up(
        &scene,
        0,
        "[limits]\nidle = \"20s\"\nstarting = 16\nstarts_per_second = 1000\n",
    );
    let person = Person::enter(host.link()).await;
    for _ in 0..size {
        person.open("say: hello").await;
    }
    let pid = host.pid().as_raw().unsigned_abs();
    let pids = loop {
        let report = status(&host);
        let pids: Vec<u64> = report["workers"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|worker| worker["state"] == "idle")
            .filter_map(|worker| worker["pid"].as_u64())
            .collect();
        if report["working"] == 0 && report["queued"] == 0 {
            break pids;
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    };
    let sum: u64 = pids
        .iter()
        .map(|pid| pss(u32::try_from(*pid).expect("a pid fits")))
        .sum();
    let alive = pss(pid);
    while status(&host)["workers"]
        .as_array()
        .is_some_and(|workers| !workers.is_empty())
    {
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    }
    // The host gives freed memory back each half minute.
    tokio::time::sleep(std::time::Duration::from_secs(35)).await;
    let known = pss(pid);
    host.stop();
    (sum / pids.len().max(1) as u64, alive, known)
}

fn status(host: &Host) -> serde_json::Value {
    let output = support::agent_host(host.home())
        .args(["status", "--json"])
        .output()
        .expect("it runs");
    serde_json::from_slice(&output.stdout).expect("it prints JSON")
}
