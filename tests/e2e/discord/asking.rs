//! Buttons, forms and commands: what people decide and ask for, and who may.

use rusqlite::Connection;
use serde_json::json;
use support::discord::{Answer, Id, Message, Person, Seen};

use super::{Stage, with};

impl Stage {
    /// Waits for a card that asks whether this may run.
    pub(super) async fn card(&self, thread: Id, command: &str) -> Message {
        self.said(thread, "the card", |said| {
            said.content.contains("May it") && said.content.contains(command)
        })
        .await
    }

    /// Waits until what was pressed is answered with a form.
    pub(super) async fn is_form(&self, pressed: Id) {
        self.fake
            .until("the form", |world| {
                let answer = &world.interaction(pressed)?.answer;
                matches!(answer, Some(Answer::Form(_))).then_some(())
            })
            .await;
    }

    /// Waits for what this person, and nobody else, is told about what they pressed or typed.
    pub(super) async fn told(&self, who: &Person, channel: Id, interaction: Id, words: &str) {
        self.fake
            .until(words, |world| {
                let seen = world.messages_seen_by(who, channel);
                let mut answers = seen.iter().filter(|one| one.interaction == Some(interaction));
                let is_it = |one: &Message| one.only_for == Some(who.id) && one.content.contains(words);
                answers.any(|one| is_it(one)).then_some(())
            })
            .await;
    }
}

#[tokio::test]
async fn a_permission_is_asked_for_with_the_exact_command_and_only_the_owner_decides() {
    let stage = Stage::start("users = []\neveryone = true", "").await;
    let (message, thread) = stage.mention(&stage.alice, "run: echo it-ran > proof.txt").await;
    let card = stage.card(thread, "echo it-ran > proof.txt").await;
    stage.sign(message, "✋").await;
    let bob = stage.guild.member("bob");
    let pressed = bob.presses_labelled(card.id, "Allow once");
    stage
        .told(&bob, thread, pressed, &stage.only_alice("may decide that"))
        .await;
    let forged = bob.forges(card.id, "a1.allow.1-0.0123456789abcdef");
    stage.told(&bob, thread, forged, "not one of mine").await;
    stage.alice.presses_labelled(card.id, "Allow once");
    stage
        .said(thread, "the audit line", with("Allowed once by alice"))
        .await;
    stage.sign(message, "✅").await;
    let card = stage
        .fake
        .look(|world| world.message(card.id).cloned())
        .expect("it stays");
    assert!(card.controls().is_empty(), "no buttons are left");
}

#[tokio::test]
async fn a_denial_carries_its_reason_to_the_agent() {
    let stage = Stage::start("", "").await;
    let (message, thread) = stage.mention(&stage.alice, "run: rm -rf everything").await;
    let card = stage.card(thread, "rm -rf everything").await;
    let pressed = stage.alice.presses_labelled(card.id, "Deny");
    stage.is_form(pressed).await;
    stage.alice.submits(pressed, &[("reason", "far too much")]);
    stage
        .said(thread, "the audit line", |said| {
            said.content.contains("Denied by alice") && said.content.contains("far too much")
        })
        .await;
    stage.sign(message, "✅").await;
    let asked = stage.scene.control().model_requests();
    let last = asked.last().expect("the model is asked again").body.to_string();
    assert!(last.contains("far too much"), "{last}");
}

#[tokio::test]
async fn an_approver_decides_where_one_is_listed() {
    let mut stage = Stage::ready("", "").await;
    let carol = stage.guild.member("carol");
    stage.settings = format!("users = [{0}]\napprovers = [{0}]", carol.id);
    stage.up().await;
    let (message, thread) = stage.mention(&stage.alice, "run: echo yes").await;
    let card = stage.card(thread, "echo yes").await;
    carol.presses_labelled(card.id, "Allow once");
    stage
        .said(thread, "the audit line", with("Allowed once by carol"))
        .await;
    stage.sign(message, "✅").await;
}

#[tokio::test]
async fn after_a_restart_an_old_button_answers_honestly() {
    let mut stage = Stage::start("", "").await;
    let (message, thread) = stage.mention(&stage.alice, "run: echo later").await;
    let card = stage.card(thread, "echo later").await;
    let allow = card.button("Allow once").expect("a button");
    stage.kill();
    stage.up().await;
    stage.sign(message, "❌").await;
    stage
        .said(thread, "the line that stays", |said| {
            said.id == card.id && said.content.contains("The turn ended before anybody answered")
        })
        .await;
    let pressed = stage.alice.forges(card.id, &allow);
    stage
        .told(&stage.alice, thread, pressed, "answered already")
        .await;
}

#[tokio::test]
async fn the_stop_button_and_the_command_stop_a_turn() {
    let stage = Stage::start("", "permissions = \"allow\"").await;
    let (first, thread) = stage.mention(&stage.alice, "run: sleep 60").await;
    let tool = stage
        .said(thread, "the tool", |said| said.button("Stop").is_some())
        .await;
    stage.alice.presses_labelled(tool.id, "Stop");
    stage.sign(first, "❌").await;
    let second = stage.alice.says(thread, "run: sleep 61");
    stage.said(thread, "the second tool", with("sleep 61")).await;
    let typed = stage.alice.slash(thread, "stop", &[]);
    stage.told(&stage.alice, thread, typed, "Stopping.").await;
    stage.sign(second, "❌").await;
}

#[tokio::test]
async fn commands_answer_the_one_who_typed_them() {
    let stage = Stage::start("", "").await;
    let alice = &stage.alice;
    let (message, thread) = stage.mention(alice, "say: hi").await;
    stage.sign(message, "✅").await;
    for (command, words) in [
        ("help", "opens a thread"),
        ("status", "Nothing runs"),
        ("queue", "Nothing waits"),
        ("model", "the agent's own model"),
        ("agent", "served by"),
        ("reset", "begins anew"),
    ] {
        let typed = alice.slash(thread, command, &[]);
        stage.told(alice, thread, typed, words).await;
    }
    let stranger = stage.guild.member("mallory");
    let typed = stranger.slash(thread, "status", &[]);
    stage.told(&stranger, thread, typed, "not on the list").await;
    let typed = alice.slash(stage.channel, "new", &[("text", json!("say: brand new"))]);
    stage.told(alice, stage.channel, typed, "Here it goes on").await;
    let opened = stage.fake.look(|world| {
        let threads = world.threads(stage.channel);
        threads.last().map(|thread| thread.id)
    });
    let opened = opened.expect("a thread");
    stage
        .said(opened, "the answer", |said| said.content.starts_with("brand new"))
        .await;
}

#[tokio::test]
async fn commands_are_registered_only_where_discord_has_others() {
    let mut stage = Stage::start("", "").await;
    let registered = async |stage: &Stage, times: usize| {
        let put = |seen: &&Seen| seen.method == "PUT" && seen.path.ends_with("/commands");
        stage
            .fake
            .until_requested("the commands", |seen| {
                (seen.iter().filter(put).count() == times).then_some(())
            })
            .await;
    };
    registered(&stage, 1).await;
    let (message, thread) = stage.mention(&stage.alice, "say: hi").await;
    stage.sign(message, "✅").await;
    assert_eq!(stage.stop(), Some(0));
    stage.up().await;
    let again = stage.alice.says(thread, "say: again");
    stage.sign(again, "✅").await;
    registered(&stage, 1).await;
    assert_eq!(stage.stop(), Some(0));

    // Another program with the same token gives an option of one of them another description.
    let (application, id, mut options) = stage.fake.look(|world| {
        let queue = world.commands().iter().find(|one| one.body["name"] == "queue");
        let queue = queue.expect("it is registered");
        (world.application().id, queue.id, queue.body["options"].clone())
    });
    options[0]["description"] = json!("something else");
    let address = format!(
        "{}/api/v10/applications/{application}/commands/{id}",
        stage.fake.api_base()
    );
    let changed = support::client()
        .patch(address)
        .header("authorization", format!("Bot {}", stage.fake.token()))
        .json(&json!({ "options": options }))
        .send()
        .await;
    assert!(changed.expect("the fake answers").status().is_success());
    stage.up().await;
    registered(&stage, 2).await;
}

#[tokio::test]
async fn entries_that_can_not_be_read_are_told_as_that_and_not_as_a_request_that_is_over() {
    let stage = Stage::start("", "").await;
    let alice = &stage.alice;
    let (message, thread) = stage.mention(alice, "run: echo read").await;
    let card = stage.card(thread, "echo read").await;
    let database = Connection::open(stage.scene.folder().join("conversation.db")).expect("it is there");
    let rename = |from: &str, to: &str| {
        let renamed = database.execute_batch(&format!("ALTER TABLE {from} RENAME TO {to}"));
        renamed.expect("nothing is written now");
    };
    rename("items", "elsewhere");
    let pressed = alice.presses_labelled(card.id, "Allow once");
    stage
        .told(alice, thread, pressed, "The host could not read a timeline")
        .await;
    rename("elsewhere", "items");
    alice.presses_labelled(card.id, "Allow once");
    stage.sign(message, "✅").await;
}
