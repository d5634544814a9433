//! Opening files without following links, waiting for anybody, or meeting anything but a regular file.
//!
//! A path was resolved and judged before; should somebody put a link into it since, opening fails rather than leads away.

use std::fs::{File, FileType};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Component, Path};

use nix::errno::Errno;
use nix::fcntl::{OFlag, open, openat};
use nix::sys::stat::{Mode, mkdirat};

const PASSAGE: OFlag = OFlag::O_PATH
    .union(OFlag::O_DIRECTORY)
    .union(OFlag::O_NOFOLLOW)
    .union(OFlag::O_CLOEXEC);

/// Whether a folder that is missing on the way is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Missing {
    Make,
    Refuse,
}

/// Opens a folder by its canonical path, name by name.
pub(super) fn folder(path: &Path, missing: Missing) -> io::Result<OwnedFd> {
    let mut here = open("/", PASSAGE, Mode::empty())?;
    for component in path.components() {
        let name = match component {
            Component::RootDir => continue,
            Component::Normal(name) => name,
            _ => {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidInput,
                    "the path is not canonical",
                ));
            }
        };
        here = match openat(&here, name, PASSAGE, Mode::empty()) {
            Err(Errno::ENOENT) if missing == Missing::Make => {
                match mkdirat(&here, name, Mode::from_bits_truncate(0o777)) {
                    Ok(()) | Err(Errno::EEXIST) => openat(&here, name, PASSAGE, Mode::empty())?,
                    Err(errno) => return Err(errno.into()),
                }
            }
            other => other?,
        };
    }
    Ok(here)
}

/// Opens a regular file for reading by its canonical path; everything else is an error that says what it is.
pub(super) fn file(path: &Path) -> io::Result<File> {
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(not_a_file("a folder"));
    };
    file_in(&folder(parent, Missing::Refuse)?, name.as_ref())
}

/// The same by its name in an open folder.
pub(super) fn file_in(parent: &OwnedFd, name: &Path) -> io::Result<File> {
    // First only a handle: opening a device or a FIFO can do something, or wait.
    let look = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let handle = File::from(openat(parent, name, look, Mode::empty())?);
    let kind = handle.metadata()?.file_type();
    if !kind.is_file() {
        return Err(not_a_file(kind_words(kind)));
    }
    let read = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
    let opened = File::from(openat(parent, name, read, Mode::empty())?);
    let kind = opened.metadata()?.file_type();
    if kind.is_file() {
        Ok(opened)
    } else {
        Err(not_a_file(kind_words(kind)))
    }
}

fn not_a_file(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, format!("it is {what}, not a file"))
}

pub(super) fn kind_words(kind: FileType) -> &'static str {
    if kind.is_dir() {
        "a folder"
    } else if kind.is_symlink() {
        "a link"
    } else if kind.is_fifo() {
        "a FIFO"
    } else if kind.is_socket() {
        "a socket"
    } else if kind.is_block_device() || kind.is_char_device() {
        "a device"
    } else {
        "a file"
    }
}
