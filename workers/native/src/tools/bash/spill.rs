//! A file with the whole of an output that is too long for the model.

use std::fmt::Write as _;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::fs::File;
use tokio::io::AsyncWriteExt as _;

use crate::disk::blocking;
use crate::tools::arguments::counted;
use crate::tools::spec;

/// Bytes of one file; what comes after is not kept.
const LIMIT: u64 = 64 * 1024 * 1024;
/// Files of one thread that are kept; the oldest goes first.
const KEPT: usize = 16;
/// Bytes of all of them together.
const THREAD_LIMIT: u64 = 256 * 1024 * 1024;
const PREFIX: &str = "output-";

/// A file being written.
pub(super) struct Spill {
    file: File,
    path: PathBuf,
    written: u64,
    left_out: u64,
    /// Files that went for this one.
    removed: usize,
}

impl Spill {
    pub(super) async fn create(folder: &Path) -> Result<Self, String> {
        let folder = folder.to_owned();
        let made = blocking(move || make(&folder)).await;
        let (file, path, removed) = made
            .map_err(io::Error::other)
            .and_then(|made| made)
            .map_err(|error| lost(&error))?;
        Ok(Self {
            file: File::from_std(file),
            path,
            written: 0,
            left_out: 0,
            removed,
        })
    }

    pub(super) async fn write(&mut self, bytes: &[u8]) -> Result<(), String> {
        let room = usize::try_from(LIMIT - self.written).unwrap_or(usize::MAX);
        let (kept, rest) = bytes.split_at(bytes.len().min(room));
        self.left_out += rest.len() as u64;
        self.written += kept.len() as u64;
        self.file.write_all(kept).await.map_err(|error| lost(&error))
    }

    /// Where the whole is, in words.
    pub(super) async fn finish(mut self) -> String {
        if let Err(error) = self.file.flush().await {
            return lost(&error);
        }
        let path = self.path.display();
        let (read, grep) = (spec::READ, spec::GREP);
        let mut words = match self.left_out {
            0 => format!("the whole is in {path}, for `{read}` and `{grep}`"),
            _ => format!("the first {LIMIT} bytes are in {path}, for `{read}` and `{grep}`"),
        };
        if self.removed > 0 {
            // Writing into a string can't fail.
            let _ = write!(
                words,
                "; {} of earlier commands went for it: a thread keeps {KEPT}, and {} MiB",
                counted(self.removed, "file"),
                THREAD_LIMIT / 1024 / 1024
            );
        }
        words
    }
}

fn lost(error: &io::Error) -> String {
    format!("they are lost, as they could not be kept in a file: {error}")
}

fn make(folder: &Path) -> io::Result<(fs::File, PathBuf, usize)> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let removed = clear(folder, KEPT - 1, THREAD_LIMIT - LIMIT)?;
    let age = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_err(io::Error::other)?;
    let path = folder.join(format!("{PREFIX}{:020}.txt", age.as_nanos()));
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)?;
    Ok((file, path, removed))
}

/// Removes the oldest files until so many, and so many bytes, are left. Says how many went.
fn clear(folder: &Path, files: usize, bytes: u64) -> io::Result<usize> {
    let mut old: Vec<_> = fs::read_dir(folder)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            path.file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with(PREFIX))
        })
        .collect();
    // The name says the age.
    old.sort();
    let (mut kept, mut removed) = (0, 0);
    for (number, path) in old.iter().rev().enumerate() {
        kept += path.symlink_metadata()?.len();
        if number >= files || kept > bytes {
            fs::remove_file(path)?;
            removed += 1;
        }
    }
    Ok(removed)
}
