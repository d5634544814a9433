//! Server-sent events out of bytes that are cut anywhere, with a limit on what one event may hold.
//!
//! Our own and not `sse-stream`: that one knows no limit, and gives up on lines that the standard says to skip, among
//! them the `error: {…}` line of some local servers.

/// The longest line, and the longest event, in bytes. The last event of a reply repeats all of it.
pub(super) const EVENT_LIMIT: usize = 16 * 1024 * 1024;

/// A line or an event is longer than [`EVENT_LIMIT`].
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooLong;

/// One event that has data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Event {
    /// Its `data` lines, joined.
    pub(super) data: String,
    /// Whether the server calls it an error.
    pub(super) is_error: bool,
}

/// Takes bytes, gives events (WHATWG HTML §9.2.6).
#[derive(Debug, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own about what came"
)]
pub(super) struct Decoder {
    line: Vec<u8>,
    data: Option<String>,
    is_error: bool,
    /// The last byte was a carriage return: a line feed right after it ends no other line.
    after_return: bool,
    has_begun: bool,
    /// A line came that only a stream of events has.
    is_stream: bool,
}

impl Decoder {
    /// Takes more bytes; events that are complete now go to `events`.
    pub(super) fn push(&mut self, bytes: &[u8], events: &mut Vec<Event>) -> Result<(), TooLong> {
        for piece in bytes.split_inclusive(|byte| matches!(byte, b'\n' | b'\r')) {
            let (text, end) = match piece.split_last() {
                Some((end @ (b'\n' | b'\r'), text)) => (text, Some(*end)),
                _ => (piece, None),
            };
            let is_rest_of_end = self.after_return && text.is_empty() && end == Some(b'\n');
            self.after_return = end == Some(b'\r');
            if is_rest_of_end {
                continue;
            }
            if self.line.len() + text.len() > EVENT_LIMIT {
                return Err(TooLong);
            }
            self.line.extend_from_slice(text);
            if end.is_some() {
                let line = std::mem::take(&mut self.line);
                self.take_line(&line, events)?;
                // The buffer is kept for the next line.
                self.line = line;
                self.line.clear();
            }
        }
        Ok(())
    }

    /// Whether anything came that a stream of events has, if only a comment.
    pub(super) fn is_stream(&self) -> bool {
        self.is_stream
    }

    /// The stream has ended: an event that lacks nothing but its empty line counts, too.
    pub(super) fn finish(&mut self, events: &mut Vec<Event>) -> Result<(), TooLong> {
        let line = std::mem::take(&mut self.line);
        self.take_line(&line, events)?;
        self.dispatch(events);
        Ok(())
    }

    fn take_line(&mut self, line: &[u8], events: &mut Vec<Event>) -> Result<(), TooLong> {
        let line = if self.has_begun {
            line
        } else {
            line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line)
        };
        self.has_begun = true;
        if line.is_empty() {
            self.dispatch(events);
            return Ok(());
        }
        let colon = line.iter().position(|byte| *byte == b':');
        let (field, value) = match colon {
            Some(colon) => (&line[..colon], &line[colon + 1..]),
            None => (line, &b""[..]),
        };
        let value = String::from_utf8_lossy(value.strip_prefix(b" ").unwrap_or(value));
        self.is_stream |= matches!(field, b"" | b"data" | b"event" | b"error" | b"id" | b"retry");
        match field {
            b"data" => self.add(&value),
            b"event" => {
                self.is_error = value == "error";
                Ok(())
            }
            // Not in the standard: what some local servers write when they fail in mid-stream.
            b"error" => {
                self.is_error = true;
                self.add(&value)
            }
            // A failure without a frame: other servers' way.
            b"{\"error\"" => {
                self.is_error = true;
                self.add(&String::from_utf8_lossy(line))
            }
            // A comment, an id, a retry time, or something that the standard says to skip.
            _ => Ok(()),
        }
    }

    fn add(&mut self, value: &str) -> Result<(), TooLong> {
        match &mut self.data {
            Some(data) if data.len() + value.len() >= EVENT_LIMIT => Err(TooLong),
            Some(data) => {
                data.push('\n');
                data.push_str(value);
                Ok(())
            }
            None => {
                self.data = Some(value.to_owned());
                Ok(())
            }
        }
    }

    fn dispatch(&mut self, events: &mut Vec<Event>) {
        let is_error = std::mem::take(&mut self.is_error);
        if let Some(data) = self.data.take() {
            events.push(Event { data, is_error });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(data: &str) -> Event {
        Event {
            data: data.into(),
            is_error: false,
        }
    }

    fn decode(pieces: &[&[u8]]) -> Vec<Event> {
        let (mut decoder, mut events) = (Decoder::default(), vec![]);
        for piece in pieces {
            decoder.push(piece, &mut events).unwrap();
        }
        decoder.finish(&mut events).unwrap();
        events
    }

    #[test]
    fn events_are_the_same_wherever_the_bytes_are_cut() {
        let stream =
            "\u{feff}: hello\r\n\r\nevent: a\r\ndata: {\"x\":\"ä€😀\"}\r\n\r\ndata:1\rdata:  2\r\rdata: 3\r\ndata: 4\r\n\r\nid: 7\n\
                      data\n\nnonsense\nretry: soon\n\nevent: error\ndata: e\n\nerror: f\n\ndata: [DONE]"
                .as_bytes();
        let failed = |data: &str| Event {
            data: data.into(),
            is_error: true,
        };
        let whole = vec![
            event("{\"x\":\"ä€😀\"}"),
            event("1\n 2"),
            event("3\n4"),
            event(""),
            failed("e"),
            failed("f"),
            event("[DONE]"),
        ];
        for first in 0..=stream.len() {
            assert_eq!(
                decode(&[&stream[..first], &stream[first..]]),
                whole,
                "cut at {first}"
            );
        }
        let bytes: Vec<&[u8]> = stream.chunks(1).collect();
        assert_eq!(decode(&bytes), whole);
    }

    #[test]
    fn an_endless_line_or_event_is_refused() {
        let megabyte = vec![b'x'; 1024 * 1024];
        let mut line = Decoder::default();
        let pushed = (0..20).try_for_each(|_| line.push(&megabyte, &mut vec![]));
        assert_eq!(pushed, Err(TooLong));
        let mut event = Decoder::default();
        let data: Vec<u8> = [b"data: ", &megabyte[..], b"\n"].concat();
        let pushed = (0..20).try_for_each(|_| event.push(&data, &mut vec![]));
        assert_eq!(pushed, Err(TooLong));
    }
}
