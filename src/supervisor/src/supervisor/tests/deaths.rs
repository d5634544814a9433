//! The death of a worker costs the turn that it had begun, and no other.

use conversation::{Body, NoteKind};

use super::*;
use crate::update::ThreadPhase;

async fn real(functions: &str) -> Host {
    let limits = Limits {
        grace: Duration::from_millis(500),
        ..Limits::default()
    };
    Host::real(tempfile::tempdir().unwrap(), functions, limits).await
}

fn notes(view: &View, words: &str) -> usize {
    let bodies = view.bodies().into_iter();
    bodies
        .filter(|body| matches!(body, Body::Note { text, .. } if text.contains(words)))
        .count()
}

#[tokio::test]
async fn an_agent_that_exits_when_it_is_cancelled_leaves_the_next_message_to_a_new_one() {
    let functions = r#"
on_prompt() { if [ -e second ]; then say fine; answer '{"stopReason":"end_turn"}'; else say begun; touch second; fi; }
on_cancel() { exit 0; }
"#;
    let host = real(functions).await;
    let thread = host.thread("a").await;
    let mut view = host.view(&thread).await;
    let stopped = host.post(&thread, "one").await.turn;
    view.until("it begins", |view| view.answers() == ["begun"]).await;
    let next = host.post(&thread, "two").await.turn;
    assert!(host.supervisor.stop(&thread, &user("owner")).await.unwrap());
    view.until("the next is answered", |view| view.answers() == ["begun", "fine"])
        .await;
    view.quiet().await;
    let states = (host.state(stopped).await, host.state(next).await);
    assert_eq!(states, (TurnState::Stopped, TurnState::Done));
    assert_eq!(notes(&view, "cut"), 0);
    host.supervisor.drain(Duration::ZERO).await;
}

#[tokio::test]
async fn an_agent_that_exits_when_it_is_steered_is_replaced_and_the_turn_is_answered() {
    let functions = r#"
on_prompt() { if [ -e second ]; then say fine; answer '{"stopReason":"end_turn"}'; else say begun; touch second; fi; }
on_cancel() { exit 0; }
"#;
    let host = real(functions).await;
    let thread = host.thread("a").await;
    let mut view = host.view(&thread).await;
    let turn = host.post(&thread, "one").await.turn;
    view.until("it begins", |view| view.answers() == ["begun"]).await;
    host.post_as(&thread, "two", Dispatch::Steer).await;
    view.until("it is answered", |view| view.answers() == ["begun", "fine"])
        .await;
    view.quiet().await;
    assert_eq!(host.state(turn).await, TurnState::Done);
    assert_eq!(notes(&view, "cut"), 0);
    host.supervisor.drain(Duration::ZERO).await;
}

#[tokio::test]
async fn an_agent_that_exits_after_each_answer_answers_all_that_waits() {
    let functions = r#"
on_prompt() { sleep 0.2; say "$$"; exec 0<&-; answer '{"stopReason":"end_turn"}'; exit 0; }
"#;
    let host = real(functions).await;
    let thread = host.thread("a").await;
    let mut view = host.view(&thread).await;
    let mut turns = Vec::new();
    for text in ["one", "two", "three"] {
        turns.push(host.post(&thread, text).await.turn);
    }
    view.until("all are answered", |view| view.answers().len() == 3)
        .await;
    view.quiet().await;
    for turn in turns {
        assert_eq!(host.state(turn).await, TurnState::Done);
    }
    let mut workers = view.answers();
    workers.dedup();
    assert_eq!(workers.len(), 3, "each by a process of its own");
    assert_eq!(notes(&view, "cut"), 0);
    host.supervisor.drain(Duration::ZERO).await;
}

#[tokio::test]
async fn an_answer_counts_that_came_in_the_moment_of_its_worker_s_death() {
    let host = Host::new().await;
    let thread = host.thread("a").await;
    host.script.prompt_with(vec![Act::AnswerAndDie]);
    let mut view = host.view(&thread).await;
    let turn = host.post(&thread, "one").await.turn;
    view.until("the turn has begun", |view| view.phase == ThreadPhase::Working)
        .await;
    view.quiet().await;
    assert_eq!(host.state(turn).await, TurnState::Done);
    assert_eq!((host.script.prompts().len(), notes(&view, "cut")), (1, 0));
}

#[tokio::test]
async fn a_turn_that_did_not_reach_its_worker_goes_to_the_next_one() {
    let host = Host::new().await;
    let thread = host.thread("a").await;
    host.script.prompt_with(vec![Act::DieUnreached]);
    let mut view = host.view(&thread).await;
    let turn = host.post(&thread, "one").await.turn;
    view.until("it is answered", |view| view.answers() == ["echo: one"])
        .await;
    view.quiet().await;
    assert_eq!(host.state(turn).await, TurnState::Done);
    assert_eq!((host.script.prompts().len(), notes(&view, "cut")), (2, 0));
}

#[tokio::test]
async fn a_turn_that_reached_its_worker_is_not_sent_again_though_nothing_was_heard_of_it() {
    let host = Host::new().await;
    let thread = host.thread("a").await;
    host.script.prompt_with(vec![Act::Die]);
    let mut view = host.view(&thread).await;
    let turn = host.post(&thread, "one").await.turn;
    let note = view.note("The turn was cut").await;
    assert_eq!(note, (NoteKind::Error, Some(turn)));
    view.until("the turn is over", |view| view.phase != ThreadPhase::Working)
        .await;
    assert_eq!(host.state(turn).await, TurnState::Cut);
    assert_eq!(host.script.prompts().len(), 1);
}

#[tokio::test]
async fn an_agent_that_read_its_prompt_and_died_in_silence_has_had_its_turn() {
    let functions = "on_prompt() { echo done >> effects; exit 3; }";
    let host = real(functions).await;
    let thread = host.thread("a").await;
    let mut view = host.view(&thread).await;
    let turn = host.post(&thread, "one").await.turn;
    let note = view.note("The turn was cut").await;
    assert_eq!(note, (NoteKind::Error, Some(turn)));
    view.until("the turn is over", |view| view.phase != ThreadPhase::Working)
        .await;
    let effects = host.supervisor.workspace(&thread).await.unwrap().join("effects");
    assert_eq!(std::fs::read_to_string(effects).unwrap(), "done\n");
    host.supervisor.drain(Duration::ZERO).await;
}

#[tokio::test]
async fn a_turn_of_which_anything_was_heard_is_not_sent_again() {
    let host = Host::new().await;
    let thread = host.thread("a").await;
    host.script.prompt_with(vec![Act::Status("at work"), Act::Die]);
    let mut view = host.view(&thread).await;
    let turn = host.post(&thread, "one").await.turn;
    view.note("The turn was cut").await;
    view.until("the turn is over", |view| view.phase != ThreadPhase::Working)
        .await;
    assert_eq!(host.state(turn).await, TurnState::Cut);
    assert_eq!(host.script.prompts().len(), 1);
}

#[tokio::test]
async fn a_cut_after_which_nothing_starts_by_itself_says_so() {
    let host = Host::with(Limits {
        failures: 1,
        ..limits()
    })
    .await;
    let thread = host.thread("a").await;
    host.script.prompt_with(vec![Act::Say("half"), Act::Die]);
    let mut view = host.view(&thread).await;
    host.post(&thread, "one").await;
    view.note("The turn was cut. It is not started again by itself: press Retry or send a message.")
        .await;
}

#[tokio::test]
async fn a_worker_that_dies_in_mid_turn_cuts_only_that_turn() {
    let host = Host::new().await;
    let (one, other) = (host.thread("one").await, host.thread("other").await);
    let gate = gated(&host.script);
    let mut quiet = host.view(&other).await;
    host.post(&other, "calm").await;
    quiet.until("it answers", |view| !view.answers().is_empty()).await;
    host.script.prompt_with(vec![Act::Say("half"), Act::Die]);
    let mut view = host.view(&one).await;
    let cut = host.post(&one, "crash").await.turn;
    let next = host.post(&one, "next").await.turn;
    let note = view.note("(killed by SIGKILL)").await;
    assert_eq!(note, (NoteKind::Error, Some(cut)));
    view.until("the turn is over", |view| view.phase != ThreadPhase::Working)
        .await;
    assert_eq!(host.state(cut).await, TurnState::Cut);
    // It is started again by itself, after a moment, for what waits.
    view.until("the next is answered", |view| {
        view.answers() == ["half", "echo: next"]
    })
    .await;
    view.quiet().await;
    assert_eq!(host.state(next).await, TurnState::Done);
    assert!(
        view.phases
            .iter()
            .any(|phase| matches!(phase, ThreadPhase::Failed { until: Some(_) }))
    );
    assert_eq!(
        quiet.phase,
        ThreadPhase::Working,
        "the other thread saw nothing of it"
    );
    gate.open();
    quiet.quiet().await;
    assert_eq!(quiet.answers(), ["begun and done"]);
}

#[tokio::test]
async fn a_worker_that_dies_when_it_is_asked_to_stop_has_stopped() {
    let host = Host::new().await;
    let thread = host.thread("a").await;
    host.script
        .prompt_with(vec![Act::Say("half"), Act::DieWhenCancelled]);
    let mut view = host.view(&thread).await;
    let turn = host.post(&thread, "one").await.turn;
    view.until("it answers", |view| !view.answers().is_empty()).await;
    host.supervisor.stop(&thread, &user("owner")).await.unwrap();
    view.phase(ThreadPhase::Cold).await;
    assert_eq!(host.state(turn).await, TurnState::Stopped);
    assert!(view.find_note("cut").is_none() && !view.phases.contains(&ThreadPhase::Failed { until: None }));
    assert!(host.supervisor.attention().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_worker_that_dies_when_it_is_steered_is_replaced_at_once() {
    let host = Host::new().await;
    let thread = host.thread("a").await;
    host.script
        .prompt_with(vec![Act::Say("half"), Act::DieWhenCancelled]);
    let mut view = host.view(&thread).await;
    let turn = host.post(&thread, "one").await.turn;
    view.until("it answers", |view| !view.answers().is_empty()).await;
    host.post_as(&thread, "two", Dispatch::Steer).await;
    view.until("it is answered", |view| {
        view.answers() == ["half", "echo: one\n\ntwo"]
    })
    .await;
    view.quiet().await;
    assert_eq!(host.state(turn).await, TurnState::Done);
    let failed = view
        .phases
        .iter()
        .any(|phase| matches!(phase, ThreadPhase::Failed { .. }));
    assert!(!failed, "{:?}", view.phases);
}

#[tokio::test]
async fn a_worker_that_dies_while_it_is_idle_is_started_again_when_it_is_needed() {
    let host = Host::new().await;
    let thread = host.thread("a").await;
    let gate = Gate::default();
    host.script
        .prompt_with(vec![Act::Say("one"), Act::DieLater(gate.clone())]);
    let mut view = host.view(&thread).await;
    host.post(&thread, "one").await;
    view.phase(ThreadPhase::Idle).await;
    gate.open();
    view.until("it failed", |view| {
        matches!(view.phase, ThreadPhase::Failed { .. })
    })
    .await;
    host.post(&thread, "two").await;
    view.until("it is answered", |view| view.answers() == ["one", "echo: two"])
        .await;
    let notes = view
        .bodies()
        .into_iter()
        .filter(|body| matches!(body, conversation::Body::Note { .. }));
    assert_eq!(notes.count(), 0, "nobody missed it");
}
