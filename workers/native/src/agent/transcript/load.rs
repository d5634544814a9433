//! Reading a transcript back: which lines are whole, and where they end.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;

use serde_json::Value;

use super::{Header, Line, TranscriptError, VERSION, io_error};

/// What was found.
pub(super) struct Read {
    /// Whose it is; `None` when not even the header is whole.
    pub(super) session: Option<String>,
    /// The version of the header.
    pub(super) version: u64,
    /// The whole lines after the header.
    pub(super) lines: Vec<Line>,
    /// Their bytes, the header's included.
    pub(super) length: u64,
    /// Bytes behind them.
    pub(super) torn: u64,
}

/// Reads from the file's beginning. The last line counts as torn if it has no end, or is no JSON: a power cut may leave
/// a hole there. Anywhere else that is an error, because what follows was written by somebody who believed it.
pub(super) fn read(file: &File, path: &Path) -> Result<Read, TranscriptError> {
    let failed = |error| io_error("read", path, error);
    let mut reader = BufReader::new(file);
    let mut read = Read {
        session: None,
        version: VERSION,
        lines: vec![],
        length: 0,
        torn: 0,
    };
    let mut bytes = Vec::new();
    for number in 1.. {
        bytes.clear();
        let size = reader.read_until(b'\n', &mut bytes).map_err(failed)? as u64;
        if size == 0 {
            break;
        }
        if bytes.last() != Some(&b'\n') {
            read.torn = size;
            break;
        }
        let broken = |why: &serde_json::Error| TranscriptError::Broken {
            path: path.to_owned(),
            line: number,
            why: why.to_string(),
        };
        let value: Value = match serde_json::from_slice(&bytes) {
            Ok(value) => value,
            Err(_) if reader.fill_buf().map_err(failed)?.is_empty() => {
                read.torn = size;
                break;
            }
            Err(error) => return Err(broken(&error)),
        };
        if number == 1 {
            let header = header(value, path)?;
            read.version = header.transcript;
            read.session = Some(header.session);
        } else {
            read.lines
                .push(serde_json::from_value(value).map_err(|error| broken(&error))?);
        }
        read.length += size;
    }
    Ok(read)
}

fn header(value: Value, path: &Path) -> Result<Header, TranscriptError> {
    let found = value["transcript"].as_u64().unwrap_or(0);
    if found > VERSION {
        return Err(TranscriptError::Newer {
            path: path.to_owned(),
            found,
        });
    }
    serde_json::from_value(value).map_err(|error| TranscriptError::Broken {
        path: path.to_owned(),
        line: 1,
        why: error.to_string(),
    })
}
