//! Reads a stream as a call does, without a server.

use contract::Provider;
use serde_json::Value;

use crate::message::{Finish, ReplyPart, Usage};
use crate::providers::Progress;
use crate::providers::format::{Reader, StreamFailure};
use crate::providers::sse::Decoder;

/// What became of a stream.
#[derive(Debug, PartialEq)]
pub(in crate::providers) struct Read {
    /// The first failure.
    pub(in crate::providers) result: Result<(), StreamFailure>,
    /// The reply.
    pub(in crate::providers) parts: Vec<ReplyPart>,
    pub(in crate::providers) usage: Usage,
    pub(in crate::providers) finish: Finish,
    /// All words that were shown on the way.
    pub(in crate::providers) text: String,
    /// All thoughts.
    pub(in crate::providers) thought: String,
    /// Whether the stream might end there.
    pub(in crate::providers) is_whole: bool,
}

/// Reads a stream that comes in two pieces, cut at this byte.
pub(in crate::providers) fn stream(format: Provider, bytes: &[u8], cut: usize) -> Read {
    let (mut reader, mut shown) = (Reader::new(format), Shown::default());
    let result = feed(&mut reader, &[&bytes[..cut], &bytes[cut..]], &mut shown);
    shown.into_read(reader, result)
}

/// Reads an answer that is no stream.
pub(in crate::providers) fn whole(format: Provider, value: &Value) -> Read {
    let (mut reader, mut shown) = (Reader::new(format), Shown::default());
    let result = reader.event_of_whole(value, &mut |progress| shown.take(progress));
    shown.into_read(reader, result)
}

/// What is left of a stream that is cut after these bytes.
pub(in crate::providers) fn partial(format: Provider, bytes: &[u8]) -> Vec<ReplyPart> {
    let (mut reader, mut shown) = (Reader::new(format), Shown::default());
    feed(&mut reader, &[bytes], &mut shown).unwrap();
    reader.into_partial()
}

fn feed(reader: &mut Reader, pieces: &[&[u8]], shown: &mut Shown) -> Result<(), StreamFailure> {
    let (mut decoder, mut events) = (Decoder::default(), vec![]);
    for piece in pieces {
        decoder.push(piece, &mut events).unwrap();
    }
    decoder.finish(&mut events).unwrap();
    events
        .iter()
        .try_for_each(|event| reader.event(event, &mut |progress| shown.take(progress)))
}

#[derive(Default)]
struct Shown {
    text: String,
    thought: String,
}

impl Shown {
    fn take(&mut self, progress: Progress) {
        match progress {
            Progress::Text(text) => self.text.push_str(&text),
            Progress::Thought(text) => self.thought.push_str(&text),
            Progress::Call { .. } | Progress::Alive => {}
            Progress::Waiting { .. } => panic!("a reader never waits"),
        }
    }

    fn into_read(self, reader: Reader, result: Result<(), StreamFailure>) -> Read {
        let is_whole = reader.may_end();
        let (parts, usage, finish) = reader.into_reply();
        Read {
            result,
            parts,
            usage,
            finish,
            text: self.text,
            thought: self.thought,
            is_whole,
        }
    }
}
