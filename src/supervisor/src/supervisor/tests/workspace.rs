//! A workspace that is not what it was: the thread says what, and what to do.

use conversation::NoteKind;

use super::*;
use crate::update::ThreadPhase;

#[tokio::test]
async fn a_workspace_that_vanished_is_made_again_and_that_is_told() {
    let host = Host::new().await;
    let thread = host.thread("a").await;
    let workspace = host.supervisor.workspace(&thread).await.unwrap();
    std::fs::remove_dir_all(&workspace).unwrap();
    let mut view = host.view(&thread).await;
    host.post(&thread, "hi").await;
    view.note("The workspace of this thread was gone").await;
    view.quiet().await;
    assert!(workspace.is_dir());
}

#[tokio::test]
async fn a_worker_whose_workspace_vanished_while_it_was_idle_gives_way_to_one_that_has_one() {
    let host = Host::new().await;
    let thread = host.thread("a").await;
    let workspace = host.supervisor.workspace(&thread).await.unwrap();
    let mut view = host.view(&thread).await;
    host.post(&thread, "one").await;
    view.until("it is answered", |view| view.answers() == ["echo: one"])
        .await;
    view.quiet().await;
    std::fs::remove_dir_all(&workspace).unwrap();
    host.post(&thread, "two").await;
    view.note("The workspace of this thread was gone").await;
    view.until("it is answered", |view| {
        view.answers() == ["echo: one", "echo: two"]
    })
    .await;
    view.quiet().await;
    assert!(workspace.is_dir());
    // Another folder in its place is another one, too: a worker would go on in what is no longer there.
    std::fs::rename(&workspace, workspace.with_extension("old")).unwrap();
    std::fs::create_dir(&workspace).unwrap();
    host.post(&thread, "three").await;
    view.note("Another folder stands in the place").await;
    view.quiet().await;
}

#[tokio::test]
async fn a_workspace_that_vanishes_under_a_turn_is_told_at_its_end() {
    let host = Host::new().await;
    let thread = host.thread("a").await;
    let gate = gated(&host.script);
    let mut view = host.view(&thread).await;
    host.post(&thread, "one").await;
    view.until("it begins", |view| view.answers() == ["begun"]).await;
    std::fs::remove_dir_all(host.supervisor.workspace(&thread).await.unwrap()).unwrap();
    gate.open();
    view.note("The workspace of this thread is no longer there").await;
    view.quiet().await;
}

#[tokio::test]
async fn a_file_in_the_place_of_a_workspace_is_told_with_what_to_do() {
    let host = Host::new().await;
    let thread = host.thread("a").await;
    let workspace = host.supervisor.workspace(&thread).await.unwrap();
    std::fs::remove_dir_all(&workspace).unwrap();
    std::fs::write(&workspace, "a file").unwrap();
    let mut view = host.view(&thread).await;
    let turn = host.post(&thread, "one").await.turn;
    let words = format!("Could not use the workspace `{}`", workspace.display());
    assert_eq!(view.note(&words).await, (NoteKind::Error, Some(turn)));
    assert!(view.find_note("move away what is in its place").is_some());
    view.phase(ThreadPhase::Failed { until: None }).await;
    assert_eq!(std::fs::read_to_string(&workspace).unwrap(), "a file");
    std::fs::remove_file(&workspace).unwrap();
    host.supervisor
        .retry(&thread, turn, &user("owner"))
        .await
        .unwrap();
    view.until("it is answered", |view| view.answers() == ["echo: one"])
        .await;
    view.quiet().await;
}
