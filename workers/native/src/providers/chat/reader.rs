//! OpenAI Chat Completions: the stream of chunks, read into a reply. Tolerates what local servers leave out.

use serde_json::{Value, json};

use super::FIELD;
use crate::message::{Finish, ReplyPart, ToolCall, Usage};
use crate::providers::Progress;
use crate::providers::format::StreamFailure;
use crate::providers::said::Said;

/// What has come so far.
#[derive(Debug, Default)]
pub(in crate::providers) struct Reader {
    /// Words and thoughts, in the order in which they came.
    parts: Vec<ReplyPart>,
    calls: Vec<Draft>,
    usage: Usage,
    finish: Option<Finish>,
    has_refused: bool,
    is_done: bool,
}

/// A call, as far as it has come.
#[derive(Debug)]
struct Draft {
    index: Option<u64>,
    call: ToolCall,
}

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
        for field in ["reasoning_content", "reasoning"] {
            if let Some(text) = delta[field].as_str().filter(|text| !text.is_empty()) {
                self.thought(text, field, out);
                break;
            }
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
            self.call(call);
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
    pub(in crate::providers) fn into_reply(self) -> (Vec<ReplyPart>, Usage, Finish) {
        let finish = match self.finish {
            Some(Finish::Complete) | None if self.has_refused => Finish::Refused,
            finish => finish.unwrap_or(Finish::Complete),
        };
        let mut parts = self.parts;
        parts.extend(
            self.calls
                .into_iter()
                .map(|draft| ReplyPart::ToolCall(draft.call)),
        );
        (parts, self.usage, finish)
    }

    /// What had come before a cut: words and thoughts. Calls are left out, because nobody will answer them.
    pub(in crate::providers) fn into_partial(self) -> Vec<ReplyPart> {
        self.parts
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
            Value::String(text) => self.text(text, out),
            Value::Array(parts) => {
                for part in parts {
                    if let Some(text) = part["text"].as_str() {
                        self.text(text, out);
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

    /// A call, or a piece of one. Pieces belong together by their index; some servers number all of them zero and tell
    /// them apart by id, some send no index.
    fn call(&mut self, piece: &Value) {
        let index = piece["index"].as_u64();
        let id = piece["id"].as_str().unwrap_or_default();
        let function = &piece["function"];
        let name = function["name"].as_str().unwrap_or_default();
        let is_same = |draft: &Draft| {
            let another =
                !id.is_empty() && !draft.call.id.is_empty() && id != draft.call.id && !name.is_empty();
            !another && (index.is_some() && draft.index == index)
        };
        let known = match self.calls.iter().rposition(is_same) {
            Some(at) => Some(at),
            // No index: more of the last one, unless it has a name of its own.
            None if index.is_none() && name.is_empty() => self.calls.len().checked_sub(1),
            None => None,
        };
        let at = known.unwrap_or_else(|| {
            self.calls.push(Draft {
                index,
                call: ToolCall {
                    id: String::new(),
                    name: String::new(),
                    arguments: String::new(),
                },
            });
            self.calls.len() - 1
        });
        let call = &mut self.calls[at].call;
        if call.id.is_empty() {
            id.clone_into(&mut call.id);
        }
        if call.name.is_empty() {
            name.clone_into(&mut call.name);
        }
        match &function["arguments"] {
            Value::Null => {}
            Value::String(text) => call.arguments.push_str(text),
            object => call.arguments.push_str(&object.to_string()),
        }
    }
}
