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

    /// What was written until now is nobody's last words.
    pub(super) fn forget(&self) {
        self.bytes.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The last lines, without control characters, as they may reach a terminal or a page.
    pub(super) fn text(&self) -> String {
        let bytes = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        let text = String::from_utf8_lossy(&bytes);
        let plain: String = without_escapes(&text)
            .chars()
            .filter(|letter| *letter == '\n' || !letter.is_control())
            .collect();
        plain.trim().to_owned()
    }
}

/// Without `ESC [ … letter`: progress bars colour their lines and erase them, and here nothing is coloured or erased.
fn without_escapes(text: &str) -> String {
    let mut parts = text.split('\u{1b}');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        // ECMA-48: parameters, then one final byte.
        plain.push_str(part.strip_prefix('[').map_or(part, |sequence| {
            let last = sequence.trim_start_matches(|letter| (' '..='?').contains(&letter));
            last.strip_prefix(|letter| ('@'..='~').contains(&letter))
                .unwrap_or(last)
        }));
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_end_is_kept_and_no_control_characters() {
        let tail = Tail::default();
        let mut written = vec![b'x'; 1024 * 1024];
        written.extend(b"\n\x1b[2K\x1b[1;31mthe \x1b]end\x1b[0m\x07\xff\x1b[3\n");
        tail.clone().fill(written.as_slice()).await;
        let text = tail.text();
        assert!(text.ends_with("\nthe ]end\u{fffd}"), "{text:?}");
        assert!(text.len() <= KEPT + 8 && tail.bytes.lock().unwrap().capacity() <= 4 * KEPT);
    }
}
