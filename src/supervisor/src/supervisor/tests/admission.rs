//! What has waited is admitted anew before it begins.

use std::future::{pending, ready};
use std::sync::atomic::AtomicUsize;

use tokio::sync::watch;

use super::*;
use crate::admission::Admission;
use crate::process::scripted::Start;
use crate::update::ThreadPhase;

/// A host that has begun after another one, which left two queued turns of one thread; it has not gone on with them yet.
async fn left_behind() -> (Host, ThreadId, [TurnId; 2]) {
    left_behind_with(limits()).await
}

async fn left_behind_with(limits: Limits) -> (Host, ThreadId, [TurnId; 2]) {
    let host = Host::with(limits.clone()).await;
    let thread = host.thread("a").await;
    host.script.prompt_with(vec![Act::Forever]);
    let mut view = host.view(&thread).await;
    host.post(&thread, "first").await;
    view.phase(ThreadPhase::Working).await;
    let second = host.post(&thread, "second").await.turn;
    let third = host.post(&thread, "third").await.turn;
    drop(view);
    let Host {
        folder,
        supervisor,
        conversation,
        script,
        ..
    } = host;
    supervisor.drain(Duration::ZERO).await;
    drop((supervisor, conversation));
    let next = Host::begun_on(folder, limits, script).await;
    (next, thread, [second, third])
}

#[tokio::test]
async fn a_turn_that_is_not_admitted_any_more_is_dropped_and_told_and_the_next_one_begins() {
    let (host, thread, [second, third]) = left_behind().await;
    host.supervisor.admit_anew("web", move |turn| {
        let reason = "not any more".to_owned();
        ready(if turn.id == second {
            Admission::Refused { reason }
        } else {
            Admission::Granted
        })
    });
    host.supervisor.go_on().await;
    let mut view = host.view(&thread).await;
    view.note("Dropped: not any more.").await;
    view.until("the other one was answered", |view| {
        view.answers() == ["echo: third"]
    })
    .await;
    view.quiet().await;
    assert_eq!(host.script.prompts(), ["first", "third"]);
    assert_eq!(host.state(second).await, TurnState::Stopped);
    assert_eq!(host.state(third).await, TurnState::Done);
}

#[tokio::test]
async fn while_nobody_says_whether_a_turn_may_begin_it_waits_and_can_be_dropped() {
    let (host, thread, [second, third]) = left_behind().await;
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    host.supervisor.admit_anew("web", move |_| {
        count.fetch_add(1, Ordering::Relaxed);
        pending()
    });
    host.supervisor.go_on().await;
    let mut view = host.view(&thread).await;
    view.phase(ThreadPhase::Starting).await;
    host.supervisor
        .drop_queued(&thread, second, &user("owner"))
        .await
        .unwrap();
    view.note("took it out of the queue").await;
    let status = host.supervisor.stop(&thread, &user("owner")).await.unwrap();
    assert!(status, "the one that waits is stopped");
    assert_eq!(host.state(third).await, TurnState::Stopped);
    assert_eq!(host.script.prompts(), ["first"]);
    assert_eq!(asked.load(Ordering::Relaxed), 2, "once for each");
}

#[tokio::test]
async fn what_was_accepted_just_now_begins_at_once() {
    let host = Host::new().await;
    host.supervisor.admit_anew("web", |_| pending());
    let thread = host.thread("a").await;
    let mut view = host.view(&thread).await;
    host.post(&thread, "hello").await;
    view.until("it was answered", |view| view.answers() == ["echo: hello"])
        .await;
}

fn one_place() -> Limits {
    Limits {
        workers: 1,
        ..limits()
    }
}

/// Every turn is asked about until this is told, and how many are.
fn undecided(host: &Host) -> (watch::Sender<bool>, watch::Receiver<usize>) {
    let (decide, decided) = watch::channel(false);
    let (asked, count) = watch::channel(0);
    host.supervisor.admit_anew("web", move |_| {
        asked.send_modify(|asked| *asked += 1);
        let mut decided = decided.clone();
        async move {
            drop(decided.wait_for(|decided| *decided).await);
            Admission::Granted
        }
    });
    (decide, count)
}

/// A thread whose first turn begins, and whose second one has waited for that.
async fn answered_once(host: &Host) -> ThreadId {
    let gate = Gate::default();
    host.script.start_with(Start::Waits(gate.clone()));
    let thread = host.thread("a").await;
    host.post(&thread, "first").await;
    host.post(&thread, "second").await;
    gate.open();
    thread
}

#[tokio::test]
async fn what_waits_for_a_decision_takes_no_place_from_another_thread() {
    let (host, thread, _) = left_behind_with(one_place()).await;
    let (decide, mut asked) = undecided(&host);
    host.supervisor.go_on().await;
    asked.wait_for(|asked| *asked == 1).await.unwrap();
    let other = host.thread("b").await;
    let mut view = host.view(&other).await;
    host.post(&other, "hello").await;
    view.until("it was answered", |view| view.answers() == ["echo: hello"])
        .await;
    let mut view = host.view(&thread).await;
    decide.send(true).unwrap();
    view.until("both were answered", |view| {
        view.answers() == ["echo: second", "echo: third"]
    })
    .await;
}

#[tokio::test]
async fn a_worker_that_waits_for_a_decision_gives_way_and_its_turn_is_served_afterwards() {
    let host = Host::with(one_place()).await;
    let (decide, mut asked) = undecided(&host);
    let thread = answered_once(&host).await;
    let mut view = host.view(&thread).await;
    asked.wait_for(|asked| *asked == 1).await.unwrap();
    let other = host.thread("b").await;
    let mut others = host.view(&other).await;
    host.post(&other, "hello").await;
    others
        .until("it was answered", |view| view.answers() == ["echo: hello"])
        .await;
    decide.send(true).unwrap();
    view.until("it was answered, too", |view| {
        view.answers() == ["echo: first", "echo: second"]
    })
    .await;
}

/// The only worker that there may be has served nothing yet: it was started for a turn that was dropped then, and whether the
/// other one may begin is asked, and not answered.
async fn undecided_before_it_served() -> (Host, ThreadId, TurnId) {
    let (host, thread, [second, third]) = left_behind_with(one_place()).await;
    let gate = Gate::default();
    host.script.start_with(Start::Waits(gate.clone()));
    let (asked, mut count) = watch::channel(0);
    host.supervisor.admit_anew("web", move |turn| {
        asked.send_modify(|asked| *asked += 1);
        async move {
            if turn.id == third {
                pending::<()>().await;
            }
            Admission::Granted
        }
    });
    host.supervisor.go_on().await;
    while host.script.starting() == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let owner = user("owner");
    host.supervisor
        .drop_queued(&thread, second, &owner)
        .await
        .unwrap();
    gate.open();
    count.wait_for(|asked| *asked == 2).await.unwrap();
    (host, thread, third)
}

/// So much time goes by, and whatever is due then has its time to happen.
async fn pass(span: Duration) {
    tokio::time::pause();
    tokio::time::advance(span).await;
    tokio::time::resume();
    tokio::time::sleep(Duration::from_millis(200)).await;
}

#[tokio::test]
async fn a_worker_that_has_served_nothing_yet_keeps_its_place_for_ten_seconds_of_not_knowing() {
    let (host, ..) = undecided_before_it_served().await;
    let other = host.thread("b").await;
    let mut others = host.view(&other).await;
    host.post(&other, "hello").await;
    others.phase(ThreadPhase::Waiting).await;
    let told = host.script.told();
    pass(Duration::from_secs(8)).await;
    assert_eq!(host.script.told(), told, "it lives, and no other one");
    assert_eq!(host.script.prompts(), ["first"], "the other one waits");
    pass(Duration::from_secs(2)).await;
    others
        .until("it was answered", |view| view.answers() == ["echo: hello"])
        .await;
}

#[tokio::test]
async fn a_worker_whose_turn_was_dropped_before_it_began_gives_way_at_once() {
    let (host, thread, third) = undecided_before_it_served().await;
    let owner = user("owner");
    let began = tokio::time::Instant::now();
    host.supervisor.drop_queued(&thread, third, &owner).await.unwrap();
    let other = host.thread("b").await;
    let mut others = host.view(&other).await;
    host.post(&other, "hello").await;
    others
        .until("it was answered", |view| view.answers() == ["echo: hello"])
        .await;
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
}
