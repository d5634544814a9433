//! Where a path of the model's leads, and whether a tool may go there.

use std::io;
use std::path::{Path, PathBuf};

use cage::Policy;
use nix::errno::Errno;

use super::arguments::quoted;
use super::powerful;

/// The kernel's limit for a path.
const PATH_BYTES: usize = 4096;

/// What paths are measured by.
#[derive(Debug)]
pub(super) struct Places {
    spill: PathBuf,
    policy: Policy,
}

/// A path with all links resolved.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// Canonical, as far as it exists; the rest are plain names.
    pub(super) path: PathBuf,
    /// For people and models: relative to the workspace if it lies there, and in one line.
    pub(super) shown: String,
    /// Whether a change of it is asked about each time; known of a place that is to be changed.
    pub(super) is_powerful: bool,
    exists: bool,
    standing: Standing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Workspace,
    /// Our own files with long output.
    Spill,
    Outside,
}

impl Places {
    pub(super) fn new(spill: &Path, policy: Policy) -> Self {
        Self {
            spill: spill.to_owned(),
            policy,
        }
    }

    /// The workspace, canonical.
    pub(super) fn workspace(&self) -> Result<PathBuf, String> {
        let workspace = &self.policy.workspace;
        workspace.canonicalize().map_err(|error| {
            format!(
                "the workspace `{}` can't be reached: {error}",
                workspace.display()
            )
        })
    }

    pub(super) fn spill(&self) -> &Path {
        &self.spill
    }

    /// For a tool that reads: it must exist, and lie where a caged command could read it.
    pub(super) fn to_read(&self, given: &str) -> Result<Place, String> {
        let place = self.locate(given)?;
        if !place.exists {
            return Err(format!("there is no `{}`", place.shown));
        }
        if place.is_outside() && !self.policy.may_read(&place.path) {
            return Err(format!(
                "`{}` lies outside the workspace, where only the system's programs, public settings and what the configuration names may be read",
                place.shown
            ));
        }
        Ok(place)
    }

    /// For a tool that writes: in the workspace, whether it exists or not.
    pub(super) fn to_change(&self, given: &str) -> Result<Place, String> {
        let mut place = self.locate(given)?;
        if place.standing != Standing::Workspace {
            return Err(format!(
                "`{given}` leads to `{}`, outside the workspace: nothing may be written there",
                place.shown
            ));
        }
        place.is_powerful = powerful::is_powerful(&self.workspace()?, given, &place.path);
        Ok(place)
    }

    /// Resolves a path, which is relative to the workspace or absolute.
    fn locate(&self, given: &str) -> Result<Place, String> {
        if given.is_empty() {
            return Err("the path is empty".to_owned());
        }
        if given.contains('\0') {
            return Err("the path contains a NUL character".to_owned());
        }
        if given.len() > PATH_BYTES {
            return Err(format!(
                "the path has {} bytes, and {PATH_BYTES} is the limit",
                given.len()
            ));
        }
        if given == "~" || given.starts_with("~/") {
            return Err(
                "`~` has no meaning here: paths are relative to the workspace, or absolute".to_owned(),
            );
        }
        let workspace = self.workspace()?;
        let (path, exists) = resolve(&workspace.join(given)).map_err(|error| words(given, &error))?;
        let standing = if path.starts_with(&workspace) {
            Standing::Workspace
        } else if self
            .spill
            .canonicalize()
            .is_ok_and(|spill| path.starts_with(spill))
        {
            Standing::Spill
        } else {
            Standing::Outside
        };
        let shown = match path.strip_prefix(&workspace) {
            Ok(rest) if rest.as_os_str().is_empty() => ".".to_owned(),
            Ok(rest) => quoted(rest),
            Err(_) => quoted(&path),
        };
        Ok(Place {
            path,
            shown,
            is_powerful: false,
            exists,
            standing,
        })
    }
}

impl Place {
    /// Whether looking at it needs a permission.
    pub(super) fn is_outside(&self) -> bool {
        self.standing == Standing::Outside
    }

    /// Whether it lies in the workspace.
    pub(super) fn is_inside(&self) -> bool {
        self.standing == Standing::Workspace
    }

    pub(super) fn exists(&self) -> bool {
        self.exists
    }
}

/// The canonical path, and whether it exists. What does not exist yet must consist of plain names.
fn resolve(path: &Path) -> io::Result<(PathBuf, bool)> {
    let mut names = Vec::new();
    let mut here = path;
    loop {
        match here.canonicalize() {
            Ok(mut found) => {
                found.extend(names.iter().rev());
                return Ok((found, names.is_empty()));
            }
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Err(_) => {}
        }
        if here.is_symlink() {
            return Err(io::Error::other("it is a link to something that does not exist"));
        }
        let (Some(parent), Some(name)) = (here.parent(), here.file_name()) else {
            // `..` behind something that does not exist.
            return Err(io::ErrorKind::NotFound.into());
        };
        names.push(name);
        here = parent;
    }
}

fn words(given: &str, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotADirectory => format!("`{given}` leads through a file as if it were a folder"),
        io::ErrorKind::NotFound => format!("`{given}` leads through a folder that does not exist"),
        // `ErrorKind::FilesystemLoop` is not stable yet.
        _ if error.raw_os_error() == Some(Errno::ELOOP as i32) => {
            format!("`{given}` leads through links that go in a circle")
        }
        io::ErrorKind::InvalidFilename => format!("`{given}` is too long for a path"),
        _ => format!("`{given}` can't be reached: {error}"),
    }
}
