//! More than anybody reads: kept small, and told.

use super::*;

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
