//! `read`: lines of a text file, with their numbers.

use std::fmt::Write as _;
use std::io::{self, BufRead, BufReader, Read as _};

use serde::Deserialize;

use super::arguments::parse;
use super::place::{Place, Places};
use super::stop::Stop;
use super::{Kind, Prepared, Work, looking, open, spec};

/// Lines, if the model does not say how many.
const LINES: u64 = 2000;
/// Bytes of a line; the rest is counted.
const LINE_BYTES: usize = 2000;
/// Bytes of an answer.
const ANSWER_BYTES: usize = 64 * 1024;
/// So much is looked at to tell text from other data.
const SAMPLE_BYTES: usize = 8 * 1024;

/// The first bytes of formats that a model may take for text by their name.
const FORMATS: [(&[u8], &str); 9] = [
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"RIFF", "a WebP image or other RIFF file"),
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a ZIP archive or office document"),
    (b"\x1f\x8b", "gzip data"),
    (b"\x7fELF", "a program"),
    (b"SQLite format 3", "an SQLite database"),
];

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Arguments {
    path: String,
    offset: Option<u64>,
    limit: Option<u64>,
}

/// A read that was checked.
#[derive(Debug)]
pub(super) struct Read {
    place: Place,
    /// The first line, from 1.
    first: u64,
    lines: u64,
}

pub(super) fn prepare(places: &Places, arguments: &str) -> Result<Prepared, String> {
    let Arguments { path, offset, limit } = parse(spec::READ, arguments)?;
    let place = places.to_read(&path)?;
    let read = Read {
        place: place.clone(),
        first: offset.unwrap_or(1).max(1),
        lines: limit.unwrap_or(LINES).max(1),
    };
    let input = if offset.is_some() || limit.is_some() {
        format!("{}\nfrom line {}, {} lines", place.shown, read.first, read.lines)
    } else {
        place.shown.clone()
    };
    Ok(looking(
        Kind::Read,
        "read",
        "Always read this file",
        &place,
        input,
        Work::Read(read),
    ))
}

impl Read {
    pub(super) fn perform(&self, stop: &Stop) -> Result<String, String> {
        let shown = &self.place.shown;
        let failed = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound => format!("there is no `{shown}`"),
            _ => format!("could not read `{shown}`: {error}"),
        };
        if open::look(&self.place.path).map_err(failed)?.is_dir() {
            return Err(format!(
                "`{shown}` is a folder; `{}` shows what is in it",
                spec::LIST
            ));
        }
        let file = open::file(&self.place.path).map_err(failed)?;
        let size = file.metadata().map_err(failed)?.len();
        let mut reader = BufReader::with_capacity(64 * 1024, stop.reader(file));
        let sample = reader.fill_buf().map_err(failed)?;
        if let Some(format) = format_of(sample) {
            return Err(format!(
                "`{shown}` is not text but {format} ({size} bytes), which this tool can't show"
            ));
        }
        self.lines_of(&mut reader).map_err(failed)
    }

    fn lines_of(&self, reader: &mut impl BufRead) -> io::Result<String> {
        let mut answer = String::new();
        let mut line = Vec::new();
        let mut number = 0;
        let mut more = None;
        loop {
            let left_out = match next_line(reader, &mut line) {
                Ok(Some(left_out)) => left_out,
                Ok(None) => break,
                Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                    more = Some("it takes too long to get further");
                    break;
                }
                Err(error) => return Err(error),
            };
            if number + 1 >= self.first.saturating_add(self.lines) {
                more = Some("more lines follow");
                break;
            }
            if answer.len() > ANSWER_BYTES {
                more = Some("the answer would become too long");
                break;
            }
            number += 1;
            if number < self.first {
                continue;
            }
            // Writing into a string can't fail.
            let _ = write!(answer, "{number:>6}\t{}", String::from_utf8_lossy(&line));
            if left_out > 0 {
                let _ = write!(answer, "… [{left_out} more bytes in this line]");
            }
            answer.push('\n');
        }
        match more {
            Some(why) => {
                let next = number + 1;
                let _ = write!(answer, "[{why}: continue with offset {next}]");
            }
            None if number == 0 => answer.push_str("[the file is empty]"),
            None if number < self.first => {
                let _ = write!(answer, "[the file has only {number} lines]");
            }
            None => {}
        }
        Ok(answer)
    }
}

/// Reads a line without its end into `line`, at most [`LINE_BYTES`] of it. Says how many bytes were left out; `None` at
/// the end of the file.
fn next_line(reader: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<Option<u64>> {
    line.clear();
    let mut limited = reader.by_ref().take(LINE_BYTES as u64 + 1);
    if limited.read_until(b'\n', line)? == 0 {
        return Ok(None);
    }
    let mut left_out = 0;
    if line.last() == Some(&b'\n') {
        line.pop();
    } else if line.len() > LINE_BYTES {
        left_out = (line.len() - LINE_BYTES) as u64 + skip_line(reader)?;
        line.truncate(LINE_BYTES);
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    Ok(Some(left_out))
}

/// Skips the rest of a line, whatever its length, and counts its bytes.
fn skip_line(reader: &mut impl BufRead) -> io::Result<u64> {
    let mut skipped = 0;
    loop {
        let buffer = reader.fill_buf()?;
        if buffer.is_empty() {
            return Ok(skipped);
        }
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let used = end.map_or(buffer.len(), |end| end + 1);
        skipped += end.unwrap_or(used) as u64;
        reader.consume(used);
        if end.is_some() {
            return Ok(skipped);
        }
    }
}

/// What a file is that is not text; `None` for text.
pub(super) fn format_of(start: &[u8]) -> Option<&'static str> {
    let sample = &start[..start.len().min(SAMPLE_BYTES)];
    if !sample.contains(&0) && !sample.starts_with(b"%PDF") {
        return None;
    }
    let known = FORMATS.iter().find(|(magic, _)| sample.starts_with(magic));
    Some(known.map_or("binary data", |(_, name)| name))
}
