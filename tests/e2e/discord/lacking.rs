//! Permissions that the bot lacks, or loses in mid-turn: what it may not do is said, and nothing is lost in silence.

use support::discord::{Fault, Id, Message, World, permissions};

use super::{Stage, with};
use crate::threads::until;

/// Emojis of other servers. The bot uses none.
const USE_EXTERNAL_EMOJIS: u64 = 1 << 18;

impl Stage {
    /// The bot may not do this in the channel and its threads any more.
    pub(super) fn denies(&self, what: u64) {
        self.guild.overwrite(self.channel, self.fake.bot(), 0, what);
    }

    /// The bot's messages in a thread, in order.
    pub(super) fn ours(&self, thread: Id) -> Vec<Message> {
        let bot = self.fake.bot();
        let all = self.fake.messages(thread).into_iter();
        all.filter(|said| said.author == bot && !said.is_note()).collect()
    }

    /// Waits until the bot's sign is off.
    pub(super) async fn no_sign(&self, message: Id, sign: &str) {
        let bot = self.fake.bot();
        self.fake
            .until("a sign to be taken off", |world| {
                let is_there = world.message(message)?.has_reaction(sign, bot);
                (!is_there).then_some(())
            })
            .await;
    }

    /// All that the agent answered stands in a thread, in many messages and no file.
    async fn is_all_in_messages(&self, thread: Id) -> Vec<Message> {
        let shown = self.ours(thread);
        assert!(
            shown.len() > 12 && shown.iter().all(|said| said.attachments.is_empty()),
            "{}",
            shown.len()
        );
        let mut said = shown.iter().flat_map(|said| said.content.split_whitespace());
        let whole = self.answers(thread).await;
        for word in whole.split_whitespace() {
            assert!(
                said.any(|said| said == word),
                "{word} is missing, or not in its place"
            );
        }
        shown
    }

    /// Waits for what `status` prints.
    async fn status_fits(&self, fits: impl Fn(&str) -> bool) {
        until(async || fits(&self.prints(&["status"]).await).then_some(())).await;
    }
}

#[tokio::test]
async fn without_attach_files_a_card_shows_the_change_as_text_and_can_be_answered() {
    let mut stage = Stage::start("", "").await;
    stage.denies(permissions::ATTACH_FILES);
    // More than fits into the card.
    let text = format!("hello {}", "x".repeat(1200));
    let asks = format!("write: out.txt {text}");
    let (message, thread) = stage.mention(&stage.alice, &asks).await;
    let card = stage.card(thread, "stands above").await;
    let shown = stage.ours(thread);
    let at = shown
        .iter()
        .position(|said| said.id == card.id)
        .expect("it is there");
    let change = &shown[at - 1].content;
    assert!(
        change.contains("changes.diff") && change.contains("+hello"),
        "{change}"
    );
    assert!(
        card.content.contains("I lack the permission Attach Files"),
        "{}",
        card.content
    );
    let allowing = shown.iter().filter(|said| said.button("Allow once").is_some());
    assert_eq!(allowing.count(), 1, "{shown:?}");
    stage.alice.presses_labelled(card.id, "Allow once");
    stage.sign(message, "✅").await;
    let shown = stage.ours(thread);
    let count = |words: &str| shown.iter().filter(|said| said.content.contains(words)).count();
    assert_eq!(
        (count("+hello"), count("Allowed once by alice")),
        (1, 1),
        "{shown:?}"
    );
    assert!(shown.iter().all(|said| said.attachments.is_empty()));
    let file = std::fs::read_to_string(stage.workspace(thread).join("out.txt"));
    assert_eq!(file.expect("it was written"), text);
    let is_lacking = |status: &str| status.contains("lacks the permission Attach Files");
    stage.status_fits(is_lacking).await;
    stage.logged("lacks the permission Attach Files").await;

    stage.denies(0);
    stage.status_fits(|status| !is_lacking(status)).await;
    let asks = format!("write: other.txt again {text}");
    let message = stage.alice.says(thread, &asks);
    let card = stage.card(thread, "changes.diff").await;
    assert_eq!(card.attachments.len(), 1, "as soon as it may");
    stage.alice.presses_labelled(card.id, "Allow once");
    stage.sign(message, "✅").await;
    assert_eq!(stage.stop(), Some(0));
}

#[tokio::test]
async fn a_change_of_a_line_in_a_long_file_is_shown_and_made_also_without_attach_files() {
    let stage = Stage::start("", "").await;
    stage.denies(permissions::ATTACH_FILES);
    let (message, thread) = stage.mention(&stage.alice, "say: ready").await;
    stage.is_whole(message, thread, "ready").await;
    let old: String = (0..4000)
        .map(|line| ["line ", &line.to_string(), "\n"].concat())
        .collect();
    let file = stage.workspace(thread).join("big.txt");
    std::fs::write(&file, &old).expect("it can be written");
    let message = stage
        .alice
        .says(thread, r"edit: big.txt line 2000\n => line two thousand\n");
    let card = stage.card(thread, "big.txt").await;
    let change = " line 1999\n-line 2000\n+line two thousand\n line 2001\n";
    assert!(card.content.contains(change), "{}", card.content);
    assert!(
        card.content.len() < 500 && card.attachments.is_empty(),
        "{}",
        card.content
    );
    stage.alice.presses_labelled(card.id, "Allow once");
    stage.sign(message, "✅").await;
    let made = std::fs::read_to_string(&file).expect("it can be read");
    assert_eq!(made, old.replace("line 2000\n", "line two thousand\n"));
}

#[tokio::test]
async fn attach_files_that_is_lost_in_mid_turn_leaves_a_card_that_is_answered_as_it_is() {
    let stage = Stage::start("", "").await;
    let long = "x".repeat(900);
    let asks = format!("write: out.txt hello {long}\nwrite: two.txt more {long}");
    let (message, thread) = stage.mention(&stage.alice, &asks).await;
    let card = stage.card(thread, "changes.diff").await;
    assert_eq!(card.attachments.len(), 1);
    stage.denies(permissions::ATTACH_FILES);
    stage.alice.presses_labelled(card.id, "Allow once");
    let second = stage.card(thread, "stands above").await;
    stage.alice.presses_labelled(second.id, "Allow once");
    stage.sign(message, "✅").await;
    let shown = stage.ours(thread);
    let first = shown.iter().find(|said| said.id == card.id).expect("it stays");
    assert!(
        first.content.contains("Allowed once by alice"),
        "{}",
        first.content
    );
    assert_eq!(first.attachments.len(), 1, "the file stays");
    let count = |words: &str| shown.iter().filter(|said| said.content.contains(words)).count();
    assert_eq!(
        (count("+hello"), count("+more"), count("Allowed once by alice")),
        (0, 1, 2),
        "{shown:?}"
    );
}

#[tokio::test]
async fn what_discord_does_not_take_above_a_card_can_be_denied_and_not_allowed() {
    let stage = Stage::start("", "").await;
    stage.denies(permissions::ATTACH_FILES);
    stage.fake.lists_as_harmful("https://harmful.example");
    // The card shows only the beginning.
    let command = format!("run: echo {} https://harmful.example", "x".repeat(1200));
    let (message, thread) = stage.mention(&stage.alice, &command).await;
    let card = stage.card(thread, "Not all of it stands above").await;
    let shown = stage.ours(thread);
    assert!(
        shown.iter().all(|said| !said.content.contains("harmful")),
        "{shown:?}"
    );
    let allowing = shown.iter().filter(|said| said.button("Allow once").is_some());
    assert_eq!(allowing.count(), 0, "{shown:?}");
    // As a file it is taken, and can be read.
    stage.denies(0);
    let pressed = stage.alice.presses_labelled(card.id, "Deny");
    stage.is_form(pressed).await;
    stage.alice.submits(pressed, &[]);
    stage.sign(message, "⚠️").await;
    stage.alice.says(thread, &command);
    let card = stage.card(thread, "only the beginning").await;
    assert_eq!(card.attachments.len(), 1);
    assert!(card.button("Allow once").is_some(), "{card:?}");
}

#[tokio::test]
async fn a_card_whose_own_words_discord_does_not_take_can_be_denied_and_not_allowed_also_by_the_next_host() {
    let mut stage = Stage::start("", "").await;
    stage.fake.lists_as_harmful("https://harmful.example");
    let (message, thread) = stage
        .mention(&stage.alice, "run: echo https://harmful.example")
        .await;
    let card = stage.said(thread, "the card", with("can't be allowed")).await;
    assert!(card.button("Allow once").is_none(), "{card:?}");
    let pressed = stage.alice.presses_labelled(card.id, "Deny");
    stage.is_form(pressed).await;
    stage.alice.submits(pressed, &[]);
    let denied = with("Denied by alice: what can't be shown");
    let line = stage.said(thread, "the line", denied).await;
    assert_eq!(line.id, card.id);
    // The line of the tool has those words, too.
    stage.sign(message, "⚠️").await;
    let next = stage.alice.says(thread, "run: echo https://harmful.example");
    let asks = |said: &Message| said.button("Deny").is_some();
    let card = stage.said(thread, "the next card", asks).await;
    stage.kill();
    stage.up().await;
    // Nobody is waited for any more.
    let ended = |said: &Message| said.id == card.id && !asks(said);
    let line = stage.said(thread, "the line", ended).await;
    assert!(
        line.content.contains("before anybody answered"),
        "{}",
        line.content
    );
    stage.sign(next, "❌").await;
    stage.rests(thread).await;
    assert!(
        stage
            .fake
            .said(thread)
            .iter()
            .all(|said| !said.contains("harmful"))
    );
    assert!(!stage.prints(&["status"]).await.contains("shows less"));
}

#[tokio::test]
async fn a_card_that_is_refused_for_no_reason_that_is_its_own_comes_whole_later() {
    let stage = Stage::start("", "").await;
    let (first, thread) = stage.mention(&stage.alice, "say: hi").await;
    stage.sign(first, "✅").await;
    stage.rests(thread).await;
    let (sending, changing) = ("/channels/*/messages", "/channels/*/messages/*");
    stage.fake.inject(Fault::status(400).on("POST", sending).times(3));
    let message = stage.alice.says(thread, "write: out.txt hello");
    let card = stage.card(thread, "+hello").await;
    assert_eq!(stage.fake.faults_left(), 0);
    stage
        .fake
        .inject(Fault::status(400).on("PATCH", changing).times(2));
    stage.alice.presses_labelled(card.id, "Allow once");
    let allowed = stage
        .said(thread, "the line", with("Allowed once by alice"))
        .await;
    assert_eq!(allowed.id, card.id);
    stage.sign(message, "✅").await;
    let said = stage.fake.said(thread);
    assert!(
        said.iter().all(|said| !said.contains("can't be allowed")),
        "{said:?}"
    );
}

#[tokio::test]
async fn what_discord_does_not_take_as_a_file_can_be_denied_and_not_allowed() {
    let stage = Stage::start("", "").await;
    stage.fake.set_file_limit(3);
    let asks = format!("write: out.txt {}", "x".repeat(1200));
    let (message, thread) = stage.mention(&stage.alice, &asks).await;
    let card = stage.card(thread, "Discord did not take the file").await;
    assert!(card.button("Allow once").is_none(), "{card:?}");
    assert!(
        card.content.contains("deny it, and ask for smaller steps"),
        "{}",
        card.content
    );
    let pressed = stage.alice.presses_labelled(card.id, "Deny");
    stage.is_form(pressed).await;
    stage.alice.submits(pressed, &[]);
    stage.sign(message, "✅").await;
    assert!(!stage.workspace(thread).join("out.txt").exists());
}

#[tokio::test]
async fn without_attach_files_a_long_answer_is_whole_in_messages() {
    let stage = Stage::start("", "").await;
    stage.denies(permissions::ATTACH_FILES);
    let (message, thread) = stage.mention(&stage.alice, "stream 4500 words fast").await;
    stage
        .said(
            thread,
            "that there is no file",
            with("I lack the permission Attach Files"),
        )
        .await;
    stage.sign(message, "✅").await;
    let shown = stage.is_all_in_messages(thread).await;
    let last = &shown.last().expect("it is there").content;
    assert!(last.contains("rehearsal ·"), "the footer stands below it: {last}");
}

#[tokio::test]
async fn without_attach_files_the_next_host_goes_on_with_a_long_answer_in_messages() {
    let mut stage = Stage::start("", "").await;
    stage.denies(permissions::ATTACH_FILES);
    let (message, thread) = stage.mention(&stage.alice, "stream 6000 words fast").await;
    let bot = stage.fake.bot();
    let is_full = |world: &World| {
        let ours = world.messages(thread).into_iter();
        let count = ours.filter(|said| said.author == bot && !said.is_note()).count();
        (count > 12).then_some(())
    };
    stage
        .fake
        .until("as many messages as an answer has with a file", is_full)
        .await;
    let fails = Fault::status(503).on("POST", "/channels/*/messages");
    stage.fake.inject(fails.times(usize::MAX));
    // The message behind those that an answer with a file has.
    let waits = || {
        let kept = rusqlite::Connection::open(stage.scene.folder().join("conversation.db"));
        let sql =
            "SELECT count(*) FROM deliveries WHERE state IN ('pending', 'uncertain') AND part % 1024 > 12";
        let count: i64 = kept
            .and_then(|kept| kept.query_row(sql, [], |row| row.get(0)))
            .unwrap_or_default();
        count > 0
    };
    until(async || waits().then_some(())).await;
    stage.kill();
    stage.fake.forget_faults();
    stage.up().await;
    stage.sign(message, "✅").await;
    stage.is_all_in_messages(thread).await;
}

#[tokio::test]
async fn without_send_messages_in_threads_the_sign_and_status_say_that_something_is_unsaid() {
    let stage = Stage::start("", "permissions = \"allow\"").await;
    let (message, thread) = stage.runs_until_go(&stage.alice, "say: at last").await;
    stage.denies(permissions::SEND_MESSAGES_IN_THREADS);
    stage.lets_end(thread);
    stage
        .logged("lacks the permission Send Messages in Threads")
        .await;
    stage.sign(message, "⚠️").await;
    assert!(!stage.has_sign(message, "✅"), "the answer is not there");
    stage
        .status_fits(|status| status.contains("lacks the permission Send Messages in Threads"))
        .await;
    stage.denies(0);
    stage.said(thread, "the answer", with("at last")).await;
    stage.sign(message, "✅").await;
    stage.no_sign(message, "⚠️").await;
}

#[tokio::test]
async fn without_add_reactions_only_the_signs_are_missing() {
    goes_on_without(permissions::ADD_REACTIONS).await;
}

#[tokio::test]
async fn without_embed_links_or_emojis_of_other_servers_nothing_is_missing() {
    goes_on_without(permissions::EMBED_LINKS | USE_EXTERNAL_EMOJIS).await;
}

#[tokio::test]
async fn without_read_message_history_a_thread_goes_on_and_who_is_refused_is_told_why() {
    let stage = Stage::start("", "").await;
    let (message, thread) = stage.mention(&stage.alice, "say: hi").await;
    stage.sign(message, "✅").await;
    stage.denies(permissions::READ_MESSAGE_HISTORY);
    stage.alice.says(thread, "write: out.txt hello\nsay: the end");
    let card = stage.card(thread, "out.txt").await;
    stage.alice.presses_labelled(card.id, "Allow once");
    stage.said(thread, "the answer", with("the end")).await;
    stage.said(thread, "the footer", with("rehearsal ·")).await;
    let text = format!("{} say: hi", stage.fake.bot().mention());
    stage.alice.says(stage.channel, &text);
    let told = stage
        .said(stage.channel, "why", with("Read Message History"))
        .await;
    assert_eq!(told.reply_to, None, "{told:?}");
}

/// A whole conversation, and a refusal.
async fn goes_on_without(what: u64) {
    let stage = Stage::start("", "").await;
    stage.denies(what);
    let (message, thread) = stage
        .mention(
            &stage.alice,
            "say: see https://example.org\nwrite: out.txt hello\nsay: the end",
        )
        .await;
    let card = stage.card(thread, "out.txt").await;
    stage.alice.presses_labelled(card.id, "Allow once");
    stage.said(thread, "the answer", with("the end")).await;
    stage.said(thread, "the footer", with("rehearsal ·")).await;
    if what == permissions::ADD_REACTIONS {
        assert!(!stage.has_sign(message, "👀") && !stage.has_sign(message, "✅"));
    } else {
        stage.sign(message, "✅").await;
    }
    let mallory = stage.guild.member("mallory");
    mallory.says(stage.channel, &format!("{} say: hi", stage.fake.bot().mention()));
    stage
        .said(stage.channel, "the refusal", with("not on the list"))
        .await;
}
