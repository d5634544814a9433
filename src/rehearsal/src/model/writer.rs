//! An answer in one of the wire formats, as server-sent events or as one value.

use serde_json::Value;

mod chat;
mod responses;

use super::asked::{Asked, Format};
use super::tools::Call;

/// Characters that count as one token.
pub(super) const CHARACTERS_OF_A_TOKEN: usize = 4;

/// Writes one answer. What it returns are whole events, each with its empty line.
#[derive(Debug)]
pub(crate) enum Writer {
    Responses(responses::Writer),
    Chat(chat::Writer),
}

/// Tokens of a call, in a way that is easy to foretell.
#[derive(Clone, Copy, Debug, Default)]
struct Tokens {
    input: usize,
    output_characters: usize,
}

impl Writer {
    /// A writer of the answer with this id, to a request of so many bytes.
    pub(crate) fn new(format: Format, asked: &Asked, id: &str, request_bytes: usize) -> Self {
        let tokens = Tokens {
            input: request_bytes / CHARACTERS_OF_A_TOKEN,
            output_characters: 0,
        };
        match format {
            Format::Responses => Self::Responses(responses::Writer::new(asked, id, tokens)),
            Format::Chat => Self::Chat(chat::Writer::new(asked, id, tokens)),
        }
    }

    /// The first events.
    pub(crate) fn begin(&mut self) -> String {
        match self {
            Self::Responses(writer) => writer.begin(),
            Self::Chat(writer) => writer.begin(),
        }
    }

    /// More reasoning.
    pub(crate) fn thought(&mut self, piece: &str) -> String {
        match self {
            Self::Responses(writer) => writer.thought(piece),
            Self::Chat(writer) => writer.thought(piece),
        }
    }

    /// More words.
    pub(crate) fn words(&mut self, piece: &str) -> String {
        match self {
            Self::Responses(writer) => writer.words(piece),
            Self::Chat(writer) => writer.words(piece),
        }
    }

    /// A call.
    pub(crate) fn call(&mut self, call: &Call) -> String {
        match self {
            Self::Responses(writer) => writer.call(call),
            Self::Chat(writer) => writer.call(call),
        }
    }

    /// The last events.
    pub(crate) fn end(&mut self) -> String {
        match self {
            Self::Responses(writer) => writer.end(),
            Self::Chat(writer) => writer.end(),
        }
    }

    /// The whole answer as one value, after its end.
    pub(crate) fn whole(&self) -> Value {
        match self {
            Self::Responses(writer) => writer.whole(),
            Self::Chat(writer) => writer.whole(),
        }
    }
}

impl Tokens {
    fn output(self) -> usize {
        self.output_characters.div_ceil(CHARACTERS_OF_A_TOKEN)
    }
}

/// A call's arguments in two pieces, as they would come from a model.
fn halves(arguments: &str) -> (&str, &str) {
    arguments.split_at(arguments.floor_char_boundary(arguments.len() / 2))
}
