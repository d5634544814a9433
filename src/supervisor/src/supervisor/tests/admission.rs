//! What has waited is admitted anew before it begins.

use std::future::{pending, ready};
use std::sync::atomic::AtomicUsize;

use super::*;
use crate::admission::Admission;
use crate::update::ThreadPhase;

/// A host that has begun after another one, which left two queued turns of one thread; it has not gone on with them yet.
async fn left_behind() -> (Host, ThreadId, [TurnId; 2]) {
    let host = Host::new().await;
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
    let next = Host::begun_on(folder, limits(), script).await;
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
    view.until("a worker is there", |view| view.phase == ThreadPhase::Working)
        .await;
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
