//! A disk that refuses at any step of a refresh: before the request nothing is sent, after it nothing is lost.

use std::collections::BTreeSet;
use std::fs::{self};
use std::path::{Path, PathBuf};

use credentials::State;
use rehearsal::Counter;
use serde_json::Value;
use support::{Scene, move_aside};
use tempfile::TempDir;

mod doctor;
pub(crate) mod full;

/// What a failure of a step leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    /// Nothing is sent, and the error names this.
    NothingSent(&'static str),
    /// The new token is in the recovery file, the old `auth.json` is as it was, and the error names this.
    NotCommitted(&'static str),
    /// The new token is there at once.
    Nothing,
    /// No step of a refresh.
    Elsewhere,
}

/// Every step of the library that asks the disk for something, in the order of a refresh.
const STEPS: [(&str, Then); 16] = [
    ("lock-open", Then::NothingSent("rehearsal@host.lock")),
    ("record-write", Then::NothingSent("rehearsal@host.lock")),
    ("record-sync", Then::NothingSent("rehearsal@host.lock")),
    (
        "reserve-create",
        Then::NothingSent("auth.json.recovery.rehearsal@host"),
    ),
    ("reserve", Then::NothingSent("auth.json.recovery.rehearsal@host")),
    ("reserve-folder-sync", Then::NothingSent("sync the folder")),
    ("recovery-write", Then::Nothing),
    ("recovery-sync", Then::Nothing),
    ("temp-create", Then::NotCommitted("auth.json.tmp")),
    ("temp-write", Then::NotCommitted("auth.json.tmp")),
    ("temp-sync", Then::NotCommitted("auth.json.tmp")),
    ("rename", Then::NotCommitted("auth.json")),
    ("folder-sync", Then::Nothing),
    ("recovery-remove", Then::Nothing),
    ("recovery-folder-sync", Then::Nothing),
    ("aside-folder-sync", Then::Elsewhere),
];

/// What the disk says, and the system's words for it.
const REFUSALS: [(&str, &str); 4] = [
    ("enospc", "no storage space"),
    ("erofs", "read-only filesystem"),
    ("eio", "input/output error"),
    ("eacces", "permission denied"),
];

/// What is wrong, in words; empty if nothing is.
type Complaints = Vec<String>;

fn check(complaints: &mut Complaints, holds: bool, complaint: impl FnOnce() -> String) {
    if !holds {
        complaints.push(complaint());
    }
}

fn none(complaints: &[String]) {
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

/// Every step with a promise that `wanted` picks, with every refusal: (`step=refusal`, words for it, promise).
fn settings(wanted: impl Fn(Then) -> bool) -> impl Iterator<Item = (String, &'static str, Then)> {
    let steps = STEPS.into_iter().filter(move |(_, then)| wanted(*then));
    steps.flat_map(|(step, then)| REFUSALS.map(|(refusal, words)| (format!("{step}={refusal}"), words, then)))
}

/// Takes the note of the last failure out of the lock file, as if the pause that it asks for were over.
fn forget_the_pause(scene: &Scene) {
    let path = scene.folder().join("auth.json.refresh.rehearsal@host.lock");
    let Ok(text) = fs::read_to_string(&path) else {
        return;
    };
    let Ok(mut record) = serde_json::from_str::<Value>(&text) else {
        return;
    };
    record.as_object_mut().expect("a record").remove("failed");
    // In place: the lock file stays the file that it is.
    fs::write(&path, record.to_string()).expect("the lock file can be written");
}

/// The next caller, whose disk is well: it gets a token that the server takes, and the round cost one request in all.
async fn ends_well(complaints: &mut Complaints, scene: &Scene, context: &str) {
    let report = scene.caller().run();
    check(complaints, report.token.is_some(), || {
        format!("{context}: the next caller has no token: {report:?}")
    });
    let accepted = scene.accepts(&scene.stored_token(&scene.host())).await;
    check(complaints, accepted, || {
        format!("{context}: the stored token is not the server's")
    });
    let (requests, reuse) = (scene.refreshes(), scene.count(Counter::ReuseDetected));
    check(complaints, (requests, reuse) == (1, 0), || {
        format!("{context}: {requests} requests, {reuse} with a spent token")
    });
}

// --- steps ---------------------------------------------------------------------------------------

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the sources are there") {
        let path = entry.expect("the folder can be listed").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Every call of `function`, its definition excepted: where it stands, and what is between its parentheses.
fn calls<'a>(text: &'a str, function: &str) -> Vec<(usize, &'a str)> {
    let call = format!("{function}(");
    let is_call = |at: usize| {
        let before = &text[..at];
        !before.ends_with("fn ") && !before.ends_with(|c: char| c.is_alphanumeric() || c == '_')
    };
    let begins = text.match_indices(&call).map(|(at, _)| at);
    begins
        .filter(|at| is_call(*at))
        .map(|at| {
            let rest = &text[at + call.len()..];
            let mut depth = 1;
            let end = rest.find(|c| {
                depth += match c {
                    '(' => 1,
                    ')' => -1,
                    _ => 0,
                };
                depth == 0
            });
            (at, &rest[..end.expect("parentheses are balanced")])
        })
        .collect()
}

/// The text between the first two quotation marks.
fn literal(text: &str) -> Option<&str> {
    text.split('"').nth(1)
}

#[test]
fn every_step_that_can_fail_is_in_the_table() {
    let mut files = Vec::new();
    sources(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("../src/credentials/src"),
        &mut files,
    );
    let texts: Vec<String> = files
        .iter()
        .map(|path| fs::read_to_string(path).expect("a source can be read"))
        .collect();
    let mut found = BTreeSet::new();
    // Functions that are told the step's name by whoever calls them.
    let mut told = BTreeSet::new();
    for text in &texts {
        for (at, argument) in calls(text, "fault::io") {
            if let Some(step) = literal(argument) {
                found.insert(step);
            } else {
                let (_, function) = text[..at].rsplit_once("fn ").expect("code is in a function");
                told.insert(function.split('(').next().expect("a name"));
            }
        }
    }
    assert!(
        told.len() >= 2,
        "the sources are not read as they are written: {told:?}"
    );
    for text in &texts {
        for function in &told {
            found.extend(
                calls(text, function)
                    .into_iter()
                    .filter_map(|(_, argument)| literal(argument)),
            );
        }
    }
    assert_eq!(found, STEPS.iter().map(|(step, _)| *step).collect());
}

#[tokio::test]
async fn a_step_that_fails_before_the_request_sends_nothing() {
    let mut complaints = Complaints::new();
    for (setting, _, _) in settings(|then| matches!(then, Then::NothingSent(_))) {
        let scene = Scene::signed_in().await;
        scene.expire(&scene.host());
        let before = fs::read(scene.store_path()).expect("the file is there");
        scene.caller().fault(&setting).run();
        check(&mut complaints, scene.refreshes() == 0, || {
            format!("{setting}: a request was sent")
        });
        let after = fs::read(scene.store_path()).expect("the file is there");
        check(&mut complaints, after == before, || {
            format!("{setting}: the file was changed")
        });
        let state = scene.state();
        check(&mut complaints, state == State::Expired, || {
            format!("{setting}: the token is called {state}")
        });
        forget_the_pause(&scene);
        ends_well(&mut complaints, &scene, &setting).await;
    }
    none(&complaints);
}

#[tokio::test]
async fn a_step_that_fails_is_told_with_what_and_why_and_never_as_a_login() {
    let mut complaints = Complaints::new();
    for (setting, why, then) in settings(|_| true) {
        let (Then::NothingSent(what) | Then::NotCommitted(what)) = then else {
            continue;
        };
        let scene = Scene::signed_in().await;
        scene.expire(&scene.host());
        let report = scene.caller().fault(&setting).run();
        let told = report.error.clone().unwrap_or_default();
        check(
            &mut complaints,
            report.kind.as_deref() == Some("try_again") && told.contains(what) && told.contains(why),
            || format!("{setting}: {report:?} instead of try_again with `{what}` and `{why}`"),
        );
    }
    none(&complaints);
}

#[tokio::test]
async fn a_failure_is_told_in_full_whatever_the_path() {
    let mut complaints = Complaints::new();
    let long = "long/".repeat(30);
    for inner in ["short", "Zürich", "with space", &long] {
        let outer = tempfile::tempdir().expect("a folder can be made");
        let folder = outer.path().join(inner);
        fs::create_dir_all(&folder).expect("a folder can be made");
        for (setting, file) in [
            ("reserve=enospc", "auth.json.recovery.rehearsal@host"),
            ("temp-write=enospc", "auth.json.tmp"),
        ] {
            let scene = Scene::start_in(TempDir::new_in(&folder).expect("a folder can be made")).await;
            scene.sign_in(&scene.host()).await;
            scene.expire(&scene.host());
            let report = scene.caller().fault(setting).run();
            let told = report.error.unwrap_or_default();
            let path = scene.folder().join(file);
            let named = format!("`{}`: no storage space", path.display());
            check(&mut complaints, told.contains(&named), || {
                format!("{setting}: {told} does not name {named}")
            });
        }
    }
    none(&complaints);
}

#[tokio::test]
async fn a_step_that_fails_before_the_request_leaves_the_live_token_in_use() {
    let mut complaints = Complaints::new();
    for (setting, _, _) in settings(|then| matches!(then, Then::NothingSent(_))) {
        let scene = Scene::signed_in().await;
        scene.make_stale(&scene.host());
        let report = scene.caller().fault(&setting).run();
        check(
            &mut complaints,
            report.token.is_some() && scene.refreshes() == 0,
            || format!("{setting}: {report:?}, {} requests", scene.refreshes()),
        );
    }
    none(&complaints);
}

#[tokio::test]
async fn a_step_that_fails_after_the_request_loses_nothing() {
    let mut complaints = Complaints::new();
    for (setting, _, then) in settings(|then| matches!(then, Then::NotCommitted(_) | Then::Nothing)) {
        let scene = Scene::signed_in().await;
        scene.expire(&scene.host());
        let report = scene.caller().fault(&setting).run();
        check(
            &mut complaints,
            report.token.is_some() == (then == Then::Nothing),
            || format!("{setting}: {report:?}"),
        );
        ends_well(&mut complaints, &scene, &setting).await;
    }
    none(&complaints);
}

#[tokio::test]
async fn a_token_that_could_not_be_stored_replaces_a_live_one_later() {
    let mut complaints = Complaints::new();
    for (setting, _, _) in settings(|then| matches!(then, Then::NotCommitted(_) | Then::Nothing)) {
        let scene = Scene::signed_in().await;
        scene.make_stale(&scene.host());
        let first = scene.caller().fault(&setting).run();
        check(&mut complaints, first.token.is_some(), || {
            format!("{setting}: {first:?}")
        });
        ends_well(&mut complaints, &scene, &setting).await;
        let state = scene.state();
        check(&mut complaints, state == State::Valid, || {
            format!("{setting}: {state}")
        });
    }
    none(&complaints);
}

#[tokio::test]
async fn a_commit_that_fails_leaves_the_file_as_it_was() {
    let mut complaints = Complaints::new();
    for (setting, _, _) in settings(|then| matches!(then, Then::NotCommitted(_))) {
        let scene = Scene::signed_in().await;
        scene.expire(&scene.host());
        let before = fs::read(scene.store_path()).expect("the file is there");
        scene.caller().fault(&setting).run();
        let after = fs::read(scene.store_path()).expect("the file is there");
        check(&mut complaints, after == before, || setting.clone());
    }
    none(&complaints);
}

#[tokio::test]
async fn nobody_sends_while_a_token_waits_to_be_stored() {
    let scene = Scene::signed_in().await;
    scene.expire(&scene.host());
    for _ in 0..3 {
        let report = scene.caller().fault("rename=enospc").run();
        assert_eq!(report.kind.as_deref(), Some("try_again"), "{report:?}");
    }
    assert_eq!(scene.refreshes(), 1);
}

#[tokio::test]
async fn what_one_failed_refresh_leaves_does_not_disturb_the_next() {
    let mut complaints = Complaints::new();
    for (setting, _, _) in settings(|then| then == Then::Nothing) {
        let scene = Scene::signed_in().await;
        scene.expire(&scene.host());
        scene.caller().fault(&setting).run();
        scene.expire(&scene.host());
        let report = scene.caller().run();
        check(
            &mut complaints,
            report.token.is_some() && scene.refreshes() == 2,
            || format!("{setting}: {report:?}, {} requests", scene.refreshes()),
        );
        let leftovers = scene.store().leftovers().expect("the folder can be listed");
        check(&mut complaints, leftovers.is_empty(), || {
            format!("{setting}: {leftovers:?} is left")
        });
    }
    none(&complaints);
}

#[tokio::test]
async fn a_dead_grant_is_a_login_also_when_that_cannot_be_stored() {
    for refusal in ["temp-write=enospc", "rename=erofs", "temp-create=eacces"] {
        let scene = Scene::signed_in().await;
        scene.expire(&scene.host());
        scene.control().revoke_families();
        let report = scene.caller().fault(refusal).run();
        assert_eq!(report.kind.as_deref(), Some("login"), "{refusal}: {report:?}");
        let told = report.error.expect("an error has words");
        assert!(told.contains("refused the refresh token"), "{refusal}: {told}");
    }
}

#[tokio::test]
async fn a_dead_grant_is_sent_once_also_when_that_cannot_be_stored() {
    let scene = Scene::signed_in().await;
    scene.expire(&scene.host());
    scene.control().revoke_families();
    for _ in 0..3 {
        let report = scene.caller().fault("temp-write=enospc").run();
        assert_eq!(report.kind.as_deref(), Some("login"), "{report:?}");
    }
    assert_eq!(scene.refreshes(), 1);
}

#[tokio::test]
async fn a_repair_whose_last_step_fails_has_kept_the_bytes() {
    for (refusal, why) in REFUSALS {
        let scene = Scene::start().await;
        scene.write_file(b"{ torn");
        let told = move_aside(&scene.store_path(), &format!("aside-folder-sync={refusal}"));
        assert!(
            told.contains("could not sync the folder") && told.contains(why),
            "{told}"
        );
        let kept = fs::read_dir(scene.folder())
            .expect("the folder can be listed")
            .map(|entry| entry.expect("it can be listed").path())
            .filter(|path| fs::read(path).is_ok_and(|bytes| bytes == b"{ torn"));
        assert_eq!(kept.count(), 1, "{refusal}");
    }
}
