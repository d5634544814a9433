//! How a worker comes into its place: wanted, started in a workspace, and what follows when it can't be.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::time::Instant;
use tracing::{info, warn};

use super::{Alive, Slot, Starting};
use crate::ending::sentence;
use crate::places::Place;
use crate::process::{Events, Process};
use crate::restart::{self, Hope, Verdict};
use crate::state::Step;
use crate::task::Task;
use crate::task::workspace::Workspace;
use crate::timeline::brief;
use crate::worker::{Life, Spec, StartError};
use conversation::{Body, NoteKind, Permissions, ThreadChange, TurnEnd};
use credentials::Timestamp;

/// So often a former session is tried that can't be taken up, although the agent does not say so; then a new one is.
const LOST_LOADS: u32 = 2;

/// How a start ended.
pub(in crate::task) struct Launched {
    place: Place,
    /// The workspace, if there is one.
    workspace: Option<Workspace>,
    permissions: Option<Permissions>,
    result: Result<(Process, Events), StartError>,
}

impl Task {
    /// A worker is wanted, and may be started.
    pub(in crate::task) fn want_worker(&mut self) {
        self.step(Step::Wanted);
        match self.shared.places.try_take() {
            Some(place) => self.launch(place),
            None => self.slot = Slot::Queueing(Box::pin(Arc::clone(&self.shared.places).take())),
        }
    }

    /// Starts a worker in a place.
    pub(in crate::task) fn launch(&mut self, place: Place) {
        let config = &self.shared.config;
        let (lives, life) = mpsc::channel(1);
        let served = self.served();
        let Some(agent) = config.agents.get(&served.agent).cloned() else {
            let error = StartError::NotFound {
                program: served.agent.clone(),
                cause: "the configuration has no agent of that name; `/agent` chooses another".to_owned(),
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
            agent_name: served.agent.clone(),
            workspace: self.workspace.clone(),
            session_folder: self.shared.session_folder(&self.thread.id),
            owner: self.thread.owner.clone(),
            permissions: self.thread.permissions,
            session: served.session.clone().filter(|_| self.lost_loads < LOST_LOADS),
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
    pub(in crate::task) async fn launched(&mut self, launched: Launched) {
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
        info!(pid = process.pid(), agent = %self.served().agent, resumed = process.resumed(), "worker started");
        let forgotten = self.served().session.is_some() && !process.resumed();
        if process.resumed() {
            self.lost_loads = 0;
        }
        self.slot = Slot::Alive(Box::new(Alive {
            process,
            place,
            permissions,
            events,
            born: Instant::now(),
            prompts: 0,
            idle: None,
            unsettled: vec![],
            unasked: 0,
        }));
        self.hear_offers();
        if forgotten {
            let words = "The agent could not take up its former session. It begins a new one and does not remember \
                         what was said before.";
            self.note(NoteKind::Warning, words.to_owned(), None).await;
        }
        self.rest();
    }

    /// The worker is about to be asked something for the first time: from now on there is something to remember in its
    /// session. Before, a later worker would look in vain for what nobody has said.
    pub(in crate::task) async fn keep_session(&mut self) {
        let Slot::Alive(alive) = &self.slot else {
            return;
        };
        let name = alive.process.session();
        if alive.is_fresh() && self.served().session.as_deref() != Some(name) {
            let name = name.to_owned();
            self.name_session(Some(name)).await;
        }
    }

    /// Writes which session the next worker takes up.
    pub(in crate::task) async fn name_session(&mut self, session: Option<String>) {
        if let Some(former) = self.former() {
            // It ends with this turn: no later worker takes it up.
            former.session = session;
            self.lost_loads = 0;
            return;
        }
        let change = ThreadChange {
            session: Some(session),
            ..ThreadChange::default()
        };
        let changed = self.shared.conversation.change_thread(&self.thread.id, change);
        match changed.await {
            Ok(thread) => {
                self.thread = thread;
                self.lost_loads = 0;
            }
            // It works without; a later worker will not remember this one's session.
            Err(error) => warn!(%error, "could not keep the session's name"),
        }
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
        if error.is_of_load() {
            self.lost_loads += 1;
            words.push_str(if self.lost_loads < LOST_LOADS {
                " It was to take up its former session. If it can't the next time either, it begins a new one, and does not \
                 remember what was said before; `/reset` makes it do so at once."
            } else {
                " It can't take up its former session: the next time it begins a new one, as it does with `/reset`, and does \
                 not remember what was said before."
            });
        }
        let verdict = self.failed(hope, &words);
        self.tell_failed(verdict, words, brief(&error.to_string())).await;
    }

    /// Tells the people who wait for a worker that it failed, and what follows; a turn that nobody will serve ends, for that
    /// `reason`. Of failures in a row the first is told, and the last.
    pub(in crate::task) async fn tell_failed(&mut self, verdict: Verdict, mut words: String, reason: String) {
        match verdict {
            Verdict::Open => {
                words.push_str(" It is not tried again by itself: press Retry, or send a message.");
                let waits = self.turn_id().or_else(|| self.queued.first().map(|turn| turn.id));
                let note = Body::Note {
                    kind: NoteKind::Error,
                    text: words,
                    retry: waits,
                };
                self.finish(TurnEnd::Failed, Some(reason), Some(note)).await;
            }
            Verdict::Again { .. } if self.failures == 1 => {
                words.push_str(" It is tried again in a moment.");
                self.note(NoteKind::Warning, words, None).await;
            }
            Verdict::Again { .. } => {}
        }
    }

    /// The worker failed: when it may be started again.
    pub(in crate::task) fn failed(&mut self, hope: Hope, words: &str) -> Verdict {
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
}

/// The end of what a worker wrote to its standard error, for the people of its thread.
pub(in crate::task) fn last_words(stderr: &str) -> String {
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
