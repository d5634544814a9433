//! Where the state is kept and where the configuration is looked for.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use super::{Problem, Variables};
use crate::failure::Failure;

/// Names the folder of everything: state and configuration.
pub(super) const HOME_VARIABLE: &str = "AGENT_HOST_HOME";

/// No configuration is longer.
const MAX_CONFIG_BYTES: u64 = 1024 * 1024;

/// Absolute paths of the state folder and the configuration file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Places {
    /// The folder that everything is kept in.
    pub(crate) state: PathBuf,
    /// Where the configuration file is, or would be.
    pub(crate) config: PathBuf,
    /// Whether somebody said that it is there.
    pub(crate) is_explicit: bool,
}

impl Places {
    /// `AGENT_HOST_HOME` decides both; else the XDG folders do, each with its default below the home folder.
    pub(crate) fn of(variables: &Variables, explicit: Option<&Path>) -> Result<Self, Failure> {
        let own_home = variables
            .path(HOME_VARIABLE)
            .as_deref()
            .map(absolute)
            .transpose()?;
        let home = variables.path("HOME");
        let state = match &own_home {
            Some(own) => own.clone(),
            None => xdg(variables, "XDG_STATE_HOME")
                .or_else(|| home.as_ref().map(|home| home.join(".local/state")))
                .ok_or_else(homeless)?
                .join("agent-host"),
        };
        let config = match (explicit, &own_home) {
            (Some(path), _) => absolute(path)?,
            (None, Some(own)) => own.join("config.toml"),
            (None, None) => xdg(variables, "XDG_CONFIG_HOME")
                .or_else(|| home.as_ref().map(|home| home.join(".config")))
                .ok_or_else(homeless)?
                .join("agent-host/config.toml"),
        };
        Ok(Self {
            state,
            config,
            is_explicit: explicit.is_some(),
        })
    }

    /// The configuration's text; `None` if there is no file and nobody said there was.
    ///
    /// Errors: it was named and is not there. One that is there and can't be read is a problem like any other.
    pub(super) fn read_config(&self, problems: &mut Vec<Problem>) -> Result<Option<String>, Failure> {
        let mut text = String::new();
        let read =
            File::open(&self.config).and_then(|file| file.take(MAX_CONFIG_BYTES).read_to_string(&mut text));
        match read {
            Ok(_) => Ok(Some(text)),
            Err(error) if !is_absence(&error) => {
                problems.push(Problem::unreadable(
                    &self.config,
                    format!("could not be read: {error}"),
                ));
                Ok(None)
            }
            Err(_) if !self.is_explicit => Ok(None),
            Err(error) => {
                let what = format!("could not read the configuration `{}`", self.config.display());
                Err(Failure::during(error, what).hint("leave out --config to run without a file"))
            }
        }
    }

    /// A path that the configuration asks for, or else the one of this name in the state folder.
    pub(super) fn asked_or_usual(&self, asked: Option<PathBuf>, usual: &str) -> PathBuf {
        asked.map_or_else(|| self.state.join(usual), |path| self.beside_config(&path))
    }

    /// A path from the configuration: relative ones start at its folder.
    pub(super) fn beside_config(&self, path: &Path) -> PathBuf {
        self.config.parent().unwrap_or(Path::new("/")).join(path)
    }
}

fn is_absence(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

/// The XDG specification says that relative paths are to be ignored.
fn xdg(variables: &Variables, name: &str) -> Option<PathBuf> {
    variables.path(name).filter(|path| path.is_absolute())
}

fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    std::path::absolute(path)
        .map_err(|error| Failure::during(error, format!("could not find `{}`", path.display())))
}

fn homeless() -> Failure {
    Failure::words("there is no place to keep anything: neither AGENT_HOST_HOME nor HOME is set")
        .hint("set AGENT_HOST_HOME to a folder of your own")
}
