//! Who is listened to, and from when on no more: roles, people who are removed, webhooks, the application's team.

use std::time::Duration;

use serde_json::json;
use support::discord::{Fault, Id};

use super::{Stage, with};

/// The application's owners are asked for again after less.
const A_WHILE: Duration = Duration::from_secs(6);

impl Stage {
    /// Waits until a message is answered by a refusal.
    async fn refused(&self, channel: Id, message: Id) {
        self.said(channel, "the refusal", |said| {
            said.reply_to == Some(message) && said.content.contains("not on the list")
        })
        .await;
    }

    /// With a role that is listed, and somebody who has it.
    async fn with_a_role() -> (Self, Id, support::discord::Person) {
        let mut stage = Self::ready("", "").await;
        let role = stage.guild.role("team", 0);
        let bob = stage.guild.member("bob");
        stage.guild.set_roles(&bob, &[role]);
        stage.settings = format!("roles = [{role}]");
        stage.up().await;
        (stage, role, bob)
    }
}

#[tokio::test]
async fn who_has_a_listed_role_is_heard_until_it_is_taken_away() {
    let (stage, role, bob) = Stage::with_a_role().await;
    let (first, thread) = stage.mention(&bob, "say: with the role").await;
    stage.sign(first, "✅").await;
    stage.guild.set_roles(&bob, &[]);
    let refused = bob.says(thread, "say: without it");
    stage.refused(thread, refused).await;
    stage.guild.set_roles(&bob, &[role]);
    let again = bob.says(thread, "say: with it again");
    stage.sign(again, "✅").await;
    assert_eq!(stage.answers(thread).await, "with the role\nwith it again");
}

#[tokio::test]
async fn a_missed_message_waits_until_discord_says_which_roles_its_author_has() {
    let (mut stage, _, bob) = Stage::with_a_role().await;
    let (first, thread) = stage.mention(&bob, "say: hello").await;
    stage.sign(first, "✅").await;
    stage.kill();
    let missed = bob.says(thread, "say: not lost");
    stage
        .fake
        .inject(Fault::status(502).on("GET", "/guilds/*/members/*").times(2));
    stage.up().await;
    stage.sign(missed, "✅").await;
    assert_eq!(stage.answers(thread).await, "hello\nnot lost");
    assert_eq!(stage.fake.faults_left(), 0);
}

#[tokio::test]
async fn who_lost_the_role_while_the_host_was_down_is_refused() {
    let (mut stage, _, bob) = Stage::with_a_role().await;
    let (first, thread) = stage.mention(&bob, "say: hello").await;
    stage.sign(first, "✅").await;
    stage.kill();
    let missed = bob.says(thread, "say: too late");
    stage.guild.set_roles(&bob, &[]);
    stage.up().await;
    stage.refused(thread, missed).await;
    assert_eq!(stage.answers(thread).await, "hello");
}

#[tokio::test]
async fn who_is_taken_off_the_list_is_refused_from_then_on() {
    let mut stage = Stage::ready("", "").await;
    let bob = stage.guild.member("bob");
    stage.settings = format!("users = [{}]", bob.id);
    stage.up().await;
    let (first, thread) = stage.mention(&bob, "say: listed").await;
    stage.sign(first, "✅").await;
    assert_eq!(stage.stop(), Some(0));
    stage.settings = "users = []".to_owned();
    stage.up().await;
    let refused = bob.says(thread, "say: no longer");
    stage.refused(thread, refused).await;
    assert_eq!(stage.answers(thread).await, "listed");
}

#[tokio::test]
async fn who_is_removed_from_the_team_has_no_access_from_then_on_and_who_comes_has() {
    let stage = Stage::start("", "").await;
    let (first, thread) = stage.mention(&stage.alice, "say: hi").await;
    stage.sign(first, "✅").await;
    let boss = stage.guild.member("boss");
    stage.fake.set_team(&[&boss]);
    tokio::time::sleep(A_WHILE).await;
    let refused = stage.alice.says(thread, "say: still let in");
    stage.refused(thread, refused).await;
    let options = [("vendor", json!("rehearsal")), ("scope", json!("everyone"))];
    let typed = stage.alice.slash(stage.channel, "auth", &options);
    stage
        .told(&stage.alice, stage.channel, typed, "not on the list")
        .await;
    let asked = boss.says(thread, "say: the new one");
    stage.sign(asked, "✅").await;
    assert_eq!(stage.answers(thread).await, "hi\nthe new one");
}

#[tokio::test]
async fn while_discord_does_not_say_who_owns_the_application_its_owners_wait_and_are_heard_then() {
    let stage = Stage::start("", "").await;
    tokio::time::sleep(A_WHILE).await;
    let fault = Fault::status(502).on("GET", "/oauth2/applications/@me");
    stage.fake.inject(fault.times(2));
    let (asked, thread) = stage.mention(&stage.alice, "say: patience").await;
    stage.sign(asked, "✅").await;
    assert_eq!(stage.answers(thread).await, "patience");
    assert_eq!(stage.fake.faults_left(), 0);
}

#[tokio::test]
async fn a_webhook_is_heard_where_it_is_listed_and_nowhere_else() {
    let mut stage = Stage::ready("", "").await;
    let listed = stage.guild.webhook("deploys");
    let other = stage.guild.webhook("others");
    stage.settings = format!("bots = [{}]\nbot_turns = 1", listed.id);
    stage.up().await;
    let ignored = stage.mentioned_by(&other, "say: unlisted");
    let (asked, thread) = stage.mention(&listed, "say: deployed").await;
    stage.sign(asked, "✅").await;
    let too_many = listed.says(thread, "say: again and again");
    stage
        .said(thread, "the end of it", |said| {
            said.reply_to == Some(too_many) && said.content.contains("I wait for a person")
        })
        .await;
    assert_eq!(stage.answers(thread).await, "deployed");
    let opened = stage
        .fake
        .look(|world| world.message(ignored).and_then(|one| one.thread));
    assert_eq!((opened, stage.fake.said(stage.channel)), (None, vec![]));
}

#[tokio::test]
async fn strangers_hold_up_nobody_and_are_told_once() {
    let stage = Stage::start("", "").await;
    let (first, thread) = stage.mention(&stage.alice, "say: hi").await;
    stage.sign(first, "✅").await;
    let name = stage.fake.bot().mention();
    let strangers: Vec<_> = (0..8)
        .map(|number| stage.guild.member(&format!("stranger-{number}")))
        .collect();
    for number in 0..10 {
        for stranger in &strangers {
            stranger.says(thread, &format!("{name} {number}"));
            stranger.says(stage.channel, &format!("{name} {number}"));
        }
    }
    let began = std::time::Instant::now();
    let asked = stage.alice.says(thread, "say: in the thread");
    let (opened, _) = stage.mention(&stage.alice, "say: in the channel").await;
    stage.sign(asked, "✅").await;
    stage.sign(opened, "✅").await;
    let took = began.elapsed();
    assert!(took < Duration::from_secs(20), "the owner waited for {took:?}");
    let is_refusal = |said: &&String| said.contains("not on the list");
    for place in [thread, stage.channel] {
        let told = stage.fake.said(place).iter().filter(is_refusal).count();
        assert!((1..=5).contains(&told), "{told} in {place}");
    }
}

#[tokio::test]
async fn a_bot_alone_opens_no_more_threads_than_it_may_have_turns_also_after_a_restart() {
    let mut stage = Stage::ready("", "").await;
    let robot = stage.guild.other_bot("robot");
    stage.settings = format!(
        "bots = [{}]\nbot_turns = 2\n[discord.channels.\"{}\"]\nmode = \"all\"",
        robot.id, stage.channel
    );
    stage.up().await;
    let threads = |stage: &Stage| stage.fake.look(|world| world.threads(stage.channel).len());
    for number in 1..=2 {
        let asked = robot.says(stage.channel, &format!("say: robot {number}"));
        stage.sign(asked, "✅").await;
    }
    let refused = robot.says(stage.channel, "say: robot 3");
    stage
        .said(stage.channel, "the end of it", |said| {
            said.reply_to == Some(refused)
        })
        .await;
    assert_eq!(stage.stop(), Some(0));
    stage.up().await;
    robot.says(stage.channel, "say: robot 4");
    // What a person writes is dealt with after it, and ends the row.
    let asked = stage.alice.says(stage.channel, "say: a person");
    stage.sign(asked, "✅").await;
    assert_eq!(threads(&stage), 3);
    let asked = robot.says(stage.channel, "say: robot 5");
    stage.sign(asked, "✅").await;
    assert_eq!(threads(&stage), 4);
}

#[tokio::test]
async fn a_mention_of_the_bots_own_role_is_a_mention() {
    let stage = Stage::ready("", "").await;
    let role = stage.guild.role_of_bot("agent-host");
    let other = stage.guild.role("others", 0);
    let mut stage = stage;
    stage.up().await;
    stage
        .alice
        .says(stage.channel, &format!("<@&{other}> say: not for it"));
    let asked = stage
        .alice
        .says(stage.channel, &format!("<@&{role}> say: by its role"));
    stage.sign(asked, "✅").await;
    let thread = stage
        .fake
        .look(|world| world.message(asked).and_then(|one| one.thread))
        .expect("it was opened");
    stage.said(thread, "the answer", with("by its role")).await;
    assert_eq!(stage.fake.look(|world| world.threads(stage.channel).len()), 1);
}
