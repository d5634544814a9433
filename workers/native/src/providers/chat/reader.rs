//! OpenAI Chat Completions: the stream of chunks, read into a reply. Tolerates what local servers leave out.

use serde_json::{Map, Value, json};

use super::calls::Calls;
use super::tags::{Piece, Tags};
use super::{DETAILS, FIELD};
use crate::message::{Finish, ReplyPart, Usage};
use crate::providers::Progress;
use crate::providers::format::StreamFailure;
use crate::providers::opaque;
use crate::providers::said::Said;

/// What has come so far.
#[derive(Debug, Default)]
pub(in crate::providers) struct Reader {
    /// Words and thoughts, in the order in which they came.
    parts: Vec<ReplyPart>,
    calls: Calls,
    /// What the provider wants back with the message.
    members: Map<String, Value>,
    tags: Tags,
    usage: Usage,
    finish: Option<Finish>,
    has_refused: bool,
    is_done: bool,
}

/// Where Gemini gives the signature of its thoughts.
const EXTRA: &str = "extra_content";

/// A detail that comes whole.
const ENCRYPTED: &str = "reasoning.encrypted";

type Out<'a> = &'a mut (dyn FnMut(Progress) + Send);

impl Reader {
    /// The server says that nothing more comes.
    pub(in crate::providers) fn done(&mut self) {
        self.is_done = true;
    }

    /// Takes one chunk.
    pub(in crate::providers) fn event(&mut self, chunk: &Value, out: Out<'_>) -> Result<(), StreamFailure> {
        if !chunk["error"].is_null() {
            return Err(StreamFailure::Said(Said::of(chunk)));
        }
        self.count(&chunk["usage"]);
        // Only the first choice was asked for; the last chunk has none.
        let choice = &chunk["choices"][0];
        // An answer that is no stream has `message` instead.
        let delta = if choice["delta"].is_null() {
            &choice["message"]
        } else {
            &choice["delta"]
        };
        self.reasoning(delta, out);
        if let Some(extra) = delta.get(EXTRA).filter(|extra| extra.is_object()) {
            opaque::merge(
                &mut self.members,
                &Map::from_iter([(EXTRA.to_owned(), extra.clone())]),
            );
        }
        self.content(&delta["content"], out);
        if let Some(refusal) = delta["refusal"].as_str().filter(|text| !text.is_empty()) {
            self.has_refused = true;
            self.text(refusal, out);
        }
        let calls = delta["tool_calls"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        for call in calls {
            self.calls.push(call, out);
        }
        if !choice["error"].is_null() {
            return Err(StreamFailure::Said(Said::of(choice)));
        }
        match choice["finish_reason"].as_str() {
            None | Some("") => {}
            Some("length" | "max_tokens") => self.finish = Some(Finish::Length),
            Some("content_filter") => self.finish = Some(Finish::Filtered),
            Some("refusal") => self.finish = Some(Finish::Refused),
            Some("error") => return Err(StreamFailure::Said(Said::default())),
            Some(_) => self.finish = Some(Finish::Complete),
        }
        if self.finish.is_some()
            && let Some(piece) = self.tags.finish()
        {
            self.piece(piece, out);
        }
        Ok(())
    }

    /// Whether nothing more has to be read.
    pub(in crate::providers) fn is_complete(&self) -> bool {
        self.is_done
    }

    /// Whether the reply is whole if the stream ends now. Some servers send no `[DONE]`, some no reason.
    pub(in crate::providers) fn may_end(&self) -> bool {
        self.finish.is_some() || self.is_done
    }

    /// The whole reply: its parts, the tokens and why it ended.
    pub(in crate::providers) fn into_reply(mut self) -> (Vec<ReplyPart>, Usage, Finish) {
        self.release();
        self.keep_members();
        let finish = match self.finish {
            Some(Finish::Complete) | None if self.has_refused => Finish::Refused,
            finish => finish.unwrap_or(Finish::Complete),
        };
        let mut parts = self.parts;
        parts.extend(self.calls.into_parts());
        (parts, self.usage, finish)
    }

    /// What had come before a cut: words and thoughts. Calls are left out, because nobody will answer them.
    pub(in crate::providers) fn into_partial(mut self) -> Vec<ReplyPart> {
        self.release();
        self.parts
    }

    /// What was held back in case that it is a tag was none.
    fn release(&mut self) {
        if let Some(piece) = self.tags.finish() {
            self.piece(piece, &mut |_| {});
        }
    }

    /// Beside the first thought; a message may have such members without one.
    fn keep_members(&mut self) {
        let Some(kept) = opaque::kept(std::mem::take(&mut self.members)) else {
            return;
        };
        let thought = self.parts.iter_mut().find_map(|part| match part {
            ReplyPart::Thought { opaque, .. } => Some(opaque),
            _ => None,
        });
        match thought {
            Some(Some(Value::Object(opaque))) => {
                if let Value::Object(kept) = kept {
                    opaque.extend(kept);
                }
            }
            Some(opaque) => *opaque = Some(kept),
            None => self.parts.insert(
                0,
                ReplyPart::Thought {
                    text: String::new(),
                    opaque: Some(kept),
                },
            ),
        }
    }

    fn reasoning(&mut self, delta: &Value, out: Out<'_>) {
        let field = ["reasoning_content", "reasoning"];
        let field = field.into_iter().find_map(|field| {
            let text = delta[field].as_str().filter(|text| !text.is_empty())?;
            Some((field, text))
        });
        if let Some((field, text)) = field {
            self.thought(text, field, out);
        }
        for detail in delta[DETAILS].as_array().into_iter().flatten() {
            let text = detail["text"].as_str().or(detail["summary"].as_str());
            if let Some(text) = text.filter(|_| field.is_none()) {
                self.thought(text, "", out);
            }
            self.detail(detail);
        }
    }

    /// One of them comes in pieces with the same index, and its signature may be in the last: only as a whole is it taken back.
    fn detail(&mut self, piece: &Value) {
        let known = self.members.entry(DETAILS).or_insert_with(|| json!([]));
        let (Some(known), Some(piece)) = (known.as_array_mut(), piece.as_object()) else {
            return;
        };
        let is_same = |known: &&mut Value| {
            let (index, kind) = (piece.get("index"), piece.get("type"));
            known.get("index") == index
                && known.get("type") == kind
                && kind.is_some_and(|kind| kind != ENCRYPTED)
        };
        // Without an index, only what follows directly belongs together.
        let open = match piece.get("index") {
            Some(_) => known.iter_mut().rev().find(is_same),
            None => known.last_mut().filter(is_same),
        };
        let Some(Value::Object(open)) = open else {
            known.push(Value::Object(piece.clone()));
            return;
        };
        for (name, value) in piece {
            match (open.get_mut(name), value) {
                (_, Value::Null) => {}
                (Some(Value::String(before)), Value::String(more))
                    if matches!(&**name, "text" | "summary") =>
                {
                    before.push_str(more);
                }
                _ => {
                    open.insert(name.clone(), value.clone());
                }
            }
        }
    }

    fn count(&mut self, usage: &Value) {
        let tokens = |name: &str| usage[name].as_u64();
        self.usage = Usage {
            input: tokens("prompt_tokens").unwrap_or(self.usage.input),
            output: tokens("completion_tokens").unwrap_or(self.usage.output),
        };
    }

    /// Words; some servers send them as a list of parts, thoughts among them.
    fn content(&mut self, content: &Value, out: Out<'_>) {
        match content {
            Value::String(text) => self.told(text, out),
            Value::Array(parts) => {
                for part in parts {
                    if let Some(text) = part["text"].as_str() {
                        self.told(text, out);
                    }
                    for thought in part["thinking"].as_array().into_iter().flatten() {
                        if let Some(text) = thought["text"].as_str() {
                            self.thought(text, "", out);
                        }
                    }
                }
            }
            _ => {}
        }
    }

    /// Words, with thoughts between tags among them.
    fn told(&mut self, delta: &str, out: Out<'_>) {
        for piece in self.tags.push(delta) {
            self.piece(piece, out);
        }
    }

    fn piece(&mut self, piece: Piece, out: Out<'_>) {
        match piece {
            Piece::Words(text) => self.text(&text, out),
            Piece::Thought(text) => self.thought(&text, "", out),
        }
    }

    fn text(&mut self, delta: &str, out: Out<'_>) {
        if delta.is_empty() {
            return;
        }
        if let Some(ReplyPart::Text { text }) = self.parts.last_mut() {
            text.push_str(delta);
        } else {
            self.parts.push(ReplyPart::Text {
                text: delta.to_owned(),
            });
        }
        out(Progress::Text(delta.to_owned()));
    }

    /// `field` is where it goes back, empty for nowhere.
    fn thought(&mut self, delta: &str, field: &str, out: Out<'_>) {
        if delta.is_empty() {
            return;
        }
        if let Some(ReplyPart::Thought { text, .. }) = self.parts.last_mut() {
            text.push_str(delta);
        } else {
            self.parts.push(ReplyPart::Thought {
                text: delta.to_owned(),
                opaque: (!field.is_empty()).then(|| json!({ FIELD: field })),
            });
        }
        out(Progress::Thought(delta.to_owned()));
    }
}
