//! `agent-host-worker`: the small program that serves one thread. Nobody types it; `agent-host` starts it.

use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

const HELP: &str = "\
agent-host-worker: serves one thread. It is started by agent-host; there is nothing to type here.

usage: agent-host-worker [--help|--version]

Without arguments it speaks the Agent Client Protocol on standard input and output, until the input ends.
";

const NOT_FOR_PEOPLE: &str = "\
error: agent-host-worker is started by agent-host and takes no commands
hint: try `agent-host --help`
";

/// The exit code for a command line that means nothing.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    credentials::quiet_panics();
    // Before all else: a refresher never gets further than this.
    credentials::refresh_child_main();
    // While our files in /proc are still ours.
    cage::open_score();
    credentials::protect_memory();
    cage::Mark::remember_ours();
    // "Already installed" is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let asked: Vec<_> = std::env::args_os().skip(1).collect();
    match asked.as_slice() {
        [word] if word == "--version" || word == "-V" => {
            tell(concat!("agent-host-worker ", env!("CARGO_PKG_VERSION"), "\n"))
        }
        [word] if word == "--help" || word == "-h" => tell(HELP),
        [] if !io::stdin().is_terminal() => {
            log();
            native::worker_main()
        }
        _ => {
            // Nobody to tell that nobody can be told.
            let _ = io::stderr().write_all(NOT_FOR_PEOPLE.as_bytes());
            ExitCode::from(USAGE)
        }
    }
}

/// Standard error is the log; standard output belongs to the protocol. Fixed at warnings: libraries may write tokens
/// into what is below, and the supervisor has a log of its own. The protocol's library warns of every refusal that is an
/// answer of ours.
fn log() {
    let levels = Targets::new()
        .with_default(LevelFilter::WARN)
        .with_target("agent_client_protocol", LevelFilter::ERROR);
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(io::stderr)
        .with_ansi(false);
    // Only a second start in one process can fail.
    let _ = tracing_subscriber::registry()
        .with(lines.with_filter(levels))
        .try_init();
}

fn tell(text: &str) -> ExitCode {
    // A reader that has gone away wants no more.
    let _ = io::stdout().write_all(text.as_bytes());
    ExitCode::SUCCESS
}
