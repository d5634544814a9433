//! Files that an agent offers.

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
