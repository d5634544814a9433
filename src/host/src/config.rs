//! The configuration: the only part of the programs that reads the environment and the configuration file.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use conversation::Dispatch;
use credentials::Vendors;
use supervisor::{Agent, Limits};

use crate::failure::Failure;
use crate::output;

mod agents;
mod ca_file;
mod cage;
mod discord;
mod document;
mod example;
mod expected;
mod keys;
mod line;
mod places;
mod problem;
mod rehearsal;
mod secrets;
mod sections;
mod variables;
mod vendors;
mod web;

pub(crate) use agents::{NATIVE, Shared, account};
pub(crate) use discord::{DEFAULT_VARIABLE, Source, id_of};
pub(crate) use example::EXAMPLE;
pub(crate) use places::Places;
pub(crate) use problem::Problem;
pub(crate) use rehearsal::{DEFAULT_LISTEN, Notice};
pub(crate) use variables::Variables;
pub(crate) use web::WebSettings;

/// The filter for log lines where nobody asked for another.
const DEFAULT_FILTER: &str = "warn";

/// Everything that the programs are told from outside.
#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "they have nothing to do with each other"
)]
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
    /// The agents that threads can be served by.
    pub(crate) agents: BTreeMap<String, Agent>,
    /// The names of the agents that the file declares.
    pub(crate) declared_agents: Vec<String>,
    /// The agent of new threads.
    pub(crate) default_agent: String,
    /// The same, as the file means it: also where it is left out of the agents, since its table has a problem.
    pub(crate) meant_agent: String,
    /// Mode of new threads.
    pub(crate) dispatch: Dispatch,
    /// Where workspaces are made.
    pub(crate) workspaces: PathBuf,
    /// Limits of threads and workers.
    pub(crate) limits: Limits,
    /// After the signal to stop, running turns may go on for so long.
    pub(crate) drain: Duration,
    /// Layers of the cage that this host does without.
    pub(crate) without_layers: Vec<::cage::Layer>,
    /// Folders besides the system's that commands may read; absolute, without links.
    pub(crate) readable: Vec<PathBuf>,
    /// Model calls in one turn.
    pub(crate) model_calls: NonZeroU32,
    /// Processes and threads that one command may have at once.
    pub(crate) processes: NonZeroU32,
    /// The web chat.
    pub(crate) web: WebSettings,
    /// Discord, if there is a token for it.
    pub(crate) discord: Option<chat::discord::config::Config>,
    /// Where Discord is, also where there is no token for it.
    pub(crate) discord_server: chat::discord::config::Server,
    /// The folder of secrets that a service manager gives to this service alone.
    pub(crate) service_credentials: Option<PathBuf>,
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
    /// Whether these are the settings of the demo.
    pub(crate) is_demo: bool,
}

/// Settings, and what was wrong where they came from. What is wrong was left out of them.
#[derive(Debug)]
pub(crate) struct Loaded {
    /// What holds.
    pub(crate) settings: Settings,
    /// What is wrong, in the order of the file.
    pub(crate) problems: Vec<Problem>,
    /// What works, and hardly as it is meant, in the same order. It is in nobody's way.
    pub(crate) warnings: Vec<Problem>,
}

/// Reads environment and file. `explicit` is a path from the command line, which must exist.
///
/// Errors: there is no place for the state, or the file can't be read at all.
pub(crate) fn load(explicit: Option<&Path>) -> Result<Loaded, Failure> {
    let variables = Variables::of_this_process();
    let loaded = load_from(&variables, explicit)?;
    let settings = &loaded.settings;
    let is_own = variables.path(places::HOME_VARIABLE).is_some();
    crate::shell::point(
        is_own.then_some(&settings.state_folder),
        explicit.map(|_| settings.config_path.as_path()),
    );
    Ok(loaded)
}

/// As [`load`], and anything wrong is an error, but for what only who starts a host must have.
pub(crate) fn load_sound(explicit: Option<&Path>) -> Result<Settings, Failure> {
    let mut loaded = load(explicit)?;
    loaded.problems.retain(Problem::concerns_all);
    loaded.sound()
}

/// As [`load`], for who looks at a host or stops something in it: where its state is no file says, so what is wrong in
/// the file is only told.
pub(crate) fn load_to_look(explicit: Option<&Path>) -> Result<Settings, Failure> {
    let Loaded {
        settings,
        mut problems,
        ..
    } = load(explicit)?;
    problems.retain(Problem::concerns_all);
    if !problems.is_empty() {
        output::say(&format!(
            "warning: the configuration has {}, and a host would not start with it: `agent-host config check`",
            output::count(problems.len() as u64, "problem")
        ));
    }
    Ok(settings)
}

/// As [`load`], and anything wrong is an error; what is hardly as it is meant is told.
pub(crate) fn load_for_a_host(explicit: Option<&Path>) -> Result<Settings, Failure> {
    let loaded = load(explicit)?;
    for warning in &loaded.warnings {
        output::say(&format!("warning: {warning}"));
    }
    loaded.sound()
}

impl Loaded {
    fn sound(self) -> Result<Settings, Failure> {
        let Self {
            settings, problems, ..
        } = self;
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
}

fn load_from(variables: &Variables, explicit: Option<&Path>) -> Result<Loaded, Failure> {
    let places = Places::of(variables, explicit)?;
    let (mut problems, mut warnings) = (Vec::new(), Vec::new());
    let text = places.read_config(&mut problems)?;
    let mut document = match &text {
        Some(text) => document::read(&places.config, text, &mut problems),
        None => document::Document::default(),
    };
    let base = rehearsal::base(variables, &document, &places, &mut problems);
    let mut vendors = Vendors::builtin(Some(&base));
    warnings.extend(secrets::absent(&document.vendors, variables));
    let declared = vendors::declare(&mut vendors, document.vendors, &mut problems);
    vendors::fill(&mut vendors, variables);
    let log_filter = log_filter(variables, document.log.filter, &mut problems);
    let store_path = places.asked_or_usual(document.credentials.path, "auth.json");
    let allow_network_filesystem = document.credentials.allow_network_filesystem.unwrap_or(false);
    let workspaces = places.asked_or_usual(document.threads.workspaces, "workspaces");
    let of_channels = discord::workspaces(document.discord.as_ref(), &places);
    let hidden = cage::Hidden::of(&places, &store_path, &workspaces, &of_channels);
    let without_layers = document.cage.without.unwrap_or_default();
    let asked = document.cage.readable.unwrap_or_default();
    let readable = cage::readable(asked, document.places.get("cage"), &hidden, &mut problems);
    let model_calls = document.limits.model_calls.unwrap_or(contract::MODEL_CALLS);
    let processes = document.limits.processes.as_ref();
    let processes = processes.map_or(contract::PROCESSES, |asked| asked.0);
    let declared_agents: Vec<String> = document.agents.iter().map(|agent| agent.name.clone()).collect();
    let is_decided = document.default_agent.is_some();
    warnings.extend(secrets::written(&document.agents));
    warnings.extend(agents::hardly_meant(is_decided, &document.agents));
    agents::find_files(&mut document.agents, &places);
    let agents = agents::build(
        document.agents,
        &Shared {
            vendors: &vendors,
            store: store_path.clone(),
            allow_network_filesystem,
            without_layers: without_layers.clone(),
            readable: readable.clone(),
            model_calls,
            processes,
        },
        variables,
        &mut problems,
    );
    let (default_agent, meant_agent) =
        agents::default_agent(document.default_agent, &agents, &declared_agents, &mut problems);
    // The built-in agent is always there, also where nobody means it.
    let is_meant = |name: &String| *name == meant_agent || declared_agents.contains(name);
    let meant = agents.iter().filter(|(name, _)| is_meant(name));
    problems.extend(keys::check(meant.map(|(_, agent)| agent), &vendors, variables));
    let web = web::settings(
        document.web,
        document.places.get("web"),
        &places,
        variables,
        &mut problems,
    );
    let discord_server = discord::server(document.discord.as_ref(), &places);
    let discord = discord::settings(
        document.discord,
        &agents,
        &places,
        &hidden,
        variables,
        &mut problems,
        &mut warnings,
    );
    problems.sort_by_key(Problem::line);
    warnings.sort_by_key(Problem::line);
    Ok(Loaded {
        settings: Settings {
            store_path,
            agents,
            declared_agents,
            default_agent,
            meant_agent,
            dispatch: document.threads.dispatch.unwrap_or_default(),
            workspaces,
            limits: limits(&document.limits),
            drain: document.limits.drain.map_or(crate::serve::DRAIN, |span| span.0),
            without_layers,
            readable,
            model_calls,
            processes,
            web,
            discord,
            discord_server,
            state_folder: places.state,
            allow_network_filesystem,
            vendors,
            declared,
            service_credentials: variables.credentials(),
            log_filter,
            config_path: places.config,
            config_exists: text.is_some(),
            user: variables.text("USER").or_else(|| variables.text("LOGNAME")),
            no_colour: variables.text("NO_COLOR").is_some(),
            is_demo: false,
        },
        problems,
        warnings,
    })
}

fn limits(section: &sections::LimitsSection) -> Limits {
    let defaults = Limits::default();
    let span = |asked: Option<sections::Span>, default| asked.map_or(default, |span| span.0);
    let count =
        |asked: Option<std::num::NonZeroUsize>, default| asked.map_or(default, std::num::NonZeroUsize::get);
    Limits {
        workers: count(section.workers, defaults.workers),
        starting: count(section.starting, defaults.starting),
        starts_per_second: section
            .starts_per_second
            .map_or(defaults.starts_per_second, std::num::NonZeroU32::get),
        queued: count(section.queued, defaults.queued),
        idle: span(section.idle, defaults.idle),
        start: span(section.start, defaults.start),
        silence: span(section.silence, defaults.silence),
        permission: span(section.permission, defaults.permission),
        login: span(section.login, defaults.login),
        ..defaults
    }
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
