//! A worker's standard error: the end of it is kept for messages, our own agent's lines go to our log.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncRead, AsyncReadExt as _};

/// Bytes that are kept.
const KEPT: usize = 4 * 1024;

/// Bytes that are read at once; small, because every idle worker has such a buffer.
const BUFFER: usize = 512;

/// The end of what a worker wrote to its standard error.
#[derive(Debug, Clone, Default)]
pub(super) struct Tail {
    bytes: Arc<Mutex<Vec<u8>>>,
}

impl Tail {
    /// Reads until the end, keeping the last bytes.
    pub(super) async fn fill(self, mut log: impl AsyncRead + Unpin) {
        let mut buffer = [0; BUFFER];
        while let Ok(count @ 1..) = log.read(&mut buffer).await {
            let mut bytes = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
            bytes.extend_from_slice(&buffer[..count]);
            let surplus = bytes.len().saturating_sub(KEPT);
            bytes.drain(..surplus);
        }
    }

    /// The last lines, without control characters, as they may reach a terminal or a page.
    pub(super) fn text(&self) -> String {
        let bytes = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        let text = String::from_utf8_lossy(&bytes);
        let plain: String = text
            .chars()
            .filter(|letter| *letter == '\n' || !letter.is_control())
            .collect();
        plain.trim().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_end_is_kept_and_no_control_characters() {
        let tail = Tail::default();
        let mut written = vec![b'x'; 1024 * 1024];
        written.extend(b"\nthe \x1b[31mend\x07\xff\n");
        tail.clone().fill(written.as_slice()).await;
        let text = tail.text();
        assert!(text.ends_with("\nthe [31mend\u{fffd}"), "{text:?}");
        assert!(text.len() <= KEPT + 8 && tail.bytes.lock().unwrap().capacity() <= 4 * KEPT);
    }
}
