//! Small JSON files that only this user may read, replaced in one step.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

/// What a sound file of this kind never reaches.
const MAX_BYTES: u64 = 64 * 1024 * 1024;

/// Why a file could not be read or written.
#[derive(Debug, Error)]
pub enum FileError {
    /// The system refused.
    #[error("could not {what} `{path}`: {source}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Its words.
        source: io::Error,
    },
    /// What it holds makes no sense. It is left as it is.
    #[error("`{path}` holds something else than expected: {cause}")]
    Content {
        /// The file.
        path: PathBuf,
        /// Where and why.
        cause: String,
    },
}

impl FileError {
    pub(crate) fn io(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io {
            what,
            path: path.to_owned(),
            source,
        }
    }
}

/// Makes a folder that only this user may enter, and those above it; one that is there stays as it is.
pub(crate) fn make_folder(path: &Path) -> Result<(), FileError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(FileError::io("make the folder", path))
}

/// Reads a file; `None` if there is none.
pub(crate) fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, FileError> {
    let mut file = match File::open(path) {
        Ok(file) => file.take(MAX_BYTES),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(FileError::io("open", path)(error)),
    };
    let mut bytes = vec![];
    file.read_to_end(&mut bytes)
        .map_err(FileError::io("read", path))?;
    let content = serde_json::from_slice(&bytes);
    content.map(Some).map_err(|error| FileError::Content {
        path: path.to_owned(),
        cause: error.to_string(),
    })
}

/// Replaces a file durably: it holds the old or the new content, whole. There is one writer.
pub(crate) fn write<T: Serialize>(path: &Path, content: &T) -> Result<(), FileError> {
    let bytes = serde_json::to_vec(content).map_err(|error| FileError::Content {
        path: path.to_owned(),
        cause: error.to_string(),
    })?;
    let temporary = path.with_extension("new");
    // What a killed writer left behind.
    match fs::remove_file(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(FileError::io("remove", &temporary)(error));
        }
        _ => {}
    }
    let replaced = fill(&temporary, &bytes)
        .and_then(|()| fs::rename(&temporary, path).map_err(FileError::io("replace", path)));
    if let Err(error) = replaced {
        // On a full disk it would take room that others need.
        drop(fs::remove_file(&temporary));
        return Err(error);
    }
    let folder = path.parent().unwrap_or(Path::new("."));
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(FileError::io("sync the folder", folder))
}

fn fill(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(FileError::io("create", path))?;
    file.write_all(bytes)
        .and_then(|()| file.sync_all())
        .map_err(FileError::io("write", path))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn what_is_written_is_read_back_by_this_user_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("in/a.json");
        make_folder(path.parent().unwrap()).unwrap();
        assert_eq!(read::<Vec<u32>>(&path).unwrap(), None);
        fs::write(path.with_extension("new"), "left behind").unwrap();
        write(&path, &[1, 2]).unwrap();
        write(&path, &[3]).unwrap();
        assert_eq!(read::<Vec<u32>>(&path).unwrap(), Some(vec![3]));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let folder = fs::metadata(path.parent().unwrap()).unwrap();
        assert_eq!(folder.permissions().mode() & 0o777, 0o700);
    }

    #[test]
    fn a_file_that_makes_no_sense_is_an_error_and_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        fs::write(&path, "[1,").unwrap();
        let error = read::<Vec<u32>>(&path).unwrap_err();
        assert!(error.to_string().contains("a.json"), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "[1,");
    }

    #[test]
    fn what_can_not_be_written_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        // Nothing replaces a folder.
        fs::create_dir_all(path.join("in the way")).unwrap();
        assert!(write(&path, &[1]).is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
