//! A thread with every kind of entry.

use conversation::{
    Attachment, Body, Choice, ChoiceKind, Decision, Diff, Item, ItemId, LoginEnd, NoteKind, PlanEntry,
    PlanStatus, SourceId, ToolCall, ToolKind, ToolStatus, Turn, TurnId, TurnState,
};
use supervisor::{Snapshot, ThreadPhase};

use super::list::{doing, thread};
use super::{ago, id, now, soon, viewer};

pub(super) struct Timeline {
    pub(super) items: Vec<Item>,
}

impl Timeline {
    pub(super) fn add(&mut self, turn: i64, body: Body) -> &mut Self {
        let number = i64::try_from(self.items.len()).unwrap() + 1;
        let at = ago(u64::try_from(4000 - number * 60).unwrap());
        self.items.push(Item {
            id: ItemId(number),
            thread: id("full"),
            turn: Some(TurnId(turn)),
            at,
            body,
        });
        self
    }
}

pub(super) fn said(text: &str, files: Vec<Attachment>) -> Body {
    Body::Said {
        by: viewer().user,
        name: "Alice".into(),
        text: text.into(),
        files,
    }
}

pub(super) fn answer(text: &str) -> Body {
    Body::Answer { text: text.into() }
}

pub(super) fn tool(kind: ToolKind, status: ToolStatus, title: &str, input: &str, output: &str) -> ToolCall {
    let ended = matches!(status, ToolStatus::Completed | ToolStatus::Failed).then(|| ago(1000));
    ToolCall {
        call: "c".into(),
        title: title.into(),
        kind,
        status,
        input: input.into(),
        output: output.into(),
        cut: false,
        diffs: vec![],
        exit: None,
        started: Some(ended.map_or(ago(12), |_| ago(1003))),
        ended,
    }
}

pub(super) fn file(name: &str, size: u64, mime: &str) -> Attachment {
    Attachment {
        name: name.into(),
        path: format!("out/{name}"),
        size,
        mime: mime.into(),
    }
}

fn diff() -> Diff {
    let old = "use std::io;\n\n/// Reads a list.\nfn list(text: &str) -> Vec<&str> {\n    text.split(',').collect()\n}\n\nfn main() {\n    let words = list(\"a,b,\");\n    show(&words);\n}\n\n// one\n// two\n// three\n// four\n// five\n";
    let new = old
        .replace(
            "text.split(',').collect()",
            "text.trim_end_matches(',').split(',').map(str::trim).collect()",
        )
        .replace("use std::io;\n", "");
    Diff {
        path: "src/parse.rs".into(),
        old: Some(old.into()),
        new,
        ..Diff::default()
    }
}

fn offered() -> Vec<Choice> {
    [
        ("allow_once", "Allow once", ChoiceKind::AllowOnce),
        (
            "allow_always",
            "Always run exactly this command",
            ChoiceKind::AllowAlways,
        ),
        ("reject_once", "Deny", ChoiceKind::RejectOnce),
    ]
    .map(|(id, name, kind)| Choice {
        id: id.into(),
        name: name.into(),
        kind,
    })
    .into()
}

pub(super) fn ask(title: &str, detail: &str, diffs: Vec<Diff>, decision: Option<Decision>) -> Body {
    Body::Permission {
        request: title.into(),
        call: "c".into(),
        asker: String::new(),
        kind: conversation::ToolKind::Execute,
        title: title.into(),
        detail: detail.into(),
        diffs,
        options: offered(),
        until: soon(540),
        decision,
    }
}

const LONG: &str = "## What I found\n\nThe parser **drops** the last field when a line ends in `,`. Three places are affected:\n\n\
    1. `src/parse.rs`, the list itself\n2. `src/table.rs`, which calls it\n   - and its cache\n3. the tests, which expected the bug\n\n\
    | case | before | after |\n|---|---:|---:|\n| `a,b` | 2 | 2 |\n| `a,b,` | 3 | 2 |\n| a very long cell that makes this table wider than a phone, so that it has to scroll | 1 | 1 |\n\n\
    ```rust\nfn list(text: &str) -> Vec<&str> {\n    text.trim_end_matches(',').split(',').map(str::trim).collect() // and a comment that is far too long for a phone\n}\n```\n\n\
    > The old behaviour was documented nowhere.\n\n- [x] fix\n- [ ] changelog\n\nSee https://doc.rust-lang.org/std/primitive.str.html#method.split for the details.";

pub(super) fn early(timeline: &mut Timeline) {
    timeline
        .add(1, said("The parser fails on trailing commas. Can you have a look? The log and a screenshot are attached.", vec![file("build.log", 48_200, "text/plain"), file("screen.png", 310_000, "image/png")]))
        .add(1, Body::Thought { text: "The user wants the parser fixed. I will first read it.".into() })
        .add(1, Body::Plan { entries: [("Read the parser", PlanStatus::Completed), ("Change it", PlanStatus::Running), ("Run the tests", PlanStatus::Pending)].map(|(text, status)| PlanEntry { text: text.into(), status }).into() })
        .add(1, Body::Tool(tool(ToolKind::Read, ToolStatus::Completed, "src/parse.rs", "src/parse.rs", "")))
        .add(1, Body::Tool(tool(ToolKind::Search, ToolStatus::Completed, "grep split\\( in src", "split\\(", "src/parse.rs:5\nsrc/table.rs:19")))
        .add(1, ask("write src/parse.rs", "", vec![diff()], Some(Decision::Once { by: "Alice".into() })))
        .add(1, Body::Tool(ToolCall { diffs: vec![diff()], ..tool(ToolKind::Edit, ToolStatus::Completed, "src/parse.rs", "", "") }))
        .add(1, ask("run a command", "rm -rf target", vec![], Some(Decision::Denied { by: "Alice".into(), reason: Some("takes an hour to rebuild".into()) })))
        .add(1, Body::Tool(ToolCall { exit: Some(101), ..tool(ToolKind::Execute, ToolStatus::Failed, "cargo test", "cargo test", "   \u{1b}[32mCompiling\u{1b}[0m parser v0.1.0\n\u{1b}[1m\u{1b}[31merror[E0308]\u{1b}[0m\u{1b}[1m: mismatched types\u{1b}[0m\n \u{1b}[34m-->\u{1b}[0m src/parse.rs:5:5\n\u{1b}[33mwarning\u{1b}[0m: unused import") }))
        .add(1, answer(LONG))
        .add(1, Body::File(file("latency.csv", 1_840, "text/csv")))
        .add(1, Body::Usage { used: 12_480, size: 200_000 });
}

pub(super) fn late(timeline: &mut Timeline) {
    timeline
        .add(2, said("Thanks. And now with the real model.", vec![]))
        .add(2, Body::Login { service: "codex".into(), title: "Codex".into(), reason: "This thread works on your login, and you have none for Codex yet.".into(), ended: None })
        .add(2, Body::Login { service: "codex".into(), title: "Codex".into(), reason: String::new(), ended: Some(LoginEnd::Done) })
        .add(2, Body::Note { kind: NoteKind::Info, text: "Your message was merged into the running turn.".into(), retry: None })
        .add(2, Body::Note { kind: NoteKind::Warning, text: "The provider is overloaded (503). Tried again in 8 s.".into(), retry: None })
        .add(2, Body::Note { kind: NoteKind::Error, text: "The host was restarted while this ran, so the answer is cut off.".into(), retry: Some(TurnId(2)) })
        .add(3, said("run: for i in 1 2 3; do echo $i; done", vec![]))
        .add(3, Body::Tool(tool(ToolKind::Execute, ToolStatus::Cut, "sleep 100", "sleep 100", "")))
        .add(4, said("Then run all tests, please.", vec![]))
        .add(4, Body::Tool(tool(ToolKind::Execute, ToolStatus::Running, "cargo test --workspace", "cargo test --workspace", "running 214 tests\ntest parse::trailing ... ok\ntest parse::empty ... ok")))
        .add(4, ask("run a command", "git push origin main --force-with-lease && curl -s https://ci.example.org/hooks/after-push-with-a-very-long-path?token=none", vec![], None))
        .add(4, Body::Usage { used: 48_112, size: 200_000 });
}

fn turn(number: i64, text: &str) -> Turn {
    Turn {
        id: TurnId(number),
        thread: id("full"),
        source: SourceId(number.to_string()),
        by: viewer().user,
        name: "Alice".into(),
        text: text.into(),
        files: vec![],
        state: TurnState::Queued,
        reason: None,
        attempts: 0,
        created: now(),
        started: None,
        ended: None,
        model: None,
    }
}

pub(super) fn snapshot(items: Vec<Item>, phase: ThreadPhase, what: Option<&str>) -> Snapshot {
    let queued = what.map_or(vec![], |_| vec![turn(5, "And write the changelog entry."), turn(6, "Then tell me what is left to do before the release, in at most five lines, with links to the files.")]);
    Snapshot {
        thread: thread("full", "Make the parser fail on trailing commas", 2),
        from: items.first().map(|item| item.id),
        items,
        queued,
        phase,
        doing: what.map(doing),
        revision: 9,
    }
}
