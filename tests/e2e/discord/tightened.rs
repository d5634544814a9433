//! What has waited while something was tightened: decided upon anew.

use std::time::Duration;

use support::discord::{Fault, Id, Person, permissions};

use super::{Stage, with};
use crate::threads::until;

impl Stage {
    /// A thread in which something of `who` runs, and something else waits: the message that waits, and the thread.
    async fn waits(&self, who: &Person, what: &str) -> (Id, Id) {
        let (_, thread) = self.mention(who, "run: sleep 60").await;
        self.said(thread, "the tool", with("sleep 60")).await;
        let waiting = who.says(thread, what);
        self.said(thread, "that it waits", with("Queued behind the running turn"))
            .await;
        (waiting, thread)
    }

    /// Starts the host anew with other settings, after a kill.
    async fn up_with(&mut self, settings: String) {
        self.kill();
        self.settings = settings;
        self.up().await;
    }

    async fn is_dropped(&self, message: Id, thread: Id, why: &str) {
        self.said(thread, "why it is not done", |said| {
            said.content.contains("Dropped") && said.content.contains(why)
        })
        .await;
        self.sign(message, "❌").await;
        let answers = self.answers(thread).await;
        assert!(!answers.contains("too late"), "{answers}");
    }
}

#[tokio::test]
async fn what_waited_of_somebody_who_lost_access_is_dropped_and_told() {
    let mut stage = Stage::ready("", "permissions = \"allow\"").await;
    let bob = stage.guild.member("bob");
    stage.settings = format!("users = [\"{}\"]", bob.id);
    stage.up().await;
    let (waiting, thread) = stage.waits(&bob, "say: too late").await;
    stage.up_with("users = []".to_owned()).await;
    stage.is_dropped(waiting, thread, "may not talk to me here").await;
}

#[tokio::test]
async fn what_waited_of_somebody_whose_role_was_taken_is_dropped_without_a_restart() {
    let mut stage = Stage::ready("", "permissions = \"allow\"").await;
    let bob = stage.guild.member("bob");
    let role = stage.guild.role("helpers", 0);
    stage.guild.set_roles(&bob, &[role]);
    stage.settings = format!("roles = [\"{role}\"]");
    stage.up().await;
    let (_, thread) = stage.runs_until_go(&bob, "say: over").await;
    let waiting = bob.says(thread, "say: too late");
    stage
        .said(thread, "that it waits", with("Queued behind the running turn"))
        .await;
    stage.guild.set_roles(&bob, &[]);
    // Who was let in two seconds ago is not asked about again.
    tokio::time::sleep(Duration::from_secs(3)).await;
    stage.lets_end(thread);
    stage.is_dropped(waiting, thread, "may not talk to me here").await;
}

#[tokio::test]
async fn what_waited_in_a_channel_that_was_switched_off_is_dropped_and_told() {
    let mut stage = Stage::start("", "permissions = \"allow\"").await;
    let alice = stage.alice.clone();
    let (waiting, thread) = stage.waits(&alice, "say: too late").await;
    let off = format!("[discord.channels.\"{}\"]\nmode = \"off\"", stage.channel);
    stage.up_with(off).await;
    stage
        .is_dropped(waiting, thread, "switched off in this channel")
        .await;
}

#[tokio::test]
async fn what_waited_obeys_the_permissions_that_its_channel_has_when_it_begins() {
    let mut stage = Stage::start("", "permissions = \"allow\"").await;
    let alice = stage.alice.clone();
    let (waiting, thread) = stage
        .waits(&alice, "run: echo done > proof.txt\nsay: at last")
        .await;
    // Else the next host reads it once more, which is the other moment at which permissions are looked at.
    stage.is_done_with(waiting).await;
    let denies = format!("[discord.channels.\"{}\"]\npermissions = \"deny\"", stage.channel);
    stage.up_with(denies).await;
    stage.sign(waiting, "✅").await;
    stage.said(thread, "the answer", with("at last")).await;
    let proof = stage
        .scene
        .folder()
        .join(format!("workspaces/discord.{thread}/proof.txt"));
    assert!(
        proof.parent().is_some_and(std::path::Path::exists),
        "the workspace is there"
    );
    assert!(!proof.exists(), "nothing was run");
}

#[tokio::test]
async fn what_waited_of_a_bot_that_is_no_longer_listed_is_dropped_also_where_everyone_may_speak() {
    let mut stage = Stage::ready("", "permissions = \"allow\"").await;
    let robot = stage.guild.other_bot("robot");
    stage.settings = format!("everyone = true\nbots = [\"{}\"]", robot.id);
    stage.up().await;
    let (waiting, thread) = stage.waits(&robot, "say: too late").await;
    stage.up_with("everyone = true".to_owned()).await;
    stage.is_dropped(waiting, thread, "may not talk to me here").await;
}

#[tokio::test]
async fn nothing_that_waited_begins_before_discord_has_said_who_the_bot_is() {
    let mut stage = Stage::ready("", "permissions = \"allow\"").await;
    let bob = stage.guild.member("bob");
    stage.settings = format!("users = [\"{}\"]", bob.id);
    stage.up().await;
    let (waiting, thread) = stage.waits(&bob, "say: too late").await;
    let slow = Fault::slow(Duration::from_secs(3));
    stage.fake.inject(slow.on("GET", "/users/@me"));
    stage.up_with("users = []".to_owned()).await;
    stage.is_dropped(waiting, thread, "may not talk to me here").await;
    assert_eq!(stage.fake.faults_left(), 0);
}

#[tokio::test]
async fn what_waited_in_a_channel_that_is_hidden_when_the_next_host_begins_runs_once_it_is_seen() {
    let mut stage = Stage::start("", "permissions = \"allow\"").await;
    let alice = stage.alice.clone();
    let (waiting, thread) = stage.waits(&alice, "say: at last").await;
    stage.kill();
    let denies = |denied| {
        stage.guild.overwrite(stage.channel, stage.fake.bot(), 0, denied);
    };
    denies(permissions::VIEW_CHANNEL);
    stage.host = Some(stage.start_only());
    stage
        .logged("a turn waits until the bot sees its thread again")
        .await;
    denies(0);
    stage.is_whole(waiting, thread, "at last").await;
}

#[tokio::test]
async fn what_waited_in_a_thread_that_is_gone_when_the_next_host_begins_is_dropped() {
    let mut stage = Stage::start("", "permissions = \"allow\"").await;
    let alice = stage.alice.clone();
    let (_, thread) = stage.waits(&alice, "say: never").await;
    stage.kill();
    stage.manager().deletes_channel(thread);
    stage.up().await;
    until(async || stage.still_waiting(thread).await.is_empty().then_some(())).await;
    assert_eq!(stage.answers(thread).await, "");
}
