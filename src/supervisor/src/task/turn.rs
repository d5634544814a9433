//! The running turn: begun and prompted; what it tells and how it ends are below.

use agent_client_protocol::v1::schema::StopReason;
use conversation::{Merged, Turn, TurnEnd};
use credentials::Timestamp;
use tokio::time::Instant;
use tracing::{info, warn};

use super::slot::Slot;
use super::{Prompted, Task, never};
use crate::ending::Intent;
use crate::files;
use crate::speaker;
use crate::state::Step;
use crate::status::WorkerState;
use crate::timeline::Timeline;
use crate::worker::PromptError;

mod ended;
mod heard;

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
        self.settle_choices().await;
        let chosen = self.chosen();
        let model = self.answering();
        let (Some(running), Slot::Alive(alive)) = (&mut self.turn, &mut self.slot) else {
            return;
        };
        // What is chosen from now on is for the next turn.
        running.turn.model = model;
        running.stage = Stage::Prompted(alive.process.prompt(content, chosen));
        alive.prompts += 1;
        "thinking".clone_into(&mut running.doing);
        running.heard = Instant::now();
        running.silence_told = false;
        if self.state != WorkerState::Busy {
            self.step(Step::Prompted);
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
