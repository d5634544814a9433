//! Files that people send: what the agent gets of them, and what is told when it gets nothing.

use std::fs;
use std::time::Duration;

use support::discord::{Fault, Id, Post};

use super::Stage;
use crate::cards::PIXEL;

/// Where the fake has files.
const FILES: &str = "/cdn/attachments/*/*/*";

impl Stage {
    /// A thread that rests.
    async fn opened(&self) -> Id {
        let (message, thread) = self.mention(&self.alice, "say: hi").await;
        self.sign(message, "✅").await;
        thread
    }
}

#[tokio::test]
async fn pictures_and_texts_reach_the_model_and_the_workspace_under_harmless_names() {
    let stage = Stage::start("", "").await;
    let text = format!("{} read: uploads/notes.txt", stage.fake.bot().mention());
    let post = Post::new(&text)
        .file("shot.png", "image/png", PIXEL)
        .file("notes.txt", "text/plain", b"first notes")
        .file("../../notes.txt", "text/plain", b"second notes")
        .file("../..", "text/plain", b"no name")
        .file("empty.log", "text/plain", b"");
    let message = stage.alice.posts(stage.channel, post);
    stage.sign(message, "✅").await;
    let thread = stage
        .fake
        .look(|world| world.message(message).and_then(|one| one.thread));
    let uploads = stage.workspace(thread.expect("a thread")).join("uploads");
    let mut found: Vec<(String, Vec<u8>)> = fs::read_dir(&uploads)
        .expect("it is there")
        .map(|entry| entry.expect("it can be read").path())
        .map(|path| {
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            (name, fs::read(path).expect("it can be read"))
        })
        .collect();
    found.sort();
    let names: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(found.len(), 5, "{names:?}");
    let holds = |bytes: &[u8]| found.iter().any(|(_, content)| content == bytes);
    assert!(
        holds(PIXEL) && holds(b"first notes") && holds(b"second notes") && holds(b"no name"),
        "{names:?}"
    );
    assert!(
        !stage.scene.folder().join("notes.txt").exists(),
        "nothing is written elsewhere"
    );
    let requests = stage.scene.control().model_requests();
    let asked: String = requests.iter().map(|request| request.body.to_string()).collect();
    assert!(
        asked.contains("data:image/png;base64,iVBOR"),
        "the model sees the picture"
    );
    assert!(asked.contains("first notes"), "the model reads the text");
}

#[tokio::test]
async fn files_that_do_not_come_are_told_one_by_one_and_the_rest_goes_on() {
    let stage = Stage::start("", "").await;
    let thread = stage.opened().await;
    let gone = Post::new("say: answered all the same").file("gone.txt", "text/plain", b"x");
    stage.fake.inject(Fault::status(404).on("GET", FILES));
    let message = stage.alice.posts(thread, gone);
    stage
        .said(thread, "which one is missing", |said| {
            said.content.contains("gone.txt") && said.content.contains("the file is not there")
        })
        .await;
    stage.is_whole(message, thread, "answered all the same").await;

    // Only the second one is too big; the first arrives.
    let big = vec![b'x'; (25 << 20) + 1];
    let both = Post::new("say: with one")
        .file("small.txt", "text/plain", b"small")
        .file("huge.bin", "application/octet-stream", &big);
    let message = stage.alice.posts(thread, both);
    stage
        .said(thread, "which one is too large", |said| {
            said.content.contains("huge.bin") && said.content.contains("files up to 25 MiB")
        })
        .await;
    stage.is_whole(message, thread, "with one").await;
    let small = fs::read(stage.workspace(thread).join("uploads/small.txt"));
    assert_eq!(small.expect("it came"), b"small");

    // Without words and without a file nothing is left to do.
    stage.fake.inject(Fault::status(404).on("GET", FILES));
    let nothing = stage
        .alice
        .posts(thread, Post::new("").file("void.txt", "text/plain", b"x"));
    stage
        .said(thread, "why nothing happens", |said| {
            said.reply_to == Some(nothing) && said.content.contains("void.txt")
        })
        .await;
}

#[tokio::test]
async fn a_connection_that_breaks_is_tried_again_and_a_slow_file_does_not_change_the_order() {
    let stage = Stage::start("", "").await;
    let thread = stage.opened().await;
    stage.fake.inject(Fault::request_lost().on("GET", FILES));
    let first = stage.alice.posts(
        thread,
        Post::new("say: first").file("broken.txt", "text/plain", b"came after all"),
    );
    stage.is_whole(first, thread, "first").await;
    let file = fs::read(stage.workspace(thread).join("uploads/broken.txt"));
    assert_eq!(file.expect("it came"), b"came after all");

    stage
        .fake
        .inject(Fault::slow(Duration::from_secs(1)).on("GET", FILES));
    let slow = stage.alice.posts(
        thread,
        Post::new("say: second").file("slow.txt", "text/plain", b"slow"),
    );
    let quick = stage.alice.says(thread, "say: third");
    stage.is_whole(quick, thread, "third").await;
    stage.is_whole(slow, thread, "second").await;
    let said = stage.answers(thread).await;
    let at = |words: &str| said.find(words).expect("it was answered");
    assert!(at("first") < at("second") && at("second") < at("third"), "{said}");
}

#[tokio::test]
async fn a_thread_that_a_file_alone_opens_is_called_like_the_file() {
    let stage = Stage::start("", "").await;
    let post = Post::new(&stage.fake.bot().mention()).file("quarterly report.csv", "text/csv", b"a,b");
    let message = stage.alice.posts(stage.channel, post);
    let thread = stage
        .fake
        .until("a thread", |world| {
            world.message(message).and_then(|one| one.thread)
        })
        .await;
    let name = stage
        .fake
        .look(|world| world.channel(thread).expect("it is there").name.clone());
    assert_eq!(name, "quarterly report.csv");
}
