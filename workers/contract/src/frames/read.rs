//! The reading half: lines to frames, and no more of them than are handled.

use std::collections::VecDeque;
use std::time::Duration;

use agent_client_protocol::{RawJsonRpcId, RawJsonRpcMessage, RawJsonRpcResponse, TransportFrame};
use futures_channel::mpsc::UnboundedSender;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, BufReader};

use super::{FrameError, FrameLimits, Line, Shared};

/// Small, because every idle connection has one. A longer line is gathered beside it.
const BUFFER: usize = 4 * 1024;

/// Values in one frame: each needs some 40 bytes once parsed, whatever its length on the line.
const MAX_VALUES: usize = 1_000_000;

/// How soon the reader looks again whether there is room, where no handler told it: a frame may reach none.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// Reads until the end or a fault.
pub(super) async fn run<R>(
    reader: R,
    frames: &UnboundedSender<TransportFrame>,
    shared: &Shared,
    limits: FrameLimits,
) -> FrameError
where
    R: AsyncRead + Unpin,
{
    let mut reader = BufReader::with_capacity(BUFFER, reader);
    let mut waiting = Waiting::default();
    loop {
        let line = match line(&mut reader, limits.frame).await {
            Ok(line) => line,
            Err(error) => return error,
        };
        let length = line.len();
        let frame = match frame(line, shared, limits) {
            Ok(Some(frame)) => frame,
            Ok(None) => continue,
            Err(error) => return error,
        };
        if frames.unbounded_send(frame).is_err() {
            return FrameError::Closed;
        }
        waiting.lengths.push_back(length);
        while waiting.is_enough(frames.len(), limits) {
            if frames.is_closed() {
                return FrameError::Closed;
            }
            tokio::select! {
                () = shared.handled.notified() => {}
                () = tokio::time::sleep(LOOK_AGAIN) => {}
            }
        }
    }
}

/// The next line, without its newline. A last one without a newline is half a message, which is none.
async fn line<R>(reader: &mut BufReader<R>, limit: usize) -> Result<Vec<u8>, FrameError>
where
    R: AsyncRead + Unpin,
{
    let mut line = Vec::new();
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    reader
        .take(most)
        .read_until(b'\n', &mut line)
        .await
        .map_err(FrameError::io("read from it"))?;
    if line.pop_if(|last| *last == b'\n').is_some() {
        return Ok(line);
    }
    Err(if line.len() > limit {
        FrameError::TooLong { limit }
    } else {
        FrameError::Closed
    })
}

/// The message on a line; `None` for an empty line, and for a complaint about something that the other end could not read.
fn frame(line: Vec<u8>, shared: &Shared, limits: FrameLimits) -> Result<Option<TransportFrame>, FrameError> {
    let text = String::from_utf8(line).map_err(|_| FrameError::NotUtf8)?;
    let malformed = |what| FrameError::Malformed { what };
    match text.trim_start().as_bytes().first() {
        None => return Ok(None),
        Some(b'{') => {}
        // Many logs begin a line with a bracket, too.
        Some(b'[') if is_batch(&text) => return Err(malformed("a batch of messages")),
        Some(_) => {
            return Err(FrameError::Stray {
                line: Line::new(text.trim()),
            });
        }
    }
    if text.len() > MAX_VALUES && values(&text) > MAX_VALUES {
        return Err(malformed("a message with too many values"));
    }
    let frame = TransportFrame::parse_json(&text);
    let TransportFrame::Single(message) = &frame else {
        return Err(malformed("not a JSON-RPC message"));
    };
    match message {
        RawJsonRpcMessage::Request(_) if shared.is_asked() > limits.unanswered => Err(FrameError::Flood {
            limit: limits.unanswered,
        }),
        RawJsonRpcMessage::Response(RawJsonRpcResponse::Error {
            id: RawJsonRpcId::Null,
            ..
        }) => Ok(None),
        RawJsonRpcMessage::Response(
            RawJsonRpcResponse::Result { id, .. } | RawJsonRpcResponse::Error { id, .. },
        ) if !shared.was_asked(id) => Err(FrameError::Forged),
        _ => Ok(Some(frame)),
    }
}

/// Whether a text that begins with a bracket is a list of messages, or of lists, as far as its beginning tells.
fn is_batch(text: &str) -> bool {
    let within = text.trim_start().get(1..).unwrap_or_default();
    within.trim_start().starts_with(['{', '[', ']'])
}

/// At least as many as the text has values: the marks between them, outside of strings.
fn values(text: &str) -> usize {
    let (mut in_string, mut escaped, mut count) = (false, false, 0);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b',' | b'{' | b'[' if !in_string => count += 1,
            _ => {}
        }
    }
    count
}

/// The lengths of the frames that may still lie in the queue, oldest first.
#[derive(Default)]
struct Waiting {
    lengths: VecDeque<usize>,
}

impl Waiting {
    fn is_enough(&mut self, queued: usize, limits: FrameLimits) -> bool {
        // The queue is in order, so those that left it are the oldest.
        while self.lengths.len() > queued {
            self.lengths.pop_front();
        }
        queued >= limits.unhandled_frames || self.lengths.iter().sum::<usize>() >= limits.unhandled
    }
}
