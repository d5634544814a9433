//! `threads` and `status`.

use clap::{Args, Subcommand, ValueEnum};
use conversation::WaitingKind;
use serde::{Deserialize, Serialize};

pub(super) const STATUS: &str = "\
Says how everything stands: the host, its threads and workers, what waits, and what needs attention, the worst first.

  agent-host status                         for people, with a fresh link to the web chat
  agent-host status --json | jq .attention  for machines

Works on the state folder when no host runs. Exit code 1 when something needs attention.";

/// `status`.
#[derive(Debug, Args)]
pub(crate) struct Status {
    /// Print one line of JSON
    #[arg(long)]
    pub(crate) json: bool,
}

pub(super) const THREADS: &str = "\
Threads: what they say, and getting a stuck one going again.

  agent-host threads list                   every thread, the most recent first
  agent-host threads show web:abc           the story of one thread
  agent-host threads stop web:abc           ends its running turn; what is queued goes on
  agent-host threads reset web:abc          ends its worker, begins a new session
  agent-host threads forbid web:abc 12      takes back what `show` says is always allowed in it
  agent-host threads skip web:abc           takes the oldest of what waits in it out of the way:
                                            a queued turn, or a message that could not be delivered;
                                            and `status` tells no more that its last turn failed
  agent-host threads skip --max 20          the oldest 20 of all threads
  agent-host threads skip --all-failed      dismisses what failed or was cut, in all threads

`list`, `show`, `skip`, `reset` and `forbid` work on the state folder when no host runs. No credential is needed.";

/// `threads`.
#[derive(Debug, Subcommand)]
pub(crate) enum Threads {
    /// List threads, the most recent first
    #[command(
        long_about = "Lists threads, the most recent first, with the number of turns that wait and of messages that could not be delivered.\n\n  agent-host threads list --max 20\n  agent-host threads list --json | jq ."
    )]
    List {
        /// At most so many; 0 for all
        #[arg(long, value_name = "N", default_value_t = 50)]
        max: usize,
        /// Print JSON, one line per thread
        #[arg(long)]
        json: bool,
    },
    /// Tell the story of one thread
    #[command(
        long_about = "Tells the story of one thread, its newest entries last, then what is always allowed in it, and what waits in it: queued turns, and messages that could not be delivered.\n\n  agent-host threads show web:abc\n  agent-host threads show web:abc --max 1000 --json | jq ."
    )]
    Show {
        /// The thread, such as web:abc or discord:123456789012345678
        thread: conversation::ThreadId,
        /// The newest so many entries; 0 for all
        #[arg(long, value_name = "N", default_value_t = 100)]
        max: usize,
        /// Print JSON, one line per entry
        #[arg(long)]
        json: bool,
    },
    /// End a thread's running turn
    #[command(
        long_about = "Ends a thread's running turn; what is queued goes on. Needs the running host.\n\n  agent-host threads stop web:abc"
    )]
    Stop {
        /// The thread
        thread: conversation::ThreadId,
    },
    /// Begin a new session in a thread
    #[command(
        long_about = "Ends a thread's worker, drops what is queued and begins a new session. Its timeline and files stay.\n\n  agent-host threads reset web:abc"
    )]
    Reset {
        /// The thread
        thread: conversation::ThreadId,
    },
    /// Take back what is always allowed in a thread
    #[command(
        override_usage = "agent-host threads forbid <THREAD> <N>\n       agent-host threads forbid <THREAD> --all",
        long_about = "Takes back what is always allowed in a thread, one by the number that `show` tells, or all. The next such call asks again, also in a turn that runs; the thread is told. What somebody else's agent remembers itself ends with a reset, if it keeps it in its session, and can't be taken back here.\n\n  agent-host threads forbid web:abc 12\n  agent-host threads forbid web:abc --all"
    )]
    Forbid {
        /// The thread
        thread: conversation::ThreadId,
        /// Its number
        #[arg(value_name = "N", required_unless_present = "all", conflicts_with = "all")]
        number: Option<i64>,
        /// All
        #[arg(long)]
        all: bool,
    },
    /// Take queued turns, and messages that could not be delivered, out of the way
    #[command(
        long_about = "Takes the oldest of what waits out of the way: turns that are queued, messages that could not be delivered. Where a thread is named, its last turn, if that failed or was cut, is dismissed too: `status` no longer tells of it (not with --only deliveries). --all-failed dismisses such last turns of all threads, and takes nothing else out of the way. Says how many, what is left, and whether that goes away by itself.\n\n  agent-host threads skip web:abc\n  agent-host threads skip web:abc --only deliveries --max 100\n  agent-host threads skip --max 20 --json\n  agent-host threads skip --all-failed"
    )]
    Skip {
        /// The thread; with --max it may be left out: the oldest of all threads
        #[arg(required_unless_present_any = ["max", "all_failed"])]
        thread: Option<conversation::ThreadId>,
        /// At most so many [default: 1]
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
        max: Option<u32>,
        /// Dismiss the last turns that failed or were cut, of all threads
        #[arg(long, conflicts_with_all = ["thread", "max", "only"])]
        all_failed: bool,
        /// Only queued turns, or only messages that could not be delivered
        #[arg(long, value_enum)]
        only: Option<Only>,
        /// Print one line of JSON
        #[arg(long)]
        json: bool,
    },
}

impl Threads {
    /// Whether its answer is for machines.
    pub(super) fn wants_json(&self) -> bool {
        match self {
            Self::List { json, .. } | Self::Show { json, .. } | Self::Skip { json, .. } => *json,
            Self::Stop { .. } | Self::Reset { .. } | Self::Forbid { .. } => false,
        }
    }
}

/// A part of what waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Only {
    /// Queued turns
    Turns,
    /// Messages that could not be delivered
    Deliveries,
}

impl From<Only> for WaitingKind {
    fn from(only: Only) -> Self {
        match only {
            Only::Turns => Self::Turns,
            Only::Deliveries => Self::Deliveries,
        }
    }
}
