//! What a message does that comes while a turn runs.

use super::*;
use crate::process::scripted::{Start, Told};
use crate::supervisor::Amended;
use crate::update::ThreadPhase;
use agent_client_protocol::v1::schema::StopReason;
use conversation::{Body, NoteKind, Part};

/// A thread whose first turn runs, and goes on until it is cancelled.
async fn busy(host: &Host) -> (ThreadId, View, TurnId) {
    let thread = host.thread("a").await;
    host.script
        .prompt_with(vec![Act::Say("half an answer"), Act::Forever]);
    let mut view = host.view(&thread).await;
    let first = host.post(&thread, "first").await.turn;
    view.until("it answers", |view| !view.answers().is_empty()).await;
    (thread, view, first)
}

#[tokio::test]
async fn steer_cancels_merges_and_sends_the_whole_again() {
    let host = Host::new().await;
    let (thread, mut view, first) = busy(&host).await;
    let posted = host.post_as(&thread, "also this", Dispatch::Steer).await;
    assert_eq!(posted.happened, Happened::Steered);
    view.note("was added to the running turn").await;
    view.quiet().await;
    let turn = host.turn(first).await;
    assert_eq!(
        (turn.state, turn.text.as_str(), turn.attempts),
        (TurnState::Done, "first\n\nalso this", 2)
    );
    let merged = host.turn(posted.turn).await;
    assert_eq!(merged.state, TurnState::Stopped);
    assert!(
        view.items.values().all(|item| item.turn == Some(first)),
        "the merged message belongs to the turn that answers it"
    );
    let entry = &view.items[&posted.item.unwrap()];
    assert!(
        matches!(&entry.body, Body::Said { text, .. } if text == "also this"),
        "{entry:?}"
    );
    assert!(merged.reason.unwrap().contains(&first.to_string()));
    assert_eq!(host.script.prompts(), ["first", "first\n\nalso this"]);
    assert_eq!(view.answers(), ["half an answer", "echo: first\n\nalso this"]);
    view.is_durable(&host.conversation).await;
}

#[tokio::test]
async fn several_steering_messages_are_merged_in_order() {
    let host = Host::new().await;
    let (thread, mut view, first) = busy(&host).await;
    host.script
        .prompt_with(vec![Act::Say("another half"), Act::Forever]);
    for (text, answers) in [("two", 2), ("three", 3)] {
        let posted = host.post_as(&thread, text, Dispatch::Steer).await;
        assert_eq!(posted.happened, Happened::Steered);
        view.until("it was sent again", |view| view.answers().len() == answers)
            .await;
    }
    view.quiet().await;
    assert_eq!(host.script.prompts().last().unwrap(), "first\n\ntwo\n\nthree");
    assert_eq!(host.state(first).await, TurnState::Done);
}

#[tokio::test]
async fn a_steering_message_that_comes_after_the_end_of_the_answer_is_the_next_turn() {
    let host = Host::new().await;
    let thread = host.thread("a").await;
    let gate = Gate::default();
    // Cancelled, it says that it had just ended.
    host.script
        .prompt_with(vec![Act::Say("whole answer"), Act::Wait(gate), Act::Say("never")]);
    let mut view = host.view(&thread).await;
    let first = host.post(&thread, "first").await.turn;
    view.until("it answers", |view| !view.answers().is_empty()).await;
    host.script.answer_cancel_with(StopReason::EndTurn);
    let second = host.post_as(&thread, "second", Dispatch::Steer).await.turn;
    view.note("it is the next turn").await;
    view.quiet().await;
    assert_eq!(
        (host.state(first).await, host.state(second).await),
        (TurnState::Done, TurnState::Done)
    );
    assert_eq!(host.script.prompts(), ["first", "second"]);
}

#[tokio::test]
async fn interrupt_stops_what_runs_drops_what_waits_and_runs_the_new_one() {
    let host = Host::new().await;
    let (thread, mut view, first) = busy(&host).await;
    let waiting = host.post(&thread, "waits").await.turn;
    let posted = host.post_as(&thread, "now this", Dispatch::Interrupt).await;
    assert_eq!(posted.happened, Happened::Interrupted { dropped: 1 });
    let told = view.note("A newer message interrupted this turn.").await;
    assert_eq!(told, (NoteKind::Info, Some(first)));
    let told = view.note("Dropped: a newer message took its place.").await;
    assert_eq!(told, (NoteKind::Info, Some(waiting)));
    view.quiet().await;
    view.is_durable(&host.conversation).await;
    let first = host.turn(first).await;
    assert_eq!(
        (first.state, first.reason.as_deref()),
        (TurnState::Stopped, Some("interrupted by a newer message"))
    );
    let waiting = host.turn(waiting).await;
    assert_eq!(
        (waiting.state, waiting.reason.as_deref()),
        (
            TurnState::Stopped,
            Some("dropped: a newer message took its place")
        )
    );
    assert_eq!(host.state(posted.turn).await, TurnState::Done);
    assert_eq!(host.script.prompts(), ["first", "now this"]);
}

#[tokio::test]
async fn the_mode_of_the_thread_holds_unless_the_message_names_one() {
    let host = Host::new().await;
    let (thread, mut view, _) = busy(&host).await;
    let change = ThreadChange {
        dispatch: Some(Dispatch::Interrupt),
        ..ThreadChange::default()
    };
    host.supervisor.change(&thread, change).await.unwrap();
    let queued = host.post_as(&thread, "waits", Dispatch::Queue).await;
    assert_eq!(queued.happened, Happened::Queued { ahead: 1 });
    let interrupts = host.post(&thread, "now").await;
    assert_eq!(interrupts.happened, Happened::Interrupted { dropped: 1 });
    view.quiet().await;
}

#[tokio::test]
async fn while_a_worker_starts_a_steering_message_joins_the_turn_that_waits() {
    let host = Host::new().await;
    let thread = host.thread("a").await;
    let gate = Gate::default();
    host.script.start_with(Start::Waits(gate.clone()));
    let mut view = host.view(&thread).await;
    let first = host.post(&thread, "first").await.turn;
    view.phase(ThreadPhase::Starting).await;
    assert_eq!(
        host.post_as(&thread, "second", Dispatch::Steer).await.happened,
        Happened::Steered
    );
    assert_eq!(
        host.post(&thread, "third").await.happened,
        Happened::Queued { ahead: 2 }
    );
    gate.open();
    view.quiet().await;
    assert_eq!(host.script.prompts(), ["first\n\nsecond", "third"]);
    assert_eq!(host.state(first).await, TurnState::Done);
}

#[tokio::test]
async fn while_a_worker_starts_an_interrupt_takes_the_place_of_all_that_wait() {
    let host = Host::new().await;
    let thread = host.thread("a").await;
    let gate = Gate::default();
    host.script.start_with(Start::Waits(gate.clone()));
    let mut view = host.view(&thread).await;
    host.post(&thread, "first").await;
    host.post(&thread, "second").await;
    let posted = host.post_as(&thread, "third", Dispatch::Interrupt).await;
    assert_eq!(posted.happened, Happened::Interrupted { dropped: 2 });
    gate.open();
    view.quiet().await;
    assert_eq!(host.script.prompts(), ["third"]);
}

#[tokio::test]
async fn a_deaf_agent_is_steered_by_a_new_worker_on_the_same_session() {
    let host = Host::new().await;
    let thread = host.thread("a").await;
    host.script.prompt_with(vec![Act::Say("..."), Act::Deaf]);
    let mut view = host.view(&thread).await;
    host.post(&thread, "first").await;
    view.until("it answers", |view| !view.answers().is_empty()).await;
    for text in ["second", "third"] {
        assert_eq!(
            host.post_as(&thread, text, Dispatch::Steer).await.happened,
            Happened::Steered
        );
    }
    view.quiet().await;
    assert_eq!(host.script.prompts(), ["first", "first\n\nsecond\n\nthird"]);
    let started: Vec<_> = host
        .script
        .told()
        .into_iter()
        .filter(|told| matches!(told, Told::Started { .. }))
        .collect();
    assert!(
        matches!(&started[..], [_, Told::Started { session, resumed: true, .. }] if session == "session-1")
    );
}

#[tokio::test]
async fn stop_ends_the_running_turn_and_what_is_queued_goes_on() {
    let host = Host::new().await;
    let (thread, mut view, first) = busy(&host).await;
    host.post(&thread, "next").await;
    assert!(host.supervisor.stop(&thread, &user("owner")).await.unwrap());
    view.quiet().await;
    assert_eq!(host.state(first).await, TurnState::Stopped);
    assert_eq!(view.answers(), ["half an answer", "echo: next"]);
    assert!(
        !host.supervisor.stop(&thread, &user("owner")).await.unwrap(),
        "nothing runs"
    );
}

#[tokio::test]
async fn a_stop_that_names_its_turn_leaves_the_next_one_alone() {
    let host = Host::new().await;
    let (thread, mut view, first) = busy(&host).await;
    let gate = Gate::default();
    host.script
        .prompt_with(vec![Act::Say("the next"), Act::Wait(gate.clone())]);
    let next = host.post(&thread, "next").await.turn;
    let owner = user("owner");
    let stop = async |turn| host.supervisor.stop_turn(&thread, turn, &owner).await.unwrap();
    assert!(!stop(next).await, "it waits behind another");
    assert!(stop(first).await);
    view.until("the next one runs", |view| {
        view.answers().last() == Some(&"the next")
    })
    .await;
    assert!(!stop(first).await, "it is over");
    gate.open();
    view.quiet().await;
    assert_eq!(
        (host.state(first).await, host.state(next).await),
        (TurnState::Stopped, TurnState::Done)
    );
}

#[tokio::test]
async fn stop_reaches_a_turn_that_waits_for_its_worker() {
    let host = Host::new().await;
    let thread = host.thread("a").await;
    host.script.start_with(Start::Waits(Gate::default()));
    let mut view = host.view(&thread).await;
    let first = host.post(&thread, "first").await.turn;
    view.phase(ThreadPhase::Starting).await;
    assert!(host.supervisor.stop(&thread, &user("owner")).await.unwrap());
    let told = view.note("Dropped: Owner stopped it before it began.").await;
    assert_eq!(told, (NoteKind::Info, Some(first)));
    view.phase(ThreadPhase::Cold).await;
    assert_eq!(host.state(first).await, TurnState::Stopped);
    assert_eq!(host.script.living().0, 0);
}

#[tokio::test]
async fn stop_is_heard_at_once_and_ends_an_agent_that_does_not_hear_it() {
    let host = Host::new().await;
    let thread = host.thread("a").await;
    host.script.prompt_with(vec![Act::Say("..."), Act::Deaf]);
    let mut view = host.view(&thread).await;
    let first = host.post(&thread, "first").await.turn;
    view.until("it answers", |view| !view.answers().is_empty()).await;
    assert!(host.supervisor.stop(&thread, &user("owner")).await.unwrap());
    view.phase(ThreadPhase::Stopping).await;
    // The thread answers while its agent does not.
    host.supervisor.subscribe(&thread).await.unwrap();
    view.phase(ThreadPhase::Cold).await;
    assert_eq!(host.state(first).await, TurnState::Stopped);
    assert!(host.script.told().contains(&Told::Ended {
        session: "session-1".into()
    }));
}

#[tokio::test]
async fn others_may_not_stop_drop_retry_or_reset() {
    let host = Host::new().await;
    let (thread, mut view, first) = busy(&host).await;
    let queued = host.post(&thread, "queued").await.turn;
    let (bob, owner) = (user("bob"), user("owner"));
    let supervisor = &host.supervisor;
    let refused = |result: Result<()>| {
        assert!(
            matches!(result, Err(SupervisorError::NotAllowed(_))),
            "{result:?}"
        );
    };
    refused(supervisor.stop(&thread, &bob).await.map(drop));
    refused(supervisor.drop_queued(&thread, queued, &bob).await);
    refused(supervisor.retry(&thread, first, &bob).await.map(drop));
    refused(supervisor.reset(&thread, &bob).await);
    supervisor.drop_queued(&thread, queued, &owner).await.unwrap();
    assert_eq!(host.state(queued).await, TurnState::Stopped);
    view.note("Dropped: Owner took it out of the queue.").await;
    let gone = supervisor.drop_queued(&thread, queued, &owner).await;
    assert!(matches!(gone, Err(SupervisorError::Gone(_))), "{gone:?}");
    supervisor.stop(&thread, &owner).await.unwrap();
    view.quiet().await;
}

#[tokio::test]
async fn what_waits_says_what_its_author_wants_now_and_what_runs_is_left_alone() {
    let host = Host::new().await;
    let (thread, mut view, first) = busy(&host).await;
    let [changed, withdrawn] = [host.post(&thread, "old").await, host.post(&thread, "never").await];
    let source = async |turn| host.turn(turn).await.source;
    let message = Part::of(host.turn(changed.turn).await);
    let words = |text: &str| {
        let text = text.to_owned();
        Amended::Says(vec![Part {
            text,
            ..message.clone()
        }])
    };
    let amend = async |turn, amended| {
        let source = source(turn).await;
        host.supervisor.amend(&thread, source, amended).await.unwrap()
    };
    assert!(amend(changed.turn, words("new")).await);
    let reason = "its message was deleted".to_owned();
    assert!(amend(withdrawn.turn, Amended::Withdrawn { reason }).await);
    assert!(!amend(first, words("too late")).await, "it runs");
    let told = view.note("Dropped: its message was deleted.").await;
    assert_eq!(
        told,
        (NoteKind::Info, None),
        "what was taken back is not offered again"
    );
    let entry = &view.items[&changed.item.unwrap()];
    assert!(
        matches!(&entry.body, Body::Said { text, .. } if text == "new"),
        "{entry:?}"
    );
    host.supervisor
        .stop(&thread, &host.turn(first).await.by)
        .await
        .unwrap();
    view.quiet().await;
    assert_eq!(host.script.prompts(), ["first", "new"]);
    assert_eq!(host.state(withdrawn.turn).await, TurnState::Stopped);
    assert!(!amend(changed.turn, words("too late")).await, "it is over");
    view.is_durable(&host.conversation).await;
}
