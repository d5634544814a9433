//! Opening files and folders without following links, waiting for anybody, or meeting anything but a regular file.
//!
//! A path was resolved and judged before; should somebody put a link into it since, opening fails rather than leads away.

use std::ffi::{OsStr, OsString};
use std::fs::{File, FileType, Metadata};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Component, Path};

use nix::dir::{Dir, Type};
use nix::errno::Errno;
use nix::fcntl::{OFlag, open, openat};
use nix::sys::stat::{Mode, mkdirat};

use super::stop::Stop;

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

/// A name in a folder.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) name: OsString,
    pub(super) kind: EntryKind,
}

/// What it names. A link is itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EntryKind {
    Folder,
    File,
    Other,
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
    // First only a look: opening a device or a FIFO can do something, or wait.
    let kind = look_in(parent, name.as_os_str())?.file_type();
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

/// What a canonical path names now.
pub(super) fn look(path: &Path) -> io::Result<Metadata> {
    match (path.parent(), path.file_name()) {
        (Some(parent), Some(name)) => look_in(&folder(parent, Missing::Refuse)?, name),
        _ => File::from(folder(path, Missing::Refuse)?).metadata(),
    }
}

/// The same of a name in an open folder.
pub(super) fn look_in(parent: &OwnedFd, name: &OsStr) -> io::Result<Metadata> {
    let look = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    File::from(openat(parent, name, look, Mode::empty())?).metadata()
}

/// Everything in an open folder, sorted by name.
pub(super) fn entries(folder: &OwnedFd, stop: &Stop) -> io::Result<Vec<Entry>> {
    let list = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let mut opened = Dir::from_fd(openat(folder, ".", list, Mode::empty())?)?;
    let mut entries = Vec::new();
    for entry in opened.iter() {
        stop.check()?;
        let entry = entry?;
        let name = OsStr::from_bytes(entry.file_name().to_bytes());
        if name == "." || name == ".." {
            continue;
        }
        let kind = match entry.file_type() {
            Some(Type::Directory) => EntryKind::Folder,
            Some(Type::File) => EntryKind::File,
            Some(_) => EntryKind::Other,
            // Some file systems do not tell.
            None => look_in(folder, name).map_or(EntryKind::Other, |found| kind_of(found.file_type())),
        };
        let name = name.to_owned();
        entries.push(Entry { name, kind });
    }
    entries.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(entries)
}

fn kind_of(kind: FileType) -> EntryKind {
    if kind.is_dir() {
        EntryKind::Folder
    } else if kind.is_file() {
        EntryKind::File
    } else {
        EntryKind::Other
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
