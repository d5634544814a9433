//! `rehearsal`: the rehearsal server as a program of its own, until a signal ends it.

use std::io;
use std::time::Duration;

use rehearsal::{Config, Server, StartError};

use crate::arguments::Rehearsal;
use crate::config::{Notice, Settings};
use crate::failure::{Exit, Failure, Outcome};
use crate::signals::Signals;
use crate::{assembly, log, output};

/// Serves until a signal ends it.
pub(crate) fn run(asked: &Rehearsal, settings: &Settings) -> Outcome {
    log::start(&settings.log_filter);
    assembly::run(serve(asked, settings))
}

async fn serve(asked: &Rehearsal, settings: &Settings) -> Outcome {
    // Before anybody is told that it runs: a signal that comes early is not lost.
    let mut signals = Signals::listen()?;
    let server = Server::start(Config {
        listen: asked.listen,
        access_ttl: Duration::from_secs(asked.access_ttl),
        jwt: asked.jwt,
        ..Config::default()
    })
    .await
    .map_err(start_failure)?;
    if let Err(error) = Notice::leave(&settings.state_folder, server.url()) {
        output::say(&format!(
            "could not note the address in `{}` ({error}); other commands need AGENT_HOST_REHEARSAL_URL={}",
            settings.state_folder.display(),
            server.url()
        ));
    }
    output::json(&server.endpoints())?;
    output::say(&format!(
        "the rehearsal server listens on {} and keeps everything in memory; stop it with Ctrl-C",
        server.url()
    ));
    output::say("try: `agent-host auth login rehearsal`");
    signals.next().await;
    Notice::take_back(&settings.state_folder);
    server.shutdown().await;
    output::say("the rehearsal server has stopped");
    Ok(Exit::Done)
}

/// Why it did not start, with the way out.
fn start_failure(error: StartError) -> Failure {
    match error {
        StartError::Bind { address, source } if source.kind() == io::ErrorKind::AddrInUse => Failure::words(
            format!("could not listen on {address}: port {} is in use", address.port()),
        )
        .hint("another `agent-host rehearsal` may run already; --listen 127.0.0.1:0 takes a free port"),
        StartError::NotLoopback(_) => Failure::from_start(error).exit(Exit::Usage),
        StartError::Bind { .. } => Failure::from_start(error),
    }
}

impl Failure {
    fn from_start(error: StartError) -> Self {
        Self::of(error.into()).hint("use an address of this machine alone, such as 127.0.0.1:0")
    }
}
