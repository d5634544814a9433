//! What the model is shown of a history, whatever happened in it.

use super::*;

fn user(text: &str) -> Line {
    Line::Message {
        message: Message::User {
            parts: vec![Part::Text { text: text.into() }],
        },
    }
}

fn calls(ids: &[&str]) -> Line {
    let call = |id: &&str| {
        ReplyPart::ToolCall(ToolCall {
            id: (*id).to_owned(),
            name: "read".into(),
            arguments: "{}".into(),
        })
    };
    Line::Message {
        message: Message::Assistant {
            parts: ids.iter().map(call).collect(),
        },
    }
}

fn result(id: &str) -> Line {
    Line::Message {
        message: Message::ToolResult {
            call: id.into(),
            text: "ok".into(),
            failed: false,
        },
    }
}

fn begun(id: &str) -> Line {
    Line::Begun { call: id.into() }
}

fn told<'a>(history: &'a History, words: &str) -> Vec<&'a str> {
    let results = history.messages().iter().filter_map(|message| match message {
        Message::ToolResult { call, text, .. } if text == words => Some(call.as_str()),
        _ => None,
    });
    results.collect()
}

#[test]
fn calls_without_a_result_get_one_when_somebody_speaks_again() {
    let mut history = History::of(vec![
        user("go"),
        calls(&["a", "b", "c"]),
        begun("a"),
        result("a"),
        begun("b"),
        Line::Interrupted,
    ]);
    assert_eq!(history.messages().len(), 3);
    history.apply(user("again"));
    assert_eq!(told(&history, UNKNOWN_RESULT), ["b"]);
    assert_eq!(told(&history, NOT_BEGUN), ["c"]);
    assert!(matches!(history.messages().last(), Some(Message::User { .. })));
}

#[test]
fn an_id_that_was_used_before_still_counts_as_open() {
    let lines = vec![
        user("1"),
        calls(&["a"]),
        begun("a"),
        result("a"),
        calls(&["a"]),
        user("2"),
    ];
    let history = History::of(lines);
    assert_eq!(
        told(&history, NOT_BEGUN),
        ["a"],
        "that it began before says nothing"
    );
}

#[test]
fn a_refused_message_is_gone_and_nothing_else_is() {
    let history = History::of(vec![user("1"), user("2"), Line::Withdrawn]);
    let first = Part::Text { text: "1".into() };
    assert!(history.messages().len() == 1 && history.ends_with(&[first]));
    let answered = vec![
        user("1"),
        calls(&["a"]),
        Line::Withdrawn,
        user("2"),
        Line::Withdrawn,
    ];
    assert_eq!(told(&History::of(answered), NOT_BEGUN), ["a"]);
}

#[test]
fn a_message_that_nobody_answered_is_known_again() {
    let again = vec![Part::Text { text: "go".into() }];
    assert!(History::of(vec![user("go"), Line::Interrupted]).ends_with(&again));
    assert!(!History::of(vec![user("go"), calls(&["a"])]).ends_with(&again));
    assert!(!History::of(vec![]).ends_with(&again));
}

#[test]
fn the_last_model_and_every_rule_hold() {
    let model = |model: &str| Line::Model { model: model.into() };
    let history = History::of(vec![model("a"), Line::Always { key: "k".into() }, model("b")]);
    assert_eq!(history.model(), Some("b"));
    assert!(history.always("k") && !history.always("l"));
}
