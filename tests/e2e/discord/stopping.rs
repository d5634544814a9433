//! A host that ends while something is to be said: what was not there yet is there after the next start, once.

use std::time::Duration;

use support::discord::{Fault, Id};

use super::{Stage, with};

/// Longer than a host that stops gives what it still has to say.
const TOO_LONG: Duration = Duration::from_secs(6);

#[derive(Clone, Copy, Debug)]
enum End {
    Stop,
    Kill,
}

impl Stage {
    fn ends(&mut self, end: End) {
        match end {
            End::Stop => assert_eq!(self.stop(), Some(0)),
            End::Kill => self.kill(),
        }
    }

    pub(super) fn has_sign(&self, message: Id, sign: &str) -> bool {
        let bot = self.fake.bot();
        let has = |world: &support::discord::World| {
            let message = world.message(message);
            message.is_some_and(|message| message.has_reaction(sign, bot))
        };
        self.fake.look(has)
    }

    /// Waits until the host has written this answer down, and that the turn of its message is over.
    pub(super) async fn written(&self, asked: Id, thread: Id, words: &str) {
        let source = conversation::SourceId(format!("{thread}/{asked}"));
        let id = conversation::ThreadId::parse(&format!("discord:{thread}")).expect("a thread");
        let is_over = async || {
            let book = conversation::Conversation::open_without_recovery(self.scene.folder());
            let turn = book.expect("it can be looked at").by_source(&id, &source).await;
            let turn = turn.expect("it can be read");
            turn.is_some_and(|turn| turn.state.is_ended())
        };
        while !self.answers(thread).await.contains(words) || !is_over().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// How often these words stand in a thread.
    pub(super) fn count(&self, thread: Id, words: &str) -> usize {
        let said = self.fake.said(thread);
        said.iter().filter(|said| said.contains(words)).count()
    }
}

#[tokio::test]
async fn an_answer_that_an_end_finds_on_its_way_is_there_once_and_signed_only_then() {
    let mut stage = Stage::start("", "").await;
    let (first, thread) = stage.mention(&stage.alice, "say: at first").await;
    stage.sign(first, "✅").await;
    for (number, end) in [End::Stop, End::Kill].into_iter().enumerate() {
        let slow = Fault::slow(TOO_LONG).on("POST", "/channels/*/messages");
        stage.fake.inject(slow);
        let words = format!("in gap {number}.");
        let asked = stage.alice.says(thread, &format!("say: {words}"));
        stage.written(asked, thread, &words).await;
        assert!(!stage.has_sign(asked, "✅"), "{end:?}: signed before it was said");
        stage.ends(end);
        assert_eq!(stage.count(thread, &words), 0, "{end:?}");
        assert!(!stage.has_sign(asked, "✅"), "{end:?}: signed and not said");
        stage.up().await;
        stage.sign(asked, "✅").await;
        assert_eq!(
            stage.count(thread, &words),
            1,
            "{end:?}: {:?}",
            stage.fake.said(thread)
        );
    }
}

#[tokio::test]
async fn an_answer_whose_edits_an_end_cuts_off_is_whole_after_the_next_start() {
    let mut stage = Stage::start("", "").await;
    let (first, thread) = stage.mention(&stage.alice, "say: at first").await;
    stage.sign(first, "✅").await;
    for (number, end) in [End::Stop, End::Kill].into_iter().enumerate() {
        let slow = Fault::slow(TOO_LONG).on("PATCH", "/channels/*/messages/*");
        stage.fake.inject(slow);
        let last = format!("last words {number}.");
        let asked = stage
            .alice
            .says(thread, &format!("stream 100 words\nsay: {last}"));
        stage.written(asked, thread, &last).await;
        assert!(!stage.has_sign(asked, "✅"), "{end:?}: signed before it was said");
        stage.ends(end);
        stage.up().await;
        stage.sign(asked, "✅").await;
        assert_eq!(
            stage.count(thread, &last),
            1,
            "{end:?}: {:?}",
            stage.fake.said(thread)
        );
    }
}

#[tokio::test]
async fn what_becomes_of_a_message_is_told_once_also_after_a_kill() {
    let mut stage = Stage::start("", "permissions = \"allow\"").await;
    let (_, thread) = stage.mention(&stage.alice, "run: sleep 60").await;
    stage.said(thread, "the tool", with("sleep 60")).await;
    let slow = Fault::slow(TOO_LONG).on("POST", "/channels/*/messages");
    stage.fake.inject(slow);
    stage.alice.says(thread, "say: later");
    let notes = || {
        let folder = stage.scene.folder().to_owned();
        async move {
            let outbox = conversation::Conversation::open_without_recovery(&folder).expect("it can be read");
            let id = conversation::ThreadId::parse(&format!("discord:{thread}")).expect("a thread");
            outbox.deliveries(&id, None).await.expect("it can be read").len()
        }
    };
    while notes().await == 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    stage.kill();
    assert_eq!(stage.count(thread, "Queued"), 0);
    stage.up().await;
    stage
        .said(thread, "that it waits", with("Queued behind the running turn"))
        .await;
    stage.said(thread, "the answer", with("later")).await;
    assert_eq!(stage.count(thread, "Queued"), 1);
}

#[tokio::test]
async fn who_is_refused_while_the_host_dies_is_told_once_by_the_next() {
    let mut stage = Stage::start("", "").await;
    let mallory = stage.guild.member("mallory");
    let slow = Fault::slow(TOO_LONG).on("POST", "/channels/*/messages");
    stage.fake.inject(slow);
    let text = format!("{} say: hi", stage.fake.bot().mention());
    mallory.says(stage.channel, &text);
    while stage.fake.faults_left() > 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    stage.kill();
    stage.up().await;
    stage
        .said(stage.channel, "the refusal", with("not on the list"))
        .await;
    let (message, _) = stage.mention(&stage.alice, "say: still here").await;
    stage.sign(message, "✅").await;
    assert_eq!(stage.fake.said(stage.channel).len(), 1);
}

impl Stage {
    /// What the bot's messages in a thread were changed into so far: requests, however they ended.
    fn edits(&self, thread: Id) -> usize {
        let begin = format!("/channels/{thread}/messages/");
        let requests = self.fake.requests();
        let edits = requests
            .iter()
            .filter(|seen| seen.method == "PATCH" && seen.path.contains(&begin));
        edits.count()
    }
}

#[tokio::test]
async fn after_a_kill_only_what_differs_from_what_stands_there_is_edited() {
    const PAIRS: usize = 4;
    let mut stage = Stage::start("", "permissions = \"allow\"").await;
    let mut script: Vec<String> = (0..PAIRS)
        .map(|number| format!("say: part {number}\nrun: echo {number}"))
        .collect();
    script.push("run: sleep 60".to_owned());
    let (message, thread) = stage.mention(&stage.alice, &script.join("\n")).await;
    stage.said(thread, "the last tool", with("sleep 60")).await;
    stage
        .fake
        .until("all before it to have ended", |world| {
            let messages = world.messages(thread);
            let ended = messages.iter().filter(|said| said.content.starts_with("✅"));
            (ended.count() == PAIRS).then_some(())
        })
        .await;
    stage.kill();
    let before = stage.edits(thread);
    stage.up().await;
    stage
        .said(thread, "the note", |said| said.button("Retry").is_some())
        .await;
    stage.sign(message, "❌").await;
    // The command that was cut, and the first message, which offered to stop the turn.
    assert_eq!(stage.edits(thread) - before, 2, "{:?}", stage.fake.said(thread));
    assert_eq!(stage.count(thread, "part 3"), 1);
}

#[tokio::test]
async fn what_could_not_be_changed_in_a_shut_thread_is_changed_when_it_is_opened_again() {
    let stage = Stage::start("", "").await;
    let (message, thread) = stage.mention(&stage.alice, "stream 200 words").await;
    let begun = stage.said(thread, "the beginning", |_| true).await;
    let manager = stage.manager();
    manager.locks(thread, true);
    manager.archives(thread, true);
    stage.logged("is changed when that is allowed again").await;
    assert!(!stage.has_sign(message, "✅"), "half of it stands there");
    // Nothing but edits was lost.
    let shut = stage.fake.said(thread);
    assert_eq!(shut.len(), 1, "{shut:?}");
    let whole = stage.answers(thread).await;
    let is_whole =
        |text: &str| whole.split_whitespace().all(|word| text.contains(word)) && text.len() >= whole.len();
    assert!(!is_whole(&shut[0]), "{shut:?}");
    manager.archives(thread, false);
    manager.locks(thread, false);
    stage
        .said(thread, "the rest", |said| {
            said.id == begun.id && is_whole(&said.content)
        })
        .await;
    stage.sign(message, "✅").await;
}
