//! The wire formats behind one face: where a request goes, what is in it, and what reads the answer.

use contract::Provider;
use serde_json::Value;

use super::abilities::Abilities;
use super::halves::Halves;
use super::said::Said;
use super::sse::Event;
use super::{Progress, Request, chat, responses};
use crate::message::{Finish, ReplyPart, Usage};

/// Arguments of a call as text, also from servers that send the object itself.
pub(super) fn written(arguments: &Value) -> Option<String> {
    match arguments {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

/// Why a stream can't be read to its end.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum StreamFailure {
    /// The server says that it failed.
    Said(Said),
    /// An event is not what the format allows.
    Nonsense,
}

/// The last segments of the request's path.
pub(super) fn path(format: Provider) -> &'static [&'static str] {
    match format {
        Provider::OpenaiResponses => &["responses"],
        Provider::OpenaiChat => &["chat", "completions"],
    }
}

/// The request's body.
pub(super) fn body(format: Provider, request: &Request<'_>, abilities: Abilities) -> Value {
    match format {
        Provider::OpenaiResponses => responses::body(request, abilities),
        Provider::OpenaiChat => chat::body(request, abilities),
    }
}

/// Reads the events of one answer.
#[derive(Debug)]
pub(super) struct Reader {
    format: Format,
    halves: Halves,
}

#[derive(Debug)]
enum Format {
    /// OpenAI Responses.
    Responses(responses::Reader),
    /// OpenAI Chat Completions.
    Chat(chat::Reader),
}

impl Reader {
    /// A reader for a new answer.
    pub(super) fn new(format: Provider) -> Self {
        let format = match format {
            Provider::OpenaiResponses => Format::Responses(responses::Reader::default()),
            Provider::OpenaiChat => Format::Chat(chat::Reader::default()),
        };
        let halves = Halves::default();
        Self { format, halves }
    }

    /// Takes one event of the stream.
    pub(super) fn event(
        &mut self,
        event: &Event,
        out: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<(), StreamFailure> {
        let data = event.data.trim();
        if data == "[DONE]" {
            if let Format::Chat(reader) = &mut self.format {
                reader.done();
            }
            return Ok(());
        }
        let parsed = self.halves.parse(data);
        if event.is_error {
            let said = parsed.map_or_else(|_| Said::of_body(data.as_bytes()), |value| Said::of(&value));
            return Err(StreamFailure::Said(said));
        }
        match parsed {
            Ok(value) => self.value(&value, out),
            // Keep-alives of some proxies.
            Err(_) if data.is_empty() => Ok(()),
            Err(_) => Err(StreamFailure::Nonsense),
        }
    }

    /// Takes an answer that is one JSON value instead of a stream.
    pub(super) fn event_of_whole(
        &mut self,
        value: &Value,
        out: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<(), StreamFailure> {
        self.value(value, out)
    }

    fn value(&mut self, value: &Value, out: &mut (dyn FnMut(Progress) + Send)) -> Result<(), StreamFailure> {
        match &mut self.format {
            Format::Responses(reader) => reader.event(value, out),
            Format::Chat(reader) => reader.event(value, out),
        }
    }

    /// Whether nothing more has to be read.
    pub(super) fn is_complete(&self) -> bool {
        match &self.format {
            Format::Responses(reader) => reader.is_complete(),
            Format::Chat(reader) => reader.is_complete(),
        }
    }

    /// Whether the reply is whole if the stream ends now.
    pub(super) fn may_end(&self) -> bool {
        match &self.format {
            Format::Responses(reader) => reader.is_complete(),
            Format::Chat(reader) => reader.may_end(),
        }
    }

    /// The whole reply: its parts, the tokens and why it ended.
    pub(super) fn into_reply(self) -> (Vec<ReplyPart>, Usage, Finish) {
        match self.format {
            Format::Responses(reader) => reader.into_reply(),
            Format::Chat(reader) => reader.into_reply(),
        }
    }

    /// What had come before a cut.
    pub(super) fn into_partial(self) -> Vec<ReplyPart> {
        match self.format {
            Format::Responses(reader) => reader.into_partial(),
            Format::Chat(reader) => reader.into_partial(),
        }
    }
}
