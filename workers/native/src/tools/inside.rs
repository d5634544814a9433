//! The workspace as we look at it for ourselves: no further than a tool would go for the model.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use super::open;

/// How deep folders are looked for.
const DEPTH: u32 = 2;
/// Entries of one folder that are looked at; so many as a folder of data may have, and few enough for a test.
const ENTRIES: usize = if cfg!(test) { 10_000 } else { 100_000 };

/// The first bytes of a file of the workspace, at most so many. Links are followed as long as they stay inside.
///
/// Errors: `NotFound` if there is nothing of that name; anything else if it is not a file, leads out or nowhere, or can't be
/// read.
pub(crate) fn read_inside(workspace: &Path, name: &str, most: u64) -> io::Result<Vec<u8>> {
    let workspace = workspace.canonicalize()?;
    let named = workspace.join(name);
    named.symlink_metadata()?;
    let path = named.canonicalize().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => io::Error::other("it is a link to something that does not exist"),
        _ => error,
    })?;
    if !path.starts_with(&workspace) {
        return Err(io::Error::other("it is a link that leads out of the workspace"));
    }
    let mut bytes = vec![];
    open::file(&path)?.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Folders of the workspace where instructions are looked for.
#[derive(Debug)]
pub(crate) struct Folders {
    /// By their paths in the workspace, itself not among them.
    pub(crate) found: Vec<PathBuf>,
    /// Whether there are no more of them.
    pub(crate) is_all: bool,
}

/// Looks for at most so many. Hidden ones are left out, and links are not followed.
pub(crate) fn folders_inside(workspace: &Path, most: usize) -> Folders {
    let (mut level, mut found) = (vec![PathBuf::new()], vec![]);
    let mut is_all = true;
    for _ in 0..DEPTH {
        let mut next = vec![];
        for folder in &level {
            let Some(room) = (most - found.len())
                .checked_sub(next.len())
                .filter(|room| *room > 0)
            else {
                is_all = false;
                break;
            };
            let mut folders = folders_in(workspace, folder);
            is_all &= folders.is_all && folders.found.len() <= room;
            folders.found.truncate(room);
            next.append(&mut folders.found);
        }
        found.extend_from_slice(&next);
        level = next;
    }
    Folders { found, is_all }
}

fn folders_in(workspace: &Path, folder: &Path) -> Folders {
    // One that can't be read has no instructions to follow.
    let mut entries = fs::read_dir(workspace.join(folder))
        .into_iter()
        .flatten()
        .flatten();
    let folders = entries.by_ref().take(ENTRIES).filter_map(|entry| {
        let name = entry.file_name().into_string().ok()?;
        // A line of the prompt must not be made by the name of a folder.
        let is_plain = !name.starts_with('.') && !name.contains(char::is_control);
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        (is_plain && is_folder).then(|| folder.join(name))
    });
    let mut found: Vec<PathBuf> = folders.collect();
    found.sort();
    Folders {
        found,
        is_all: entries.next().is_none(),
    }
}
