//! Children that do their best to stay: whatever ends a worker, or the host, nothing of it lives on.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use credentials::{Service, Tenant};
use nix::unistd::Pid;

use super::*;
use crate::models::Chosen;
use crate::worker::fake::{Scene, process_in, spec};
use crate::worker::{self, Event};

mod headless;
mod hosts;

/// A turn that leaves four processes behind: a plain child, a daemon that forked twice into a session of its own, one
/// that also cleared its environment, and one below that. All of them, like the agent itself, ignore SIGTERM, hold the
/// agent's output open, and do not mind the end of its input.
const STUBBORN: &str = r#"
trap '' TERM
on_prompt() {
  env -i sleep 1000 & echo $! > child
  (setsid sh -c 'echo $$ > daemon; while :; do sleep 1000; done' &)
  (env -i /usr/bin/setsid /bin/sh -c '(setsid sh -c "echo \$\$ > below; exec sleep 1000" &); echo $$ > bare; exec sleep 1000' &)
  answer '{"stopReason":"end_turn"}'
}
on_end() { while :; do sleep 1000; done; }
"#;

const FILES: [&str; 4] = ["child", "daemon", "bare", "below"];

/// A worker, and the processes of its turn, all alive.
async fn stubborn(scene: &Scene) -> (worker::Worker, Vec<Process>) {
    let worker = scene.start(STUBBORN).await.unwrap();
    worker.prompt(vec!["go".into()], Chosen::default()).await.unwrap();
    let mut processes = vec![process::read(worker.pid()).unwrap()];
    for file in FILES {
        processes.push(scene.process(file).await);
    }
    assert!(processes.iter().all(Process::is_alive));
    (worker, processes)
}

const NOBODY: [i32; 0] = [];

fn alive(processes: &[Process]) -> Vec<i32> {
    processes
        .iter()
        .filter(|process| process.is_alive())
        .map(|process| process.pid)
        .collect()
}

#[tokio::test]
async fn nothing_outlives_the_end_of_its_worker() {
    let scene = Scene::new();
    let (worker, processes) = stubborn(&scene).await;
    worker.end(Duration::from_millis(100)).await;
    assert_eq!(alive(&processes), NOBODY);
    assert_eq!(scene.records(), 0);
    let left = process::all().unwrap();
    let is_left = |process: &&Process| processes.iter().any(|gone| gone.pid == process.pid);
    assert_eq!(left.iter().find(is_left), None, "not even as zombies");
}

#[tokio::test]
async fn nothing_outlives_a_worker_that_was_killed() {
    let mut scene = Scene::new();
    let (_worker, processes) = stubborn(&scene).await;
    nix::sys::signal::kill(Pid::from_raw(processes[0].pid), Signal::SIGKILL).unwrap();
    assert!(matches!(scene.events.recv().await, Some(Event::Gone(_))));
    assert_eq!(alive(&processes), NOBODY);
}

#[tokio::test]
async fn nothing_outlives_a_handle_that_was_dropped() {
    let mut scene = Scene::new();
    let (worker, processes) = stubborn(&scene).await;
    drop(worker);
    assert!(matches!(scene.events.recv().await, Some(Event::Gone(_))));
    assert_eq!(alive(&processes), NOBODY);
}

#[tokio::test]
async fn nothing_outlives_a_start_that_was_dropped() {
    let scene = Scene::new();
    let functions = "on_initialize() { (setsid sh -c 'echo $$ > daemon; exec sleep 1000' &); sleep 1000; }";
    let starting = tokio::spawn(worker::start(
        scene.spec(functions),
        // Only for this test: the task needs a reaper for as long as it lives.
        Box::leak(Box::new(scene.reaper.clone())),
        scene.sender.clone(),
    ));
    let daemon = scene.process("daemon").await;
    starting.abort();
    while daemon.is_alive() || scene.records() > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn the_end_of_one_worker_touches_nothing_of_another() {
    let (one, other) = (Scene::new(), Scene::new());
    let (ended, gone) = stubborn(&one).await;
    let (stays, kept) = stubborn(&other).await;
    ended.end(Duration::from_millis(50)).await;
    assert_eq!(alive(&gone), NOBODY);
    assert_eq!(alive(&kept).len(), kept.len());
    stays
        .prompt(vec!["still there?".into()], Chosen::default())
        .await
        .unwrap();
    stays.end(Duration::from_millis(50)).await;
    assert_eq!(alive(&kept), NOBODY);
}

#[tokio::test]
async fn many_ends_at_once_share_the_search() {
    let mut scenes = Vec::new();
    for _ in 0..8 {
        let scene = Scene::new();
        let (worker, processes) = stubborn(&scene).await;
        scenes.push((scene, worker, processes));
    }
    let mut ends = tokio::task::JoinSet::new();
    let mut all = Vec::new();
    for (scene, worker, processes) in scenes {
        all.extend(processes);
        ends.spawn(async move {
            worker.end(Duration::from_millis(50)).await;
            drop(scene);
        });
    }
    ends.join_all().await;
    assert_eq!(alive(&all), NOBODY);
}

/// A store whose one tenant's lock can be held, and a script that holds it as a refresher does.
fn refresher(folder: &Path) -> Store {
    use std::os::unix::fs::PermissionsExt as _;
    let file = folder.join("auth.json");
    let content = r#"{"version":1,"generation":1,"tenants":{"codex":{"host":{"type":"api_key","generation":1,"key":"k","obtained_at_ms":1}}},"pending":{}}"#;
    fs::write(&file, content).unwrap();
    let tenant = Tenant::host(Service::parse("codex").unwrap());
    let lock = folder.join(format!("auth.json.refresh.{}.lock", tenant.file_id().as_str()));
    fs::write(&lock, "").unwrap();
    for path in [&file, &lock] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    }
    fs::create_dir_all(folder.join("workspace")).unwrap();
    let script = format!(
        r#"exec 9<> {lock}
flock 9
started=$(cut -d' ' -f22 /proc/$$/stat)
printf '{{"holder":{{"pid":%s,"started":%s,"since":%s}}}}' $$ "$started" "$(date +%s)000" > {lock}
echo $$ > refresher
while [ ! -e finish ]; do sleep 0.02; done
"#,
        lock = lock.display()
    );
    fs::write(folder.join("workspace/refresh-tenant"), script).unwrap();
    Store::open(&file, false).unwrap()
}

const REFRESHING: &str = r#"
on_prompt() {
  (env -i PATH=$PATH setsid sh refresh-tenant &)
  while [ ! -e refresher ]; do sleep 0.02; done
  answer '{"stopReason":"end_turn"}'
}"#;

#[test]
fn a_refresh_in_flight_outlives_its_worker_until_it_is_done() {
    ended_well(play("host with a refresh", Path::new("/")));
}

async fn host_with_a_refresh() {
    let mut scene = Scene::new();
    scene.reaper = Reaper::new(scene.folder.path(), Some(refresher(scene.folder.path()))).unwrap();
    let worker = scene.start(REFRESHING).await.unwrap();
    worker.prompt(vec!["go".into()], Chosen::default()).await.unwrap();
    let refresher = scene.process("refresher").await;
    worker.end(Duration::from_secs(5)).await;
    assert!(refresher.is_alive());
    assert_eq!(*scene.reaper.shared.spared.borrow(), 1);

    // Other ends do not touch it either.
    let (other, processes) = stubborn(&scene).await;
    other.end(Duration::from_millis(50)).await;
    assert_eq!(alive(&processes), NOBODY);
    assert!(refresher.is_alive());

    fs::write(scene.workspace().join("finish"), "").unwrap();
    scene.reaper.refreshes_ended().await;
    assert!(!refresher.is_alive());
}

#[test]
fn a_gigabyte_line_and_a_flood_cost_a_few_megabytes() {
    ended_well(play("host with a noisy worker", Path::new("/")));
}

#[tokio::test]
async fn who_only_looks_like_a_refresh_is_killed() {
    let scene = Scene::new();
    refresher(scene.folder.path());
    // This reaper knows of no store, so nobody holds a lock that it could see.
    let worker = scene.start(REFRESHING).await.unwrap();
    worker.prompt(vec!["go".into()], Chosen::default()).await.unwrap();
    let imitation = scene.process("refresher").await;
    worker.end(Duration::from_secs(5)).await;
    assert!(!imitation.is_alive());
}

/// Some tests need a process of their own: this one is shared by tests that know nothing of its refreshes.
const ROLE: &str = "AGENT_HOST_TEST_ROLE";
const FOLDER: &str = "AGENT_HOST_TEST_FOLDER";

/// Starts this test program as another process with a role in a test.
fn play(role: &str, folder: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "sweep::tests::a_process_of_a_test",
            "--ignored",
            "--nocapture",
        ])
        .env(ROLE, role)
        .env(FOLDER, folder)
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

fn ended_well(mut child: Child) {
    assert!(child.wait().unwrap().success());
}

#[test]
#[ignore = "a process that other tests start"]
fn a_process_of_a_test() {
    let folder = std::env::var_os(FOLDER)
        .map(PathBuf::from)
        .expect("started by a test");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    match std::env::var(ROLE).as_deref() {
        Ok("host with a refresh") => runtime.block_on(host_with_a_refresh()),
        Ok("host after a refresh") => runtime.block_on(hosts::host_after_a_refresh(&folder)).unwrap(),
        Ok("host with a noisy worker") => runtime.block_on(worker::tests::noise_is_bounded()),
        Ok("host with children") => runtime.block_on(host_with_children(&folder)),
        Ok("world of the headless") => runtime.block_on(headless::world_of_the_headless(&folder)),
        Ok("host of the headless") => runtime.block_on(headless::host_of_the_headless(&folder)),
        Ok("host after the headless") => runtime.block_on(headless::host_after_the_headless(&folder)),
        Ok("host without rights") => runtime.block_on(host_without_rights(&folder)),
        Ok("world") => runtime.block_on(hosts::world(&folder)),
        Ok("world with a moved folder") => runtime.block_on(hosts::world_with_a_moved_folder(&folder)),
        Ok("host of another folder") => runtime.block_on(hosts::host_of_another_folder(&folder)),
        Ok("first host") => runtime.block_on(hosts::first_host(&folder)),
        Ok("next host") => runtime.block_on(hosts::next_host(&folder)),
        other => panic!("no such role: {other:?}"),
    }
}

/// A child of this process in a session of its own.
async fn in_its_own_session() -> (Child, Process) {
    let child = Command::new("setsid").args(["sleep", "1000"]).spawn().unwrap();
    let pid = i32::try_from(child.id()).unwrap();
    let mut process = process::read(pid).unwrap();
    while process.session != pid {
        tokio::time::sleep(Duration::from_millis(5)).await;
        process = process::read(pid).unwrap();
    }
    (child, process)
}

#[test]
fn a_child_that_was_there_before_is_no_orphan_of_a_worker() {
    let folder = tempfile::tempdir().unwrap();
    ended_well(play("host with children", folder.path()));
}

async fn host_with_children(folder: &Path) {
    let (mut before, old) = in_its_own_session().await;
    let reaper = Reaper::new(folder, None).unwrap();
    let (mut after, new) = in_its_own_session().await;
    assert!(!reaper.shared.needs_mark(2, &new) && reaper.shared.needs_mark(1, &new));
    reaper.orphans_killed().await;
    assert!(old.is_alive() && !new.is_alive());
    let marked = Command::new("sleep")
        .arg("1000")
        .env(contract::STATE_MARKER, reaper.name())
        .spawn();
    let mut marked = marked.unwrap();
    while !reaper
        .shared
        .is_marked(&process::read(i32::try_from(marked.id()).unwrap()).unwrap())
    {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(!reaper.shared.is_marked(&old));
    for child in [&mut before, &mut marked] {
        child.kill().unwrap();
        child.wait().unwrap();
    }
    // It was collected by the search, or is now.
    let _ = after.wait();
}

#[test]
fn an_orphan_that_may_not_be_killed_is_given_up_at_once() {
    // Only who may become another user can have a child that he may not kill.
    if !nix::unistd::geteuid().is_root() {
        eprintln!("not tested: a child that may not be killed needs root");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    ended_well(play("host without rights", folder.path()));
}

async fn host_without_rights(folder: &Path) {
    let reaper = Reaper::new(folder, None).unwrap();
    let (mut child, orphan) = in_its_own_session().await;
    let nobody = nix::unistd::Uid::from_raw(65534);
    nix::unistd::setresuid(nobody, nobody, nix::unistd::Uid::from_raw(0)).unwrap();
    let began = Instant::now();
    reaper.orphans_killed().await;
    reaper.orphans_killed().await;
    let (took, lives) = (began.elapsed(), orphan.is_alive());
    // Before anything can fail: nobody else would end it.
    nix::unistd::seteuid(nix::unistd::Uid::from_raw(0)).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(took < PATIENCE / 2 && lives);
    assert_eq!(reaper.shared.rounds().untouchable.len(), 1);
}
