//! Where the bot speaks: forums, the modes of channels, other bots, and threads that people put away, lock or rename.

use serde_json::json;
use support::discord::{Id, Kind, Pings, permissions};
use support::{client, consent};

use super::signing_in::link;
use super::{Stage, with};

impl Stage {
    /// Lines for a channel with this in it.
    pub(super) fn channel_with(&self, lines: &str) -> String {
        format!("[discord.channels.\"{}\"]\n{lines}", self.channel)
    }

    /// The one who manages the guild.
    pub(super) fn manager(&self) -> support::discord::Person {
        self.guild.member("g-owner")
    }

    /// Waits until the host's log has these words.
    pub(super) async fn logged(&self, words: &str) -> String {
        super::trouble::said_in_log(self.host.as_ref().expect("it runs"), words).await
    }

    pub(super) async fn is_whole(&self, message: Id, thread: Id, words: &str) {
        self.sign(message, "✅").await;
        let said = self.fake.said(thread);
        let count = said.iter().filter(|said| said.contains(words)).count();
        assert_eq!(count, 1, "{words}: {said:?}");
    }
}

#[tokio::test]
async fn a_mention_in_a_forum_post_joins_it_and_the_conversation_goes_on_there() {
    let stage = Stage::start("", "").await;
    let forum = stage.guild.forum("help");
    let text = format!("{} say: in the forum", stage.fake.bot().mention());
    let post = stage.alice.posts_in_forum(forum, "a question", &text);
    stage.is_whole(post, post, "in the forum").await;
    let next = stage.alice.says(post, "say: and again");
    stage.is_whole(next, post, "and again").await;
}

#[tokio::test]
async fn a_mention_in_a_thread_of_somebody_elses_joins_it() {
    let stage = Stage::start("", "").await;
    let thread = stage.alice.starts_thread(stage.channel, "ours", None);
    stage.alice.says(thread, "just talking");
    let text = format!("{} say: joined", stage.fake.bot().mention());
    let asked = stage.alice.says(thread, &text);
    stage.is_whole(asked, thread, "joined").await;
    assert_eq!(
        stage.fake.said(thread).len(),
        1,
        "what was said before is nothing to it"
    );
}

#[tokio::test]
async fn a_channel_in_mode_all_needs_no_mention_and_one_that_is_off_is_silent() {
    let mut stage = Stage::ready("", "").await;
    let off = stage.guild.channel("quiet");
    stage.settings = format!(
        "{}\n[discord.channels.\"{off}\"]\nmode = \"off\"",
        stage.channel_with("mode = \"all\"")
    );
    stage.up().await;
    let text = format!("{} say: hi", stage.fake.bot().mention());
    let ignored = stage.alice.says(off, &text);
    let asked = stage.alice.says(stage.channel, "say: without a mention");
    let thread = stage
        .fake
        .until("a thread", |world| world.message(asked)?.thread)
        .await;
    stage.is_whole(asked, thread, "without a mention").await;
    assert!(stage.fake.said(off).is_empty());
    let opened = stage
        .fake
        .look(|world| world.message(ignored).and_then(|one| one.thread));
    assert_eq!(opened, None);
}

#[tokio::test]
async fn a_listed_bot_is_heard_until_only_bots_have_spoken_for_too_long() {
    let mut stage = Stage::ready("", "").await;
    let robot = stage.guild.other_bot("robot");
    stage.settings = format!("bots = [{}]\nbot_turns = 2", robot.id);
    stage.up().await;
    let (first, thread) = stage.mention(&stage.alice, "say: by a person").await;
    stage.sign(first, "✅").await;
    for number in 1..=2 {
        let asked = robot.says(thread, &format!("say: by a robot {number}"));
        stage
            .is_whole(asked, thread, &format!("by a robot {number}"))
            .await;
    }
    let refused = robot.says(thread, "say: by a robot 3");
    stage
        .said(thread, "the refusal", |said| {
            said.reply_to == Some(refused) && said.content.contains("I wait for a person")
        })
        .await;
    let asked = stage.alice.says(thread, "say: a person again");
    stage.is_whole(asked, thread, "a person again").await;
    let asked = robot.says(thread, "say: by a robot 4");
    stage.is_whole(asked, thread, "by a robot 4").await;
    let said = stage.fake.said(thread);
    assert!(!said.iter().any(|said| said.contains("by a robot 3")), "{said:?}");
}

#[tokio::test]
async fn a_thread_that_is_put_away_in_mid_turn_comes_back_with_all_that_was_said() {
    let stage = Stage::start("", "permissions = \"allow\"").await;
    let (message, thread) = stage.runs_until_go(&stage.alice, "say: over").await;
    let tool = stage
        .said(thread, "the tool", |said| said.button("Stop").is_some())
        .await;
    stage.manager().archives(thread, true);
    stage.lets_end(thread);
    stage.is_whole(message, thread, "over").await;
    let tool = stage.fake.look(|world| world.message(tool.id).cloned());
    let tool = tool.expect("it stays");
    assert!(tool.button("Stop").is_none(), "nothing runs: {}", tool.content);
    stage.manager().archives(thread, true);
    let next = stage.alice.says(thread, "say: woken");
    stage.is_whole(next, thread, "woken").await;
}

#[tokio::test]
async fn a_thread_that_is_locked_or_closed_to_the_bot_is_told_in_the_log_and_stops_nothing_else() {
    let mut stage = Stage::start("", "permissions = \"allow\"").await;
    let (_, thread) = stage.runs_until_go(&stage.alice, "say: over").await;
    stage.manager().locks(thread, true);
    stage.lets_end(thread);
    let told = stage.logged("could not be sent").await;
    assert!(told.contains("locked"), "{told}");
    let (_, other) = stage.runs_until_go(&stage.alice, "say: over").await;
    let deny = permissions::SEND_MESSAGES_IN_THREADS;
    stage.guild.overwrite(stage.channel, stage.fake.bot(), 0, deny);
    stage.lets_end(other);
    let told = stage.logged("could not be sent").await;
    assert!(told.contains("Missing Permissions"), "{told}");
    stage.guild.overwrite(stage.channel, stage.fake.bot(), 0, 0);
    let (message, third) = stage.mention(&stage.alice, "say: still here").await;
    stage.is_whole(message, third, "still here").await;
    assert!(
        stage.fake.invalid_requests() < 20,
        "{}",
        stage.fake.invalid_requests()
    );
    assert_eq!(stage.stop(), Some(0));
}

#[tokio::test]
async fn a_thread_that_is_renamed_in_mid_turn_goes_on() {
    let stage = Stage::start("", "permissions = \"allow\"").await;
    let (message, thread) = stage.runs_until_go(&stage.alice, "say: over").await;
    stage.manager().renames(thread, "another name");
    stage.lets_end(thread);
    stage.is_whole(message, thread, "over").await;
}

#[tokio::test]
async fn what_steering_and_interrupting_did_is_told() {
    for (mode, words) in [
        (
            "steer",
            "was added to the running turn, which begins again with both",
        ),
        ("interrupt", "A newer message interrupted this turn"),
    ] {
        let mut stage = Stage::ready("", "permissions = \"allow\"").await;
        stage.settings = stage.channel_with(&format!("dispatch = \"{mode}\""));
        stage.up().await;
        let (_, thread) = stage.mention(&stage.alice, "run: sleep 60").await;
        stage.said(thread, "the tool", with("sleep 60")).await;
        stage.alice.says(thread, "say: something else");
        stage.said(thread, "what happened", with(words)).await;
    }
}

#[tokio::test]
async fn who_speaks_in_somebody_elses_thread_is_told_whose_login_pays_once_and_again_when_it_changes() {
    let mut stage = Stage::start("everyone = true", "").await;
    let (first, thread) = stage.mention(&stage.alice, "say: mine").await;
    stage.sign(first, "✅").await;
    let (alice, bob) = (stage.alice.clone(), stage.guild.member("bob"));
    let hosts = "the login of this host".to_owned();
    let hers = format!("the login of {}", alice.mention());
    for number in 1..=2 {
        let asked = bob.says(thread, &format!("say: bob {number}."));
        stage.is_whole(asked, thread, &format!("bob {number}.")).await;
    }
    stage.said(thread, "whose login pays", with(&hosts)).await;

    let options = [("vendor", json!("rehearsal"))];
    let typed = alice.slash(thread, "auth", &options);
    let begun = stage.answered(&alice, thread, typed, "Sign in to").await;
    let back = consent(&client(), &link(&begun), "alice@discord").await;
    let options = [("vendor", json!("rehearsal")), ("code", json!(back))];
    let typed = alice.slash(thread, "auth", &options);
    stage.answered(&alice, thread, typed, "Signed in to").await;
    for number in 3..=4 {
        let asked = bob.says(thread, &format!("say: bob {number}."));
        stage.is_whole(asked, thread, &format!("bob {number}.")).await;
    }
    let told = stage.said(thread, "whose login pays now", with(&hers)).await;
    assert_eq!(told.pings, Pings::default(), "she is named, and not called");

    // A new host knows who was told.
    stage.kill();
    stage.up().await;
    let asked = bob.says(thread, "say: bob 5.");
    stage.is_whole(asked, thread, "bob 5.").await;
    let said = stage.fake.said(thread);
    for words in [&hosts, &hers] {
        let count = said.iter().filter(|said| said.contains(words)).count();
        assert_eq!(count, 1, "{words}: {said:?}");
    }
    // And it is told to whoever asks.
    let typed = bob.slash(thread, "status", &[]);
    stage.answered(&bob, thread, typed, &hers).await;
    for (who, words) in [
        (&alice, "works with your login"),
        (&bob, "works with the host’s login"),
    ] {
        let typed = who.slash(thread, "auth", &[("action", json!("status"))]);
        stage.answered(who, thread, typed, words).await;
    }
}

#[tokio::test]
async fn a_new_post_in_a_forum_of_mode_all_is_a_thread_from_its_first_message() {
    let mut stage = Stage::ready("", "").await;
    let forum = stage.guild.forum("help");
    stage.settings = format!("[discord.channels.\"{forum}\"]\nmode = \"all\"");
    stage.up().await;
    let post = stage
        .alice
        .posts_in_forum(forum, "a question", "say: nobody was mentioned");
    stage.is_whole(post, post, "nobody was mentioned").await;
    let joined = stage.fake.requests();
    let joined = joined
        .iter()
        .any(|seen| seen.method == "PUT" && seen.path.contains(&format!("{post}/thread-members/@me")));
    assert!(joined, "it is a member before it writes");
    // A post of the bot's own would need words and tags that it does not know.
    let alice = stage.alice.clone();
    let asked = alice.slash(post, "new", &[("text", json!("say: more"))]);
    stage.told(&alice, post, asked, "make a new post").await;
    // What was posted while the host was down, too.
    stage.kill();
    let post = stage
        .alice
        .posts_in_forum(forum, "another one", "say: while nobody heard");
    stage.up().await;
    stage.is_whole(post, post, "while nobody heard").await;
}

#[tokio::test]
async fn channels_for_news_have_threads_and_those_for_voices_are_told_apart() {
    let stage = Stage::start("", "").await;
    let name = stage.fake.bot().mention();
    let news = stage.guild.place("news", Kind::News);
    let asked = stage.alice.says(news, &format!("{name} say: extra"));
    let thread = stage
        .fake
        .until("a thread", |world| world.message(asked)?.thread)
        .await;
    stage.is_whole(asked, thread, "extra").await;
    let alice = stage.alice.clone();
    let asked = alice.slash(thread, "new", &[("text", json!("say: more"))]);
    stage.told(&alice, thread, asked, "Here it goes on").await;
    for kind in [Kind::Voice, Kind::Stage] {
        let place = stage.guild.place("talking", kind);
        let asked = stage.alice.says(place, &format!("{name} say: hi"));
        stage
            .said(place, "why not", |said| {
                said.reply_to == Some(asked) && said.content.contains("none beside a voice channel")
            })
            .await;
        let asked = alice.slash(place, "new", &[("text", json!("say: more"))]);
        stage
            .told(&alice, place, asked, "none beside a voice channel")
            .await;
    }
}

#[tokio::test]
async fn a_private_thread_is_joined_by_a_mention_and_a_channel_that_moves_stays_what_it_is() {
    let mut stage = Stage::ready("", "").await;
    stage.settings = stage.channel_with("mode = \"all\"");
    stage.up().await;
    let name = stage.fake.bot().mention();
    let private = stage.alice.starts_private_thread(stage.channel, "between us");
    let asked = stage.alice.says(private, &format!("{name} say: a secret"));
    stage.is_whole(asked, private, "a secret").await;
    let category = stage.guild.place("a category", Kind::Category);
    stage.manager().moves(stage.channel, category);
    let next = stage.alice.says(private, "say: and on");
    stage.is_whole(next, private, "and on").await;
    let asked = stage.alice.says(stage.channel, "say: still here");
    let thread = stage
        .fake
        .until("a thread", |world| world.message(asked)?.thread)
        .await;
    stage.is_whole(asked, thread, "still here").await;
}
