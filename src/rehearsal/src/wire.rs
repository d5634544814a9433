//! A TCP connection that can be told to break: close without an answer, cut a body short, or let it drip.
//!
//! Theory of operation: every connection has a [`WireHandle`], which a request handler finds as its connect info. The
//! handler gives an order before it returns its answer; HTTP/1 answers one request at a time, so the next bytes written
//! are that answer. A faulted connection is never used again, so orders are never taken back.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Sleep;

/// What ends the head of an HTTP/1 answer.
const END_OF_HEAD: &[u8; 4] = b"\r\n\r\n";
/// How often a dripping body gets its next bytes, unless it gets less than one in that time.
const DRIPS_PER_SECOND: u32 = 10;

/// What is to happen to the answer that is written next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Pass,
    /// Not one byte of it is written; the connection closes.
    Cut,
    /// The head and so much of the body are written, then the connection closes.
    Truncate {
        body_bytes: usize,
    },
    /// The head is written at once, the body slowly.
    Drip {
        bytes_per_second: u32,
    },
}

/// Gives orders to the connection a request came in on.
#[derive(Clone)]
pub(crate) struct WireHandle(Arc<Mutex<Order>>);

impl WireHandle {
    /// Closes the connection instead of writing the answer.
    pub(crate) fn cut(&self) {
        self.order(Order::Cut);
    }

    /// Closes the connection after so many bytes of the body.
    pub(crate) fn truncate(&self, body_bytes: usize) {
        self.order(Order::Truncate { body_bytes });
    }

    /// Writes the body slowly. `bytes_per_second` is at least 1.
    pub(crate) fn drip(&self, bytes_per_second: u32) {
        self.order(Order::Drip { bytes_per_second });
    }

    fn order(&self, order: Order) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = order;
    }

    fn current(&self) -> Order {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Connected<IncomingStream<'_, WireListener>> for WireHandle {
    fn connect_info(stream: IncomingStream<'_, WireListener>) -> Self {
        stream.io().handle.clone()
    }
}

/// Accepts [`Wire`]s.
pub(crate) struct WireListener(TcpListener);

impl WireListener {
    pub(crate) fn new(listener: TcpListener) -> Self {
        Self(listener)
    }
}

impl Listener for WireListener {
    type Io = Wire;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Wire, SocketAddr) {
        let (stream, address) = Listener::accept(&mut self.0).await;
        let wire = Wire {
            stream,
            handle: WireHandle(Arc::new(Mutex::new(Order::Pass))),
            progress: Progress::default(),
            pause: None,
        };
        (wire, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

/// A connection and the order it is under.
pub(crate) struct Wire {
    stream: TcpStream,
    handle: WireHandle,
    progress: Progress,
    pause: Option<Pin<Box<Sleep>>>,
}

/// How far the ordered answer has been written.
#[derive(Clone, Default)]
struct Progress {
    matched: usize,
    body_bytes: usize,
}

impl Progress {
    /// How many bytes at the front of `bytes` still belong to the head.
    fn head_part(&self, bytes: &[u8]) -> usize {
        let mut ahead = self.clone();
        bytes.iter().take_while(|byte| ahead.advance(**byte)).count()
    }

    /// Notes bytes that were written.
    fn written(&mut self, bytes: &[u8]) {
        for byte in bytes {
            if !self.advance(*byte) {
                self.body_bytes += 1;
            }
        }
    }

    /// Takes one byte; false if the head was over before it.
    fn advance(&mut self, byte: u8) -> bool {
        if self.matched == END_OF_HEAD.len() {
            return false;
        }
        self.matched = match byte {
            byte if byte == END_OF_HEAD[self.matched] => self.matched + 1,
            b'\r' => 1,
            _ => 0,
        };
        true
    }
}

impl Wire {
    /// Writes at most the first `limit` bytes, and keeps count.
    fn write_some(
        &mut self,
        context: &mut Context<'_>,
        bytes: &[u8],
        limit: usize,
    ) -> Poll<io::Result<usize>> {
        let some = &bytes[..limit.min(bytes.len())];
        let written = ready!(Pin::new(&mut self.stream).poll_write(context, some))?;
        self.progress.written(&some[..written]);
        Poll::Ready(Ok(written))
    }

    fn write_drops(
        &mut self,
        context: &mut Context<'_>,
        bytes: &[u8],
        per_second: u32,
    ) -> Poll<io::Result<usize>> {
        if let Some(pause) = &mut self.pause {
            ready!(pause.as_mut().poll(context));
            self.pause = None;
        }
        let head = self.progress.head_part(bytes);
        if head > 0 {
            return self.write_some(context, bytes, head);
        }
        let drop_size = (per_second / DRIPS_PER_SECOND).max(1);
        let written = ready!(self.write_some(context, bytes, usize::try_from(drop_size).unwrap_or(1)))?;
        let pause = Duration::from_secs(1) * drop_size / per_second.max(1);
        self.pause = Some(Box::pin(tokio::time::sleep(pause)));
        Poll::Ready(Ok(written))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.handle.current() {
            Order::Pass => Pin::new(&mut self.stream).poll_write(context, bytes),
            Order::Cut => Poll::Ready(Err(broken())),
            Order::Truncate { body_bytes } => {
                let left = body_bytes.saturating_sub(self.progress.body_bytes);
                match self.progress.head_part(bytes) + left {
                    0 => Poll::Ready(Err(broken())),
                    limit => self.write_some(context, bytes, limit),
                }
            }
            Order::Drip { bytes_per_second } => self.write_drops(context, bytes, bytes_per_second),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

fn broken() -> io::Error {
    io::Error::new(io::ErrorKind::BrokenPipe, "the rehearsal breaks this connection")
}

#[cfg(test)]
mod tests {
    use super::Progress;

    #[test]
    fn the_end_of_the_head_is_found_wherever_the_writes_are_cut() {
        let answer = b"HTTP/1.1 200 OK\r\nA: b\r\n\r\nbody";
        for cut in 0..answer.len() {
            let mut progress = Progress::default();
            progress.written(&answer[..cut]);
            progress.written(&answer[cut..]);
            assert_eq!(progress.body_bytes, 4);
            assert_eq!(Progress::default().head_part(answer), answer.len() - 4);
        }
    }
}
