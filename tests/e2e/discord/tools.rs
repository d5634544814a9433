//! The agent's tools in a thread of Discord: what each shows, what one may reach, and what the command line does there.

use std::fs;

use support::discord::Id;

use super::{Stage, with};

#[tokio::test]
async fn each_tool_is_a_line_with_its_details_and_a_changed_file_is_a_diff() {
    let stage = Stage::start("", "permissions = \"allow\"").await;
    let text = "plan: look; change; tell\nthink: let me see\nwrite: notes.txt one\\ntwo\nread: notes.txt\n\
                edit: notes.txt two => three\ngrep: three\nglob: *.txt\nlist\nrun: exit 3\noffer: notes.txt\nsay: all done";
    let (message, thread) = stage.mention(&stage.alice, text).await;
    stage.is_whole(message, thread, "all done").await;
    let said = stage.fake.said(thread).join("\n");
    assert!(said.contains("**Plan**") && said.contains("exit 3"), "{said}");
    assert!(
        !said.contains("let me see"),
        "thoughts are not shown unless asked for: {said}"
    );
    let tools: Vec<Id> = {
        let messages = stage.fake.messages(thread);
        let with_details = messages.iter().filter(|said| said.button("Details").is_some());
        with_details.map(|said| said.id).collect()
    };
    let mut shown = String::new();
    for tool in tools {
        let pressed = stage.alice.presses_labelled(tool, "Details");
        let details = stage.answered(&stage.alice, thread, pressed, "").await;
        shown.push_str(&details.content);
        for file in &details.attachments {
            shown.push_str(&String::from_utf8_lossy(&file.bytes));
        }
    }
    for words in ["-two", "+three", "one", "notes.txt"] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    let offered = stage.fake.messages(thread);
    let offered = offered.iter().flat_map(|said| &said.attachments);
    let offered: Vec<_> = offered.filter(|file| file.name == "notes.txt").collect();
    assert_eq!(offered.last().expect("the file").bytes, b"one\nthree");
}

#[tokio::test]
async fn a_command_reads_nothing_of_the_host_or_of_another_thread() {
    let stage = Stage::start("", "permissions = \"allow\"").await;
    let (message, other) = stage.mention(&stage.alice, "write: secret.txt planted").await;
    stage.sign(message, "✅").await;
    let host = stage.host.as_ref().expect("it runs").pid();
    let looks = [
        format!("cat {}/auth.json", stage.scene.folder().display()),
        format!("cat {}/secret.txt", stage.workspace(other).display()),
        format!("cat /proc/{host}/environ"),
    ];
    let looks = looks.map(|look| format!("{look} && echo read-it; ")).concat();
    let (message, thread) = stage
        .mention(&stage.alice, &format!("run: {looks}echo looked"))
        .await;
    stage.sign(message, "✅").await;
    let tool = stage
        .said(thread, "the command", |said| said.button("Details").is_some())
        .await;
    let pressed = stage.alice.presses_labelled(tool.id, "Details");
    let details = stage.answered(&stage.alice, thread, pressed, "looked").await;
    // Behind the command itself.
    let printed = details.content.split("\n```\n```\n").nth(1);
    let printed = printed.expect("it printed something");
    assert!(printed.contains("looked"), "{details:?}");
    for hidden in ["read-it\n", "planted\n", "refresh_token", "DISCORD_TOKEN"] {
        assert!(!printed.contains(hidden), "{hidden}: {printed}");
    }
}

#[tokio::test]
async fn an_operator_shows_stops_and_resets_a_thread_of_discord_at_the_command_line() {
    let stage = Stage::start("", "").await;
    let (message, thread) = stage.mention(&stage.alice, "hold\nsay: never").await;
    stage.scene.wait(rehearsal::Counter::ModelRequests, 1).await;
    let name = format!("discord:{thread}");
    let shown = stage.prints(&["threads", "show", &name]).await;
    assert!(shown.contains("say: never"), "{shown}");
    let listed = stage.prints(&["threads", "list"]).await;
    assert!(listed.contains(&name), "{listed}");
    stage.prints(&["threads", "stop", &name]).await;
    stage.sign(message, "❌").await;
    stage.prints(&["threads", "reset", &name]).await;
    stage.said(thread, "what was done", with("reset")).await;
    let next = stage.alice.says(thread, "say: without a memory");
    stage.is_whole(next, thread, "without a memory").await;
    assert_eq!(
        crate::threads::asked(&stage.scene),
        ["user: say: without a memory"]
    );
    assert!(fs::exists(stage.workspace(thread)).expect("it can be looked at"));
}
