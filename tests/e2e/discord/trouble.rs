//! What goes wrong: kills at any moment, threads that vanish, doors that stay shut.

use std::io::Write as _;
use std::time::Duration;

use conversation::Conversation;
use support::Host;
use support::discord::{Fault, Id, Message};

use super::{Stage, with};

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

#[tokio::test]
async fn killed_at_any_moment_no_message_is_lost_and_none_is_said_twice() {
    let mut chance = Chance::new();
    let mut stage = Stage::start("", "").await;
    let (first, thread) = stage.mention(&stage.alice, "say: word 0.").await;
    stage.sign(first, "✅").await;
    let (mut asked, mut answered) = (vec![], 0);
    for number in 1..=kills() {
        if let Some(fault) = trouble(&mut chance) {
            stage.fake.inject(fault);
        }
        asked.push((number, stage.alice.says(thread, &format!("say: word {number}."))));
        // Within all that a turn takes.
        tokio::time::sleep(Duration::from_millis(chance.below(500))).await;
        stage.kill();
        // Every nonce is forgotten.
        if chance.below(3) == 0 {
            stage.fake.clock().advance(Duration::from_mins(5));
        }
        stage.up().await;
        if number % KILLS == 0 || number == kills() {
            for (number, message) in asked.drain(..) {
                answered += u64::from(stage.is_answered(thread, number, message).await);
            }
            stage.rests(thread).await;
        }
    }
    // In every life of a host once more: what is there stays there, once.
    let said = stage.fake.said(thread);
    for number in 1..=kills() {
        let words = format!("word {number}.");
        let count = said.iter().filter(|said| said.contains(&words)).count();
        assert!(count <= 1, "{words} is there {count} times: {said:?}");
    }
    println!(
        "{} kills, {answered} answered, {} cut and told, {} lost answers to come",
        kills(),
        kills() - answered,
        stage.fake.faults_left()
    );
}

impl Stage {
    /// Waits until the host has written down that all is told: one that is killed before that edits it all once more, each
    /// message in its second.
    async fn rests(&self, thread: Id) {
        let told = self.scene.folder().join(format!("discord/threads/{thread}"));
        for _ in 0..600 {
            if std::fs::read_to_string(&told).is_ok_and(|told| told.ends_with("done")) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the thread never comes to rest");
    }

    /// Waits for the end of a turn; whether it was answered. Then the answer is there.
    async fn is_answered(&self, thread: Id, number: u64, message: Id) -> bool {
        let bot = self.fake.bot();
        let end = || {
            self.fake.until("an end of each turn", |world| {
                let message = world.message(message)?;
                let ends = ["✅", "❌"].map(|sign| message.has_reaction(sign, bot));
                ends.contains(&true).then_some(ends[0])
            })
        };
        // A little before the fake gives up, again: after several failures in a row the pauses are long.
        let mut done = None;
        for _ in 0..4 {
            if done.is_none() {
                done = tokio::time::timeout(Duration::from_secs(29), end()).await.ok();
            }
        }
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

#[tokio::test]
async fn a_sign_that_can_not_be_set_for_a_moment_is_set_then() {
    let stage = Stage::start("", "").await;
    let trouble = Fault::status(502).on("PUT", "/channels/*/messages/*/reactions/*/@me");
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
}

pub(super) async fn said_in_log(host: &Host, words: &str) -> String {
    let mut told = String::new();
    for _ in 0..600 {
        told.push_str(&host.told());
        if told.contains(words) {
            return told;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("it was not told: {told}");
}
