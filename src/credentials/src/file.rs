//! `auth.json`: where it is, how it is read without a lock, and how it is replaced under one.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use thiserror::Error;

mod document;
mod location;
mod raw;
mod replace;

pub use document::Unreadable;
pub(crate) use document::{Document, WHOLE_SERVICE, opaque, read_entry, tenant_of};
pub(crate) use location::{Location, create_private_folder};
pub(crate) use raw::RawObject;
pub(crate) use replace::{create_private, remove_if_there, sync_folder};

/// Largest `auth.json` that is read: 10,000 tenants with tokens of several KB.
pub const MAX_FILE_BYTES: u64 = 64 * 1024 * 1024;

/// The version this program reads and writes.
pub const FILE_VERSION: u32 = 1;

/// Why `auth.json` could not be used. Nothing is changed in any of these cases.
#[derive(Debug, Error)]
pub enum FileError {
    /// A folder, a FIFO, a device, a symbolic link in place of the real file.
    #[error("`{}` is {found}, not a regular file", path.display())]
    NotAFile {
        /// The file.
        path: PathBuf,
        /// What is there.
        found: &'static str,
    },
    /// Somebody else's file, which a rewrite would take from its owner; or somebody else's folder, whose owner could not
    /// open what this program made in it.
    #[error("`{}` belongs to user id {owner}, this program runs as {own}", path.display())]
    ForeignOwner {
        /// The file or folder.
        path: PathBuf,
        /// Its owner.
        owner: u32,
        /// Our effective user id.
        own: u32,
    },
    /// Over [`MAX_FILE_BYTES`].
    #[error("`{}` is {bytes} bytes long; at most {MAX_FILE_BYTES} are read", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its length.
        bytes: u64,
    },
    /// Not what this program wrote.
    #[error("`{}` is corrupt: {cause}", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What is wrong and where, without content.
        cause: String,
    },
    /// Written by another version.
    #[error("`{}` has version {found}; this program reads version {FILE_VERSION}", path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u64,
    },
    /// Locks on this file system may not be seen by other machines.
    #[error("`{}` is on a network file system ({kind}), where locks may not hold between machines", path.display())]
    NetworkFileSystem {
        /// The folder.
        path: PathBuf,
        /// The file system's name.
        kind: &'static str,
    },
    /// The system refused.
    #[error("could not {action} `{}`", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

impl FileError {
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NotAFile { .. } => "move it away, or point AGENT_HOST_HOME at another folder",
            Self::ForeignOwner { .. } => {
                "run as its owner (`sudo -u OWNER agent-host …`), or point AGENT_HOST_HOME at a folder of your own"
            }
            Self::TooLarge { .. } | Self::Corrupt { .. } => {
                "run `agent-host auth repair` to move it aside, then sign in again"
            }
            Self::Version { .. } => "use the version of agent-host that wrote it; nothing was changed",
            Self::NetworkFileSystem { .. } => {
                "put the state folder on a local disk, or set `credentials.allow_network_filesystem = true`"
            }
            Self::Io { source, .. } if source.kind() == io::ErrorKind::StorageFull => "free some disk space",
            Self::Io { source, .. } if is_read_only(source) => {
                "this needs to write there, and this user may not: change the mode (700) or the mount; `status`, `threads list`, `threads show`, `auth list` and `doctor` only look"
            }
            Self::Io { .. } => "check the folder's permissions and the disk",
        }
    }
}

fn is_read_only(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem
    )
}

/// Tells one content of a file from another without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Identity {
    device: u64,
    inode: u64,
    modified: (i64, i64),
    changed: (i64, i64),
    size: u64,
}

impl Identity {
    #[cfg(unix)]
    pub(crate) fn of(metadata: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt as _;
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
            size: metadata.size(),
        }
    }

    #[cfg(not(unix))]
    pub(crate) fn of(metadata: &Metadata) -> Self {
        let modified = metadata
            .modified()
            .ok()
            .and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok())
            .map_or((0, 0), |since| {
                (since.as_secs().cast_signed(), i64::from(since.subsec_nanos()))
            });
        Self {
            device: 0,
            inode: 0,
            modified,
            changed: (0, 0),
            size: metadata.len(),
        }
    }

    /// Whether both are one file, whatever its content.
    pub(crate) fn is_same_file(&self, other: &Self) -> bool {
        (self.device, self.inode) == (other.device, other.inode)
    }

    /// When the content was last written, in milliseconds since the epoch.
    pub(crate) fn modified_ms(&self) -> i64 {
        self.modified
            .0
            .saturating_mul(1000)
            .saturating_add(self.modified.1 / 1_000_000)
    }
}

/// Opens an existing regular file of our own without following links or waiting on a FIFO; `None` if there is none.
pub(crate) fn open_own(
    path: &Path,
    options: &mut OpenOptions,
) -> Result<Option<(File, Metadata)>, FileError> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options
            .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_CLOEXEC)
            .mode(0o600);
    }
    let file = match options.open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        // ELOOP (a link), EISDIR, ENXIO (a FIFO or socket): name what is there instead of the error number.
        Err(error) => {
            let there = path.symlink_metadata().ok();
            if let Some(found) = there.as_ref().and_then(kind) {
                return Err(FileError::NotAFile {
                    path: path.to_owned(),
                    found,
                });
            }
            // Whose it is explains why it could not be opened.
            there.map_or(Ok(()), |found| check_owner(path, &found))?;
            return Err(FileError::io("open", path)(error));
        }
    };
    let metadata = file.metadata().map_err(FileError::io("look at", path))?;
    if let Some(found) = kind(&metadata) {
        return Err(FileError::NotAFile {
            path: path.to_owned(),
            found,
        });
    }
    check_owner(path, &metadata)?;
    Ok(Some((file, metadata)))
}

/// What a path holds, if not a regular file.
fn kind(metadata: &Metadata) -> Option<&'static str> {
    let kind = metadata.file_type();
    if kind.is_file() {
        None
    } else if kind.is_dir() {
        Some("a folder")
    } else if kind.is_symlink() {
        Some("a symbolic link")
    } else {
        Some("a FIFO, socket or device")
    }
}

#[cfg(unix)]
fn check_owner(path: &Path, metadata: &Metadata) -> Result<(), FileError> {
    use std::os::unix::fs::MetadataExt as _;
    let own = nix::unistd::geteuid().as_raw();
    if metadata.uid() == own {
        return Ok(());
    }
    Err(FileError::ForeignOwner {
        path: path.to_owned(),
        owner: metadata.uid(),
        own,
    })
}

#[cfg(not(unix))]
fn check_owner(_: &Path, _: &Metadata) -> Result<(), FileError> {
    Ok(())
}

/// Refuses somebody else's folder, before anything is made in it: its owner could not open that. A folder that is not
/// there is nobody's yet, and one of root's that this program may write to was made for it.
///
/// Errors: it belongs to another user, or can't be looked at.
pub fn refuse_foreign_folder(folder: &Path) -> Result<(), FileError> {
    match folder.metadata() {
        Ok(found) if is_of_root(&found) => Ok(()),
        Ok(found) => check_owner(folder, &found),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(FileError::io("look at", folder)(error)),
    }
}

#[cfg(unix)]
fn is_of_root(metadata: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    metadata.uid() == 0
}

#[cfg(not(unix))]
fn is_of_root(_: &Metadata) -> bool {
    false
}

/// Reads the whole file: its bytes and its identity, or `None` if there is no file.
pub(crate) fn read(path: &Path) -> Result<Option<(Vec<u8>, Identity)>, FileError> {
    let Some((file, metadata)) = open_own(path, OpenOptions::new().read(true))? else {
        return Ok(None);
    };
    if metadata.len() > MAX_FILE_BYTES {
        return Err(FileError::TooLarge {
            path: path.to_owned(),
            bytes: metadata.len(),
        });
    }
    warn_if_open_to_others(path, &metadata);
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or(0));
    file.take(MAX_FILE_BYTES)
        .read_to_end(&mut bytes)
        .map_err(FileError::io("read", path))?;
    Ok(Some((bytes, Identity::of(&metadata))))
}

/// The next write narrows it; until then somebody should know.
#[cfg(unix)]
fn warn_if_open_to_others(path: &Path, metadata: &Metadata) {
    use std::os::unix::fs::MetadataExt as _;
    // Once is enough: a program reads the file again and again.
    static TOLD: std::sync::Once = std::sync::Once::new();
    let others = metadata.mode() & 0o077;
    if others == 0 {
        return;
    }
    TOLD.call_once(|| {
        tracing::warn!(path = %path.display(), mode = format_args!("{:o}", metadata.mode() & 0o777), "others may read this file");
    });
}

#[cfg(not(unix))]
fn warn_if_open_to_others(_: &Path, _: &Metadata) {}
