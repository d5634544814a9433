//! Who besides this user may read a file that holds a secret.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// What lets others of this machine read this file, in words.
pub(crate) fn of(file: &Path) -> Option<String> {
    let mode = std::fs::metadata(file).ok()?.permissions().mode();
    let who = match (mode & 0o004 != 0, mode & 0o040 != 0) {
        (true, _) => "every user of this machine",
        (false, true) => "everybody in its group",
        (false, false) => return None,
    };
    Some(format!("{who} may read `{}`", file.display()))
}

/// The same of each of these files.
pub(crate) fn of_all(files: &[PathBuf]) -> impl Iterator<Item = String> {
    files.iter().filter_map(|file| of(file))
}
