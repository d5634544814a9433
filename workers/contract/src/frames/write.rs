//! The writing half: frames to lines, and no endless queue for an end that does not read.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::Poll;

use agent_client_protocol::{RawJsonRpcMessage, TransportFrame};
use futures_channel::mpsc::UnboundedReceiver;
use tokio::io::{AsyncWrite, AsyncWriteExt as _};
use tokio::sync::watch;

use super::{FrameError, FrameLimits, Shared};

/// Writes until the connection ends, then closes the writer.
pub(super) async fn run<W>(
    mut frames: UnboundedReceiver<TransportFrame>,
    mut writer: W,
    shared: &Shared,
    limits: FrameLimits,
) -> Result<(), FrameError>
where
    W: AsyncWrite + Unpin,
{
    let mut unsent = Unsent::default();
    let mut is_open = true;
    let mut closing = shared.closing.subscribe();
    while is_open || !unsent.lines.is_empty() {
        tokio::select! {
            // First what was sent, then the wish to close that came after it.
            biased;
            frame = frames.recv(), if is_open => match frame {
                Ok(frame) => unsent.take(&frame, shared, limits)?,
                Err(_) => is_open = false,
            },
            written = unsent.write_to(&mut writer, shared), if !unsent.lines.is_empty() => match written {
                Ok(()) => {}
                // The other end is gone or going; the reader sees how. What it sent before is still worth reading.
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return discard(frames).await,
                Err(error) => return Err(FrameError::io("write to it")(error)),
            },
            () = wished(&mut closing), if is_open => is_open = false,
        }
        shared.unsent.send_replace(unsent.bytes);
    }
    if let Err(error) = writer.shutdown().await
        && error.kind() != io::ErrorKind::BrokenPipe
    {
        return Err(FrameError::io("close its input")(error));
    }
    // A pipe is closed by letting it go.
    drop(writer);
    discard(frames).await
}

/// Waits for the wish to close.
async fn wished(closing: &mut watch::Receiver<bool>) {
    // An error is the end of everything, which comes by itself.
    let _ = closing.wait_for(|closing| *closing).await;
}

/// Keeps the connection going for its other direction.
async fn discard(mut frames: UnboundedReceiver<TransportFrame>) -> Result<(), FrameError> {
    while frames.recv().await.is_ok() {}
    Ok(())
}

/// Lines that wait, and how much of the first one is written.
#[derive(Default)]
struct Unsent {
    lines: VecDeque<Line>,
    written: usize,
    bytes: usize,
}

struct Line {
    bytes: Vec<u8>,
    is_request: bool,
}

impl Unsent {
    fn take(
        &mut self,
        frame: &TransportFrame,
        shared: &Shared,
        limits: FrameLimits,
    ) -> Result<(), FrameError> {
        let mut line = match frame.to_json() {
            Ok(line) => line.into_bytes(),
            Err(error) => {
                let source = io::Error::other(error.to_string());
                return Err(FrameError::io("write down a message to it")(source));
            }
        };
        if line.len() > limits.frame {
            return Err(FrameError::TooLongToSend { limit: limits.frame });
        }
        line.push(b'\n');
        match frame {
            TransportFrame::Single(RawJsonRpcMessage::Request(request)) => shared.asks(request.id.clone()),
            TransportFrame::Single(RawJsonRpcMessage::Response(_)) => shared.answers(),
            _ => {}
        }
        self.bytes += line.len();
        let is_request = matches!(frame, TransportFrame::Single(RawJsonRpcMessage::Request(_)));
        let bytes = line;
        self.lines.push_back(Line { bytes, is_request });
        if self.bytes > limits.unsent {
            return Err(FrameError::Stalled { limit: limits.unsent });
        }
        Ok(())
    }

    /// Writes as much as the pipe takes now. Cancelled, it has written nothing that it does not know of.
    async fn write_to<W>(&mut self, writer: &mut W, shared: &Shared) -> io::Result<()>
    where
        W: AsyncWrite + Unpin,
    {
        let Some(line) = self.lines.front() else {
            return Ok(());
        };
        let length = line.bytes.len();
        if self.written < length {
            let (written, bytes) = (&mut self.written, &mut self.bytes);
            let count = poll_fn(|context| {
                // The other end may read it, act and be gone before this write has returned. Who asks then waits here.
                let mut requests = shared.requests();
                let polled = Pin::new(&mut *writer).poll_write(context, &line.bytes[*written..]);
                if let Poll::Ready(Ok(count)) = polled {
                    *written += count;
                    *bytes -= count;
                    *requests += u64::from(*written == length && line.is_request);
                }
                polled
            });
            if count.await? == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
        }
        if self.written == length {
            // Some writers keep what they were given until they are told; cancelled here, it is told again.
            writer.flush().await?;
            self.lines.pop_front();
            self.written = 0;
        }
        Ok(())
    }
}
