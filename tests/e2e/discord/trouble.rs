//! What goes wrong: kills at any moment, threads that vanish, doors that stay shut.

use std::io::Write as _;
use std::time::Duration;

use conversation::Conversation;
use rehearsal::Counter;
use serde_json::json;
use support::Host;
use support::discord::{Fault, Id, Message, Post, World};

use super::{Stage, with};
use crate::threads::until;

/// What is allowed and run: how often, is seen afterwards.
const RUN: &str = "echo once >> ran.txt";

/// Kills of the host, unless the environment says how many; and after so many all that was asked must be answered.
const KILLS: u64 = 8;

fn kills() -> u64 {
    let named = std::env::var("AGENT_HOST_DISCORD_KILLS").ok();
    named.and_then(|count| count.parse().ok()).unwrap_or(KILLS)
}

/// What may happen to a request of which a host may die before it learns the end.
fn trouble(chance: &mut Chance) -> Option<Fault> {
    let send = |fault: Fault| Some(fault.on("POST", "/channels/*/messages"));
    match chance.below(7) {
        0 => send(Fault::answer_lost()),
        1 => send(Fault::done_then(504)),
        2 => send(Fault::request_lost()),
        3 => send(Fault::status(502)),
        4 => send(Fault::slow(Duration::from_millis(200))),
        5 => Some(Fault::answer_lost().on("PATCH", "/channels/*/messages/*")),
        _ => None,
    }
}

/// Numbers that look like chance, and can be had again by their seed.
struct Chance(u64);

impl Chance {
    /// By the seed that the environment names, or another one at each run.
    fn new() -> Self {
        let named = std::env::var("AGENT_HOST_DISCORD_SEED").ok();
        let seed = named.and_then(|seed| seed.parse().ok()).unwrap_or_else(|| {
            use std::hash::{BuildHasher as _, Hasher as _};
            std::hash::RandomState::new().build_hasher().finish() >> 32
        });
        // A test that fails shows what it has written.
        let _ = writeln!(std::io::stderr(), "AGENT_HOST_DISCORD_SEED={seed}");
        Self(seed)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// What somebody asked of the bot.
enum Asked {
    /// In the thread; with a file of this name.
    Message(Id, Option<String>),
    /// To run something, in a thread of its own; it was allowed.
    Command(Id, Id),
    /// By `/new`.
    New(Id),
}

#[tokio::test]
async fn killed_at_any_moment_no_message_is_lost_and_none_is_said_twice() {
    let mut chance = Chance::new();
    let mut stage = Stage::start("", "").await;
    let (first, thread) = stage.mention(&stage.alice, "say: word 0.").await;
    stage.sign(first, "✅").await;
    let (mut asked, mut answered) = (vec![], 0);
    for number in 1..=kills() {
        asked.push((number, stage.asks(&mut chance, thread, number).await));
        // Within all that a turn takes.
        tokio::time::sleep(Duration::from_millis(chance.below(500))).await;
        stage.kill();
        // Every nonce is forgotten, or nobody was there for an hour.
        match chance.below(4) {
            0 => stage.fake.clock().advance(Duration::from_mins(5)),
            1 => stage.fake.clock().advance(Duration::from_hours(1)),
            _ => {}
        }
        if chance.below(4) == 0 {
            stage.fake.gateway().refuse_connections(2);
        }
        stage.up().await;
        if number % KILLS == 0 || number == kills() {
            for (number, asked) in asked.drain(..) {
                answered += u64::from(stage.is_ended(thread, number, &asked).await);
            }
            stage.rests(thread).await;
            let _ = writeln!(std::io::stderr(), "{number} kills, {answered} answered");
        }
    }
    // In every life of a host once more: what is there stays there, once.
    let threads = stage.fake.look(|world| {
        let threads = world.threads(stage.channel);
        threads.iter().map(|thread| thread.id).collect::<Vec<_>>()
    });
    let said: Vec<String> = threads
        .into_iter()
        .flat_map(|thread| stage.fake.said(thread))
        .collect();
    for number in 1..=kills() {
        let (words, typed) = (format!("word {number}."), format!("say: word {number}."));
        let (shown, said): (Vec<&String>, _) = said
            .iter()
            .filter(|said| said.contains(&words))
            .partition(|said| said.contains(&typed));
        assert!(
            shown.len() <= 1 && said.len() <= 1,
            "{words}: {shown:?}, {said:?}"
        );
    }
    println!(
        "{} kills, {answered} answered, {} cut and told, {} lost answers to come",
        kills(),
        kills() - answered,
        stage.fake.faults_left()
    );
}

impl Stage {
    /// Somebody asks for something, by one of the ways that there are, while something may go wrong.
    async fn asks(&self, chance: &mut Chance, thread: Id, number: u64) -> Asked {
        let (trouble, text) = (trouble(chance), format!("say: word {number}."));
        let inject = || {
            if let Some(fault) = trouble.clone() {
                self.fake.inject(fault);
            }
        };
        match chance.below(6) {
            0 => {
                inject();
                Asked::New(self.alice.slash(self.channel, "new", &[("text", json!(text))]))
            }
            1 => {
                inject();
                let name = format!("file-{number}.txt");
                let post = Post::new(&text).file(&name, "text/plain", text.as_bytes());
                Asked::Message(self.alice.posts(thread, post), Some(name))
            }
            2 => {
                let (message, own) = self.mention(&self.alice, &format!("run: {RUN}")).await;
                // A fault of an earlier one may come before the card.
                let card = self.patiently("the card", |world| {
                    let mut said = world.messages(own).into_iter();
                    said.find(|said| said.content.contains("May it"))
                        .map(|said| said.id)
                });
                let card = card.await.expect("it asks");
                inject();
                self.alice.presses_labelled(card, "Allow once");
                Asked::Command(message, own)
            }
            3 => {
                // What is said while nobody listens, for long; then the session is forgotten.
                let before = self.fake.look(|world| world.gateway().identified);
                let gateway = self.fake.gateway();
                gateway.refuse_connections(1);
                gateway.invalidate_sessions(false);
                gateway.drop_connections();
                let message = self.alice.says(thread, &text);
                self.fake.clock().advance(Duration::from_hours(1));
                inject();
                self.patiently("a new session", |world| {
                    (world.gateway().identified > before).then_some(())
                })
                .await
                .expect("it comes back");
                Asked::Message(message, None)
            }
            _ => {
                inject();
                Asked::Message(self.alice.says(thread, &text), None)
            }
        }
    }

    /// Waits far longer than for anything else: after several failures in a row the pauses are long.
    async fn patiently<T>(&self, what: &str, look: impl Fn(&World) -> Option<T>) -> Option<T> {
        for _ in 0..2 {
            // A little before the fake gives up.
            let found = tokio::time::timeout(Duration::from_secs(59), self.fake.until(what, &look)).await;
            if let Ok(found) = found {
                return Some(found);
            }
        }
        None
    }

    /// Waits until it is known what became of it; whether it was done. Then all of it is there, once.
    async fn is_ended(&self, thread: Id, number: u64, asked: &Asked) -> bool {
        match asked {
            Asked::Message(message, file) => {
                let done = self.is_answered(thread, number, *message).await;
                if let Some(file) = file {
                    let uploads = std::fs::read_dir(self.workspace(thread).join("uploads"));
                    let names: Vec<String> = uploads
                        .into_iter()
                        .flatten()
                        .map(|entry| entry.expect("it can be read").file_name())
                        .map(|name| name.to_string_lossy().into_owned())
                        .filter(|name| name.starts_with(file.trim_end_matches(".txt")))
                        .collect();
                    assert!(
                        names.len() <= 1 && (!done || names == [file.as_str()]),
                        "{file}: {names:?}"
                    );
                }
                done
            }
            Asked::Command(message, own) => {
                let done = self.end_of(*message).await.expect("it has an end");
                let ran = std::fs::read_to_string(self.workspace(*own).join("ran.txt"));
                let times = ran.unwrap_or_default().lines().count();
                assert!(times <= 1 && (!done || times == 1), "it ran {times} times");
                done
            }
            Asked::New(interaction) => {
                let is_acknowledged = |world: &World| world.interaction(*interaction)?.answer.clone();
                if self.fake.look(is_acknowledged).is_none() {
                    // Whoever typed it saw that it failed.
                    return false;
                }
                let (asks, words) = (format!("say: word {number}."), format!("word {number}."));
                let found = self.patiently("what was typed for a new thread", |world| {
                    world.threads(self.channel).iter().find_map(|thread| {
                        let said = world.messages(thread.id);
                        let has = |fits: &dyn Fn(&str) -> bool| said.iter().any(|said| fits(&said.content));
                        let is_answered = has(&|said| said.starts_with(&words));
                        let is_ours = has(&|said| said.contains(&asks));
                        let is_over = is_answered || said.iter().any(|said| said.button("Retry").is_some());
                        (is_ours && is_over).then_some(is_answered)
                    })
                });
                found.await.unwrap_or_else(|| {
                    let threads = self.fake.look(|world| {
                        let threads = world.threads(self.channel);
                        threads.iter().map(|thread| thread.id).collect::<Vec<_>>()
                    });
                    let said = threads.into_iter().map(|thread| self.fake.said(thread));
                    let log = self.host.as_ref().map(Host::told).unwrap_or_default();
                    panic!(
                        "word {number} became no thread: {:#?}\n{log}",
                        said.collect::<Vec<_>>()
                    )
                })
            }
        }
    }

    /// The end of a turn, if it comes: whether it was done.
    async fn end_of(&self, message: Id) -> Option<bool> {
        let bot = self.fake.bot();
        self.patiently("an end of each turn", |world| {
            let message = world.message(message)?;
            let ends = ["✅", "❌"].map(|sign| message.has_reaction(sign, bot));
            ends.contains(&true).then_some(ends[0])
        })
        .await
    }

    /// Waits until the host has written down that all is told: one that is killed before that edits it all once more, each
    /// message in its second.
    pub(super) async fn rests(&self, thread: Id) {
        self.rests_as(thread, "done").await;
    }

    /// The same, and how it is told then.
    pub(super) async fn rests_as(&self, thread: Id, rest: &str) {
        let told = self.told_file(thread);
        for _ in 0..1200 {
            if std::fs::read_to_string(&told).is_ok_and(|told| told.ends_with(rest)) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the thread never comes to rest");
    }

    /// Waits for the end of a turn; whether it was answered. Then the answer is there.
    async fn is_answered(&self, thread: Id, number: u64, message: Id) -> bool {
        let done = self.end_of(message).await;
        let Some(done) = done else {
            let kept = Conversation::open_without_recovery(self.scene.folder()).expect("it can be looked at");
            let waiting = kept.waiting_deliveries("discord").await;
            let told = self.host.as_ref().map(Host::told);
            panic!(
                "word {number} has no end: {waiting:#?}\n{}",
                told.unwrap_or_default()
            );
        };
        let words = format!("word {number}.");
        // Its sign comes only when all of it stands there.
        let said = self.fake.said(thread);
        if done && !said.iter().any(|said| said.contains(&words)) {
            let kept = self.answers(thread).await;
            panic!("{words} is signed and not there: {said:#?}; kept: {kept:?}");
        }
        done
    }
}

#[tokio::test]
async fn a_thread_that_is_deleted_in_mid_answer_stops_nothing_else() {
    let stage = Stage::start("", "").await;
    let (_, thread) = stage.mention(&stage.alice, "stream 200 words").await;
    stage.said(thread, "the beginning", |_| true).await;
    stage.guild.member("g-owner").deletes_channel(thread);
    let (message, thread) = stage.mention(&stage.alice, "say: still here").await;
    stage.said(thread, "the answer", with("still here")).await;
    stage.sign(message, "✅").await;
}

impl Stage {
    /// Something that can't be said now, and waits for that.
    async fn waits_to_be_said(&self, thread: Id) {
        let down = Fault::status(502).on("POST", "/channels/*/messages");
        self.fake.inject(down.times(1000));
        self.alice.says(thread, "say: never to be said");
        self.waiting(1).await;
    }

    /// Waits until the host has forgotten how far it had told a thread.
    async fn keeps_nothing_of(&self, thread: Id) {
        let told = self.told_file(thread);
        until(async || (!told.exists()).then_some(())).await;
    }

    /// Waits until so many messages wait to be said.
    async fn waiting(&self, count: usize) {
        for _ in 0..1200 {
            let kept = Conversation::open_without_recovery(self.scene.folder()).expect("it can be looked at");
            let waiting = kept.waiting_deliveries("discord").await.expect("it can be read");
            let stuck = kept.stuck_deliveries(None, 10).await.expect("it can be read");
            if waiting.len() + stuck.len() == count {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("there are never {count}");
    }
}

#[tokio::test]
async fn what_waits_for_a_thread_or_channel_that_is_deleted_is_given_up_at_once_and_told_once() {
    for with_its_channel in [false, true] {
        let stage = Stage::start("", "").await;
        let (message, thread) = stage.mention(&stage.alice, "say: hi").await;
        stage.sign(message, "✅").await;
        stage.waits_to_be_said(thread).await;
        let gone = if with_its_channel { stage.channel } else { thread };
        stage.guild.member("g-owner").deletes_channel(gone);
        let mut told = stage.logged("what was to be said in it is given up").await;
        stage.waiting(0).await;
        let status = stage.prints(&["status"]).await;
        assert!(status.contains("0 messages to be said"), "{status}");
        told.push_str(&stage.host.as_ref().map(Host::told).unwrap_or_default());
        assert_eq!(told.matches("is not there any more").count(), 1, "{told}");
        stage.keeps_nothing_of(thread).await;
    }
}

#[tokio::test]
async fn a_thread_or_channel_that_is_deleted_while_a_turn_runs_is_told_once_with_where_its_answer_is() {
    for with_its_channel in [false, true] {
        let stage = Stage::start("", "").await;
        let (_, thread) = stage.mention(&stage.alice, "hold\nsay: to nobody").await;
        stage.scene.wait(Counter::ModelRequests, 1).await;
        let gone = if with_its_channel { stage.channel } else { thread };
        stage.guild.member("g-owner").deletes_channel(gone);
        let mut told = stage.logged("is not there any more").await;
        stage
            .going(until(async || {
                stage.answers(thread).await.contains("to nobody").then_some(())
            }))
            .await;
        let (message, next) = if with_its_channel {
            let channel = stage.guild.channel("another");
            stage.mention_in(channel, &stage.alice, "say: still here").await
        } else {
            stage.mention(&stage.alice, "say: still here").await
        };
        stage.is_whole(message, next, "still here").await;
        told.push_str(&stage.host.as_ref().map(Host::told).unwrap_or_default());
        assert_eq!(told.matches("is not there any more").count(), 1, "{told}");
        let shows = format!("threads show discord:{thread}");
        assert!(told.contains(&shows), "{told}");
        stage.keeps_nothing_of(thread).await;
    }
}

#[tokio::test]
async fn what_waits_for_a_thread_that_was_deleted_while_no_host_ran_is_given_up_by_the_next_one() {
    let mut stage = Stage::start("", "").await;
    let (message, thread) = stage.mention(&stage.alice, "say: hi").await;
    stage.sign(message, "✅").await;
    stage.waits_to_be_said(thread).await;
    stage.kill();
    stage.guild.member("g-owner").deletes_channel(thread);
    stage.fake.forget_faults();
    stage.up().await;
    stage.waiting(0).await;
    let next = stage.mention(&stage.alice, "say: still here").await;
    stage.sign(next.0, "✅").await;
}

#[tokio::test]
async fn a_sign_that_an_earlier_host_set_does_not_stay_beside_another_one() {
    let mut stage = Stage::start("", "").await;
    let (message, _) = stage.mention(&stage.alice, "run: true").await;
    stage.sign(message, "✋").await;
    stage.kill();
    stage.up().await;
    stage.sign(message, "❌").await;
    let bot = stage.fake.bot();
    let only_one = |world: &World| {
        let message = world.message(message)?;
        let others = ["✋", "👀"].map(|sign| message.has_reaction(sign, bot));
        (others == [false, false]).then_some(())
    };
    stage.fake.until("that it is the only one", only_one).await;
}

#[tokio::test]
async fn a_sign_that_can_not_be_set_for_a_moment_is_set_then() {
    let stage = Stage::start("", "").await;
    let trouble = Fault::status(502).on("PUT", "/channels/*/messages/*/reactions/✅/@me");
    stage.fake.inject(trouble.times(2));
    let (message, _) = stage.mention(&stage.alice, "say: hi").await;
    stage.sign(message, "✅").await;
    assert_eq!(stage.fake.faults_left(), 0);
}

#[tokio::test]
async fn a_missing_intent_is_told_with_the_page_to_open() {
    let stage = Stage::ready("", "").await;
    stage.fake.set_privileged(0);
    let host = stage.start_only();
    let told = said_in_log(&host, "Message Content Intent").await;
    assert!(
        told.contains("4014") && told.contains("discord.com/developers"),
        "{told}"
    );
    assert_eq!(host.stop(), Some(0), "the web chat goes on");
}

#[tokio::test]
async fn a_token_that_is_not_valid_is_told_and_never_shown() {
    let mut stage = Stage::ready("token_env = \"OTHER_TOKEN\"", "").await;
    stage.token = (
        "OTHER_TOKEN",
        "MTAx.wrong0.this-token-is-not-valid-anywhere".to_owned(),
    );
    let host = stage.start_only();
    let told = said_in_log(&host, "does not know the token").await;
    assert!(told.contains("OTHER_TOKEN"), "{told}");
    assert!(!told.contains("not-valid-anywhere"), "{told}");
    assert_eq!(host.stop(), Some(0), "the web chat goes on");
}

#[tokio::test]
async fn a_demo_connects_to_no_discord() {
    let stage = Stage::ready("", "").await;
    let home = tempfile::tempdir().expect("a folder can be made");
    std::fs::write(home.path().join("token"), stage.fake.token()).expect("it can be written");
    let config = format!(
        "[discord]\ntoken_file = \"token\"\napi_base = \"{}\"\ngateway_url = \"{}\"\n",
        stage.fake.api_base(),
        stage.fake.gateway_url()
    );
    std::fs::write(home.path().join("config.toml"), config).expect("it can be written");
    let host = Host::demo(home.path(), 0, &[]);
    assert_eq!(host.stop(), Some(0));
    assert!(stage.fake.requests().is_empty(), "{:?}", stage.fake.requests());
}

#[tokio::test]
async fn a_permission_that_is_missing_is_told_in_the_channel() {
    let stage = Stage::start("", "").await;
    let deny = support::discord::permissions::CREATE_PUBLIC_THREADS;
    stage.guild.overwrite(stage.channel, stage.fake.bot(), 0, deny);
    let text = format!("{} say: hi", stage.fake.bot().mention());
    let asked = stage.alice.says(stage.channel, &text);
    let fits =
        |said: &Message| said.reply_to == Some(asked) && said.content.contains("Create Public Threads");
    stage.said(stage.channel, "what is missing", fits).await;
}

#[tokio::test]
async fn nobody_is_pinged_by_what_an_agent_says() {
    let stage = Stage::start("", "").await;
    let text = format!("say: @everyone {} look", stage.alice.mention());
    let (message, thread) = stage.mention(&stage.alice, &text).await;
    stage.sign(message, "✅").await;
    let said = stage.said(thread, "the answer", with("look")).await;
    let pings = format!("{:?}", said.pings);
    assert!(!pings.contains(&stage.alice.id.to_string()), "{pings}");
    assert!(!said.content.contains("@everyone"), "{}", said.content);
    // Its words alone call nobody. Were they others, Discord would be told not to.
    let all = stage.fake.messages(thread);
    let ours = |said: &&Message| said.author == stage.fake.bot() && !said.is_note();
    for said in all.iter().filter(ours) {
        assert_eq!(
            said.allowed_mentions,
            Some(json!({ "parse": [] })),
            "{}",
            said.content
        );
    }
}

pub(super) async fn said_in_log(host: &Host, words: &str) -> String {
    let mut told = String::new();
    for _ in 0..1200 {
        told.push_str(&host.told());
        if told.contains(words) {
            return told;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("it was not told: {told}");
}
