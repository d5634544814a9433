//! An `auth.json` that is not as it should be: said with path and cause, never overwritten, never "not logged in".

use std::error::Error;
use std::fs::{self, File, OpenOptions, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc;
use std::time::Duration;

use credentials::{FILE_VERSION, MAX_FILE_BYTES, Need, Owner, Service, Tenant, TokenError, UserId};
use nix::sys::stat::Mode;
use nix::unistd::{geteuid, mkfifo};
use rehearsal::Counter;
use support::{Fifo, Report, Scene, program};

mod entries;

/// Longer than any honest answer about a file that can't be used.
const PROMPT: Duration = Duration::from_secs(20);

/// An error and its causes in one line.
fn words(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

fn bytes(scene: &Scene) -> Vec<u8> {
    fs::read(scene.store_path()).expect("the file is there")
}

fn text(scene: &Scene) -> String {
    String::from_utf8(bytes(scene)).expect("the file is text")
}

/// The stored entry of the host, as it stands in the file.
fn entry(scene: &Scene) -> String {
    scene.file()["tenants"]["rehearsal"]["host"].to_string()
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).expect("it is there").mode() & 0o7777
}

fn caller_of(scene: &Scene) -> Report {
    let child = scene.caller().start();
    promptly(|| Report::of(child))
}

/// Does something that must not wait for anybody.
fn promptly<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, done) = mpsc::channel();
    std::thread::spawn(move || sender.send(work()));
    done.recv_timeout(PROMPT).expect("it hangs, or panicked")
}

/// Every use of a store that can't be read says so, names the file and the cause, and changes nothing.
async fn is_refused(scene: &Scene, cause: &str, context: &str) {
    let named = format!("`{}`", scene.store_path().display());
    let is_told = |told: &str| {
        assert!(told.contains(&named) && told.contains(cause), "{context}: {told}");
    };
    let credentials = scene.credentials();
    match credentials.token(&scene.host(), &Need::default()).await {
        Err(error @ TokenError::Store { .. }) => is_told(&words(&error)),
        other => panic!("{context}: {other:?}"),
    }
    let user = UserId::parse("operator").expect("a valid name");
    let begun = credentials.begin(&scene.host(), &user, Some("pkce"), None).await;
    is_told(&words(&begun.expect_err(context)));
    let signed_out = credentials.logout(&scene.host()).await;
    is_told(&words(&signed_out.expect_err(context)));
    is_told(&words(&scene.store().tenants().expect_err(context)));
    is_told(&words(&scene.store().file_health().error.expect(context)));
    assert_eq!(scene.count(Counter::RefreshRequests), 0, "{context}");
}

// --- content -------------------------------------------------------------------------------------

#[tokio::test]
async fn a_file_that_cannot_be_used_is_told_and_left_alone() {
    let too_new = format!("has version 2; this program reads version {FILE_VERSION}");
    let cases: [(&[u8], &str); 19] = [
        (b"", "is corrupt: it is empty"),
        (b"\n", "is corrupt: it ends in the middle"),
        (b"not json", "is corrupt: not JSON (line 1, column 2)"),
        (&[0; 512], "is corrupt: not JSON"),
        (
            b"{\"version\":1,\"tenants\":{}}\xff",
            "is corrupt: not UTF-8 at byte 26",
        ),
        (b"\xef\xbb\xbf{\"version\":1}", "is corrupt: not JSON"),
        (b"{\"version\":1}{\"version\":1}", "is corrupt: not JSON"),
        (b"{\"version\":1,\"tenants\":{}}}", "is corrupt: not JSON"),
        (b"[]", "is corrupt: a field is missing or of the wrong type"),
        (b"null", "is corrupt: a field is missing or of the wrong type"),
        (b"{}", "is corrupt: it has no `version` number"),
        (b"{\"tenants\":{}}", "is corrupt: it has no `version` number"),
        (
            b"{\"version\":\"1\",\"tenants\":{}}",
            "is corrupt: it has no `version` number",
        ),
        (b"{\"version\":0,\"tenants\":{}}", "has version 0"),
        (b"{\"version\":2,\"tenants\":[]}", &too_new),
        (b"{\"version\":1,\"tenants\":[]}", "is corrupt: `tenants`: "),
        (b"{\"version\":1,\"tenants\":\"x\"}", "is corrupt: `tenants`: "),
        (b"{\"version\":1,\"pending\":7}", "is corrupt: `pending`: "),
        (b"{\"version\":1,\"generation\":-1}", "is corrupt: `generation`: "),
    ];
    for (content, cause) in cases {
        let scene = Scene::start().await;
        scene.write_file(content);
        let context = String::from_utf8_lossy(content).into_owned();
        is_refused(&scene, cause, &context).await;
        assert_eq!(bytes(&scene), content, "{context}");
    }
}

#[tokio::test]
async fn a_file_cut_off_anywhere_is_never_an_empty_store() {
    let scene = Scene::signed_in().await;
    let whole = text(&scene);
    let end = whole.trim_end().len();
    for cut in 0..end {
        scene.write_file(&whole.as_bytes()[..cut]);
        match scene.token(&scene.host()).await {
            Err(TokenError::Store { .. }) => {}
            other => panic!("cut at {cut}: {other:?}"),
        }
    }
    assert_eq!(scene.count(Counter::RefreshRequests), 0);
}

#[tokio::test]
async fn a_torn_file_stays_as_it_is() {
    let scene = Scene::signed_in().await;
    let whole = bytes(&scene);
    for cut in [1, whole.len() / 3, whole.len() / 2, whole.len() - 2] {
        let torn = &whole[..cut];
        scene.write_file(torn);
        is_refused(
            &scene,
            "is corrupt: it ends in the middle",
            &format!("cut at {cut}"),
        )
        .await;
        assert_eq!(bytes(&scene), torn, "cut at {cut}");
    }
}

#[tokio::test]
async fn no_token_is_quoted_from_a_file_that_cannot_be_used() {
    let scene = Scene::start().await;
    for content in [
        r#"{"version":1,"tenants":"planted-secret"}"#,
        r#"{"version":"planted-secret"}"#,
        "planted-secret",
        r#"{"version":1,"tenants":{"rehearsal":{"host":"planted-secret"}}}"#,
        r#"{"version":1,"tenants":{"rehearsal":{"host":{"type":"planted-secret"}}}}"#,
        r#"{"version":1,"tenants":{"rehearsal":{"host":{"type":"oauth","generation":"planted-secret"}}}}"#,
    ] {
        scene.write_file(content.as_bytes());
        let error = scene.token(&scene.host()).await.expect_err("no token");
        let told = format!("{} {error:?} {:?}", words(&error), scene.store().file_health());
        assert!(!told.contains("planted"), "{told}");
    }
}

#[tokio::test]
async fn a_huge_file_is_not_read() {
    let scene = Scene::signed_in().await;
    let whole = bytes(&scene);
    let length = 100_000_000;
    OpenOptions::new()
        .write(true)
        .open(scene.store_path())
        .and_then(|file| file.set_len(length))
        .expect("it can be made longer");
    is_refused(
        &scene,
        &format!("is {length} bytes long; at most {MAX_FILE_BYTES} are read"),
        "100 MB",
    )
    .await;
    let after = bytes(&scene);
    assert_eq!(after.len() as u64, length);
    assert!(after.starts_with(&whole));
}

#[tokio::test]
async fn a_process_calls_a_bad_file_no_login() {
    for content in [
        "",
        "not json",
        r#"{"version":2}"#,
        r#"{"version":1,"tenants":[]}"#,
    ] {
        let scene = Scene::start().await;
        scene.write_file(content.as_bytes());
        let report = caller_of(&scene);
        assert_eq!(report.kind.as_deref(), Some("other"), "{content}: {report:?}");
    }
}

// --- what stands there ---------------------------------------------------------------------------

#[tokio::test]
async fn what_is_no_regular_file_is_named_and_nobody_waits_for_it() {
    type Make = fn(&Path);
    let cases: [(&str, Make); 4] = [
        ("a folder", |path| fs::create_dir(path).expect("a folder")),
        ("a FIFO, socket or device", |path| {
            mkfifo(path, Mode::S_IRUSR | Mode::S_IWUSR).expect("a FIFO");
        }),
        ("a FIFO, socket or device", |path| {
            // The name outlives the socket.
            drop(UnixListener::bind(path).expect("a socket"));
        }),
        ("a symbolic link", |path| {
            symlink(path.with_file_name("elsewhere"), path).expect("a link");
        }),
    ];
    for (found, make) in cases {
        let scene = Scene::start().await;
        // Opened before: a link that is there at the opening is followed.
        let credentials = scene.credentials();
        make(&scene.store_path());
        let before = fs::symlink_metadata(scene.store_path()).expect("it is there");
        let host = scene.host();
        let error =
            promptly(move || credentials.token_blocking(&host, &Need::default())).expect_err("no token");
        assert!(matches!(error, TokenError::Store { .. }), "{found}: {error:?}");
        let told = words(&error);
        let wanted = format!(
            "`{}` is {found}, not a regular file",
            scene.store_path().display()
        );
        assert!(told.contains(&wanted), "{told}");
        let after = fs::symlink_metadata(scene.store_path()).expect("it is still there");
        assert_eq!(
            (after.ino(), after.file_type()),
            (before.ino(), before.file_type())
        );
    }
}

#[tokio::test]
async fn a_sign_in_does_not_replace_what_is_no_regular_file() {
    let scene = Scene::start().await;
    mkfifo(&scene.store_path(), Mode::S_IRUSR | Mode::S_IWUSR).expect("a FIFO");
    is_refused(&scene, "a FIFO, socket or device", "a FIFO").await;
    let kind = fs::symlink_metadata(scene.store_path())
        .expect("it is there")
        .file_type();
    assert!(!kind.is_file());
}

#[tokio::test]
async fn a_link_that_takes_the_files_place_is_not_followed() {
    let scene = Scene::signed_in().await;
    let credentials = scene.credentials();
    let elsewhere = scene.folder().join("elsewhere");
    fs::rename(scene.store_path(), &elsewhere).expect("it can be moved");
    symlink(&elsewhere, scene.store_path()).expect("a link");
    let before = fs::read(&elsewhere).expect("it is there");
    let error = credentials
        .token(&scene.host(), &Need::default())
        .await
        .expect_err("no token");
    assert!(words(&error).contains("is a symbolic link"), "{}", words(&error));
    credentials
        .logout(&scene.host())
        .await
        .expect_err("nothing is written");
    assert_eq!(fs::read(&elsewhere).expect("it is there"), before);
}

#[tokio::test]
async fn somebody_elses_file_is_refused() {
    if !geteuid().is_root() {
        eprintln!("not tested: giving a file away needs root");
        return;
    }
    let scene = Scene::signed_in().await;
    let before = bytes(&scene);
    chown(scene.store_path(), Some(1000), None).expect("root may");
    is_refused(
        &scene,
        "belongs to user id 1000, this program runs as 0",
        "owned by 1000",
    )
    .await;
    assert_eq!(bytes(&scene), before);
    assert_eq!(fs::metadata(scene.store_path()).expect("it is there").uid(), 1000);
}

// --- links ---------------------------------------------------------------------------------------

#[tokio::test]
async fn a_linked_file_stays_linked_and_its_locks_stand_beside_the_real_one() {
    let scene = Scene::signed_in().await;
    scene.expire(&scene.host());
    let real = scene.folder().join("real");
    let links = scene.folder().join("links");
    fs::create_dir(&real).expect("a folder");
    fs::create_dir(&links).expect("a folder");
    fs::rename(scene.store_path(), real.join("store.json")).expect("it can be moved");
    symlink("../real/store.json", links.join("auth.json")).expect("a link");
    let before = fs::read(real.join("store.json")).expect("it is there");
    scene.caller_at(&links.join("auth.json")).run().expect_token();
    let link = fs::read_link(links.join("auth.json")).expect("it is still a link");
    assert_eq!(link, Path::new("../real/store.json"));
    assert_ne!(fs::read(real.join("store.json")).expect("it is there"), before);
    assert!(real.join("store.json.refresh.rehearsal@host.lock").exists());
    assert!(real.join("store.json.global.lock").exists());
    assert_eq!(fs::read_dir(&links).expect("it can be listed").count(), 1);
}

#[tokio::test]
async fn a_dangling_link_is_an_empty_store_where_it_points() {
    let scene = Scene::start().await;
    let target = scene.folder().join("real.json");
    symlink("real.json", scene.store_path()).expect("a link");
    let report = scene.caller().run();
    assert_eq!(report.kind.as_deref(), Some("login"), "{report:?}");
    assert!(!target.exists(), "asking for a token writes nothing");
    scene.sign_in(&scene.host()).await;
    assert!(
        fs::symlink_metadata(scene.store_path())
            .expect("it is there")
            .is_symlink()
    );
    assert_eq!(mode(&target), 0o600);
    scene.caller().run().expect_token();
}

#[tokio::test]
async fn a_loop_of_links_is_an_error() {
    let scene = Scene::start().await;
    symlink("auth.json", scene.store_path()).expect("a link");
    let error = credentials::Store::open(&scene.store_path(), false).expect_err("a loop");
    let told = words(&error);
    let wanted = format!("the links of `{}`", scene.store_path().display());
    assert!(told.contains(&wanted), "{told}");
}

// --- moving aside --------------------------------------------------------------------------------

#[tokio::test]
async fn a_corrupt_file_is_moved_aside_with_its_bytes_and_a_sign_in_begins_anew() {
    for content in [&b""[..], b"{ torn", b"[]", b"{\"version\":\"1\"}"] {
        let scene = Scene::start().await;
        scene.write_file(content);
        let aside = scene
            .store()
            .move_aside_if_corrupt()
            .expect("it can be moved")
            .expect("it is corrupt");
        assert_eq!(fs::read(&aside).expect("it is there"), content);
        assert_eq!(aside.parent(), Some(scene.folder()));
        assert!(!scene.store_path().exists());
        scene.sign_in(&scene.host()).await;
        scene.caller().run().expect_token();
        assert_eq!(fs::read(&aside).expect("it is still there"), content);
    }
}

#[tokio::test]
async fn a_huge_file_is_moved_aside() {
    let scene = Scene::start().await;
    File::create(scene.store_path())
        .and_then(|file| file.set_len(100_000_000))
        .expect("it can be made");
    let aside = scene
        .store()
        .move_aside_if_corrupt()
        .expect("it can be moved")
        .expect("it is too large");
    assert_eq!(fs::metadata(aside).expect("it is there").len(), 100_000_000);
}

#[tokio::test]
async fn a_good_file_and_one_of_another_version_are_not_moved_aside() {
    let scene = Scene::signed_in().await;
    let before = bytes(&scene);
    assert_eq!(scene.store().move_aside_if_corrupt().expect("it is fine"), None);
    assert_eq!(bytes(&scene), before);
    for content in [&b"{\"version\":0}"[..], b"{\"version\":2,\"tenants\":[]}"] {
        scene.write_file(content);
        let error = scene
            .store()
            .move_aside_if_corrupt()
            .expect_err("not ours to move");
        assert!(error.to_string().contains("has version"), "{error}");
        assert_eq!(bytes(&scene), content);
    }
}

#[tokio::test]
async fn a_missing_file_is_an_empty_store_and_nothing_to_move() {
    let scene = Scene::start().await;
    assert_eq!(scene.store().move_aside_if_corrupt().expect("it is fine"), None);
    let report = scene.caller().run();
    assert_eq!(report.kind.as_deref(), Some("login"), "{report:?}");
    assert!(!scene.store_path().exists());
}

#[tokio::test]
async fn the_last_logout_leaves_a_valid_empty_file() {
    let scene = Scene::signed_in().await;
    scene.credentials().logout(&scene.host()).await.expect("it works");
    assert_eq!(scene.store().tenants().expect("it is valid").len(), 0);
    assert_eq!(scene.file()["version"], FILE_VERSION);
}

// --- modes ---------------------------------------------------------------------------------------

#[tokio::test]
async fn a_wide_mode_is_read_and_narrowed_by_the_next_write() {
    for wide in [0o644, 0o666, 0o640, 0o755] {
        let scene = Scene::signed_in().await;
        let set = |bits| fs::set_permissions(scene.store_path(), Permissions::from_mode(bits));
        set(wide).expect("it is ours");
        scene.caller().run().expect_token();
        assert_eq!(mode(&scene.store_path()), wide, "reading changes nothing");
        assert_eq!(scene.store().file_health().mode, Some(wide));
        scene.expire(&scene.host());
        set(wide).expect("it is ours");
        scene.caller().run().expect_token();
        assert_eq!(mode(&scene.store_path()), 0o600, "{wide:o}");
    }
}

#[tokio::test]
async fn no_umask_widens_or_narrows_a_file() {
    for umask in ["000", "077"] {
        let scene = Scene::signed_in().await;
        scene.expire(&scene.host());
        let fifo = Fifo::new(scene.folder(), "temp-written");
        let caller = scene
            .caller()
            .fault(fifo.pauses("temp-written"))
            .umask(umask)
            .start();
        fifo.stopped();
        // Now all of them are there.
        for name in [
            "auth.json.tmp",
            "auth.json.recovery.rehearsal@host",
            "auth.json.global.lock",
            "auth.json.refresh.rehearsal@host.lock",
        ] {
            assert_eq!(
                mode(&scene.folder().join(name)),
                0o600,
                "{name} with umask {umask}"
            );
        }
        fifo.go_on();
        Report::of(caller).expect_token();
        assert_eq!(mode(&scene.store_path()), 0o600, "umask {umask}");
    }
}

#[test]
fn no_umask_widens_a_new_folder() {
    for umask in ["000", "077"] {
        let outer = tempfile::tempdir().expect("a folder can be made");
        let folder = outer.path().join("state").join("inner");
        let begun = Command::new("/bin/sh")
            .arg("-c")
            .arg(format!("umask {umask}; exec \"$0\" auth begin openai"))
            .arg(program("agent-host"))
            .env_clear()
            .env("AGENT_HOST_HOME", &folder)
            .status();
        assert!(begun.expect("it runs").success());
        assert_eq!(mode(&folder), 0o700, "umask {umask}");
        assert_eq!(mode(&outer.path().join("state")), 0o700, "umask {umask}");
    }
}

#[tokio::test]
async fn a_tenant_that_is_not_there_is_a_login_beside_bad_ones() {
    let scene = Scene::start().await;
    scene.write_file(br#"{"version":1,"tenants":{"rehearsal":{"host":7}}}"#);
    let alice = Tenant {
        service: Service::parse("rehearsal").expect("a valid name"),
        owner: Owner::parse("alice").expect("a valid name"),
    };
    let error = scene.token(&alice).await.expect_err("no token");
    assert!(matches!(error, TokenError::LoginRequired { .. }), "{error:?}");
}
