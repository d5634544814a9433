//! What the model is shown of a history that became too long, or that a provider refused.

use std::borrow::Cow;

use super::History;
use crate::message::{Message, Part};

/// In place of an output that a provider refused.
const WITHHELD: &str = "[the provider refused the request that had this output, so it is left out]";

/// In place of an output that made room.
const TRIMMED: &str = "[this output was left out to make room; call the tool again if it is needed]";

/// Outputs up to so many bytes take no room.
pub(super) const SHORT: usize = 200;

impl History {
    /// In order, for the next request.
    pub(crate) fn view(&self) -> Cow<'_, [Message]> {
        if self.summary.is_none() && self.trimmed == 0 && self.hidden.is_empty() && self.withheld.is_empty() {
            return Cow::Borrowed(&self.messages);
        }
        let note = self.summary.as_ref().map(|(_, note)| Message::User {
            parts: vec![Part::Text {
                text: format!(
                    "[What was said before this is longer than you can take in. In its place, your own note on it:]\n\n{note}\n\n\
                     [The note ends here.]"
                ),
            }],
        });
        let shown = self.shown(self.messages.len());
        note.into_iter().chain(shown.map(Cow::into_owned)).collect()
    }

    /// The messages from the note on, up to this one.
    pub(super) fn shown(&self, before: usize) -> impl Iterator<Item = Cow<'_, Message>> {
        let messages = self.messages[..before].iter().enumerate().skip(self.first());
        let visible = messages.filter(|(index, _)| !self.hidden.contains(index));
        visible.map(|(index, message)| match message {
            Message::ToolResult { .. } if self.withheld.contains(&index) => with_text(message, WITHHELD),
            Message::ToolResult { text, .. } if index < self.trimmed && text.len() > SHORT => {
                with_text(message, TRIMMED)
            }
            message => Cow::Borrowed(message),
        })
    }

    /// The first message that is shown itself.
    pub(super) fn first(&self) -> usize {
        self.summary.as_ref().map_or(0, |(before, _)| *before)
    }
}

fn with_text<'a>(result: &'a Message, words: &str) -> Cow<'a, Message> {
    match result {
        Message::ToolResult { call, failed, .. } => Cow::Owned(Message::ToolResult {
            call: call.clone(),
            text: words.to_owned(),
            failed: *failed,
        }),
        message => Cow::Borrowed(message),
    }
}
