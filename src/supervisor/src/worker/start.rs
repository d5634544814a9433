//! A worker from its process to its session.

use std::sync::Arc;

use agent_client_protocol as acp;
use agent_client_protocol::v1::ConnectionTo;
use contract::frames::{self, FrameLimits};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::client::{OpenError, Opened};
use super::error::StartError;
use super::gate::Gate;
use super::handle::Handle;
use super::keeper::{Keeper, Step};
use super::log::Tail;
use super::{Event, Spec, Worker, client, spawn, words};
use crate::sweep::Reaper;

/// Starts a worker and opens its session, within `spec.limits.start`. Dropping the future ends what was started.
pub(crate) async fn start(
    spec: Spec,
    reaper: &Reaper,
    events: mpsc::Sender<Event>,
) -> Result<Worker, StartError> {
    let gate = Gate::new(events);
    let (connection, opened, process) = open(&spec, reaper, &gate).await?;
    let (pid, resumed) = (process.pid, opened.resumed);
    tracing::info!(thread = %spec.thread, pid, resumed, "a worker is ready");
    Ok(Worker {
        connection,
        opened,
        process,
        gate,
        prompts: watch::Sender::new(0),
        before: Arc::default(),
        is_cancelled: Arc::default(),
        is_native: spec.agent.is_native(),
        name: words::agent(&spec),
        patience: spec.limits.start,
    })
}

pub(super) async fn open(
    spec: &Spec,
    reaper: &Reaper,
    gate: &Arc<Gate>,
) -> Result<(ConnectionTo<acp::Agent>, Opened, Handle), StartError> {
    let deadline = Instant::now() + spec.limits.start;
    let (connection, process) = connect(spec, reaper, gate.clone()).await?;
    let opened = match connection {
        Some(connection) => client::open(&connection, spec, gate, deadline)
            .await
            .map(|opened| (connection, opened)),
        None => Err(OpenError::Closed(client::HELLO)),
    };
    match opened {
        Ok((connection, opened)) => Ok((connection, opened, process)),
        Err(error) => {
            gate.shut();
            Err(failed(error, process, spec).await)
        }
    }
}

/// Starts the process and the connection, and hands both to their keeper.
async fn connect(
    spec: &Spec,
    reaper: &Reaper,
    gate: Arc<Gate>,
) -> Result<(Option<ConnectionTo<acp::Agent>>, Handle), StartError> {
    let started = spawn::start(spec, reaper).await?;
    let (channel, frames) = frames::open(started.output, started.input, FrameLimits::default());
    let (connection, task) = client::connect(
        channel,
        frames.pace(),
        gate.clone(),
        client::account(spec),
        spec.thread.clone(),
    )
    .await;
    let tail = Tail::default();
    let (steps, ended) = (watch::Sender::new(Step::Run), watch::Sender::new(None));
    let process = Handle {
        pid: started.known.pid(),
        pace: frames.pace(),
        tail: tail.clone(),
        steps,
        ended: ended.subscribe(),
    };
    let keeper = Keeper {
        child: started.child,
        known: started.known,
        frames,
        connection: task,
        tail: tail.clone(),
        log: tokio::spawn(tail.fill(started.log)),
        gate,
        reaper: reaper.clone(),
        grace: spec.limits.grace,
        secrets: words::secrets(spec),
        steps: process.steps.subscribe(),
        ended,
        _life: started.life,
    };
    tokio::spawn(keeper.keep());
    Ok((connection, process))
}

/// Ends what could not be started, and says why it could not.
pub(super) async fn failed(error: OpenError, process: Handle, spec: &Spec) -> StartError {
    if !matches!(error, OpenError::Closed(_)) {
        process.steps.send_replace(Step::Kill);
    }
    // After the end of its output the keeper waits a moment for the exit, and that is the better message.
    let ended = process.ended().await;
    let violation = ended.as_ref().and_then(|ended| ended.violation.clone());
    let stderr = ended
        .as_ref()
        .map_or_else(String::new, |ended| ended.stderr.clone());
    match error {
        OpenError::Refused(error) => error,
        OpenError::Late(waiting_for) => StartError::Timeout {
            waiting_for,
            after: spec.limits.start,
            stderr,
        },
        OpenError::Closed(waiting_for) => match (violation, ended.and_then(|ended| ended.exit)) {
            (Some(violation), _) => StartError::Protocol {
                waiting_for,
                words: format!(
                    "{} broke the protocol: {violation}. Its command has to start a program that speaks the Agent Client \
                     Protocol",
                    words::agent(spec)
                ),
            },
            (None, exit) => StartError::Died {
                waiting_for,
                exit: exit.unwrap_or_else(|| "its exit is not known".into()),
                stderr,
            },
        },
    }
}
