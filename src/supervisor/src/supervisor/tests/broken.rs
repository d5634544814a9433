//! A thread's task that breaks, which is a defect: its thread hears of it, and goes on.

use conversation::{Body, NoteKind, ToolStatus};

use super::*;
use crate::update::ThreadPhase;

impl Host {
    /// Returns when the task has fallen, and those who looked have been let go.
    async fn break_task(&self, thread: &ThreadId, view: &mut View) {
        self.supervisor
            .shared()
            .tell(thread, Command::Break)
            .await
            .unwrap();
        while view.next().await {}
    }
}

#[tokio::test]
async fn the_turn_of_a_broken_task_is_cut_and_told_and_what_waits_goes_on() {
    let host = Host::new().await;
    let thread = host.thread("a").await;
    let call = agent_client_protocol::v1::schema::ToolCall::new("c1", "work");
    host.script.prompt_with(vec![
        Act::Update(agent_client_protocol::v1::schema::SessionUpdate::ToolCall(call)),
        Act::Say("begun"),
        Act::Forever,
    ]);
    let mut view = host.view(&thread).await;
    let turn = host.post(&thread, "one").await.turn;
    view.until("it begins", |view| view.answers() == ["begun"]).await;
    let next = host.post(&thread, "two").await.turn;
    host.break_task(&thread, &mut view).await;

    let mut later = host.view(&thread).await;
    assert!(later.revision >= view.revision, "revisions never fall back");
    let note = later.note("The turn was cut").await;
    assert_eq!(note, (NoteKind::Error, Some(turn)));
    later
        .until("what waited is answered", |view| {
            view.answers().contains(&"echo: two")
        })
        .await;
    later.quiet().await;
    assert_eq!(host.state(turn).await, TurnState::Cut);
    assert_eq!(host.state(next).await, TurnState::Done);
    let cut = later
        .bodies()
        .into_iter()
        .any(|body| matches!(body, Body::Tool(call) if call.status == ToolStatus::Cut));
    assert!(cut, "{:?}", later.bodies());
    assert_eq!(host.script.living().1, 1, "one worker at a time");
    let again = host.post(&thread, "three").await.turn;
    later.quiet().await;
    assert_eq!(host.state(again).await, TurnState::Done);
    host.supervisor.drain(Duration::ZERO).await;
}

#[tokio::test]
async fn what_waited_in_a_broken_task_waits_for_somebody_to_ask() {
    let host = Host::new().await;
    let thread = host.thread("a").await;
    let gate = Gate::default();
    host.script
        .start_with(crate::process::scripted::Start::Waits(gate.clone()));
    let mut view = host.view(&thread).await;
    let turn = host.post(&thread, "one").await.turn;
    while host.script.starting() == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    host.break_task(&thread, &mut view).await;
    let mut later = host.view(&thread).await;
    let note = later.note("press Retry").await;
    assert_eq!(note, (NoteKind::Error, Some(turn)));
    // Whoever looks at it asks for nothing.
    later.phase(ThreadPhase::Failed { until: None }).await;
    host.supervisor
        .retry(&thread, turn, &user("owner"))
        .await
        .unwrap();
    later.quiet().await;
    assert_eq!(host.state(turn).await, TurnState::Done);
}

#[tokio::test]
async fn a_task_that_breaks_while_the_host_goes_down_leaves_no_turn_untold() {
    let host = Host::new().await;
    let thread = host.thread("a").await;
    host.script.prompt_with(vec![Act::Say("begun"), Act::Forever]);
    let mut view = host.view(&thread).await;
    let turn = host.post(&thread, "one").await.turn;
    view.phase(ThreadPhase::Working).await;
    host.supervisor
        .shared()
        .no_more_tasks(Instant::now() + Duration::from_secs(20));
    host.break_task(&thread, &mut view).await;
    host.supervisor.drain(Duration::ZERO).await;
    let (conversation, found) = open(&host.folder).await;
    assert_eq!(found.cut.len(), 0, "it was told");
    assert_eq!(conversation.turn(turn).await.unwrap().state, TurnState::Cut);
}

#[tokio::test]
async fn no_worker_begins_before_the_last_of_a_broken_tasks_has_ended() {
    let functions = r#"
trap '' TERM
on_prompt() {
  if [ -e pid ] && kill -0 "$(cat pid)" 2>/dev/null; then say both; fi
  [ -e pid ] && { answer '{"stopReason":"end_turn"}'; return; }
  echo $$ > pid; say begun
}
"#;
    let host = Host::real(tempfile::tempdir().unwrap(), functions, limits()).await;
    let thread = host.thread("a").await;
    let mut view = host.view(&thread).await;
    host.post(&thread, "one").await;
    view.until("it begins", |view| view.answers() == ["begun"]).await;
    let next = host.post(&thread, "two").await.turn;
    host.break_task(&thread, &mut view).await;
    let mut later = host.view(&thread).await;
    later.quiet().await;
    assert_eq!(host.state(next).await, TurnState::Done);
    assert!(!later.answers().contains(&"both"));
    host.supervisor.drain(Duration::ZERO).await;
}
