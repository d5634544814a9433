//! A turn that a person asks for again.

use conversation::NoteKind;

use super::*;
use crate::worker::PromptError;

#[tokio::test]
async fn a_failed_turn_is_run_again_once_however_often_retry_is_pressed() {
    let host = Host::new().await;
    let thread = host.thread("a").await;
    host.script
        .prompt_with(vec![Act::Fail(PromptError::Failed("no".into()))]);
    let mut view = host.view(&thread).await;
    let posted = host.post(&thread, "try").await;
    view.note("no").await;
    view.quiet().await;
    let again = host
        .supervisor
        .retry(&thread, posted.turn, &user("owner"))
        .await
        .unwrap();
    assert_ne!(again.turn, posted.turn);
    let known = host
        .supervisor
        .retry(&thread, posted.turn, &user("owner"))
        .await
        .unwrap();
    assert_eq!((known.turn, known.happened), (again.turn, Happened::Known));
    view.until("it is answered", |view| view.answers() == ["echo: try"])
        .await;
    view.quiet().await;
    assert_eq!(host.script.prompts(), ["try", "try"]);
}

#[tokio::test]
async fn a_stopped_turn_says_who_stopped_it_and_can_be_asked_for_again() {
    let host = Host::new().await;
    let thread = host.thread("a").await;
    let mut view = host.view(&thread).await;
    let guest = Message {
        by: user("guest"),
        name: "Gwen".into(),
        ..host.message(&thread, "go")
    };
    for (by, words) in [
        ("web:guest", "Stopped by Gwen."),
        ("web:owner", "Stopped by the thread’s owner."),
        ("local:operator", "Stopped by the operator."),
    ] {
        host.script.prompt_with(vec![Act::Say("..."), Act::Forever]);
        let said = view.answers().len();
        let message = Message {
            source: SourceId(words.to_owned()),
            ..guest.clone()
        };
        let turn = host.supervisor.post(message).await.unwrap().turn;
        view.until("it answers", |view| view.answers().len() > said).await;
        let by = UserId::parse(by).unwrap();
        assert!(host.supervisor.stop(&thread, &by).await.unwrap());
        assert_eq!(view.note(words).await, (NoteKind::Info, Some(turn)));
        view.quiet().await;
    }
    view.is_durable(&host.conversation).await;
}

#[tokio::test]
async fn a_retry_that_was_stopped_can_be_asked_for_again_by_either_button_and_runs_once() {
    let host = Host::new().await;
    let thread = host.thread("a").await;
    let mut view = host.view(&thread).await;
    for _ in 0..2 {
        host.script.prompt_with(vec![Act::Say("..."), Act::Forever]);
    }
    let owner = user("owner");
    let first = host.post(&thread, "go").await.turn;
    let mut pressed = first;
    for round in 1..=2 {
        view.until("it answers", |view| view.answers().len() == round)
            .await;
        host.supervisor.stop(&thread, &owner).await.unwrap();
        view.until("it is told", |view| view.notes("Stopped by Owner.") == round)
            .await;
        let again = host.supervisor.retry(&thread, pressed, &owner).await.unwrap();
        // The button of the first one once more: it is the same that is asked for.
        let known = host.supervisor.retry(&thread, first, &owner).await.unwrap();
        assert_eq!((known.turn, known.happened), (again.turn, Happened::Known));
        pressed = again.turn;
    }
    view.quiet().await;
    assert_eq!(host.script.prompts(), ["go", "go", "go"]);
    assert_eq!(view.answers().last(), Some(&"echo: go"));
    let answered = host.supervisor.retry(&thread, first, &owner).await.unwrap();
    assert_eq!(
        answered.happened,
        Happened::Known,
        "an answer is not asked for again"
    );
}

#[tokio::test]
async fn retry_of_a_turn_that_waits_says_that_it_waits() {
    let host = Host::new().await;
    let thread = host.thread("a").await;
    host.script.prompt_with(vec![Act::Say("..."), Act::Forever]);
    let mut view = host.view(&thread).await;
    host.post(&thread, "first").await;
    view.until("it answers", |view| !view.answers().is_empty()).await;
    let owner = user("owner");
    for ahead in [1, 2] {
        let turn = host.post(&thread, "waits").await.turn;
        let asked = host.supervisor.retry(&thread, turn, &owner).await.unwrap();
        assert_eq!(asked.happened, Happened::Queued { ahead });
    }
    host.supervisor.stop(&thread, &owner).await.unwrap();
    view.quiet().await;
}
