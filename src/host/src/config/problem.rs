//! One thing that is wrong with the configuration: where, which key, what, and what would be right.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;

/// What is wrong, as one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    place: Place,
    key: String,
    what: String,
    hint: Option<String>,
    only_for_a_host: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    Line {
        file: PathBuf,
        line: usize,
        column: Option<usize>,
    },
    File(PathBuf),
    Environment,
}

/// A problem as `config check --json` tells it. Without a file it is one of the environment, and `key` a variable's name.
#[derive(Debug, Serialize)]
pub(crate) struct Told<'a> {
    file: Option<&'a Path>,
    line: Option<usize>,
    column: Option<usize>,
    key: &'a str,
    what: &'a str,
    hint: Option<&'a str>,
}

impl Problem {
    /// The same for machines.
    pub(crate) fn told(&self) -> Told<'_> {
        let (file, line, column) = match &self.place {
            Place::Line { file, line, column } => (Some(file), Some(*line), *column),
            Place::File(file) => (Some(file), None, None),
            Place::Environment => (None, None, None),
        };
        Told {
            file: file.map(PathBuf::as_path),
            line,
            column,
            key: &self.key,
            what: &self.what,
            hint: self.hint.as_deref(),
        }
    }

    /// A key at a line (from 1) of the file.
    pub(super) fn at_line(file: &Path, line: usize, key: impl Into<String>, what: impl Into<String>) -> Self {
        Self {
            place: Place::Line {
                file: file.to_owned(),
                line,
                column: None,
            },
            key: key.into(),
            what: what.into(),
            hint: None,
            only_for_a_host: false,
        }
    }

    /// The whole file.
    pub(super) fn unreadable(file: &Path, what: impl Into<String>) -> Self {
        Self {
            place: Place::File(file.to_owned()),
            key: "file".into(),
            what: what.into(),
            hint: None,
            only_for_a_host: false,
        }
    }

    /// A place where the file is no TOML.
    pub(super) fn syntax(file: &Path, (line, column): (usize, usize), what: impl Into<String>) -> Self {
        Self {
            place: Place::Line {
                file: file.to_owned(),
                line,
                column: Some(column),
            },
            key: "syntax".into(),
            what: what.into(),
            hint: None,
            only_for_a_host: false,
        }
    }

    /// A variable of the environment.
    pub(super) fn of_variable(name: &str, what: impl Into<String>) -> Self {
        Self {
            place: Place::Environment,
            key: name.to_owned(),
            what: what.into(),
            hint: None,
            only_for_a_host: false,
        }
    }

    /// The same with what would be right.
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same, in nobody's way but who starts a host: such as a secret that stands only in the host's environment.
    pub(super) fn only_for_a_host(mut self) -> Self {
        self.only_for_a_host = true;
        self
    }

    /// Whether it is in the way of everything.
    pub(crate) fn concerns_all(&self) -> bool {
        !self.only_for_a_host
    }

    /// Whether it is about something that stands in the file.
    pub(crate) fn is_of_a_line(&self) -> bool {
        matches!(self.place, Place::Line { .. })
    }

    /// For putting them in order: the environment first, then by line.
    pub(super) fn line(&self) -> usize {
        match self.place {
            Place::Line { line, .. } => line,
            Place::File(_) | Place::Environment => 0,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Line { file, line, column } => {
                write!(f, "{}:{line}:", file.display())?;
                if let Some(column) = column {
                    write!(f, "{column}:")?;
                }
            }
            Place::File(file) => write!(f, "{}:", file.display())?,
            Place::Environment => f.write_str("environment:")?,
        }
        write!(f, " {}: {}", self.key, self.what)?;
        self.hint.as_ref().map_or(Ok(()), |hint| write!(f, " ({hint})"))
    }
}
