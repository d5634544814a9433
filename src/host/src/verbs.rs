//! From the command line to the verb, and from its end to the exit code.

use std::process::ExitCode;

use crate::arguments::{Arguments, ConfigVerb, Setup, Verb};
use crate::config::{self, EXAMPLE};
use crate::failure::{Exit, Outcome};
use crate::{auth, check, demo, doctor, output, rehearsal_server, running, serve, setup, status, threads};

/// Runs what was typed.
pub(crate) fn run() -> ExitCode {
    let arguments = match Arguments::typed() {
        Ok(arguments) => arguments,
        Err(error) => return usage(&error).into(),
    };
    let is_for_machines = arguments.verb.wants_json();
    match verb(arguments) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            if is_for_machines {
                // Where it can't be written, standard error and the exit code still say it.
                let _ = output::json(&failure.told());
            }
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
            let mut loaded = config::load(explicit)?;
            loaded.settings = running::or_demo(loaded.settings);
            doctor::run(&asked, &loaded)
        }
        Verb::Config(ConfigVerb::Example) => {
            output::data(EXAMPLE.trim_end())?;
            Ok(Exit::Done)
        }
        Verb::Config(ConfigVerb::Check(asked)) => check::run(&asked, &config::load(explicit)?),
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
