//! The lock files: whoever dies frees them, whoever gives up leaves nothing, whatever is wrong with one means no request.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::os::unix::fs::{MetadataExt as _, chown, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use credentials::{Credentials, Need, Owner, Refresher, Service, Tenant, TokenError, Vendors};
use nix::sys::signal::{Signal, kill};
use nix::sys::stat::Mode;
use nix::unistd::{Pid, geteuid, mkfifo};
use rehearsal::{Counter, Fault, Target};
use serde_json::{Value, json};
use support::{Fifo, Holder, Report, Scene};

/// How long a test waits for what is certain to come and tells nobody.
const CERTAIN: Duration = Duration::from_secs(20);

fn refreshes(scene: &Scene) -> u64 {
    scene.count(Counter::RefreshRequests)
}

/// The host's tenant lock.
fn tenant_lock(scene: &Scene) -> PathBuf {
    scene.folder().join("auth.json.refresh.rehearsal@host.lock")
}

fn global_lock(scene: &Scene) -> PathBuf {
    scene.folder().join("auth.json.global.lock")
}

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

/// How many threads of this machine are blocked in flock(2) on a lock file.
fn waiters(lock: &Path) -> usize {
    let inode = fs::metadata(lock).map_or(0, |metadata| metadata.ino());
    let known = fs::read_to_string("/proc/locks").expect("the kernel tells its locks");
    known
        .lines()
        .filter(|line| line.contains("-> FLOCK") && line.contains(&format!(":{inode} ")))
        .count()
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

/// Looks again and again until it holds: for what only the kernel knows, and tells nobody.
async fn until(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + CERTAIN;
    while !holds() {
        assert!(Instant::now() < deadline, "it never came: {what}");
        tokio::task::yield_now().await;
    }
}

async fn ends_well(scene: &Scene) {
    assert!(scene.accepts(&scene.stored_token(&scene.host())).await);
    assert_eq!(scene.count(Counter::ReuseDetected), 0);
}

fn inode(path: &Path) -> u64 {
    fs::symlink_metadata(path).expect("it is there").ino()
}

// --- waiting -------------------------------------------------------------------------------------

#[tokio::test]
async fn a_cancelled_wait_leaves_no_lock_and_no_waiter() {
    let scene = Scene::signed_in().await;
    scene.expire(&scene.host());
    let lock = tenant_lock(&scene);
    let holder = Holder::of(&lock);
    let (credentials, host) = (scene.credentials(), scene.host());
    let wait = tokio::spawn(async move { credentials.token(&host, &Need::default()).await });
    until("somebody waits", || waiters(&lock) == 1).await;
    wait.abort();
    assert!(wait.await.is_err_and(|ended| ended.is_cancelled()));
    // While the lock is still held: nobody would wake them.
    until("nobody waits", || waiters(&lock) == 0 && !has_open("self", &lock)).await;
    holder.end();
    assert!(is_free(&lock));
    assert_eq!(refreshes(&scene), 0);
}

#[tokio::test]
async fn a_wait_that_is_cut_short_returns_at_once_and_again() {
    let scene = Scene::signed_in().await;
    scene.expire(&scene.host());
    let lock = tenant_lock(&scene);
    let holder = Holder::of(&lock);
    let credentials = scene.credentials();
    let began = Instant::now();
    for _ in 0..20 {
        let (host, need) = (scene.host(), Need::default());
        let wait = tokio::time::timeout(Duration::from_millis(20), credentials.token(&host, &need));
        assert!(wait.await.is_err(), "the lock is held");
    }
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    until("nobody waits", || waiters(&lock) == 0 && !has_open("self", &lock)).await;
    holder.end();
    credentials
        .token(&scene.host(), &Need::default())
        .await
        .expect("a token");
    assert_eq!(refreshes(&scene), 1);
}

#[tokio::test]
async fn one_who_gives_up_does_not_end_the_wait_of_another() {
    let scene = Scene::signed_in().await;
    scene.expire(&scene.host());
    let lock = tenant_lock(&scene);
    let holder = Holder::of(&lock);
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
    assert_eq!(refreshes(&scene), 1);
}

#[tokio::test]
async fn a_killed_holder_frees_the_lock_at_once() {
    let scene = Scene::signed_in().await;
    scene.expire(&scene.host());
    let lock = tenant_lock(&scene);
    let holder = Holder::of(&lock);
    let caller = scene.caller().start();
    until("the caller waits", || waiters(&lock) == 1).await;
    holder.kill();
    Report::of(caller).expect_token();
    assert_eq!(refreshes(&scene), 1);
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
    let counted = (refreshes(&scene), scene.count(Counter::ReuseDetected));
    assert_eq!(counted, (2, 0), "{alice:?}, {report:?}, {again:?}");
}

#[tokio::test]
async fn a_second_call_in_one_process_waits_for_the_first_and_both_get_the_token() {
    let scene = Scene::signed_in().await;
    scene.expire(&scene.host());
    let lock = tenant_lock(&scene);
    let holder = Holder::of(&lock);
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
    assert_eq!(refreshes(&scene), 1);
}

#[tokio::test]
async fn a_wait_for_one_tenant_does_not_stop_another_of_the_same_process() {
    let scene = Scene::signed_in().await;
    let alice = scene.user("alice");
    scene.sign_in(&alice).await;
    scene.expire(&scene.host());
    scene.expire(&alice);
    let lock = tenant_lock(&scene);
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
    assert_eq!(refreshes(&scene), 2);
}

// --- who keeps a lock ------------------------------------------------------------------------------

#[tokio::test]
async fn a_child_of_a_killed_holder_does_not_keep_the_lock() {
    let scene = Scene::signed_in().await;
    scene.expire(&scene.host());
    let lock = tenant_lock(&scene);
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
    let lock = tenant_lock(&scene);
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
        let lock = tenant_lock(&scene);
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

// --- the files -----------------------------------------------------------------------------------

#[tokio::test]
async fn no_lock_file_is_ever_deleted() {
    let scene = Scene::signed_in().await;
    scene.expire(&scene.host());
    scene.caller().run().expect_token();
    let before = [inode(&tenant_lock(&scene)), inode(&global_lock(&scene))];
    let is_there = |after: &str| {
        let now = [inode(&tenant_lock(&scene)), inode(&global_lock(&scene))];
        assert_eq!(now, before, "after {after}");
    };
    scene.expire(&scene.host());
    scene.caller().run().expect_token();
    is_there("a refresh");
    scene.credentials().logout(&scene.host()).await.expect("it works");
    is_there("a logout");
    scene.sign_in(&scene.host()).await;
    is_there("a sign-in");
    scene.expire(&scene.host());
    scene.control().revoke_families();
    assert_eq!(scene.caller().run().kind.as_deref(), Some("login"));
    is_there("a dead grant");
    scene.write_file(b"{ torn");
    scene.store().move_aside_if_corrupt().expect("it can be moved");
    is_there("a repair");
}

#[tokio::test]
async fn a_lock_file_deleted_before_the_refresher_starts_makes_no_second_redeemer() {
    let scene = Scene::signed_in().await;
    scene.expire(&scene.host());
    let lock = tenant_lock(&scene);
    let fifo = Fifo::new(scene.folder(), "before-spawn");
    let first = scene.caller().fault(fifo.pauses("before-spawn")).start();
    fifo.stopped();
    fs::remove_file(&lock).expect("it is there");
    // Another one locks the file that is there now, and has spent the token when the first goes on.
    scene.fault(Target::Refresh, 1, Fault::Hold);
    let second = scene.caller().start();
    scene.wait(Counter::AnswersHeld, 1).await;
    fifo.go_on();
    // If it starts another refresher, that one need not stop.
    fifo.remove();
    until("the first waits for the second", || waiters(&lock) == 1).await;
    scene.control().release();
    let (first, second) = (Report::of(first), Report::of(second));
    assert_eq!(first.expect_token(), second.expect_token());
    assert_eq!(refreshes(&scene), 1);
    ends_well(&scene).await;
}

#[tokio::test]
async fn a_lock_file_deleted_while_somebody_waits_is_noticed() {
    let scene = Scene::signed_in().await;
    scene.expire(&scene.host());
    let lock = tenant_lock(&scene);
    let holder = Holder::of(&lock);
    let waiting = scene.caller().start();
    until("the caller waits", || waiters(&lock) == 1).await;
    fs::remove_file(&lock).expect("it is there");
    let report = scene.caller().run();
    holder.end();
    assert_eq!(Report::of(waiting).expect_token(), report.expect_token());
    assert_eq!(refreshes(&scene), 1);
    ends_well(&scene).await;
}

/// Ways for a lock file not to be one.
const WRONG: [&str; 5] = ["link", "dangling link", "fifo", "folder", "foreign"];

/// Puts something wrong in the place of a lock file; the words for it.
fn spoil(lock: &Path, how: &str) -> &'static str {
    // A lock file that was there stays reachable for whoever has it open.
    let _ = fs::remove_file(lock);
    let elsewhere = lock.with_file_name("elsewhere");
    match how {
        "link" => {
            fs::write(&elsewhere, "precious").expect("it can be written");
            symlink(&elsewhere, lock).expect("a link");
            "is a symbolic link, not a regular file"
        }
        "dangling link" => {
            symlink(&elsewhere, lock).expect("a link");
            "is a symbolic link, not a regular file"
        }
        "fifo" => {
            mkfifo(lock, Mode::S_IRUSR | Mode::S_IWUSR).expect("a FIFO");
            "is a FIFO, socket or device, not a regular file"
        }
        "folder" => {
            fs::create_dir(lock).expect("a folder");
            "is a folder, not a regular file"
        }
        "foreign" => {
            File::create(lock).expect("it can be made");
            chown(lock, Some(1000), None).expect("root may");
            "belongs to user id 1000"
        }
        other => panic!("{other}"),
    }
}

#[expect(
    clippy::print_stderr,
    reason = "a test that could not be done must not look like one that was"
)]
fn can_be_made(how: &str) -> bool {
    let possible = how != "foreign" || geteuid().is_root();
    if !possible {
        eprintln!("not tested: giving a file away needs root");
    }
    possible
}

#[tokio::test]
async fn a_tenant_lock_that_is_none_means_no_request() {
    for how in WRONG.into_iter().filter(|how| can_be_made(how)) {
        let scene = Scene::signed_in().await;
        scene.expire(&scene.host());
        let lock = tenant_lock(&scene);
        let words = spoil(&lock, how);
        let report = scene.caller().run();
        assert_eq!(report.kind.as_deref(), Some("try_again"), "{how}: {report:?}");
        let told = report.error.expect("an error has words");
        let named = format!("`{}` {words}", lock.display());
        assert!(told.contains(&named), "{how}: {told}");
        assert_eq!(refreshes(&scene), 0, "{how}");
        let elsewhere = scene.folder().join("elsewhere");
        match how {
            "link" => assert_eq!(fs::read_to_string(elsewhere).expect("it is there"), "precious"),
            _ => assert!(!elsewhere.exists(), "{how}"),
        }
    }
}

#[tokio::test]
async fn a_global_lock_that_is_none_means_no_write_and_no_loss() {
    for how in WRONG.into_iter().filter(|how| can_be_made(how)) {
        let scene = Scene::signed_in().await;
        scene.expire(&scene.host());
        let before = fs::read(scene.store_path()).expect("the file is there");
        let lock = global_lock(&scene);
        let words = spoil(&lock, how);
        let report = scene.caller().run();
        assert_eq!(report.kind.as_deref(), Some("try_again"), "{how}: {report:?}");
        let told = report.error.expect("an error has words");
        assert!(told.contains(words), "{how}: {told}");
        let after = fs::read(scene.store_path()).expect("the file is there");
        assert_eq!(after, before, "{how}");
        if how == "folder" {
            fs::remove_dir(&lock).expect("it is there");
        } else {
            fs::remove_file(&lock).expect("it is there");
        }
        scene.caller().run().expect_token();
        assert_eq!(refreshes(&scene), 1, "{how}");
        ends_well(&scene).await;
    }
}

#[tokio::test]
async fn a_damaged_lock_file_is_mended_by_the_next_refresh() {
    for content in [&b"not json"[..], b"{\"holder\":{\"pi", &[0; 4096], &[0xff; 2000]] {
        let scene = Scene::signed_in().await;
        scene.expire(&scene.host());
        fs::write(tenant_lock(&scene), content).expect("it can be written");
        scene.caller().run().expect_token();
        assert_eq!(refreshes(&scene), 1);
        let state = scene.store().tenants().expect("the store is fine")[0].state;
        assert_eq!(state.as_str(), "valid", "{content:?}");
    }
}

// --- names ---------------------------------------------------------------------------------------

fn tenant(service: &str, owner: &str) -> Tenant {
    Tenant {
        service: Service::parse(service).expect("a valid name"),
        owner: Owner::parse(owner).expect("a valid name"),
    }
}

/// Names that are the same, or elsewhere, for whoever is careless with them.
fn odd_tenants() -> Vec<Tenant> {
    let long = "l".repeat(190);
    let services = [
        "codex".to_owned(),
        "mcp:codex".to_owned(),
        "git:codex".to_owned(),
        "mcp:.".to_owned(),
        "mcp:..".to_owned(),
        "mcp:../../escaped".to_owned(),
        "mcp:a/b".to_owned(),
        "mcp:a%2fb".to_owned(),
        "mcp:/etc/passwd".to_owned(),
        "mcp:Linear".to_owned(),
        "mcp:linear".to_owned(),
        "mcp:LINEAR".to_owned(),
        "mcp:é".to_owned(),
        "mcp:a@host".to_owned(),
        format!("mcp:{long}x"),
        format!("mcp:{long}y"),
        format!("mcp:{}", "/".repeat(190)),
        format!("mcp:{}", "é".repeat(95)),
    ];
    let owners = [
        "host",
        "local:host",
        "local:..",
        "local:a/b",
        "local:Host",
        "discord:host",
    ];
    let by_service = services.iter().map(|service| tenant(service, "host"));
    by_service
        .chain(owners.iter().map(|owner| tenant("mcp:a", owner)))
        .collect()
}

#[tokio::test]
async fn every_tenant_has_a_lock_of_its_own_inside_the_folder() {
    let outer = tempfile::tempdir().expect("a folder can be made");
    let scene = Scene::start_in(tempfile::TempDir::new_in(outer.path()).expect("a folder")).await;
    let tenants = odd_tenants();
    let mut file = json!({"version": 1, "generation": 1, "tenants": {}});
    for tenant in &tenants {
        file["tenants"][tenant.service.as_str()][tenant.owner.as_str()] = json!({
            "type": "oauth", "generation": 1, "access_token": "a", "refresh_token": "r",
            "obtained_at_ms": 1, "expires_at_ms": 2, "obtained_by": "sign_in", "client_id": "c",
        });
    }
    scene.write_file(file.to_string().as_bytes());
    let credentials = scene.credentials();
    let names = || -> BTreeSet<String> {
        fs::read_dir(scene.folder())
            .expect("it can be listed")
            .map(|entry| entry.expect("it can be listed").file_name())
            .map(|name| name.into_string().expect("plain ASCII"))
            .filter(|name| name.starts_with("auth.json.refresh."))
            .collect()
    };
    for (number, tenant) in tenants.iter().enumerate() {
        // Nobody knows how to refresh these, which is found out with the lock in hand.
        let error = credentials
            .token(tenant, &Need::default())
            .await
            .expect_err("no such vendor");
        assert!(
            !matches!(error, TokenError::Cancelled { .. }),
            "{tenant:?}: {error}"
        );
        assert_eq!(
            names().len(),
            number + 1,
            "{tenant:?} shares a lock: {:?}",
            names()
        );
    }
    let folded: BTreeSet<String> = names().iter().map(|name| name.to_lowercase()).collect();
    assert_eq!(folded.len(), tenants.len(), "{folded:?}");
    let beside = fs::read_dir(outer.path()).expect("it can be listed").count();
    assert_eq!(beside, 1, "something escaped");
}

#[test]
fn a_name_with_a_nul_is_refused() {
    Service::parse("mcp:a\0b").expect_err("no such name");
    Owner::parse("local:a\0b").expect_err("no such name");
}

#[tokio::test]
async fn every_spelling_of_the_path_shares_one_lock() {
    let scene = Scene::signed_in().await;
    scene.expire(&scene.host());
    let folder = scene.folder();
    symlink("auth.json", folder.join("link.json")).expect("a link");
    symlink(".", folder.join("same")).expect("a link");
    fs::create_dir(folder.join("inner")).expect("a folder");
    let spellings = [
        folder.join("auth.json"),
        folder.join("link.json"),
        folder.join("same/auth.json"),
        folder.join("same/link.json"),
        folder.join("./inner/../auth.json"),
    ];
    let count = u64::try_from(spellings.len()).expect("a few");
    scene.fault(Target::Refresh, None, Fault::HoldReports { count });
    let callers: Vec<_> = spellings
        .iter()
        .enumerate()
        .map(|(number, path)| {
            scene
                .caller_at(path)
                .reports_as(&format!("caller {number}"))
                .start()
        })
        .collect();
    let reports: Vec<_> = callers.into_iter().map(Report::of).collect();
    let first = reports[0].expect_token();
    assert!(
        reports.iter().all(|report| report.expect_token() == first),
        "{reports:?}"
    );
    assert_eq!(refreshes(&scene), 1);
    ends_well(&scene).await;
}

#[tokio::test]
async fn two_stores_in_one_folder_have_locks_of_their_own() {
    let scene = Scene::signed_in().await;
    let other = scene.folder().join("other.json");
    fs::copy(scene.store_path(), &other).expect("it can be copied");
    let mut file: Value = serde_json::from_slice(&fs::read(&other).expect("it is there")).expect("JSON");
    file["tenants"]["rehearsal"]["host"]["expires_at_ms"] = 2.into();
    file["tenants"]["rehearsal"]["host"]["obtained_at_ms"] = 1.into();
    fs::write(&other, file.to_string()).expect("it can be written");
    let holder = Holder::of(&tenant_lock(&scene));
    scene.caller_at(&other).run().expect_token();
    holder.end();
}
