//! What agents say and print that is too long, or meant to do harm.

use std::fs;

use serde_json::json;
use support::discord::Message;

use super::{Stage, with};

/// One letter for a reader.
const FAMILY: &str = "👨‍👩‍👧‍👦";

impl Stage {
    /// An agent that answers each message with this text, in pieces of so many characters.
    async fn answering(text: &str, piece: usize) -> Self {
        let mut stage = Self::ready("", "").await;
        let said = stage.scene.folder().join("said.jsonl");
        let letters: Vec<char> = text.chars().collect();
        let lines = letters.chunks(piece).map(|chunk| {
            let text: String = chunk.iter().collect();
            let update = json!({ "sessionUpdate": "agent_message_chunk", "content": { "type": "text", "text": text } });
            let params = json!({ "sessionId": "s1", "update": update });
            format!("{}\n", json!({ "jsonrpc": "2.0", "method": "session/update", "params": params }))
        });
        fs::write(&said, lines.collect::<String>()).expect("it can be written");
        stage.serve_by_script(&format!(
            "on_prompt() {{ cat '{}'; answer '{{\"stopReason\":\"end_turn\"}}'; }}",
            said.display()
        ));
        stage.up().await;
        stage
    }

    /// Asks once. What the agent said, message by message, without what stands below in small letters.
    async fn parts(&self) -> Vec<Message> {
        let (message, thread) = self.mention(&self.alice, "go").await;
        self.sign(message, "✅").await;
        let bot = self.fake.bot();
        let mut said = self.fake.messages(thread);
        said.retain(|said| said.author == bot && !said.is_note());
        for one in &mut said {
            let lines = one.content.lines().filter(|line| !line.starts_with("-# "));
            one.content = lines.collect::<Vec<_>>().join("\n");
        }
        said
    }
}

fn repeated(count: usize, one: impl Fn(usize) -> String) -> String {
    (0..count).map(one).collect()
}

#[tokio::test]
async fn a_long_answer_is_split_without_breaking_fences_tables_links_or_letters() {
    let prose =
        "Some words about [the docs](https://x.example/a/rather/long/path?with=a&query=1#and-a-part) here. ";
    let code = repeated(150, |number| format!("let line_{number} = {number} + 1;\n"));
    let rows = repeated(60, |number| format!("| row {number} | cell {number} |\n"));
    let text = format!(
        "{}\n\n```rust\n{code}```\n\n| name | value |\n|---|---|\n{rows}\n{}\n\nThe end.",
        prose.repeat(30),
        FAMILY.repeat(250)
    );
    let stage = Stage::answering(&text, 700).await;
    let parts = stage.parts().await;
    assert!(parts.len() > 5, "{}", parts.len());
    let mut links = 0;
    for part in &parts {
        let content = &part.content;
        let fences = content.lines().filter(|line| line.starts_with("```")).count();
        assert_eq!(fences % 2, 0, "a fence is open: {content}");
        let whole = content
            .matches("](https://x.example/a/rather/long/path?with=a&query=1#and-a-part)")
            .count();
        assert_eq!(content.matches("[the docs]").count(), whole, "{content}");
        links += whole;
        assert_eq!(
            content.matches('👨').count(),
            content.matches(FAMILY).count(),
            "{content}"
        );
    }
    let all = parts
        .iter()
        .map(|part| part.content.as_str())
        .collect::<Vec<_>>()
        .join("\n");
    assert_eq!(links, 30);
    assert_eq!(all.matches(FAMILY).count(), 250);
    let written: Vec<&str> = all.lines().filter(|line| line.starts_with("let line_")).collect();
    assert_eq!(
        written,
        code.lines().collect::<Vec<_>>(),
        "every line of code, once, in order"
    );
    let rows: Vec<&str> = all.lines().filter(|line| line.contains("row ")).collect();
    assert_eq!(rows.len(), 60);
    for (number, row) in rows.iter().enumerate() {
        assert!(
            row.contains(&format!("row {number} ")) && row.contains(&format!("cell {number}")),
            "{row}"
        );
    }
    assert!(all.trim_end().ends_with("The end."), "{all}");
}

#[tokio::test]
async fn an_answer_of_a_megabyte_is_a_few_messages_and_a_file_with_all_of_it() {
    let text = repeated(125_000, |number| format!("w{number:06} "));
    assert_eq!(text.len(), 1_000_000);
    let stage = Stage::answering(&text, 10_000).await;
    let parts = stage.parts().await;
    assert!(parts.len() < 20, "{}", parts.len());
    let files: Vec<_> = parts.iter().flat_map(|part| &part.attachments).collect();
    let [file] = &files[..] else {
        panic!("one file with all of it: {files:?}")
    };
    assert_eq!(file.bytes.trim_ascii_end(), text.trim_end().as_bytes());
}

#[tokio::test]
async fn a_command_that_prints_a_megabyte_is_one_line_and_its_details_a_file() {
    let stage = Stage::start("", "permissions = \"allow\"").await;
    let (message, thread) = stage
        .mention(
            &stage.alice,
            "run: yes 0123456789abcde | head -c 1048576; echo the-end\nsay: done",
        )
        .await;
    stage.is_whole(message, thread, "done").await;
    let tool = stage.said(thread, "the command", with("✅ `yes")).await;
    assert!(tool.content.lines().count() == 1, "{}", tool.content);
    let pressed = stage.alice.presses_labelled(tool.id, "Details");
    let details = stage.answered(&stage.alice, thread, pressed, "in the file").await;
    let [file] = &details.attachments[..] else {
        panic!("a file: {details:?}")
    };
    let text = String::from_utf8(file.bytes.clone()).expect("text");
    assert!(
        text.contains("the-end") && text.len() < 2 << 20,
        "{} bytes",
        text.len()
    );
}

/// Whether Discord would show this as it is meant: nothing that moves, hides or pings.
fn assert_harmless(said: &str) {
    let bad = |letter: char| {
        letter.is_control() && letter != '\n'
            || matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' | '\u{2060}')
    };
    assert!(!said.contains(bad), "{said:?}");
    // In code nobody is mentioned; what stands there is to be read as it is.
    let prose: String = said.split('`').step_by(2).collect();
    for ping in ["@everyone", "@here", "<@&", "<@1"] {
        assert!(!prose.contains(ping), "{ping}: {said:?}");
    }
}

#[tokio::test]
async fn names_titles_tools_and_output_that_mean_harm_do_none() {
    const EVIL: &str =
        "\u{1b}[31mred\u{1b}[0m \u{202e}desrever\u{2066} \u{feff}\u{2060}@everyone @here <@&1> <@1>";
    let mut stage = Stage::ready("everyone = true", "").await;
    let foreign = json!([support::program("foreign-agent")]);
    stage.agent = format!("[agents.foreign]\ntitle = \"Foreign\"\ncommand = {foreign}\n");
    let other = stage.guild.channel("other");
    stage.settings = format!("everyone = true\n[discord.channels.{other}]\nagent = \"foreign\"");
    stage.up().await;
    let mallory = stage.guild.member("mal\u{202e}lory **x** `y` @here");

    let (_, thread) = stage
        .mention(
            &mallory,
            &format!("{EVIL} the title\nsay: {EVIL} said\nrun: printf '{EVIL} printed'"),
        )
        .await;
    let card = stage.said(thread, "the card", with("✋ **")).await;
    mallory.presses_labelled(card.id, "Allow once");
    let tool = stage.said(thread, "the command", with("✅ `printf")).await;
    let pressed = mallory.presses_labelled(tool.id, "Details");
    let details = stage.answered(&mallory, thread, pressed, "printed").await;
    assert_harmless(&details.content);
    stage.said(thread, "what was said", with("said")).await;
    stage
        .said(thread, "the audit line", with("Allowed once by"))
        .await;

    let tricks = format!(
        "tool: {EVIL}\nplan: {EVIL}\nthink: {EVIL}\nsay: {EVIL} last\nrequest: {}",
        json!({ "title": EVIL, "kind": "execute", "rawInput": { "command": EVIL } })
    );
    let (_, beside) = stage.mention_in(other, &mallory, &tricks).await;
    let card = stage.said(beside, "the card", with("✋ **")).await;
    assert!(
        card.content.contains("Hidden characters are written out"),
        "{}",
        card.content
    );
    mallory.presses_labelled(card.id, "yes");
    stage
        .said(beside, "the audit line", with("Allowed once by"))
        .await;
    let typed = mallory.slash(
        stage.channel,
        "new",
        &[("text", json!(format!("say: {EVIL} new")))],
    );
    stage
        .told(&mallory, stage.channel, typed, "Here it goes on")
        .await;

    let threads = stage.fake.look(|world| {
        let all = world
            .threads(stage.channel)
            .into_iter()
            .chain(world.threads(other));
        all.map(|one| (one.id, one.name.clone())).collect::<Vec<_>>()
    });
    assert_eq!(threads.len(), 3);
    for (thread, name) in threads {
        assert_harmless(&name);
        for said in stage.fake.messages(thread) {
            if said.author == stage.fake.bot() {
                assert_harmless(&said.content);
                assert!(said.pings.is_empty(), "{said:?}");
            }
        }
    }
}
