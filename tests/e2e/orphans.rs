//! A host and its workers that end the hard way, together: no command of theirs lives on, and no next start is needed for that.

use std::path::Path;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use support::{Host, Person, Scene};

use crate::host_kills::{leftovers, workers};

/// Leaves a process behind in each way that there is; all of them hold the command's output.
const LITTER: &str = "run: (setsid sh -c 'trap \"\" TERM HUP; echo $$ > deaf; exec sleep 1000' &); \
                      (setsid setsid sh -c 'echo $$ > twice; exec sleep 1000' &); \
                      sh -c 'echo $$ > behind; exec sleep 1000' & \
                      sh -c 'echo $$ > first; exec sleep 1000'";

const FILES: [&str; 4] = ["deaf", "twice", "behind", "first"];

/// Nothing here takes long, unless the machine is busy.
const CERTAIN: Duration = Duration::from_secs(30);

async fn until(what: &str, mut has_come: impl FnMut() -> bool) {
    let until = Instant::now() + CERTAIN;
    while !has_come() {
        assert!(Instant::now() < until, "{what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A host with a worker that runs [`LITTER`]: the host, the worker's process, and the command's.
async fn littering(scene: &Scene) -> (Host, i32, Vec<i32>) {
    let host = Host::up(scene, 0, "permissions = \"allow\"\n");
    let person = Person::enter(host.link()).await;
    let thread = person.open(LITTER).await;
    let workspaces = scene.folder().join("workspaces");
    let pids = || {
        let workspace = std::fs::read_dir(&workspaces).ok()?.flatten().next()?.path();
        let pid = |name| {
            std::fs::read_to_string(workspace.join(name))
                .ok()?
                .trim()
                .parse()
                .ok()
        };
        FILES.into_iter().map(pid).collect::<Option<Vec<i32>>>()
    };
    until("the command never began", || pids().is_some()).await;
    let worker = workers(scene.folder())[&thread];
    (host, worker, pids().expect("they are there"))
}

/// Whether a process is there, and has not ended.
fn lives(pid: i32) -> bool {
    let line = std::fs::read(Path::new("/proc").join(pid.to_string()).join("cmdline"));
    line.is_ok_and(|line| !line.is_empty())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_command_outlives_a_host_and_a_worker_that_are_killed_at_once() {
    let scene = Scene::signed_in().await;
    let (host, worker, pids) = littering(&scene).await;
    assert!(pids.iter().all(|pid| lives(*pid)));
    // Stopped before, neither has a moment for anything.
    for pid in [host.pid(), Pid::from_raw(worker)] {
        kill(pid, Signal::SIGSTOP).expect("it lives");
    }
    kill(Pid::from_raw(worker), Signal::SIGKILL).expect("it lives");
    host.kill();
    until("a command lives on", || !pids.iter().any(|pid| lives(*pid))).await;
    until("something lives on", || leftovers(scene.folder()).is_empty()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_was_stopped_ends_with_its_host_and_so_does_its_command() {
    let scene = Scene::signed_in().await;
    let (host, worker, pids) = littering(&scene).await;
    kill(Pid::from_raw(worker), Signal::SIGSTOP).expect("it lives");
    host.kill();
    until("the worker lives on", || !lives(worker)).await;
    until("a command lives on", || !pids.iter().any(|pid| lives(*pid))).await;
    until("something lives on", || leftovers(scene.folder()).is_empty()).await;
}
