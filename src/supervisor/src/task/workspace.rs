//! The folder that a thread's agent works in: made, known again, and what is said when it is not what it was.

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use conversation::NoteKind;

use super::Task;
use super::slot::Slot;
use crate::worker::StartError;

/// A folder, whatever it is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Folder {
    device: u64,
    inode: u64,
}

/// A workspace that an agent can work in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Workspace {
    folder: Folder,
    /// It was not there, and is empty now.
    is_new: bool,
}

impl Folder {
    /// The folder at this path, if it is one.
    async fn at(path: &Path) -> io::Result<Self> {
        let found = tokio::fs::metadata(path).await?;
        if !found.is_dir() {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        Ok(Self {
            device: found.dev(),
            inode: found.ino(),
        })
    }
}

impl Workspace {
    /// Makes it if it is not there.
    pub(super) async fn make(path: &Path) -> Result<Self, StartError> {
        let failed = |error: io::Error| StartError::Workspace {
            path: path.display().to_string(),
            cause: error.to_string(),
        };
        let is_new = !tokio::fs::try_exists(path).await.map_err(failed)?;
        make_private(path).await.map_err(failed)?;
        let folder = Folder::at(path).await.map_err(failed)?;
        // One that may not be looked into makes every tool fail, each with other words.
        drop(tokio::fs::read_dir(path).await.map_err(failed)?);
        Ok(Self { folder, is_new })
    }
}

/// Makes a folder, and those above it, that only this user may enter.
pub(crate) async fn make_private(path: &Path) -> io::Result<()> {
    let mut builder = tokio::fs::DirBuilder::new();
    builder.recursive(true).mode(0o700).create(path).await
}

impl Task {
    /// Whether the living worker stands in a folder that is no longer the thread's.
    pub(super) async fn has_lost_workspace(&mut self) -> bool {
        matches!(self.slot, Slot::Alive(_)) && self.folder != Folder::at(&self.workspace).await.ok()
    }

    /// A turn has ended that may have worked in a folder that is gone.
    pub(super) async fn tell_lost_workspace(&mut self) {
        if self.has_lost_workspace().await {
            let words = "The workspace of this thread is no longer there: what the agent did in it may be lost. Put it \
                         back, or send a message to go on in an empty one.";
            self.note(NoteKind::Warning, words.to_owned(), None).await;
        }
    }

    /// A worker was started in this one.
    pub(super) async fn tell_new_workspace(&mut self, workspace: Workspace) {
        let before = self.folder.replace(workspace.folder);
        let words = match before {
            _ if workspace.is_new => {
                "The workspace of this thread was gone; an empty one was made in its place."
            }
            Some(before) if before != workspace.folder => {
                "Another folder stands in the place of this thread's workspace; the agent goes on in that."
            }
            _ => return,
        };
        self.note(NoteKind::Warning, words.to_owned(), None).await;
    }
}
