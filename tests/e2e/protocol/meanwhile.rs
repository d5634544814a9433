//! What comes while a refresh is under way: a login, a sign-out, a cancel, an end.

use credentials::{Need, State};
use rehearsal::{Counter, Fault, Target};
use serde_json::{Value, json};
use support::{Report, Scene};

use super::same;

#[tokio::test]
async fn a_logout_during_a_refresh_wins_and_the_lost_grant_is_revoked() {
    let scene = Scene::signed_in().await;
    scene.expire(&scene.host());
    scene.fault(Target::Refresh, 1, Fault::Hold);
    let caller = scene.caller().start();
    scene.wait(Counter::AnswersHeld, 1).await;
    let signed_out = scene
        .credentials()
        .logout(&scene.host())
        .await
        .expect("a sign-out");
    assert!(signed_out.was_there);
    scene.control().release();
    let report = Report::of(caller);
    assert_eq!(report.kind.as_deref(), Some("login"), "{report:?}");
    assert_eq!(
        scene.file()["tenants"],
        json!({}),
        "the refreshed grant did not come back"
    );
    assert_eq!(
        scene.count(Counter::Revocations),
        2,
        "the old grant by the logout, the new one by the refresher"
    );
}

#[tokio::test]
async fn a_login_during_a_refresh_wins() {
    let scene = Scene::signed_in().await;
    scene.expire(&scene.host());
    scene.fault(Target::Refresh, 1, Fault::Hold);
    let caller = scene.caller().start();
    scene.wait(Counter::AnswersHeld, 1).await;
    scene.sign_in(&scene.host()).await;
    let fresh = scene.stored_token(&scene.host());
    scene.control().release();
    Report::of(caller).expect_token();
    assert!(
        same(&scene.stored_token(&scene.host()), &fresh),
        "the login stayed"
    );
    assert!(scene.accepts(&fresh).await);
    assert_eq!(
        scene.count(Counter::Revocations),
        1,
        "the grant that lost was given back"
    );
}

#[tokio::test]
async fn a_dead_answer_does_not_touch_a_login_that_came_meanwhile() {
    let scene = Scene::signed_in().await;
    scene.expire(&scene.host());
    scene.control().revoke_families();
    scene.fault(Target::Refresh, 1, Fault::Hold);
    let caller = scene.caller().start();
    scene.wait(Counter::AnswersHeld, 1).await;
    scene.sign_in(&scene.host()).await;
    scene.control().release();
    Report::of(caller).expect_token();
    assert_eq!(scene.state(), State::Valid);
    let entry = &scene.file()["tenants"]["rehearsal"]["host"];
    assert_eq!(entry["invalidated"], Value::Null, "it has no stamp");
}

#[tokio::test]
async fn a_cancelled_caller_loses_nothing() {
    let scene = Scene::signed_in().await;
    scene.expire(&scene.host());
    scene.fault(Target::Refresh, 1, Fault::Hold);
    let credentials = scene.credentials();
    let (host, need) = (scene.host(), Need::default());
    tokio::select! {
        _ = credentials.token(&host, &need) => panic!("the answer is held"),
        () = scene.wait(Counter::AnswersHeld, 1) => {}
    }
    drop(credentials);
    scene.control().release();
    let token = scene.token(&host).await.expect("the refresher went on");
    assert!(scene.accepts(&token.secret).await);
    assert_eq!(scene.refreshes(), 1);
}

#[tokio::test]
async fn a_polite_end_waits_for_the_refresh() {
    use nix::sys::signal::{Signal, kill};
    let scene = Scene::signed_in().await;
    scene.expire(&scene.host());
    scene.fault(Target::Refresh, 1, Fault::Hold);
    let caller = scene.caller().start();
    scene.wait(Counter::AnswersHeld, 1).await;
    let (refresher, _) = scene.store().tenants().expect("the store is fine")[0]
        .held_by
        .expect("somebody holds the lock");
    let refresher = nix::unistd::Pid::from_raw(refresher.try_into().expect("process ids fit"));
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP, Signal::SIGQUIT] {
        kill(refresher, signal).expect("it is there");
    }
    scene.control().release();
    Report::of(caller).expect_token();
    assert_eq!(scene.refreshes(), 1);
}
