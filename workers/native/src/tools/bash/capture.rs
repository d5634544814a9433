//! What the model gets of a command's output: all of it if it is short, else its beginning and end, and the whole in a file.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use super::spill::Spill;

/// Bytes of the beginning, and of the end.
const PART: usize = 16 * 1024;
/// A cut is moved by at most so much, to the end of a line.
const TO_LINE_END: usize = 1024;

/// Output so far. Holds twice [`PART`] at most, whatever comes.
pub(super) struct Capture {
    folder: PathBuf,
    head: Vec<u8>,
    tail: VecDeque<u8>,
    total: u64,
    spill: Option<Result<Spill, String>>,
}

impl Capture {
    /// `folder` is where the whole goes if it is long.
    pub(super) fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            head: Vec::new(),
            tail: VecDeque::new(),
            total: 0,
            spill: None,
        }
    }

    pub(super) async fn push(&mut self, bytes: &[u8]) {
        self.total += bytes.len() as u64;
        let is_long = self.total > 2 * PART as u64;
        if is_long && self.spill.is_none() {
            self.spill = Some(self.begin_spill().await);
        }
        let (first, rest) = bytes.split_at(bytes.len().min(PART - self.head.len()));
        self.head.extend_from_slice(first);
        self.tail.extend(rest);
        let surplus = self.tail.len().saturating_sub(PART);
        self.tail.drain(..surplus);
        if let Some(Ok(spill)) = &mut self.spill
            && let Err(why) = spill.write(bytes).await
        {
            self.spill = Some(Err(why));
        }
    }

    /// With everything so far, which is all still here.
    async fn begin_spill(&mut self) -> Result<Spill, String> {
        let mut spill = Spill::create(&self.folder).await?;
        spill.write(&self.head).await?;
        spill.write(self.tail.make_contiguous()).await?;
        Ok(spill)
    }

    /// The text for the model. Bytes that are not UTF-8 become replacement characters.
    pub(super) fn finish(mut self) -> String {
        let tail = self.tail.make_contiguous();
        let Some(spill) = self.spill else {
            self.head.extend_from_slice(tail);
            return String::from_utf8_lossy(&self.head).into_owned();
        };
        let whole = match spill {
            Ok(spill) => spill.finish(),
            Err(why) => why,
        };
        let head = &self.head[..line_end(&self.head)];
        let tail = &tail[line_start(tail)..];
        let left_out = self.total - (head.len() + tail.len()) as u64;
        format!(
            "{}\n[{left_out} of {} bytes are left out here; {whole}]\n{}",
            String::from_utf8_lossy(head),
            self.total,
            String::from_utf8_lossy(tail)
        )
    }
}

/// Behind the last line that is whole, if one ends near; else behind the last whole character.
fn line_end(bytes: &[u8]) -> usize {
    let near = bytes.len().saturating_sub(TO_LINE_END);
    match bytes[near..].iter().rposition(|byte| *byte == b'\n') {
        Some(position) => near + position + 1,
        None => super::live::whole(bytes),
    }
}

/// The start of the first line that is whole, if one starts near; else of the first whole character.
fn line_start(bytes: &[u8]) -> usize {
    let near = bytes.len().min(TO_LINE_END);
    match bytes[..near].iter().position(|byte| *byte == b'\n') {
        Some(position) => position + 1,
        None => bytes
            .iter()
            .take(3)
            .take_while(|byte| (0x80..0xc0).contains(*byte))
            .count(),
    }
}
