//! The files themselves: never deleted, one for each tenant, and one that is no lock means no request.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt as _, chown, symlink};
use std::path::Path;

use credentials::{Need, Owner, Service, Tenant, TokenError};
use nix::sys::stat::Mode;
use nix::unistd::{geteuid, mkfifo};
use rehearsal::{Counter, Fault, Target};
use serde_json::{Value, json};
use support::{Fifo, Holder, Report, Scene, until, waiters};

fn inode(path: &Path) -> u64 {
    fs::symlink_metadata(path).expect("it is there").ino()
}
#[tokio::test]
async fn no_lock_file_is_ever_deleted() {
    let scene = Scene::signed_in().await;
    scene.expire(&scene.host());
    scene.caller().run().expect_token();
    let before = [inode(&scene.tenant_lock()), inode(&scene.global_lock())];
    let is_there = |after: &str| {
        let now = [inode(&scene.tenant_lock()), inode(&scene.global_lock())];
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
    let lock = scene.tenant_lock();
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
    assert_eq!(scene.refreshes(), 1);
    scene.ends_well().await;
}

#[tokio::test]
async fn a_lock_file_deleted_while_somebody_waits_is_noticed() {
    let scene = Scene::signed_in().await;
    scene.expire(&scene.host());
    let lock = scene.tenant_lock();
    let holder = Holder::of(&lock);
    let waiting = scene.caller().start();
    until("the caller waits", || waiters(&lock) == 1).await;
    fs::remove_file(&lock).expect("it is there");
    let report = scene.caller().run();
    holder.end();
    assert_eq!(Report::of(waiting).expect_token(), report.expect_token());
    assert_eq!(scene.refreshes(), 1);
    scene.ends_well().await;
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
        let lock = scene.tenant_lock();
        let words = spoil(&lock, how);
        let report = scene.caller().run();
        assert_eq!(report.kind.as_deref(), Some("try_again"), "{how}: {report:?}");
        let told = report.error.expect("an error has words");
        let named = format!("`{}` {words}", lock.display());
        assert!(told.contains(&named), "{how}: {told}");
        assert_eq!(scene.refreshes(), 0, "{how}");
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
        let lock = scene.global_lock();
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
        assert_eq!(scene.refreshes(), 1, "{how}");
        scene.ends_well().await;
    }
}

#[tokio::test]
async fn a_damaged_lock_file_is_mended_by_the_next_refresh() {
    for content in [&b"not json"[..], b"{\"holder\":{\"pi", &[0; 4096], &[0xff; 2000]] {
        let scene = Scene::signed_in().await;
        scene.expire(&scene.host());
        fs::write(scene.tenant_lock(), content).expect("it can be written");
        scene.caller().run().expect_token();
        assert_eq!(scene.refreshes(), 1);
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
    assert_eq!(scene.refreshes(), 1);
    scene.ends_well().await;
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
    let holder = Holder::of(&scene.tenant_lock());
    scene.caller_at(&other).run().expect_token();
    holder.end();
}
