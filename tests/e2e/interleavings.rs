//! Interleavings that luck alone would not bring: each is forced by a lock, a FIFO or a held answer.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt as _;
use std::time::Duration;

use credentials::{Begun, State, TokenError, UserId};
use rehearsal::{Counter, Fault, Target};
use serde_json::{Value, json};
use support::{Fifo, Holder, Report, Scene, until, waiters};

#[tokio::test]
async fn what_was_read_before_the_lock_is_read_again_inside_it() {
    let scene = Scene::signed_in().await;
    scene.expire(&scene.host());
    let stale = fs::read(scene.store_path()).expect("the file is there");
    let fresh = scene.caller().run();
    let after = fs::read(scene.store_path()).expect("the file is there");
    scene.write_file(&stale);
    // A shared lock: the caller's first wait ends at once, the second one stands in line.
    let lock = File::open(scene.tenant_lock()).expect("the lock file is there");
    lock.lock_shared().expect("it is free");
    let caller = scene.caller().start();
    until("the caller stands in line", || waiters(&scene.tenant_lock()) == 1).await;
    // Somebody else's refresh, stored after the caller's last look.
    scene.write_file(&after);
    drop(lock);
    assert_eq!(Report::of(caller).expect_token(), fresh.expect_token());
    assert_eq!(scene.refreshes(), 1);
    scene.ends_well().await;
}

#[tokio::test]
async fn whoever_comes_meanwhile_waits_until_the_answer_is_stored() {
    for point in [
        "before-mark",
        "before-post",
        "answered",
        "recovered",
        "temp-written",
    ] {
        let scene = Scene::signed_in().await;
        scene.expire(&scene.host());
        let fifo = Fifo::new(scene.folder(), point);
        let first = scene.caller().fault(fifo.pauses(point)).start();
        fifo.stopped();
        let second = scene.caller().start();
        until("the second waits", || waiters(&scene.tenant_lock()) == 1).await;
        fifo.go_on();
        fifo.remove();
        let (first, second) = (Report::of(first), Report::of(second));
        assert_eq!(first.expect_token(), second.expect_token(), "{point}");
        assert_eq!(scene.refreshes(), 1, "{point}");
        scene.ends_well().await;
    }
}

#[tokio::test]
async fn a_good_token_is_had_whoever_holds_the_lock() {
    let scene = Scene::signed_in().await;
    let holder = Holder::of(&scene.tenant_lock());
    let token = tokio::time::timeout(Duration::from_secs(5), scene.token(&scene.host())).await;
    holder.end();
    token.expect("nobody is waited for").expect("a token");
}

#[tokio::test]
async fn a_held_lock_is_nobody_elses_however_old_its_holder_seems() {
    for holder in [
        json!({"pid": 4_000_000, "started": 1, "since": 1000}),
        json!({"pid": std::process::id(), "started": 0, "since": 1000}),
    ] {
        let scene = Scene::signed_in().await;
        scene.expire(&scene.host());
        let lock = scene.tenant_lock();
        fs::write(&lock, json!({ "holder": holder }).to_string()).expect("it can be written");
        let inode = fs::metadata(&lock).expect("it is there").ino();
        let held = Holder::of(&lock);
        let caller = scene.caller().start();
        until("the caller waits", || waiters(&lock) == 1).await;
        assert_eq!(scene.refreshes(), 0);
        held.end();
        Report::of(caller).expect_token();
        assert_eq!(fs::metadata(&lock).expect("it is there").ino(), inode);
    }
}

#[tokio::test]
async fn a_global_lock_file_deleted_while_somebody_waits_is_noticed() {
    let scene = Scene::signed_in().await;
    scene.expire(&scene.host());
    let lock = scene.global_lock();
    let before = fs::read(scene.store_path()).expect("the file is there");
    let old = Holder::of(&lock);
    let caller = scene.caller().start();
    until("the caller waits", || waiters(&lock) == 1).await;
    fs::remove_file(&lock).expect("it is there");
    let new = Holder::of(&lock);
    old.end();
    until("the caller waits for the new one", || waiters(&lock) == 1).await;
    assert_eq!(fs::read(scene.store_path()).expect("the file is there"), before);
    new.end();
    Report::of(caller).expect_token();
    scene.ends_well().await;
}

#[tokio::test]
async fn a_lock_file_deleted_just_before_the_request_makes_no_second_redeemer() {
    let scene = Scene::signed_in().await;
    scene.expire(&scene.host());
    let fifo = Fifo::new(scene.folder(), "before-post");
    let first = scene.caller().fault(fifo.pauses("before-post")).start();
    fifo.stopped();
    fs::remove_file(scene.tenant_lock()).expect("it is there");
    scene.caller().run().expect_token();
    fifo.go_on();
    fifo.remove();
    Report::of(first);
    assert_eq!(scene.refreshes(), 1);
    scene.ends_well().await;
}

#[tokio::test]
async fn a_refresher_that_hangs_is_ended_by_the_system() {
    let scene = Scene::signed_in().await;
    scene.expire(&scene.host());
    let fifo = Fifo::new(scene.folder(), "before-post");
    let caller = scene.caller().fault(fifo.pauses("before-post")).start();
    // It waits for a word that never comes, until its alarm; the caller then starts the next one.
    let first = fifo.stopped();
    let second = fifo.stopped();
    assert_ne!(first, second);
    fifo.go_on();
    Report::of(caller).expect_token();
    assert_eq!(scene.refreshes(), 1);
    scene.ends_well().await;
}

#[tokio::test]
async fn signing_in_again_asks_for_all_that_was_granted() {
    let scene = Scene::signed_in().await;
    scene.edit(&scene.host(), |entry| {
        entry["scopes"]
            .as_array_mut()
            .expect("a list")
            .push("wider".into());
    });
    let user = UserId::parse("operator").expect("a valid name");
    let begun = scene
        .credentials()
        .begin(&scene.host(), &user, Some("pkce"), None)
        .await;
    let Ok((Begun::Link { url, .. }, _)) = begun else {
        panic!("pkce gives a link")
    };
    let asked = url
        .query_pairs()
        .find(|(name, _)| name == "scope")
        .expect("scopes")
        .1;
    assert!(asked.split(' ').any(|scope| scope == "wider"), "{asked}");
}

#[tokio::test]
async fn an_answer_that_names_no_scope_narrows_nothing() {
    let scene = Scene::signed_in().await;
    let scopes = |scene: &Scene| scene.file()["tenants"]["rehearsal"]["host"]["scopes"].clone();
    let before = scopes(&scene);
    assert_ne!(before, json!([]));
    scene.expire(&scene.host());
    scene.fault(
        Target::Refresh,
        1,
        Fault::Omit {
            fields: vec!["scope".into()],
        },
    );
    scene.token(&scene.host()).await.expect("a token");
    assert_eq!(scopes(&scene), before);
}

#[tokio::test]
async fn a_death_that_could_not_be_stored_is_not_the_next_logins() {
    let scene = Scene::signed_in().await;
    scene.expire(&scene.host());
    scene.control().revoke_families();
    let report = scene.caller().fault("temp-write=enospc").run();
    assert_eq!(report.kind.as_deref(), Some("login"), "{report:?}");
    let state = |scene: &Scene| scene.store().tenants().expect("the store is fine")[0].state;
    assert_eq!(state(&scene), State::Invalidated);
    scene.sign_in(&scene.host()).await;
    assert_eq!(state(&scene), State::Valid);
    scene.expire(&scene.host());
    scene.caller().run().expect_token();
}

#[tokio::test]
async fn a_spelling_that_is_not_canonical_is_nobodys_login() {
    let scene = Scene::start().await;
    // Sorted after the canonical one, so that it would win.
    scene.write_file(br#"{"version":1,"generation":9,"tenants":{"rehearsal":{"zed":{"type":"api_key","generation":3,"key":"k","obtained_at_ms":1}}}}"#);
    let error = scene.token(&scene.user("zed")).await.expect_err("no token");
    assert!(matches!(error, TokenError::LoginRequired { .. }), "{error:?}");
}

#[tokio::test]
async fn an_entry_that_was_written_during_a_refresh_is_left_alone() {
    let changes: [fn(&mut Value); 2] = [
        |entry| entry["generation"] = 90.into(),
        |entry| entry["refresh_token"] = "another".into(),
    ];
    for change in changes {
        let scene = Scene::signed_in().await;
        scene.expire(&scene.host());
        scene.fault(Target::Refresh, 1, Fault::Hold);
        let caller = scene.caller().start();
        scene.wait(Counter::AnswersHeld, 1).await;
        scene.edit(&scene.host(), |entry| {
            change(entry);
            entry["expires_at_ms"] = 4_000_000_000_000_i64.into();
        });
        let before = scene.file()["tenants"]["rehearsal"]["host"].clone();
        scene.control().release();
        Report::of(caller).expect_token();
        assert_eq!(scene.file()["tenants"]["rehearsal"]["host"], before);
        assert_eq!(scene.count(Counter::Revocations), 1);
    }
}
