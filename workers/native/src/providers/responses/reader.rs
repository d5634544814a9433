//! OpenAI Responses: the stream of events, read into a reply.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value;

use super::draft::{Draft, call, texts, thought};
use super::is_sendable;
use crate::message::{Finish, ReplyPart, Usage};
use crate::providers::Progress;
use crate::providers::format::{StreamFailure, written};
use crate::providers::said::Said;

/// What has come so far, by the output's index. Some servers (llama.cpp) send no index, some number all items zero: there an
/// item's id tells which one an event is about, and items stand in the order in which they began. Some rename items on the way.
#[derive(Debug, Default)]
pub(in crate::providers) struct Reader {
    drafts: BTreeMap<u64, Draft>,
    /// The item that events with neither an index nor an id are about.
    current: u64,
    /// Items that are done.
    closed: BTreeSet<u64>,
    /// Items by what they are called, also within their index.
    slots: HashMap<(Option<u64>, String), u64>,
    /// The newest item of each index.
    indexes: HashMap<u64, u64>,
    /// Behind every item so far.
    next: u64,
    usage: Usage,
    finish: Option<Finish>,
    has_refused: bool,
    has_text: bool,
    has_thought: bool,
}

type Out<'a> = &'a mut (dyn FnMut(Progress) + Send);

impl Reader {
    /// Takes one event.
    pub(in crate::providers) fn event(&mut self, event: &Value, out: Out<'_>) -> Result<(), StreamFailure> {
        let kind = event["type"].as_str().unwrap_or_default();
        self.turn_to(kind, event);
        let delta = event["delta"].as_str().unwrap_or_default();
        match kind {
            "response.output_text.delta" => self.text(delta, out),
            "response.refusal.delta" => {
                self.has_refused = true;
                self.text(delta, out);
            }
            "response.reasoning_summary_text.delta" | "response.reasoning_text.delta" => {
                self.thought(delta, out);
            }
            "response.reasoning_summary_part.added" => self.paragraph(out),
            "response.output_item.added" => self.begin(&event["item"]),
            "response.function_call_arguments.delta" => self.arguments(delta, out),
            "response.function_call_arguments.done" => self.all_arguments(&event["arguments"]),
            "response.output_item.done" => {
                self.item(&event["item"], out);
                self.closed.insert(self.current);
            }
            "response.completed" | "response.incomplete" => self.end(&event["response"], out)?,
            "response.failed" | "response.cancelled" => {
                return Err(StreamFailure::Said(Said::of(&event["response"])));
            }
            "error" => return Err(StreamFailure::Said(Said::of(event))),
            // An answer that is no stream is the response itself.
            "" if event["object"] == "response" => self.end(event, out)?,
            "" if !event["error"].is_null() => return Err(StreamFailure::Said(Said::of(event))),
            _ => {}
        }
        Ok(())
    }

    /// Whether the reply is whole.
    pub(in crate::providers) fn is_complete(&self) -> bool {
        self.finish.is_some()
    }

    /// The whole reply: its parts, the tokens and why it ended.
    pub(in crate::providers) fn into_reply(self) -> (Vec<ReplyPart>, Usage, Finish) {
        let finish = match self.finish {
            Some(Finish::Complete) | None if self.has_refused => Finish::Refused,
            finish => finish.unwrap_or(Finish::Complete),
        };
        let parts = self.drafts.into_values().filter_map(Draft::part).collect();
        (parts, self.usage, finish)
    }

    /// What had come before a cut: words and thoughts. Calls are left out, because nobody will answer them; and so is
    /// what a provider would want back, because it belongs to the item after it.
    pub(in crate::providers) fn into_partial(self) -> Vec<ReplyPart> {
        let shown = self.drafts.into_values().filter_map(|draft| match draft {
            Draft::Thought { text, .. } => Draft::Thought { text, opaque: None }.part(),
            Draft::Text(_) => draft.part(),
            Draft::Call(_) => None,
        });
        shown.collect()
    }

    /// Finds the item that an event is about.
    fn turn_to(&mut self, kind: &str, event: &Value) {
        let (index, item) = (event["output_index"].as_u64(), &event["item"]);
        let begins = kind == "response.output_item.added";
        let is_whole = kind == "response.output_item.done";
        // Function calls of llama.cpp have no id of their own: their deltas name the call's.
        let id = [&event["item_id"], &item["id"], &item["call_id"]]
            .into_iter()
            .filter_map(Value::as_str)
            .find(|id| !id.is_empty());
        let known = id.and_then(|id| self.slots.get(&(index, id.to_owned())).copied());
        let is_open = !self.closed.contains(&self.current);
        let stays = match (id, self.drafts.get(&self.current)) {
            _ if begins => false,
            (None, draft) if is_whole => {
                is_open && draft.is_none_or(|draft| draft.is_of(item["type"].as_str().unwrap_or_default()))
            }
            (Some(_), draft) if is_whole => is_open && draft.is_some_and(|draft| draft.is_call(item)),
            (_, _) if event["delta"].is_null() => true,
            (None, _) => is_open,
            // It was announced under another id, or by nobody.
            (Some(_), draft) => draft.is_none_or(Draft::is_empty),
        };
        let slot = match (known, index) {
            (Some(slot), _) => slot,
            (None, Some(index)) => self.slot_of(index, kind, event),
            (None, None) if stays => self.current,
            (None, None) => self.next,
        };
        self.current = slot;
        if let Some(index) = index {
            self.indexes.insert(index, slot);
        }
        if index.is_some() || id.is_some() || !item.is_null() || !event["delta"].is_null() {
            self.next = self.next.max(slot.saturating_add(1));
        }
        if let Some(id) = id {
            self.slots.insert((index, id.to_owned()), slot);
            self.slots.insert((None, id.to_owned()), slot);
        }
    }

    /// The item of an index that an event with an unknown id is about: the newest, unless that can't be.
    fn slot_of(&self, index: u64, kind: &str, event: &Value) -> u64 {
        let Some(slot) = self.indexes.get(&index).copied() else {
            // Others may stand where it would.
            let is_taken = self.drafts.contains_key(&index) || self.closed.contains(&index);
            return if is_taken { self.next } else { index };
        };
        let item = &event["item"];
        if item.is_null() && event["delta"].is_null() {
            return slot;
        }
        let of_item = item["type"].as_str().unwrap_or_default();
        let of_delta = match kind {
            "response.output_text.delta" | "response.refusal.delta" => "message",
            "response.reasoning_summary_text.delta" | "response.reasoning_text.delta" => "reasoning",
            "response.function_call_arguments.delta" => "function_call",
            _ => of_item,
        };
        let is_another = match self.drafts.get(&slot) {
            Some(draft) if !draft.is_empty() && !draft.is_of(of_delta) => true,
            Some(draft @ Draft::Call(call)) => {
                let id = item["call_id"].as_str().unwrap_or_default();
                let is_end = kind == "response.output_item.done" && draft.is_call(item);
                !is_end && !id.is_empty() && !call.id.is_empty() && id != call.id
            }
            _ => false,
        };
        if is_another || self.closed.contains(&slot) {
            self.next
        } else {
            slot
        }
    }

    fn text(&mut self, delta: &str, out: Out<'_>) {
        if delta.is_empty() {
            return;
        }
        let (is_first, had_text) = (!self.drafts.contains_key(&self.current), self.has_text);
        self.has_text = true;
        match self.draft(|| Draft::Text(String::new())) {
            Draft::Text(text) if is_first || text.is_empty() => {
                text.push_str(delta);
                if had_text {
                    out(Progress::Text("\n\n".into()));
                }
            }
            Draft::Text(text) => text.push_str(delta),
            _ => return,
        }
        out(Progress::Text(delta.to_owned()));
    }

    fn thought(&mut self, delta: &str, out: Out<'_>) {
        if delta.is_empty() {
            return;
        }
        self.has_thought = true;
        if let Draft::Thought { text, .. } = self.draft(thought) {
            text.push_str(delta);
            out(Progress::Thought(delta.to_owned()));
        }
    }

    /// A summary has parts; each begins a paragraph.
    fn paragraph(&mut self, out: Out<'_>) {
        if !self.has_thought {
            return;
        }
        if let Draft::Thought { text, .. } = self.draft(thought) {
            if !text.is_empty() {
                text.push_str("\n\n");
            }
            out(Progress::Thought("\n\n".into()));
        }
    }

    fn begin(&mut self, item: &Value) {
        let draft = match item["type"].as_str().unwrap_or_default() {
            "function_call" => Draft::Call(call(item)),
            "message" => Draft::Text(String::new()),
            "reasoning" => thought(),
            _ => return,
        };
        self.drafts.entry(self.current).or_insert(draft);
    }

    fn arguments(&mut self, delta: &str, out: Out<'_>) {
        if let Draft::Call(call) = self.draft(|| Draft::Call(call(&Value::Null))) {
            call.arguments.push_str(delta);
            out(Progress::Call {
                name: call.name.clone(),
                bytes: call.arguments.len(),
            });
        }
    }

    fn all_arguments(&mut self, whole: &Value) {
        if let (Some(Draft::Call(call)), Some(whole)) = (self.drafts.get_mut(&self.current), written(whole)) {
            call.arguments = whole;
        }
    }

    /// An item that is done: it counts, whatever came before. Servers that send no deltas show it now.
    fn item(&mut self, item: &Value, out: Out<'_>) {
        match item["type"].as_str().unwrap_or_default() {
            "message" => {
                let whole = self.content(&item["content"]);
                let came =
                    matches!(self.drafts.get(&self.current), Some(Draft::Text(text)) if !text.is_empty());
                if !came {
                    self.text(&whole, out);
                } else if !whole.is_empty() {
                    self.drafts.insert(self.current, Draft::Text(whole));
                }
            }
            "reasoning" => {
                let whole = [texts(&item["summary"]), texts(&item["content"])]
                    .concat()
                    .join("\n\n");
                let came = matches!(self.drafts.get(&self.current), Some(Draft::Thought { text, .. }) if !text.is_empty());
                if !came {
                    self.thought(&whole, out);
                }
                if let Draft::Thought { text, opaque } = self.draft(thought) {
                    if !whole.is_empty() {
                        *text = whole;
                    }
                    *opaque = is_sendable(item).then(|| item.clone());
                }
            }
            "function_call" => {
                let mut done = call(item);
                if let Some(Draft::Call(before)) = self.drafts.get(&self.current)
                    && done.arguments.is_empty()
                {
                    done.arguments.clone_from(&before.arguments);
                }
                self.drafts.insert(self.current, Draft::Call(done));
            }
            // Tools of the provider's own; nothing here asks for them.
            _ => {}
        }
    }

    fn content(&mut self, content: &Value) -> String {
        let parts = content.as_array().map(Vec::as_slice).unwrap_or_default();
        self.has_refused |= parts.iter().any(|part| part["type"] == "refusal");
        let text = |part: &Value| {
            part["text"]
                .as_str()
                .or(part["refusal"].as_str())
                .map(str::to_owned)
        };
        parts.iter().filter_map(text).collect()
    }

    fn end(&mut self, response: &Value, out: Out<'_>) -> Result<(), StreamFailure> {
        if !response["error"].is_null() {
            return Err(StreamFailure::Said(Said::of(response)));
        }
        // What did not come on the way, whole or at all, is repeated here.
        let output = response["output"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        let is_told = |draft: &Draft| {
            output
                .iter()
                .any(|item| draft.is_of("function_call") && draft.may_be(item))
        };
        let mut met = BTreeSet::new();
        for item in output {
            let mut unmet = self.drafts.iter().filter(|(slot, _)| !met.contains(*slot));
            let came = unmet.clone().find(|(_, draft)| draft.may_be(item));
            let came = came.or_else(|| unmet.find(|(_, draft)| draft.is_call(item) && !is_told(draft)));
            let came = came.map(|(slot, draft)| (*slot, draft.is_empty() || draft.is_nameless()));
            match came {
                Some((slot, false)) => {
                    met.insert(slot);
                    continue;
                }
                Some((slot, true)) => self.current = slot,
                None => {
                    self.current = self.next;
                    self.next = self.next.saturating_add(1);
                }
            }
            met.insert(self.current);
            self.item(item, out);
        }
        let tokens = |name: &str| response["usage"][name].as_u64().unwrap_or_default();
        self.usage = Usage {
            input: tokens("input_tokens"),
            output: tokens("output_tokens"),
        };
        self.finish = Some(match response["incomplete_details"]["reason"].as_str() {
            Some("content_filter") => Finish::Filtered,
            Some(_) => Finish::Length,
            None if response["status"] == "incomplete" => Finish::Length,
            None => Finish::Complete,
        });
        Ok(())
    }

    fn draft(&mut self, new: impl FnOnce() -> Draft) -> &mut Draft {
        self.drafts.entry(self.current).or_insert_with(new)
    }
}
