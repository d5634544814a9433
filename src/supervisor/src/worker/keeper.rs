//! The one task that owns a worker's process: it sees its end, whoever brings it about, and leaves nothing of it behind.

use std::sync::Arc;
use std::time::Duration;

use agent_client_protocol::Error;
use contract::frames::{FrameError, Frames};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::process::Child;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout};

use super::gate::Gate;
use super::log::Tail;
use super::{Event, Gone, Life, words};
use crate::sweep::{Known, Reaper};

/// What the keeper is asked to do, each more than the one before. That nobody asks any more means the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    Run,
    CloseInput,
    Terminate,
    Kill,
}

/// How a worker ended, nothing of it living.
#[derive(Debug, Clone)]
pub(super) struct Ended {
    /// In words.
    pub(super) exit: Option<String>,
    /// What it did against the protocol, if it is that.
    pub(super) violation: Option<String>,
    pub(super) stderr: String,
}

/// Owns the process.
pub(super) struct Keeper {
    pub(super) child: Child,
    pub(super) known: Known,
    pub(super) frames: Frames,
    pub(super) connection: JoinHandle<Result<(), Error>>,
    pub(super) tail: Tail,
    pub(super) log: JoinHandle<()>,
    pub(super) gate: Arc<Gate>,
    pub(super) reaper: Reaper,
    pub(super) grace: Duration,
    /// What must not be seen of what the agent says.
    pub(super) secrets: Vec<String>,
    pub(super) steps: watch::Receiver<Step>,
    pub(super) ended: watch::Sender<Option<Ended>>,
    pub(super) _life: Life,
}

/// The last words are usually there before the process has ended.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// Its output has ended; what is left of it has to be received in this time.
const LAST_EVENTS: Duration = Duration::from_secs(30);

impl Keeper {
    /// Runs until nothing of the worker lives and its last event is sent.
    pub(super) async fn keep(mut self) {
        let (exit, reason) = self.wait().await;
        self.gate.set_over();
        self.known.has_ended();
        self.reaper.orphans_killed().await;
        if timeout(LAST_WORDS, &mut self.log).await.is_err() {
            // A refresh that was left alone may hold it open.
            self.log.abort();
        }
        let reason = match reason {
            Some(reason) => Some(reason),
            None => timeout(LAST_WORDS, self.frames.ended()).await.ok(),
        };
        let ended = Ended {
            exit,
            violation: self.gate.violation().map(str::to_owned).or_else(|| {
                Some(words::violation(
                    &reason.filter(FrameError::is_violation)?,
                    &self.secrets,
                ))
            }),
            stderr: self.tail.text(),
        };
        tracing::info!(pid = self.known.pid(), exit = ended.exit, "a worker ended");
        drop(self.known);
        self.ended.send_replace(Some(ended.clone()));
        let patience = if self.gate.is_open() {
            LAST_EVENTS
        } else {
            LAST_WORDS
        };
        if timeout(patience, &mut self.connection).await.is_err() {
            self.connection.abort();
        }
        if self.gate.had_session() {
            self.gate.send_last(Event::Gone(gone(ended))).await;
        }
    }

    /// Waits for the exit, and brings it about: when it is asked to, and when the connection is over.
    async fn wait(&mut self) -> (Option<String>, Option<FrameError>) {
        let mut step = Step::Run;
        let mut reason = None;
        let mut is_violated = false;
        let mut deadline = None;
        loop {
            let overdue = async {
                match deadline {
                    Some(deadline) => sleep_until(deadline).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                status = self.child.wait() => return (status.ok().map(words::exit), reason),
                changed = self.steps.changed(), if step < Step::Kill => {
                    step = changed.map_or(Step::Kill, |()| *self.steps.borrow_and_update());
                    self.take(step);
                }
                end = self.frames.ended(), if reason.is_none() => {
                    self.gate.set_over();
                    // Who owns it says so to people.
                    if end.is_violation() {
                        let reason = words::violation(&end, &self.secrets);
                        tracing::info!(pid = self.known.pid(), reason, "a worker broke the protocol");
                        self.take(Step::Kill);
                    } else {
                        // It is ending, one hopes.
                        deadline = Some(Instant::now() + self.grace);
                    }
                    reason = Some(end);
                }
                () = self.gate.violated(), if !is_violated => {
                    is_violated = true;
                    self.gate.set_over();
                    tracing::info!(pid = self.known.pid(), reason = self.gate.violation(), "a worker broke the protocol");
                    self.take(Step::Kill);
                }
                () = overdue => {
                    deadline = None;
                    self.take(Step::Kill);
                }
            }
        }
    }

    /// Its exit was not seen yet, so its id is its own.
    fn take(&mut self, step: Step) {
        let group = Pid::from_raw(self.known.pid());
        match step {
            Step::Run => {}
            Step::CloseInput => self.frames.close_output(),
            // Errors mean that there is nobody left to get it.
            Step::Terminate => drop(killpg(group, Signal::SIGTERM)),
            Step::Kill => {
                let _ = killpg(group, Signal::SIGKILL);
                let _ = self.child.start_kill();
            }
        }
    }
}

fn gone(ended: Ended) -> Gone {
    let reason = match (&ended.violation, &ended.exit) {
        (Some(violation), _) => format!("the agent broke the protocol: {violation}"),
        (None, Some(exit)) => format!("the agent's process ended ({exit})"),
        (None, None) => "the agent's process ended".into(),
    };
    Gone {
        exit: ended.exit,
        reason,
        stderr: ended.stderr,
        broke_protocol: ended.violation.is_some(),
    }
}
