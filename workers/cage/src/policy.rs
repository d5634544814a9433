//! What a caged process may do.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

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
}
