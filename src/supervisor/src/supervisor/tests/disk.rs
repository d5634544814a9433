//! What happens when nothing can be written for a while, as on a full disk.

use agent_client_protocol::v1::schema::{ToolCallUpdate, ToolCallUpdateFields};
use conversation::{Body, Decision};

use super::*;
use crate::status::WorkerState;
use crate::update::ThreadPhase;

impl Host {
    fn database(&self) -> rusqlite::Connection {
        let database = rusqlite::Connection::open(self.folder.path().join("conversation.db")).unwrap();
        database.busy_timeout(Duration::from_secs(5)).unwrap();
        database
    }

    /// From now on no entry can be written, and no turn can end.
    fn fill_disk(&self) {
        let refuse = |what: &str, name: &str| {
            format!("CREATE TRIGGER {name} BEFORE {what} BEGIN SELECT RAISE(ABORT, 'no room'); END;")
        };
        let triggers = [
            refuse("INSERT ON items", "no_item"),
            refuse("UPDATE ON items", "no_change"),
            refuse("UPDATE ON turns", "no_end"),
        ];
        self.database().execute_batch(&triggers.concat()).unwrap();
    }

    fn make_room(&self) {
        let triggers = "DROP TRIGGER no_item; DROP TRIGGER no_change; DROP TRIGGER no_end;";
        self.database().execute_batch(triggers).unwrap();
    }

    async fn until_failed(&self) {
        let failed = async {
            while !matches!(
                self.supervisor.workers().await[0].state,
                WorkerState::Failed { .. }
            ) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), failed)
            .await
            .expect("the worker fails");
    }

    async fn notes(&self, thread: &ThreadId, words: &str) -> usize {
        let items = self.conversation.items(thread, None, 100).await.unwrap();
        items
            .iter()
            .filter(|item| matches!(&item.body, Body::Note { text, .. } if text.contains(words)))
            .count()
    }
}

/// A turn that said everything, and whose end can't be written; its worker dies when the gate is opened.
async fn unwritten_end(host: &Host, thread: &ThreadId) -> (View, TurnId, Gate) {
    let (ends, dies) = (Gate::default(), Gate::default());
    host.script.prompt_with(vec![
        Act::DieLater(dies.clone()),
        Act::Say("all"),
        Act::Wait(ends.clone()),
    ]);
    let mut view = host.view(thread).await;
    let turn = host.post(thread, "one").await.turn;
    view.until("it answers", |view| view.answers() == ["all"]).await;
    host.fill_disk();
    ends.open();
    while host
        .supervisor
        .shared()
        .board(thread)
        .unwrap()
        .unwritten
        .is_none()
    {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    (view, turn, dies)
}

#[tokio::test]
async fn an_answer_whose_end_is_not_written_yet_is_not_cut_by_the_death_of_its_worker() {
    let host = Host::new().await;
    let thread = host.thread("a").await;
    let (mut view, turn, dies) = unwritten_end(&host, &thread).await;
    dies.open();
    host.until_failed().await;
    host.make_room();
    view.quiet().await;
    assert_eq!(host.state(turn).await, TurnState::Done);
    assert_eq!(host.notes(&thread, "cut").await, 0);
}

#[tokio::test]
async fn an_answer_whose_end_is_not_written_yet_is_not_stopped_by_a_reset() {
    let host = Host::new().await;
    let thread = host.thread("a").await;
    let (_view, turn, _dies) = unwritten_end(&host, &thread).await;
    let owner = user("owner");
    let reset = || host.supervisor.reset(&thread, &owner);
    assert!(reset().await.is_err(), "it can't be written down");
    assert!(host.script.living().0 > 0, "nothing was done");
    host.make_room();
    // Before the end is tried again.
    reset().await.unwrap();
    assert_eq!(host.state(turn).await, TurnState::Done);
}

#[tokio::test]
async fn a_note_that_could_not_be_written_is_written_when_there_is_room() {
    let host = Host::with(Limits {
        silence: Duration::from_millis(30),
        ..limits()
    })
    .await;
    let thread = host.thread("a").await;
    let gate = gated(&host.script);
    let mut view = host.view(&thread).await;
    host.fill_disk_after_start(&thread, &mut view).await;
    view.note("no sign of life").await;
    assert_eq!(host.notes(&thread, "no sign of life").await, 0);
    let late = host.view(&thread).await;
    assert!(late.find_note("no sign of life").is_some(), "a snapshot has it");
    host.make_room();
    gate.open();
    view.quiet().await;
    assert_eq!(host.notes(&thread, "no sign of life").await, 1);
}

impl Host {
    /// The turn has begun, and then the disk is full.
    async fn fill_disk_after_start(&self, thread: &ThreadId, view: &mut View) {
        self.post(thread, "one").await;
        view.until("it begins", |view| view.answers() == ["begun"]).await;
        self.fill_disk();
    }
}

#[tokio::test]
async fn a_permission_that_could_not_be_written_down_is_denied() {
    let host = Host::new().await;
    let thread = host.thread("a").await;
    let gate = Gate::default();
    let ask = ToolCallUpdate::new("c1", ToolCallUpdateFields::new().title("remove all".to_owned()));
    host.script
        .prompt_with(vec![Act::Say("begun"), Act::Wait(gate.clone()), Act::Ask(ask)]);
    let mut view = host.view(&thread).await;
    host.fill_disk_after_start(&thread, &mut view).await;
    gate.open();
    view.until("it was denied", |view| {
        view.answers()
            .last()
            .is_some_and(|answer| answer.contains("Unanswered"))
    })
    .await;
    host.make_room();
    view.quiet().await;
    let items = host.conversation.items(&thread, None, 100).await.unwrap();
    let denied = items.iter().any(|item| {
        matches!(
            &item.body,
            Body::Permission {
                decision: Some(Decision::Denied { .. }),
                ..
            }
        )
    });
    assert!(denied, "{items:?}");
}

#[tokio::test]
async fn a_yes_that_could_not_be_written_down_is_a_no() {
    let host = Host::new().await;
    let thread = host.thread("a").await;
    let ask = ToolCallUpdate::new("c1", ToolCallUpdateFields::new().title("remove all".to_owned()));
    host.script.prompt_with(vec![Act::Ask(ask)]);
    let mut view = host.view(&thread).await;
    host.post(&thread, "one").await;
    view.until("it asks", |view| view.permission().is_some()).await;
    let (request, _) = view.permission().unwrap();
    host.fill_disk();
    let decided = host
        .supervisor
        .decide(&thread, &request, &user("owner"), "Owner", Answer::Once)
        .await;
    assert!(decided.is_err());
    view.until("it was denied", |view| {
        view.answers()
            .last()
            .is_some_and(|answer| answer.contains("Unanswered"))
    })
    .await;
    host.make_room();
    view.quiet().await;
}

#[tokio::test]
async fn a_worker_that_failed_on_a_full_disk_keeps_nobody_busy() {
    let host = Host::new().await;
    let thread = host.thread("a").await;
    let (view, _, dies) = unwritten_end(&host, &thread).await;
    dies.open();
    host.until_failed().await;
    // The time of the restart is over then; there is nothing to wait for that is not to happen.
    tokio::time::sleep(Duration::from_millis(1300)).await;
    let metrics = tokio::runtime::Handle::current().metrics();
    let before = metrics.worker_park_count(0);
    tokio::time::sleep(Duration::from_millis(300)).await;
    let woken = metrics.worker_park_count(0) - before;
    assert!(woken < 60, "woken {woken} times in 300 ms");
    assert_eq!(view.phase, ThreadPhase::Working);
}

/// An agent that says so much at once.
const CHUNK: usize = 64 * 1024;
const CHUNKS: usize = 400;

#[tokio::test]
async fn a_worker_waits_while_nothing_of_what_it_says_can_be_written_and_nothing_is_lost() {
    let host = Host::with(Limits {
        silence: Duration::from_secs(1),
        ..limits()
    })
    .await;
    let (thread, other) = (host.thread("a").await, host.thread("b").await);
    let gate = Gate::default();
    let mut acts = vec![Act::Say("begun"), Act::Wait(gate.clone())];
    let chunk = "x".repeat(CHUNK);
    acts.extend((0..CHUNKS).map(|_| Act::Update(crate::process::scripted::said(&chunk))));
    host.script.prompt_with(acts);
    let mut view = host.view(&thread).await;
    let turn = host.post(&thread, "one").await.turn;
    view.until("it begins", |view| view.answers() == ["begun"]).await;
    let heard = gated(&host.script);
    let mut others = host.view(&other).await;
    host.post(&other, "two").await;
    others
        .until("it begins", |view| view.answers() == ["begun"])
        .await;
    host.fill_disk();
    gate.open();
    let is_told = |view: &View| {
        view.doing
            .as_ref()
            .is_some_and(|doing| doing.what.contains("no room"))
    };
    view.until("it is told", is_told).await;
    // Another thread's words are still heard.
    heard.open();
    others
        .until("it goes on", |view| view.answers() == ["begun and done"])
        .await;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let said = |view: &View| view.answers().iter().map(|answer| answer.len()).sum::<usize>();
    let late = host.view(&thread).await;
    assert!(said(&late) < 3 * 1024 * 1024, "{} bytes are kept", said(&late));
    assert!(
        late.find_note("no sign of life").is_none(),
        "it is not the agent who is silent"
    );
    let refused = host.supervisor.post(host.message(&thread, "three")).await;
    host.make_room();
    assert!(refused.is_err(), "{refused:?}");
    let mut late = host.view(&thread).await;
    late.quiet().await;
    assert_eq!(host.state(turn).await, TurnState::Done);
    let kept = host.conversation.items(&thread, None, 1000).await.unwrap();
    let kept = kept.iter().map(|item| match &item.body {
        Body::Answer { text } => text.len(),
        _ => 0,
    });
    assert_eq!(kept.sum::<usize>(), "begun".len() + CHUNKS * CHUNK);
}

#[tokio::test]
async fn a_worker_that_waits_for_the_disk_can_be_stopped() {
    let host = Host::new().await;
    let thread = host.thread("a").await;
    let gate = Gate::default();
    let mut acts = vec![Act::Say("begun"), Act::Wait(gate.clone())];
    let chunk = "x".repeat(CHUNK);
    acts.extend((0..CHUNKS).map(|_| Act::Update(crate::process::scripted::said(&chunk))));
    host.script.prompt_with(acts);
    let mut view = host.view(&thread).await;
    host.fill_disk_after_start(&thread, &mut view).await;
    gate.open();
    view.until("it is told", |view| {
        view.doing
            .as_ref()
            .is_some_and(|doing| doing.what.contains("no room"))
    })
    .await;
    assert!(host.supervisor.stop(&thread, &user("owner")).await.unwrap());
    while host.script.living().0 > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    host.make_room();
    view.quiet().await;
}
