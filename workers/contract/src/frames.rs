//! The transport below ACP: one JSON-RPC message per line, with limits in both directions.
//!
//! The protocol crate has neither a limit on a line nor flow control, so neither end may use its own transport. Here a
//! line that is too long, is not UTF-8 or is no message, an answer to a question that nobody asked, and too many
//! questions at once end the connection with a reason that says which; and whatever the other end sends, or does not
//! read, at most [`FrameLimits`] of it is kept in memory.
//!
//! What is used from the protocol crate is its [`Channel`], whose queues have no limit. So the reader looks how many of
//! its frames still lie in the queue and reads no further while there are enough; the pipe then fills, and the other end
//! waits. For that to reach the other end, a handler that passes something on must wait for room, too.

mod error;
mod read;
mod write;

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use agent_client_protocol::{Channel, RawJsonRpcId};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

pub use self::error::{FrameError, Line};

/// The longest frame in bytes, its newline not counted. Longer ones end the connection.
pub const FRAME_LIMIT: usize = 16 * 1024 * 1024;

/// How much of a connection is kept in memory.
#[derive(Debug, Clone, Copy)]
pub struct FrameLimits {
    /// Longest frame in bytes, in both directions.
    pub frame: usize,
    /// Bytes of frames that were read and wait for their handler. One frame is always let through, however long.
    pub unhandled: usize,
    /// The same in frames.
    pub unhandled_frames: usize,
    /// Bytes that wait to be written, above which the connection ends: the other end does not read.
    pub unsent: usize,
    /// Requests of the other end that were not answered yet.
    pub unanswered: usize,
}

impl Default for FrameLimits {
    fn default() -> Self {
        Self {
            frame: FRAME_LIMIT,
            unhandled: 1024 * 1024,
            unhandled_frames: 64,
            unsent: 2 * FRAME_LIMIT,
            unanswered: 128,
        }
    }
}

/// Unsent bytes below which [`Pace::ready`] lets a sender go on.
const SEND_AHEAD: usize = 256 * 1024;

/// The running transport of one connection. Dropped, it closes both pipes at once; what was not written is lost.
#[derive(Debug)]
pub struct Frames {
    shared: Arc<Shared>,
    tasks: [JoinHandle<()>; 2],
}

/// What handlers and senders of a connection need to keep in step with the other end.
#[derive(Debug, Clone)]
pub struct Pace {
    shared: Arc<Shared>,
}

/// What reader, writer and handles know of each other.
#[derive(Debug)]
struct Shared {
    handled: Notify,
    unsent: watch::Sender<usize>,
    /// Requests that were written to their last byte. Held while one is written.
    requests: Mutex<u64>,
    asked: Mutex<HashSet<RawJsonRpcId>>,
    unanswered: Mutex<usize>,
    closing: watch::Sender<bool>,
    end: watch::Sender<Option<FrameError>>,
}

/// Starts a transport over two pipes. Give the channel to `connect_with`, keep the [`Frames`] as long as the connection.
///
/// The connection's end of input (after the other end's, or after a fault) is the end of the channel; [`Frames::ended`]
/// has the reason. When the connection ends, what it sent before is still written, then the writer is closed.
/// Must be called within a tokio runtime.
pub fn open<R, W>(reader: R, writer: W, limits: FrameLimits) -> (Channel, Frames)
where
    R: AsyncRead + Unpin + Send + 'static,
    W: AsyncWrite + Unpin + Send + 'static,
{
    let (ours, theirs) = Channel::duplex();
    let shared = Arc::new(Shared {
        handled: Notify::new(),
        unsent: watch::Sender::new(0),
        requests: Mutex::default(),
        asked: Mutex::default(),
        unanswered: Mutex::default(),
        closing: watch::Sender::new(false),
        end: watch::Sender::new(None),
    });
    let (outgoing, incoming) = ours.into_parts();
    let (reading, writing) = (shared.clone(), shared.clone());
    let tasks = [
        tokio::spawn(async move {
            // In this order: whoever sees the end of the channel finds the reason.
            reading.finish(read::run(reader, &incoming, &reading, limits).await);
            drop(incoming);
        }),
        tokio::spawn(async move {
            if let Err(error) = write::run(outgoing, writer, &writing, limits).await {
                writing.finish(error);
            }
        }),
    ];
    (theirs, Frames { shared, tasks })
}

impl Frames {
    /// Waits for the end of what the other end sends, or a fault of the connection, and says which. Cancel safe.
    pub async fn ended(&self) -> FrameError {
        let mut end = self.shared.end.subscribe();
        let end = end.wait_for(Option::is_some).await;
        end.ok().and_then(|end| end.clone()).unwrap_or(FrameError::Closed)
    }

    /// After the end of the connection that had the channel: returns when what it sent is written, or can't be.
    /// Cancel safe; who does not wait for ever for an end that does not read needs a time-out.
    pub async fn written(&mut self) {
        let writer = &mut self.tasks[1];
        if !writer.is_finished() {
            // A writer that was aborted or panicked writes nothing more either.
            let _ = writer.await;
        }
    }

    /// Closes the writer when what was sent up to now is written; the other end sees the end of its input. Reading goes
    /// on, and what is sent from now on is lost.
    pub fn close_output(&self) {
        self.shared.closing.send_replace(true);
    }

    /// For handlers and senders.
    pub fn pace(&self) -> Pace {
        Pace {
            shared: self.shared.clone(),
        }
    }
}

impl Drop for Frames {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

impl Pace {
    /// To be called for every message, first thing in a first `on_receive_dispatch` handler that then returns
    /// `Handled::No`: the reader goes on. (Without it the reader goes on a little later.)
    pub fn handled(&self) {
        self.shared.handled.notify_one();
    }

    /// Whether most of what was sent is written, as far as the writer has heard of it.
    pub fn has_room(&self) -> bool {
        *self.shared.unsent.borrow() <= SEND_AHEAD
    }

    /// How many requests were written to their last byte so far. One that was not, because the other end had gone, was
    /// read by nobody; one of which the other end has shown that it read it is counted.
    pub fn requests_written(&self) -> u64 {
        *self.shared.requests()
    }

    /// Waits until most of what was sent is written. Who sends many messages waits here after each of them, else a reader
    /// that is slow ends the connection with [`FrameError::Stalled`]. Returns at once when the connection is over.
    /// Cancel safe.
    pub async fn ready(&self) {
        // What was just sent has to reach the writer before it is counted.
        tokio::task::yield_now().await;
        let mut unsent = self.shared.unsent.subscribe();
        let mut end = self.shared.end.subscribe();
        tokio::select! {
            _ = unsent.wait_for(|bytes| *bytes <= SEND_AHEAD) => {}
            _ = end.wait_for(Option::is_some) => {}
        }
    }
}

impl Shared {
    /// The first reason counts.
    fn finish(&self, reason: FrameError) {
        self.end.send_if_modified(|end| {
            let is_first = end.is_none();
            if is_first {
                *end = Some(reason);
            }
            is_first
        });
    }

    fn requests(&self) -> MutexGuard<'_, u64> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn asks(&self, id: RawJsonRpcId) {
        self.asked
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(id);
    }

    /// Whether this was asked, and not answered before.
    fn was_asked(&self, id: &RawJsonRpcId) -> bool {
        self.asked
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(id)
    }

    /// Counts a request of the other end; how many are open now.
    fn is_asked(&self) -> usize {
        let mut unanswered = self.unanswered.lock().unwrap_or_else(PoisonError::into_inner);
        *unanswered += 1;
        *unanswered
    }

    fn answers(&self) {
        let mut unanswered = self.unanswered.lock().unwrap_or_else(PoisonError::into_inner);
        *unanswered = unanswered.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests;
