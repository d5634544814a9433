//! What was decided when it was said is decided in the same way when it is read again: by a new session, by the next host, or
//! because a channel came into sight. And what could not be read is read from there once that is possible.

use std::time::Duration;

use support::discord::{Fault, Id, permissions};

use super::{Stage, with};
use crate::threads::until;

/// What two people say to each other before they call the bot.
struct Talk {
    thread: Id,
    among_people: Id,
    call: Id,
}

impl Stage {
    /// Alice calls the bot into a thread in which people have talked.
    async fn called_after_talk(&self) -> Talk {
        let thread = self.alice.starts_thread(self.channel, "people", None);
        let among_people = self.alice.says(thread, "say: among people");
        let call = self.calls(thread, "say: called");
        self.sign(call, "✅").await;
        Talk {
            thread,
            among_people,
            call,
        }
    }

    /// A mention of which no thread can be opened for now: nothing after it counts as seen.
    async fn holds_the_mark(&self) {
        let place = "/channels/*/messages/*/threads";
        self.fake
            .inject(Fault::status(502).on("POST", place).times(1_000));
        self.mentioned_by(&self.alice, "say: held");
        self.is_tried().await;
    }

    /// Waits until something was tried, and Discord was in trouble.
    pub(super) async fn is_tried(&self) {
        let tried = |seen: &[support::discord::Seen]| seen.iter().find(|one| one.status == 502).map(drop);
        self.fake.until_requested("a try", tried).await;
    }

    fn hides(&self, channel: Id, denied: u64) {
        self.guild.overwrite(channel, self.fake.bot(), 0, denied);
    }

    /// Something that is said last is answered, and what was said among people is not.
    async fn stays_among_people(&self, talk: &Talk) {
        let last = self.alice.says(talk.thread, "say: last");
        self.sign(last, "✅").await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        let signs = |message: Id| {
            self.fake
                .look(|world| world.message(message).map(|one| one.reactions.len()))
        };
        assert_eq!(
            signs(talk.among_people),
            Some(0),
            "{:?}",
            self.fake.said(talk.thread)
        );
        assert_eq!(self.answers(talk.thread).await, "called\nlast");
    }
}

#[tokio::test]
async fn what_was_said_before_the_call_stays_among_people_when_another_channel_comes_into_sight() {
    let stage = Stage::start("", "").await;
    let other = stage.guild.channel("other");
    // As long as news of what woke while the bot connected may come.
    tokio::time::sleep(Duration::from_secs(6)).await;
    let talk = stage.called_after_talk().await;
    // Until it was found out which threads of it were put away, whoever speaks there may wake one of them.
    let looks = Fault::status(503).on("GET", "/channels/*/threads/archived/public");
    stage.fake.inject(looks.times(1_000));
    stage.hides(other, permissions::VIEW_CHANNEL);
    stage.hides(other, 0);
    stage.logged("could not be dealt with").await;
    stage.stays_among_people(&talk).await;
}

#[tokio::test]
async fn what_was_said_before_the_call_stays_among_people_after_a_kill() {
    let mut stage = Stage::start("", "").await;
    stage.holds_the_mark().await;
    let talk = stage.called_after_talk().await;
    stage.kill();
    stage.up().await;
    stage.stays_among_people(&talk).await;
}

#[tokio::test]
async fn what_was_said_before_a_call_that_a_killed_host_did_not_make_a_turn_stays_among_people() {
    let mut stage = Stage::start("", "").await;
    let thread = stage.alice.starts_thread(stage.channel, "people", None);
    let among_people = stage.alice.says(thread, "say: among people");
    // What was said before is read for the first turn when the thread is served already.
    stage.fake.inject(Fault::held().on("GET", "/channels/*"));
    let call = stage.calls(thread, "say: called");
    let file = stage.scene.folder().join("discord/called");
    until(async || {
        let calls = std::fs::read_to_string(&file).ok()?;
        calls.contains(&call.to_string()).then_some(())
    })
    .await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    stage.kill();
    stage.fake.let_go().await;
    stage.up().await;
    stage.sign(call, "✅").await;
    let talk = Talk {
        thread,
        among_people,
        call,
    };
    stage.stays_among_people(&talk).await;
}

#[tokio::test]
async fn a_call_is_forgotten_when_nothing_that_was_said_before_it_can_be_read_again() {
    let mut stage = Stage::start("", "").await;
    let talk = stage.called_after_talk().await;
    let file = stage.scene.folder().join("discord/called");
    let is_kept = || {
        let calls = std::fs::read_to_string(&file).expect("there was a call");
        calls.contains(&talk.call.to_string())
    };
    assert!(is_kept());
    let last = stage.hears().await;
    stage.is_done_with(last).await;
    stage.kill();
    stage.up().await;
    assert!(!is_kept());
}

#[tokio::test]
async fn an_old_call_brings_nobody_back_who_was_taken_out_since() {
    let mut stage = Stage::start("", "").await;
    stage.holds_the_mark().await;
    let talk = stage.called_after_talk().await;
    stage.is_taken_out(talk.thread);
    stage.knows_that_it_is_out_of(&[talk.thread]).await;
    let unheard = stage.alice.says(talk.thread, "say: among us");
    stage.kill();
    stage.up().await;
    let asked = stage.calls(talk.thread, "say: back");
    stage.sign(asked, "✅").await;
    assert_eq!(stage.answers(talk.thread).await, "called\nback");
    // Nor is what was said meanwhile heard by the next one.
    stage.kill();
    stage.up().await;
    let last = stage.alice.says(talk.thread, "say: last");
    stage.sign(last, "✅").await;
    assert_eq!(stage.answers(talk.thread).await, "called\nback\nlast");
    assert!(talk.call < unheard && unheard < asked);
}

impl Stage {
    /// A thread of a channel in which things are said while that is hidden, and elsewhere afterwards: in the thread, and to the
    /// bot in the channel.
    async fn unseen_in(&self, hidden: Id) -> (Id, [Id; 2]) {
        let (first, thread) = self.mention_in(hidden, &self.alice, "say: hello").await;
        self.sign(first, "✅").await;
        self.hides(hidden, permissions::VIEW_CHANNEL);
        let name = self.fake.bot().mention();
        let unseen = [
            self.alice.says(thread, "say: unseen"),
            self.alice.says(hidden, &format!("{name} say: asked")),
        ];
        let last = self.hears().await;
        self.is_done_with(last).await;
        (thread, unseen)
    }

    async fn is_answered_whole(&self, thread: Id, unseen: [Id; 2]) {
        for message in unseen {
            self.going(self.sign(message, "✅")).await;
        }
        assert_eq!(self.answers(thread).await, "hello\nunseen");
    }
}

#[tokio::test]
async fn what_was_said_in_a_channel_that_is_shown_between_two_sessions_is_answered() {
    let stage = Stage::start("", "").await;
    let hidden = stage.guild.channel("hidden");
    let (thread, unseen) = stage.unseen_in(hidden).await;
    stage.loses_its_session().await;
    stage.hides(hidden, 0);
    stage.fake.gateway().release_ready();
    stage.is_answered_whole(thread, unseen).await;
}

#[tokio::test]
async fn what_was_said_in_a_channel_that_came_into_sight_is_answered_by_the_next_host() {
    let mut stage = Stage::start("", "").await;
    let hidden = stage.guild.channel("hidden");
    let (thread, unseen) = stage.unseen_in(hidden).await;
    let reading = Fault::held().on("GET", "/channels/*/messages");
    stage.fake.inject(reading.times(2));
    stage.hides(hidden, 0);
    stage.is_held().await;
    stage.hears_nothing_more().await;
    stage.kill();
    stage.fake.let_go().await;
    stage.up().await;
    stage.is_answered_whole(thread, unseen).await;
}

impl Stage {
    /// Somebody calls the bot in a channel; what was missed there is read, and held.
    async fn is_reading(&self, hidden: Id, shown: impl AsyncFnOnce(&Self)) {
        let reading = format!("/channels/{hidden}/messages");
        self.fake.inject(Fault::held().on("GET", &reading));
        shown(self).await;
        self.is_held().await;
    }

    /// What is being read is refused by now.
    async fn is_refused(&self) {
        self.fake.let_go().await;
        self.logged("may not read what was said meanwhile").await;
    }

    fn called_in(&self, channel: Id) -> Id {
        let name = self.fake.bot().mention();
        self.alice.says(channel, &format!("{name} say: missed"))
    }
}

#[tokio::test]
async fn what_could_not_be_read_in_a_hidden_channel_is_read_from_there_whatever_was_said_since() {
    let mut stage = Stage::start("", "").await;
    let hidden = stage.guild.channel("hidden");
    stage.hears().await;
    stage.hears_nothing_more().await;
    stage.kill();
    let missed = stage.called_in(hidden);
    stage.host = Some(stage.start_only());
    stage.is_reading(hidden, async |_| {}).await;
    stage.alice.says(hidden, "hello everybody");
    stage.hides(hidden, permissions::VIEW_CHANNEL);
    stage.is_refused().await;
    stage.hides(hidden, 0);
    stage.going(stage.sign(missed, "✅")).await;
}

#[tokio::test]
async fn what_was_said_is_read_once_history_may_be_and_an_empty_list_is_not_taken_for_silence() {
    let stage = Stage::start("", "").await;
    let hidden = stage.guild.channel("hidden");
    let (thread, unseen) = stage.unseen_in(hidden).await;
    stage
        .is_reading(hidden, async |stage| stage.hides(hidden, 0))
        .await;
    stage.hides(hidden, permissions::READ_MESSAGE_HISTORY);
    stage.is_refused().await;
    stage.hides(hidden, 0);
    stage.is_answered_whole(thread, unseen).await;
}

#[tokio::test]
async fn an_empty_list_that_comes_when_history_may_be_read_again_is_not_taken_for_silence_either() {
    let mut stage = Stage::start("", "").await;
    let hidden = stage.guild.channel("hidden");
    stage.hears().await;
    stage.hears_nothing_more().await;
    stage.kill();
    let missed = stage.called_in(hidden);
    let reading = format!("/channels/{hidden}/messages");
    let waits = Fault::too_many(Duration::from_secs(2)).on("GET", &reading);
    stage.fake.inject(waits);
    stage.fake.inject(Fault::unanswered().on("GET", &reading));
    stage.host = Some(stage.start_only());
    while stage.fake.faults_left() > 1 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    stage.hides(hidden, permissions::READ_MESSAGE_HISTORY);
    stage.is_held().await;
    stage.hides(hidden, 0);
    // The host knows it by now.
    stage.hears().await;
    stage.fake.let_go().await;
    stage.going(stage.sign(missed, "✅")).await;
}

#[tokio::test]
async fn where_history_may_not_be_read_when_a_channel_is_shown_it_is_read_once_it_may() {
    let stage = Stage::start("", "").await;
    let hidden = stage.guild.channel("hidden");
    let (thread, unseen) = stage.unseen_in(hidden).await;
    stage.hides(hidden, permissions::READ_MESSAGE_HISTORY);
    stage.logged("waits to be read").await;
    stage.hides(hidden, 0);
    stage.is_answered_whole(thread, unseen).await;
}

#[tokio::test]
async fn what_was_said_in_a_channel_that_is_hidden_until_after_a_restart_is_answered() {
    let mut stage = Stage::start("", "").await;
    let hidden = stage.guild.channel("hidden");
    let (thread, unseen) = stage.unseen_in(hidden).await;
    stage.manager().archives(thread, true);
    stage.kill();
    stage.up().await;
    let last = stage.hears().await;
    stage.is_done_with(last).await;
    stage.hides(hidden, 0);
    stage.is_answered_whole(thread, unseen).await;
}

#[tokio::test]
async fn a_host_that_is_killed_right_when_a_channel_is_shown_leaves_that_channel_to_the_next_one() {
    let mut stage = Stage::ready("", "").await;
    let [hidden, other] = ["hidden", "other"].map(|name| stage.guild.channel(name));
    stage.hides(hidden, permissions::VIEW_CHANNEL);
    stage.up().await;
    stage.hears().await;
    let missed = stage.called_in(hidden);
    stage.alice.says(other, "hello everybody");
    let last = stage.hears().await;
    stage.is_done_with(last).await;
    stage
        .is_reading(hidden, async |stage| stage.hides(hidden, 0))
        .await;
    stage.kill();
    stage.fake.let_go().await;
    let before = stage.fake.requests().len();
    stage.up().await;
    stage.going(stage.sign(missed, "✅")).await;
    // And nothing else is read again for it.
    let other = format!("/channels/{other}/messages");
    let requests = stage.fake.requests();
    assert!(requests[before..].iter().all(|seen| seen.path != other));
}

#[tokio::test]
async fn what_was_read_and_is_still_tried_when_the_host_is_killed_is_left_to_the_next_one() {
    let mut stage = Stage::start("", "").await;
    let hidden = stage.guild.channel("hidden");
    stage.hears().await;
    stage.kill();
    let missed = stage.called_in(hidden);
    stage.hides(hidden, permissions::READ_MESSAGE_HISTORY);
    stage.up().await;
    stage.logged("waits to be read").await;
    let last = stage.hears().await;
    stage.is_done_with(last).await;
    let place = format!("/channels/{hidden}/messages/*/threads");
    stage
        .fake
        .inject(Fault::status(502).on("POST", &place).times(1_000));
    stage.hides(hidden, 0);
    stage.is_tried().await;
    // It goes on to what follows, and its marks are not written for a second.
    tokio::time::sleep(Duration::from_millis(100)).await;
    stage.kill();
    stage.fake.forget_faults();
    stage.up().await;
    stage.going(stage.sign(missed, "✅")).await;
}

#[tokio::test]
async fn what_was_held_before_what_was_read_late_in_its_channel_is_left_to_the_next_host_as_well() {
    let mut stage = Stage::start("", "").await;
    stage.hears().await;
    let place = format!("/channels/{}/messages/*/threads", stage.channel);
    stage
        .fake
        .inject(Fault::status(502).on("POST", &place).times(1_000));
    let held = stage.called_in(stage.channel);
    stage.is_tried().await;
    stage.loses_its_session().await;
    let late = stage.called_in(stage.channel);
    stage.fake.gateway().release_ready();
    let tried = |seen: &[support::discord::Seen]| {
        let mut refused = seen.iter().filter(|one| one.status == 502);
        refused.find(|one| one.path.contains(&late.to_string())).map(drop)
    };
    stage.fake.until_requested("a try", tried).await;
    stage.hears_nothing_more().await;
    stage.kill();
    stage.fake.forget_faults();
    stage.up().await;
    for message in [held, late] {
        stage.sign(message, "✅").await;
    }
}

#[tokio::test]
async fn what_can_not_be_read_is_not_asked_for_as_long_as_it_is_known_to_be_hidden() {
    let stage = Stage::start("", "").await;
    let hidden = stage.guild.channel("hidden");
    stage.hides(hidden, permissions::VIEW_CHANNEL);
    let missed = stage.called_in(hidden);
    stage
        .is_reading(hidden, async |stage| stage.hides(hidden, 0))
        .await;
    stage.hides(hidden, permissions::VIEW_CHANNEL);
    stage.is_refused().await;
    let reading = format!("/channels/{hidden}/messages");
    let refused = || {
        let requests = stage.fake.requests();
        let read = requests.iter().filter(|seen| seen.path == reading);
        read.filter(|seen| seen.status == 403).count()
    };
    assert_eq!(refused(), 1);
    let role = stage.guild.role("helpers", 0);
    for permissions in [permissions::EVERYDAY, 0, permissions::EVERYDAY] {
        stage.guild.set_role(role, permissions);
    }
    let last = stage.hears().await;
    stage.is_done_with(last).await;
    assert_eq!(refused(), 1);
    stage.hides(hidden, 0);
    stage.going(stage.sign(missed, "✅")).await;
}

#[tokio::test]
async fn who_calls_in_a_channel_that_is_hidden_before_they_are_answered_is_answered_once_it_is_seen_again() {
    let stage = Stage::start("", "").await;
    let hidden = stage.guild.channel("hidden");
    let place = "/channels/*/messages/*/threads";
    stage.fake.inject(Fault::held().on("POST", place));
    let name = stage.fake.bot().mention();
    let call = stage.alice.says(hidden, &format!("{name} say: called"));
    stage.is_held().await;
    stage.hides(hidden, permissions::VIEW_CHANNEL);
    stage.fake.let_go().await;
    stage.logged("this could not be said").await;
    stage.hides(hidden, 0);
    stage.going(stage.sign(call, "✅")).await;
}

#[tokio::test]
async fn what_may_not_be_read_is_read_once_it_may_also_by_a_later_host() {
    let mut stage = Stage::start("", "").await;
    let elsewhere = stage.guild.channel("elsewhere");
    let last = stage.hears().await;
    stage.is_done_with(last).await;
    stage.kill();
    let missed = stage.mentioned_by(&stage.alice, "say: missed");
    stage.hides(stage.channel, permissions::READ_MESSAGE_HISTORY);
    stage.up().await;
    stage
        .logged("what was said here while the bot was away waits to be read")
        .await;
    let (later, _) = stage.mention_in(elsewhere, &stage.alice, "say: later").await;
    stage.sign(later, "✅").await;
    stage.is_done_with(later).await;
    stage.kill();
    stage.hides(stage.channel, 0);
    stage.up().await;
    stage.going(stage.sign(missed, "✅")).await;
}

#[tokio::test]
async fn what_follows_a_call_that_is_read_after_a_later_one_counts() {
    let mut stage = Stage::start("", "").await;
    let thread = stage.alice.starts_thread(stage.channel, "people", None);
    let among_people = stage.alice.says(thread, "say: among people");
    let last = stage.hears().await;
    stage.is_done_with(last).await;
    stage.kill();
    let missed = [
        stage.calls(thread, "say: one"),
        stage.alice.says(thread, "say: two"),
    ];
    stage.hides(stage.channel, permissions::READ_MESSAGE_HISTORY);
    stage.up().await;
    stage.logged("waits to be read").await;
    stage.calls(thread, "say: later");
    stage.said(thread, "the answer", with("later")).await;
    stage.hides(stage.channel, 0);
    for message in missed {
        stage.going(stage.sign(message, "✅")).await;
    }
    let unheard = stage
        .fake
        .look(|world| world.message(among_people).map(|one| one.reactions.len()));
    assert_eq!(unheard, Some(0));
    assert_eq!(stage.answers(thread).await, "later\none\ntwo");
}
