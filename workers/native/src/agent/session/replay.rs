//! The history told again to a client that loads the session.

use acp::schema::{ContentBlock, ContentChunk, ImageContent, SessionUpdate};
use agent_client_protocol::v1 as acp;

use super::{Session, call_id, message_id};
use crate::agent::card;
use crate::agent::kit::Kit;
use crate::agent::plan::{self, UPDATE_PLAN};
use crate::message::{Message, Part, ReplyPart, ToolCall};

impl<K: Kit> Session<K> {
    /// Sends every message as the updates that it once was, as far as the transcript keeps them.
    /// No faster than the client reads.
    pub(crate) async fn replay(&self) {
        let messages = self.history.messages();
        for (index, message) in messages.iter().enumerate() {
            self.client.caught_up().await;
            let id = message_id(index);
            let chunk = |content: ContentBlock| ContentChunk::new(content).message_id(id.as_str());
            match message {
                Message::User { parts } => {
                    for part in parts {
                        self.client
                            .update(SessionUpdate::UserMessageChunk(chunk(block(part))));
                    }
                }
                Message::Assistant { parts } => {
                    let results = results_after(messages, index);
                    self.replay_reply(index, parts, results, &chunk);
                }
                Message::ToolResult { .. } => {}
            }
        }
    }

    fn replay_reply(
        &self,
        index: usize,
        parts: &[ReplyPart],
        results: &[Message],
        chunk: &dyn Fn(ContentBlock) -> ContentChunk,
    ) {
        let mut number = 0;
        for part in parts {
            match part {
                ReplyPart::Text { text } => {
                    self.client
                        .update(SessionUpdate::AgentMessageChunk(chunk(text.as_str().into())));
                }
                ReplyPart::Thought { text, .. } if text.is_empty() => {}
                ReplyPart::Thought { text, .. } => {
                    self.client
                        .update(SessionUpdate::AgentThoughtChunk(chunk(text.as_str().into())));
                }
                ReplyPart::ToolCall(call) => {
                    self.replay_call(&call_id(index, number), call, results);
                    number += 1;
                }
            }
        }
    }

    fn replay_call(&self, id: &str, call: &ToolCall, results: &[Message]) {
        if call.name == UPDATE_PLAN {
            if let Ok(update) = plan::read(&call.arguments) {
                self.client.update(update);
            }
            return;
        }
        let result = results.iter().find_map(|message| match message {
            Message::ToolResult {
                call: of,
                text,
                failed,
            } if *of == call.id => Some((text.as_str(), *failed)),
            _ => None,
        });
        self.client
            .update(card::replayed(id, &call.name, &call.arguments, result));
    }
}

/// The results that follow the message with this index.
fn results_after(messages: &[Message], index: usize) -> &[Message] {
    let after = &messages[index + 1..];
    let end = after
        .iter()
        .position(|message| !matches!(message, Message::ToolResult { .. }));
    &after[..end.unwrap_or(after.len())]
}

fn block(part: &Part) -> ContentBlock {
    match part {
        Part::Text { text } => text.as_str().into(),
        Part::Image { mime, data } => ContentBlock::Image(ImageContent::new(data, mime)),
    }
}
