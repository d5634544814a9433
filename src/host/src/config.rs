//! The configuration: the only part of the programs that reads the environment and the configuration file.

use std::path::{Path, PathBuf};

use credentials::Vendors;

use crate::failure::Failure;

mod document;
mod example;
mod line;
mod places;
mod problem;
mod rehearsal;
mod sections;
mod variables;
mod vendors;

pub(crate) use example::EXAMPLE;
pub(crate) use places::Places;
pub(crate) use problem::Problem;
pub(crate) use rehearsal::{DEFAULT_LISTEN, Notice};
pub(crate) use variables::Variables;

/// The filter for log lines where nobody asked for another.
const DEFAULT_FILTER: &str = "warn";

/// Everything that the programs are told from outside.
#[derive(Debug)]
pub(crate) struct Settings {
    /// The folder that everything is kept in.
    pub(crate) state_folder: PathBuf,
    /// Where `auth.json` is, before links are resolved.
    pub(crate) store_path: PathBuf,
    /// Whether the store may lie on a network file system.
    pub(crate) allow_network_filesystem: bool,
    /// All vendors, with what the environment holds for them.
    pub(crate) vendors: Vendors,
    /// The names of the vendors that the file declares or changes.
    pub(crate) declared: Vec<String>,
    /// The filter for log lines.
    pub(crate) log_filter: String,
    /// Where a configuration file is looked for.
    pub(crate) config_path: PathBuf,
    /// Whether there is one.
    pub(crate) config_exists: bool,
    /// The name of the person at the terminal, as far as the system says.
    pub(crate) user: Option<String>,
    /// Whether the person wants no colours.
    pub(crate) no_colour: bool,
}

/// Settings, and what was wrong where they came from. What is wrong was left out of them.
#[derive(Debug)]
pub(crate) struct Loaded {
    /// What holds.
    pub(crate) settings: Settings,
    /// What is wrong, in the order of the file.
    pub(crate) problems: Vec<Problem>,
}

/// Reads environment and file. `explicit` is a path from the command line, which must exist.
///
/// Errors: there is no place for the state, or the file can't be read at all.
pub(crate) fn load(explicit: Option<&Path>) -> Result<Loaded, Failure> {
    load_from(&Variables::of_this_process(), explicit)
}

/// As [`load`], and anything wrong is an error.
pub(crate) fn load_sound(explicit: Option<&Path>) -> Result<Settings, Failure> {
    let Loaded { settings, problems } = load(explicit)?;
    if problems.is_empty() {
        return Ok(settings);
    }
    let lines: Vec<String> = problems.iter().map(Problem::to_string).collect();
    Err(Failure::words(format!(
        "the configuration has problems:\n  {}",
        lines.join("\n  ")
    ))
    .hint("`agent-host config check` tells when all is well"))
}

fn load_from(variables: &Variables, explicit: Option<&Path>) -> Result<Loaded, Failure> {
    let places = Places::of(variables, explicit)?;
    let mut problems = Vec::new();
    let text = places.read_config(&mut problems)?;
    let document = match &text {
        Some(text) => document::read(&places.config, text, &mut problems),
        None => document::Document::default(),
    };
    let base = rehearsal::base(variables, &document, &places, &mut problems);
    let mut vendors = Vendors::builtin(Some(&base));
    let declared = vendors::declare(&mut vendors, document.vendors, &mut problems);
    vendors::fill(&mut vendors, variables);
    let log_filter = log_filter(variables, document.log.filter, &mut problems);
    let store_path = document.credentials.path.map_or_else(
        || places.state.join("auth.json"),
        |path| places.beside_config(&path),
    );
    problems.sort_by_key(Problem::line);
    Ok(Loaded {
        settings: Settings {
            store_path,
            state_folder: places.state,
            allow_network_filesystem: document.credentials.allow_network_filesystem.unwrap_or(false),
            vendors,
            declared,
            log_filter,
            config_path: places.config,
            config_exists: text.is_some(),
            user: variables.text("USER").or_else(|| variables.text("LOGNAME")),
            no_colour: variables.text("NO_COLOR").is_some(),
        },
        problems,
    })
}

/// The variable comes before the file. (A filter from the file was checked with its line.)
fn log_filter(variables: &Variables, from_file: Option<String>, problems: &mut Vec<Problem>) -> String {
    let from_file = from_file.unwrap_or_else(|| DEFAULT_FILTER.to_owned());
    let Some(asked) = variables.text("AGENT_HOST_LOG") else {
        return from_file;
    };
    match crate::log::problem(&asked) {
        None => asked,
        Some(what) => {
            problems
                .push(Problem::of_variable("AGENT_HOST_LOG", what).hint("as in `info,credentials=debug`"));
            from_file
        }
    }
}

#[cfg(test)]
mod tests;
