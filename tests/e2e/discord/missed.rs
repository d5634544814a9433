//! What was said while no host listened, and what Discord does not let it do at once: nothing of it is lost, and nothing is
//! read that is nothing to the bot.

use std::time::Duration;

use rehearsal::Counter;
use serde_json::json;
use support::discord::{Fault, Id, Person, Post, Seen, permissions};

use super::{Stage, with};
use crate::threads::until;

impl Stage {
    /// Somebody mentions the bot in the channel. The message.
    pub(super) fn mentioned_by(&self, who: &Person, text: &str) -> Id {
        who.says(self.channel, &format!("{} {text}", self.fake.bot().mention()))
    }

    /// A thread of alice's that was answered; then the host was killed.
    pub(super) async fn killed_after_a_turn(&mut self) -> Id {
        let (first, thread) = self.mention(&self.alice, "say: hello").await;
        self.sign(first, "✅").await;
        self.is_done_with(first).await;
        self.kill();
        thread
    }

    /// The same after one more.
    async fn killed_after_two_turns(&mut self) -> [Id; 2] {
        let (first, other) = self.mention(&self.alice, "say: hi").await;
        self.sign(first, "✅").await;
        [other, self.killed_after_a_turn().await]
    }

    /// What was said to nobody is answered by the host that follows, once marks may have moved beyond it.
    async fn is_heard_by_the_next_host(&mut self, told_nobody: Id, place: Id) {
        self.hears_nothing_more().await;
        self.kill();
        self.fake.gateway().release_ready();
        self.up().await;
        self.sign(told_nobody, "✅").await;
        assert_eq!(self.answers(place).await, "hello\ntold nobody");
    }

    /// Its session is over, and another one is not ready until that is released.
    pub(super) async fn loses_its_session(&self) {
        self.fake.gateway().hold_ready();
        self.fake.gateway().invalidate_sessions(false);
        let waits = |world: &support::discord::World| (world.gateway().waiting() == 1).then_some(());
        self.fake.until("an identify", waits).await;
    }

    /// Waits until Discord holds back what it was to answer.
    pub(super) async fn is_held(&self) {
        while self.fake.faults_left() > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Gives the host the time in which it writes down what it has seen. (Nothing is told of what it rightly does not.)
    pub(super) async fn hears_nothing_more(&self) {
        tokio::time::sleep(Duration::from_millis(1200)).await;
    }

    /// The thread that was opened from a message.
    pub(super) async fn thread_of(&self, message: Id) -> Id {
        let opened = |world: &support::discord::World| world.message(message)?.thread;
        self.fake.until("a thread", opened).await
    }

    fn opened_by_new(&self, than: &[Id]) -> Vec<Id> {
        self.fake.look(|world| {
            let threads = world.threads(self.channel);
            let ids = threads.iter().map(|thread| thread.id);
            ids.filter(|id| !than.contains(id)).collect()
        })
    }

    /// Waits until something that was typed became one answered thread, which shows once what it was.
    async fn one_new_thread(&self, than: &[Id], words: &str) {
        let bot = self.fake.bot();
        let thread = self
            .fake
            .until("the answer", |world| {
                let threads = world.threads(self.channel);
                let mut ids = threads.iter().map(|one| one.id).filter(|id| !than.contains(id));
                ids.find(|id| {
                    let said = world.messages(*id);
                    said.iter()
                        .any(|one| one.author == bot && one.content.starts_with(words))
                })
            })
            .await;
        let shown = count(&self.fake.said(thread), &format!("say: {words}"));
        assert_eq!(shown, 1, "{:?}", self.fake.said(thread));
        // What is shown already is written down a moment later.
        until(async || (self.answers(thread).await == words).then_some(())).await;
        assert_eq!(self.opened_by_new(than), [thread]);
    }
}

fn count(said: &[String], words: &str) -> usize {
    said.iter().filter(|said| said.contains(words)).count()
}

fn is_reading(seen: &Seen) -> bool {
    seen.method == "GET" && seen.path.ends_with("/messages")
}

#[tokio::test]
async fn the_newest_of_more_than_a_thousand_missed_messages_is_answered() {
    let mut stage = Stage::start("", "").await;
    stage.killed_after_a_turn().await;
    let talker = stage.guild.member("talker");
    let oldest = stage.mentioned_by(&stage.alice, "say: the oldest");
    for number in 0..1005 {
        talker.says(stage.channel, &format!("chat {number}"));
    }
    let newest = stage.mentioned_by(&stage.alice, "say: the newest");
    stage.up().await;
    let live = stage.mentioned_by(&stage.alice, "say: live");
    for asked in [oldest, newest, live] {
        stage.sign(asked, "✅").await;
    }
}

#[tokio::test]
async fn only_threads_and_allowed_channels_that_it_sees_are_read() {
    let mut stage = Stage::ready("", "").await;
    stage.settings = format!("allowed_channels = [{}]", stage.channel);
    let talker = stage.guild.member("g-owner");
    let deny = |channel: Id, what| stage.guild.overwrite(channel, stage.fake.bot(), 0, what);
    let others: Vec<Id> = (0..20)
        .map(|number| stage.guild.channel(&format!("other-{number}")))
        .collect();
    for hidden in &others[10..] {
        deny(*hidden, permissions::VIEW_CHANNEL);
    }
    stage.up().await;
    let thread = stage.killed_after_a_turn().await;
    for other in &others {
        talker.says(*other, "something private");
    }
    let missed = stage.alice.says(thread, "say: read");
    let before = stage.fake.requests().len();
    stage.up().await;
    stage.sign(missed, "✅").await;
    let requests = stage.fake.requests();
    let read: Vec<&Seen> = requests[before..]
        .iter()
        .filter(|seen| is_reading(seen))
        .collect();
    let elsewhere = |seen: &&&Seen| others.iter().any(|other| seen.path.contains(&other.to_string()));
    assert_eq!(read.iter().filter(elsewhere).count(), 0, "{read:?}");
    assert!(requests[before..].iter().all(|seen| seen.status != 403));
}

#[tokio::test]
async fn hidden_channels_are_not_read_where_every_channel_is_allowed() {
    let mut stage = Stage::start("", "").await;
    let talker = stage.guild.member("g-owner");
    let hidden = stage.guild.channel("hidden");
    stage
        .guild
        .overwrite(hidden, stage.fake.bot(), 0, permissions::VIEW_CHANNEL);
    let thread = stage.killed_after_a_turn().await;
    talker.says(hidden, "something private");
    let missed = stage.alice.says(thread, "say: read");
    stage.up().await;
    stage.sign(missed, "✅").await;
    let requests = stage.fake.requests();
    let asked = |seen: &&Seen| seen.path.contains(&hidden.to_string());
    assert_eq!(requests.iter().filter(asked).count(), 0);
}

#[tokio::test]
async fn a_thread_that_was_put_away_meanwhile_is_read() {
    let mut stage = Stage::start("", "").await;
    let thread = stage.killed_after_a_turn().await;
    let missed = stage.alice.says(thread, "say: before it was put away");
    stage.manager().archives(thread, true);
    stage.up().await;
    stage.sign(missed, "✅").await;
    assert_eq!(stage.answers(thread).await, "hello\nbefore it was put away");
}

#[tokio::test]
async fn a_thread_that_wakes_before_it_was_found_put_away_is_read_first() {
    let mut stage = Stage::start("", "").await;
    let thread = stage.killed_after_a_turn().await;
    let missed = stage.alice.says(thread, "say: before it was put away");
    stage.manager().archives(thread, true);
    // Which threads were put away is not found out.
    let looks = Fault::status(503).on("GET", "/channels/*/threads/archived/public");
    stage.fake.inject(looks.times(1_000));
    stage.up().await;
    let live = stage.alice.says(thread, "say: live");
    stage.sign(live, "✅").await;
    stage.sign(missed, "✅").await;
    assert_eq!(stage.answers(thread).await, "hello\nbefore it was put away\nlive");
}

#[tokio::test]
async fn a_thread_that_the_host_itself_wakes_before_it_was_found_put_away_is_read() {
    let mut stage = Stage::start("", "").await;
    let (cut, thread) = stage.mention(&stage.alice, "hold\nsay: never").await;
    stage.scene.wait(Counter::ModelRequests, 1).await;
    stage.kill();
    let missed = stage.alice.says(thread, "say: before it was put away");
    stage.manager().archives(thread, true);
    // Which threads were put away is not found out before that the turn was cut is told.
    let looks = Fault::status(503).on("GET", "/channels/*/threads/archived/public");
    stage.fake.inject(looks.times(1_000));
    stage.up().await;
    stage.sign(cut, "❌").await;
    stage.sign(missed, "✅").await;
    assert_eq!(stage.answers(thread).await, "before it was put away");
}

#[tokio::test]
async fn a_thread_that_was_open_in_the_session_before_and_wakes_put_away_is_read_first() {
    let mut stage = Stage::ready("", "").await;
    // Which threads were put away is not found out in any session.
    let looks = Fault::status(503).on("GET", "/channels/*/threads/archived/public");
    stage.fake.inject(looks.times(1_000));
    stage.up().await;
    let (first, thread) = stage.mention(&stage.alice, "say: hello").await;
    stage.sign(first, "✅").await;
    stage.loses_its_session().await;
    let missed = stage.alice.says(thread, "say: before it was put away");
    stage.manager().archives(thread, true);
    stage.fake.gateway().release_ready();
    stage.hears().await;
    let live = stage.alice.says(thread, "say: live");
    stage.sign(live, "✅").await;
    stage.sign(missed, "✅").await;
    assert_eq!(stage.answers(thread).await, "hello\nbefore it was put away\nlive");
}

#[tokio::test]
async fn what_was_read_of_one_thread_is_not_taken_for_what_was_heard_of_another() {
    let mut stage = Stage::start("", "").await;
    let [other, thread] = stage.killed_after_two_turns().await;
    stage.manager().archives(thread, true);
    let missed = stage.alice.says(other, "say: missed");
    let path = format!("/channels/{other}/messages");
    stage.fake.inject(Fault::held().on("GET", &path));
    stage.up().await;
    stage.is_held().await;
    // The session is over before what was missed is read, and no other begins.
    stage.loses_its_session().await;
    let told_nobody = stage.alice.says(thread, "say: told nobody");
    let read = stage.alice.says(other, "say: read");
    stage.fake.let_go().await;
    for message in [missed, read] {
        stage.sign(message, "✅").await;
    }
    stage.is_heard_by_the_next_host(told_nobody, thread).await;
}

#[tokio::test]
async fn that_a_thread_was_found_empty_is_not_taken_for_what_was_heard_of_another() {
    let mut stage = Stage::start("", "").await;
    let [other, thread] = stage.killed_after_two_turns().await;
    let looks = Fault::held().on("GET", "/channels/*/threads/archived/public");
    stage.fake.inject(looks);
    stage.up().await;
    stage.is_held().await;
    stage.loses_its_session().await;
    let told_nobody = stage.alice.says(thread, "say: told nobody");
    // The newest of a thread that was put away is not there any more, and is still named as that.
    let deleted = stage.alice.says(other, "say: never");
    stage.alice.deletes(deleted);
    stage.manager().archives(other, true);
    stage.fake.let_go().await;
    let read = format!("/channels/{other}/messages");
    let is_read = |seen: &[Seen]| seen.iter().find(|one| one.path.contains(&read)).map(drop);
    stage.fake.until_requested("the thread put away", is_read).await;
    stage.is_heard_by_the_next_host(told_nobody, thread).await;
}

#[tokio::test]
async fn what_was_read_of_one_direct_conversation_is_not_taken_for_what_was_heard_of_another() {
    let mut stage = Stage::start("dms = true\neveryone = true", "").await;
    let bob = stage.guild.member("bob");
    let of = [stage.alice.direct(), bob.direct()];
    for (who, direct) in [&stage.alice, &bob].into_iter().zip(of) {
        let first = who.says(direct, "say: hello");
        stage.sign(first, "✅").await;
    }
    stage.hears_nothing_more().await;
    stage.kill();
    let [of_alice, of_bob] = of.map(|direct| format!("/channels/{direct}/messages"));
    stage.fake.inject(Fault::held().on("GET", &of_alice));
    stage.up().await;
    stage.is_held().await;
    let is_read = |seen: &[Seen]| {
        seen.iter()
            .find(|one| one.path == of_bob && one.method == "GET")
            .map(drop)
    };
    stage.fake.until_requested("what bob said", is_read).await;
    stage.hears_nothing_more().await;
    stage.loses_its_session().await;
    let told_nobody = bob.says(of[1], "say: told nobody");
    let read = stage.alice.says(of[0], "say: read");
    stage.fake.let_go().await;
    stage.sign(read, "✅").await;
    stage.is_heard_by_the_next_host(told_nobody, of[1]).await;
}

#[tokio::test]
async fn a_thread_is_found_behind_a_hundred_that_were_put_away_after_it() {
    let mut stage = Stage::start("", "").await;
    let thread = stage.killed_after_a_turn().await;
    let missed = stage.alice.says(thread, "say: before it was put away");
    stage.manager().archives(thread, true);
    for number in 0..100 {
        let quiet = stage
            .alice
            .starts_thread(stage.channel, &format!("quiet {number}"), None);
        stage.manager().archives(quiet, true);
    }
    stage.up().await;
    stage.sign(missed, "✅").await;
    assert_eq!(stage.answers(thread).await, "hello\nbefore it was put away");
}

#[tokio::test]
async fn a_forum_which_has_no_messages_is_not_read() {
    let mut stage = Stage::start("", "").await;
    let forum = stage.guild.forum("questions");
    let thread = stage.killed_after_a_turn().await;
    let post = stage.alice.posts_in_forum(
        forum,
        "How do I X?",
        &format!("{} say: so", stage.fake.bot().mention()),
    );
    let missed = stage.alice.says(thread, "say: read");
    let before = stage.fake.requests().len();
    stage.up().await;
    for asked in [missed, post] {
        stage.sign(asked, "✅").await;
    }
    let of_forum = format!("/channels/{forum}/messages");
    let requests = stage.fake.requests();
    let read: Vec<&Seen> = requests[before..]
        .iter()
        .filter(|seen| seen.path.contains(&of_forum))
        .collect();
    assert!(read.is_empty(), "{read:?}");
}

#[tokio::test]
async fn a_private_thread_that_was_put_away_meanwhile_is_read_and_one_that_was_never_served() {
    let mut stage = Stage::start("", "").await;
    let name = stage.fake.bot().mention();
    let private = stage.alice.starts_private_thread(stage.channel, "between us");
    let asked = stage.alice.says(private, &format!("{name} say: hello"));
    stage.sign(asked, "✅").await;
    stage.hears_nothing_more().await;
    stage.kill();
    let missed = stage.alice.says(private, "say: before it was put away");
    let other = stage.alice.starts_thread(stage.channel, "another", None);
    let called = stage.alice.says(other, &format!("{name} say: called"));
    stage.manager().archives(private, true);
    stage.manager().archives(other, true);
    stage.up().await;
    stage.sign(missed, "✅").await;
    stage.sign(called, "✅").await;
    assert_eq!(stage.answers(private).await, "hello\nbefore it was put away");
    assert_eq!(stage.answers(other).await, "called");
}

#[tokio::test]
async fn what_can_not_be_read_for_want_of_a_permission_is_told_in_the_log() {
    let mut stage = Stage::start("", "").await;
    let thread = stage.killed_after_a_turn().await;
    let history = permissions::READ_MESSAGE_HISTORY;
    stage.guild.overwrite(stage.channel, stage.fake.bot(), 0, history);
    stage.alice.says(thread, "say: missed");
    stage.up().await;
    stage.logged("lacks the permission Read Message History").await;
}

#[tokio::test]
async fn a_message_that_can_not_be_dealt_with_is_tried_and_told_until_it_is() {
    let stage = Stage::start("", "").await;
    let place = "/channels/*/messages/*/threads";
    stage.fake.inject(Fault::status(502).on("POST", place).times(3));
    let first = stage.mentioned_by(&stage.alice, "say: first");
    stage.is_tried().await;
    let status = stage.prints(&["status"]).await;
    assert!(
        status.contains("1 message of Discord could not be dealt with yet"),
        "{status}"
    );
    stage.sign(first, "✅").await;
    let status = stage.prints(&["status"]).await;
    assert!(!status.contains("could not be dealt with"), "{status}");
}

#[tokio::test]
async fn what_was_typed_for_a_new_thread_survives_a_kill_at_each_step() {
    for path in ["/channels/*/threads", "/channels/*/messages"] {
        for fault in [Fault::slow(Duration::from_secs(20)), Fault::answer_lost()] {
            let mut stage = Stage::start("", "").await;
            let thread = stage.thread_of_a_turn().await;
            stage.fake.inject(fault.on("POST", path));
            let text = [("text", json!("say: from new"))];
            stage.alice.slash(stage.channel, "new", &text);
            while stage.fake.faults_left() > 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            stage.kill();
            stage.up().await;
            stage.one_new_thread(&[thread], "from new").await;
        }
    }
}

#[tokio::test]
async fn a_new_thread_whose_opening_was_not_answered_is_opened_once() {
    let stage = Stage::start("", "").await;
    let thread = stage.thread_of_a_turn().await;
    for fault in [Fault::answer_lost(), Fault::status(502)] {
        let before = [vec![thread], stage.opened_by_new(&[thread])].concat();
        stage.fake.inject(fault.on("POST", "/channels/*/threads"));
        let text = [("text", json!("say: from new"))];
        let typed = stage.alice.slash(stage.channel, "new", &text);
        stage
            .told(&stage.alice, stage.channel, typed, "Here it goes on")
            .await;
        stage.one_new_thread(&before, "from new").await;
    }
}

impl Stage {
    async fn thread_of_a_turn(&self) -> Id {
        let (first, thread) = self.mention(&self.alice, "say: hello").await;
        self.sign(first, "✅").await;
        thread
    }

    /// What the model was asked last.
    pub(super) fn asked_of_the_model(&self) -> String {
        format!("{:?}", self.scene.control().model_requests().last())
    }
}

#[tokio::test]
async fn the_agent_is_given_the_message_that_a_mention_answers_or_forwards() {
    let stage = Stage::start("", "").await;
    let bob = stage.guild.member("bob");
    let quoted = bob.says(stage.channel, "the secret number is 4711");
    let name = stage.fake.bot().mention();
    let post = Post::new(&format!("{name} say: what does it say?")).reply_to(quoted);
    let asked = stage.alice.posts(stage.channel, post);
    stage.sign(asked, "✅").await;
    let request = stage.asked_of_the_model();
    assert!(
        request.contains("bob wrote:") && request.contains("4711"),
        "{request}"
    );
    let thread = stage.thread_of(asked).await;
    let title = stage
        .fake
        .look(|world| world.channel(thread).map(|one| one.name.clone()));
    assert_eq!(title.as_deref(), Some("say: what does it say?"));

    let other = bob.says(stage.channel, "say: carried over");
    let forwarded = stage.alice.posts(thread, Post::forward(other));
    stage.sign(forwarded, "✅").await;
    let request = stage.asked_of_the_model();
    assert!(
        request.contains("Forwarded:") && request.contains("carried over"),
        "{request}"
    );
}

#[tokio::test]
async fn files_of_a_message_that_a_kill_interrupted_are_in_the_workspace_once() {
    let mut stage = Stage::start("", "permissions = \"allow\"").await;
    let thread = stage.thread_of_a_turn().await;
    let post = Post::new("run: ls uploads").file("a.txt", "text/plain", b"one");
    let post = post.file("b.txt", "text/plain", b"two");
    let slow = Fault::slow(Duration::from_secs(20));
    stage.fake.inject(slow.on("GET", "/cdn/attachments/*/*/b.txt"));
    let asked = stage.alice.posts(thread, post);
    stage.is_held().await;
    stage.kill();
    stage.up().await;
    stage.sign(asked, "✅").await;
    let request = stage.asked_of_the_model();
    assert!(
        request.contains("b.txt") && !request.contains("a-2.txt"),
        "{request}"
    );
    stage.said(thread, "the command", with("ls uploads")).await;
}
