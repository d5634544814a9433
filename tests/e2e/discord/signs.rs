//! What the signs on people's messages say: of a turn that is asked for again, that can't begin, whose thread has gone.

use nix::sys::signal::{Signal, kill};
use rehearsal::Counter;
use support::discord::{Fault, Id, Message, permissions};

use super::{Stage, with};

fn offers_retry(said: &Message) -> bool {
    said.button("Retry").is_some()
}

impl Stage {
    /// A turn that its worker's death cuts short, told: its message, its thread, and what was said of it.
    async fn cut_short(&self) -> (Id, Id, Message) {
        let (message, thread) = self.mention(&self.alice, "hold\nsay: one").await;
        self.scene.wait(Counter::ModelRequests, 1).await;
        kill(self.worker(thread).await, Signal::SIGKILL).expect("it lives");
        let note = self.said(thread, "what happened", offers_retry).await;
        self.sign(message, "❌").await;
        self.rests(thread).await;
        (message, thread, note)
    }
}

#[tokio::test]
async fn a_turn_that_is_asked_for_again_long_after_says_so_and_its_sign_follows() {
    let stage = Stage::start("", "").await;
    let (message, thread, note) = stage.cut_short().await;
    stage.alice.presses_labelled(note.id, "Retry");
    stage.going(stage.sign(message, "✅")).await;
    stage.no_sign(message, "❌").await;
    let asked = |said: &Message| said.id == note.id && !offers_retry(said);
    let asked = stage.said(thread, "that it was asked for again", asked).await;
    assert!(asked.content.contains("Asked for again."), "{}", asked.content);
    stage
        .said(thread, "the answer", |said| said.content.starts_with("one"))
        .await;
}

#[tokio::test]
async fn a_turn_that_is_asked_for_again_while_another_runs_has_one_note() {
    let stage = Stage::start("", "").await;
    let (message, thread, note) = stage.cut_short().await;
    let other = stage.alice.says(thread, "say: begun\nhold\nsay: two");
    stage.said(thread, "the other turn", with("begun")).await;
    stage.alice.presses_labelled(note.id, "Retry");
    let asked = |said: &Message| said.id == note.id && !offers_retry(said);
    stage.said(thread, "that it was asked for again", asked).await;
    stage.going(stage.sign(other, "✅")).await;
    stage.going(stage.sign(message, "✅")).await;
    stage.rests(thread).await;
    let said = stage.fake.said(thread);
    let notes = said.iter().filter(|said| said.contains("Asked for again."));
    assert_eq!(notes.count(), 1, "{said:?}");
}

#[tokio::test]
async fn what_waits_for_an_agent_that_can_not_be_started_shows_that_nothing_is_done() {
    let stage = Stage::foreign("", |_| vec!["--exit".to_owned(), "3".to_owned()]).await;
    let (message, thread) = stage.mention(&stage.alice, "say: one").await;
    stage.said(thread, "that it failed", with("press Retry")).await;
    stage.sign(message, "❌").await;
    stage.no_sign(message, "👀").await;
}

#[tokio::test]
async fn the_message_of_a_thread_that_was_deleted_in_mid_turn_does_not_look_worked_on_for_ever() {
    let stage = Stage::start("", "").await;
    let (message, thread) = stage.mention(&stage.alice, "hold\nsay: one").await;
    stage.scene.wait(Counter::ModelRequests, 1).await;
    stage.sign(message, "👀").await;
    stage.manager().deletes_channel(thread);
    stage.going(stage.sign(message, "⚠️")).await;
    stage.no_sign(message, "👀").await;
}

#[tokio::test]
async fn what_could_not_be_said_is_said_when_the_bot_gets_another_role() {
    let stage = Stage::start("", "permissions = \"allow\"").await;
    let bot = stage.fake.bot();
    stage.guild.role_of_bot("one");
    let (message, thread) = stage.runs_until_go(&stage.alice, "say: at last").await;
    // A fault, not an overwrite: giving that back would be an event of its own.
    stage
        .fake
        .inject(Fault::status(403).on("POST", "/channels/*/messages"));
    stage.lets_end(thread);
    stage.logged("could not be sent").await;
    stage.sign(message, "⚠️").await;
    stage.guild.set_roles(bot, &[]);
    stage.said(thread, "the answer", with("at last")).await;
    stage.sign(message, "✅").await;
}

#[tokio::test]
async fn an_answer_that_nobody_can_see_is_told_as_none() {
    let stage = Stage::start("", "").await;
    let (_, thread) = stage
        .mention(&stage.alice, &format!("say: {}", "\u{200b}".repeat(50)))
        .await;
    stage
        .said(thread, "that there is none", with("without a word"))
        .await;
    let bare = format!("{} \u{200b}\u{200b}", stage.fake.bot().mention());
    let bare = stage.alice.says(stage.channel, &bare);
    let answers = |said: &Message| said.content.contains("Write what you want");
    stage.said(stage.channel, "what to do", answers).await;
    stage
        .fake
        .look(|world| assert!(world.message(bare).expect("it stands").thread.is_none()));
}

#[tokio::test]
async fn what_waits_for_an_agent_that_can_not_be_started_is_done_by_the_next_one() {
    let mut stage = Stage::ready("", "").await;
    let program = support::program("foreign-agent");
    stage.agent = format!(
        "[agents.foreign]\ntitle = \"Foreign\"\ncommand = {}\n",
        serde_json::json!([program, "--exit", "3"])
    );
    stage.settings = stage.channel_with("agent = \"foreign\"");
    stage.up().await;
    let (message, thread) = stage.mention(&stage.alice, "say: one").await;
    stage.said(thread, "that it failed", with("press Retry")).await;
    stage.sign(message, "❌").await;
    let alice = stage.alice.clone();
    alice.slash(thread, "agent", &[("name", serde_json::json!("native"))]);
    stage.is_whole(message, thread, "one").await;
    stage.no_sign(message, "❌").await;
}

#[tokio::test]
async fn a_sign_whose_answer_is_lost_does_not_stay_beside_the_last_one() {
    let stage = Stage::start("", "").await;
    let (first, thread) = stage.mention(&stage.alice, "say: hi").await;
    stage.sign(first, "✅").await;
    let sign = "/channels/*/messages/*/reactions/*/@me";
    stage.fake.inject(Fault::answer_lost().on("PUT", sign).times(3));
    let message = stage.alice.says(thread, "say: one");
    stage.sign(message, "✅").await;
    stage.no_sign(message, "👀").await;
}

impl Stage {
    /// A turn in a thread of alice's, whose last sign is on its way when `shut` is done to the thread. The turn's message,
    /// and the thread.
    async fn signed_while(&self, shut: impl FnOnce(Id)) -> (Id, Id) {
        let (first, thread) = self.mention(&self.alice, "say: hi").await;
        self.sign(first, "✅").await;
        let message = self.alice.says(thread, "hold\nsay: one");
        self.scene.wait(Counter::ModelRequests, 2).await;
        self.sign(message, "👀").await;
        let sign = "/channels/*/messages/*/reactions/*/@me";
        self.fake.inject(Fault::held().on("PUT", sign));
        self.going(self.said(thread, "the answer", |said| said.content.starts_with("one")))
            .await;
        self.struck().await;
        shut(thread);
        self.fake.let_go().await;
        (message, thread)
    }
}

#[tokio::test]
async fn a_thread_that_is_put_away_just_before_the_last_sign_gets_it() {
    let stage = Stage::start("", "").await;
    let shut = |thread| stage.manager().archives(thread, true);
    let (message, _) = stage.signed_while(shut).await;
    stage.sign(message, "✅").await;
}

#[tokio::test]
async fn a_thread_that_is_put_away_and_locked_gets_its_last_sign_when_it_is_opened_and_is_not_asked_until_then()
 {
    for is_killed in [false, true] {
        let mut stage = Stage::start("", "").await;
        let shuts = |stage: &Stage, thread, shut| {
            stage.manager().locks(thread, shut);
            stage.manager().archives(thread, shut);
        };
        let (message, thread) = stage.signed_while(|thread| shuts(&stage, thread, true)).await;
        stage.rests_as(thread, "unsigned").await;
        assert!(!stage.has_sign(message, "✅"), "the thread is shut");
        if is_killed {
            stage.kill();
            shuts(&stage, thread, false);
            stage.up().await;
        } else {
            shuts(&stage, thread, false);
        }
        stage.sign(message, "✅").await;
        stage.no_sign(message, "👀").await;
        stage.rests(thread).await;
    }
}

#[tokio::test]
async fn a_sign_for_which_the_bot_lacks_a_permission_is_set_when_that_is_given_and_by_the_next_host() {
    for what in [permissions::ADD_REACTIONS, permissions::READ_MESSAGE_HISTORY] {
        let mut stage = Stage::start("", "").await;
        let (first, thread) = stage.mention(&stage.alice, "say: hi").await;
        stage.sign(first, "✅").await;
        stage.rests(thread).await;
        let refused = |stage: &Stage| {
            let requests = stage.fake.requests();
            let signs = requests.iter().filter(|seen| seen.path.contains("/reactions/"));
            signs.filter(|seen| seen.status == 403).count()
        };
        stage.denies(what);
        let second = stage.alice.says(thread, "hold\nsay: one");
        stage.scene.wait(Counter::ModelRequests, 2).await;
        stage.once_refused(1).await;
        // While it runs, and while one more waits.
        let third = stage.alice.says(thread, "say: two");
        stage.once_refused(2).await;
        stage.denies(0);
        stage.sign(second, "👀").await;
        stage.sign(third, "👀").await;
        stage.denies(what);
        stage
            .going(stage.said(thread, "the end", |said| said.content.starts_with("two")))
            .await;
        stage.rests_as(thread, "unsigned").await;
        let signs = ["✅", "❌", "⚠️"];
        assert!(signs.iter().all(|sign| !stage.has_sign(third, sign)));
        // One for each turn, and one since; one more where the event came after that.
        let asked = refused(&stage);
        assert!((3..=4).contains(&asked), "{asked}");
        if what == permissions::ADD_REACTIONS {
            stage.denies(0);
        } else {
            stage.kill();
            stage.denies(0);
            stage.up().await;
        }
        for message in [second, third] {
            stage.sign(message, "✅").await;
            stage.no_sign(message, "👀").await;
        }
        stage.rests(thread).await;
        assert_eq!(refused(&stage), asked);
    }
}

impl Stage {
    /// Waits until Discord has refused so many signs.
    async fn once_refused(&self, count: usize) {
        self.fake
            .until_requested("a sign that is refused", |seen| {
                let signs = seen.iter().filter(|seen| seen.path.contains("/reactions/"));
                (signs.filter(|seen| seen.status == 403).count() >= count).then_some(())
            })
            .await;
    }
}

#[tokio::test]
async fn nothing_is_asked_in_a_hidden_channel_however_often_roles_change() {
    let stage = Stage::start("", "").await;
    let (asked, thread) = stage.mention(&stage.alice, "hold\nsay: late").await;
    stage.scene.wait(Counter::ModelRequests, 1).await;
    let hides = |denied| {
        let bot = stage.fake.bot();
        stage.guild.overwrite(stage.channel, bot, 0, denied);
    };
    hides(permissions::VIEW_CHANNEL);
    crate::threads::released(&stage.scene, stage.host.as_ref().expect("it runs")).await;
    let lounge = stage.guild.channel("lounge");
    let refused = async || {
        let (heard, _) = stage.mention_in(lounge, &stage.alice, "say: heard").await;
        stage.sign(heard, "✅").await;
        stage.hears_nothing_more().await;
        let requests = stage.fake.requests();
        requests.iter().filter(|seen| seen.status == 403).count()
    };
    let before = refused().await;
    for name in ["one", "two", "three"] {
        stage.guild.role(name, 0);
    }
    assert_eq!(refused().await, before);
    hides(0);
    stage.sign(asked, "✅").await;
    stage.said(thread, "the answer", with("late")).await;
}
