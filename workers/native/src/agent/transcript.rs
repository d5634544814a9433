//! What was said, as JSON Lines in the session folder: a header, then one line for each thing that happened, only ever
//! added to. Whatever the process dies of, the next one reads the same history from it.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::message::{Message, ReplyPart};

mod draft;
mod load;

pub(crate) use draft::Draft;

/// The file's name in the session folder.
const FILE: &str = "transcript.jsonl";

/// The version of the lines. Those of version 1 may come from a program that did not write [`Line::Begun`].
const VERSION: u64 = 2;

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
struct Header {
    transcript: u64,
    session: String,
}

/// Any later line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "line", rename_all = "snake_case")]
pub(crate) enum Line {
    /// Something was said, or a tool gave something back.
    Message {
        /// What.
        message: Message,
    },
    /// A call is about to run. Without a result, it may have had effects; a call without this line had none.
    Begun {
        /// The call's id.
        call: String,
    },
    /// The provider took no request with this in it; the model is not shown it any more. (Programs that know only refusals
    /// take everything that was new away.)
    Withdrawn {
        /// What.
        #[serde(default, skip_serializing_if = "Withdrawal::is_new")]
        what: Withdrawal,
    },
    /// What the last model call took: tokens read and written.
    Used {
        /// How many.
        tokens: u64,
    },
    /// In place of all messages before this one the model is shown a note.
    Summarized {
        /// The first message that it is still shown itself, counted from 0.
        before: usize,
        /// What it reads instead of the earlier ones.
        note: String,
    },
    /// Of messages before this one the model is not shown what tools gave back.
    Trimmed {
        /// The first message that is whole, counted from 0.
        before: usize,
    },
    /// What comes before was written by a program of version 1, what follows was not.
    Upgraded,
    /// Calls with this key need no permission any more, as it was written before the host remembered that; read, and no longer
    /// heeded.
    Always {
        /// `key` of [`crate::tools::Prepared::always`].
        key: String,
    },
    /// Another model from here on, as it was written before each turn was told its model; read, and no longer heeded.
    Model {
        /// Its name.
        model: String,
    },
    /// The turn ended here before it was done; the message before this line, if it is an answer, is not whole.
    Interrupted,
}

/// What the model is not shown any more.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Withdrawal {
    /// All that was new: the provider refused it.
    #[default]
    New,
    /// Pictures: the model can't read them.
    Pictures,
    /// What may be to blame that the provider failed each time: pictures first, then what was said.
    Suspect,
}

impl Withdrawal {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks it so")]
    fn is_new(&self) -> bool {
        *self == Self::New
    }
}

/// Why a transcript can't be read or written. Variants by what happens next.
#[derive(Debug, Error)]
pub(crate) enum TranscriptError {
    /// There is no such session: a new one may be begun.
    #[error("there is no transcript of session {session} in {folder}")]
    Unknown {
        /// The session that was asked for.
        session: String,
        /// Where it was looked for.
        folder: PathBuf,
    },
    /// Another process has it.
    #[error("the transcript {path} is in use by another worker")]
    Busy {
        /// The file.
        path: PathBuf,
    },
    /// A newer program wrote it.
    #[error(
        "the transcript {path} has version {found}, this worker understands {VERSION}; it was left as it is\nhint: use the \
         newer program again, or begin a new thread"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u64,
    },
    /// A line other than the last is not what we write.
    #[error("could not read line {line} of the transcript {path}: {why}")]
    Broken {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        why: String,
    },
    /// The disk.
    #[error("could not {what} the transcript {path}: {source}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// An open transcript. This process alone has it.
#[derive(Debug)]
pub(crate) struct Transcript {
    file: Arc<File>,
    path: PathBuf,
    /// Bytes of whole lines.
    length: u64,
}

impl Transcript {
    /// Begins a new one. An older one in the same folder is moved aside to `transcript-<n>.jsonl`.
    pub(crate) fn create(folder: &Path, session: &str) -> Result<Self, TranscriptError> {
        let path = folder.join(FILE);
        let path = &path;
        let failed = |what| move |source| io_error(what, path, source);
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(failed("make the folder of"))?;
        move_aside(folder, path).map_err(failed("move aside"))?;
        // Its words belong to the older one.
        draft::remove(path).map_err(failed("remove the draft beside"))?;
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
            .map_err(failed("create"))?;
        let mut transcript = Self::hold(file, path.clone(), 0)?;
        let header = Header {
            transcript: VERSION,
            session: session.to_owned(),
        };
        let mut bytes = Vec::new();
        push_line(&mut bytes, &header).map_err(failed("write"))?;
        transcript.length = add(&transcript.file, 0, &bytes).map_err(failed("write"))?;
        File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(failed("sync the folder of"))?;
        Ok(transcript)
    }

    /// Opens the one of this session, with its lines. A torn last line is cut off. An older version is gone on with, which a
    /// line says.
    pub(crate) fn load(folder: &Path, session: &str) -> Result<(Self, Vec<Line>), TranscriptError> {
        let path = folder.join(FILE);
        let unknown = || TranscriptError::Unknown {
            session: session.to_owned(),
            folder: folder.to_owned(),
        };
        let file = match OpenOptions::new().read(true).write(true).open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(unknown()),
            Err(error) => return Err(io_error("open", &path, error)),
        };
        let mut transcript = Self::hold(file, path, 0)?;
        let read = load::read(&transcript.file, &transcript.path)?;
        match read.session {
            Some(found) if found == session => {}
            _ => return Err(unknown()),
        }
        if read.torn > 0 {
            tracing::warn!(
                path = %transcript.path.display(),
                bytes = read.torn,
                "cut off the torn last line of a transcript"
            );
            transcript
                .file
                .set_len(read.length)
                .and_then(|()| transcript.file.sync_all())
                .map_err(|error| io_error("shorten", &transcript.path, error))?;
        }
        transcript.length = read.length;
        let mut lines = read.lines;
        if read.version < VERSION && !lines.contains(&Line::Upgraded) {
            let mut bytes = Vec::new();
            transcript.length = push_line(&mut bytes, &Line::Upgraded)
                .and_then(|()| add(&transcript.file, read.length, &bytes))
                .map_err(|error| io_error("write", &transcript.path, error))?;
            lines.push(Line::Upgraded);
        }
        Ok((transcript, lines))
    }

    /// The draft of the answer that will be this message, counted from 0.
    pub(crate) fn draft(&self, message: usize) -> Draft {
        Draft::new(&self.path, message)
    }

    /// Of an answer that an earlier worker was killed in: the lines that it would have kept, had it been stopped there. They
    /// are written. `messages` is how many there are.
    pub(crate) fn recover(&mut self, messages: usize) -> Result<Vec<Line>, TranscriptError> {
        let said = draft::read(&self.path, messages);
        let Some(text) = said.map_err(|error| io_error("read the draft beside", &self.path, error))? else {
            return Ok(vec![]);
        };
        let parts = vec![ReplyPart::Text { text }];
        let message = Message::Assistant { parts };
        let lines = vec![Line::Message { message }, Line::Interrupted];
        self.length = self.bytes(&lines).and_then(|bytes| {
            add(&self.file, self.length, &bytes).map_err(|error| self.not_written(error))
        })?;
        Ok(lines)
    }

    /// Adds lines, and returns when the disk has them. On an error none of them is kept.
    ///
    /// Not cancel safe: after a dropped call the lines may be there or not, and nothing may be added any more.
    pub(crate) async fn append(&mut self, lines: &[Line]) -> Result<(), TranscriptError> {
        let bytes = self.bytes(lines)?;
        let (file, length) = (self.file.clone(), self.length);
        let written = crate::disk::blocking(move || add(&file, length, &bytes)).await;
        self.length = written
            .unwrap_or_else(|gone| Err(io::Error::other(gone)))
            .map_err(|error| self.not_written(error))?;
        Ok(())
    }

    fn bytes(&self, lines: &[Line]) -> Result<Vec<u8>, TranscriptError> {
        let mut bytes = Vec::new();
        for line in lines {
            push_line(&mut bytes, line).map_err(|error| self.not_written(error))?;
        }
        Ok(bytes)
    }

    fn not_written(&self, error: io::Error) -> TranscriptError {
        io_error("write", &self.path, error)
    }

    /// The lock goes with the open file: the kernel frees it when this process ends, whatever it ends of.
    fn hold(file: File, path: PathBuf, length: u64) -> Result<Self, TranscriptError> {
        match file.try_lock() {
            Ok(()) => Ok(Self {
                file: Arc::new(file),
                path,
                length,
            }),
            Err(TryLockError::WouldBlock) => Err(TranscriptError::Busy { path }),
            Err(TryLockError::Error(error)) => Err(io_error("lock", &path, error)),
        }
    }
}

fn io_error(what: &'static str, path: &Path, source: io::Error) -> TranscriptError {
    TranscriptError::Io {
        what,
        path: path.to_owned(),
        source,
    }
}

fn push_line(bytes: &mut Vec<u8>, line: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *bytes, line)?;
    bytes.push(b'\n');
    Ok(())
}

/// Writes behind the whole lines. What a failed write left there is taken away, at once or before the next one, so that
/// nothing ever continues half a line.
fn add(mut file: &File, length: u64, bytes: &[u8]) -> io::Result<u64> {
    if file.metadata()?.len() > length {
        file.set_len(length)?;
    }
    let written = file
        .seek(SeekFrom::Start(length))
        .and_then(|_| file.write_all(bytes))
        .and_then(|()| file.sync_data());
    if let Err(error) = written {
        // Not now means later: see above.
        let _ = file.set_len(length);
        return Err(error);
    }
    Ok(length + bytes.len() as u64)
}

fn move_aside(folder: &Path, path: &Path) -> io::Result<()> {
    if !fs::exists(path)? {
        return Ok(());
    }
    let mut number = 1_u32;
    let aside = loop {
        let aside = folder.join(format!("transcript-{number}.jsonl"));
        if !fs::exists(&aside)? {
            break aside;
        }
        number += 1;
    };
    tracing::warn!(from = %path.display(), to = %aside.display(), "moved an older transcript aside");
    fs::rename(path, aside)
}

#[cfg(test)]
mod tests;
