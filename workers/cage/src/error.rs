//! Why a process can't be caged.

use std::io;
use std::path::PathBuf;

use nix::errno::Errno;
use thiserror::Error;

use crate::child::Step;
use crate::limits::MOST_PROCESSES;
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
    /// This process, or this machine, has no more of what every command needs; the cage is not to blame.
    #[error("could not prepare the cage: {call}: {source}")]
    Shortage {
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

    /// What a person can do about it. What this machine or its user is short of is never a reason to do without a layer.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Refused { source, .. } | Self::Start { source, .. } | Self::Shortage { source, .. }
                if let Some(words) = shortage(source) =>
            {
                Some(words)
            }
            Self::Missing { layer, .. } | Self::Refused { layer, .. } => Some(format!(
                "`[cage] without = [\"{layer}\"]` in the configuration runs commands without this layer on this host"
            )),
            Self::Folder { .. } | Self::Start { .. } | Self::Shortage { .. } => None,
        }
    }
}

/// What there is not enough of.
fn shortage(error: &io::Error) -> Option<String> {
    match Errno::from_raw(error.raw_os_error()?) {
        Errno::EAGAIN => Some(format!(
            "the user of this host has as many processes and threads as it may have ({MOST_PROCESSES} where a command starts, or \
             fewer by `ulimit -u`, `TasksMax=` or a container's limit of pids): end some, or raise that limit"
        )),
        Errno::ENOMEM => {
            Some("this machine, or the host's control group, has no memory left: end something".to_owned())
        }
        Errno::EMFILE | Errno::ENFILE => {
            Some("there are too many open files: raise the limit (`ulimit -n`, `LimitNOFILE=`)".to_owned())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shortage_is_told_as_one_and_no_reason_to_do_without_a_layer() {
        let refused = |call, errno: Errno| CageError::Refused {
            layer: Layer::Session,
            call,
            source: errno.into(),
        };
        let start = CageError::from_spawn("bash", Errno::EAGAIN.into());
        for (error, word) in [
            (refused("fork", Errno::EAGAIN), "ulimit -u"),
            (start, "TasksMax="),
            (refused("fork", Errno::ENOMEM), "memory"),
        ] {
            let hint = error.hint().unwrap();
            assert!(
                hint.contains(word) && !hint.contains("without"),
                "{error}: {hint}"
            );
        }
        let missing = refused("setsid", Errno::EPERM).hint().unwrap();
        assert!(missing.contains("`[cage] without = [\"session\"]`"), "{missing}");
    }
}
