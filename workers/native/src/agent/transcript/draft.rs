//! The words of an answer that is still coming: written down before they are shown, so that a worker that is killed in the
//! middle forgets nothing that people have read.
//!
//! They stand in a file of their own, beside the transcript, until the answer is a line of it. A kill of the process takes
//! nothing away from a file, so no word waits for the disk; a loss of power may cost the last of them.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// The file's name in the session folder.
const FILE: &str = "answer.draft";

/// The first line; the rest are the words as they are.
#[derive(Debug, Serialize, Deserialize)]
struct Header {
    /// Which message of the history the answer will be, counted from 0. Once there is that message, the draft is of the past.
    message: usize,
}

/// The draft of one answer. There is a file once there are words.
#[derive(Debug)]
pub(crate) struct Draft {
    path: PathBuf,
    message: usize,
    state: State,
}

#[derive(Debug)]
enum State {
    Empty,
    Open(File),
    /// It could not be written, which was logged.
    Failed,
}

impl Draft {
    /// Beside this transcript, for the message with this number.
    pub(super) fn new(transcript: &Path, message: usize) -> Self {
        Self {
            path: transcript.with_file_name(FILE),
            message,
            state: State::Empty,
        }
    }

    /// Adds words. A failure is no reason not to show them; only a kill would lose them.
    ///
    /// Blocking, but for no longer than a copy into the system's memory takes: no sync.
    pub(crate) fn add(&mut self, words: &str) {
        let written = match &mut self.state {
            State::Failed => return,
            State::Open(file) => file.write_all(words.as_bytes()),
            State::Empty => self.begin(words).map(|file| self.state = State::Open(file)),
        };
        if let Err(error) = written {
            tracing::warn!(%error, "could not keep the words of an answer that is still coming");
            self.state = State::Failed;
        }
    }

    fn begin(&self, words: &str) -> io::Result<File> {
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&self.path)?;
        let mut bytes = serde_json::to_vec(&Header {
            message: self.message,
        })?;
        bytes.push(b'\n');
        bytes.extend_from_slice(words.as_bytes());
        file.write_all(&bytes)?;
        Ok(file)
    }
}

/// What had been said of the answer that would have been this message.
pub(super) fn read(transcript: &Path, message: usize) -> io::Result<Option<String>> {
    let bytes = match fs::read(transcript.with_file_name(FILE)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        read => read?,
    };
    let mut parts = bytes.splitn(2, |byte| *byte == b'\n');
    let header = parts.next().map(serde_json::from_slice::<Header>);
    // A header that is torn, or lost with the power, has no words behind it that could be trusted.
    if !header.is_some_and(|header| header.is_ok_and(|header| header.message == message)) {
        return Ok(None);
    }
    let words = parts.next().and_then(|words| words.utf8_chunks().next());
    let words = words.map(|words| words.valid().to_owned());
    Ok(words.filter(|words| !words.trim().is_empty()))
}

/// Takes away what an older transcript left.
pub(super) fn remove(transcript: &Path) -> io::Result<()> {
    match fs::remove_file(transcript.with_file_name(FILE)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    #[test]
    fn words_are_found_again_for_their_own_message_alone() {
        let folder = TempDir::new().unwrap();
        let transcript = folder.path().join("transcript.jsonl");
        assert_eq!(read(&transcript, 3).unwrap(), None, "no file");
        let mut draft = Draft::new(&transcript, 3);
        draft.add("half\n");
        draft.add("an ä");
        assert_eq!(read(&transcript, 3).unwrap().as_deref(), Some("half\nan ä"));
        assert_eq!(read(&transcript, 4).unwrap(), None, "of the past");
        Draft::new(&transcript, 5).add("new");
        assert_eq!(read(&transcript, 3).unwrap(), None);
        assert_eq!(read(&transcript, 5).unwrap().as_deref(), Some("new"));
    }

    #[test]
    fn what_was_torn_is_left_out() {
        let folder = TempDir::new().unwrap();
        let transcript = folder.path().join("transcript.jsonl");
        for (bytes, expected) in [
            (&b"{\"message\":1}\nhal\xc3"[..], Some("hal")),
            (b"{\"message\":1}\n", None),
            (b"{\"mess", None),
            (b"\0\0\0\0\nx", None),
        ] {
            fs::write(folder.path().join(FILE), bytes).unwrap();
            assert_eq!(read(&transcript, 1).unwrap().as_deref(), expected, "{bytes:?}");
        }
    }

    #[test]
    fn a_draft_that_can_not_be_written_holds_nothing_up() {
        let folder = TempDir::new().unwrap();
        let mut draft = Draft::new(&folder.path().join("gone/transcript.jsonl"), 1);
        draft.add("x");
        draft.add("y");
        assert!(matches!(draft.state, State::Failed));
    }
}
