//! People who talk among themselves, in a thread of the bot's and where it answers everything.

use support::discord::{Id, Person, Post};

use super::Stage;

impl Stage {
    /// Somebody answers a message.
    fn answers_with(who: &Person, place: Id, to: Id, text: &str) -> Id {
        who.posts(place, Post::new(text).reply_to(to))
    }
}

#[tokio::test]
async fn an_answer_to_somebody_else_is_not_for_the_bot_and_one_to_oneself_to_it_or_to_nothing_any_more_is() {
    let stage = Stage::start("everyone = true", "").await;
    let (alice, bob) = (&stage.alice, stage.guild.member("bob"));
    let robot = stage.guild.other_bot("robot");
    let (first, thread) = stage.mention(alice, "say: hello").await;
    stage.is_whole(first, thread, "hello").await;
    let bobs = bob.says(thread, "say: of bob");
    stage.sign(bobs, "✅").await;
    let robots = robot.says(thread, "I am a machine");
    let gone = bob.says(thread, &format!("{} say: gone", alice.mention()));
    let own = alice.says(thread, "say: of alice");
    stage.sign(own, "✅").await;
    let bot = stage.fake.bot();
    let ours = stage.fake.messages(thread);
    let ours = ours
        .iter()
        .find(|said| said.author == bot && said.content.starts_with("of alice"));
    let ours = ours.expect("its answer").id;

    for to in [bobs, robots] {
        Stage::answers_with(alice, thread, to, "say: between us");
    }
    let asked = [
        Stage::answers_with(alice, thread, own, "say: to myself"),
        Stage::answers_with(alice, thread, ours, "say: to the bot"),
        Stage::answers_with(alice, thread, bobs, &format!("{} say: called", bot.mention())),
    ];
    bob.deletes(gone);
    let late = Stage::answers_with(alice, thread, gone, "say: to nothing");
    for asked in asked.into_iter().chain([late]) {
        stage.sign(asked, "✅").await;
    }
    assert_eq!(
        stage.answers(thread).await,
        "hello\nof bob\nof alice\nto myself\nto the bot\ncalled\nto nothing"
    );
}

#[tokio::test]
async fn where_the_bot_answers_everything_an_answer_to_somebody_else_opens_no_thread() {
    let mut stage = Stage::ready("", "").await;
    stage.settings = format!(
        "everyone = true\n[discord.channels.{}]\nmode = \"all\"",
        stage.channel
    );
    stage.up().await;
    let bob = stage.guild.member("bob");
    let bobs = bob.says(
        stage.channel,
        &format!("{} are you there?", stage.alice.mention()),
    );
    let between = Stage::answers_with(&stage.alice, stage.channel, bobs, "say: between us");
    let asked = stage.alice.says(stage.channel, "say: for the bot");
    stage.sign(asked, "✅").await;
    let opened = stage
        .fake
        .look(|world| world.message(between).and_then(|one| one.thread));
    assert_eq!(opened, None);
}
