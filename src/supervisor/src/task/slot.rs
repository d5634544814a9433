//! The worker's place in a thread's task: none, one that is waited for, one that lives, one that ends.

use std::sync::Arc;

use tokio::sync::{Notify, mpsc};
use tokio::time::Instant;
use tracing::{debug, info, warn};

use super::{Next, Task, never};
use crate::models::Setting;
use crate::places::Place;
use crate::process::{Events, Process, Waited};
use crate::state::{self, Step};
use crate::status::WorkerState;
use conversation::{NoteKind, Permissions};

mod start;

pub(super) use start::{Launched, last_words};

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

/// A worker that has a session.
pub(super) struct Alive {
    pub(super) process: Process,
    pub(super) place: Place,
    /// As it was told at its start.
    permissions: Option<Permissions>,
    events: Events,
    born: Instant,
    /// Prompts that it was sent, and that reached it as far as is known.
    pub(super) prompts: u32,
    idle: Option<Instant>,
    /// What was chosen of which it was told that it may not be used.
    pub(super) unsettled: Vec<(Setting, String)>,
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

    /// Whether nobody has asked it anything.
    pub(super) fn is_fresh(&self) -> bool {
        self.prompts == 0
    }

    /// It has nothing to do: whether somebody needs its place, now or when `evicted` tells.
    fn lie_idle(&mut self, evicted: &Arc<Notify>) -> bool {
        self.idle = Some(Instant::now());
        self.place.idle(evicted)
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
            alive.lie_idle(&self.evicted)
        };
        if leaves {
            self.give_way();
        }
    }

    /// It is not known yet whether what waits may begin. A worker that has served is idle meanwhile; a fresh one soon.
    pub(super) fn wait_for_admission(&mut self) {
        if self.state == WorkerState::Idle {
            self.lie_idle();
        }
    }

    /// A worker that lives is idle from now on, if it was not before.
    pub(super) fn lie_idle(&mut self) {
        if let Slot::Alive(alive) = &mut self.slot
            && alive.idle.is_none()
            && alive.lie_idle(&self.evicted)
        {
            self.give_way();
        }
    }

    fn give_way(&mut self) {
        info!("the worker gives way to another thread's");
        self.end_worker();
    }

    /// Somebody needs the place of this worker, if it is still idle.
    pub(super) fn evicted(&mut self) {
        if let Slot::Alive(alive) = &mut self.slot
            && alive.idle.is_some()
            && alive.place.told_to_leave()
        {
            self.give_way();
        }
    }
}
