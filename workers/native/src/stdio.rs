//! Standard input and output as pipes of the runtime: no thread is blocked in a read while nobody speaks.

use std::os::fd::AsFd;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::unix::pipe;

type Reader = Box<dyn AsyncRead + Unpin + Send>;
type Writer = Box<dyn AsyncWrite + Unpin + Send>;

/// Reader and writer. Where one is no pipe (a file, a socket), tokio's own, which costs a thread. Needs a runtime.
pub(crate) fn pipes() -> (Reader, Writer) {
    let reader = duplicate(std::io::stdin())
        .and_then(pipe::Receiver::from_owned_fd)
        .map_or_else(|_| Box::new(tokio::io::stdin()) as Reader, |pipe| Box::new(pipe));
    let writer = duplicate(std::io::stdout())
        .and_then(pipe::Sender::from_owned_fd)
        .map_or_else(|_| Box::new(tokio::io::stdout()) as Writer, |pipe| Box::new(pipe));
    (reader, writer)
}

fn duplicate(stream: impl AsFd) -> std::io::Result<std::os::fd::OwnedFd> {
    stream.as_fd().try_clone_to_owned()
}
