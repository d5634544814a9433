//! The command line: every verb with what it takes, and help that teaches by example.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

mod auth;
mod quick;
mod setup;
mod threads;

pub(crate) use setup::{Setup, SetupDiscord};
pub(crate) use threads::{Only, Status, Threads};

pub(crate) use auth::{Auth, Begin, Complete, GrantChoice, Login, OwnerChoice, TokenRequest};

const ABOUT: &str = "Lets a team talk to AI agents, and keeps everybody's logins";

const LONG_ABOUT: &str = "\
Lets a team talk to AI agents, and keeps everybody's logins: one store that any number of processes share, \
without ever spending a refresh token twice.

Try it without an account:
  agent-host demo                           a chat page with an agent in it, on this machine only

Run it:
  agent-host config example > config.toml   set `model` in it; the key is in OPENAI_API_KEY
  agent-host up --config config.toml        threads in the page, one worker process each
  agent-host status                         what runs, what waits, what needs attention

In Discord:
  agent-host setup discord                  a guide of five minutes that checks each step

Sign in, and use the token:
  agent-host auth login codex               open the link, come back
  agent-host auth token codex | your-program

When something is wrong:
  agent-host doctor                         what is wrong, where, and what to do next

State is kept in $AGENT_HOST_HOME, else $XDG_STATE_HOME/agent-host (~/.local/state/agent-host).
With --json a verb that fails prints a line of JSON, too: {\"ok\":false,\"errors\":[{\"what\":…,\"hint\":…}]}
Exit codes: 0 done · 1 failed or problems found · 2 usage · 3 login required · 4 try again";

const CONFIG_FILE: &str =
    "Configuration file [default: config.toml in $AGENT_HOST_HOME, else in $XDG_CONFIG_HOME/agent-host]";

/// The whole command line.
#[derive(Debug, Parser)]
#[command(name = "agent-host", version, about = ABOUT, long_about = LONG_ABOUT, max_term_width = 110)]
#[command(arg_required_else_help = true)]
pub(crate) struct Arguments {
    /// The configuration file, where it is not at its default place.
    #[arg(long, global = true, value_name = "FILE", help = CONFIG_FILE)]
    pub(crate) config: Option<PathBuf>,

    /// What to do.
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

impl Arguments {
    /// What was typed.
    ///
    /// # Errors
    /// What clap says of it; help and version come as such, too.
    pub(crate) fn typed() -> Result<Self, clap::Error> {
        match quick::auth_token(std::env::args_os()) {
            Some(arguments) => Ok(arguments),
            None => Self::try_parse(),
        }
    }
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Run the host with its configuration: chat page, threads, workers
    #[command(long_about = UP)]
    Up(Up),
    /// Try everything on this machine: no account, no network
    #[command(long_about = DEMO)]
    Demo(Demo),
    /// Say how everything stands, and what needs attention
    #[command(long_about = threads::STATUS)]
    Status(Status),
    /// List threads, read one, stop, reset or skip what is stuck, forbid what is always allowed
    #[command(subcommand, long_about = threads::THREADS)]
    Threads(Threads),
    /// Sign in, sign out, and get tokens
    #[command(subcommand, long_about = auth::LONG_ABOUT)]
    Auth(Auth),
    /// Say what is wrong, where, and what to do next
    #[command(long_about = DOCTOR)]
    Doctor(Doctor),
    /// Check the configuration, or print one to start from
    #[command(subcommand, long_about = CONFIG)]
    Config(ConfigVerb),
    /// Set up a chat service, step by step
    #[command(subcommand, long_about = setup::SETUP)]
    Setup(Setup),
    /// Run an authorization server on loopback that needs no account
    #[command(long_about = REHEARSAL)]
    Rehearsal(Rehearsal),
    /// Try to lock a file, for `doctor`, which runs it as a second process
    #[command(hide = true)]
    ProbeLock {
        /// The file.
        path: PathBuf,
    },
}

impl Verb {
    /// Whether its answer is for machines, also that it failed.
    pub(crate) fn wants_json(&self) -> bool {
        match self {
            Self::Status(asked) => asked.json,
            Self::Threads(asked) => asked.wants_json(),
            Self::Auth(asked) => asked.wants_json(),
            Self::Doctor(asked) => asked.json,
            Self::Config(ConfigVerb::Check(asked)) => asked.json,
            Self::Config(ConfigVerb::Example)
            | Self::Up(_)
            | Self::Demo(_)
            | Self::Setup(_)
            | Self::Rehearsal(_)
            | Self::ProbeLock { .. } => false,
        }
    }
}

const DOCTOR: &str = "\
Says what is wrong, where, and what to do next. Nothing is changed, unless --probe is given. Each external agent is \
started once, asked for a session in an empty folder, and ended. Where a token for Discord is configured, Discord is asked about the bot; it is not \
connected.

  agent-host doctor                         one line per check, hints below those that need you
  agent-host doctor --probe                 also refreshes stale logins, and compares clocks
  agent-host doctor --json | jq .ok         for machines

Exit code 1 when a check fails. No part of a token is ever shown.";

/// `doctor`.
#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// Print one line of JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Refresh stale logins and compare clocks with the vendors
    #[arg(long)]
    pub(crate) probe: bool,
}

const CONFIG: &str = "\
The configuration. No file is needed; everything has a default.

  agent-host config example > config.toml   a commented file to start from
  agent-host config check                   every fault at once, with its line
  agent-host config check --json | jq .errors";

const CHECK: &str = "\
Tells every fault of the configuration with its line: errors, with which no host starts, then warnings, for what works \
and is hardly meant so. Without errors it says what is configured. It looks at this machine alone; `agent-host doctor` \
also asks agents and Discord.

  agent-host config check
  agent-host config check --config new.toml && mv new.toml ~/.config/agent-host/config.toml
  agent-host config check --json | jq -r '.warnings[] | .what'

Exit code 1 when there is an error.";

const EXAMPLE: &str = "\
Prints a configuration in which everything that can be said is explained, and commented out.

  mkdir -p ~/.config/agent-host && agent-host config example > ~/.config/agent-host/config.toml";

/// `config`.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigVerb {
    /// Tell every fault with its line, or what is configured
    #[command(long_about = CHECK)]
    Check(CheckConfig),
    /// Print a commented configuration
    #[command(long_about = EXAMPLE)]
    Example,
}

/// `config check`.
#[derive(Debug, Args)]
pub(crate) struct CheckConfig {
    /// Print one line of JSON: `errors`, with which no host starts, and `warnings`
    #[arg(long)]
    pub(crate) json: bool,
}

const REHEARSAL: &str = "\
Runs an authorization server on loopback that needs no account, for trying things out and for tests. It is strict: \
it rotates refresh tokens, and revokes a login whose spent token comes back. Everything is in memory.

  agent-host rehearsal                      in one terminal; stop it with Ctrl-C
  agent-host auth login rehearsal           in another

Its addresses are printed as one line of JSON. With the default port, or the same state folder, the vendor \
`rehearsal` finds it by itself.";

/// `rehearsal`.
#[derive(Debug, Args)]
pub(crate) struct Rehearsal {
    /// Loopback address to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value_t = crate::config::DEFAULT_LISTEN, value_parser = address)]
    pub(crate) listen: SocketAddr,
    /// How long an access token lives
    #[arg(long, value_name = "SECONDS", default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) access_ttl: u64,
    /// Make access tokens JWTs
    #[arg(long)]
    pub(crate) jwt: bool,
}

const UP: &str = "\
Runs the host: the chat page, and one worker process for each thread. Stop it with Ctrl-C or SIGTERM: running turns \
may go on for two seconds, or what [limits] drain says (a second signal does not wait for them).

  agent-host config example > config.toml   a commented file to start from
  agent-host config check --config config.toml
  agent-host up --config config.toml        prints a link to the page that lets your browser in

In another terminal, `agent-host status` shows what runs, and prints a new link. One host per state folder.";

/// `up`.
#[derive(Debug, Args)]
pub(crate) struct Up {
    /// Address for the chat page, instead of the configuration's
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    pub(crate) listen: Option<SocketAddr>,
}

const DEMO: &str = "\
Runs everything on this machine, with no account and no network: the chat page, workers, and a rehearsal vendor and \
model that follow a small script. It prints a link; type `help` in the page to see what the model understands.

  agent-host demo                           the page on 127.0.0.1:7878
  agent-host demo --listen 127.0.0.1:0      on a free port
  agent-host demo --storm 32                no page: 32 processes want one token at once

State is kept in the folder `demo` of the state folder, so that a new start goes on where the last one ended. With \
--storm nothing is kept, and the exit code is 1 if they did not all get the same token from one refresh.";

/// `demo`.
#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Address for the chat page; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", value_parser = address, conflicts_with = "storm")]
    pub(crate) listen: Option<SocketAddr>,
    /// How long a sign-in's access token lives
    #[arg(long, value_name = "SECONDS", default_value_t = 300, conflicts_with = "storm")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) access_ttl: u64,
    /// Only show that so many processes share one refresh
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) storm: Option<u16>,
}

fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse()
        .map_err(|_| "must be an IP address and a port, such as 127.0.0.1:7878".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn every_verb_teaches_by_example() {
        fn look(command: &clap::Command, path: &str, silent: &mut Vec<String>) {
            for verb in command
                .get_subcommands()
                .filter(|verb| !verb.is_hide_set() && verb.get_name() != "help")
            {
                let path = format!("{path} {}", verb.get_name());
                let long = verb.get_long_about().map(ToString::to_string).unwrap_or_default();
                if !long.contains("agent-host ") {
                    silent.push(path.clone());
                }
                // Where the width is not known, help is wrapped at 100 columns, which would break a longer example.
                let examples = long.lines().filter(|line| line.starts_with(' '));
                for line in examples.filter(|line| line.chars().count() > 100) {
                    silent.push(format!("{path}: {line}"));
                }
                look(verb, &path, silent);
            }
        }
        let mut silent = Vec::new();
        look(&Arguments::command(), "agent-host", &mut silent);
        assert_eq!(silent, Vec::<String>::new());
    }

    #[test]
    fn every_verb_that_has_json_is_known_to_want_it() {
        fn look(command: &clap::Command, path: &str, found: &mut Vec<String>) {
            if command
                .get_arguments()
                .any(|argument| argument.get_id() == "json")
            {
                found.push(path.to_owned());
            }
            for verb in command.get_subcommands() {
                look(verb, &format!("{path} {}", verb.get_name()), found);
            }
        }
        let mut found = Vec::new();
        look(&Arguments::command(), "agent-host", &mut found);
        assert!(found.len() > 8, "{found:?}");
        for path in found {
            let needed = match path.rsplit_once(' ') {
                Some((_, "status" | "list" | "doctor" | "check")) => "",
                Some((_, "show" | "skip")) => " web:a",
                _ => " codex",
            };
            for (more, wanted) in [(" --json", true), ("", false)] {
                let line = format!("{path}{needed}{more}");
                let typed = Arguments::try_parse_from(line.split(' ')).expect(&line);
                assert_eq!(typed.verb.wants_json(), wanted, "{line}");
            }
        }
    }
}
