//! A message comes: it is made durable, and then decided upon.

use conversation::{ConversationError, Dispatch, Dropped, Enqueued, Item, NewTurn, Turn, TurnId};

use super::Task;
use crate::dispatch::{Action, Now, decide};
use crate::ending::Intent;
use crate::restart::Asker;
use crate::supervisor::{Happened, Message, Posted, SupervisorError};
use crate::update::Change;

/// Why a newer message drops what waits.
const REPLACED: &str = "a newer message took its place";

impl Task {
    /// Accepts a message.
    pub(super) async fn post(&mut self, message: Message) -> Result<Posted, SupervisorError> {
        if self.shared.is_draining() {
            return Err(SupervisorError::Draining);
        }
        let mode = message.dispatch.unwrap_or(self.thread.dispatch);
        // An interrupt makes room for itself.
        if mode != Dispatch::Interrupt && self.queued.len() >= self.shared.config.limits.queued {
            return self.no_room(&message).await;
        }
        let new = NewTurn {
            thread: message.thread,
            source: message.source,
            by: message.by,
            name: message.name,
            text: message.text,
            files: message.files,
        };
        match self.shared.conversation.enqueue(new).await? {
            Enqueued::Known(turn) => Ok(known(turn.id)),
            Enqueued::New(turn, item) => Ok(self.accepted(turn, item, mode, Asker::Message).await),
        }
    }

    async fn no_room(&mut self, message: &Message) -> Result<Posted, SupervisorError> {
        let before = self
            .shared
            .conversation
            .by_source(&message.thread, &message.source)
            .await?;
        before.map(|turn| known(turn.id)).ok_or_else(|| {
            let limit = self.shared.config.limits.queued;
            SupervisorError::TooMuch(format!(
                "{limit} messages wait in this thread already, so this one was not taken; wait, or take some out (`/queue`)"
            ))
        })
    }

    /// A turn is durable and queued: decides what happens to it.
    pub(super) async fn accepted(&mut self, turn: Turn, item: Item, mode: Dispatch, asker: Asker) -> Posted {
        let (id, entry) = (turn.id, item.id);
        self.show_written(item);
        // What is asked for again was said a while ago.
        if asker != Asker::Retry {
            self.admitting.grant(id);
        }
        let action = decide(self.now(), mode);
        self.queued.push(turn);
        self.show_queue();
        self.name_thread().await;
        let happened = match action {
            Action::Run => Happened::Started,
            Action::Wait { ahead } => Happened::Queued { ahead },
            Action::Merge => {
                self.merging.push(id);
                Happened::Steered
            }
            Action::Steer => {
                self.merging.push(id);
                self.cancel(Intent::Steer, None).await;
                Happened::Steered
            }
            Action::Replace => Happened::Interrupted {
                dropped: self.drop_all_but(Some(id), REPLACED).await,
            },
            Action::Interrupt => {
                let dropped = self.drop_all_but(Some(id), REPLACED).await;
                let words = "A newer message interrupted this turn.".to_owned();
                self.cancel(Intent::Interrupt, Some(words)).await;
                Happened::Interrupted { dropped }
            }
        };
        self.advance(asker).await;
        Posted {
            turn: id,
            item: Some(entry),
            happened,
        }
    }

    fn now(&self) -> Now {
        let queued = self.queued.len();
        match &self.turn {
            None if queued == 0 => Now::Free,
            None => Now::Waiting { queued },
            Some(running) => match running.cancel.map(|cancel| cancel.intent) {
                None => Now::Running { queued },
                Some(Intent::Steer) => Now::Steering { queued },
                Some(_) => Now::Stopping { queued },
            },
        }
    }

    /// Drops what waits, each told in the timeline. How many that were.
    pub(super) async fn drop_all_but(&mut self, except: Option<TurnId>, reason: &str) -> usize {
        self.merging.clear();
        match self
            .drop_waiting(move |turn| Some(turn.id) != except, reason)
            .await
        {
            Ok(dropped) => dropped,
            Err(error) => {
                // They stay, and run later: nothing is lost that way round.
                tracing::warn!(%error, "could not drop queued turns");
                0
            }
        }
    }

    /// Drops those that wait of which `which` is true, each told in the timeline. How many that were.
    pub(super) async fn drop_waiting(
        &mut self,
        which: impl Fn(&Turn) -> bool + Send + 'static,
        reason: &str,
    ) -> Result<usize, ConversationError> {
        let conversation = &self.shared.conversation;
        let dropped = conversation.drop_queued(&self.thread.id, which, reason).await?;
        Ok(self.dropped(dropped))
    }

    /// Drops one that its author took back, or that is not allowed any more: told in the timeline, and not offered again.
    pub(super) async fn withdraw(&mut self, turn: TurnId, reason: &str) -> Result<(), ConversationError> {
        let conversation = &self.shared.conversation;
        let dropped = conversation
            .withdraw_queued(&self.thread.id, turn, reason)
            .await?;
        self.dropped(dropped);
        Ok(())
    }

    /// These wait no more. How many they are.
    pub(super) fn dropped(&mut self, dropped: Vec<Dropped>) -> usize {
        let count = dropped.len();
        for Dropped { turn, told } in dropped {
            self.merging.retain(|id| *id != turn.id);
            self.queued.retain(|queued| queued.id != turn.id);
            self.show_written(told);
        }
        if count > 0 {
            self.show_queue();
        }
        count
    }

    /// The first message may have named the thread.
    async fn name_thread(&mut self) {
        if !self.thread.title.is_empty() {
            return;
        }
        if let Ok(thread) = self.shared.conversation.thread(&self.thread.id).await {
            self.thread = thread;
            self.feed.publish(Change::Thread(self.thread.clone()));
        }
    }
}

/// It was asked for before.
pub(super) fn known(turn: TurnId) -> Posted {
    Posted {
        turn,
        item: None,
        happened: Happened::Known,
    }
}
