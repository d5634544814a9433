//! An answer in the format of OpenAI Chat Completions.

use serde_json::{Value, json};

use super::{Tokens, halves};
use crate::model::asked::Asked;
use crate::model::tools::Call;

#[derive(Debug)]
pub(crate) struct Writer {
    id: String,
    model: String,
    wants_usage: bool,
    tokens: Tokens,
    thought: String,
    text: String,
    calls: Vec<Value>,
}

impl Writer {
    pub(super) fn new(asked: &Asked, id: &str, tokens: Tokens) -> Self {
        Self {
            id: id.to_owned(),
            model: asked.model.clone(),
            wants_usage: asked.wants_usage,
            tokens,
            thought: String::new(),
            text: String::new(),
            calls: vec![],
        }
    }

    pub(super) fn begin(&mut self) -> String {
        self.delta(&json!({ "role": "assistant", "content": "" }))
    }

    pub(super) fn thought(&mut self, piece: &str) -> String {
        self.tokens.output_characters += piece.len();
        self.thought.push_str(piece);
        self.delta(&json!({ "reasoning_content": piece }))
    }

    pub(super) fn words(&mut self, piece: &str) -> String {
        self.tokens.output_characters += piece.len();
        self.text.push_str(piece);
        self.delta(&json!({ "content": piece }))
    }

    pub(super) fn call(&mut self, call: &Call) -> String {
        self.tokens.output_characters += call.name.len() + call.arguments.len();
        let index = self.calls.len();
        let id = format!("call_{}_{index}", self.id);
        let whole = json!({
            "id": id, "type": "function", "function": { "name": call.name, "arguments": call.arguments },
        });
        self.calls.push(whole);
        let (first, second) = halves(&call.arguments);
        let begun = json!({
            "index": index, "id": id, "type": "function", "function": { "name": call.name, "arguments": first },
        });
        let rest = json!({ "index": index, "function": { "arguments": second } });
        self.delta(&json!({ "tool_calls": [begun] })) + &self.delta(&json!({ "tool_calls": [rest] }))
    }

    pub(super) fn end(&mut self) -> String {
        let mut events = self.chunk(
            &json!([{ "index": 0, "delta": {}, "finish_reason": self.reason() }]),
            None,
        );
        if self.wants_usage {
            events += &self.chunk(&json!([]), Some(&self.usage()));
        }
        events + "data: [DONE]\n\n"
    }

    pub(super) fn whole(&self) -> Value {
        let mut message = json!({ "role": "assistant", "content": self.text });
        if !self.thought.is_empty() {
            message["reasoning_content"] = json!(self.thought);
        }
        if !self.calls.is_empty() {
            message["tool_calls"] = json!(self.calls);
        }
        json!({
            "id": format!("chatcmpl-{}", self.id), "object": "chat.completion", "created": 0, "model": self.model,
            "choices": [{ "index": 0, "message": message, "finish_reason": self.reason() }],
            "usage": self.usage(),
        })
    }

    fn reason(&self) -> &'static str {
        if self.calls.is_empty() {
            "stop"
        } else {
            "tool_calls"
        }
    }

    fn usage(&self) -> Value {
        let (input, output) = (self.tokens.input, self.tokens.output());
        json!({ "prompt_tokens": input, "completion_tokens": output, "total_tokens": input + output })
    }

    fn delta(&self, delta: &Value) -> String {
        self.chunk(
            &json!([{ "index": 0, "delta": delta, "finish_reason": null }]),
            None,
        )
    }

    fn chunk(&self, choices: &Value, usage: Option<&Value>) -> String {
        let mut chunk = json!({
            "id": format!("chatcmpl-{}", self.id), "object": "chat.completion.chunk", "created": 0,
            "model": self.model, "choices": choices,
        });
        if let Some(usage) = usage {
            chunk["usage"] = usage.clone();
        }
        format!("data: {chunk}\n\n")
    }
}
