//! An open lock file: opened with care, never deleted, with a record inside that only the lock's holder writes.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use super::record::{RECORD_BYTES, Record};
use crate::fault;
use crate::file::{FileError, Identity, create_private_folder, open_own, refuse_foreign_folder};

/// An open lock file, locked or not.
#[derive(Debug)]
pub(crate) struct Sidecar {
    pub(super) file: File,
    pub(super) path: PathBuf,
}

impl Sidecar {
    /// Opens the lock file, creating it (0600), and its folder (0700) where nothing was ever kept. Links, FIFOs, folders and
    /// other people's files are refused, and nothing is made in other people's folders: every change begins with a lock.
    pub(crate) fn open(path: &Path) -> Result<Self, FileError> {
        fault::io("lock-open").map_err(FileError::io("open", path))?;
        let open = |create| {
            let mut options = OpenOptions::new();
            open_own(
                path,
                options.read(true).write(true).create(create).truncate(false),
            )
        };
        let opened = match (open(false)?, path.parent()) {
            (None, Some(folder)) => {
                refuse_foreign_folder(folder)?;
                create_private_folder(folder)?;
                open(true)?
            }
            (opened, _) => opened,
        };
        match opened {
            Some((file, _)) => Ok(Self {
                file,
                path: path.to_owned(),
            }),
            None => Err(FileError::io("open", path)(io::ErrorKind::NotFound.into())),
        }
    }

    /// Opens the lock file to look at it; `None` if nobody ever took the lock.
    pub(crate) fn look(path: &Path) -> Result<Option<Self>, FileError> {
        let opened = open_own(path, OpenOptions::new().read(true))?;
        Ok(opened.map(|(file, _)| Self {
            file,
            path: path.to_owned(),
        }))
    }

    /// The file as it is now at the path: another one after somebody deleted ours, which no program here does.
    pub(crate) fn is_at_its_path(&self) -> io::Result<bool> {
        let (ours, there) = (self.file.metadata()?, std::fs::symlink_metadata(&self.path)?);
        Ok(Identity::of(&ours).is_same_file(&Identity::of(&there)))
    }

    /// Reads the record. Without the lock it is a hint: it may be half of one and half of another write, and then reads
    /// as damaged.
    pub(crate) fn record(&self) -> io::Result<Record> {
        let mut bytes = [0; RECORD_BYTES];
        let mut length = 0;
        while length < RECORD_BYTES {
            match read_at(&self.file, &mut bytes[length..], length as u64)? {
                0 => break,
                read => length += read,
            }
        }
        Ok(Record::parse(&bytes[..length]))
    }

    /// Replaces the record in one write of one block, so that a kill leaves the old or the new one. Only for the holder.
    pub(super) fn write(&self, record: &Record) -> io::Result<()> {
        fault::io("record-write")?;
        let bytes = record.to_bytes();
        let written = write_at(&self.file, &bytes)?;
        if written < bytes.len() {
            return Err(io::ErrorKind::WriteZero.into());
        }
        Ok(())
    }
}

#[cfg(unix)]
fn read_at(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, bytes, offset)
}

#[cfg(unix)]
fn write_at(file: &File, bytes: &[u8]) -> io::Result<usize> {
    std::os::unix::fs::FileExt::write_at(file, bytes, 0)
}

#[cfg(windows)]
fn read_at(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, bytes, offset)
}

#[cfg(windows)]
fn write_at(file: &File, bytes: &[u8]) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_write(file, bytes, 0)
}
