//! What is always allowed: the host remembers it, lists it, and takes it back.

use agent_client_protocol::v1::schema::{ToolCallUpdate, ToolCallUpdateFields, ToolKind as AcpKind};
use conversation::{Grant, Permissions};
use serde_json::json;

use super::*;
use crate::update::ThreadPhase;

fn run(command: &str) -> ToolCallUpdate {
    let fields = ToolCallUpdateFields::new()
        .title("run a command".to_owned())
        .kind(AcpKind::Execute)
        .raw_input(json!({ "command": command }));
    ToolCallUpdate::new("c1", fields)
}

/// A thread in which `ls` was always allowed by its owner.
async fn allowed(host: &Host) -> (ThreadId, View) {
    let thread = host.thread("a").await;
    host.script.prompt_with(vec![Act::AskLike("run ls", run("ls"))]);
    let mut view = host.view(&thread).await;
    host.post(&thread, "go").await;
    view.phase(ThreadPhase::AwaitingPermission).await;
    let (request, _) = view.permission().unwrap();
    host.supervisor
        .decide(&thread, &request, &user("owner"), "Ann", Answer::Always)
        .await
        .unwrap();
    view.quiet().await;
    (thread, view)
}

async fn grants(host: &Host, thread: &ThreadId) -> Vec<Grant> {
    host.supervisor.grants(thread).await.unwrap()
}

#[tokio::test]
async fn what_is_always_allowed_is_answered_by_the_host_until_it_is_taken_back_also_while_a_turn_runs() {
    let host = Host::new().await;
    let (thread, mut view) = allowed(&host).await;
    assert_eq!(view.answers(), ["Once"], "so that it asks again");
    let listed = grants(&host, &thread).await;
    assert_eq!(
        (listed[0].by.as_str(), listed[0].detail.as_str(), listed[0].theirs),
        ("Ann", "ls", false)
    );
    let gate = Gate::default();
    host.script.prompt_with(vec![
        Act::AskLike("run ls", run("ls")),
        Act::Wait(gate.clone()),
        Act::AskLike("run ls", run("ls")),
    ]);
    host.post(&thread, "again").await;
    view.until("it was answered", |view| {
        view.answers().join(" ").matches("Once").count() == 2
    })
    .await;
    let stranger = host
        .supervisor
        .take_back(&thread, None, &user("bob"), "Bob")
        .await;
    assert!(
        matches!(stranger, Err(SupervisorError::NotAllowed(_))),
        "{stranger:?}"
    );
    let taken = host
        .supervisor
        .take_back(&thread, Some(listed[0].id), &user("owner"), "Ann")
        .await
        .unwrap();
    assert_eq!(taken, listed);
    gate.open();
    view.phase(ThreadPhase::AwaitingPermission).await;
    assert_eq!(grants(&host, &thread).await, []);
    assert_eq!((view.notes("Ann took back"), view.notes("`ls`")), (1, 1));
    let again = host
        .supervisor
        .take_back(&thread, Some(listed[0].id), &user("owner"), "Ann")
        .await;
    assert_eq!(again.unwrap(), [], "it is gone already, and nothing is said");
}

#[tokio::test]
async fn another_call_another_thread_and_a_thread_whose_settings_deny_are_not_covered() {
    let host = Host::new().await;
    let (thread, mut view) = allowed(&host).await;
    host.script
        .prompt_with(vec![Act::AskLike("run ls -la", run("ls -la"))]);
    host.post(&thread, "again").await;
    view.phase(ThreadPhase::AwaitingPermission).await;
    host.supervisor.stop(&thread, &user("owner")).await.unwrap();
    view.quiet().await;
    let change = ThreadChange {
        permissions: Some(Some(Permissions::Deny)),
        ..ThreadChange::default()
    };
    host.supervisor.change(&thread, change).await.unwrap();
    host.script.prompt_with(vec![Act::AskLike("run ls", run("ls"))]);
    host.post(&thread, "third").await;
    view.quiet().await;
    let last = view.answers().pop().unwrap().to_owned();
    assert!(last.starts_with("Deny"), "{last}");
}

#[tokio::test]
async fn what_an_agent_remembers_itself_is_listed_as_that_and_ends_with_its_session() {
    let host = Host::new().await;
    let thread = host.thread("a").await;
    host.script.prompt_with(vec![Act::Ask(run("ls"))]);
    let mut view = host.view(&thread).await;
    host.post(&thread, "go").await;
    view.phase(ThreadPhase::AwaitingPermission).await;
    let (request, _) = view.permission().unwrap();
    host.supervisor
        .decide(&thread, &request, &user("owner"), "Ann", Answer::Always)
        .await
        .unwrap();
    view.quiet().await;
    assert_eq!(view.answers(), ["Always"]);
    assert!(grants(&host, &thread).await[0].theirs);
    let operator = UserId::parse("operator").unwrap();
    let taken = host
        .supervisor
        .take_back(&thread, None, &operator, "")
        .await
        .unwrap();
    assert_eq!(taken, [], "nobody can take that back");
    host.supervisor.reset(&thread, &user("owner")).await.unwrap();
    assert_eq!(grants(&host, &thread).await, []);
}

#[tokio::test]
async fn a_new_session_whose_worker_died_before_anything_was_said_in_it_ends_nothing_that_the_host_keeps() {
    let host = Host::new().await;
    let (thread, _view) = allowed(&host).await;
    let host = host.again(limits()).await;
    host.script.forget_sessions();
    host.script.prompt_with(vec![Act::DieUnreached]);
    let mut view = host.view(&thread).await;
    host.post(&thread, "hi").await;
    view.until("it is answered", |view| {
        view.answers().last() == Some(&"echo: hi")
    })
    .await;
    assert_eq!(grants(&host, &thread).await.len(), 1);
}
