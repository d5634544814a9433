//! Files that an agent offers.

use support::discord::{Id, Message};

use super::{Stage, with};

#[tokio::test]
async fn a_file_that_the_agent_made_is_uploaded() {
    let stage = Stage::start("", "permissions = \"allow\"").await;
    let (message, thread) = stage
        .mention(&stage.alice, "run: printf hello > result.txt")
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
        .mention(&stage.alice, "run: head -c 11534336 /dev/zero > big.bin")
        .await;
    let told = stage.said(thread, "why it is not here", with("big.bin")).await;
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
    format!("run: head -c {} /dev/zero > big{mib}.bin", (mib << 20) + 1)
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
        .mention(&stage.alice, "run: printf hello > result.txt")
        .await;
    let offer = stage.said(thread, "the file", with("result.txt")).await;
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
