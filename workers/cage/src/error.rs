//! Why a process can't be caged.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::child::Step;
use crate::policy::Layer;

/// Why a process can't be caged. Nothing was started.
#[derive(Debug, Error)]
pub enum CageError {
    /// The kernel, or what this host runs in, does not offer a layer that is required.
    #[error("the cage has no layer `{layer}` here: {fact}")]
    Missing {
        /// The layer.
        layer: Layer,
        /// What the kernel said, in words.
        fact: String,
    },
    /// Putting a layer on failed in the new process, before the program was started.
    #[error("could not put on the cage's layer `{layer}`: {call}: {source}")]
    Refused {
        /// The layer.
        layer: Layer,
        /// The system call.
        call: &'static str,
        /// What the kernel said.
        source: io::Error,
    },
    /// The workspace is not there, or its folders for `HOME` and `TMPDIR` can't be made.
    #[error("could not {action} `{}`: {source}", path.display())]
    Folder {
        /// What failed: `open`, `create`.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The program can't be started; the cage is not to blame.
    #[error("could not start `{program}`: {source}")]
    Start {
        /// The program.
        program: String,
        /// Why.
        source: io::Error,
    },
}

impl CageError {
    /// What `spawn` of a caged command gave back, in our words: which layer refused, or that the program can't be started.
    pub fn from_spawn(program: &str, error: io::Error) -> Self {
        match error.raw_os_error().and_then(Step::decode) {
            Some((step, source)) => Self::Refused {
                layer: step.layer(),
                call: step.call(),
                source,
            },
            None => Self::Start {
                program: program.to_owned(),
                source: error,
            },
        }
    }

    /// What a person can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Missing { layer, .. } | Self::Refused { layer, .. } => Some(format!(
                "`[cage] without = [\"{layer}\"]` in the configuration runs commands without this layer on this host"
            )),
            Self::Folder { .. } | Self::Start { .. } => None,
        }
    }
}
