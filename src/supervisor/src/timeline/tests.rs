//! What agents report, and what becomes of it.

use agent_client_protocol::v1::schema::{
    Content, ContentBlock, ContentChunk, Diff as AcpDiff, PlanEntry as AcpPlanEntry, PlanEntryPriority,
    ToolCall as AcpToolCall, ToolCallContent, ToolCallStatus, ToolCallUpdate, ToolCallUpdateFields,
    ToolKind as AcpKind, UsageUpdate,
};
use conversation::{Decision, Diff, ToolCall, ToolKind};
use serde_json::json;

use super::*;

mod asks;
mod calls;
mod limits;
mod words;

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
