//! The command line: every verb with what it takes, and help that teaches by example.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

mod auth;

pub(crate) use auth::{Auth, Begin, Complete, GrantChoice, Login, OwnerChoice, TokenRequest};

const ABOUT: &str = "Lets a team talk to AI agents, and keeps everybody's logins";

const LONG_ABOUT: &str = "\
Lets a team talk to AI agents, and keeps everybody's logins: one store that any number of processes share, \
without ever spending a refresh token twice.

Try it without an account:
  agent-host demo                           the whole story in a few seconds, on this machine only

Sign in, and use the token:
  agent-host auth login codex               open the link, come back
  agent-host auth token codex | your-program

When something is wrong:
  agent-host doctor                         what is wrong, where, and what to do next

State is kept in $AGENT_HOST_HOME, else $XDG_STATE_HOME/agent-host (~/.local/state/agent-host).
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

/// The verbs.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Sign in, sign out, and get tokens
    #[command(subcommand, long_about = auth::LONG_ABOUT)]
    Auth(Auth),
    /// Say what is wrong, where, and what to do next
    #[command(long_about = DOCTOR)]
    Doctor(Doctor),
    /// Check the configuration, or print one to start from
    #[command(subcommand, long_about = CONFIG)]
    Config(ConfigVerb),
    /// Run an authorization server on loopback that needs no account
    #[command(long_about = REHEARSAL)]
    Rehearsal(Rehearsal),
    /// Show how many processes share one login: no account, no network
    #[command(long_about = DEMO)]
    Demo(Demo),
    /// Try to lock a file, for `doctor`, which runs it as a second process
    #[command(hide = true)]
    ProbeLock {
        /// The file.
        path: PathBuf,
    },
}

const DOCTOR: &str = "\
Says what is wrong, where, and what to do next. Nothing is changed, unless --probe is given.

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
  agent-host config check                   every fault at once, with its line";

/// `config`.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigVerb {
    /// Tell every fault with its line, or what is configured
    Check,
    /// Print a commented configuration
    Example,
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
    #[arg(long, value_name = "ADDRESS", default_value_t = crate::config::DEFAULT_LISTEN)]
    pub(crate) listen: SocketAddr,
    /// How long an access token lives
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    pub(crate) access_ttl: u64,
    /// Make access tokens JWTs
    #[arg(long)]
    pub(crate) jwt: bool,
}

const DEMO: &str = "\
Shows how many processes share one login: no account, no network. It starts the rehearsal server, signs in, waits \
until the access token is over, starts many processes that all want one at the same moment, and counts.

  agent-host demo
  agent-host demo --processes 200

Exit code 1 if they did not all get the same token from one refresh. Nothing is kept.";

/// `demo`.
#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// How many processes ask at once
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) processes: u16,
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
                // The two words of `config` are taught by `config` itself.
                if !long.contains("agent-host ") && !path.contains(" config ") {
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
}
