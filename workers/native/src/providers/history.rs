//! The history made acceptable to any server: each call is followed by its result, has a name, and its arguments are an object.

use std::borrow::Cow;
use std::collections::HashSet;

use serde_json::{Value, json};

use crate::message::{Message, ReplyPart};

/// What a model reads in place of the result of a call that never ran.
const NOT_RUN: &str = "not executed: the turn ended before this call ran";

/// The longest name of a tool that servers take.
const NAME_BYTES: usize = 64;

/// The history with a result for each call and a call for each result. Servers refuse anything else, and a thread that
/// was cut at the wrong moment would be refused for ever.
pub(super) fn settled(history: &[Message]) -> Vec<Cow<'_, Message>> {
    let mut settled = Vec::with_capacity(history.len());
    let mut open: Vec<&str> = vec![];
    for message in history {
        if let Message::ToolResult { call, .. } = message {
            if let Some(at) = open.iter().position(|id| id == call) {
                open.remove(at);
                settled.push(Cow::Borrowed(message));
            } else {
                tracing::warn!("a tool result in the history belongs to no call; it is left out");
            }
            continue;
        }
        close(&mut open, &mut settled);
        if let Message::Assistant { parts } = message {
            open.extend(calls(parts));
        }
        settled.push(Cow::Borrowed(message));
    }
    close(&mut open, &mut settled);
    settled
}

fn close(open: &mut Vec<&str>, settled: &mut Vec<Cow<'_, Message>>) {
    for call in open.drain(..) {
        settled.push(Cow::Owned(Message::ToolResult {
            call: call.to_owned(),
            text: NOT_RUN.to_owned(),
            failed: true,
        }));
    }
}

fn calls(parts: &[ReplyPart]) -> impl Iterator<Item = &str> {
    parts.iter().filter_map(|part| match part {
        ReplyPart::ToolCall(call) => Some(call.id.as_str()),
        _ => None,
    })
}

/// A call's arguments as they are sent back: always an object. Some servers parse them, and would refuse each later
/// request of a thread in which a model once wrote broken JSON.
pub(super) fn arguments(written: &str) -> Cow<'_, str> {
    let written = written.trim();
    if written.is_empty() {
        return Cow::Borrowed("{}");
    }
    match serde_json::from_str::<Value>(written) {
        Ok(Value::Object(_)) => Cow::Borrowed(written),
        _ => Cow::Owned(json!({ "not_an_object": written }).to_string()),
    }
}

/// A call's name as it is sent back. Models make names up, such as `functions.bash`; servers that look at names would refuse each
/// later request of the thread.
pub(super) fn name(written: &str) -> Cow<'_, str> {
    let is_fine = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-');
    if written.is_empty() {
        return Cow::Borrowed("unnamed");
    }
    if written.len() <= NAME_BYTES && written.chars().all(is_fine) {
        return Cow::Borrowed(written);
    }
    let fine = written
        .chars()
        .map(|letter| if is_fine(letter) { letter } else { '_' });
    Cow::Owned(fine.take(NAME_BYTES).collect())
}

/// Gives each call of a reply an id that no other call of the history has: some servers send none, or count from zero
/// in each reply, and the id is also how a thread tells one card from another.
pub(super) fn with_own_ids(mut parts: Vec<ReplyPart>, history: &[Message]) -> Vec<ReplyPart> {
    let mut taken: HashSet<String> = history
        .iter()
        .filter_map(|message| match message {
            Message::Assistant { parts } => Some(calls(parts)),
            _ => None,
        })
        .flatten()
        .map(str::to_owned)
        .collect();
    let mut next = history.len();
    for part in &mut parts {
        let ReplyPart::ToolCall(call) = part else { continue };
        if call.id.is_empty() || taken.contains(&call.id) {
            while taken.contains(&format!("call_{next}")) {
                next += 1;
            }
            call.id = format!("call_{next}");
        }
        taken.insert(call.id.clone());
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Part, ToolCall};

    fn call(id: &str) -> ReplyPart {
        ReplyPart::ToolCall(ToolCall {
            id: id.into(),
            name: "bash".into(),
            arguments: "{}".into(),
            opaque: None,
        })
    }

    fn assistant(parts: Vec<ReplyPart>) -> Message {
        Message::Assistant { parts }
    }

    fn result(id: &str) -> Message {
        Message::ToolResult {
            call: id.into(),
            text: "done".into(),
            failed: false,
        }
    }

    fn user() -> Message {
        Message::User {
            parts: vec![Part::Text { text: "hello".into() }],
        }
    }

    #[test]
    fn a_call_without_a_result_gets_one_before_anything_else_is_said() {
        let history = [
            user(),
            assistant(vec![call("a"), call("b")]),
            result("a"),
            user(),
            assistant(vec![call("c")]),
        ];
        let ids: Vec<String> = settled(&history)
            .iter()
            .map(|message| match message.as_ref() {
                Message::User { .. } => "user".into(),
                Message::Assistant { .. } => "assistant".into(),
                Message::ToolResult { call, failed, .. } => format!("{call}:{failed}"),
            })
            .collect();
        assert_eq!(
            ids,
            [
                "user",
                "assistant",
                "a:false",
                "b:true",
                "user",
                "assistant",
                "c:true"
            ]
        );
    }

    #[test]
    fn a_result_without_a_call_is_left_out_and_a_sound_history_stays_as_it_is() {
        assert_eq!(settled(&[result("x"), user()]).len(), 1);
        let sound = [user(), assistant(vec![call("a")]), result("a")];
        assert!(
            settled(&sound)
                .iter()
                .all(|message| matches!(message, Cow::Borrowed(_)))
        );
    }

    #[test]
    fn arguments_are_always_an_object() {
        assert_eq!(arguments(r#" {"a":1} "#), r#"{"a":1}"#);
        assert_eq!(arguments(""), "{}");
        assert_eq!(arguments(r#"{"a":"#), r#"{"not_an_object":"{\"a\":"}"#);
        assert_eq!(arguments("[1]"), r#"{"not_an_object":"[1]"}"#);
    }

    #[test]
    fn a_made_up_name_is_sent_back_as_one_that_every_server_takes() {
        for (written, sent) in [
            ("update_plan", "update_plan"),
            ("functions.bash", "functions_bash"),
            ("ba\nsh ä", "ba_sh__"),
            ("", "unnamed"),
        ] {
            assert_eq!(name(written), sent);
        }
        assert_eq!(name(&"ä".repeat(65)), "_".repeat(64));
    }

    #[test]
    fn calls_without_an_id_or_with_a_used_one_get_their_own() {
        let history = [
            user(),
            assistant(vec![call("call_0"), call("call_3")]),
            result("call_0"),
        ];
        let parts = with_own_ids(
            vec![call("call_0"), call(""), call("fine"), call("fine")],
            &history,
        );
        let ids: Vec<&str> = calls(&parts).collect();
        assert_eq!(ids, ["call_4", "call_5", "fine", "call_6"]);
    }
}
