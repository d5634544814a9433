//! What people and programs ask of a thread.

use conversation::{Body, Dispatch, NoteKind, Reset};
use conversation::{Enqueued, SourceId, Thread, ThreadChange, Turn, TurnEnd, TurnId, Window};
use credentials::UserId;

use super::Task;
use super::post::known;
use super::renewal::{RESET, Renewal, WAS_RESET};
use super::slot::Slot;
use super::turn::Stage;
use crate::command::{Command, Promise};
use crate::ending::{Intent, sentence};
use crate::entry::entry;
use crate::models::Setting;
use crate::restart::Asker;
use crate::rights::{Deed, is_mode_guarded, is_operator, may};
use crate::supervisor::{Amended, Happened, Posted, SupervisorError};
use crate::update::Change;

/// A button to ask for a turn again stands among so many entries, or further up than anybody looks.
const OFFERED: Window = Window {
    entries: 500,
    bytes: 16 * 1024 * 1024,
    free: Vec::new(),
};

impl Task {
    /// Does what is asked, and answers. An asker that has left is not an error.
    pub(super) async fn obey(&mut self, command: Command) {
        self.clock.commanded();
        match command {
            Command::Wake => {}
            #[cfg(test)]
            Command::Break => panic!("a test broke the task"),
            Command::Post(message, promise) => drop(promise.send(self.post(*message).await)),
            Command::Stop(turn, by, promise) => drop(promise.send(self.stop(turn, &by).await)),
            Command::DropQueued(turn, by, promise) => {
                drop(promise.send(self.drop_queued(turn, &by).await));
            }
            Command::Amend(source, amended, promise) => {
                drop(promise.send(self.amend(&source, amended).await));
            }
            Command::Retry(turn, by, promise) => drop(promise.send(self.retry(turn, &by).await)),
            Command::Reset(by, promise) => self.reset(&by, promise).await,
            Command::Change(change, promise) => drop(promise.send(self.change(*change).await)),
            Command::Decide(decided, promise) => drop(promise.send(self.decide(*decided).await)),
            Command::TakeBack(back, promise) => {
                let taken = self.take_back(back.which, &back.by, &back.name).await;
                drop(promise.send(taken));
            }
            Command::Subscribe(promise) => drop(promise.send(self.subscribe().await)),
            Command::Worker(promise) => drop(promise.send(Ok(self.worker_status()))),
        }
    }

    fn allow(&self, deed: Deed, by: &UserId, author: Option<&UserId>) -> Result<(), SupervisorError> {
        if may(deed, by, &self.thread.owner, author) {
            return Ok(());
        }
        Err(SupervisorError::NotAllowed(deed))
    }

    /// Stops the running turn, or the one that waits for a worker; where one is named, only that one.
    async fn stop(&mut self, named: Option<TurnId>, by: &UserId) -> Result<bool, SupervisorError> {
        let is_meant = |turn: &Turn| named.is_none_or(|named| named == turn.id);
        if let Some(running) = &self.turn {
            if !is_meant(&running.turn) {
                return Ok(false);
            }
            self.allow(Deed::Turn, by, Some(&running.turn.by))?;
            let words = format!("Stopped by {}.", self.name_of(by, &running.turn));
            self.merging.clear();
            self.cancel(Intent::Stop, Some(words)).await;
            return Ok(true);
        }
        let Some(first) = self.queued.first().filter(|first| is_meant(first)) else {
            return Ok(false);
        };
        self.allow(Deed::Turn, by, Some(&first.by))?;
        let reason = format!("{} stopped it before it began", self.name_of(by, first));
        self.drop_waiting(is(first.id), &reason).await?;
        self.look_at_queue().await;
        Ok(true)
    }

    async fn drop_queued(&mut self, turn: TurnId, by: &UserId) -> Result<(), SupervisorError> {
        let Some(queued) = self.queued.iter().find(|queued| queued.id == turn) else {
            return Err(SupervisorError::Gone(
                "this message does not wait any more".to_owned(),
            ));
        };
        self.allow(Deed::Turn, by, Some(&queued.by))?;
        let reason = format!("{} took it out of the queue", self.name_of(by, queued));
        self.drop_waiting(is(turn), &reason).await?;
        Ok(())
    }

    /// Its author has changed a message, or taken it back. One that runs is what it was.
    async fn amend(&mut self, source: &SourceId, amended: Amended) -> Result<bool, SupervisorError> {
        let Some(at) = self.queued.iter().position(|queued| queued.source == *source) else {
            return Ok(false);
        };
        let turn = self.queued[at].id;
        match amended {
            Amended::Says(parts) => {
                let (turn, said) = self.shared.conversation.reword(turn, parts).await?;
                self.queued[at] = turn;
                for item in said {
                    self.show_written(item);
                }
                self.show_queue();
            }
            Amended::Withdrawn { reason } => {
                self.withdraw(turn, &reason).await?;
                self.look_at_queue().await;
            }
        }
        Ok(true)
    }

    /// Who did something to a turn, for people. Only these may.
    fn name_of(&self, by: &UserId, turn: &Turn) -> String {
        match turn.name.trim() {
            name if *by == turn.by && !name.is_empty() => name.to_owned(),
            _ if is_operator(by) => "the operator".to_owned(),
            _ if *by == self.thread.owner => "the thread’s owner".to_owned(),
            _ => "its author".to_owned(),
        }
    }

    /// Runs a turn again, once for each time that it failed, was stopped or cut; or, where the worker is no longer started by itself, tries the one that waits.
    async fn retry(&mut self, turn: TurnId, by: &UserId) -> Result<Posted, SupervisorError> {
        if self.shared.is_draining() {
            return Err(SupervisorError::Draining);
        }
        let asked = self.shared.conversation.turn(turn).await?;
        if asked.thread != self.thread.id {
            return Err(SupervisorError::Gone(
                "this message is not in this thread".to_owned(),
            ));
        }
        self.allow(Deed::Turn, by, Some(&asked.by))?;
        if let Some(ahead) = self.queued.iter().position(|queued| queued.id == turn) {
            let happened = match ahead + usize::from(self.turn.is_some()) {
                0 => Happened::Started,
                ahead => Happened::Queued { ahead },
            };
            self.advance(Asker::Retry).await;
            return Ok(Posted {
                turn,
                item: None,
                happened,
            });
        }
        let again = self.shared.conversation.retry(turn).await?;
        self.note_asked_again(turn).await;
        match again {
            Enqueued::Known(again) => {
                if self.queued.iter().any(|queued| queued.id == again.id) {
                    self.advance(Asker::Retry).await;
                }
                Ok(known(again.id))
            }
            Enqueued::New(turn, item) => Ok(self.accepted(turn, item, Dispatch::Queue, Asker::Retry).await),
        }
    }

    /// What offered a turn again says from now on that somebody asked for it.
    async fn note_asked_again(&mut self, turn: TurnId) {
        let items = match self
            .shared
            .conversation
            .window(&self.thread.id, None, OFFERED)
            .await
        {
            Ok((items, _)) => items,
            Err(error) => return tracing::warn!(%error, "could not note that a turn was asked for again"),
        };
        for mut item in items {
            if let Body::Note { text, retry, .. } = &mut item.body
                && *retry == Some(turn)
                // Else it would stand elsewhere without its offer.
                && item.turn == *retry
            {
                *retry = None;
                // Behind what a program wrote, as a paragraph of its own.
                *text = if text.ends_with("```") {
                    format!("{text}\n\nAsked for again.")
                } else {
                    format!("{} Asked for again.", sentence(text))
                };
                self.rewrite(item).await;
            }
        }
    }

    async fn reset(&mut self, by: &UserId, promise: Promise<()>) {
        if let Err(error) = self.allow(Deed::Reset, by, None) {
            let _ = promise.send(Err(error));
            return;
        }
        // All of it at once, while the worker may still take its time to end: a host that dies meanwhile has done it.
        let reset = self.shared.conversation.reset(&self.thread.id, WAS_RESET, RESET);
        match reset.await {
            Ok(Reset {
                thread,
                dropped,
                told,
            }) => {
                self.thread = thread;
                self.merging.clear();
                self.dropped(dropped);
                self.show_written(told);
            }
            Err(error) => {
                let _ = promise.send(Err(error.into()));
                return;
            }
        }
        self.drop_asks().await;
        let running = self.turn.as_ref();
        let note = running
            .filter(|running| !matches!(running.stage, Stage::Ending { .. }))
            .map(|running| Body::Note {
                kind: NoteKind::Info,
                text: format!("Stopped: {WAS_RESET}."),
                retry: Some(running.turn.id),
            });
        self.finish(TurnEnd::Stopped, Some(WAS_RESET.to_owned()), note)
            .await;
        self.end_worker();
        let mut renewal = self.renewal.take().unwrap_or_default();
        renewal.promises.push(promise);
        self.renewal = Some(renewal);
    }

    async fn change(&mut self, mut change: ThreadChange) -> Result<Thread, SupervisorError> {
        let new_agent = change.agent.clone().filter(|agent| *agent != self.thread.agent);
        for (setting, wanted) in [
            (Setting::Model, &mut change.model),
            (Setting::Mode, &mut change.mode),
        ] {
            if let Some(Some(named)) = wanted {
                let agent = new_agent.as_ref().unwrap_or(&self.thread.agent);
                *named = self.offered(agent, setting, std::mem::take(named))?;
            }
        }
        let mut told = None;
        if let Some(agent) = &new_agent {
            let known = self.shared.config.agents.get(agent);
            let title = known
                .ok_or_else(|| SupervisorError::NoAgent(agent.clone()))?
                .title
                .clone();
            change.session = Some(None);
            // The model and the mode of one agent mean nothing to another.
            change.model.get_or_insert(None);
            change.mode.get_or_insert(None);
            told = Some(format!(
                "{title} takes over this thread. It begins anew and does not remember what was said."
            ));
        } else if let Some(mode) = &self.thread.mode
            && is_mode_guarded(change.permissions.flatten())
            && !is_mode_guarded(self.thread.permissions)
        {
            // Whoever chose it then need not be one who may now.
            told = Some(format!(
                "What the agent may do here was tightened, so the mode `{mode}` is no longer chosen. Only administrators choose one here."
            ));
            change.mode = Some(None);
        }
        let goes_on = new_agent.is_some() && self.turn.is_some();
        let former = goes_on.then(|| self.served().clone());
        let conversation = &self.shared.conversation;
        let changed = if let Some(words) = told {
            let told = entry(conversation, &self.thread.id, None, Body::told(words));
            let changed = conversation.change_and_tell(&self.thread.id, change, told.clone());
            let changed = changed.await?;
            self.show_written(told);
            changed
        } else {
            conversation.change_thread(&self.thread.id, change).await?
        };
        self.thread = changed;
        if new_agent.is_some() {
            self.board().model = None;
            let promises = self.renewal.take().unwrap_or_default().promises;
            self.renewal = Some(Renewal { former, promises });
            if goes_on {
                let words = "The running turn goes on with the former agent.";
                self.note(NoteKind::Info, words.to_owned(), None).await;
            } else if matches!(self.slot, Slot::Queueing(_) | Slot::Starting(_)) {
                self.end_worker();
            }
        }
        self.feed.publish(Change::Thread(self.thread.clone()));
        self.shared.list_changed(&self.thread.id);
        Ok(self.thread.clone())
    }
}

/// Finds one turn.
fn is(turn: TurnId) -> impl Fn(&Turn) -> bool + Send + 'static {
    move |queued| queued.id == turn
}
