//! `[cage] readable`: folders that every command may read, checked against what no command may ever see.

use std::path::{Path, PathBuf};

use super::document::TablePlace;
use super::{Places, Problem};

/// What no readable folder may show.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hidden<'a> {
    /// The state folder: other threads, transcripts, the control socket.
    pub(super) state: &'a Path,
    /// `auth.json`; its folder has the recovery files, too.
    pub(super) store: &'a Path,
    /// Where threads have their workspaces.
    pub(super) workspaces: &'a Path,
    /// Where those of some channels have them.
    pub(super) of_channels: &'a [PathBuf],
}

impl<'a> Hidden<'a> {
    pub(super) fn of(
        places: &'a Places,
        store: &'a Path,
        workspaces: &'a Path,
        of_channels: &'a [PathBuf],
    ) -> Self {
        Self {
            state: &places.state,
            store,
            workspaces,
            of_channels,
        }
    }
}

/// The folders without links, so that no link that changes later leads elsewhere. What is wrong is left out.
pub(super) fn readable(
    asked: Vec<PathBuf>,
    place: Option<&TablePlace>,
    hidden: &Hidden<'_>,
    problems: &mut Vec<Problem>,
) -> Vec<PathBuf> {
    let mut readable = Vec::new();
    for folder in asked {
        match checked(&folder, hidden) {
            Ok(folder) => readable.push(folder),
            Err(what) => {
                let what = format!("`{}` {what}", folder.display());
                problems.extend(place.map(|place| place.problem(Some("readable"), what)));
            }
        }
    }
    readable
}

fn checked(folder: &Path, hidden: &Hidden<'_>) -> Result<PathBuf, String> {
    if !folder.is_absolute() {
        return Err("is not an absolute path".to_owned());
    }
    let real = folder
        .canonicalize()
        .map_err(|error| format!("can't be reached: {error}"))?;
    if !real.is_dir() {
        return Err("is not a folder".to_owned());
    }
    if real.parent().is_none() {
        return Err("is everything on this machine: name what commands need".to_owned());
    }
    let [state, store, workspaces] = [hidden.state, hidden.store, hidden.workspaces].map(without_links);
    let logins = store.parent().unwrap_or(&store);
    if state.starts_with(&real) || real.starts_with(&state) {
        return Err(format!("would show the state folder `{}`", state.display()));
    }
    if logins.starts_with(&real) {
        return Err(format!("would show the logins in `{}`", store.display()));
    }
    // A folder that holds all workspaces is shown to each thread without the branch that leads to them.
    if real.starts_with(&workspaces) {
        return Err(format!(
            "would show threads each other's workspaces in `{}`",
            workspaces.display()
        ));
    }
    // Threads of other channels have theirs elsewhere, and would see these.
    let shown = |folder: &&PathBuf| {
        let folder = without_links(folder);
        real.starts_with(&folder) || folder.starts_with(&real)
    };
    if let Some(folder) = hidden.of_channels.iter().find(shown) {
        return Err(format!(
            "would show the workspaces of a channel's threads in `{}`",
            folder.display()
        ));
    }
    Ok(real)
}

/// Without links, as far as it exists already.
pub(super) fn without_links(path: &Path) -> PathBuf {
    for known in path.ancestors() {
        if let (Ok(real), Ok(rest)) = (known.canonicalize(), path.strip_prefix(known)) {
            return if rest.as_os_str().is_empty() {
                real
            } else {
                real.join(rest)
            };
        }
    }
    path.to_owned()
}

#[cfg(test)]
mod tests;
