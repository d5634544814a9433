//! What others see of a thread: entries, the queue, the phase.

use conversation::{Body, ConversationError, Item, ItemId, NoteKind, TurnId, Window};
use credentials::Timestamp;
use tokio::time::Instant;
use tracing::{debug, warn};

use super::Task;
use super::slot::Slot;
use super::turn::{Running, Stage};
use crate::entry::entry;
use crate::phase::{Facts, TurnFacts, phase};
use crate::status::{WorkerState, WorkerStatus};
use crate::supervisor::SupervisorError;
use crate::update::{Change, Doing, Snapshot, Subscription, ThreadPhase};

/// Entries that could not be written and are kept to be written later; above it the oldest are given up.
const MOST_KEPT: usize = 256;

/// So many bytes of a turn may wait to be written where nothing can be; then its worker waits, too.
const MOST_UNWRITTEN: usize = 1024 * 1024;

/// Bytes of them; above it the oldest are given up, too.
const MOST_KEPT_BYTES: usize = 32 * 1024 * 1024;

/// Entries in a snapshot.
const SNAPSHOT: usize = 200;

/// Bytes of them, but for what waits for an answer. More than a page shows: what was decided is long, and drawn shortly.
const SNAPSHOT_BYTES: usize = 8 * 1024 * 1024;

impl Task {
    /// Publishes what subscribers have not seen of the running turn.
    pub(super) fn publish(&mut self) {
        self.clock.published();
        if let Some(running) = &mut self.turn {
            for change in running.timeline.changes() {
                self.feed.publish(change);
            }
        }
        self.show_now();
    }

    /// Writes what changed of the running turn, and what could not be written before. What can't be written stays to be
    /// written.
    pub(super) async fn write(&mut self) {
        let mut items = self.kept.clone();
        if let Some(running) = &self.turn {
            items.extend(running.timeline.unwritten());
        }
        if items.is_empty() {
            return self.clock.wrote(true);
        }
        let written = self.shared.conversation.put_items(items).await;
        let was_stuck = self.clock.is_stuck();
        self.clock.wrote(written.is_ok());
        match written {
            Ok(()) => {
                self.kept.clear();
                if was_stuck {
                    self.unstuck();
                }
                if let Some(running) = &mut self.turn {
                    running.timeline.written();
                }
                self.shared.list_changed(&self.thread.id);
            }
            Err(error) => {
                self.stuck(&error, "could not write the timeline; it is tried again");
            }
        }
    }

    /// Whether the worker has to wait with what it says: nothing can be written, and enough waits for it.
    pub(super) fn is_held(&self) -> bool {
        let waits = |running: &Running| running.timeline.backlog() >= MOST_UNWRITTEN;
        let speaks = matches!(self.slot, Slot::Alive(_));
        speaks && self.clock.is_stuck() && self.turn.as_ref().is_some_and(waits)
    }

    /// Tells it, in the log only once: it is tried again every second, and the log may be on the same disk.
    pub(super) fn stuck(&mut self, error: &ConversationError, what: &'static str) {
        let words = error.in_chat();
        if self.board().unwritten.as_ref() == Some(&words) {
            debug!(%error, "{what}");
        } else {
            warn!(%error, "{what}");
        }
        if let Some(running) = &mut self.turn {
            running.doing = format!("waiting: {words}");
        }
        self.board().unwritten = Some(words);
    }

    fn unstuck(&mut self) {
        if let Some(running) = &mut self.turn {
            "going on".clone_into(&mut running.doing);
            running.heard = Instant::now();
        }
        self.board().unwritten = None;
    }

    /// Adds an entry that is not the agent's, and writes it at once.
    pub(super) async fn put(&mut self, body: Body) -> Item {
        // While none runs it is about the one that waits for a worker, if it is about any.
        let turn = self.turn_id().or_else(|| self.queued.first().map(|turn| turn.id));
        let item = entry(&self.shared.conversation, &self.thread.id, turn, body);
        self.rewrite(item.clone()).await;
        item
    }

    /// Writes an entry as it is now, with those that could not be written before it; or keeps it for the next write.
    pub(super) async fn rewrite(&mut self, item: Item) {
        self.kept.retain(|kept| kept.id != item.id);
        let mut items = self.kept.clone();
        items.push(item.clone());
        match self.shared.conversation.put_items(items).await {
            Ok(()) => self.kept.clear(),
            Err(error) => {
                warn!(%error, item = %item.id, "could not write an entry");
                // What it belongs to is not there any more: it can never be written.
                if !matches!(
                    error,
                    ConversationError::NoThread(_) | ConversationError::NoTurn(_)
                ) {
                    self.keep(item.clone());
                }
            }
        }
        self.show_written(item);
    }

    /// Shows an entry that is not the agent's.
    pub(super) fn show_written(&mut self, item: Item) {
        // What was said before it is seen before it.
        self.publish();
        self.feed.publish(Change::Item(item));
        self.shared.list_changed(&self.thread.id);
    }

    pub(super) fn keep(&mut self, item: Item) {
        self.kept.push(item);
        let mut bytes = self.kept.iter().map(|kept| kept.body.size()).sum::<usize>();
        while self.kept.len() > MOST_KEPT || bytes > MOST_KEPT_BYTES {
            bytes -= self.kept.remove(0).body.size();
        }
        self.clock.wrote(false);
    }

    /// Whether an entry could not be written yet.
    pub(super) fn is_kept(&self, item: ItemId) -> bool {
        self.kept.iter().any(|kept| kept.id == item)
    }

    /// Tells the thread something.
    pub(super) async fn note(&mut self, kind: NoteKind, text: String, retry: Option<TurnId>) {
        self.put(Body::Note { kind, text, retry }).await;
    }

    /// Publishes the queue.
    pub(super) fn show_queue(&mut self) {
        self.feed.publish(Change::Queue(self.queued.clone()));
        self.shared.list_changed(&self.thread.id);
    }

    /// Publishes the phase and what the agent is doing, if they changed; the latter at most 20 times a second.
    pub(super) fn show(&mut self) {
        let is_new = self.doing() != self.shown.1;
        if is_new && self.phase() == self.shown.0 && !self.clock.may_publish() {
            return self.clock.show_soon();
        }
        self.show_now();
    }

    fn show_now(&mut self) {
        let (phase, doing) = (self.phase(), self.doing());
        if (phase, &doing) == (self.shown.0, &self.shown.1) {
            return self.show_board();
        }
        let moved = phase != self.shown.0;
        if moved {
            let awaits = matches!(
                phase,
                ThreadPhase::AwaitingPermission | ThreadPhase::AwaitingLogin
            );
            self.board().awaiting = awaits.then(Timestamp::now);
        }
        self.clock.showed();
        self.shown = (phase, doing.clone());
        self.show_board();
        // After the board, which is what the lists are drawn from.
        if moved {
            self.shared.list_changed(&self.thread.id);
        }
        self.feed.publish(Change::Phase { phase, doing });
    }

    fn show_board(&self) {
        let mut board = self.board();
        board.phase = self.shown.0;
        board.doing.clone_from(&self.shown.1);
        board.state = self.state;
        board.running = self.turn_id();
    }

    /// What the thread is at.
    pub(super) fn phase(&self) -> ThreadPhase {
        let turn = self.turn.as_ref().map(|running| TurnFacts {
            prompted: !matches!(running.stage, Stage::Wanted),
            cancelled: running.cancel.map(|cancel| cancel.intent),
            permission: self.asks.has_permission(),
            login: self.asks.has_login(),
        });
        phase(Facts {
            turn,
            wanted: self.is_wanted(),
            no_place: matches!(self.slot, Slot::Queueing(_)),
            state: self.state,
        })
    }

    fn doing(&self) -> Option<Doing> {
        let running = self.turn.as_ref()?;
        Some(Doing {
            turn: running.turn.id,
            what: running.doing.clone(),
            since: running.since,
            dispatch: self.thread.dispatch,
        })
    }

    /// The thread now, and what changes from then on.
    pub(super) async fn subscribe(&mut self) -> Result<Box<(Snapshot, Subscription)>, SupervisorError> {
        self.publish();
        let thread = &self.thread.id;
        let window = Window {
            entries: SNAPSHOT,
            bytes: SNAPSHOT_BYTES,
            free: self.asks.items().map(|item| item.id).collect(),
        };
        let (mut items, more) = self.shared.conversation.window(thread, None, window).await?;
        let from = items.first().map(|item| item.id).filter(|_| more);
        self.overlay(&mut items, from);
        let snapshot = Snapshot {
            thread: self.thread.clone(),
            items,
            from,
            queued: self.queued.clone(),
            phase: self.phase(),
            doing: self.doing(),
            revision: self.feed.revision(),
        };
        let subscription = Subscription::new(self.feed.tap());
        Ok(Box::new((snapshot, subscription)))
    }

    /// What is not written yet is newer than what was read; and what waits for an answer is never left out.
    fn overlay(&self, items: &mut Vec<Item>, from: Option<ItemId>) {
        let live = self
            .turn
            .iter()
            .flat_map(|running| running.timeline.items())
            .chain(&self.kept)
            .filter(|item| from.is_none_or(|from| item.id >= from));
        for item in live.chain(self.asks.items()) {
            match items.binary_search_by_key(&item.id, |item| item.id) {
                Ok(index) => items[index].clone_from(item),
                Err(index) => items.insert(index, item.clone()),
            }
        }
    }

    /// The worker, if there is one.
    pub(super) fn worker_status(&self) -> Option<WorkerStatus> {
        let (pid, age, memory) = match &self.slot {
            Slot::Alive(alive) => (Some(alive.process.pid()), alive.age(), alive.process.memory()),
            // One that waits for a place is no worker yet.
            Slot::Queueing(_) => return None,
            _ if self.state == WorkerState::Cold => return None,
            _ => (None, std::time::Duration::ZERO, None),
        };
        Some(WorkerStatus {
            thread: self.thread.id.clone(),
            agent: self.served().agent.clone(),
            pid,
            state: self.state,
            turn: self.turn_id(),
            age,
            memory,
            queued: u32::try_from(self.queued.len()).unwrap_or(u32::MAX),
        })
    }
}
