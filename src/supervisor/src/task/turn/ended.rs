//! The end of a prompt, and what follows: the turn ends, or is sent again.

use std::task::{Context, Poll, Waker};

use agent_client_protocol::v1::schema::StopReason;
use conversation::{Body, ConversationError, NoteKind, TurnEnd};
use credentials::Timestamp;
use tokio::time::Instant;
use tracing::info;

use super::Stage;
use crate::config::Agent;
use crate::ending::{self, Intent, Outcome};
use crate::entry::entry;
use crate::process::Event;
use crate::state::Step;
use crate::status::WorkerState;
use crate::task::Task;
use crate::task::slot::Slot;
use crate::worker::{Gone, PromptError};

impl Task {
    /// The prompt has ended. Everything that the agent said before is among the events already.
    pub(in crate::task) async fn answered(&mut self, result: Result<StopReason, PromptError>) {
        if let Some(running) = &mut self.turn {
            // The future is spent.
            running.stage = Stage::Wanted;
        }
        self.denials_told();
        while let Slot::Alive(alive) = &mut self.slot {
            match alive.ready() {
                Some(Event::Gone(gone)) => return self.died_after(result, gone).await,
                Some(event) => self.heard(event).await,
                None => break,
            }
        }
        self.hear_offers();
        self.settle_choices().await;
        if !matches!(result, Err(PromptError::Gone)) {
            // Whatever it answers, a worker that answers is sound.
            self.failures = 0;
            self.board().failure = None;
        } else if self.turn.as_ref().is_some_and(|running| running.cancel.is_some()) {
            // Its last event is still to come: what follows must not go to it.
            self.end_worker();
        }
        self.conclude(&result).await;
    }

    /// The worker died. What it had answered by then counts.
    pub(super) async fn died(&mut self, gone: Gone) {
        let answer = match self.turn.as_mut().map(|running| &mut running.stage) {
            Some(Stage::Prompted(prompt)) => prompt.as_mut().poll(&mut Context::from_waker(Waker::noop())),
            _ => Poll::Pending,
        };
        match answer {
            Poll::Ready(result) => self.died_after(result, gone).await,
            Poll::Pending => self.gone(gone).await,
        }
    }

    /// It died, and its prompt is over, too.
    async fn died_after(&mut self, result: Result<StopReason, PromptError>, gone: Gone) {
        let is_answer = !matches!(result, Err(PromptError::Gone));
        if let Some(running) = &mut self.turn {
            running.stage = if is_answer {
                Stage::Wanted
            } else {
                Stage::Dying(Instant::now())
            };
        }
        if is_answer {
            self.denials_told();
            self.failures = 0;
            self.conclude(&result).await;
        }
        self.gone(gone).await;
    }

    /// Acts on the end of a prompt.
    pub(in crate::task) async fn conclude(&mut self, result: &Result<StopReason, PromptError>) {
        let Some(running) = &mut self.turn else {
            return;
        };
        let intent = running.cancel.map(|cancel| cancel.intent);
        let told = running.told.take().map(|words| (NoteKind::Info, words));
        match ending::outcome(intent, result, running.timeline.has_words()) {
            Outcome::Finish { end, reason, note } => {
                if intent == Some(Intent::Steer) {
                    self.too_late_to_steer().await;
                }
                self.tell_lost_workspace().await;
                let retry = (end != TurnEnd::Done).then_some(self.turn_id()).flatten();
                let note = note.or(told).map(|(kind, text)| Body::Note { kind, text, retry });
                if end == TurnEnd::Done {
                    self.asks.forget_tried();
                    self.learn_model();
                }
                self.finish(end, reason, note).await;
            }
            Outcome::Again => self.send_again().await,
            Outcome::Dying => {
                running.stage = Stage::Dying(Instant::now() + 3 * self.shared.grace());
            }
        }
    }

    /// An agent of somebody else's is told its model only when the turn has begun, and says at its end what it used.
    fn learn_model(&mut self) {
        let agent = self.shared.config.agents.get(&self.served().agent);
        if agent.is_none_or(Agent::is_native) {
            return;
        }
        let model = self.answering();
        if let Some(running) = &mut self.turn {
            running.turn.model = model;
        }
    }

    /// Steer: what waits to be merged is, and the turn is sent again.
    async fn send_again(&mut self) {
        self.drop_asks().await;
        let Some(running) = &mut self.turn else {
            return;
        };
        running.timeline.interrupted(Timestamp::now());
        running.cancel = None;
        running.stage = Stage::Wanted;
        self.publish();
        self.write().await;
        if self.merge_waiting().await {
            let words = "The new message was added to the running turn, which begins again with both.";
            self.note(NoteKind::Info, words.to_owned(), None).await;
        }
        self.show_queue();
    }

    async fn too_late_to_steer(&mut self) {
        if !self.merging.is_empty() {
            self.merging.clear();
            let words =
                "The answer was complete before the new message reached the agent; it is the next turn.";
            self.note(NoteKind::Info, words.to_owned(), None).await;
        }
    }

    /// Ends the running turn, if there is one, and tells `note`, in one write with what its timeline still lacks. What can't be
    /// written is tried again.
    pub(in crate::task) async fn finish(&mut self, end: TurnEnd, reason: Option<String>, note: Option<Body>) {
        self.drop_asks().await;
        let Some(running) = &mut self.turn else {
            if let Some(note) = note {
                self.put(note).await;
            }
            return;
        };
        // What was decided first stays: an answer that was complete is not cut by what comes before it is written.
        let (end, reason) = match &running.stage {
            Stage::Ending { end, reason } => (*end, reason.clone()),
            _ => (end, reason),
        };
        running.timeline.end(Timestamp::now());
        running.stage = Stage::Ending {
            end,
            reason: reason.clone(),
        };
        let id = running.turn.id;
        let model = running.turn.model.clone().filter(|_| end == TurnEnd::Done);
        let mut items = self.kept.clone();
        items.extend(running.timeline.unwritten());
        let told = note.map(|note| entry(&self.shared.conversation, &self.thread.id, Some(id), note));
        items.extend(told.clone());
        self.publish();
        let conversation = &self.shared.conversation;
        let written = match conversation
            .conclude(id, (end, reason), model, items.clone())
            .await
        {
            // Somebody else ended it (an operator's tool): then it is over, too.
            Err(ConversationError::NoTurn(_)) => conversation.put_items(items).await,
            written => written.map(drop),
        };
        if let Some(told) = told {
            if written.is_err() {
                self.keep(told.clone());
            }
            self.show_written(told);
        }
        match written {
            Ok(()) | Err(ConversationError::NoTurn(_)) => {}
            Err(error) => return self.could_not_write(&error),
        }
        self.kept.clear();
        info!(turn = %id, ?end, "turn ended");
        self.written();
        self.turn = None;
        if self.state == WorkerState::Busy {
            self.step(Step::Answered);
        }
        self.shared.list_changed(&self.thread.id);
        self.rest();
    }
}
