//! Calls of tools, from their beginning to their end.

use super::*;

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
