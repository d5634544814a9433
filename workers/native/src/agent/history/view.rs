//! What the model is shown of a history that became too long, or that a provider refused.

use std::borrow::Cow;

use super::History;
use crate::message::{Message, Part, ReplyPart};

/// In place of an output that a provider refused.
const WITHHELD: &str = "[the provider refused the request that had this output, so it is left out]";

/// In place of a picture that a provider did not take.
const NO_PICTURE: &str = "[a picture was here; you could not be shown it]";

/// In place of an output that made room.
const TRIMMED: &str = "[this output was left out to make room; call the tool again if it is needed]";

/// What the model reads behind a turn that ended before it had answered, in its own name: without it, what was asked then
/// would seem to be asked still.
pub(crate) const BROKE_OFF: &str =
    "(This turn ended before I was done. I go on with it only if I am asked to.)";

/// What the model reads in place of an answer that it gave without a word, in its own name, for the same reason.
pub(crate) const SAID_NOTHING: &str = "(I ended this turn, and said nothing.)";

/// Outputs up to so many bytes take no room.
pub(super) const SHORT: usize = 200;

/// How a message stands to what a person said next.
enum Before {
    /// It is an answer, or belongs to the same turn.
    Fine,
    /// It is an answer without a word.
    SaidNothing,
    /// All of it was said again: a running turn took in more, and began again.
    SaidAgain,
    /// The turn ended here.
    BrokeOff,
}

impl History {
    /// In order, for the next request.
    pub(crate) fn view(&self) -> Cow<'_, [Message]> {
        if self.summary.is_none() && self.trimmed == 0 && self.hidden.is_empty() && self.withheld.is_empty() {
            let mut pairs = (0..self.messages.len()).map(|index| self.before(index, Some(index + 1)));
            if pairs.all(|before| matches!(before, Before::Fine)) {
                return Cow::Borrowed(&self.messages);
            }
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
        let all = self.first()..self.messages.len();
        let mut visible = all.filter(|index| !self.hidden.contains(index)).peekable();
        let pairs = std::iter::from_fn(move || Some((visible.next()?, visible.peek().copied())));
        pairs
            .take_while(move |(index, _)| *index < before)
            .flat_map(|(index, next)| match self.before(index, next) {
                Before::Fine => [Some(self.one(index)), None],
                Before::SaidNothing => [Some(Cow::Owned(ending(&[], SAID_NOTHING))), None],
                Before::SaidAgain => [None, None],
                Before::BrokeOff => match &self.messages[index] {
                    Message::Assistant { parts } => [Some(Cow::Owned(ending(parts, BROKE_OFF))), None],
                    _ => [Some(self.one(index)), Some(Cow::Owned(ending(&[], BROKE_OFF)))],
                },
            })
            .flatten()
    }

    fn one(&self, index: usize) -> Cow<'_, Message> {
        match &self.messages[index] {
            Message::User { parts } if self.withheld.contains(&index) => Cow::Owned(without_pictures(parts)),
            message @ Message::ToolResult { .. } if self.withheld.contains(&index) => {
                with_text(message, WITHHELD)
            }
            message @ Message::ToolResult { text, .. } if index < self.trimmed && text.len() > SHORT => {
                with_text(message, TRIMMED)
            }
            message => Cow::Borrowed(message),
        }
    }

    fn before(&self, index: usize, next: Option<usize>) -> Before {
        let said = &self.messages[index];
        if matches!(said, Message::Assistant { parts } if parts.is_empty()) {
            return Before::SaidNothing;
        }
        let Some(Message::User { parts: later }) = next.and_then(|next| self.messages.get(next)) else {
            return Before::Fine;
        };
        match said {
            Message::User { parts } if is_said_in(parts, later) => Before::SaidAgain,
            Message::Assistant { .. } if !self.cut.contains(&index) => Before::Fine,
            _ => Before::BrokeOff,
        }
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

fn without_pictures(parts: &[Part]) -> Message {
    let shown = |part: &Part| match part {
        Part::Image { .. } => Part::Text {
            text: NO_PICTURE.to_owned(),
        },
        text @ Part::Text { .. } => text.clone(),
    };
    Message::User {
        parts: parts.iter().map(shown).collect(),
    }
}

/// An answer, as far as it came, with words on how it ended.
fn ending(parts: &[ReplyPart], words: &str) -> Message {
    let text = words.to_owned();
    let parts = parts.iter().cloned().chain([ReplyPart::Text { text }]);
    Message::Assistant {
        parts: parts.collect(),
    }
}

/// Whether each paragraph and picture of the earlier message is in the later one, in order.
fn is_said_in(earlier: &[Part], later: &[Part]) -> bool {
    let mut rest = pieces(later);
    pieces(earlier).all(|piece| rest.any(|other| other == piece))
}

fn pieces(parts: &[Part]) -> impl Iterator<Item = &str> {
    parts.iter().flat_map(|part| match part {
        Part::Text { text } => text.split("\n\n"),
        // One piece: base64 has no line ends.
        Part::Image { data, .. } => data.split("\n\n"),
    })
}
