//! What an agent says, piece by piece.

use super::*;

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
