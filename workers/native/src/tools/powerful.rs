//! Files that say what later commands or agents do. Who allows changes of the work does not mean these: each is asked about.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::inside::folders_inside;

/// Files, and folders with all that is in them: Git's hooks and settings, ours, instructions.
const POWERFUL: [&str; 3] = [".git", ".agent-host", "AGENTS.md"];

/// How repositories without a folder of files around them are called.
const BARE: &[u8] = b".git";

/// Folders whose links are looked at. In a workspace that has more each change is asked about.
const FOLDERS: usize = 20_000;

/// As many as the kernel follows.
const LINKS: u32 = 40;

/// Whether a change of this file is one of what rules the work: by the name that was given for it, by the one that it has, by
/// the repository that it is in or would complete, or because a link of such a name leads to it. `path` is canonical.
pub(super) fn is_powerful(workspace: &Path, given: &str, path: &Path) -> bool {
    let beneath = |path: &Path| is_named(path.strip_prefix(workspace).unwrap_or(path));
    beneath(Path::new(given))
        || beneath(path)
        || is_of_repository(workspace, path)
        || is_linked(workspace, path)
}

/// Some file systems take capital and small letters as the same.
fn is_named(path: &Path) -> bool {
    let is = |name: &OsStr| {
        let end = name.len().saturating_sub(BARE.len());
        name.as_encoded_bytes()[end..].eq_ignore_ascii_case(BARE)
            || POWERFUL
                .iter()
                .any(|powerful| name.eq_ignore_ascii_case(powerful))
    };
    path.iter().any(is)
}

/// Whether Git would take a folder above the file for a repository, or for a second work tree's part of one, with the file
/// in it.
fn is_of_repository(workspace: &Path, path: &Path) -> bool {
    above(workspace, path).any(|folder| {
        let has = |name: &str| {
            let part = folder.join(name);
            path.starts_with(&part) || part.symlink_metadata().is_ok()
        };
        has("HEAD") && (has("commondir") || has("objects") && has("refs"))
    })
}

/// Whether a link leads to it that stands above it, or where instructions are looked for.
fn is_linked(workspace: &Path, path: &Path) -> bool {
    let below = folders_inside(workspace, FOLDERS);
    if !below.is_all {
        return true;
    }
    above(workspace, path)
        .map(Path::to_owned)
        .chain(below.found.into_iter().map(|folder| workspace.join(folder)))
        .flat_map(|folder| POWERFUL.map(|name| folder.join(name)))
        .filter(|named| named.is_symlink())
        .filter_map(|link| end_of(&link, LINKS))
        .any(|end| path.starts_with(end))
}

fn above<'a>(workspace: &'a Path, path: &'a Path) -> impl Iterator<Item = &'a Path> {
    let folders = path.ancestors().skip(1);
    folders.take_while(move |folder| folder.starts_with(workspace))
}

/// Where a path leads in the end, also when nothing is there yet. `None` for a circle.
fn end_of(path: &Path, links: u32) -> Option<PathBuf> {
    if let Ok(found) = path.canonicalize() {
        return Some(found);
    }
    let folder = path.parent()?;
    if let Ok(target) = path.read_link() {
        return end_of(&folder.join(target), links.checked_sub(1)?);
    }
    let folder = end_of(folder, links)?;
    match path.file_name() {
        Some(name) => Some(folder.join(name)),
        // `..` behind what may yet be made as a folder.
        None => folder.parent().map(Path::to_owned),
    }
}
