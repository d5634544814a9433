//! A file with the whole of an output that is too long for the model.

use std::fmt::Write as _;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use nix::sys::statvfs::fstatvfs;
use tokio::task::JoinError;

use super::CHUNK;
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
/// A disk keeps so much free, or a twentieth of it, which is less: the host has to write down what people say.
const FREE: u64 = 512 * 1024 * 1024;

/// A file being written.
pub(super) struct Spill {
    file: Arc<File>,
    path: PathBuf,
    written: u64,
    /// Why what came later is not in it.
    full: Option<Full>,
    /// Files that went for this one.
    removed: usize,
}

/// Why no more is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Full {
    File,
    Disk,
}

impl Spill {
    pub(super) async fn create(folder: &Path) -> Result<Self, String> {
        let folder = folder.to_owned();
        let made = done(blocking(move || make(&folder)).await)?;
        let (file, path, removed) = made.ok_or_else(|| format!("they are lost: {NEARLY_FULL}"))?;
        Ok(Self {
            file: Arc::new(file),
            path,
            written: 0,
            full: None,
            removed,
        })
    }

    /// Keeps as much as there is room for. The command itself is not disturbed by what there is none for: it does what it
    /// was asked to do, and most of what a flood says is worth nothing.
    pub(super) async fn write(&mut self, bytes: &[u8]) -> Result<(), String> {
        if self.full.is_some() {
            return Ok(());
        }
        let room = usize::try_from(LIMIT - self.written).unwrap_or(usize::MAX);
        let kept = bytes[..bytes.len().min(room)].to_vec();
        let length = kept.len();
        let file = Arc::clone(&self.file);
        let write = move || {
            let is_free = has_room(&file, kept.len())?;
            if is_free {
                (&*file).write_all(&kept)?;
            }
            Ok(is_free)
        };
        if done(blocking(write).await)? {
            self.written += length as u64;
            self.full = (length < bytes.len()).then_some(Full::File);
        } else {
            self.full = Some(Full::Disk);
        }
        Ok(())
    }

    /// Where the whole is, in words.
    pub(super) fn finish(self) -> String {
        let kept = match self.full {
            None => "the whole is".to_owned(),
            Some(_) => format!("the first {} bytes are", self.written),
        };
        let (path, read, grep) = (self.path.display(), spec::READ, spec::GREP);
        let mut words = format!("{kept} in {path}, for `{read}` and `{grep}`");
        // Writing into a string can't fail.
        if self.full == Some(Full::Disk) {
            let _ = write!(words, "; the rest is lost: {NEARLY_FULL}");
        }
        if self.removed > 0 {
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

const NEARLY_FULL: &str = "the disk that the host keeps output on is nearly full";

/// Whether the disk of this file or folder has room for so many bytes, and for what others will need.
fn has_room(place: &File, bytes: usize) -> io::Result<bool> {
    let disk = fstatvfs(place)?;
    let of_blocks = |count: u64| count.saturating_mul(disk.fragment_size());
    let floor = FREE.min(of_blocks(disk.blocks()) / 20);
    Ok(of_blocks(disk.blocks_available()) >= floor.saturating_add(bytes as u64))
}

fn done<T>(work: Result<io::Result<T>, JoinError>) -> Result<T, String> {
    work.map_err(io::Error::other)
        .and_then(|done| done)
        .map_err(|error| format!("they are lost, as they could not be kept in a file: {error}"))
}

/// `None` if there is no room. Then no other file goes for it.
fn make(folder: &Path) -> io::Result<Option<(File, PathBuf, usize)>> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    if !has_room(&File::open(folder)?, CHUNK)? {
        return Ok(None);
    }
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
    Ok(Some((file, path, removed)))
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
