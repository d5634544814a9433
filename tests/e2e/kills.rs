//! SIGKILL at every named point and at random instants, of the caller, its process group and the refresher.
//!
//! `AGENT_HOST_KILLS=10000` sets how many kills there are in all; without it there are 20 for each point and victim and
//! 200 at random instants.

use std::process::Child;
use std::time::Duration;

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use rehearsal::{Counter, Fault, Target};
use support::{Fifo, Report, Scene};

/// Where the library can be stopped, in the order in which a refresh passes, and what a kill of the refresher there costs.
const POINTS: [(&str, Cost); 10] = [
    ("before-mark", Cost::Nothing),
    ("before-post", Cost::Nothing),
    ("rotated-unanswered", Cost::ALogin),
    ("answered", Cost::ALogin),
    ("recovered", Cost::Nothing),
    ("temp-written", Cost::Nothing),
    ("renamed", Cost::Nothing),
    ("committed", Cost::Nothing),
    ("cleared", Cost::Nothing),
    ("before-unlock", Cost::Nothing),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cost {
    Nothing,
    /// The answer was in nobody's hands but the killed process's.
    ALogin,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Victim {
    Caller,
    Group,
    Refresher,
}

impl Victim {
    fn kill(self, caller: &Child, refresher: Pid) {
        let caller = Pid::from_raw(caller.id().try_into().expect("process ids are positive"));
        let killed = match self {
            Self::Caller => kill(caller, Signal::SIGKILL),
            Self::Group => killpg(caller, Signal::SIGKILL),
            Self::Refresher => kill(refresher, Signal::SIGKILL),
        };
        killed.expect("the victim is there");
    }
}

/// (kills for each point and victim, kills at random instants)
fn counts() -> (u32, u32) {
    match std::env::var("AGENT_HOST_KILLS")
        .ok()
        .map(|text| text.parse::<u32>().expect("a number of kills"))
    {
        None => (20, 200),
        Some(all) => (all.div_ceil(2).div_ceil(30), all.div_ceil(2)),
    }
}

/// The process that the lock file names.
fn holder(scene: &Scene) -> Pid {
    let text = std::fs::read_to_string(scene.folder().join("auth.json.refresh.rehearsal@host.lock"));
    let record: serde_json::Value =
        serde_json::from_str(&text.expect("somebody took the lock")).expect("a record");
    Pid::from_raw(
        record["holder"]["pid"]
            .as_i64()
            .and_then(|pid| pid.try_into().ok())
            .expect("a process id"),
    )
}

/// One kill at a point. Returns the requests that it took until somebody had a token, or was told to sign in.
async fn kill_at(scene: &Scene, point: &str, victim: Victim) -> (u64, Report) {
    scene.expire(&scene.host());
    let before = scene.count(Counter::RefreshRequests);
    let caller = if point == "rotated-unanswered" {
        let held = scene.count(Counter::AnswersHeld);
        scene.fault(Target::Refresh, 1, Fault::Hold);
        let caller = scene.caller().start();
        scene.wait(Counter::AnswersHeld, held + 1).await;
        victim.kill(&caller, holder(scene));
        scene.control().release();
        caller
    } else {
        let fifo = Fifo::new(scene.folder(), point);
        let caller = scene.caller().fault(fifo.pauses(point)).start();
        let stopped = fifo.stopped();
        victim.kill(&caller, stopped);
        // Before the refresher starts it is the caller itself that stopped, and it goes nowhere now.
        if victim != Victim::Refresher && stopped.as_raw().unsigned_abs() != caller.id() {
            fifo.go_on();
        }
        // Whoever comes to the point next passes.
        fifo.remove();
        caller
    };
    // A caller that lives must give the answer itself; after a dead one somebody else asks.
    let report = match victim {
        Victim::Refresher => Report::of(caller),
        Victim::Caller | Victim::Group => {
            let ended = caller.wait_with_output().expect("it was killed");
            assert!(!ended.status.success());
            scene.caller().run()
        }
    };
    (scene.count(Counter::RefreshRequests) - before, report)
}

async fn is_content(scene: &Scene, report: &Report, context: &str) {
    assert!(report.token.is_some(), "{context}: {report:?}");
    assert!(
        scene.accepts(&scene.stored_token(&scene.host())).await,
        "{context}: the stored token is not the server's"
    );
}

/// After the storm a plain refresh leaves nothing behind.
fn leaves_nothing(scene: &Scene) {
    scene.expire(&scene.host());
    scene.caller().run().expect_token();
    assert!(
        scene
            .store()
            .leftovers()
            .expect("the folder can be listed")
            .is_empty()
    );
    let state = &scene.store().tenants().expect("the store is fine")[0].state;
    assert_eq!(state.as_str(), "valid");
}

#[tokio::test]
async fn no_kill_of_a_caller_or_its_group_loses_a_login() {
    let scene = Scene::signed_in().await;
    for (point, _) in POINTS {
        for victim in [Victim::Caller, Victim::Group] {
            for round in 0..counts().0 {
                let context = format!("{victim:?} killed at {point}, round {round}");
                let (requests, report) = kill_at(&scene, point, victim).await;
                assert_eq!(requests, 1, "{context}");
                is_content(&scene, &report, &context).await;
            }
        }
    }
    assert_eq!(scene.count(Counter::ReuseDetected), 0);
    leaves_nothing(&scene);
}

#[tokio::test]
async fn a_kill_of_the_refresher_costs_a_login_only_while_it_alone_has_the_answer() {
    let scene = Scene::signed_in().await;
    for (point, cost) in POINTS {
        for round in 0..counts().0 {
            let context = format!("refresher killed at {point}, round {round}");
            let (requests, report) = kill_at(&scene, point, Victim::Refresher).await;
            if cost == Cost::Nothing {
                assert_eq!(requests, 1, "{context}");
                is_content(&scene, &report, &context).await;
                continue;
            }
            // Sent once more after the old token's end, refused, and told with when and what was interrupted.
            assert_eq!(requests, 2, "{context}");
            assert_eq!(report.kind.as_deref(), Some("login"), "{context}: {report:?}");
            let told = report.error.expect("an error has words");
            assert!(
                told.contains("was interrupted at 20") && told.contains("by pid"),
                "{context}: {told}"
            );
            scene.sign_in(&scene.host()).await;
        }
    }
    leaves_nothing(&scene);
}

#[tokio::test]
async fn a_kill_before_the_refresher_starts_costs_nothing() {
    let scene = Scene::signed_in().await;
    for _ in 0..counts().0 {
        let (requests, report) = kill_at(&scene, "before-spawn", Victim::Caller).await;
        assert_eq!(requests, 1);
        is_content(&scene, &report, "caller killed with the lock in hand").await;
    }
}

#[tokio::test]
async fn the_same_kill_with_a_refresh_in_process_loses_the_family() {
    let scene = Scene::signed_in().await;
    scene.expire(&scene.host());
    scene.fault(Target::Refresh, 1, Fault::Hold);
    let caller = scene.caller().in_process().start();
    scene.wait(Counter::AnswersHeld, 1).await;
    Victim::Caller.kill(&caller, holder(&scene));
    scene.control().release();
    drop(caller.wait_with_output());
    let report = scene.caller().run();
    assert_eq!(report.kind.as_deref(), Some("login"), "{report:?}");
    assert_eq!(
        scene.count(Counter::ReuseDetected),
        1,
        "the server is as strict as it says"
    );
}

#[tokio::test]
async fn random_kills_lose_no_login_that_is_not_told() {
    let scene = Scene::signed_in().await;
    scene.fault(Target::Refresh, None, Fault::Latency { ms: 3 });
    let seed = std::process::id();
    let mut random = u64::from(seed);
    let mut next = move |below: u64| {
        // A linear congruential generator is random enough for instants, and a run can be repeated by its seed.
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % below
    };
    let (mut alive, mut lost) = (0, 0);
    for round in 0..counts().1 {
        scene.expire(&scene.host());
        let reuse = scene.count(Counter::ReuseDetected);
        let victim =
            [Victim::Caller, Victim::Group, Victim::Refresher][usize::try_from(next(3)).unwrap_or(0)];
        let caller = scene.caller().start();
        tokio::time::sleep(Duration::from_micros(next(40_000))).await;
        let pid = Pid::from_raw(caller.id().try_into().expect("process ids are positive"));
        // The victim may have ended already, or not have begun: both are instants, too.
        let hit = match victim {
            Victim::Caller => kill(pid, Signal::SIGKILL),
            Victim::Group => killpg(pid, Signal::SIGKILL),
            Victim::Refresher => kill_refresher(&scene, pid),
        };
        alive += u32::from(hit.is_ok());
        drop(caller.wait_with_output());
        let report = scene.caller().run();
        let context = format!("round {round}, seed {seed}, {victim:?}: {report:?}");
        if report.token.is_none() {
            assert_eq!(victim, Victim::Refresher, "{context}");
            assert_eq!(report.kind.as_deref(), Some("login"), "{context}");
            lost += 1;
            scene.sign_in(&scene.host()).await;
            continue;
        }
        assert_eq!(scene.count(Counter::ReuseDetected), reuse, "{context}");
        is_content(&scene, &report, &context).await;
    }
    leaves_nothing(&scene);
    eprintln!(
        "{alive} kills hit a process that was alive; {lost} of the refresher cost a login, and were told"
    );
}

/// Kills the process that holds the lock now, if it is neither this test nor the caller.
fn kill_refresher(scene: &Scene, caller: Pid) -> nix::Result<()> {
    let held = scene
        .store()
        .tenants()
        .ok()
        .and_then(|tenants| tenants[0].held_by);
    match held
        .and_then(|(pid, _)| i32::try_from(pid).ok())
        .map(Pid::from_raw)
    {
        Some(pid) if pid != caller => kill(pid, Signal::SIGKILL),
        _ => Err(nix::errno::Errno::ESRCH),
    }
}
