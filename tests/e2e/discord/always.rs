//! What is always allowed in a thread: listed with who said so, and taken back, in Discord and at the command line.

use std::fs;

use serde_json::{Value, json};
use support::discord::{Id, Message, Person};

use super::{Stage, with};

const ALWAYS: &str = "Always run exactly this command";

impl Stage {
    /// A turn whose command its asker allows for always.
    async fn always(&self, thread: Id, message: Id, command: &str) {
        let card = self.card(thread, command).await;
        self.alice.presses_labelled(card.id, ALWAYS);
        self.sign(message, "✅").await;
    }

    /// What `/status` tells somebody.
    async fn status(&self, who: &Person, thread: Id) -> Message {
        let typed = who.slash(thread, "status", &[]);
        self.answered(who, thread, typed, "Agent:").await
    }

    /// Whether a command runs without a question.
    async fn runs_unasked(&self, thread: Id, command: &str) -> bool {
        let before = self.fake.messages(thread).len();
        let message = self.alice.says(thread, &format!("run: {command}"));
        self.fake
            .until("a sign", |world| {
                let message = world.message(message)?;
                let bot = self.fake.bot();
                let signs = ["✅", "✋"];
                let sign = signs.iter().find(|sign| message.has_reaction(sign, bot))?;
                Some(*sign == "✅")
            })
            .await
            && self.fake.messages(thread)[before..]
                .iter()
                .all(|said| !said.content.contains("May it"))
    }
}

fn buttons(message: &Message) -> Vec<String> {
    let controls = message.controls();
    let labels = controls.iter().filter_map(|one| one["label"].as_str());
    labels.map(str::to_owned).collect()
}

#[tokio::test]
async fn what_is_always_allowed_is_listed_under_status_and_taken_back_for_good_by_its_button() {
    let mut stage = Stage::start("everyone = true", "").await;
    let (alice, bob) = (stage.alice.clone(), stage.guild.member("bob"));
    let (first, thread) = stage.mention(&alice, "run: echo one").await;
    stage.always(thread, first, "echo one").await;
    let second = alice.says(thread, "run: echo two");
    stage.always(thread, second, "echo two").await;
    let listed = stage.status(&bob, thread).await;
    for words in [ALWAYS, "`echo one`", "`echo two`", "(alice, <t:"] {
        assert!(listed.content.contains(words), "{words}: {}", listed.content);
    }
    assert!(listed.controls().is_empty(), "Bob may not decide: {listed:?}");
    let listed = stage.status(&alice, thread).await;
    let labels = buttons(&listed);
    assert_eq!(labels.len(), 3, "{labels:?}");
    assert_eq!(labels[2], "Ask again: all");
    let first_one = listed.button(&labels[0]).expect("a button");
    let stolen = bob.forges(listed.id, &first_one);
    stage
        .told(&bob, thread, stolen, "Only the person who opened this thread")
        .await;
    assert!(stage.runs_unasked(thread, "echo one").await);

    let pressed = alice.presses(listed.id, &first_one);
    stage
        .told(&alice, thread, pressed, "the next such call asks again")
        .await;
    // What was told is durable.
    stage.kill();
    stage.up().await;
    stage
        .said(thread, "the line that stays", |said| {
            said.content.contains("lice took back what was always allowed")
                && said.content.contains("echo one")
                && !said.content.contains("echo two")
        })
        .await;
    assert!(
        stage.runs_unasked(thread, "echo two").await,
        "the other one holds"
    );
    let listed = stage.status(&alice, thread).await;
    assert!(!listed.content.contains("echo one"), "{}", listed.content);
    let again = alice.forges(listed.id, &first_one);
    stage.told(&alice, thread, again, "no longer allowed").await;
    assert!(!stage.runs_unasked(thread, "echo one").await);
    let told = stage.fake.said(thread).join("\n");
    assert_eq!(told.matches("took back").count(), 1, "{told}");
}

#[tokio::test]
async fn what_is_taken_back_while_a_turn_runs_is_asked_about_in_that_turn() {
    let stage = Stage::start("", "").await;
    let (first, thread) = stage.mention(&stage.alice, "run: echo two").await;
    stage.always(thread, first, "echo two").await;
    let both = stage
        .alice
        .says(thread, "run: until [ -e go ]; do sleep 0.05; done\nrun: echo two");
    let card = stage.card(thread, "until").await;
    stage.alice.presses_labelled(card.id, "Allow once");
    stage.said(thread, "the command", with("▶️ `until")).await;
    let listed = stage.status(&stage.alice, thread).await;
    let labels = buttons(&listed);
    let pressed = stage.alice.presses_labelled(listed.id, &labels[0]);
    stage
        .told(&stage.alice, thread, pressed, "the next such call asks again")
        .await;
    fs::write(stage.workspace(thread).join("go"), "").expect("it can be written");
    let card = stage.card(thread, "echo two").await;
    stage.alice.presses_labelled(card.id, "Allow once");
    stage.sign(both, "✅").await;
}

#[tokio::test]
async fn an_operator_lists_and_takes_back_what_is_always_allowed_with_and_without_a_host() {
    let mut stage = Stage::start("", "").await;
    let (first, thread) = stage.mention(&stage.alice, "run: echo one").await;
    stage.always(thread, first, "echo one").await;
    let second = stage.alice.says(thread, "run: echo two");
    stage.always(thread, second, "echo two").await;
    let name = format!("discord:{thread}");
    let shown = stage.prints(&["threads", "show", &name]).await;
    assert!(
        shown.contains("always allowed here") && shown.contains("echo one"),
        "{shown}"
    );
    let listed = async |stage: &Stage| -> Vec<Value> {
        let lines = stage.prints(&["threads", "show", &name, "--json"]).await;
        let lines = lines
            .lines()
            .map(|line| serde_json::from_str(line).expect("JSON"));
        lines.filter(|line: &Value| line["always"].is_number()).collect()
    };
    let all = listed(&stage).await;
    assert_eq!(all.len(), 2, "{all:?}");
    assert_eq!(
        (&all[0]["by"], &all[0]["detail"], &all[0]["kept_by"]),
        (&json!("alice"), &json!("echo one"), &json!("host"))
    );
    let number = all[0]["always"].to_string();
    let forbidden = stage.prints(&["threads", "forbid", &name, &number]).await;
    assert!(
        forbidden.contains("asks again") && forbidden.contains("echo one"),
        "{forbidden}"
    );
    stage
        .said(thread, "that it was done", with("The operator took back"))
        .await;
    assert!(!stage.runs_unasked(thread, "echo one").await);
    stage.kill();
    let forbidden = stage.prints(&["threads", "forbid", &name, "--all"]).await;
    assert!(forbidden.contains("echo two"), "{forbidden}");
    assert_eq!(listed(&stage).await, [] as [Value; 0]);
    let mut again = support::agent_host(stage.scene.folder());
    let again = again.args(["threads", "forbid", &name, &number]).output();
    let again = again.expect("the program runs");
    assert_eq!(again.status.code(), Some(1), "{again:?}");
    stage.up().await;
    assert!(!stage.runs_unasked(thread, "echo two").await);
}

#[tokio::test]
async fn what_somebody_elses_agent_remembers_is_listed_as_that_and_only_a_reset_ends_it() {
    let stage = Stage::foreign("", |_| vec![]).await;
    let (message, thread) = stage.mention(&stage.alice, "say: ready").await;
    stage.is_whole(message, thread, "ready").await;
    let request = json!({ "title": "change things", "kind": "other", "rawInput": { "command": "rm" } });
    let asks = stage
        .alice
        .says(thread, &format!("request: {request}\nsay: went on"));
    let open = |said: &Message| said.content.contains("May it") && said.button("ever").is_some();
    let card = stage.said(thread, "the card", open).await;
    stage.alice.presses_labelled(card.id, "ever");
    stage
        .said(thread, "what the agent heard", with("chosen=ever;"))
        .await;
    stage.is_whole(asks, thread, "went on").await;
    let listed = stage.status(&stage.alice, thread).await;
    assert!(
        listed.content.contains("remembers it itself"),
        "{}",
        listed.content
    );
    assert!(
        listed.controls().is_empty(),
        "nobody can take it back: {listed:?}"
    );
    let shown = stage
        .prints(&["threads", "show", &format!("discord:{thread}")])
        .await;
    assert!(
        shown.contains("remembered by the agent itself") && shown.contains("threads reset"),
        "{shown}"
    );
    let typed = stage.alice.slash(thread, "reset", &[]);
    stage.told(&stage.alice, thread, typed, "begins anew").await;
    let listed = stage.status(&stage.alice, thread).await;
    assert!(!listed.content.contains("Always allowed"), "{}", listed.content);
}
