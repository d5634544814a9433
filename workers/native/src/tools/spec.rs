//! The tools as the model sees them.

use serde_json::{Value, json};

use super::ToolSpec;
use super::bash::{DEFAULT_LIMIT, MOST_LIMIT};
use super::offer::MOST;

pub(super) const READ: &str = "read";
pub(super) const WRITE: &str = "write";
pub(super) const EDIT: &str = "edit";
pub(super) const LIST: &str = "list";
pub(super) const GLOB: &str = "glob";
pub(super) const GREP: &str = "grep";
pub(super) const BASH: &str = "bash";
pub(super) const OFFER: &str = "offer";

/// All of them. Names, descriptions and schemas are part of every request, and providers cache by them: they are the same
/// each time.
pub(super) fn all() -> Vec<ToolSpec> {
    vec![read(), write(), edit(), list(), glob(), grep(), bash(), offer()]
}

fn read() -> ToolSpec {
    ToolSpec {
        name: READ,
        description: "Reads lines of a text file. Each line comes with its number and a tab before it, which are not part \
                      of the file. Reads 2000 lines unless told otherwise; use offset and limit for a part of a large file.",
        parameters: object(
            &json!({
                "path": path("The file"),
                "offset": { "type": "integer", "minimum": 1, "description": "The first line to read, counted from 1" },
                "limit": { "type": "integer", "minimum": 1, "description": "How many lines to read" },
            }),
            &["path"],
        ),
    }
}

fn write() -> ToolSpec {
    ToolSpec {
        name: WRITE,
        description: "Writes a whole text file in the workspace: a new one, with the folders above it, or in the place of \
                      one that is there. To change a part of a file, use edit.",
        parameters: object(
            &json!({
                "path": path("The file"),
                "content": { "type": "string", "description": "Everything that the file shall hold" },
            }),
            &["path", "content"],
        ),
    }
}

fn edit() -> ToolSpec {
    ToolSpec {
        name: EDIT,
        description: "Replaces a text in a file of the workspace. old_string must stand in the file exactly as given, white \
                      space included and without line numbers, and exactly once unless replace_all is set. Read the file \
                      before.",
        parameters: object(
            &json!({
                "path": path("The file"),
                "old_string": { "type": "string", "description": "The text to replace" },
                "new_string": { "type": "string", "description": "The text to put in its place" },
                "replace_all": { "type": "boolean", "description": "Replace every occurrence" },
            }),
            &["path", "old_string", "new_string"],
        ),
    }
}

fn list() -> ToolSpec {
    ToolSpec {
        name: LIST,
        description: "Shows what is in one folder, hidden entries included. A name with control characters or a leading quotation mark is \
                      shown as a JSON string.",
        parameters: object(
            &json!({ "path": path("The folder; the workspace if left out") }),
            &[],
        ),
    }
}

fn glob() -> ToolSpec {
    ToolSpec {
        name: GLOB,
        description: "Finds files by a pattern of their path, such as **/*.rs or src/**/mod_*.py. Leaves out what Git ignores. \
                      A name with control characters or a leading quotation mark is shown as a JSON string.",
        parameters: object(
            &json!({
                "pattern": { "type": "string", "description": "*, **, ?, [a-z] and {a,b} have their usual meaning" },
                "path": path("The folder to look in; the workspace if left out"),
            }),
            &["pattern"],
        ),
    }
}

fn grep() -> ToolSpec {
    ToolSpec {
        name: GREP,
        description: "Finds lines that match a regular expression (Rust syntax) in the files of a folder. Leaves out what \
                      Git ignores, and binary files. A name with control characters or a leading quotation mark is shown as a \
                      JSON string.",
        parameters: object(
            &json!({
                "pattern": { "type": "string", "description": "The regular expression" },
                "path": path("The file or folder to search; the workspace if left out"),
                "glob": { "type": "string", "description": "Search only files that match this pattern, such as *.rs" },
                "ignore_case": { "type": "boolean", "description": "Take capital and small letters as the same" },
                "context": { "type": "integer", "minimum": 0, "maximum": 20, "description": "Lines to show around each match" },
                "output": {
                    "type": "string",
                    "enum": ["lines", "files", "count"],
                    "description": "The lines that match (default), only the files' names, or how many lines each has",
                },
            }),
            &["pattern"],
        ),
    }
}

fn bash() -> ToolSpec {
    ToolSpec {
        name: BASH,
        description: "Runs a command with bash in the workspace and gives back what it prints. It runs in a sandbox: it may \
                      write only in the workspace, and nothing it starts outlives it, so no process can be left running in \
                      the background. There is no terminal and no standard input. Each call is a new shell.",
        parameters: object(
            &json!({
                "command": { "type": "string", "description": "The command line" },
                "timeout": {
                    "type": "integer",
                    "minimum": 1,
                    "maximum": MOST_LIMIT.as_secs(),
                    "description": format!(
                        "Seconds after which the command is ended; {} if left out, at most {}",
                        DEFAULT_LIMIT.as_secs(),
                        MOST_LIMIT.as_secs()
                    ),
                },
            }),
            &["command"],
        ),
    }
}

fn offer() -> ToolSpec {
    ToolSpec {
        name: OFFER,
        description: "Gives files of the workspace to the people in the thread, who see no file otherwise: pictures, documents, data, \
                      archives and other results that they asked for or will want to have. Call it once they are finished, \
                      and again after a later change. Not for source code that stays where it is.",
        parameters: object(
            &json!({
                "paths": {
                    "type": "array",
                    "items": { "type": "string" },
                    "minItems": 1,
                    "maxItems": MOST,
                    "description": "The files: relative to the workspace, or absolute",
                },
            }),
            &["paths"],
        ),
    }
}

fn path(what: &str) -> Value {
    json!({ "type": "string", "description": format!("{what}: relative to the workspace, or absolute") })
}

fn object(properties: &Value, required: &[&str]) -> Value {
    json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
}
