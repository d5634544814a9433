//! Permission cards: what they show is what is done, and a yes is worth what it says.

use std::fs;

use support::discord::Id;

use super::{Stage, with};
use crate::threads::until;

impl Stage {
    /// Waits for the next card, allows by the button with this label, and waits for the sign of the message.
    async fn allows(&self, thread: Id, message: Id, command: &str, label: &str) {
        let card = self.card(thread, command).await;
        self.alice.presses_labelled(card.id, label);
        self.sign(message, "✅").await;
    }
}

#[tokio::test]
async fn what_the_permission_card_shows_is_what_is_executed() {
    let stage = Stage::start("", "").await;
    // It stays until somebody outside its cage has looked at what the kernel says that it was started with.
    let command =
        "printf '%s|' \"a b\" 'c;d' > argv.txt; echo $$ > pid.txt; until [ -e seen ]; do sleep 0.05; done";
    let (message, thread) = stage.mention(&stage.alice, &format!("run: {command}")).await;
    let card = stage.card(thread, "argv.txt").await;
    let shown = card.content.split("```\n").nth(1);
    let shown = shown.and_then(|rest| rest.strip_suffix('\n').or(Some(rest)));
    let shown = shown.expect("a command between fences").trim_end().to_owned();
    stage.alice.presses_labelled(card.id, "Allow once");
    let workspace = stage.workspace(thread);
    let pid = until(async || {
        let pid = fs::read_to_string(workspace.join("pid.txt")).ok()?;
        Some(pid.strip_suffix('\n')?.to_owned())
    })
    .await;
    let executed = fs::read_to_string(format!("/proc/{pid}/cmdline")).expect("it runs");
    fs::write(workspace.join("seen"), "").expect("it can be written");
    stage.sign(message, "✅").await;
    let words: Vec<&str> = executed.split_terminator('\0').collect();
    assert_eq!(
        words[1..],
        ["-c", &shown],
        "nothing is added and nothing left out"
    );
    assert_eq!(shown, command);
    let written = fs::read_to_string(workspace.join("argv.txt"));
    assert_eq!(written.expect("it ran"), "a b|c;d|");
}

#[tokio::test]
async fn what_would_run_is_shown_whole_also_where_it_is_long_or_hidden() {
    let stage = Stage::start("", "").await;
    let long = format!("echo {} \u{202e}; echo the-end", "x".repeat(1500));
    let (_, thread) = stage.mention(&stage.alice, &format!("run: {long}")).await;
    let card = stage.card(thread, "only the beginning").await;
    assert!(!card.content.contains('\u{202e}'), "{}", card.content);
    let [file] = &card.attachments[..] else {
        panic!("no file with all of it: {card:?}");
    };
    let whole = String::from_utf8(file.bytes.clone()).expect("text");
    assert_eq!(whole, long.replace('\u{202e}', "⟨U+202E⟩"));
}

#[tokio::test]
async fn always_is_for_exactly_this_command_in_this_thread_also_after_a_restart() {
    const ALWAYS: &str = "Always run exactly this command";
    let mut stage = Stage::start("", "").await;
    let (first, thread) = stage.mention(&stage.alice, "run: echo one").await;
    stage.allows(thread, first, "echo one", ALWAYS).await;
    let line = format!("Allowed by alice (“{ALWAYS}”)");
    stage.said(thread, "the line that stays", with(&line)).await;
    // Nearly the same is something else, and so is the same elsewhere.
    let both = stage.alice.says(thread, "run: echo one\nrun: echo one two");
    stage.allows(thread, both, "echo one two", "Allow once").await;
    let (elsewhere, beside) = stage.mention(&stage.alice, "run: echo one").await;
    stage.allows(beside, elsewhere, "echo one", "Allow once").await;
    stage.kill();
    stage.up().await;
    let later = stage.alice.says(thread, "run: echo one");
    stage.sign(later, "✅").await;
    let said = stage.fake.said(thread).join("\n");
    assert_eq!(said.matches("✅ `echo one`").count(), 3, "{said}");
    assert_eq!(said.matches("✅ `echo one two`").count(), 1, "{said}");
    assert_eq!(
        said.matches("✅ Allowed ").count(),
        2,
        "asked for twice in four calls: {said}"
    );
}

#[tokio::test]
async fn a_permission_that_nobody_answers_is_denied_and_says_so() {
    let stage = Stage::start("", "[limits]\npermission = \"1s\"").await;
    let (message, thread) = stage
        .mention(&stage.alice, "run: echo x > proof\nsay: went on")
        .await;
    let line = stage
        .said(thread, "the line that stays", with("Nobody answered in time"))
        .await;
    assert!(line.controls().is_empty(), "{line:?}");
    stage.is_whole(message, thread, "went on").await;
    assert!(!stage.workspace(thread).join("proof").exists());
}
