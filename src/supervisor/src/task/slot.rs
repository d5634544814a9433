//! The worker's place in a thread's task: none, one that is waited for, one that lives, one that ends.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::time::Instant;
use tracing::{debug, info, warn};

use super::workspace::Workspace;
use super::{Next, Task, never};
use crate::ending::sentence;
use crate::places::Place;
use crate::process::{Events, Process, Waited};
use crate::restart::{self, Hope, Verdict};
use crate::state::{self, Step};
use crate::status::WorkerState;
use crate::worker::{Life, Spec, StartError};
use conversation::{NoteKind, Permissions, ThreadChange, TurnEnd};
use credentials::Timestamp;

/// The worker's place.
pub(super) enum Slot {
    Empty,
    /// All places are taken.
    Queueing(Waited<Place>),
    Starting(Starting),
    Alive(Box<Alive>),
    Ending(Waited<()>),
}

/// A worker that is being started.
pub(super) struct Starting {
    launched: Waited<Launched>,
    /// Closed when nothing of it lives.
    life: mpsc::Receiver<()>,
}

/// How a start ended.
pub(super) struct Launched {
    place: Place,
    /// The workspace, if there is one.
    workspace: Option<Workspace>,
    permissions: Option<Permissions>,
    result: Result<(Process, Events), StartError>,
}

/// A worker that has a session.
pub(super) struct Alive {
    pub(super) process: Process,
    pub(super) place: Place,
    /// As it was told at its start.
    permissions: Option<Permissions>,
    events: Events,
    born: Instant,
    idle: Option<Instant>,
    /// What it said since it was last asked something.
    unasked: u32,
}

/// An agent may say so much while nobody has asked it anything; above it, it is a flood.
const MOST_UNASKED: u32 = 1000;

impl Slot {
    /// What happens next to the worker. Cancel safe.
    pub(super) async fn next(&mut self) -> Next {
        match self {
            Self::Empty => never().await,
            Self::Queueing(place) => Next::Placed(place.await),
            Self::Starting(starting) => Next::Launched(Box::new((&mut starting.launched).await)),
            Self::Alive(alive) => Next::Told(alive.events.next().await),
            Self::Ending(ended) => {
                ended.await;
                Next::Ended
            }
        }
    }
}

impl Alive {
    /// An event that is there already.
    pub(super) fn ready(&mut self) -> Option<crate::process::Event> {
        self.events.ready()
    }

    /// How long it lives.
    pub(super) fn age(&self) -> std::time::Duration {
        self.born.elapsed()
    }

    /// Since when it is idle.
    pub(super) fn idle(&self) -> Option<Instant> {
        self.idle
    }

    /// It has something to do.
    pub(super) fn wake(&mut self) {
        self.idle = None;
        self.place.busy();
    }
}

impl Task {
    /// Takes a step of the worker's states.
    pub(super) fn step(&mut self, step: Step) {
        if let Some(state) = state::after(self.state, step) {
            self.state = state;
        } else {
            warn!(state = ?self.state, ?step, "a step that a worker can't take");
        }
    }

    /// A worker is wanted, and may be started.
    pub(super) fn want_worker(&mut self) {
        self.step(Step::Wanted);
        match self.shared.places.try_take() {
            Some(place) => self.launch(place),
            None => self.slot = Slot::Queueing(Box::pin(Arc::clone(&self.shared.places).take())),
        }
    }

    /// Starts a worker in a place.
    pub(super) fn launch(&mut self, place: Place) {
        let config = &self.shared.config;
        let (lives, life) = mpsc::channel(1);
        let Some(agent) = config.agents.get(&self.thread.agent).cloned() else {
            let error = StartError::NotFound {
                program: self.thread.agent.clone(),
                cause: "the configuration has no agent of that name".to_owned(),
            };
            let launched = Launched {
                place,
                workspace: None,
                permissions: None,
                result: Err(error),
            };
            let launched = Box::pin(async { launched });
            self.slot = Slot::Starting(Starting { launched, life });
            return;
        };
        let spec = Spec {
            thread: self.thread.id.clone(),
            agent,
            workspace: self.workspace.clone(),
            session_folder: self.shared.session_folder(&self.thread.id),
            owner: self.thread.owner.clone(),
            permissions: self.thread.permissions,
            session: self.thread.session.clone(),
            worker_program: config.worker_program.clone(),
            limits: config.limits.clone(),
            life: Life {
                _worker: lives,
                _thread: self.lives.clone(),
            },
        };
        let (launcher, places) = (self.shared.launcher.clone(), Arc::clone(&self.shared.places));
        let started = async move {
            let _starting = places.may_start().await;
            let permissions = spec.permissions;
            let (workspace, result) = match Workspace::make(&spec.workspace).await {
                Ok(workspace) => (Some(workspace), launcher.start(spec).await),
                Err(error) => (None, Err(error)),
            };
            Launched {
                place,
                workspace,
                permissions,
                result,
            }
        };
        self.slot = Slot::Starting(Starting {
            launched: Box::pin(started),
            life,
        });
    }

    /// A start has ended.
    pub(super) async fn launched(&mut self, launched: Launched) {
        self.slot = Slot::Empty;
        if let Some(workspace) = launched.workspace {
            self.tell_new_workspace(workspace).await;
        }
        match launched.result {
            Ok((process, events)) => {
                let Launched {
                    place, permissions, ..
                } = launched;
                self.started(place, permissions, process, events).await;
            }
            Err(error) => self.start_failed(&error).await,
        }
    }

    async fn started(
        &mut self,
        place: Place,
        permissions: Option<Permissions>,
        process: Process,
        events: Events,
    ) {
        self.step(Step::Started);
        info!(pid = process.pid(), agent = %self.thread.agent, resumed = process.resumed(), "worker started");
        let forgotten = self.thread.session.is_some() && !process.resumed();
        if self.thread.session.as_deref() != Some(process.session()) {
            let session = Some(Some(process.session().to_owned()));
            let change = ThreadChange {
                session,
                ..ThreadChange::default()
            };
            match self
                .shared
                .conversation
                .change_thread(&self.thread.id, change)
                .await
            {
                Ok(thread) => self.thread = thread,
                // It works without; a later worker will not remember this one's session.
                Err(error) => warn!(%error, "could not keep the session's name"),
            }
        }
        self.slot = Slot::Alive(Box::new(Alive {
            process,
            place,
            permissions,
            events,
            born: Instant::now(),
            idle: None,
            unasked: 0,
        }));
        if forgotten {
            let words = "The agent could not take up its former session. It begins a new one and does not remember \
                         what was said before.";
            self.note(NoteKind::Warning, words.to_owned(), None).await;
        }
        self.rest();
    }

    async fn start_failed(&mut self, error: &StartError) {
        warn!(%error, failures = self.failures + 1, "worker could not be started");
        let hope = match error {
            StartError::NotFound { .. }
            | StartError::Workspace { .. }
            | StartError::OwnLogin(_)
            | StartError::Incompatible(_) => Hope::None,
            _ => Hope::Some,
        };
        let mut words = sentence(&error.to_string());
        if let StartError::Timeout { stderr, .. } | StartError::Died { stderr, .. } = error {
            words.push_str(&last_words(stderr));
        }
        if let StartError::Workspace { .. } = error {
            words.push_str(
                " Put a folder there that the host may read and write, or move away what is in its place.",
            );
        }
        let verdict = self.failed(hope, &words);
        match verdict {
            Verdict::Open => {
                words.push_str(" It is not tried again by itself: press Retry, or send a message.");
                let waits = self.turn.as_ref().map(|running| running.turn.id);
                let waits = waits.or_else(|| self.queued.first().map(|turn| turn.id));
                if self.turn.is_some() {
                    let reason = Some(brief_reason(error));
                    self.finish(TurnEnd::Failed, reason).await;
                }
                self.note(NoteKind::Error, words, waits).await;
            }
            Verdict::Again { .. } if self.failures == 1 => {
                words.push_str(" It is tried again in a moment.");
                self.note(NoteKind::Warning, words, None).await;
            }
            Verdict::Again { .. } => {}
        }
    }

    /// The worker failed: when it may be started again.
    pub(super) fn failed(&mut self, hope: Hope, words: &str) -> Verdict {
        self.failures = self.failures.saturating_add(1);
        let luck = getrandom::u32().map_or(0.5, |random| f64::from(random) / f64::from(u32::MAX));
        let verdict = restart::after_failure(self.failures, self.shared.config.limits.failures, hope, luck);
        let after = match verdict {
            Verdict::Again { after } => Some(after),
            Verdict::Open => None,
        };
        self.again = after.map(|after| Instant::now() + after);
        self.step(Step::Failed {
            until: after.map(|after| Timestamp::now().plus(after)),
        });
        self.board().failure = Some(words.to_owned());
        verdict
    }

    /// Ends the worker, or no longer waits for one.
    pub(super) fn end_worker(&mut self) {
        self.clear_slot();
        if !matches!(self.state, WorkerState::Cold | WorkerState::Failed { .. }) {
            self.step(Step::Ended);
        }
    }

    /// Empties the worker's place; the state is for the caller to change.
    pub(super) fn clear_slot(&mut self) {
        match std::mem::replace(&mut self.slot, Slot::Empty) {
            Slot::Empty | Slot::Queueing(_) => {}
            Slot::Starting(Starting { launched, mut life }) => {
                // Dropped: what was started ends, and until then it may still write to its session.
                drop(launched);
                self.slot = Slot::Ending(Box::pin(async move {
                    let _ = life.recv().await;
                }));
            }
            Slot::Ending(ended) => self.slot = Slot::Ending(ended),
            Slot::Alive(alive) => {
                debug!(pid = alive.process.pid(), "ending the worker");
                let grace = self.shared.grace();
                let mut at_once = self.shared.at_once.subscribe();
                let Alive {
                    process,
                    place,
                    events,
                    ..
                } = *alive;
                // A worker that is being ended must not wait for somebody to read what it still says.
                drop(events);
                self.slot = Slot::Ending(Box::pin(async move {
                    let hurry = async move {
                        if at_once.wait_for(|at_once| *at_once).await.is_err() {
                            never::<()>().await;
                        }
                    };
                    process.end(grace, hurry).await;
                    drop(place);
                }));
            }
        }
    }

    /// The worker said something while nothing runs: not for the timeline, and not without end.
    pub(super) async fn overheard(&mut self) {
        let Slot::Alive(alive) = &mut self.slot else {
            return;
        };
        alive.unasked += 1;
        if alive.unasked <= MOST_UNASKED {
            return;
        }
        warn!("the worker talks without end although nothing runs; it is ended");
        self.end_worker();
        let words = "The agent went on talking although nobody had asked it anything, so it was ended. The next message \
                     starts it again.";
        self.note(NoteKind::Warning, words.to_owned(), None).await;
    }

    /// Whether the living worker was started with other permissions than the thread has now.
    pub(super) fn has_old_permissions(&self) -> bool {
        matches!(&self.slot, Slot::Alive(alive) if alive.permissions != self.thread.permissions)
    }

    /// The worker has nothing to do for now: it gives way, or waits for more.
    pub(super) fn rest(&mut self) {
        let is_wanted = self.is_wanted();
        let Slot::Alive(alive) = &mut self.slot else {
            return;
        };
        alive.unasked = 0;
        let leaves = if is_wanted {
            // A fresh worker does at least one turn before it gives way, else two threads could take turns at starting.
            self.state == WorkerState::Idle && alive.place.gives_way()
        } else {
            alive.idle = Some(Instant::now());
            alive.place.idle(&self.evicted)
        };
        if leaves {
            info!("the worker gives way to another thread's");
            self.end_worker();
        }
    }

    /// Somebody needs the place of this worker, if it is still idle.
    pub(super) fn evicted(&mut self) {
        if let Slot::Alive(alive) = &mut self.slot
            && alive.idle.is_some()
            && alive.place.told_to_leave()
        {
            info!("the idle worker gives way to another thread's");
            self.end_worker();
        }
    }
}

/// The end of what a worker wrote to its standard error, for the people of its thread.
pub(super) fn last_words(stderr: &str) -> String {
    let lines: Vec<&str> = stderr
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    let tail = &lines[lines.len().saturating_sub(3)..];
    if tail.is_empty() {
        return String::new();
    }
    let tail: String = tail.join("\n").chars().take(600).collect();
    format!(
        "\n\nIts last words:\n\n```\n{}\n```\n\n",
        tail.replace("```", "'''")
    )
}

fn brief_reason(error: &StartError) -> String {
    crate::timeline::brief(&error.to_string())
}
