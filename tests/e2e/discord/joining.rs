//! What is said while the bot comes: before its session has begun, and where it does not see yet.

use support::discord::{GuildScene, Id};

use super::{Stage, with};
use crate::threads::until;

impl Stage {
    /// Starts the host, and waits until only READY is missing.
    pub(super) async fn up_to_the_door(&mut self) {
        self.fake.gateway().hold_ready();
        self.host = Some(self.start_only());
        let waits = |world: &support::discord::World| (world.gateway().waiting() == 1).then_some(());
        self.fake.until("an identify", waits).await;
    }

    /// A guild of another shard than the first one's, where there are two.
    pub(super) fn guild_of_other_shard(&self) -> GuildScene {
        let guilds = (0..).map(|number| self.fake.guild(&format!("guild {number}")));
        let mut others = guilds.filter(|guild| shard(guild.id) != shard(self.guild.id));
        others.next().expect("every other id is of the other shard")
    }

    /// Something that alice says in a second guild after the host was killed, where a thread of hers is.
    async fn misses(&mut self, other: &GuildScene) -> (Id, Id) {
        let away = self.thread_in(other).await;
        let (_, near) = self.mention(&self.alice, "say: hello").await;
        self.said(near, "the answer", with("hello")).await;
        self.kill();
        (away, self.alice.says(away, "say: not forgotten"))
    }

    /// Waits until it is written down that all was dealt with that was said in the first guild up to a message.
    pub(super) async fn is_done_with(&self, message: Id) {
        let file = self.scene.folder().join("discord/seen");
        let seen = until(async || {
            let marks = std::fs::read_to_string(&file).ok()?;
            let of = format!("{}:", self.guild.id);
            let upto: u64 = marks
                .lines()
                .find_map(|line| line.strip_prefix(&of))?
                .parse()
                .ok()?;
            (upto >= message.0).then_some(())
        });
        seen.await;
    }

    /// Waits until the host hears what is said in the first guild.
    pub(super) async fn hears(&self) -> Id {
        let (heard, _) = self.mention(&self.alice, "say: heard at once").await;
        self.sign(heard, "✅").await;
        heard
    }

    /// A thread that alice opens in a guild.
    pub(super) async fn thread_in(&self, other: &GuildScene) -> Id {
        other.admit(&self.alice);
        let channel = other.channel("lounge");
        let words = format!("{} say: here, too", self.fake.bot().mention());
        let asked = self.alice.says(channel, &words);
        self.sign(asked, "✅").await;
        let thread = self
            .fake
            .look(|world| world.message(asked).and_then(|one| one.thread));
        thread.expect("it was opened")
    }

    /// Waits until a message is signed; then these words stand in its thread once.
    pub(super) async fn answered_once(&self, asked: Id, thread: Id, words: &str) {
        self.sign(asked, "✅").await;
        let said = self.fake.said(thread);
        let count = said.iter().filter(|said| said.contains(words)).count();
        assert_eq!(count, 1, "{said:?}");
    }
}

#[tokio::test]
async fn what_is_said_while_the_bot_connects_for_the_first_time_is_answered_once() {
    let mut stage = Stage::ready("", "").await;
    stage.up_to_the_door().await;
    let words = format!("{} say: early bird", stage.fake.bot().mention());
    let early = stage.alice.says(stage.channel, &words);
    stage.fake.gateway().release_ready();
    // Comes live, as the first thing after the beginning of the session.
    let (late, other) = stage.mention(&stage.alice, "say: late bird").await;
    stage.sign(early, "✅").await;
    let thread = stage
        .fake
        .look(|world| world.message(early).and_then(|one| one.thread));
    stage
        .answered_once(early, thread.expect("it was opened"), "early bird")
        .await;
    stage.answered_once(late, other, "late bird").await;
}

#[tokio::test]
async fn what_is_said_between_two_hosts_and_while_the_second_connects_is_answered_in_order() {
    let mut stage = Stage::start("", "").await;
    let (first, thread) = stage.mention(&stage.alice, "say: one").await;
    stage.sign(first, "✅").await;
    stage.kill();
    let second = stage.alice.says(thread, "say: two");
    stage.up_to_the_door().await;
    let third = stage.alice.says(thread, "say: three");
    stage.fake.gateway().release_ready();
    let fourth = stage.alice.says(thread, "say: four");
    for (asked, words) in [(second, "two"), (third, "three"), (fourth, "four")] {
        stage.answered_once(asked, thread, words).await;
    }
    assert_eq!(stage.answers(thread).await, "one\ntwo\nthree\nfour");
}

/// The shard of a guild, of two.
pub(super) fn shard(guild: Id) -> u64 {
    (guild.0 >> 22) % 2
}

#[tokio::test]
async fn what_was_missed_in_a_guild_that_comes_late_is_answered_however_much_is_said_elsewhere() {
    let mut stage = Stage::start("", "").await;
    let other = stage.fake.guild("elsewhere");
    let (away, missed) = stage.misses(&other).await;
    stage.fake.gateway().guild_is_away(other.id);
    stage.up().await;
    stage.hears().await;
    stage.fake.gateway().guild_is_back(other.id);
    stage.answered_once(missed, away, "not forgotten").await;
}

#[tokio::test]
async fn what_was_missed_in_a_guild_that_was_away_for_the_life_of_a_host_is_answered_by_the_next() {
    let mut stage = Stage::start("", "").await;
    let other = stage.fake.guild("elsewhere");
    let (away, missed) = stage.misses(&other).await;
    stage.fake.gateway().guild_is_away(other.id);
    stage.up().await;
    stage.hears().await;
    // A host that ends politely writes down last what it has seen.
    assert_eq!(stage.stop(), Some(0));
    stage.fake.gateway().guild_is_back(other.id);
    stage.up().await;
    stage.answered_once(missed, away, "not forgotten").await;
}

#[tokio::test]
async fn a_guild_that_throws_the_bot_out_before_it_tells_what_is_new_holds_nothing_back() {
    let mut stage = Stage::start("", "").await;
    let other = stage.fake.guild("elsewhere");
    stage.misses(&other).await;
    stage.fake.gateway().guild_is_away(other.id);
    stage.up().await;
    other.expel_bot();
    let (heard, _) = stage.mention(&stage.alice, "say: heard at once").await;
    stage.sign(heard, "✅").await;
    stage.is_done_with(heard).await;
}

#[tokio::test]
async fn what_was_missed_in_a_shard_that_comes_late_is_answered_however_much_another_hears() {
    let mut stage = Stage::start("shards = { first = 0, last = 1, total = 2 }", "").await;
    let other = stage.guild_of_other_shard();
    let (away, missed) = stage.misses(&other).await;
    stage.fake.gateway().hold_ready_of(shard(other.id));
    stage.up().await;
    stage.hears().await;
    stage.fake.gateway().release_ready();
    stage.answered_once(missed, away, "not forgotten").await;
}

#[tokio::test]
async fn what_was_said_in_a_guild_while_it_was_out_of_order_is_answered_however_much_others_tell() {
    let stage = Stage::start("", "").await;
    let other = stage.fake.guild("elsewhere");
    let away = stage.thread_in(&other).await;
    stage.fake.gateway().guild_breaks(other.id);
    let missed = stage.alice.says(away, "say: not forgotten");
    stage.hears().await;
    stage.fake.gateway().guild_is_back(other.id);
    stage.answered_once(missed, away, "not forgotten").await;
}
