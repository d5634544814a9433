//! What the guard of a command says before it ends: how many processes it killed that the command had left running.

use std::io::{self, PipeReader, PipeWriter, Read as _};
use std::sync::Arc;

use nix::fcntl::{FcntlArg, OFlag, fcntl};

/// Where it is said, and heard.
#[derive(Debug)]
pub(crate) struct Tally {
    reader: PipeReader,
    writer: Arc<PipeWriter>,
}

impl Tally {
    pub(crate) fn new() -> io::Result<Self> {
        let (reader, writer) = io::pipe()?;
        // A guard that was killed says nothing.
        fcntl(&reader, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        let writer = Arc::new(writer);
        Ok(Self { reader, writer })
    }

    /// For the guard.
    pub(crate) fn writer(&self) -> Arc<PipeWriter> {
        Arc::clone(&self.writer)
    }

    /// What has been said; 0 if nothing was.
    pub(crate) fn heard(&self) -> usize {
        let mut bytes = [0; size_of::<u32>()];
        match (&self.reader).read_exact(&mut bytes) {
            Ok(()) => u32::from_ne_bytes(bytes).try_into().unwrap_or(usize::MAX),
            Err(_) => 0,
        }
    }
}
