//! What a provider wants back as it came, although nothing here understands it: kept beside the part that it came with, bounded, and
//! sent to the one that gave it and to nobody else.

use std::borrow::Cow;

use serde_json::{Map, Value, json};

use crate::message::{Message, ReplyPart, ToolCall};

/// Most bytes of one part that are kept. A signature has a few kilobytes, the encrypted thoughts of a long answer some hundred.
const LIMIT: usize = 1024 * 1024;

/// The members themselves, and who gave them.
const MEMBERS: &str = "members";
const FROM: &str = "from";

/// The members to be kept, as a part's opaque value. `None` when there are none, or too many.
pub(super) fn kept(members: Map<String, Value>) -> Option<Value> {
    let members = Value::Object(members);
    let length = members.to_string().len();
    if length > LIMIT {
        tracing::warn!(length, "what the provider wants back is too long to be kept");
        return None;
    }
    let is_empty = members.as_object().is_none_or(Map::is_empty);
    (!is_empty).then(|| json!({ (MEMBERS): members }))
}

/// The members of an opaque value.
pub(super) fn members(opaque: Option<&Value>) -> impl Iterator<Item = (&String, &Value)> {
    let members = opaque.and_then(|opaque| opaque.get(MEMBERS)?.as_object());
    members.into_iter().flatten()
}

/// Adds members to those that have come, into each other where both are objects.
pub(super) fn merge(into: &mut Map<String, Value>, more: &Map<String, Value>) {
    for (name, value) in more {
        match (into.get_mut(name), value) {
            (_, Value::Null) => {}
            (Some(Value::Object(known)), Value::Object(more)) => merge(known, more),
            _ => {
                into.insert(name.clone(), value.clone());
            }
        }
    }
}

/// The parts of a reply, with a note on who gave what is to go back.
pub(super) fn signed(mut parts: Vec<ReplyPart>, from: &str) -> Vec<ReplyPart> {
    for part in &mut parts {
        if let Some(opaque) = opaque_of(part).filter(|opaque| opaque.get(MEMBERS).is_some()) {
            opaque[FROM] = json!(from);
        }
    }
    parts
}

/// The history without what others than this one gave.
pub(super) fn own<'a>(history: &'a [Message], from: &str) -> Cow<'a, [Message]> {
    let is_foreign = |part: &ReplyPart| {
        let (ReplyPart::Thought { opaque, .. } | ReplyPart::ToolCall(ToolCall { opaque, .. })) = part else {
            return false;
        };
        let opaque = opaque.as_ref();
        opaque.is_some_and(|opaque| opaque.get(MEMBERS).is_some() && opaque[FROM] != from)
    };
    let has_foreign =
        |message: &Message| matches!(message, Message::Assistant { parts } if parts.iter().any(is_foreign));
    if !history.iter().any(has_foreign) {
        return Cow::Borrowed(history);
    }
    let mut history = history.to_vec();
    for message in &mut history {
        let Message::Assistant { parts } = message else {
            continue;
        };
        for part in parts.iter_mut().filter(|part| is_foreign(part)) {
            if let Some(Value::Object(opaque)) = opaque_of(part) {
                opaque.remove(MEMBERS);
                opaque.remove(FROM);
            }
        }
    }
    Cow::Owned(history)
}

fn opaque_of(part: &mut ReplyPart) -> Option<&mut Value> {
    match part {
        ReplyPart::Thought { opaque, .. } | ReplyPart::ToolCall(ToolCall { opaque, .. }) => opaque.as_mut(),
        ReplyPart::Text { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(value: Value) -> Map<String, Value> {
        match value {
            Value::Object(object) => object,
            other => panic!("{other}"),
        }
    }

    fn call(opaque: Option<Value>) -> ReplyPart {
        ReplyPart::ToolCall(ToolCall {
            id: "a".into(),
            name: "bash".into(),
            arguments: "{}".into(),
            opaque,
        })
    }

    #[test]
    fn what_one_provider_gave_goes_to_no_other() {
        let secret = || kept(object(json!({ "extra_content": { "x": "planted" } })));
        let parts = signed(vec![call(secret()), call(None)], "one.example");
        let history = [Message::Assistant { parts }];
        let sent = |to: &str| format!("{:?}", own(&history, to));
        assert!(sent("one.example").contains("planted"));
        assert!(!sent("two.example").contains("planted"));
        assert!(matches!(own(&history, "one.example"), Cow::Borrowed(_)));
        // Nor what nobody signed.
        let unsigned = [Message::Assistant {
            parts: vec![call(secret())],
        }];
        assert!(!format!("{:?}", own(&unsigned, "one.example")).contains("planted"));
    }

    #[test]
    fn what_is_kept_is_bounded() {
        assert_eq!(kept(Map::new()), None);
        assert_eq!(kept(object(json!({ "x": "y".repeat(LIMIT) }))), None);
        assert!(kept(object(json!({ "x": "y".repeat(LIMIT / 2) }))).is_some());
    }

    #[test]
    fn pieces_grow_into_each_other() {
        let mut all = object(json!({ "g": { "a": 1 }, "s": "x" }));
        merge(&mut all, &object(json!({ "g": { "b": 2 }, "s": null, "n": [1] })));
        assert_eq!(
            Value::Object(all),
            json!({ "g": { "a": 1, "b": 2 }, "s": "x", "n": [1] })
        );
    }
}
