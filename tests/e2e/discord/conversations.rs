//! From a mention to the answer, and on from there.

use std::time::Duration;

use support::discord::{Fault, Post};

use super::{Stage, with};

/// Of a message: links in it are shown without what they lead to.
const SUPPRESS_EMBEDS: u64 = 1 << 2;

#[tokio::test]
async fn a_mention_opens_a_thread_with_its_title_and_the_answer_comes_there() {
    let mut stage = Stage::start("", "").await;
    let (message, thread) = stage.mention(&stage.alice, "say: **hello** from the agent").await;
    let name = stage
        .fake
        .look(|world| world.channel(thread).map(|thread| thread.name.clone()));
    assert_eq!(name.as_deref(), Some("say: hello from the agent"));
    let answer = stage
        .said(thread, "the answer", with("**hello** from the agent"))
        .await;
    assert_eq!(
        answer.flags, SUPPRESS_EMBEDS,
        "what it links to is not shown below it"
    );
    stage.sign(message, "✅").await;
    stage
        .said(thread, "the footer", |said| {
            said.id == answer.id && said.content.contains("\n-# ")
        })
        .await;
    assert!(
        stage.fake.said(stage.channel).is_empty(),
        "nothing in the channel"
    );
    assert_eq!(stage.stop(), Some(0));
}

#[tokio::test]
async fn a_thread_goes_on_without_a_mention_and_its_agent_remembers() {
    let stage = Stage::start("", "").await;
    let (_, thread) = stage.mention(&stage.alice, "say: one").await;
    stage.said(thread, "the first answer", with("one")).await;
    let second = stage.alice.says(thread, "say: two");
    stage.said(thread, "the second answer", with("two")).await;
    stage.sign(second, "✅").await;
    assert_eq!(
        crate::threads::asked(&stage.scene),
        ["user: say: one", "assistant: one", "user: say: two"]
    );
}

#[tokio::test]
async fn a_long_answer_streams_by_editing_and_stays_inside_the_limits() {
    let stage = Stage::start("", "").await;
    let (message, thread) = stage.mention(&stage.alice, "stream 400 words").await;
    stage.sign(message, "✅").await;
    let edits = stage.fake.look(|world| {
        let messages = world.messages(thread);
        messages.iter().map(|message| message.edits.len()).sum::<usize>()
    });
    assert!(edits > 0, "the answer grew while it was written");
    let limited = stage.fake.requests();
    let limited = limited.iter().filter(|seen| seen.status == 429).count();
    assert_eq!(limited, 0, "nothing was too much");
    let written = stage.answers(thread).await;
    let written: Vec<&str> = written.split_whitespace().collect();
    assert!(written.len() >= 400);
    // The last edits may still be on their way.
    stage
        .fake
        .until("every word, in order, and once", |world| {
            let messages = world.messages(thread);
            let said = messages
                .iter()
                .filter(|said| said.author == stage.fake.bot() && !said.is_note());
            let lines = said.flat_map(|said| said.content.lines());
            let words = lines
                .filter(|line| !line.starts_with("-#"))
                .flat_map(str::split_whitespace);
            words.eq(written.iter().copied()).then_some(())
        })
        .await;
}

#[tokio::test]
async fn strangers_bots_and_edits_are_nothing_to_it() {
    let stage = Stage::start("", "").await;
    let stranger = stage.guild.member("mallory");
    let robot = stage.guild.other_bot("robot");
    let name = stage.fake.bot().mention();
    let asked = stranger.says(stage.channel, &format!("{name} say: hi"));
    robot.says(stage.channel, &format!("{name} say: hi"));
    stage.alice.says(stage.channel, "just chatting");
    stage
        .said(stage.channel, "the refusal", |said| {
            said.reply_to == Some(asked) && said.content.contains("not on the list")
        })
        .await;
    let (message, thread) = stage.mention(&stage.alice, "say: yes").await;
    stage.said(thread, "the answer", with("yes")).await;
    stage.sign(message, "✅").await;
    stage.alice.edits(message, &format!("{name} say: no"));
    let threads = stage.fake.look(|world| world.threads(stage.channel).len());
    assert_eq!(threads, 1, "only Alice was answered");
    assert_eq!(stage.fake.said(stage.channel).len(), 1);
}

#[tokio::test]
async fn what_was_said_while_the_host_was_down_is_answered_once() {
    let mut stage = Stage::start("", "").await;
    let (first, thread) = stage.mention(&stage.alice, "say: before").await;
    stage.sign(first, "✅").await;
    assert_eq!(stage.stop(), Some(0));
    let inside = stage.alice.says(thread, "say: meanwhile");
    let name = stage.fake.bot().mention();
    let outside = stage.alice.says(stage.channel, &format!("{name} say: elsewhere"));
    stage.up().await;
    stage.sign(inside, "✅").await;
    stage.sign(outside, "✅").await;
    assert_eq!(stage.stop(), Some(0));
    stage.up().await;
    let last = stage.alice.says(thread, "say: after");
    stage.sign(last, "✅").await;
    let said = stage.fake.said(thread);
    for words in ["before", "meanwhile", "after"] {
        let count = said.iter().filter(|said| said.contains(words)).count();
        assert_eq!(count, 1, "{words}: {said:?}");
    }
    let deleted = stage.fake.requests();
    let deleted = deleted
        .iter()
        .filter(|seen| seen.method == "DELETE" && !seen.path.contains("reactions"));
    assert_eq!(deleted.count(), 0, "what was said stays");
}

#[tokio::test]
async fn a_killed_host_says_nothing_twice_and_offers_the_cut_turn_again() {
    let mut stage = Stage::start("", "permissions = \"allow\"").await;
    let (message, thread) = stage
        .mention(&stage.alice, "say: begun\nrun: sleep 30\nsay: over")
        .await;
    stage.said(thread, "the beginning", with("begun")).await;
    stage.kill();
    stage.up().await;
    let note = stage
        .said(thread, "the note", |said| said.button("Retry").is_some())
        .await;
    stage.sign(message, "❌").await;
    let begun = stage.fake.said(thread);
    let begun = begun.iter().filter(|said| said.contains("begun")).count();
    assert_eq!(begun, 1, "it is there once");
    stage.alice.presses_labelled(note.id, "Retry");
    stage
        .fake
        .until("the second beginning", |world| {
            let messages = world.messages(thread);
            let begun = messages
                .iter()
                .filter(|said| said.author == stage.fake.bot() && said.content.contains("begun"));
            (begun.count() == 2).then_some(())
        })
        .await;
}

#[tokio::test]
async fn an_answer_that_was_lost_on_the_way_is_not_said_twice() {
    let stage = Stage::start("", "").await;
    let lost = Fault::answer_lost().on("POST", "/channels/*/messages");
    stage.fake.inject(lost);
    let (message, thread) = stage.mention(&stage.alice, "say: only once").await;
    stage.sign(message, "✅").await;
    stage
        .said(thread, "the footer", |said| said.content.contains("\n-# "))
        .await;
    assert_eq!(stage.fake.faults_left(), 0);
    let said = stage.fake.said(thread);
    let count = said.iter().filter(|said| said.contains("only once")).count();
    assert_eq!(count, 1, "{said:?}");
}

#[tokio::test]
async fn too_many_requests_lose_nothing() {
    let stage = Stage::start("", "").await;
    for path in ["/channels/*/messages", "/channels/*/messages/*/threads"] {
        let fault = Fault::too_many(Duration::from_millis(300));
        stage.fake.inject(fault.on("POST", path));
    }
    let (message, thread) = stage.mention(&stage.alice, "say: still here").await;
    stage.sign(message, "✅").await;
    stage.said(thread, "the answer", with("still here")).await;
    assert_eq!(stage.fake.faults_left(), 0);
}

#[tokio::test]
async fn a_message_that_comes_while_a_turn_runs_waits_and_is_told_so() {
    let stage = Stage::start("", "permissions = \"allow\"").await;
    let (_, thread) = stage.runs_until_go(&stage.alice, "say: first done").await;
    let second = stage.alice.says(thread, "say: second done");
    stage
        .said(thread, "that it waits", with("Queued behind the running turn"))
        .await;
    stage.lets_end(thread);
    stage.sign(second, "✅").await;
    stage.said(thread, "the second answer", with("second done")).await;
}

#[tokio::test]
async fn files_come_in_under_harmless_names_and_the_agent_reads_them() {
    let stage = Stage::start("", "permissions = \"allow\"").await;
    let name = stage.fake.bot().mention();
    let text = format!("{name} run: cat uploads/passwd");
    let post = Post::new(&text).file("../../etc/passwd", "text/plain", b"nothing secret");
    let message = stage.alice.posts(stage.channel, post);
    stage.sign(message, "✅").await;
    let thread = stage
        .fake
        .look(|world| world.message(message).and_then(|one| one.thread));
    let thread = thread.expect("a thread");
    let tool = stage
        .said(thread, "the tool", |said| said.button("Details").is_some())
        .await;
    let pressed = stage.alice.presses_labelled(tool.id, "Details");
    stage
        .fake
        .until("the details", |world| {
            let seen = world.messages_seen_by(&stage.alice, thread);
            let mut answers = seen.iter().filter(|one| one.interaction == Some(pressed));
            answers
                .any(|one| one.content.contains("nothing secret"))
                .then_some(())
        })
        .await;
}

#[tokio::test]
async fn a_direct_conversation_is_a_thread_where_that_is_allowed() {
    let stage = Stage::start("dms = true", "").await;
    let direct = stage.alice.direct();
    let message = stage.alice.says(direct, "say: in private");
    stage.sign(message, "✅").await;
    stage.said(direct, "the answer", with("in private")).await;
}

#[tokio::test]
async fn a_gateway_that_breaks_is_joined_again_and_nothing_is_missed() {
    let stage = Stage::start("", "").await;
    stage.fake.gateway().drop_connections();
    let (first, _) = stage.mention(&stage.alice, "say: after a drop").await;
    stage.sign(first, "✅").await;
    stage.fake.gateway().invalidate_sessions(false);
    let (second, _) = stage.mention(&stage.alice, "say: after a new session").await;
    stage.sign(second, "✅").await;
}

/// The scale: threads at once, all of them streaming.
const MANY: usize = 50;

impl Stage {
    /// Waits until all of them have streamed an answer, each of which stands in its thread then, word for word and once.
    async fn many_stream(&self) {
        let name = self.fake.bot().mention();
        let messages: Vec<_> = (0..MANY)
            .map(|number| {
                let text = format!("{name} stream 60 words\nsay: last word of {number}.");
                self.alice.says(self.channel, &text)
            })
            .collect();
        for (number, message) in messages.into_iter().enumerate() {
            let last = format!("last word of {number}.");
            let thread = self
                .fake
                .until("a thread", |world| world.message(message)?.thread)
                .await;
            self.sign(message, "✅").await;
            let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
            let said = self.fake.said(thread).join("\n");
            // All but the footer.
            let said = said.lines().filter(|line| !line.starts_with("-# "));
            let said = words(&said.collect::<Vec<_>>().join("\n"));
            let answered = words(&self.answers(thread).await);
            assert!(
                answered.len() > 60 && answered.join(" ").ends_with(&last),
                "{answered:?}"
            );
            assert_eq!(said, answered, "thread {number}");
        }
    }
}

#[tokio::test]
async fn many_threads_stream_at_once_inside_the_limits_and_each_gets_its_last_word() {
    let stage = Stage::start("", "").await;
    stage.many_stream().await;
    let requests = stage.fake.requests();
    let limited: Vec<_> = requests.iter().filter(|seen| seen.status == 429).collect();
    assert!(limited.is_empty(), "too much: {limited:?}");
    let edits = requests.iter().filter(|seen| seen.method == "PATCH").count();
    assert!(edits > MANY, "it was not streamed: {edits} edits");
}

#[tokio::test]
async fn many_threads_that_are_told_to_wait_again_and_again_lose_no_word() {
    let stage = Stage::start("", "").await;
    let pause = Duration::from_millis(300);
    for (method, path) in [
        ("POST", "/channels/*/messages"),
        ("PATCH", "/channels/*/messages/*"),
    ] {
        stage
            .fake
            .inject(Fault::too_many(pause).on(method, path).times(30));
        let globally = Fault::too_many_globally(pause).on(method, path);
        stage.fake.inject(globally.times(2));
    }
    stage.many_stream().await;
    assert_eq!(stage.fake.faults_left(), 0);
}

#[tokio::test]
async fn threads_of_a_channel_get_its_folder_model_and_permissions_and_each_a_workspace_of_its_own() {
    let mut stage = Stage::ready("", "").await;
    let place = tempfile::tempdir().expect("a folder can be made");
    let table = |permissions: &str| {
        format!(
            "[discord.channels.{}]\nworkspace = \"{}\"\nmodel = \"rehearsal-fast\"\npermissions = \"{permissions}\"",
            stage.channel,
            place.path().display()
        )
    };
    let (allows, denies) = (table("allow"), table("deny"));
    stage.settings = allows;
    stage.up().await;
    let mut threads = vec![];
    for name in ["one", "two"] {
        let text = format!("run: ls > seen; echo {name} > proof");
        let (message, thread) = stage.mention(&stage.alice, &text).await;
        stage.sign(message, "✅").await;
        threads.push((name, thread));
    }
    for (name, thread) in &threads {
        let own = place.path().join(format!("discord.{thread}"));
        let read = |file: &str| std::fs::read_to_string(own.join(file)).expect("nobody was asked");
        assert_eq!(read("proof"), format!("{name}\n"));
        assert_eq!(read("seen"), "seen\n", "it is nobody else's");
    }
    for request in stage.scene.control().model_requests() {
        assert_eq!(request.body["model"], "rehearsal-fast");
    }
    // What the channel says now holds for what was opened before.
    stage.stop();
    stage.settings = denies;
    stage.up().await;
    let (_, thread) = threads[0];
    let message = stage.alice.says(thread, "run: echo more > more");
    stage.sign(message, "✅").await;
    let own = place.path().join(format!("discord.{thread}"));
    assert!(own.join("proof").exists() && !own.join("more").exists());
}
