//! Commands that change how a thread works, or look at it: what they do, and who may.

use rehearsal::Counter;
use serde_json::json;
use support::discord::{Fault, Id};
use support::shell_agent;

use super::{Stage, with};
use crate::threads::asked;

impl Stage {
    /// Types a command in a thread, and waits for these words.
    async fn types(
        &self,
        who: &support::discord::Person,
        thread: Id,
        command: &str,
        options: &[(&str, serde_json::Value)],
        words: &str,
    ) {
        let typed = who.slash(thread, command, options);
        self.told(who, thread, typed, words).await;
    }
}

#[tokio::test]
async fn where_no_model_is_chosen_model_and_status_say_so_and_how_to_choose_one() {
    let mut stage = Stage::ready("", "").await;
    stage.agent = format!(
        "[agents.bare]\ntenant = \"rehearsal\"\nbase_url = \"{}v1\"\n",
        stage.scene.url()
    );
    stage.settings = format!("[discord.channels.{}]\nagent = \"bare\"", stage.channel);
    stage.up().await;
    let alice = stage.alice.clone();
    let (message, thread) = stage.mention(&alice, "say: hi").await;
    stage.sign(message, "❌").await;
    let none = "No model is chosen, here or for the agent";
    stage.types(&alice, thread, "model", &[], none).await;
    stage.types(&alice, thread, "status", &[], none).await;
    stage.types(&alice, thread, "status", &[], "Model: none").await;
    let named = |name: &str| [("name", json!(name))];
    let chosen = "From the next turn on: the model `rehearsal`";
    stage
        .types(&alice, thread, "model", &named("rehearsal"), chosen)
        .await;
    let next = alice.says(thread, "say: with a model");
    stage.is_whole(next, thread, "with a model").await;
    stage
        .types(&alice, thread, "status", &[], "Model: rehearsal")
        .await;
    stage
        .types(&alice, thread, "model", &named("default"), none)
        .await;
}

#[tokio::test]
async fn model_agent_and_reset_change_what_the_next_turn_works_with_and_only_the_owner_may() {
    let mut stage = Stage::ready("everyone = true", "").await;
    let shell = shell_agent(stage.scene.folder(), "");
    stage.agent = shell.split_once('\n').expect("it has a table").1.to_owned();
    stage.up().await;
    let (alice, bob) = (stage.alice.clone(), stage.guild.member("bob"));
    let (first, thread) = stage.mention(&alice, "say: remember 4711").await;
    stage.is_whole(first, thread, "4711").await;
    let used = || {
        let requests = stage.scene.control().model_requests();
        requests.last().map(|request| request.body["model"].clone())
    };

    let other = [("name", json!("rehearsal-fast"))];
    stage
        .types(
            &bob,
            thread,
            "model",
            &other,
            &stage.only_alice("may change that"),
        )
        .await;
    stage
        .types(
            &alice,
            thread,
            "model",
            &other,
            "From the next turn on: the model `rehearsal-fast`",
        )
        .await;
    let asks = alice.says(thread, "say: with another");
    stage.is_whole(asks, thread, "with another").await;
    assert_eq!(used(), Some(json!("rehearsal-fast")));
    stage
        .said(thread, "the model below the answer", |said| {
            said.content.starts_with("with another") && said.content.contains(" · rehearsal-fast · ")
        })
        .await;
    stage
        .types(
            &alice,
            thread,
            "model",
            &[("name", json!("default"))],
            "the agent's own model",
        )
        .await;

    // The session of one agent is nothing to another; each finds its own thread of thought gone.
    let agent = |name: &str| [("name", json!(name))];
    stage
        .types(
            &bob,
            thread,
            "agent",
            &agent("shell"),
            &stage.only_alice("may change that"),
        )
        .await;
    stage.types(&alice, thread, "agent", &[], "`shell`").await;
    stage
        .types(
            &alice,
            thread,
            "agent",
            &agent("shell"),
            "the agent shell, with a new session",
        )
        .await;
    let asks = alice.says(thread, "who are you?");
    stage.is_whole(asks, thread, "fine").await;
    stage
        .types(
            &alice,
            thread,
            "agent",
            &agent("native"),
            "the agent native, with a new session",
        )
        .await;
    let asks = alice.says(thread, "say: back again");
    stage.is_whole(asks, thread, "back again").await;
    assert_eq!(asked(&stage.scene), ["user: say: back again"]);
    assert_eq!(used(), Some(json!("rehearsal")));

    let typed = bob.slash(thread, "reset", &[]);
    stage.told(&bob, thread, typed, "may").await;
    stage.types(&alice, thread, "reset", &[], "begins anew").await;
    let asks = alice.says(thread, "say: from nothing");
    stage.is_whole(asks, thread, "from nothing").await;
    assert_eq!(asked(&stage.scene), ["user: say: from nothing"]);
}

#[tokio::test]
async fn status_and_queue_tell_what_runs_and_waits_and_a_number_is_taken_out_alone() {
    let stage = Stage::start("everyone = true", "").await;
    let (alice, bob) = (stage.alice.clone(), stage.guild.member("bob"));
    let (first, thread) = stage.mention(&alice, "hold\nsay: first").await;
    stage.scene.wait(Counter::ModelRequests, 1).await;
    let skipped = alice.says(thread, "say: **second** @everyone");
    stage
        .said(thread, "that it waits", with("Queued behind the running turn"))
        .await;
    let last = bob.says(thread, "say: third");
    stage.sign(last, "👀").await;

    stage
        .types(&alice, thread, "status", &[], "A turn has been running for")
        .await;
    stage
        .types(
            &alice,
            thread,
            "queue",
            &[],
            "1. alice: say: **second** @\u{200b}everyone",
        )
        .await;
    stage
        .types(&bob, thread, "queue", &[], "2. bob: say: third")
        .await;
    let number = |number: u64| [("skip", json!(number))];
    stage
        .types(
            &alice,
            thread,
            "queue",
            &number(3),
            "There is no number 3 in the queue: 2 messages wait",
        )
        .await;
    // It is Alice's, in her thread.
    stage.types(&bob, thread, "queue", &number(1), "may").await;
    stage
        .types(
            &alice,
            thread,
            "queue",
            &number(1),
            "Out of the queue: alice: say: **second** @\u{200b}everyone",
        )
        .await;
    stage.sign(skipped, "❌").await;
    stage.going(stage.is_whole(last, thread, "third")).await;
    stage.is_whole(first, thread, "first").await;
    stage
        .types(&alice, thread, "queue", &[], "Nothing waits here")
        .await;
    let said = stage.answers(thread).await;
    assert_eq!(said, "first\nthird");
}

#[tokio::test]
async fn the_built_in_agent_has_no_modes_and_what_it_asks_for_is_told_to_be_set_elsewhere() {
    let stage = Stage::start("", "").await;
    let (first, thread) = stage.mention(&stage.alice, "say: here").await;
    stage.sign(first, "✅").await;
    let mode = [("mode", json!("plan"))];
    let words = "has no modes: `permissions`, of the agent or of a channel,";
    stage.types(&stage.alice, thread, "agent", &mode, words).await;
}

#[tokio::test]
async fn a_new_thread_that_is_asked_for_inside_one_opens_beside_it() {
    let stage = Stage::start("", "").await;
    let (first, thread) = stage.mention(&stage.alice, "say: here").await;
    stage.sign(first, "✅").await;
    let text = [("text", json!("say: beside\n@everyone"))];
    stage
        .types(&stage.alice, thread, "new", &text, "Here it goes on")
        .await;
    let beside = stage.fake.look(|world| {
        let threads = world.threads(stage.channel);
        threads.iter().map(|one| one.id).find(|id| *id != thread)
    });
    let beside = beside.expect("it is in the same channel");
    stage
        .said(beside, "the answer", |said| said.content.starts_with("beside"))
        .await;
    let said = stage.fake.messages(beside);
    assert!(
        said.iter()
            .all(|said| said.pings.is_empty() && !said.content.contains("@everyone")),
        "{said:?}"
    );
    assert!(stage.answers(thread).await.contains("here"));
}

#[tokio::test]
async fn a_thread_that_was_opened_for_somebody_who_lost_access_is_named_with_why_nothing_goes_on_there() {
    let mut stage = Stage::ready("", "").await;
    let bob = stage.guild.member("bob");
    stage.settings = format!("users = [{}]", bob.id);
    stage.up().await;
    stage
        .fake
        .inject(Fault::status(502).on("POST", "/channels/*/messages").times(1000));
    let typed = bob.slash(stage.channel, "new", &[("text", json!("say: too late"))]);
    let opened = stage
        .fake
        .until("a thread", |world| {
            world.threads(stage.channel).first().map(|one| one.id)
        })
        .await;
    stage
        .fake
        .until_requested("that it is shown", |seen| {
            let path = format!("/channels/{opened}/messages");
            seen.iter()
                .any(|one| one.method == "POST" && one.path.ends_with(&path))
                .then_some(())
        })
        .await;
    stage.kill();
    stage.settings = "users = []".to_owned();
    stage.up().await;
    let words = format!("I had opened <#{opened}> for this, but nothing goes on there");
    stage.told(&bob, stage.channel, typed, &words).await;
    assert_eq!(stage.fake.look(|world| world.threads(stage.channel).len()), 1);
}

#[tokio::test]
async fn where_nobody_is_signed_in_it_is_said_that_nobody_pays_until_somebody_does() {
    let mut stage = Stage::ready("everyone = true", "").await;
    stage.is_signed_out().await;
    stage.up().await;
    let (alice, bob) = (stage.alice.clone(), stage.guild.member("bob"));
    let (message, thread) = stage.mention(&alice, "say: with a login").await;
    stage.said(thread, "the card", with("Sign-in needed")).await;
    let nobody = format!(
        "Nobody is signed in yet for what is done in this thread: neither {}",
        alice.mention()
    );
    stage.types(&alice, thread, "status", &[], &nobody).await;
    bob.says(thread, "say: from somebody else");
    stage.said(thread, "that nobody pays", with(&nobody)).await;
    stage.scene.sign_in(&stage.scene.host()).await;
    stage.is_whole(message, thread, "with a login").await;
    stage
        .types(&alice, thread, "status", &[], "the login of this host")
        .await;
}
