//! Many callers at once: one refresh, one token for all, nobody waits for a stranger, nobody spins.

use std::process::Child;

use nix::sys::signal::{Signal, kill};
use rehearsal::{Counter, Fault, Target};
use support::{Fifo, Report, Scene};

/// As many processes as the promise names.
const MANY: u32 = 128;

fn reports(children: Vec<Child>) -> Vec<Report> {
    children.into_iter().map(Report::of).collect()
}

/// All got one and the same token, and the server is content with it.
async fn one_token_for_all(scene: &Scene, reports: &[Report]) {
    let first = reports[0].expect_token();
    assert!(
        reports.iter().all(|report| report.expect_token() == first),
        "{reports:?}"
    );
    assert!(scene.accepts(&scene.stored_token(&scene.host())).await);
}

#[tokio::test]
async fn fifty_tasks_cost_one_refresh() {
    let scene = Scene::signed_in().await;
    scene.expire(&scene.host());
    let report = scene.caller().tasks(50).run();
    report.expect_token();
    assert_eq!(scene.count(Counter::RefreshRequests), 1);
}

#[tokio::test]
async fn processes_that_all_saw_the_expired_token_refresh_once() {
    let scene = Scene::signed_in().await;
    scene.expire(&scene.host());
    scene.fault(Target::Refresh, None, Fault::HoldReports { count: MANY.into() });
    let children = (0..MANY)
        .map(|number| scene.caller().reports_as(&format!("caller {number}")).start())
        .collect();
    let reports = tokio::task::spawn_blocking(|| reports(children))
        .await
        .expect("callers end");
    assert_eq!(scene.count(Counter::Reports), u64::from(MANY));
    assert_eq!(scene.count(Counter::RefreshRequests), 1);
    one_token_for_all(&scene, &reports).await;
}

#[tokio::test]
async fn n_rejections_cost_one_refresh() {
    let scene = Scene::signed_in().await;
    // By our clock the token is good for an hour; the server has other ideas.
    scene.control().expire();
    scene.fault(Target::Refresh, None, Fault::HoldReports { count: MANY.into() });
    let children = (0..MANY)
        .map(|number| {
            scene
                .caller()
                .tries_first()
                .reports_as(&format!("caller {number}"))
                .start()
        })
        .collect();
    let reports = tokio::task::spawn_blocking(|| reports(children))
        .await
        .expect("callers end");
    assert_eq!(scene.count(Counter::ResourceDenied), u64::from(MANY));
    assert_eq!(scene.count(Counter::RefreshRequests), 1);
    one_token_for_all(&scene, &reports).await;
}

#[tokio::test]
async fn freshness_is_checked_again_inside_the_lock() {
    let scene = Scene::signed_in().await;
    scene.expire(&scene.host());
    let fifo = Fifo::new(scene.folder(), "before-lock");
    // It has seen the old tokens, and takes the lock after somebody else has refreshed.
    let late = scene.caller().fault(fifo.pauses("before-lock")).start();
    fifo.stopped();
    let first = scene.caller().run();
    fifo.go_on();
    let late = Report::of(late);
    assert_eq!(late.expect_token(), first.expect_token());
    assert_eq!(scene.count(Counter::RefreshRequests), 1);
    assert_eq!(scene.count(Counter::ReuseDetected), 0);
}

#[tokio::test]
async fn two_tenants_do_not_wait_for_each_other() {
    let scene = Scene::start().await;
    let (alice, bob) = (scene.user("alice"), scene.user("bob"));
    scene.sign_in(&alice).await;
    scene.sign_in(&bob).await;
    scene.expire(&alice);
    scene.expire(&bob);
    scene.fault(Target::Refresh, 1, Fault::Hold);
    let mut slow = scene.caller().owner("alice").start();
    scene.wait(Counter::AnswersHeld, 1).await;
    let quick = scene.caller().owner("bob");
    tokio::task::spawn_blocking(|| quick.run())
        .await
        .expect("the caller ends")
        .expect_token();
    assert!(
        slow.try_wait().expect("its state is known").is_none(),
        "alice still waits for her own answer"
    );
    scene.control().release();
    tokio::task::spawn_blocking(|| Report::of(slow))
        .await
        .expect("the caller ends")
        .expect_token();
}

#[tokio::test]
async fn a_failure_is_shared_by_all_who_waited_for_it() {
    let scene = Scene::signed_in().await;
    scene.expire(&scene.host());
    let fifo = Fifo::new(scene.folder(), "before-post");
    let mut children = vec![scene.caller().fault(fifo.pauses("before-post")).start()];
    fifo.stopped();
    children.extend((1..MANY).map(|number| scene.caller().reports_as(&format!("caller {number}")).start()));
    scene.wait(Counter::Reports, u64::from(MANY) - 1).await;
    let status = Fault::Status {
        status: 503,
        retry_after: None,
        error: None,
        error_description: None,
        body: None,
    };
    scene.fault(Target::Refresh, None, status);
    fifo.go_on();
    let reports = tokio::task::spawn_blocking(|| reports(children))
        .await
        .expect("callers end");
    assert!(
        reports
            .iter()
            .all(|report| report.kind.as_deref() == Some("try_again")),
        "{reports:?}"
    );
    // One for those who waited; a straggler that came a second later may have been allowed another.
    assert!(
        scene.count(Counter::RefreshRequests) <= 3,
        "{}",
        scene.count(Counter::RefreshRequests)
    );
}

#[tokio::test]
async fn after_a_kill_nobody_spins() {
    let scene = Scene::signed_in().await;
    scene.expire(&scene.host());
    let fifo = Fifo::new(scene.folder(), "before-post");
    let setting = fifo.pauses("before-post");
    let mut children = vec![scene.caller().fault(&setting).start()];
    let refresher = fifo.stopped();
    children.extend((1..MANY).map(|number| scene.caller().reports_as(&format!("caller {number}")).start()));
    scene.wait(Counter::Reports, u64::from(MANY) - 1).await;
    // From here on nobody stops there any more.
    fifo.remove();
    kill(refresher, Signal::SIGKILL).expect("it is there");
    let reports = tokio::task::spawn_blocking(|| reports(children))
        .await
        .expect("callers end");
    assert_eq!(
        scene.count(Counter::RefreshRequests),
        1,
        "the killed refresher had sent nothing"
    );
    one_token_for_all(&scene, &reports).await;
    let most = reports.iter().map(|report| report.rounds).max();
    assert!(most <= Some(4), "rounds of the busiest caller: {most:?}");
}
