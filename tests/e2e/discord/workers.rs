//! Workers behind threads of Discord: killed, dying again and again, silent, and without a folder to work in.

use std::collections::BTreeSet;
use std::fs;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rehearsal::Counter;
use serde_json::Value;
use support::discord::{Id, Message};

use super::{Stage, with};

impl Stage {
    /// The process that serves a thread.
    pub(super) async fn worker(&self, thread: Id) -> Pid {
        let status: Value = serde_json::from_str(&self.prints(&["status", "--json"]).await).expect("JSON");
        let workers = status["workers"].as_array().expect("a list").iter();
        let mut ours = workers.filter(|worker| worker["thread"] == format!("discord:{thread}"));
        let pid = ours.find_map(|worker| worker["pid"].as_i64());
        Pid::from_raw(i32::try_from(pid.expect("it has a worker")).expect("a pid fits"))
    }
}

fn offers_retry(said: &Message) -> bool {
    said.button("Retry").is_some()
}

#[tokio::test]
async fn a_worker_killed_in_mid_turn_is_told_in_its_own_thread_alone_and_retry_answers() {
    let stage = Stage::start("", "").await;
    let (one, thread) = stage.mention(&stage.alice, "hold\nsay: one").await;
    let (other, elsewhere) = stage.mention(&stage.alice, "hold\nsay: other").await;
    stage.scene.wait(Counter::ModelRequests, 2).await;
    let (worker, beside) = (stage.worker(thread).await, stage.worker(elsewhere).await);
    assert_ne!(worker, beside, "two threads never share a process");
    kill(worker, Signal::SIGKILL).expect("it lives");
    let note = stage.said(thread, "what happened", offers_retry).await;
    assert!(note.content.contains("The turn was cut."), "{}", note.content);
    stage.sign(one, "❌").await;
    stage.alice.presses_labelled(note.id, "Retry");
    stage.scene.wait(Counter::ModelRequests, 3).await;
    stage
        .going(stage.said(thread, "the answer", |said| said.content.starts_with("one")))
        .await;
    stage.going(stage.is_whole(other, elsewhere, "other")).await;
    assert_eq!(stage.worker(elsewhere).await, beside);
    let said = stage.fake.said(elsewhere);
    assert_eq!(said.len(), 1, "nothing else is told there: {said:?}");
}

#[tokio::test]
async fn an_agent_that_dies_again_and_again_is_left_alone_with_words_until_somebody_asks() {
    let mut stage = Stage::ready("", "").await;
    let mended = stage.scene.folder().join("mended");
    let dies = format!(
        "on_prompt() {{ [ -e '{}' ] || exit 3; say fine; answer '{{\"stopReason\":\"end_turn\"}}'; }}",
        mended.display()
    );
    stage.serve_by_script(&dies);
    stage.up().await;
    let (_, thread) = stage.mention(&stage.alice, "go").await;
    let mut seen = BTreeSet::new();
    let left = loop {
        let note = stage
            .said(thread, "that it died", |said| {
                offers_retry(said) && !seen.contains(&said.id)
            })
            .await;
        assert!(note.content.contains("exit code 3"), "{}", note.content);
        seen.insert(note.id);
        if note.content.contains("not started again by itself: press Retry") {
            break note;
        }
        stage.alice.presses_labelled(note.id, "Retry");
    };
    assert_eq!(seen.len(), 4, "each death is told once");
    fs::write(mended, "").expect("it can be written");
    stage.alice.presses_labelled(left.id, "Retry");
    stage.said(thread, "the answer", with("fine")).await;
}

#[tokio::test]
async fn a_silent_agent_is_told_of_once_and_can_be_stopped() {
    let stage = Stage::start("", "[limits]\nsilence = \"3s\"").await;
    let (message, thread) = stage.mention(&stage.alice, "hold\nsay: late").await;
    let notice = stage
        .said(thread, "the notice", with("no sign of life for 3 s"))
        .await;
    stage.alice.presses_labelled(notice.id, "Stop");
    stage.sign(message, "❌").await;
    let next = stage.alice.says(thread, "say: and on");
    stage.is_whole(next, thread, "and on").await;
    let said = stage.fake.said(thread);
    let notices = said.iter().filter(|said| said.contains("no sign of life"));
    assert_eq!(notices.count(), 1, "{said:?}");
}

#[tokio::test]
async fn a_workspace_that_is_gone_is_told_with_what_to_do_and_the_thread_goes_on() {
    let stage = Stage::start("", "permissions = \"allow\"").await;
    let (first, thread) = stage.mention(&stage.alice, "write: notes.txt hello").await;
    stage.sign(first, "✅").await;
    let workspace = stage.workspace(thread);
    fs::remove_dir_all(&workspace).expect("it is there");
    let second = stage.alice.says(thread, "write: again.txt hello");
    stage.said(thread, "that it was gone", with("was gone")).await;
    stage.sign(second, "✅").await;
    assert!(
        workspace.join("again.txt").is_file(),
        "the agent works in the new one"
    );

    fs::remove_dir_all(&workspace).expect("it is there");
    fs::write(&workspace, "a file").expect("it can be written");
    stage.alice.says(thread, "say: here again");
    let note = stage
        .said(thread, "what to do", with("move away what is in its place"))
        .await;
    fs::remove_file(&workspace).expect("it is there");
    stage.alice.presses_labelled(note.id, "Retry");
    stage.said(thread, "the answer", with("here again")).await;
}
