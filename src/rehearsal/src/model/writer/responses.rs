//! An answer in the format of OpenAI Responses.

use serde_json::{Value, json};

use super::{Tokens, halves};
use crate::model::asked::{Asked, SEAL};
use crate::model::tools::Call;

#[derive(Debug)]
pub(crate) struct Writer {
    id: String,
    model: String,
    wants_encrypted: bool,
    tokens: Tokens,
    sequence: u64,
    /// Items that are done.
    output: Vec<Value>,
    open: Option<Open>,
}

/// The item that is being written.
#[derive(Debug)]
enum Open {
    Reasoning(String),
    Message(String),
}

impl Writer {
    pub(super) fn new(asked: &Asked, id: &str, tokens: Tokens) -> Self {
        Self {
            id: id.to_owned(),
            model: asked.model.clone(),
            wants_encrypted: asked.wants_encrypted,
            tokens,
            sequence: 0,
            output: vec![],
            open: None,
        }
    }

    pub(super) fn begin(&mut self) -> String {
        let response = self.response("in_progress");
        self.event("response.created", json!({ "response": response }))
            + &self.event("response.in_progress", json!({ "response": response }))
    }

    pub(super) fn thought(&mut self, piece: &str) -> String {
        self.tokens.output_characters += piece.len();
        let mut events = String::new();
        if !matches!(self.open, Some(Open::Reasoning(_))) {
            events += &self.close();
            self.open = Some(Open::Reasoning(String::new()));
            let item = json!({ "id": self.item_id("rs"), "type": "reasoning", "summary": [] });
            events += &self.added(&item);
            let part = json!({ "type": "summary_text", "text": "" });
            events += &self.about(
                "response.reasoning_summary_part.added",
                json!({ "summary_index": 0, "part": part }),
            );
        }
        if let Some(Open::Reasoning(text)) = &mut self.open {
            text.push_str(piece);
        }
        events
            + &self.about(
                "response.reasoning_summary_text.delta",
                json!({ "summary_index": 0, "delta": piece }),
            )
    }

    pub(super) fn words(&mut self, piece: &str) -> String {
        self.tokens.output_characters += piece.len();
        let mut events = String::new();
        if !matches!(self.open, Some(Open::Message(_))) {
            events += &self.close();
            self.open = Some(Open::Message(String::new()));
            let item = json!({
                "id": self.item_id("msg"), "type": "message", "status": "in_progress", "role": "assistant", "content": [],
            });
            events += &self.added(&item);
            let part = json!({ "type": "output_text", "text": "", "annotations": [] });
            events += &self.about(
                "response.content_part.added",
                json!({ "content_index": 0, "part": part }),
            );
        }
        if let Some(Open::Message(text)) = &mut self.open {
            text.push_str(piece);
        }
        events
            + &self.about(
                "response.output_text.delta",
                json!({ "content_index": 0, "delta": piece }),
            )
    }

    pub(super) fn call(&mut self, call: &Call) -> String {
        self.tokens.output_characters += call.name.len() + call.arguments.len();
        let mut events = self.close();
        let item = |arguments: &str, status: &str| {
            json!({
                "id": self.item_id("fc"), "type": "function_call", "status": status, "name": call.name,
                "call_id": format!("call_{}_{}", self.id, self.output.len()), "arguments": arguments,
            })
        };
        let (begun, done) = (item("", "in_progress"), item(&call.arguments, "completed"));
        events += &self.added(&begun);
        let (first, second) = halves(&call.arguments);
        for delta in [first, second] {
            events += &self.about(
                "response.function_call_arguments.delta",
                json!({ "delta": delta }),
            );
        }
        events += &self.about(
            "response.function_call_arguments.done",
            json!({ "arguments": call.arguments }),
        );
        events + &self.done(done)
    }

    pub(super) fn end(&mut self) -> String {
        let closed = self.close();
        let response = self.whole();
        closed + &self.event("response.completed", json!({ "response": response }))
    }

    pub(super) fn whole(&self) -> Value {
        let mut response = self.response("completed");
        response["output"] = Value::Array(self.output.clone());
        response["usage"] = json!({
            "input_tokens": self.tokens.input,
            "input_tokens_details": { "cached_tokens": 0 },
            "output_tokens": self.tokens.output(),
            "output_tokens_details": { "reasoning_tokens": 0 },
            "total_tokens": self.tokens.input + self.tokens.output(),
        });
        response
    }

    fn response(&self, status: &str) -> Value {
        json!({
            "id": format!("resp_{}", self.id), "object": "response", "created_at": 0, "status": status,
            "model": self.model, "error": null, "incomplete_details": null, "output": [], "usage": null,
        })
    }

    /// Ends the open item.
    fn close(&mut self) -> String {
        match self.open.take() {
            None => String::new(),
            Some(Open::Reasoning(text)) => {
                let mut item = json!({
                    "id": self.item_id("rs"), "type": "reasoning",
                    "summary": [{ "type": "summary_text", "text": text }],
                });
                if self.wants_encrypted {
                    item["encrypted_content"] = json!(format!("{SEAL}{}", self.item_id("sealed")));
                }
                let events = self.about(
                    "response.reasoning_summary_text.done",
                    json!({ "summary_index": 0, "text": text }),
                );
                events + &self.done(item)
            }
            Some(Open::Message(text)) => {
                let part = json!({ "type": "output_text", "text": text, "annotations": [] });
                let item = json!({
                    "id": self.item_id("msg"), "type": "message", "status": "completed", "role": "assistant",
                    "content": [part],
                });
                let mut events = self.about(
                    "response.output_text.done",
                    json!({ "content_index": 0, "text": text }),
                );
                events += &self.about(
                    "response.content_part.done",
                    json!({ "content_index": 0, "part": part }),
                );
                events + &self.done(item)
            }
        }
    }

    fn item_id(&self, kind: &str) -> String {
        format!("{kind}_{}_{}", self.id, self.output.len())
    }

    fn added(&mut self, item: &Value) -> String {
        self.about("response.output_item.added", json!({ "item": item }))
    }

    fn done(&mut self, item: Value) -> String {
        let event = self.about("response.output_item.done", json!({ "item": item }));
        self.output.push(item);
        event
    }

    /// An event about the item that is being written.
    fn about(&mut self, kind: &str, mut fields: Value) -> String {
        fields["output_index"] = json!(self.output.len());
        self.event(kind, fields)
    }

    fn event(&mut self, kind: &str, fields: Value) -> String {
        let mut event = json!({ "type": kind, "sequence_number": self.sequence });
        self.sequence += 1;
        if let (Some(event), Value::Object(fields)) = (event.as_object_mut(), fields) {
            event.extend(fields);
        }
        format!("event: {kind}\ndata: {event}\n\n")
    }
}
