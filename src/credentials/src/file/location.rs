//! Where `auth.json` really is, and the names of the files beside it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::FileError;
use crate::tenant::FileId;

/// Links that are followed one after the other before a loop is assumed.
const MAX_LINKS: usize = 16;

/// The real path of `auth.json`, with links resolved once. Locks, temporary and recovery files stand beside it,
/// so that every spelling of the path meets the same lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Location {
    file: PathBuf,
    folder: PathBuf,
}

impl Location {
    /// Resolves `path`. Neither the file nor its folder need exist, and neither is made.
    pub(crate) fn resolve(path: &Path) -> Result<Self, FileError> {
        let mut file = std::path::absolute(path).map_err(FileError::io("find", path))?;
        for _ in 0..MAX_LINKS {
            match fs::read_link(&file) {
                Ok(target) => {
                    let parent = file.parent().unwrap_or(Path::new("/")).to_owned();
                    file = parent.join(target);
                }
                Err(_) => return Self::in_real_folder(&file),
            }
        }
        Err(FileError::io("resolve the links of", path)(io::Error::from(
            io::ErrorKind::InvalidInput,
        )))
    }

    fn in_real_folder(file: &Path) -> Result<Self, FileError> {
        let (Some(parent), Some(name)) = (file.parent(), file.file_name()) else {
            return Err(FileError::NotAFile {
                path: file.to_owned(),
                found: "a folder",
            });
        };
        let folder = real(parent).map_err(FileError::io("resolve", parent))?;
        Ok(Self {
            file: folder.join(name),
            folder,
        })
    }

    /// `auth.json` itself.
    pub(crate) fn file(&self) -> &Path {
        &self.file
    }

    /// The folder of all these files.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The lock around every change of the file.
    pub(crate) fn global_lock(&self) -> PathBuf {
        self.beside("global.lock")
    }

    /// The lock that is held across one tenant's refresh.
    pub(crate) fn refresh_lock(&self, id: &FileId) -> PathBuf {
        self.beside(&format!("refresh.{id}.lock"))
    }

    /// The lock of the one process that polls for a pending device sign-in.
    pub(crate) fn poll_lock(&self, id: &FileId) -> PathBuf {
        self.beside(&format!("poll.{id}.lock"))
    }

    /// Where the answer to a refresh is safe until it is committed.
    pub(crate) fn recovery(&self, id: &FileId) -> PathBuf {
        self.beside(&format!("recovery.{id}"))
    }

    /// The next content of the file, before the rename. One name is enough: it is only used under the global lock.
    pub(crate) fn temporary(&self) -> PathBuf {
        self.beside("tmp")
    }

    /// The files beside `auth.json` whose name starts with its own, `prefix` and a dot, with what follows.
    pub(crate) fn siblings(&self, prefix: &str) -> Result<Vec<(String, PathBuf)>, FileError> {
        let start = self.beside(prefix);
        let start = format!("{}.", start.file_name().unwrap_or_default().to_string_lossy());
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(vec![]),
            entries => entries.map_err(FileError::io("list", &self.folder))?,
        };
        let mut found = Vec::new();
        for entry in entries {
            let entry = entry.map_err(FileError::io("list", &self.folder))?;
            if let Some(rest) = entry
                .file_name()
                .to_str()
                .and_then(|name| name.strip_prefix(&start))
            {
                found.push((rest.to_owned(), entry.path()));
            }
        }
        found.sort();
        Ok(found)
    }

    fn beside(&self, suffix: &str) -> PathBuf {
        let mut name = self.file.file_name().unwrap_or_default().to_owned();
        name.push(".");
        name.push(suffix);
        self.folder.join(name)
    }
}

/// The real path of a folder that need not be there: links are resolved in what is.
fn real(folder: &Path) -> io::Result<PathBuf> {
    match fs::canonicalize(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            match (folder.parent(), folder.file_name()) {
                (Some(parent), Some(name)) => Ok(real(parent)?.join(name)),
                _ => Err(error),
            }
        }
        found => found,
    }
}

/// Creates a folder and its parents, private to this user; an existing one is left as it is.
pub(crate) fn create_private_folder(folder: &Path) -> Result<(), FileError> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder
        .create(folder)
        .map_err(FileError::io("create the folder", folder))
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_link_and_its_target_share_their_locks() {
        let folder = tempfile::tempdir().unwrap();
        let real = folder.path().join("real");
        fs::create_dir(&real).unwrap();
        symlink("real/store.json", folder.path().join("one.json")).unwrap();
        symlink("one.json", folder.path().join("two.json")).unwrap();
        let direct = Location::resolve(&real.join("store.json")).unwrap();
        assert_eq!(
            Location::resolve(&folder.path().join("two.json")).unwrap(),
            direct
        );
        assert!(direct.global_lock().ends_with("real/store.json.global.lock"));
    }

    #[test]
    fn a_folder_that_is_not_there_is_resolved_as_far_as_it_is_and_not_made() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("real")).unwrap();
        symlink("real", folder.path().join("link")).unwrap();
        let location = Location::resolve(&folder.path().join("link/new/store.json")).unwrap();
        assert!(location.file().ends_with("real/new/store.json"), "{location:?}");
        assert_eq!(location.siblings("recovery").unwrap(), []);
        assert!(!folder.path().join("real/new").exists());
    }

    #[test]
    fn a_loop_of_links_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        symlink("b.json", folder.path().join("a.json")).unwrap();
        symlink("a.json", folder.path().join("b.json")).unwrap();
        assert!(Location::resolve(&folder.path().join("a.json")).is_err());
    }
}
