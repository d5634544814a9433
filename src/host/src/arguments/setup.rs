//! `setup`: what may be said beforehand, so that it is not asked.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::setup::Said;

pub(super) const SETUP: &str = "\
Sets up a chat service, step by step.

  agent-host setup discord                  asks, checks each step, and writes the configuration";

const DISCORD: &str = "\
Sets up Discord in five minutes: where to click, the invitation with the permissions that are needed, each step checked \
while you do it. At its end it writes `[discord]` into the configuration; what else stands there, comments too, stays. \
Nothing is written before you say so, and Ctrl-C leaves everything as it was.

  agent-host setup discord                  asks for everything
  agent-host setup discord --token-file ~/bot-token
  agent-host setup discord --yes --token-env DISCORD_TOKEN --channel general --user ann
                                            asks for nothing, as in a script

A name is looked up where the bot is, and one that may mean several is never guessed: with --yes nothing is written then.
The token is never written into the configuration, shown, or taken from the command line: say where it is.
With --yes the exit code is 1 when something is left to do, such as a permission; it says what, and may be run again.";

/// `setup`.
#[derive(Debug, Subcommand)]
pub(crate) enum Setup {
    /// Guide through setting up a Discord bot, and write the configuration
    #[command(long_about = DISCORD)]
    Discord(SetupDiscord),
}

/// `setup discord`.
#[derive(Debug, Args)]
pub(crate) struct SetupDiscord {
    /// Ask nothing: what is not said keeps its value, or gets the default
    #[arg(long)]
    pub(crate) yes: bool,
    /// The name of the variable that the token is in
    #[arg(long, value_name = "NAME", group = "source")]
    pub(crate) token_env: Option<String>,
    /// The file whose first line is the token
    #[arg(long, value_name = "FILE", group = "source")]
    pub(crate) token_file: Option<PathBuf>,
    /// The program that prints the token, with its arguments: "pass show discord-bot"
    #[arg(long, value_name = "COMMAND", group = "source")]
    pub(crate) token_command: Option<String>,
    /// A channel that the bot speaks in, by its name or id; may be said several times
    #[arg(long = "channel", value_name = "CHANNEL", value_parser = said)]
    pub(crate) channels: Vec<Said>,
    /// A user who may speak to it besides the application's owner, by name or id; may be said several times
    #[arg(long = "user", value_name = "USER", value_parser = said)]
    pub(crate) users: Vec<Said>,
    /// A role whose members may speak to it, by its name or id; may be said several times
    #[arg(long = "role", value_name = "ROLE", value_parser = said)]
    pub(crate) roles: Vec<Said>,
}

fn said(text: &str) -> Result<Said, String> {
    Said::of(text).ok_or_else(|| "must be a name, or an id such as 123456789012345678".to_owned())
}
