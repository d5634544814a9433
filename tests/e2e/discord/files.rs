//! Files that an agent offers.

use std::time::Duration;

use conversation::{Body, Conversation, NewDelivery, ThreadId};
use support::discord::{Fault, Id, Message, Post};

use super::{Stage, with};

#[tokio::test]
async fn a_file_that_the_agent_made_is_uploaded() {
    let stage = Stage::start("", "permissions = \"allow\"").await;
    let (message, thread) = stage
        .mention(&stage.alice, "run: printf hello > result.txt\noffer: result.txt")
        .await;
    let offer = stage
        .said(thread, "the file", |said| !said.attachments.is_empty())
        .await;
    assert!(offer.content.contains("result.txt"), "{}", offer.content);
    let file = &offer.attachments[0];
    assert_eq!(
        (file.name.as_str(), &file.bytes[..]),
        ("result.txt", &b"hello"[..])
    );
    stage.sign(message, "✅").await;
}

#[tokio::test]
async fn a_file_that_is_too_large_is_explained_and_stays_in_the_workspace() {
    let stage = Stage::start("", "permissions = \"allow\"").await;
    let (message, thread) = stage
        .mention(
            &stage.alice,
            "run: head -c 11534336 /dev/zero > big.bin\noffer: big.bin",
        )
        .await;
    let told = stage.said(thread, "why it is not here", with("📎")).await;
    stage
        .said(thread, "why it is not here", |said| {
            said.content.contains("11 MiB") && said.content.contains("stays in the workspace")
        })
        .await;
    assert!(told.attachments.is_empty());
    stage.sign(message, "✅").await;
}

/// A file of so many MiB and one byte more.
fn makes(mib: usize) -> String {
    format!(
        "run: head -c {} /dev/zero > big{mib}.bin\noffer: big{mib}.bin",
        (mib << 20) + 1
    )
}

impl Stage {
    /// Asks for a file of so many MiB and a byte in a thread, and waits until the turn is over: what was said of it.
    async fn offers(&self, thread: Id, mib: usize) -> Message {
        let asked = self.alice.says(thread, &makes(mib));
        self.sign(asked, "✅").await;
        self.said(thread, "the offer", |said| {
            said.id > asked && said.content.contains("📎")
        })
        .await
    }
}

#[tokio::test]
async fn how_large_a_file_may_be_is_what_the_guild_has() {
    let mut stage = Stage::ready("", "permissions = \"allow\"").await;
    stage.guild.boosts(2);
    stage.up().await;
    let (first, thread) = stage.mention(&stage.alice, &makes(10)).await;
    stage.sign(first, "✅").await;
    let offer = stage.said(thread, "the offer", with("📎")).await;
    assert_eq!(offer.attachments.len(), 1, "{}", offer.content);
    // A host that starts knows it before it says anything of that file.
    stage.kill();
    std::fs::write(stage.told_file(thread), "0 open").expect("it can be written");
    stage.up().await;
    let told = stage.offers(thread, 50).await;
    assert!(
        told.attachments.is_empty() && told.content.contains("Discord takes 50 MiB here"),
        "{}",
        told.content
    );
    let edits = stage
        .fake
        .look(|world| world.message(offer.id).map(|said| said.edits.len()));
    assert_eq!(edits, Some(offer.edits.len()), "what was sent stays as it is");
    // What it gets and loses while the host runs.
    stage.guild.boosts(3);
    let whole = stage.offers(thread, 11).await;
    assert_eq!(whole.attachments.len(), 1, "{}", whole.content);
    stage.guild.boosts(1);
    let told = stage.offers(thread, 12).await;
    assert!(
        told.content.contains("Discord takes 10 MiB here"),
        "{}",
        told.content
    );
}

#[tokio::test]
async fn a_file_that_discord_does_not_take_after_all_is_explained() {
    let stage = Stage::start("", "permissions = \"allow\"").await;
    stage.fake.set_file_limit(3);
    let (message, thread) = stage
        .mention(&stage.alice, "run: printf hello > result.txt\noffer: result.txt")
        .await;
    let offer = stage.said(thread, "the file", with("📎")).await;
    stage
        .said(
            thread,
            "why it is not here",
            with("Discord did not take the file"),
        )
        .await;
    assert!(offer.attachments.is_empty());
    stage.sign(message, "✅").await;
}

#[tokio::test]
async fn the_file_with_the_details_is_as_large_as_discord_takes_there() {
    let stage = Stage::start("", "permissions = \"allow\"").await;
    stage.fake.set_file_limit(1000);
    let (message, thread) = stage.mention(&stage.alice, "run: seq 1 4000").await;
    stage.sign(message, "✅").await;
    let tool = stage
        .said(thread, "the tool", |said| said.button("Details").is_some())
        .await;
    let pressed = stage.alice.presses_labelled(tool.id, "Details");
    stage
        .told(
            &stage.alice,
            thread,
            pressed,
            "The file is too large: Discord takes 1000 B here.",
        )
        .await;
}

impl Stage {
    /// What the bot uploaded into a thread, in order: names and contents.
    fn uploads(&self, thread: Id) -> Vec<(String, String)> {
        let messages = self.fake.messages(thread);
        let ours = messages.iter().filter(|said| said.author == self.fake.bot());
        let files = ours.flat_map(|said| &said.attachments);
        files
            .map(|file| {
                (
                    file.name.clone(),
                    String::from_utf8_lossy(&file.bytes).into_owned(),
                )
            })
            .collect()
    }
}

#[tokio::test]
async fn an_agent_that_makes_thirty_files_is_heard_at_once_and_floods_nobody() {
    let stage = Stage::start("", "permissions = \"allow\"").await;
    let mut script: Vec<String> = (0..30)
        .map(|number| format!("write: app/f{number}.ts export const x{number} = {number}"))
        .collect();
    script.push("run: mkdir -p node_modules/x; echo x > node_modules/x/i.js; echo x > .hidden".to_owned());
    script.push("offer: app/f1.ts app/f2.ts app/f3.ts".to_owned());
    script.push("say: I made the app.".to_owned());
    let (message, thread) = stage.mention(&stage.alice, &script.join("\n")).await;
    stage.is_whole(message, thread, "I made the app.").await;
    // The words were not behind anything but a few lines: what had been sent before them is what stands above them.
    let said = stage.fake.said(thread);
    let words = said
        .iter()
        .position(|text| text.starts_with("I made the app."))
        .expect("it is there");
    assert!(words <= 3, "{said:?}");
    assert_eq!(said.len(), words + 2, "{said:?}");
    assert_eq!(
        said[..words].join("\n").matches("write app/f").count(),
        30,
        "{said:?}"
    );
    let expected = [1, 2, 3].map(|number| {
        (
            format!("f{number}.ts"),
            format!("export const x{number} = {number}"),
        )
    });
    assert_eq!(
        stage.uploads(thread),
        expected,
        "all of them in one message, and no others"
    );
    assert_eq!(said[words + 1].lines().count(), 3);
}

#[tokio::test]
async fn what_is_offered_again_after_a_change_comes_again_as_it_is_then() {
    let stage = Stage::start("", "permissions = \"allow\"").await;
    let (message, thread) = stage
        .mention(&stage.alice, "run: printf v1 > chart.png\noffer: chart.png")
        .await;
    stage.sign(message, "✅").await;
    let message = stage
        .alice
        .says(thread, "run: printf v2blue > chart.png\noffer: chart.png");
    stage.sign(message, "✅").await;
    let message = stage
        .alice
        .says(thread, "run: printf v3 > chart.png\nsay: not this");
    stage.sign(message, "✅").await;
    let chart = |content: &str| ("chart.png".to_owned(), content.to_owned());
    assert_eq!(stage.uploads(thread), [chart("v1"), chart("v2blue")]);
}

#[tokio::test]
async fn what_people_upload_while_a_command_runs_is_not_handed_back_to_them() {
    let stage = Stage::start("", "permissions = \"allow\"").await;
    let wait = "run: until [ -e only.txt ] || [ -e uploads/only.txt ]; do sleep 0.1; done; sleep 0.3";
    let (message, thread) = stage.mention(&stage.alice, wait).await;
    stage.said(thread, "the command", with("until")).await;
    let theirs = Post::new("say: got it").file("only.txt", "text/plain", b"mine");
    let next = stage.alice.posts(thread, theirs);
    stage.sign(message, "✅").await;
    stage.sign(next, "✅").await;
    assert_eq!(stage.uploads(thread), []);
}

#[tokio::test]
async fn what_an_earlier_version_began_to_say_file_by_file_holds_up_nothing_and_comes_once() {
    let mut stage = Stage::start("", "permissions = \"allow\"").await;
    let slow = Fault::slow(Duration::from_mins(1)).on("POST", "/channels/*/messages");
    let (first, thread) = stage.mention(&stage.alice, "say: at first").await;
    stage.sign(first, "✅").await;
    stage.fake.inject(slow);
    let script = "run: printf 1 > a; printf 2 > b\noffer: a b\nsay: both";
    let message = stage.alice.says(thread, script);
    stage.written(message, thread, "both").await;
    stage.kill();
    // As a host did that had a message for each file.
    let book = Conversation::open_offline(stage.scene.folder()).expect("it opens");
    let id = ThreadId::parse(&format!("discord:{thread}")).expect("an id");
    let items = book.items(&id, None, 100).await.expect("entries");
    let files: Vec<_> = items
        .iter()
        .filter(|item| matches!(item.body, Body::File(_)))
        .collect();
    assert_eq!(files.len(), 2);
    let begun = files.iter().map(|item| NewDelivery {
        thread: id.clone(),
        turn: item.turn,
        part: item.id.0 * 1024,
        text: "📎 one".to_owned(),
    });
    let put = book.put_deliveries(begun.collect()).await.expect("it is written");
    assert_eq!(put.len(), 2);
    drop(book);
    stage.up().await;
    stage.sign(message, "✅").await;
    let uploads = [("a".to_owned(), "1".to_owned()), ("b".to_owned(), "2".to_owned())];
    assert_eq!(stage.uploads(thread), uploads, "{:?}", stage.fake.said(thread));
    assert_eq!(stage.count(thread, "both"), 1);
    let next = stage.alice.says(thread, "say: it goes on");
    stage.is_whole(next, thread, "it goes on").await;
}
