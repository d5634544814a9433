//! The running turn: begun, prompted, cancelled, sent again, ended.

use std::task::{Context, Poll, Waker};

use conversation::{ConversationError, Item, Merged, NoteKind, Turn, TurnEnd};
use credentials::Timestamp;
use tokio::time::Instant;
use tracing::{info, warn};

use super::asks::keeper;
use super::slot::Slot;
use super::{Prompted, Task, never};
use crate::ending::{self, Intent, Outcome};
use crate::files;
use crate::process::Event;
use crate::speaker;
use crate::state::Step;
use crate::status::WorkerState;
use crate::timeline::Timeline;
use crate::worker::{Gone, PermissionAnswer, PromptError};
use agent_client_protocol::v1::schema::StopReason;

/// A turn that runs.
pub(super) struct Running {
    pub(super) turn: Turn,
    pub(super) timeline: Timeline,
    pub(super) stage: Stage,
    pub(super) cancel: Option<Cancel>,
    /// What the thread is told of who cancelled it, once it has ended.
    pub(super) told: Option<String>,
    /// What the agent is doing.
    pub(super) doing: String,
    pub(super) since: Timestamp,
    /// Bytes that people were asked about in it.
    pub(super) asked: usize,
    /// Questions that nobody was shown.
    pub(super) unseen: u32,
    /// When the agent last gave a sign of life, and whether its silence was told.
    pub(super) heard: Instant,
    pub(super) silence_told: bool,
}

/// How far it is.
pub(super) enum Stage {
    /// It is to be sent to a worker.
    Wanted,
    /// A worker has it.
    Prompted(Prompted),
    /// Its worker is dying, and is given until then to say how.
    Dying(Instant),
    /// Its end could not be written yet.
    Ending { end: TurnEnd, reason: Option<String> },
}

/// It is being cancelled.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cancel {
    pub(super) intent: Intent,
    /// Then its worker is ended.
    pub(super) until: Instant,
}

/// The end of the prompt. Cancel safe.
pub(super) async fn answered(turn: &mut Option<Running>) -> Result<StopReason, PromptError> {
    match turn.as_mut().map(|running| &mut running.stage) {
        Some(Stage::Prompted(prompt)) => prompt.await,
        _ => never().await,
    }
}

impl Task {
    /// The oldest queued turn begins. The worker lives and is free.
    pub(super) async fn begin_turn(&mut self) {
        let started = match self.shared.conversation.start_next(&self.thread.id).await {
            Ok(Some(turn)) => turn,
            Ok(None) => return self.nothing_to_begin().await,
            Err(error) => return self.could_not_write(&error),
        };
        info!(turn = %started.id, attempt = started.attempts, "turn begins");
        self.written();
        self.queued.retain(|turn| turn.id != started.id);
        self.merging.retain(|id| *id > started.id);
        let timeline = Timeline::new(self.thread.id.clone(), started.id, self.workspace.clone());
        self.turn = Some(Running {
            since: started.started.unwrap_or_else(Timestamp::now),
            turn: started,
            timeline,
            stage: Stage::Wanted,
            cancel: None,
            told: None,
            doing: "thinking".to_owned(),
            asked: 0,
            unseen: 0,
            heard: Instant::now(),
            silence_told: false,
        });
        self.merge_waiting().await;
        self.show_queue();
        self.send_prompt().await;
    }

    /// Nothing waits, or a turn still runs that nobody serves (the end of a broken task is being written).
    async fn nothing_to_begin(&mut self) {
        self.look_at_queue().await;
        if !self.queued.is_empty() {
            self.clock.try_later();
        }
    }

    /// Sends the turn to the worker, which lives and is free.
    pub(super) async fn send_prompt(&mut self) {
        self.keep_session().await;
        let (Some(running), Slot::Alive(alive)) = (&mut self.turn, &mut self.slot) else {
            return;
        };
        alive.wake();
        let images = alive.process.accepts_images();
        let turn = running.turn.id;
        let spoken = match self.shared.conversation.spoken(&running.turn).await {
            Ok(spoken) => spoken,
            Err(error) => return self.could_not_write(&error),
        };
        let agent = self.shared.config.agents.get(&self.served().agent);
        let has_commands = agent.is_some_and(|agent| !agent.is_native());
        let told = speaker::told(spoken, has_commands);
        let is_command = has_commands && told.first().is_some_and(|first| speaker::is_command(&first.text));
        let mut content = files::prompt(told, &self.workspace, images).await;
        if let Some(denials) = self.denials(turn).await {
            // Nothing may stand above a command.
            let at = if is_command { content.len() } else { 0 };
            content.insert(at, denials);
        }
        let model = self.served().model.clone();
        let (Some(running), Slot::Alive(alive)) = (&mut self.turn, &mut self.slot) else {
            return;
        };
        running.stage = Stage::Prompted(alive.process.prompt(content, model));
        alive.prompts += 1;
        "thinking".clone_into(&mut running.doing);
        running.heard = Instant::now();
        running.silence_told = false;
        if self.state != WorkerState::Busy {
            self.step(Step::Prompted);
        }
    }

    /// Something from the worker.
    pub(super) async fn told(&mut self, event: Option<Event>) {
        let mut event = event.unwrap_or_else(|| {
            Event::Gone(Gone {
                exit: None,
                reason: "the agent's process ended".to_owned(),
                stderr: String::new(),
                broke_protocol: false,
            })
        });
        // Some at a time, so that a flood costs fewer rounds, and yet leaves room for commands.
        for left in (0..32).rev() {
            if let Event::Gone(gone) = event {
                return self.died(gone).await;
            }
            self.heard(event).await;
            let is_held = self.is_held();
            // None is taken out that this round does not handle.
            match &mut self.slot {
                Slot::Alive(alive) if left > 0 && !is_held => match alive.ready() {
                    Some(next) => event = next,
                    None => return,
                },
                _ => return,
            }
        }
    }

    async fn heard(&mut self, event: Event) {
        let Some(running) = &mut self.turn else {
            // Nothing runs: an agent may not speak or ask now, and its questions are dropped unanswered.
            return self.overheard().await;
        };
        running.heard = Instant::now();
        running.silence_told = false;
        match event {
            Event::Update(update) => self.apply(*update).await,
            Event::Status(words) => running.doing = crate::timeline::brief(&words),
            Event::OtherModel(why) => self.other_model(&why).await,
            Event::ModelUnsettled(why) => self.unsettled_model(&why).await,
            Event::Permission {
                tool_call,
                options,
                unknown,
                likeness,
                answer,
            } => {
                if self.understands(&tool_call, &options, unknown).await {
                    let keeper = keeper(&options, likeness);
                    self.asked_permission(*tool_call, options, keeper, answer).await;
                } else {
                    answer.give(PermissionAnswer::Unanswered(
                        "the host understands none of these answers",
                    ));
                }
            }
            Event::Login { needed, answer } => self.asked_login(needed, answer).await,
            Event::Gone(_) => {}
        }
    }

    pub(super) async fn apply(&mut self, update: agent_client_protocol::v1::schema::SessionUpdate) {
        let Some(running) = &mut self.turn else {
            return;
        };
        let now = Timestamp::now();
        let conversation = &self.shared.conversation;
        let mut after = running
            .timeline
            .apply(update, now, &mut || conversation.new_item_id());
        if let Some(link) = &after.offered
            && let Some(file) = files::offered(link, &self.workspace).await
        {
            let offered = running
                .timeline
                .offer(file, now, &mut || conversation.new_item_id());
            after.publish |= offered.publish;
            after.write |= offered.write;
        }
        if let Some(doing) = after.doing {
            running.doing = doing;
        }
        self.clock.changed();
        if after.publish {
            self.publish();
        }
        // What can't be written is tried again each second, and not with each word.
        if after.write && !self.clock.is_stuck() {
            self.write().await;
        }
    }

    /// The prompt has ended. Everything that the agent said before is among the events already.
    pub(super) async fn answered(&mut self, result: Result<StopReason, PromptError>) {
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
        self.hear_offer();
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
    async fn died(&mut self, gone: Gone) {
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
    pub(super) async fn conclude(&mut self, result: &Result<StopReason, PromptError>) {
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
                if let Some((kind, words)) = note.or(told) {
                    self.note(kind, words, retry).await;
                }
                if end == TurnEnd::Done {
                    self.asks.forget_tried();
                }
                self.finish(end, reason).await;
            }
            Outcome::Again => self.send_again().await,
            Outcome::Dying => {
                running.stage = Stage::Dying(Instant::now() + 3 * self.shared.grace());
            }
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

    /// Merges what waits for it into the running turn. Whether there was anything.
    async fn merge_waiting(&mut self) -> bool {
        let mut merged = false;
        for from in std::mem::take(&mut self.merging) {
            let Some(running) = &mut self.turn else {
                return merged;
            };
            match self.shared.conversation.merge(from, running.turn.id).await {
                Ok(Merged { turn, said }) => {
                    merged = true;
                    running.turn = turn;
                    self.queued.retain(|turn| turn.id != from);
                    for item in said {
                        self.show_written(item);
                    }
                }
                // Dropped meanwhile, or it can't be written: then it stays a turn of its own.
                Err(error) => warn!(turn = %from, %error, "could not merge a turn"),
            }
        }
        merged
    }

    /// Ends the running turn: its entries first, then the turn itself. What can't be written is tried again.
    pub(super) async fn finish(&mut self, end: TurnEnd, reason: Option<String>) {
        self.drop_asks().await;
        let Some(running) = &mut self.turn else {
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
        let mut items = self.kept.clone();
        items.extend(running.timeline.unwritten());
        let id = running.turn.id;
        self.publish();
        let written = self.finish_in(items, end, reason).await;
        match written {
            // Somebody else ended it (an operator's tool): then it is over, too.
            Ok(()) | Err(ConversationError::NoTurn(_)) => {}
            Err(error) => return self.could_not_write(&error),
        }
        info!(turn = %id, ?end, "turn ended");
        self.written();
        self.turn = None;
        if self.state == WorkerState::Busy {
            self.step(Step::Answered);
        }
        self.shared.list_changed(&self.thread.id);
        self.rest();
    }

    async fn finish_in(
        &mut self,
        items: Vec<Item>,
        end: TurnEnd,
        reason: Option<String>,
    ) -> Result<(), ConversationError> {
        let Some(running) = &mut self.turn else {
            return Ok(());
        };
        if !items.is_empty() {
            self.shared.conversation.put_items(items).await?;
            self.kept.clear();
            running.timeline.written();
        }
        self.shared
            .conversation
            .finish(running.turn.id, end, reason)
            .await?;
        Ok(())
    }

    pub(super) fn turn_id(&self) -> Option<conversation::TurnId> {
        self.turn.as_ref().map(|running| running.turn.id)
    }

    /// The queue as the conversation knows it, which somebody else may have changed.
    pub(super) async fn look_at_queue(&mut self) {
        match self.shared.conversation.queued(&self.thread.id).await {
            Ok(queued) => {
                self.queued = queued;
                self.show_queue();
                self.rest();
            }
            Err(error) => self.could_not_write(&error),
        }
    }
}
