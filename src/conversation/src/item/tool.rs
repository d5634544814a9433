//! What an agent does, and what comes of it.

use credentials::Timestamp;
use serde::{Deserialize, Serialize};

use super::Diff;

/// Something the agent does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToolCall {
    /// The agent's name of the call.
    pub call: String,
    /// In a few words.
    pub title: String,
    /// Its kind.
    pub kind: ToolKind,
    /// How it stands.
    pub status: ToolStatus,
    /// What goes in, as shown to people: the command line, the path, the pattern.
    pub input: String,
    /// What came out, the last part of it if it was long.
    pub output: String,
    /// Whether `output` lost its beginning.
    pub cut: bool,
    /// Changes to files.
    pub diffs: Vec<Diff>,
    /// Exit code of a command.
    pub exit: Option<i32>,
    /// When it began to run.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub ended: Option<Timestamp>,
}

/// Kinds of tool calls (ACP `ToolKind`, what we tell apart).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToolKind {
    /// Reads.
    Read,
    /// Changes files.
    Edit,
    /// Deletes files.
    Delete,
    /// Moves files.
    Move,
    /// Searches.
    Search,
    /// Runs a command.
    Execute,
    /// Thinks.
    Think,
    /// Fetches from the network.
    Fetch,
    /// Anything else.
    #[default]
    Other,
}

/// How a tool call stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToolStatus {
    /// Not begun; its permission may be awaited.
    Pending,
    /// Running.
    Running,
    /// Done.
    Completed,
    /// Failed, or denied.
    Failed,
    /// A person, or a newer message, stopped it, or it before it began.
    Stopped,
    /// The turn was cut before it ended.
    Cut,
}
