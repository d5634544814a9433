//! Replacing `auth.json` in one step: new file, fsync, rename, fsync of the folder.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use super::{FileError, Location};
use crate::fault;
use crate::lock::GlobalLock;

impl Location {
    /// Replaces the file's content durably. The guard proves that the global lock is held.
    ///
    /// Errors: the system's. The file then holds either the old or the new content, whole; if only the last fsync
    /// failed it is the new one.
    pub(crate) fn replace(&self, _held: &GlobalLock, bytes: &[u8]) -> Result<(), FileError> {
        let temporary = self.temporary();
        // What a killed writer left behind; it can't be in use, because writers hold the lock.
        remove_if_there(&temporary)?;
        let written = write_new(&temporary, bytes);
        if written.is_err() {
            // The first error is the one to tell; the leftover is removed by the next writer if not now.
            let _ = fs::remove_file(&temporary);
        }
        written?;
        fault::point("temp-written");
        fault::io("rename")
            .and_then(|()| fs::rename(&temporary, self.file()))
            .map_err(FileError::io("replace", self.file()))?;
        fault::point("renamed");
        sync_folder(self.folder(), "folder-sync")
    }
}

fn write_new(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let mut file = create_private(path, "temp-create")?;
    fault::io("temp-write")
        .and_then(|()| file.write_all(bytes))
        .map_err(FileError::io("write", path))?;
    fault::io("temp-sync")
        .and_then(|()| file.sync_all())
        .map_err(FileError::io("sync", path))
}

/// Creates a file that only this user may read; it must not exist. `step` names it for tests.
pub(crate) fn create_private(path: &Path, step: &str) -> Result<File, FileError> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options
            .mode(0o600)
            .custom_flags(libc::O_NOFOLLOW | libc::O_CLOEXEC);
    }
    fault::io(step)
        .and_then(|()| options.open(path))
        .map_err(FileError::io("create", path))
}

/// Removes a file; none there is fine.
pub(crate) fn remove_if_there(path: &Path) -> Result<(), FileError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(FileError::io("remove", path)(error)),
        _ => Ok(()),
    }
}

/// Makes renames and new names in a folder durable. `step` names it for tests.
#[cfg(unix)]
pub(crate) fn sync_folder(folder: &Path, step: &str) -> Result<(), FileError> {
    fault::io(step)
        .and_then(|()| File::open(folder)?.sync_all())
        .map_err(FileError::io("sync the folder", folder))
}

/// Windows has no such call; a rename there is durable with the volume's journal.
#[cfg(not(unix))]
pub(crate) fn sync_folder(_: &Path, _: &str) -> Result<(), FileError> {
    Ok(())
}
