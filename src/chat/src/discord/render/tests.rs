//! What people see of a turn.

use std::time::Duration;

use conversation::{
    Attachment, Choice, ChoiceKind, Decision, Diff, ItemId, LoginEnd, NoteKind, PlanEntry, PlanStatus,
    ThreadId, ToolCall, ToolKind, ToolStatus, TurnId, TurnState,
};
use credentials::{Timestamp, UserId};
use proptest::prelude::*;
use supervisor::Happened;

use super::*;
use crate::discord::custom_id::Action;
use crate::discord::names::{LONGEST_BUTTON, file_name};

mod cards;
mod changes;
mod files;
mod lacking;
mod properties;

fn item(id: i64, body: Body) -> Item {
    Item {
        id: ItemId(id),
        thread: ThreadId::parse("discord:1").unwrap(),
        turn: Some(TurnId(3)),
        at: Timestamp::from_seconds(1000),
        body,
    }
}

fn call(title: &str, status: ToolStatus) -> ToolCall {
    ToolCall {
        call: "c".into(),
        title: title.into(),
        kind: ToolKind::Other,
        status,
        input: String::new(),
        output: String::new(),
        cut: false,
        diffs: vec![],
        exit: None,
        started: Some(Timestamp::from_seconds(1000)),
        ended: (status != ToolStatus::Running)
            .then(|| Timestamp::from_seconds(1000).plus(Duration::from_millis(1234))),
    }
}

fn command(line: &str, exit: i32) -> ToolCall {
    let status = if exit == 0 {
        ToolStatus::Completed
    } else {
        ToolStatus::Failed
    };
    ToolCall {
        kind: ToolKind::Execute,
        input: line.into(),
        output: "\u{1b}[32mout\u{1b}[0m\n".into(),
        exit: Some(exit),
        ..call("run a command", status)
    }
}

fn answer(text: &str) -> Body {
    Body::Answer { text: text.into() }
}

fn choice(name: &str, kind: ChoiceKind) -> Choice {
    Choice {
        id: format!("id of {name}"),
        name: name.into(),
        kind,
    }
}

fn permission(detail: &str, decision: Option<Decision>) -> Body {
    Body::Permission {
        request: "0123456789abcdef0123456789abcdef".into(),
        call: "c".into(),
        asker: String::new(),
        kind: conversation::ToolKind::Execute,
        title: "run a command".into(),
        detail: detail.into(),
        diffs: vec![],
        until: Timestamp::from_seconds(1_795_269_787),
        options: vec![
            choice("Always here", ChoiceKind::AllowAlways),
            choice("", ChoiceKind::AllowOnce),
            choice("No", ChoiceKind::RejectOnce),
        ],
        decision,
    }
}

fn look() -> Look {
    Look {
        upload_limit: 10 << 20,
        without_files: BTreeMap::new(),
        postings: BTreeMap::new(),
        unsaid: BTreeSet::new(),
        unshown: BTreeSet::new(),
    }
}

fn running(items: &[Item]) -> Vec<DesiredMessage> {
    messages(items, &Progress::Running, &look())
}

fn contents(items: &[Item]) -> Vec<String> {
    running(items)
        .into_iter()
        .map(|message| message.content)
        .collect()
}

fn one(body: Body) -> DesiredMessage {
    let mut all = running(&[item(1, body)]);
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0)
}

#[test]
fn a_turn_reads_as_what_happened_in_order() {
    let usage = Body::Usage { used: 1, size: 2 };
    let said = Body::Said {
        by: UserId::parse("discord:7").unwrap(),
        name: "Ann".into(),
        text: "hi".into(),
        files: vec![],
    };
    let items = [
        item(1, said),
        item(
            2,
            Body::Thought {
                text: "**Looking** around\nand more".into(),
            },
        ),
        item(3, Body::Tool(command("ls -la\necho", 0))),
        item(4, usage),
        item(5, Body::Tool(command("cargo test", 101))),
        item(6, answer("It *fails*.")),
        item(7, Body::Tool(call("read a_b.rs", ToolStatus::Running))),
        item(8, Body::Tool(call("", ToolStatus::Cut))),
    ];
    assert_eq!(
        contents(&items),
        [
            "✅ `ls -la` · 1.2 s\n❌ `cargo test` · exit 101 · 1.2 s",
            "It *fails*.",
            "▶️ read a\\_b.rs · <t:1000:R>\n✂️ Tool · 1.2 s · cut off",
        ]
    );
    let shown = running(&items);
    assert_eq!(
        shown[0].buttons[0].press,
        Press::Action(Action::Details { item: ItemId(3) })
    );
    assert_eq!(shown[0].key.item, ItemId(3));
}

#[test]
fn the_footer_stands_below_the_last_message() {
    let footer = Footer {
        elapsed: Some(Duration::from_secs(75)),
        model: Some("some_model".into()),
        usage: Some((12_345, 100_000)),
    };
    let over = |footer: Footer| messages(&[item(1, answer("Done."))], &Progress::Over { footer }, &look());
    assert_eq!(
        over(footer)[0].content,
        "Done.\n-# 1 min 15 s · some\\_model · 12\u{202f}345 tokens · 87 % of the context left"
    );
    assert_eq!(over(Footer::default())[0].content, "Done.");
}

/// A request to change a file, as its entry has it.
fn changes(old: Option<&str>, new: &str, beside: &str) -> Body {
    let mut body = permission("", None);
    if let Body::Permission {
        kind, detail, diffs, ..
    } = &mut body
    {
        diffs.push(Diff {
            path: "big.txt".into(),
            old: old.map(str::to_owned),
            new: new.into(),
            ..Diff::default()
        });
        (*kind, *detail) = (ToolKind::Edit, supervisor::describe_diffs(diffs) + beside);
    }
    body
}

fn numbered(count: usize, of: impl Fn(usize) -> String) -> String {
    (0..count).map(of).collect()
}

fn without_files() -> Look {
    Look {
        without_files: BTreeMap::from([(Some(TurnId(3)), ItemId(0))]),
        ..look()
    }
}

fn file(path: &str, size: u64) -> Body {
    Body::File(Attachment {
        name: path.rsplit_once('/').map_or(path, |(_, name)| name).into(),
        path: path.into(),
        size,
        mime: String::new(),
    })
}

/// All that stands there at the end of a turn.
fn over(bodies: impl IntoIterator<Item = Body>) -> Vec<DesiredMessage> {
    let items: Vec<Item> = (1..).zip(bodies).map(|(id, body)| item(id, body)).collect();
    let footer = Footer {
        elapsed: Some(Duration::from_secs(1)),
        ..Footer::default()
    };
    messages(&items, &Progress::Over { footer }, &look())
}

#[test]
fn many_tools_are_few_messages_however_long_their_titles_are() {
    let long = "`*`".repeat(99);
    for (title, status) in [
        ("write app/f.ts", ToolStatus::Completed),
        (&long, ToolStatus::Running),
    ] {
        let bodies = (0..30).map(|_| Body::Tool(call(title, status)));
        let items: Vec<Item> = (1..).zip(bodies).map(|(id, body)| item(id, body)).collect();
        let shown = running(&items);
        assert_eq!(shown.len(), 2);
        assert!(
            shown
                .iter()
                .all(|message| units(&message.content) < LONGEST_MESSAGE - 99)
        );
        assert!(
            shown[0].content.lines().all(|line| line.chars().count() > 18),
            "{}",
            shown[0].content
        );
    }
}

#[test]
fn details_show_what_went_in_and_came_out() {
    let edit = ToolCall {
        diffs: vec![Diff {
            path: "a.txt".into(),
            old: Some("one\n".into()),
            new: "two\n".into(),
            ..Diff::default()
        }],
        ..call("edit a.txt", ToolStatus::Completed)
    };
    let items = [
        item(1, Body::Tool(command("ls", 0))),
        item(2, Body::Tool(edit)),
        item(3, answer("x")),
    ];
    assert_eq!(
        contents(&items)[0],
        "✅ `ls` · 1.2 s\n✅ edit a.txt · +1 −1 · 1.2 s"
    );
    let shown = details(&items, ItemId(1)).unwrap();
    assert_eq!(shown.content, "`ls`\n```\nls\n```\n```\nout\n```\nedit a.txt");
    assert_eq!(shown.files[0].name, "changes.diff");
    assert_eq!(
        shown.files[0].content,
        Content::Text("--- a.txt\n+++ a.txt\n@@ -1 +1 @@\n-one\n+two\n".into())
    );
    assert_eq!(details(&items, ItemId(3)), None);
    assert_eq!(details(&items, ItemId(9)), None);
    let long = ToolCall {
        output: "line\n".repeat(2000),
        ..command("yes", 0)
    };
    let shown = details(&[item(1, Body::Tool(long))], ItemId(1)).unwrap();
    assert_eq!(shown.files[0].name, "details.txt");
}

#[test]
fn a_very_long_answer_comes_as_a_file_too_once_it_is_written() {
    let text = "Many words stand here. ".repeat(3000);
    let items = [item(1, answer(&text))];
    let last = running(&items).pop().unwrap();
    assert!(last.files.is_empty() && last.content.contains("will be here as a file"));
    let over = Progress::Over {
        footer: Footer::default(),
    };
    let done = messages(&items, &over, &look()).pop().unwrap();
    assert_eq!(done.key, last.key);
    assert_eq!(done.files, [OutFile::text("answer.md", text)]);
}

#[test]
fn the_thread_is_told_what_became_of_a_message() {
    assert_eq!(happened(Happened::Started), None);
    assert_eq!(
        happened(Happened::Queued { ahead: 1 }).unwrap(),
        "-# Queued behind the running turn. `/queue` lists what waits."
    );
    for silent in [
        Happened::Queued { ahead: 2 },
        Happened::Steered,
        Happened::Interrupted { dropped: 2 },
    ] {
        assert_eq!(happened(silent), None);
    }
    assert_eq!(reaction(TurnState::Running, true), "✋");
    assert_eq!(reaction(TurnState::Running, false), "👀");
    assert_eq!(reaction(TurnState::Done, false), "✅");
    assert_eq!(reaction(TurnState::Cut, false), "❌");
}

#[test]
fn only_what_people_see_makes_another_hash() {
    let message = one(Body::Tool(command("ls", 0)));
    assert_eq!(message.hash(), one(Body::Tool(command("ls", 0))).hash());
    let other = ToolCall {
        output: "more".into(),
        ..command("ls", 0)
    };
    assert_eq!(message.hash(), one(Body::Tool(other)).hash());
    assert_ne!(message.hash(), one(Body::Tool(command("ls", 1))).hash());
    let bare = DesiredMessage {
        buttons: vec![],
        ..message.clone()
    };
    assert_ne!(message.hash(), bare.hash());
}
