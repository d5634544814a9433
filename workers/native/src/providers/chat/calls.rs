//! OpenAI Chat Completions: the calls of a reply, put together from their pieces.

use serde::de::IgnoredAny;
use serde_json::{Map, Value};

use crate::message::{ReplyPart, ToolCall};
use crate::providers::Progress;
use crate::providers::format::written;
use crate::providers::opaque;

/// The calls, as far as they have come, in the order in which they began.
#[derive(Debug, Default)]
pub(super) struct Calls(Vec<Draft>);

/// A call, as far as it has come.
#[derive(Debug)]
struct Draft {
    index: Option<u64>,
    call: ToolCall,
    members: Map<String, Value>,
}

impl Calls {
    /// The calls as parts of the reply.
    pub(super) fn into_parts(self) -> impl Iterator<Item = ReplyPart> {
        self.0.into_iter().map(|draft| {
            ReplyPart::ToolCall(ToolCall {
                opaque: opaque::kept(draft.members),
                ..draft.call
            })
        })
    }

    /// A call, or a piece of one. One that is told twice, under one id, is called once.
    pub(super) fn push(&mut self, piece: &Value, out: &mut (dyn FnMut(Progress) + Send)) {
        if self.0.iter().any(|known| known.is_told_by(piece)) {
            return;
        }
        let at = self.draft_of(piece).unwrap_or_else(|| {
            self.0.push(Draft {
                index: piece["index"].as_u64(),
                call: ToolCall {
                    id: String::new(),
                    name: String::new(),
                    arguments: String::new(),
                    opaque: None,
                },
                members: Map::new(),
            });
            self.0.len() - 1
        });
        let Draft { call, members, .. } = &mut self.0[at];
        let function = &piece["function"];
        if call.id.is_empty() {
            text(&piece["id"]).clone_into(&mut call.id);
        }
        if call.name.is_empty() {
            text(&function["name"]).clone_into(&mut call.name);
        }
        if call.arguments == "{}" && has_arguments(piece) {
            // It stood there only until there were some.
            call.arguments.clear();
        }
        if let Some(text) = written(&function["arguments"]) {
            call.arguments.push_str(&text);
        }
        opaque::merge(members, &unknown(piece));
        out(Progress::Call {
            name: call.name.clone(),
            bytes: call.arguments.len(),
        });
    }

    /// Which call a piece is more of. Pieces belong together by id or by index; some servers number all calls zero, some send no
    /// index, no id, or name and id with each piece.
    fn draft_of(&self, piece: &Value) -> Option<usize> {
        let index = piece["index"].as_u64();
        let id = text(&piece["id"]);
        let is_place = |draft: &Draft| index.is_none() || draft.index == index;
        let has_id = |draft: &Draft| !id.is_empty() && draft.call.id == id && is_place(draft);
        let known = self.0.iter().rposition(has_id);
        let at = known.or_else(|| self.0.iter().rposition(is_place))?;
        goes_on(&self.0[at].call, piece).then_some(at)
    }
}

impl Draft {
    /// Whether this piece tells the whole of it once more.
    fn is_told_by(&self, piece: &Value) -> bool {
        let (id, function) = (text(&piece["id"]), &piece["function"]);
        !id.is_empty()
            && id == self.call.id
            && self.index == piece["index"].as_u64()
            && function["name"] == self.call.name.as_str()
            && written(&function["arguments"]).is_some_and(|told| told == self.call.arguments)
            && is_whole(&self.call.arguments)
    }
}

/// Whether a piece is more of this call, the last one of its place.
fn goes_on(call: &ToolCall, piece: &Value) -> bool {
    let (id, name) = (text(&piece["id"]), text(&piece["function"]["name"]));
    if name.is_empty() {
        return true;
    }
    let is_another = !id.is_empty() && !call.id.is_empty() && id != call.id;
    let is_renamed = !call.name.is_empty() && name != call.name;
    !(is_another || is_renamed || has_arguments(piece) && is_whole(&call.arguments))
}

/// Whether a piece has some.
fn has_arguments(piece: &Value) -> bool {
    match &piece["function"]["arguments"] {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        _ => true,
    }
}

/// Whether nothing can follow.
fn is_whole(arguments: &str) -> bool {
    arguments.trim_end().ends_with('}') && serde_json::from_str::<IgnoredAny>(arguments).is_ok()
}

/// The members of a call that are not ours to understand.
fn unknown(piece: &Value) -> Map<String, Value> {
    let others = |value: &Value, known: &[&str]| -> Map<String, Value> {
        let members = value.as_object().into_iter().flatten();
        let unknown = members.filter(|(name, value)| !known.contains(&name.as_str()) && !value.is_null());
        unknown
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    };
    let mut unknown = others(piece, &["index", "id", "type", "function"]);
    let function = others(&piece["function"], &["name", "arguments"]);
    if !function.is_empty() {
        unknown.insert("function".to_owned(), Value::Object(function));
    }
    unknown
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
