//! Tools of the built-in agent: read, write, edit, list, glob, grep, bash.

use std::path::{Path, PathBuf};

use cage::Policy;

/// A tool as the model sees it.
#[derive(Debug, Clone)]
pub(crate) struct ToolSpec {
    /// Its name.
    pub(crate) name: &'static str,
    /// What it does, for the model.
    pub(crate) description: &'static str,
    /// JSON Schema of its arguments.
    pub(crate) parameters: serde_json::Value,
}

/// What a tool does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Reads.
    Read,
    /// Searches.
    Search,
    /// Changes files.
    Edit,
    /// Runs a command.
    Execute,
}

/// A change to one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Change {
    /// Absolute.
    pub(crate) path: PathBuf,
    /// Before; `None` for a new file.
    pub(crate) old: Option<String>,
    /// After.
    pub(crate) new: String,
}

/// A call whose arguments were read and checked; exactly this is shown, asked for and then executed.
#[derive(Debug)]
pub(crate) struct Prepared<A = Action> {
    /// What it does.
    pub(crate) kind: Kind,
    /// In a few words: `run a command`, `write notes.txt`.
    pub(crate) title: String,
    /// Exactly what will be done: the command line, the path, the pattern.
    pub(crate) input: String,
    /// Files it would change, as they would be.
    pub(crate) changes: Vec<Change>,
    /// Whether it needs a permission (anything that changes something or runs a command; reading outside the workspace).
    pub(crate) asks: bool,
    /// Calls with the same key are alike for "always in this thread".
    pub(crate) always_key: String,
    /// What is executed.
    pub(crate) action: A,
}

/// What is executed. Belongs to the tools; nobody else looks inside.
#[derive(Debug)]
pub(crate) struct Action {}

/// What a tool gave back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// What the model gets to read.
    pub(crate) text: String,
    /// Whether it failed.
    pub(crate) failed: bool,
    /// Exit code of a command.
    pub(crate) exit: Option<i32>,
    /// Files that were created, to be offered.
    pub(crate) created: Vec<PathBuf>,
}

/// The tools of one session.
pub(crate) struct Tools {}

#[expect(
    clippy::todo,
    clippy::unused_async,
    unused_variables,
    reason = "skeleton, being filled in"
)]
impl Tools {
    /// Tools for a workspace. `spill` is the folder for output that is too long for the model.
    pub(crate) fn new(workspace: &Path, spill: &Path, policy: Policy) -> Self {
        todo!()
    }

    /// All of them, as the model sees them.
    pub(crate) fn specs(&self) -> Vec<ToolSpec> {
        todo!()
    }

    /// Reads and checks a call. `Err` is what the model is told: unknown tool, broken JSON, missing argument.
    pub(crate) fn prepare(&self, name: &str, arguments: &str) -> Result<Prepared, String> {
        todo!()
    }

    /// Executes what was prepared. `output` gets what a command writes, as it comes. Dropping the future ends
    /// everything it started, and returns only a guarantee, not the processes' time: the kill has been sent.
    pub(crate) async fn run(&self, prepared: Prepared, output: &mut (dyn FnMut(String) + Send)) -> Outcome {
        todo!()
    }
}
