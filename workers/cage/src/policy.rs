//! What a caged process may do.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::grants;

/// What a caged process may do.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Policy {
    /// The thread's workspace: read, write, execute. Also the working directory, and the home of `HOME` and `TMPDIR`.
    pub workspace: PathBuf,
    /// Further folders that may be read, besides the system's.
    pub readable: Vec<PathBuf>,
    /// Layers that this host does without, by its configuration. Every other layer is required.
    pub without: Vec<Layer>,
}

impl Policy {
    /// Whether a caged process may read this file or folder: it lies in the workspace, in one of [`Policy::readable`], or
    /// in a folder of the system that every cage shows. Whoever reads for an agent from outside the cage asks this first.
    ///
    /// `path` is canonical: absolute, without links. Holds for the folders as they are now.
    pub fn may_read(&self, path: &Path) -> bool {
        let workspace = self
            .workspace
            .canonicalize()
            .unwrap_or_else(|_| self.workspace.clone());
        path.starts_with(&workspace)
            || grants::readable(self, &workspace)
                .iter()
                .filter_map(|granted| granted.canonicalize().ok())
                .any(|granted| path.starts_with(granted))
    }

    pub(crate) fn wants(&self, layer: Layer) -> bool {
        !self.without.contains(&layer)
    }
}

/// One layer of the cage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layer {
    /// Only the listed variables.
    Environment,
    /// No inherited descriptors (`close_range`).
    Descriptors,
    /// Own session and parent-death signal.
    Session,
    /// `setrlimit`.
    Limits,
    /// Empty capability sets.
    Capabilities,
    /// `PR_SET_NO_NEW_PRIVS`.
    NoNewPrivileges,
    /// Landlock: the file system.
    Landlock,
    /// Seccomp: system calls that reach others of the same user, or past the other layers.
    Calls,
}

impl Layer {
    /// All of them, in the order in which they are put on.
    pub const ALL: [Self; 8] = [
        Self::Environment,
        Self::Session,
        Self::Limits,
        Self::Descriptors,
        Self::Capabilities,
        Self::NoNewPrivileges,
        Self::Landlock,
        Self::Calls,
    ];

    /// Its name in the configuration: `[cage] without = ["landlock"]`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Environment => "environment",
            Self::Descriptors => "descriptors",
            Self::Session => "session",
            Self::Limits => "limits",
            Self::Capabilities => "capabilities",
            Self::NoNewPrivileges => "no_new_privileges",
            Self::Landlock => "landlock",
            Self::Calls => "calls",
        }
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}
