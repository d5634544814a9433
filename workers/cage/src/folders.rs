//! The workspace and the two folders in it that stand in for `HOME` and `/tmp`.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{OFlag, open, openat};
use nix::sys::stat::{Mode, mkdirat};
use nix::unistd::{UnlinkatFlags, unlinkat};

use crate::error::CageError;

/// Ours, inside the workspace. Git does not see it.
const OWN: &str = ".agent-host";
const FOLDER: OFlag = OFlag::O_DIRECTORY
    .union(OFlag::O_NOFOLLOW)
    .union(OFlag::O_CLOEXEC);

/// A workspace that is there, with its inner folders.
#[derive(Debug)]
pub(crate) struct Folders {
    /// Canonical.
    pub(crate) workspace: PathBuf,
    pub(crate) home: PathBuf,
    pub(crate) temporary: PathBuf,
}

impl Folders {
    /// For a process that writes nothing.
    pub(crate) fn nowhere() -> Self {
        Self {
            workspace: "/".into(),
            home: "/nonexistent".into(),
            temporary: "/nonexistent".into(),
        }
    }

    /// Makes what is missing. The workspace itself must be there.
    pub(crate) fn prepare(workspace: &Path) -> Result<Self, CageError> {
        let failed = |action, path: &Path| {
            let path = path.to_owned();
            move |source: io::Error| CageError::Folder { action, path, source }
        };
        let workspace = workspace.canonicalize().map_err(failed("open", workspace))?;
        let own = workspace.join(OWN);
        make(&workspace).map_err(failed("create", &own))?;
        Ok(Self {
            home: own.join("home"),
            temporary: own.join("tmp"),
            workspace,
        })
    }
}

fn make(workspace: &Path) -> io::Result<()> {
    let root = open(workspace, FOLDER, Mode::empty())?;
    let own = folder(&root, OWN)?;
    folder(&own, "home")?;
    folder(&own, "tmp")?;
    let ignore = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    match openat(&own, ".gitignore", ignore, Mode::from_bits_truncate(0o644)) {
        Ok(file) => File::from(file).write_all(b"*\n"),
        Err(Errno::EEXIST) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}

/// Opens a folder, and makes it if it is missing. The agent may write here: a link that it put in the place, so that we
/// make folders elsewhere in its name, is removed.
fn folder(parent: impl AsFd, name: &str) -> io::Result<OwnedFd> {
    let parent = parent.as_fd();
    match openat(parent, name, FOLDER, Mode::empty()) {
        Ok(found) => return Ok(found),
        Err(Errno::ENOENT) => {}
        Err(Errno::ENOTDIR | Errno::ELOOP) => unlinkat(parent, name, UnlinkatFlags::NoRemoveDir)?,
        Err(errno) => return Err(errno.into()),
    }
    mkdirat(parent, name, Mode::S_IRWXU)?;
    Ok(openat(parent, name, FOLDER, Mode::empty())?)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_link_in_the_place_of_our_folder_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (workspace, elsewhere) = (folder.path().join("workspace"), folder.path().join("elsewhere"));
        fs::create_dir(&workspace).unwrap();
        fs::create_dir(&elsewhere).unwrap();
        std::os::unix::fs::symlink(&elsewhere, workspace.join(OWN)).unwrap();

        let folders = Folders::prepare(&workspace).unwrap();

        assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), 0);
        assert!(folders.home.is_dir() && folders.temporary.is_dir());
        Folders::prepare(&workspace).unwrap();
    }

    #[test]
    fn a_workspace_that_is_gone_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let error = Folders::prepare(&folder.path().join("gone")).unwrap_err();
        assert!(
            matches!(error, CageError::Folder { action: "open", .. }),
            "{error}"
        );
    }
}
