//! A cage that is ready: everything was asked and built, and commands can be started in it.

use std::ffi::OsStr;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use crate::child::{self, Steps};
use crate::error::CageError;
use crate::folders::Folders;
use crate::mark::Mark;
use crate::policy::{Layer, Policy};
use crate::tally::Tally;
use crate::{calls, environment, grants, ruleset};

/// A cage that is ready. The folders it shows are those that were there when it was prepared: prepare one per command.
#[derive(Debug)]
pub struct Cage {
    policy: Policy,
    folders: Folders,
    ruleset: Option<Arc<OwnedFd>>,
    mark: Mark,
    tally: Tally,
}

impl Cage {
    /// Asks the kernel for every required layer and builds what can be built before the fork. Makes `home` and
    /// `tmp` in `.agent-host` in the workspace. Blocking, and takes well below a millisecond.
    pub fn prepare(policy: &Policy) -> Result<Self, CageError> {
        check(policy)?;
        let folders = Folders::prepare(&policy.workspace)?;
        let ruleset = if policy.wants(Layer::Landlock) {
            let readable = grants::readable(policy, &folders.workspace);
            Some(Arc::new(
                ruleset::build(Some(&folders.workspace), &readable).map_err(missing(Layer::Landlock))?,
            ))
        } else {
            None
        };
        let mark = Mark::next().map_err(|error| missing(Layer::Limits)(error.to_string()))?;
        let tally = Tally::new().map_err(|source| CageError::Shortage { call: "pipe", source })?;
        Ok(Self {
            policy: policy.clone(),
            folders,
            ruleset,
            mark,
            tally,
        })
    }

    /// A command that starts in the cage, in the workspace. `program` is looked for in the cage's own `PATH`. What is
    /// passed as standard input, output and error is inherited as for any command, and is the only thing that is; a
    /// variable that is added later is added to the cage's.
    ///
    /// What `spawn` returns is a guard that ends as the command ends. Everything that the command starts stays below the guard,
    /// and is killed before the guard ends: when the command has ended, see [`Cage::ended`], or the *thread* that spawned it,
    /// whatever that dies of: spawn from one that lives as long as the worker. Only what the kernel holds for seconds, or what
    /// is below a guard that was itself killed, is the spawner's to end; see [`Mark`]. Without the layer `session` there is no
    /// guard, and nothing is killed. Give the error of `spawn` to [`CageError::from_spawn`].
    pub fn command<A: AsRef<OsStr>>(&self, program: &str, arguments: impl IntoIterator<Item = A>) -> Command {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(&self.folders.workspace);
        environment::set(&mut command, &self.folders, self.policy.wants(Layer::Environment));
        let layers = Layer::ALL
            .into_iter()
            .filter(|layer| self.policy.wants(*layer))
            .collect();
        child::arm(
            &mut command,
            Steps::new(layers, self.mark, self.ruleset.clone(), Some(self.tally.writer())),
        );
        command
    }

    /// How many processes the command had left running, which its guard has killed. To be asked once, when the end of what
    /// `spawn` returned was seen.
    pub fn ended(&self) -> usize {
        self.tally.heard()
    }

    /// Where a program is in the cage's `PATH`; `None` if it is in none of its folders.
    pub fn find(&self, program: &str) -> Option<PathBuf> {
        environment::PATH
            .split(':')
            .map(|folder| Path::new(folder).join(program))
            .find(|path| path.is_file())
    }

    /// What every process started in this cage carries.
    pub fn mark(&self) -> Mark {
        self.mark
    }

    /// The workspace's canonical path.
    pub fn workspace(&self) -> &Path {
        &self.folders.workspace
    }
}

/// What can be known to be missing before anything is started.
pub(crate) fn check(policy: &Policy) -> Result<(), CageError> {
    if policy.wants(Layer::Descriptors) {
        // An empty range: only asks whether the call is there.
        child::close_range(u32::MAX, u32::MAX).map_err(|errno| {
            missing(Layer::Descriptors)(format!(
                "the kernel refuses close_range(2) ({}); it is there since Linux 5.11",
                io::Error::from(errno)
            ))
        })?;
    }
    if policy.wants(Layer::Landlock) {
        ruleset::offer().map_err(missing(Layer::Landlock))?;
    }
    if policy.wants(Layer::Calls) {
        calls::offer().map_err(missing(Layer::Calls))?;
    }
    for layer in [Layer::Landlock, Layer::Calls] {
        if policy.wants(layer) && !policy.wants(Layer::NoNewPrivileges) {
            return Err(missing(layer)(format!(
                "it needs `{}`, which the configuration does without",
                Layer::NoNewPrivileges
            )));
        }
    }
    Ok(())
}

fn missing(layer: Layer) -> impl FnOnce(String) -> CageError {
    move |fact| CageError::Missing { layer, fact }
}
