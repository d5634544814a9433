//! The command line of `auth`.

use clap::{Args, Subcommand, ValueEnum};
use credentials::{Service, UserId};

pub(super) const LONG_ABOUT: &str = "\
Sign in, sign out, and get tokens. A TENANT is what a login is for: codex, openai, anthropic, rehearsal, or a vendor \
from the configuration. It belongs to the host, or with --user to that user alone.

In one terminal:
  agent-host auth login codex

In two steps, where the browser is elsewhere:
  agent-host auth begin codex --user alice          prints the link; without --user for the host
  agent-host auth complete codex --user alice       takes what the page shows, from standard input

Then:
  agent-host auth token codex                       a valid access token, renewed when needed
  agent-host auth list";

/// `auth`.
#[derive(Debug, Subcommand)]
pub(crate) enum Auth {
    /// First step of a sign-in: print the link, or the code to type
    #[command(long_about = BEGIN)]
    Begin(Begin),
    /// Second step: take the code, or wait until it was typed in
    #[command(long_about = COMPLETE)]
    Complete(Complete),
    /// Both steps: wait for the browser, or for what you paste
    #[command(long_about = LOGIN)]
    Login(Login),
    /// Print a valid access token
    #[command(long_about = TOKEN)]
    Token(TokenRequest),
    /// Show all logins and how they stand
    #[command(long_about = LIST)]
    List {
        /// Print one line of JSON
        #[arg(long)]
        json: bool,
    },
    /// Remove a login, and give it back to the vendor
    #[command(long_about = LOGOUT)]
    Logout {
        /// What the login is for
        #[arg(value_parser = Service::parse)]
        tenant: Service,
        /// The login of this user alone; without it, the host's
        #[arg(long, value_parser = UserId::parse)]
        user: Option<UserId>,
    },
    /// Move an unreadable store aside, and narrow what others may read
    #[command(long_about = REPAIR)]
    Repair,
}

impl Auth {
    /// Whether its answer is for machines.
    pub(super) fn wants_json(&self) -> bool {
        match self {
            Self::Begin(asked) => asked.json,
            Self::Complete(asked) => asked.json,
            Self::Login(asked) => asked.json,
            Self::Token(asked) => asked.json,
            Self::List { json } => *json,
            Self::Logout { .. } | Self::Repair => false,
        }
    }
}

/// Whose login it will be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum OwnerChoice {
    /// Everybody's who may use this host.
    Host,
    /// The user's alone.
    User,
}

/// Who signs in, and for whom.
#[derive(Debug, Args)]
pub(crate) struct Signer {
    /// Who signs in; only they can complete it [default: your name on this machine]
    #[arg(long, value_parser = UserId::parse)]
    pub(crate) user: Option<UserId>,
    /// Whose login it will be [default: the user's with --user, else the host's]
    #[arg(long, value_enum)]
    owner: Option<OwnerChoice>,
}

impl Signer {
    /// Whose login it will be: that of a user who was named is theirs alone.
    pub(crate) fn owner(&self) -> OwnerChoice {
        self.owner.unwrap_or(match self.user {
            Some(_) => OwnerChoice::User,
            None => OwnerChoice::Host,
        })
    }
}

/// A way to sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum GrantChoice {
    /// A link, then a code.
    Pkce,
    /// A code that is typed into a page.
    Device,
    /// A key that is pasted.
    ApiKey,
}

impl GrantChoice {
    /// The word for it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Pkce => "pkce",
            Self::Device => "device",
            Self::ApiKey => "api-key",
        }
    }
}

const BEGIN: &str = "\
First step of a sign-in. Prints the link (alone on standard output), or the page and the code to type there. \
It waits 15 minutes for the second step; beginning again replaces it.

  agent-host auth begin codex                               for the host
  agent-host auth begin codex --user alice --grant device   for alice alone
  agent-host auth begin openai --user discord:1234 --grant api-key
  agent-host auth begin codex --user alice --owner host     for the host; only alice can complete it

A USER is written discord:ID, web:ID or local:NAME; a bare name means local:NAME.";

/// `auth begin`.
#[derive(Debug, Args)]
pub(crate) struct Begin {
    /// What to sign in to
    #[arg(value_parser = Service::parse)]
    pub(crate) tenant: Service,
    #[command(flatten)]
    pub(crate) signer: Signer,
    /// The way to sign in [default: the vendor's first]
    #[arg(long, value_enum)]
    pub(crate) grant: Option<GrantChoice>,
    /// Print one line of JSON
    #[arg(long)]
    pub(crate) json: bool,
}

const COMPLETE: &str = "\
Second step of a sign-in. Takes the code, code#state, or the whole address that the browser ended on; for a key, \
the key. For a code that is typed into a page nothing is pasted: it waits until that is done.

  agent-host auth complete codex --user alice               asks, or reads a line of standard input
  xclip -o | agent-host auth complete codex --user alice -

Other users of this machine can see what stands on a command line, so standard input is the better way.";

/// `auth complete`.
#[derive(Debug, Args)]
pub(crate) struct Complete {
    /// What was begun
    #[arg(value_parser = Service::parse)]
    pub(crate) tenant: Service,
    /// Who began it [default: your name on this machine]
    #[arg(long, value_parser = UserId::parse)]
    pub(crate) user: Option<UserId>,
    /// Code, code#state, address or key; `-` or nothing reads a line of standard input
    pub(crate) pasted: Option<String>,
    /// Print one line of JSON
    #[arg(long)]
    pub(crate) json: bool,
}

const LOGIN: &str = "\
Both steps of a sign-in. Where the vendor sends the browser to this machine, it waits for it there; at the same time \
you may paste the code or the address. No browser is opened for you.

  agent-host auth login codex
  agent-host auth login codex --grant device
  agent-host auth login openai --user alice         alice's own, not the host's";

/// `auth login`.
#[derive(Debug, Args)]
pub(crate) struct Login {
    /// What to sign in to
    #[arg(value_parser = Service::parse)]
    pub(crate) tenant: Service,
    #[command(flatten)]
    pub(crate) signer: Signer,
    /// The way to sign in [default: the vendor's first]
    #[arg(long, value_enum)]
    pub(crate) grant: Option<GrantChoice>,
    /// Print one line of JSON when it is done
    #[arg(long)]
    pub(crate) json: bool,
}

const TOKEN: &str = "\
Prints a valid access token and nothing else. A stale one is refreshed first: once, however many processes ask.

  agent-host auth token codex
  agent-host auth token codex --user discord:1234           their own login first, then the host's
  printf %s \"$REFUSED\" | agent-host auth token codex --rejected-stdin
                                                            after a 401: anything but this one

Exit code 3: somebody must sign in. 4: try again.";

/// `auth token`.
#[derive(Debug, Args)]
pub(crate) struct TokenRequest {
    /// What the token is for
    #[arg(value_parser = Service::parse)]
    pub(crate) tenant: Service,
    /// For whom: their own login pays, else the host's
    #[arg(long, value_parser = UserId::parse)]
    pub(crate) user: Option<UserId>,
    /// Shortest life that is left, up to four fifths of a new token's
    #[arg(long, value_name = "SECONDS")]
    pub(crate) min_ttl: Option<u64>,
    /// Read from standard input the token that a server has just refused
    #[arg(long)]
    pub(crate) rejected_stdin: bool,
    /// A scope that it must have; may be given more than once
    #[arg(long = "scope", value_name = "SCOPE")]
    pub(crate) scopes: Vec<String>,
    /// Print one line of JSON
    #[arg(long)]
    pub(crate) json: bool,
}

const LIST: &str = "\
Shows all logins and how they stand: valid, expiring, expired, invalidated (sign in again), refused (the \
vendor refused the key when it was last used), uncertain (a refresh was interrupted) or unreadable. No part of a token is shown.

  agent-host auth list
  agent-host auth list --json | jq '.tenants[] | .tenant'";

const LOGOUT: &str = "\
Removes a login, and tells the vendor where that is possible.

  agent-host auth logout codex
  agent-host auth logout codex --user alice                 alice's own login, not the host's";

const REPAIR: &str = "\
Moves a store that can't be read aside (it is never overwritten or deleted), and narrows modes that let others read.

  agent-host auth repair";
