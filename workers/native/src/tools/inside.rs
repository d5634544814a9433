//! A file of the workspace, read for ourselves: no further than a tool would go for the model.

use std::io::{self, Read as _};
use std::path::Path;

use super::open;

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
