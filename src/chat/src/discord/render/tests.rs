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

#[test]
fn what_would_run_is_shown_exactly_and_only_named_buttons_decide() {
    let card = one(permission("rm -rf \u{202e}build", None));
    assert_eq!(
        card.content,
        "✋ **May it run a command?**\n```\nrm -rf ⟨U+202E⟩build\n```\n⚠️ Hidden characters are written out as ⟨U+…⟩. Look twice.\n\
         -# If nobody answers, it is denied <t:1795269787:R>"
    );
    let request = || "0123456789abcdef0123456789abcdef".to_owned();
    let shown: Vec<(String, Press)> = card
        .buttons
        .into_iter()
        .map(|button| (button.label, button.press))
        .collect();
    let allow = |label: &str, option| {
        let request = request();
        (label.to_owned(), Press::Action(Action::Allow { request, option }))
    };
    let deny = |label: &str, option| {
        let request = request();
        (label.to_owned(), Press::Action(Action::Deny { request, option }))
    };
    assert_eq!(
        shown,
        [
            allow("Allow once", 1),
            allow("Always here", 0),
            deny("No", Some(2))
        ]
    );
    let many = (0..9).map(|_| choice("Yes", ChoiceKind::AllowOnce)).collect();
    let Body::Permission {
        request: name,
        call,
        asker,
        kind,
        title,
        detail,
        diffs,
        until,
        decision,
        ..
    } = permission("ls", None)
    else {
        panic!("it is one");
    };
    let card = one(Body::Permission {
        request: name,
        call,
        asker,
        kind,
        title,
        detail,
        diffs,
        until,
        decision,
        options: many,
    });
    assert_eq!(card.buttons.len(), 5);
    assert_eq!(card.buttons[4].press, deny("", None).1, "there is always a no");
    assert_eq!(
        one(permission("echo '```'; reboot", None))
            .content
            .matches("```")
            .count(),
        2
    );
}

#[test]
fn a_foreign_agent_asks_by_its_name_and_its_plan_is_shown_or_in_a_file() {
    let asks = |kind, title: &str, detail: &str, diffs: Vec<Diff>| {
        let mut body = permission(detail, None);
        if let Body::Permission {
            asker,
            kind: sort,
            title: words,
            diffs: changes,
            ..
        } = &mut body
        {
            (*asker, *sort, *words, *changes) = ("Claude_Code".into(), kind, title.into(), diffs);
        }
        one(body)
    };
    let card = asks(
        ToolKind::Other,
        "Ready to code?",
        "## Plan\n1. do **this**",
        vec![],
    );
    assert!(
        card.content
            .starts_with("✋ **Claude\\_Code** asks: Ready to code?\n```\n## Plan\n1. do **this**\n```\n"),
        "{}",
        card.content
    );
    let long = format!("## Plan\n{}", "and more words here. ".repeat(150));
    let card = asks(ToolKind::Other, "Ready to code?", &long, vec![]);
    assert!(card.content.contains("only the beginning"), "{}", card.content);
    assert_eq!(card.files, [OutFile::text("request.txt", long)]);
    let card = asks(ToolKind::Execute, "`make`", "make", vec![]);
    assert!(
        card.content
            .starts_with("✋ **Claude\\_Code** wants to run:\n```\nmake\n```\n"),
        "{}",
        card.content
    );
    let diff = Diff {
        path: "a".into(),
        old: None,
        new: "b".into(),
        ..Diff::default()
    };
    let card = asks(ToolKind::Edit, "Edit `a`", "new file: a\n+b\n", vec![diff]);
    assert!(
        card.content.starts_with(
            "✋ **Claude\\_Code** wants to change files: Edit a\n```diff\n--- /dev/null\n+++ a\n"
        ),
        "{}",
        card.content
    );
    let card = asks(ToolKind::Other, "mcp__x", "mcp__x", vec![]);
    assert!(
        card.content
            .starts_with("✋ **Claude\\_Code** asks: mcp\\_\\_x\n-# If"),
        "{}",
        card.content
    );
}

#[test]
fn a_long_command_is_whole_in_a_file_and_the_card_says_so() {
    let long = format!("echo {}\nreboot", "x".repeat(3000));
    let card = one(permission(&long, None));
    assert!(card.content.contains("only the beginning"), "{}", card.content);
    assert_eq!(card.files, [OutFile::text("would-run.txt", long)]);
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

#[test]
fn of_a_change_in_a_long_file_the_change_is_shown_also_where_nothing_can_be_attached() {
    for lines in [3, 400, 4000, 100_000] {
        let old = numbered(lines, |line| format!("line {line} of it\n"));
        let new = old.replace("line 1 of it\n", "line one of it\n");
        let change = "-line 1 of it\n+line one of it\n line 2 of it\n";
        for look in [look(), without_files()] {
            let items = [item(1, changes(Some(&old), &new, ""))];
            let shown = messages(&items, &Progress::Running, &look);
            let [card] = &shown[..] else {
                panic!("{lines}: {} messages", shown.len());
            };
            let content = &card.content;
            assert!(content.contains(&format!(" line 0 of it\n{change}")), "{content}");
            assert!(
                !content.contains("-line 0") && !content.contains("line 9"),
                "{content}"
            );
            assert!(!content.contains("only the beginning"), "{content}");
            assert!(card.files.is_empty() && card.buttons.iter().any(Button::allows));
        }
    }
}

#[test]
fn a_long_change_is_whole_in_a_file_that_is_called_a_change_and_what_is_said_beside_it_is_shown_too() {
    let new = numbered(400, |line| format!("line {line} of it\n"));
    let card = one(changes(None, &new, ""));
    let whole = "--- /dev/null\n+++ big.txt\n@@ -0,0 +1,400 @@\n".to_owned()
        + &numbered(400, |line| format!("+line {line} of it\n"));
    assert_eq!(card.files, [OutFile::text("changes.diff", whole)]);
    assert!(
        card.content
            .contains("only the beginning.** All of it is in `changes.diff`:"),
        "{}",
        card.content
    );
    let long = "why it asks. ".repeat(80);
    let card = one(changes(Some("a\n"), "b\n", &long));
    assert!(
        card.content.contains("\n-a\n+b\n```") && card.content.contains("in `request.txt`:"),
        "{}",
        card.content
    );
    assert_eq!(card.files, [OutFile::text("request.txt", long.as_str())]);
    let card = one(changes(Some("a\n"), &new, &long));
    let names: Vec<_> = card.files.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(names, ["request.txt", "changes.diff"]);
    assert!(
        card.content.contains("in `request.txt` and `changes.diff`:"),
        "{}",
        card.content
    );
    let ticks = "`".repeat(3000);
    assert!(units(&one(changes(Some(&ticks), &ticks.repeat(2), &ticks)).content) <= LONGEST_MESSAGE);
    let hides = one(changes(Some("a\n"), "a\u{200b}\n", ""));
    assert!(
        hides.content.contains("+a⟨U+200B⟩\n") && hides.content.contains("Look twice"),
        "{}",
        hides.content
    );
}

fn numbered(count: usize, of: impl Fn(usize) -> String) -> String {
    (0..count).map(of).collect()
}

/// A request to write so much into a file.
fn writes(lines: usize, decision: Option<Decision>) -> Body {
    let mut body = permission("", decision);
    if let Body::Permission { diffs, .. } = &mut body {
        diffs.push(Diff {
            path: "out.txt".into(),
            old: None,
            new: numbered(lines, |line| format!("line {line} of it\n")),
            ..Diff::default()
        });
    }
    body
}

fn without_files() -> Look {
    Look {
        without_files: BTreeMap::from([(Some(TurnId(3)), ItemId(0))]),
        ..look()
    }
}

#[test]
fn where_nothing_can_be_attached_all_that_would_be_done_stands_before_the_card() {
    for lines in [100, 400] {
        let shown = messages(
            &[item(1, writes(lines, None))],
            &Progress::Running,
            &without_files(),
        );
        let (card, before) = shown.split_last().unwrap();
        assert!(shown.iter().all(|message| message.files.is_empty()));
        let text = before
            .iter()
            .map(|message| message.content.as_str())
            .collect::<Vec<_>>()
            .join("\n");
        for line in 0..lines {
            assert!(text.contains(&format!("+line {line} of it\n")), "{line}: {text}");
        }
        assert!(
            card.content.contains("stands above") && card.content.contains("Attach Files"),
            "{}",
            card.content
        );
        assert!(card.buttons.iter().any(Button::allows));
        let by = "Ann".to_owned();
        let over = messages(
            &[item(1, writes(lines, Some(Decision::Once { by })))],
            &Progress::Running,
            &without_files(),
        );
        assert_eq!(
            over[..over.len() - 1],
            *before,
            "what was read stays, and the line below it"
        );
        assert_eq!(over.last().unwrap().key, card.key);
    }
    let long = "x".repeat(3000);
    let shown = messages(
        &[item(1, permission(&long, None))],
        &Progress::Running,
        &without_files(),
    );
    let xs = |message: &DesiredMessage| message.content.matches('x').count();
    assert!(shown[..shown.len() - 1].iter().map(xs).sum::<usize>() >= 3000);
}

#[test]
fn nothing_is_allowed_that_can_not_be_shown() {
    let shown = messages(
        &[item(1, writes(4000, None))],
        &Progress::Running,
        &without_files(),
    );
    let card = shown.last().unwrap();
    assert!(card.content.contains("can't be allowed here"), "{}", card.content);
    assert!(
        card.content.contains("deny it") && !card.content.contains("page"),
        "nothing is decided for Discord elsewhere: {}",
        card.content
    );
    let labels: Vec<&str> = card.buttons.iter().map(|button| button.label.as_str()).collect();
    assert_eq!(labels, ["No"]);
}

#[test]
fn nothing_is_allowed_of_which_discord_does_not_take_a_part() {
    let refused = |id: i64| Look {
        unsaid: BTreeSet::from([ItemId(id)]),
        ..without_files()
    };
    let card = |look: &Look| {
        let items = [item(1, writes(100, None))];
        messages(&items, &Progress::Running, look).pop().unwrap()
    };
    let allows = |card: &DesiredMessage| card.buttons.iter().any(Button::allows);
    assert!(allows(&card(&refused(2))), "another one");
    let card = card(&refused(1));
    assert!(!allows(&card) && !card.buttons.is_empty(), "{card:?}");
    assert!(
        card.content.contains("Not all of it stands above"),
        "{}",
        card.content
    );
}

#[test]
fn a_card_whose_words_discord_does_not_take_says_so_and_can_only_be_denied_and_neither_does_its_line_have_them()
 {
    let request = |decision| item(1, permission("echo https://harmful.example", decision));
    let asked = request(None);
    let look = Look {
        unshown: BTreeSet::from([Key::of(&asked)]),
        ..look()
    };
    let shown = |item: Item| messages(&[item], &Progress::Running, &look);
    let card = shown(asked).pop().unwrap();
    assert!(card.content.contains("can't be allowed"), "{}", card.content);
    assert!(
        !card.buttons.is_empty() && !card.buttons.iter().any(Button::allows),
        "{card:?}"
    );
    let by = "Ann".to_owned();
    let line = shown(request(Some(Decision::Denied { by, reason: None })))
        .pop()
        .unwrap();
    assert_eq!(line.content, "❌ Denied by Ann: what can't be shown in Discord");
    assert!(!card.content.contains("harmful") && line.buttons.is_empty());
}

#[test]
fn where_nothing_can_be_attached_a_long_answer_has_more_messages_and_a_file_stays_where_it_is() {
    let text = numbered(6000, |word| format!("word{word} "));
    let over = Progress::Over {
        footer: Footer::default(),
    };
    let shown = messages(&[item(1, answer(&text))], &over, &without_files());
    let said = contents_of(&shown);
    assert!(
        (0..6000)
            .all(|word| said.contains(&format!("word{word} ")) || said.contains(&format!("word{word}\n")))
    );
    assert_eq!(said.matches("Attach Files").count(), 1, "it is said once");
    assert!(shown.iter().all(|message| message.files.is_empty()));
    let endless = messages(&[item(1, answer(&text.repeat(4)))], &over, &without_files());
    let last = endless.last().unwrap();
    assert!(last.content.contains("The answer goes on"), "{}", last.content);

    let file = Body::File(Attachment {
        name: "a.txt".into(),
        path: "made/a.txt".into(),
        size: 5,
        mime: "text/plain".into(),
    });
    let shown = messages(&[item(1, file)], &over, &without_files());
    let said = contents_of(&shown);
    assert!(
        said.contains("Attach Files") && said.contains("made/a.txt"),
        "{said}"
    );
    assert!(shown[0].files.is_empty());
}

fn contents_of(messages: &[DesiredMessage]) -> String {
    let contents: Vec<&str> = messages.iter().map(|message| message.content.as_str()).collect();
    contents.join("\n") + "\n"
}

#[test]
fn an_audit_line_stays() {
    for (decision, line) in [
        (
            Decision::Once { by: "An_n".into() },
            "✅ Allowed once by An\\_n: `ls`",
        ),
        (
            Decision::Always {
                by: "Ann".into(),
                words: String::new(),
            },
            "✅ Allowed from now on by Ann: `ls`",
        ),
        (
            Decision::Always {
                by: "Ann".into(),
                words: "Always in *this* thread".into(),
            },
            "✅ Allowed by Ann (“Always in \\*this\\* thread”): `ls`",
        ),
        (
            Decision::Denied {
                by: "@everyone".into(),
                reason: Some("no".into()),
            },
            "❌ Denied by @\u{200b}everyone (“no”): `ls`",
        ),
        (
            Decision::TimedOut,
            "❌ Nobody answered in time, so it was denied: `ls`",
        ),
        (Decision::Gone, "✂️ The turn ended before anybody answered: `ls`"),
    ] {
        let message = one(permission("ls", Some(decision)));
        assert_eq!(message.content, line);
        assert!(message.buttons.is_empty());
    }
}

#[test]
fn logins_notes_and_plans_have_their_buttons_and_signs() {
    let login = |ended| Body::Login {
        service: "codex".into(),
        title: "Codex".into(),
        reason: "the login ended".into(),
        ended,
    };
    let card = one(login(None));
    assert_eq!(
        card.content,
        "🔑 **Sign-in needed: Codex**\nThe login ended.\n-# The turn goes on by itself afterwards."
    );
    assert_eq!(
        card.buttons[0].press,
        Press::Action(Action::SignIn { item: ItemId(1) })
    );
    let over = one(login(Some(LoginEnd::Done)));
    assert_eq!(over.content, "✅ Signed in to Codex");
    assert!(over.buttons.is_empty());
    for end in [LoginEnd::TimedOut, LoginEnd::Gone] {
        let told = running(&[item(1, login(Some(end)))]);
        assert!(told.is_empty(), "how the turn ended says it: {told:?}");
    }
    let note = one(Body::Note {
        kind: NoteKind::Error,
        text: "The worker died.".into(),
        retry: Some(TurnId(3)),
    });
    assert_eq!(note.content, "❌ The worker died.");
    assert_eq!(
        note.buttons[0].press,
        Press::Action(Action::Retry { turn: TurnId(3) })
    );
    let note = |text: &str| {
        one(Body::Note {
            kind: NoteKind::Error,
            text: text.into(),
            retry: None,
        })
        .content
    };
    assert_eq!(
        note("no model is chosen for *this* agent\nhint: say `/model NAME`, @everyone"),
        "❌ No model is chosen for \\*this\\* agent. Say `/model NAME`, @\u{200b}everyone."
    );
    assert_eq!(
        note("It ended.\n\nIts last words:\n\n```\nfn `a` <@1>\n```\n\n The turn was cut."),
        "❌ It ended. The turn was cut.\n-# Its last words\n```\nfn `a` <@\u{200b}1>\n```"
    );
    let step = |text: &str, status| PlanEntry {
        text: text.into(),
        status,
    };
    let entries = vec![
        step("look", PlanStatus::Completed),
        step("do", PlanStatus::Running),
        step("tell", PlanStatus::Pending),
    ];
    assert_eq!(
        one(Body::Plan { entries }).content,
        "**Plan** · 1 of 3 done\n☑ look\n▶️ do\n☐ tell"
    );
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
fn files_are_offered_and_too_large_ones_explained() {
    let offered = over([file("out/re po`rt.pdf", 2048)]).remove(0);
    assert_eq!(offered.content, "📎 `` re po`rt.pdf `` (2 KiB)\n-# 1 s");
    assert_eq!(offered.files[0].name, "re_po_rt.pdf");
    let large = over([file("out/report.pdf", 30 << 20)]).remove(0);
    assert!(large.files.is_empty());
    assert_eq!(
        large.content,
        "📎 `report.pdf` is 30 MiB, and Discord takes 10 MiB here. It stays in the workspace: `out/report.pdf`\n-# 1 s"
    );
}

#[test]
fn the_files_of_a_turn_come_together_behind_its_last_words_and_part_no_tool_lines() {
    let make = |number: u64| {
        let title = format!("offer f{number}");
        let tool = Body::Tool(call(&title, ToolStatus::Completed));
        [tool, file(&format!("f{number}"), number)]
    };
    let bodies = (1..=12)
        .flat_map(make)
        .chain([file("f1", 999), answer("All made.")]);
    let items: Vec<Item> = (1..)
        .zip(bodies.clone())
        .map(|(id, body)| item(id, body))
        .collect();
    let shown = running(&items);
    assert_eq!(shown.len(), 2, "{shown:?}");
    assert_eq!(shown[0].content.lines().count(), 12);
    assert!(
        shown.iter().all(|message| message.files.is_empty()),
        "while it runs"
    );
    let Details { content, .. } = details(&items, ItemId(1)).unwrap();
    assert!(content.contains("offer f12"), "{content}");
    let shown = over(bodies);
    assert_eq!(shown[1].content, "All made.\n-# 1 s");
    let names = |message: &DesiredMessage| -> Vec<String> {
        message.files.iter().map(|file| file.name.clone()).collect()
    };
    let ten: Vec<String> = (2..=11).map(|number| format!("f{number}")).collect();
    assert_eq!(names(&shown[2]), ten);
    assert_eq!(
        names(&shown[3]),
        ["f12", "f1"],
        "what was offered again counts as it was last"
    );
    assert_eq!(shown[2].content.lines().count(), 10);
    assert_eq!(shown[2].key.item, ItemId(4), "its first entry names it");
}

#[test]
fn a_message_has_no_more_bytes_of_files_than_discord_takes() {
    let mib = 1 << 20;
    let shown = over([
        file("a", 6 * mib),
        file("b", 6 * mib),
        file("huge", 99 * mib),
        file("c", 4 * mib),
    ]);
    let counts: Vec<usize> = shown.iter().map(|message| message.files.len()).collect();
    assert_eq!(counts, [1, 2]);
    assert!(shown[1].content.contains("`huge` is 99 MiB"));
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

fn anything() -> impl Strategy<Value = Body> {
    let text = || {
        prop_oneof![
            "(.|\n|`|\\*|@everyone |<@1>){0,80}",
            "[`*_~]{900,2500}",
            "(word |漢|👩){0,900}"
        ]
    };
    let status = prop_oneof![
        Just(ToolStatus::Pending),
        Just(ToolStatus::Running),
        Just(ToolStatus::Completed),
        Just(ToolStatus::Failed),
        Just(ToolStatus::Stopped),
        Just(ToolStatus::Cut)
    ];
    let kind = prop_oneof![Just(ToolKind::Execute), Just(ToolKind::Read)];
    prop_oneof![
        1 => text().prop_map(|text| Body::Answer { text }),
        1 => text().prop_map(|text| Body::Thought { text }),
        4 => (text(), text(), status, kind, any::<i32>()).prop_map(|(title, input, status, kind, exit)| {
            Body::Tool(ToolCall { kind, input, exit: Some(exit), ..call(&title, status) })
        }),
        1 => text().prop_map(|text| Body::Plan { entries: vec![PlanEntry { text, status: PlanStatus::Running }; 30] }),
        1 => (text(), text()).prop_map(|(title, detail)| match permission(&detail, None) {
            Body::Permission { request, call, asker, kind, detail, diffs, until, decision, options, .. } => {
                Body::Permission { request, call, asker, kind, title, detail, diffs, until, decision, options }
            }
            other => other,
        }),
        1 => (text(), text()).prop_map(|(by, reason)| permission(&reason, Some(Decision::Denied { by, reason: Some(reason.clone()) }))),
        1 => (text(), text()).prop_map(|(title, reason)| Body::Login { service: "x".into(), title, reason, ended: None }),
        1 => text().prop_map(|name| Body::File(Attachment { path: name.clone(), name, size: 1 << 40, mime: String::new() })),
        1 => text().prop_map(|text| Body::Note { kind: NoteKind::Info, text, retry: None }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn every_message_fits_into_discord_and_has_a_key_of_its_own(bodies in prop::collection::vec(anything(), 0..12), is_over in any::<bool>(), files in any::<bool>()) {
        let items: Vec<Item> = (1..).zip(bodies).map(|(id, body)| item(id, body)).collect();
        let footer = Footer { elapsed: Some(Duration::from_secs(1)), model: Some("m".repeat(99)), usage: Some((1, 2)) };
        let progress = if is_over { Progress::Over { footer } } else { Progress::Running };
        let look = if files { look() } else { without_files() };
        let shown = messages(&items, &progress, &look);
        let mut parts: Vec<i64> = shown.iter().map(|message| message.key.delivery_part()).collect();
        for message in &shown {
            prop_assert!(units(&message.content) <= LONGEST_MESSAGE, "{} {}", units(&message.content), message.content);
            prop_assert!(!message.content.trim().is_empty());
            prop_assert!(message.buttons.len() <= 5 && message.files.len() <= 10);
            prop_assert!(message.buttons.iter().all(|button| units(&button.label) <= LONGEST_BUTTON));
            prop_assert!(message.files.iter().all(|file| file.name == file_name(&file.name)));
        }
        prop_assert_eq!(&shown, &messages(&items, &progress, &look));
        let words: Vec<i64> = shown
            .iter()
            .filter(|message| !message.content.contains('📎'))
            .map(|message| message.key.delivery_part())
            .collect();
        prop_assert!(words.is_sorted(), "messages stand in the order of their entries");
        parts.sort_unstable();
        parts.dedup();
        prop_assert_eq!(parts.len(), shown.len());
    }

    #[test]
    fn what_was_shown_keeps_its_place_while_the_turn_goes_on(bodies in prop::collection::vec(anything(), 1..12)) {
        let items: Vec<Item> = (1..).zip(bodies).map(|(id, body)| item(id, body)).collect();
        let keys = |items: &[Item]| -> Vec<Key> {
            messages(items, &Progress::Running, &look()).iter().map(|message| message.key).collect()
        };
        let whole = keys(&items);
        for count in 0..items.len() {
            // An answer may have more messages in the end; none that was there vanishes.
            let lost = keys(&items[..count]).into_iter().find(|key| !whole.contains(key));
            prop_assert_eq!(lost, None, "after {} entries", count);
        }
    }
}
