//! The lock files: whoever dies frees them, whoever gives up leaves nothing, whatever is wrong with one means no request.

use std::fs::{self, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use credentials::{Credentials, Need, Refresher, Vendors};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rehearsal::{Counter, Fault, Target};
use support::{Fifo, Holder, Report, Scene, until, waiters};

mod files;

/// How long a test waits for what is certain to come.
const CERTAIN: Duration = Duration::from_secs(20);

/// Whether nobody holds a lock file.
fn is_free(lock: &Path) -> bool {
    let file = OpenOptions::new()
        .write(true)
        .open(lock)
        .expect("the lock file is there");
    match file.try_lock() {
        Ok(()) => true,
        Err(TryLockError::WouldBlock) => false,
        Err(TryLockError::Error(error)) => panic!("{error}"),
    }
}

/// Whether a process has a lock file open.
fn has_open(process: &str, lock: &Path) -> bool {
    let lock = fs::canonicalize(lock).expect("the lock file is there");
    fs::read_dir(format!("/proc/{process}/fd"))
        .expect("the process is there")
        .filter_map(|entry| fs::read_link(entry.ok()?.path()).ok())
        .any(|target| target == lock)
}

/// Whether a process is neither stopped nor dead.
fn is_running(process: Pid) -> bool {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).expect("it was not waited for");
    !stat
        .rsplit(") ")
        .next()
        .is_some_and(|rest| rest.starts_with(['T', 'Z']))
}

/// The children that any thread of a process has started.
fn children(process: u32) -> Vec<Pid> {
    let tasks = fs::read_dir(format!("/proc/{process}/task")).expect("the process is there");
    tasks
        .filter_map(|task| fs::read_to_string(task.ok()?.path().join("children")).ok())
        .flat_map(|text| {
            let ids = text.split_whitespace().map(|id| id.parse().map(Pid::from_raw));
            ids.collect::<Vec<_>>()
        })
        .map(|id| id.expect("a process id"))
        .collect()
}

/// The host's token is over, and somebody holds the lock of its tenant.
async fn held() -> (Scene, PathBuf, Holder) {
    let scene = Scene::signed_in().await;
    scene.expire(&scene.host());
    let lock = scene.tenant_lock();
    let holder = Holder::of(&lock);
    (scene, lock, holder)
}

// --- waiting -------------------------------------------------------------------------------------

#[tokio::test]
async fn a_cancelled_wait_leaves_no_lock_and_no_waiter() {
    let (scene, lock, holder) = held().await;
    let (credentials, host) = (scene.credentials(), scene.host());
    let wait = tokio::spawn(async move { credentials.token(&host, &Need::default()).await });
    until("somebody waits", || waiters(&lock) == 1).await;
    wait.abort();
    assert!(wait.await.is_err_and(|ended| ended.is_cancelled()));
    // While the lock is still held: nobody would wake them.
    until("nobody waits", || waiters(&lock) == 0 && !has_open("self", &lock)).await;
    holder.end();
    assert!(is_free(&lock));
    assert_eq!(scene.refreshes(), 0);
}

#[tokio::test]
async fn a_wait_that_is_cut_short_returns_at_once_and_again() {
    let (scene, lock, holder) = held().await;
    let credentials = scene.credentials();
    let began = Instant::now();
    for _ in 0..20 {
        let (host, need) = (scene.host(), Need::default());
        let wait = tokio::time::timeout(Duration::from_millis(20), credentials.token(&host, &need));
        assert!(wait.await.is_err(), "the lock is held");
    }
    assert!(began.elapsed() < CERTAIN, "{:?}", began.elapsed());
    until("nobody waits", || waiters(&lock) == 0 && !has_open("self", &lock)).await;
    holder.end();
    credentials
        .token(&scene.host(), &Need::default())
        .await
        .expect("a token");
    assert_eq!(scene.refreshes(), 1);
}

#[tokio::test]
async fn one_who_gives_up_does_not_end_the_wait_of_another() {
    let (scene, lock, holder) = held().await;
    let credentials = scene.credentials();
    let start = || {
        let (credentials, host) = (credentials.clone(), scene.host());
        tokio::spawn(async move { credentials.token(&host, &Need::default()).await })
    };
    let (gives_up, stays) = (start(), start());
    until("somebody waits", || waiters(&lock) == 1).await;
    gives_up.abort();
    assert!(gives_up.await.is_err_and(|ended| ended.is_cancelled()));
    holder.end();
    stays.await.expect("the task ends").expect("a token");
    assert_eq!(scene.refreshes(), 1);
}

#[tokio::test]
async fn a_killed_holder_frees_the_lock_at_once() {
    let (scene, lock, holder) = held().await;
    let caller = scene.caller().start();
    until("the caller waits", || waiters(&lock) == 1).await;
    holder.kill();
    Report::of(caller).expect_token();
    assert_eq!(scene.refreshes(), 1);
    assert!(is_free(&lock));
}

#[tokio::test]
async fn contention_is_told_with_what_who_and_how_long_and_never_as_a_login() {
    let scene = Scene::start().await;
    for user in ["alice", "bob"] {
        scene.sign_in(&scene.user(user)).await;
        scene.expire(&scene.user(user));
    }
    // Alice's refresher stops with the lock of the whole file in its hands.
    let fifo = Fifo::new(scene.folder(), "temp-written");
    let alice = scene
        .caller()
        .owner("alice")
        .fault(fifo.pauses("temp-written"))
        .start();
    let holder = fifo.stopped();
    let report = scene.caller().owner("bob").run();
    assert_eq!(report.kind.as_deref(), Some("try_again"), "{report:?}");
    let told = report.error.clone().expect("an error has words");
    let named = format!(
        "could not lock `{}` within 5 s (held by pid {holder} for ",
        scene.store_path().display()
    );
    let (_, age) = told
        .split_once(&named)
        .unwrap_or_else(|| panic!("{named} is not in {told}"));
    let age = age.strip_prefix("at least ").unwrap_or(age);
    let age: Option<u64> = age.split(' ').next().and_then(|age| age.parse().ok());
    assert!(age >= Some(5), "{told}");
    fifo.go_on();
    let alice = Report::of(alice);
    alice.expect_token();
    // His answer was safe all the time.
    let again = scene.caller().owner("bob").run();
    again.expect_token();
    let counted = (scene.refreshes(), scene.count(Counter::ReuseDetected));
    assert_eq!(counted, (2, 0), "{alice:?}, {report:?}, {again:?}");
}

#[tokio::test]
async fn a_second_call_in_one_process_waits_for_the_first_and_both_get_the_token() {
    let (scene, lock, holder) = held().await;
    let credentials = scene.credentials();
    let start = || {
        let (credentials, host) = (credentials.clone(), scene.host());
        tokio::spawn(async move { credentials.token(&host, &Need::default()).await })
    };
    let first = start();
    until("the first waits", || waiters(&lock) == 1).await;
    let second = start();
    // A third way in, past the one waiting thread of this process.
    let (other, host) = (credentials.clone(), scene.host());
    let third = tokio::task::spawn_blocking(move || other.token_blocking(&host, &Need::default()));
    until("the third waits", || waiters(&lock) == 2).await;
    holder.end();
    for call in [first, second, third] {
        let token = tokio::time::timeout(CERTAIN, call).await.expect("no deadlock");
        token.expect("the task ends").expect("a token");
    }
    assert_eq!(scene.refreshes(), 1);
}

#[tokio::test]
async fn a_wait_for_one_tenant_does_not_stop_another_of_the_same_process() {
    let scene = Scene::signed_in().await;
    let alice = scene.user("alice");
    scene.sign_in(&alice).await;
    scene.expire(&scene.host());
    scene.expire(&alice);
    let lock = scene.tenant_lock();
    let holder = Holder::of(&lock);
    let credentials = scene.credentials();
    let (waiting, host) = (credentials.clone(), scene.host());
    let wait = tokio::spawn(async move { waiting.token(&host, &Need::default()).await });
    until("the first waits", || waiters(&lock) == 1).await;
    credentials
        .token(&alice, &Need::default())
        .await
        .expect("a token");
    assert!(!wait.is_finished());
    holder.end();
    wait.await.expect("the task ends").expect("a token");
    assert_eq!(scene.refreshes(), 2);
}

// --- who keeps a lock ------------------------------------------------------------------------------

#[tokio::test]
async fn a_child_of_a_killed_holder_does_not_keep_the_lock() {
    let scene = Scene::signed_in().await;
    scene.expire(&scene.host());
    let lock = scene.tenant_lock();
    let fifo = Fifo::new(scene.folder(), "before-spawn");
    let mut caller = scene
        .caller()
        .fault(fifo.pauses("before-spawn"))
        .starts_a_child()
        .start();
    fifo.stopped();
    // The refresher is not there yet, so it is the caller that holds it.
    assert!(!is_free(&lock));
    drop(caller.stdin.take());
    until("there is a child", || {
        let child = children(caller.id()).first().copied();
        // Before its exec it is still the caller's image.
        child.is_some_and(|child| {
            fs::read_to_string(format!("/proc/{child}/comm")).is_ok_and(|name| name == "sleep\n")
        })
    })
    .await;
    let child = children(caller.id())[0];
    let inherited = has_open(&child.to_string(), &lock);
    caller.kill().expect("it is there");
    caller.wait().expect("it was killed");
    let (free, alive) = (is_free(&lock), kill(child, None).is_ok());
    // It is nobody's child now, and ended by nobody else.
    kill(child, Signal::SIGKILL).expect("it is there");
    assert!(alive, "the child must live for this to say anything");
    assert!(!inherited && free, "inherited: {inherited}, free: {free}");
}

#[tokio::test]
async fn a_child_that_is_started_during_a_refresh_in_process_does_not_inherit_the_lock() {
    let scene = Scene::signed_in().await;
    scene.expire(&scene.host());
    let lock = scene.tenant_lock();
    scene.fault(Target::Refresh, 1, Fault::Hold);
    let credentials = Credentials::new(
        scene.store(),
        Vendors::builtin(Some(scene.url())),
        Refresher::InProcess,
    );
    let host = scene.host();
    let call = tokio::spawn(async move { credentials.token(&host, &Need::default()).await });
    scene.wait(Counter::AnswersHeld, 1).await;
    assert!(has_open("self", &lock), "this very process holds it");
    let mut child = std::process::Command::new("/bin/sleep")
        .arg("600")
        .spawn()
        .expect("the child starts");
    let inherited = has_open(&child.id().to_string(), &lock);
    child.kill().expect("it is there");
    child.wait().expect("it was killed");
    scene.control().release();
    call.await.expect("the task ends").expect("a token");
    assert!(!inherited);
}

#[tokio::test]
async fn the_lock_of_a_dead_caller_lives_with_its_refresher_alone() {
    for caller_first in [true, false] {
        let scene = Scene::signed_in().await;
        scene.expire(&scene.host());
        let lock = scene.tenant_lock();
        let fifo = Fifo::new(scene.folder(), "before-post");
        let mut caller = scene.caller().fault(fifo.pauses("before-post")).start();
        let refresher = fifo.stopped();
        let id = Pid::from_raw(i32::try_from(caller.id()).expect("a pid fits"));
        // Stopped, it keeps whatever it has open, and can do nothing about it.
        kill(
            id,
            if caller_first {
                Signal::SIGKILL
            } else {
                Signal::SIGSTOP
            },
        )
        .expect("it is there");
        until("it heard that", || !is_running(id)).await;
        assert!(!is_free(&lock), "the refresher holds it");
        kill(refresher, Signal::SIGKILL).expect("it is there");
        until("the lock is free", || is_free(&lock)).await;
        caller.kill().expect("it is ours");
        caller.wait().expect("it was killed");
    }
}
