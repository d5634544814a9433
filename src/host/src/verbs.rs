//! From the command line to the verb, and from its end to the exit code.

use std::process::ExitCode;

use supervisor::{Agent, AgentKind};

use crate::arguments::{Arguments, ConfigVerb, Setup, Verb};
use crate::config::{self, EXAMPLE, Loaded, Settings};
use crate::failure::{Exit, Failure, Outcome};
use crate::{auth, demo, doctor, output, rehearsal_server, running, serve, setup, status, threads};

/// Runs what was typed.
pub(crate) fn run() -> ExitCode {
    let outcome = match Arguments::typed() {
        Ok(arguments) => verb(arguments),
        Err(error) => Ok(usage(&error)),
    };
    match outcome {
        Ok(exit) => exit.into(),
        Err(failure) => {
            output::failure(&failure);
            failure.exit.into()
        }
    }
}

fn verb(arguments: Arguments) -> Outcome {
    let explicit = arguments.config.as_deref();
    match arguments.verb {
        Verb::Auth(verb) => auth::run(verb, &config::load_sound(explicit)?),
        Verb::Doctor(asked) => {
            let Loaded { settings, problems } = config::load(explicit)?;
            let settings = running::or_demo(settings);
            doctor::run(&asked, &Loaded { settings, problems })
        }
        Verb::Config(ConfigVerb::Example) => {
            output::data(EXAMPLE.trim_end())?;
            Ok(Exit::Done)
        }
        Verb::Config(ConfigVerb::Check) => check(&config::load(explicit)?),
        Verb::Setup(Setup::Discord(asked)) => setup::run(&asked, config::load(explicit)?),
        Verb::Rehearsal(asked) => rehearsal_server::run(&asked, &config::load_sound(explicit)?),
        Verb::Demo(asked) => demo::run(&asked, config::load_sound(explicit)?),
        Verb::Up(asked) => serve::run(&asked, config::load_for_a_host(explicit)?),
        Verb::Status(asked) => status::run(&asked, &running::or_demo(config::load_to_look(explicit)?)),
        Verb::Threads(asked) => threads::run(asked, &running::or_demo(config::load_to_look(explicit)?)),
        Verb::ProbeLock { path } => doctor::probe_lock(&path),
    }
}

/// Help and version are data; a command line that means nothing is talk.
fn usage(error: &clap::Error) -> Exit {
    let text = error.render().to_string();
    let text = text.trim_end();
    // Without a verb the help is what is missing, but nothing was done.
    if error.use_stderr() {
        output::say(text);
        return Exit::Usage;
    }
    match output::data(text) {
        Ok(()) => Exit::Done,
        Err(failure) => {
            output::failure(&failure);
            Exit::Failed
        }
    }
}

/// Which channels want a model of an agent that is somebody else's: what it offers is known only once it runs.
fn tell_models_of_others(settings: &Settings) {
    for (id, channel) in settings.discord.iter().flat_map(|discord| &discord.channels) {
        let name = channel.agent.as_ref().unwrap_or(&settings.default_agent);
        let is_others = |agent: &Agent| matches!(agent.kind, AgentKind::External { .. });
        if let Some(model) = &channel.model
            && settings.agents.get(name).is_some_and(is_others)
        {
            output::say(&format!(
                "[discord.channels.{id}] wants the model `{model}` of `{name}`, which is no agent of this host's own: it is told so, \
                 and a thread says if it does not take it"
            ));
        }
    }
}

/// `config check`.
fn check(Loaded { settings, problems }: &Loaded) -> Outcome {
    if problems.is_empty() {
        let path = settings.config_path.display();
        if settings.config_exists {
            let own = |what: &str, names: &[String]| match names {
                [] => format!("no {what} of your own"),
                names => format!("{what} {}", names.join(", ")),
            };
            let (agents, vendors) = (
                own("agents", &settings.declared_agents),
                own("vendors", &settings.declared),
            );
            let discord = settings.discord.as_ref().map_or_else(String::new, |discord| {
                format!(", Discord with the token from {}", discord.token.source())
            });
            let lacks_a_model =
                |agent: &Agent| matches!(&agent.kind, AgentKind::Native(profile) if profile.model.is_none());
            if settings.agents.values().all(lacks_a_model) {
                output::say(
                    "no agent has a model yet: set `model` in its table, or let people choose one with /model",
                );
            }
            tell_models_of_others(settings);
            output::data(&format!(
                "`{path}` is fine: {agents}, {vendors}, store `{}`{discord}",
                settings.store_path.display()
            ))?;
        } else {
            output::data(&format!(
                "there is no `{path}`: the defaults hold, store `{}`",
                settings.store_path.display()
            ))?;
        }
        return Ok(Exit::Done);
    }
    for problem in problems {
        output::data(&problem.to_string())?;
    }
    let count = problems.len();
    Err(Failure::words(if count == 1 {
        "1 problem in the configuration".to_owned()
    } else {
        format!("{count} problems in the configuration")
    })
    .hint("`agent-host config example` prints a configuration that is right"))
}
