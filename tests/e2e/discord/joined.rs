//! The bot is called into a thread or post that people had before: what it is told of it, and whose thread it is then.

use support::discord::{Fault, Id, Person, Post, permissions};

use super::{Stage, with};
use crate::threads::asked;

impl Stage {
    /// What only alice may, as everybody is told in her threads.
    pub(super) fn only_alice(&self, may: &str) -> String {
        only(&self.alice, may)
    }

    /// Somebody calls the bot into a thread. Returns when it has answered.
    async fn called(&self, who: &Person, thread: Id, text: &str) -> Id {
        let asked = who.says(thread, &format!("{} {text}", self.fake.bot().mention()));
        self.sign(asked, "✅").await;
        asked
    }

    /// What the model was asked last.
    fn last_asked(&self) -> String {
        let asked = asked(&self.scene);
        let last = asked.last().expect("something was asked");
        last.strip_prefix("user: ").expect("by a person").to_owned()
    }
}

fn only(owner: &Person, may: &str) -> String {
    format!("Only {} (who called me here) {may}", owner.mention())
}

/// These stand in a text one after the other.
fn in_order(text: &str, parts: &[&str]) {
    let mut rest = text;
    for part in parts {
        let (_, after) = rest
            .split_once(part)
            .unwrap_or_else(|| panic!("{part:?} is not there, or not behind the others: {text}"));
        rest = after;
    }
}

#[tokio::test]
async fn who_calls_it_into_a_post_need_not_repeat_what_was_said_there() {
    let stage = Stage::start("everyone = true", "").await;
    let (bob, robot) = (stage.guild.member("bob"), stage.guild.other_bot("robot"));
    let forum = stage.guild.forum("questions");
    let post = stage
        .alice
        .posts_in_forum(forum, "How do I X?", "I tried Y.\nsay: not asked");
    robot.says(post, "a word of a robot's");
    let with_file = Post::new("It said this").file("log.txt", "text/plain", b"...");
    stage.alice.posts(post, with_file);
    stage.called(&bob, post, "say: help").await;
    in_order(
        &stage.last_asked(),
        &[
            "“How do I X?” (Discord · #questions)",
            "> > alice wrote:",
            "> > I tried Y.",
            "> > say: not asked",
            "> > robot (a bot) wrote:",
            "a word of a robot's",
            "> > [file: log.txt]",
            "> The message to you:\n\nsay: help",
        ],
    );
    assert_eq!(stage.answers(post).await, "help", "what is quoted is not obeyed");
    let next = bob.says(post, "say: more");
    stage.sign(next, "✅").await;
    assert_eq!(stage.last_asked(), "say: more", "it is told once");
}

#[tokio::test]
async fn a_long_thread_is_told_by_its_beginning_and_its_end() {
    let stage = Stage::start("", "").await;
    let begins = stage.alice.says(stage.channel, "where it all began");
    let thread = stage.alice.starts_thread(stage.channel, "plan", Some(begins));
    for number in 0..120 {
        stage
            .alice
            .says(thread, &format!("word {number} {}", "x".repeat(600)));
    }
    stage.called(&stage.alice, thread, "say: what now?").await;
    let told = stage.last_asked();
    in_order(
        &told,
        &[
            "“plan”",
            "where it all began",
            "are left out",
            "word 110 ",
            "word 119 ",
            "say: what now?",
        ],
    );
    assert!(
        !told.contains("word 60 ") && told.len() < 20_000,
        "{}",
        told.len()
    );
}

#[tokio::test]
async fn where_what_was_said_before_can_not_be_read_the_turn_goes_on_and_says_so() {
    let stage = Stage::start("", "").await;
    let forum = stage.guild.forum("questions");
    let post = stage.alice.posts_in_forum(forum, "How do I X?", "I tried Y.");
    stage.fake.inject(
        Fault::status(502)
            .on("GET", &format!("/channels/{post}/messages"))
            .times(50),
    );
    stage.called(&stage.alice, post, "say: help").await;
    in_order(
        &stage.last_asked(),
        &["“How do I X?”", "could not be read", "say: help"],
    );
    stage
        .said(
            post,
            "that it could not",
            with("I could not read what was said here before"),
        )
        .await;

    let secret = stage.guild.forum("secret");
    stage
        .guild
        .overwrite(secret, stage.fake.bot(), 0, permissions::READ_MESSAGE_HISTORY);
    let post = stage.alice.posts_in_forum(secret, "Psst", "I tried Y.");
    // Signs take that permission, too.
    let words = format!("{} say: help", stage.fake.bot().mention());
    stage.alice.says(post, &words);
    stage.said(post, "the answer", with("help")).await;
    stage
        .said(
            post,
            "what is missing",
            with("I lack the permission Read Message History"),
        )
        .await;
}

#[tokio::test]
async fn a_thread_is_of_whoever_called_it_there_and_everybody_is_told_who_that_is() {
    let stage = Stage::start("everyone = true", "").await;
    let bob = stage.guild.member("bob");
    let forum = stage.guild.forum("questions");
    let post = stage.alice.posts_in_forum(forum, "How do I X?", "I tried Y.");
    let asked = bob.says(post, &format!("{} run: echo it-ran", stage.fake.bot().mention()));
    let card = stage.card(post, "echo it-ran").await;
    stage.sign(asked, "✋").await;
    let pressed = stage.alice.presses_labelled(card.id, "Allow once");
    stage
        .told(&stage.alice, post, pressed, &only(&bob, "may decide that"))
        .await;
    let typed = stage.alice.slash(post, "reset", &[]);
    stage
        .told(&stage.alice, post, typed, &only(&bob, "may reset it"))
        .await;
    bob.presses_labelled(card.id, "Allow once");
    stage.sign(asked, "✅").await;
}

#[tokio::test]
async fn what_begins_with_somebody_elses_name_is_said_among_people() {
    let stage = Stage::start("everyone = true", "").await;
    let bob = stage.guild.member("bob");
    let (first, thread) = stage.mention(&stage.alice, "say: one").await;
    stage.sign(first, "✅").await;
    let aside = stage
        .alice
        .says(thread, &format!("{} say: not for the bot", bob.mention()));
    let both = format!("{} and {}\nsay: two", bob.mention(), stage.fake.bot().mention());
    let second = stage.alice.says(thread, &both);
    stage.sign(second, "✅").await;
    let answers = stage.answers(thread).await;
    assert!(
        answers.contains("two") && !answers.contains("not for the bot"),
        "{answers}"
    );
    let reactions = stage
        .fake
        .look(|world| world.message(aside).map(|one| one.reactions.len()));
    assert_eq!(reactions, Some(0));
}
