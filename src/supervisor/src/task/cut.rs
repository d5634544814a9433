//! A turn that does not end by itself: cancelled by people, by a host that goes down, or by the death of its worker.

use agent_client_protocol::v1::schema::StopReason;
use conversation::{Body, NoteKind, TurnEnd};
use tokio::time::Instant;
use tracing::warn;

use super::Task;
use super::slot::{Slot, last_words};
use super::turn::{Cancel, Stage};
use crate::ending::{Intent, sentence};
use crate::restart::{Hope, Verdict};
use crate::worker::{Gone, PromptError};

impl Task {
    /// Cancels the running turn. If its prompt does not end in time, its worker is ended. `told` is what the thread is told
    /// once it has ended for good.
    pub(super) async fn cancel(&mut self, intent: Intent, told: Option<String>) {
        let grace = self.shared.grace();
        let Some(running) = &mut self.turn else {
            return;
        };
        let was_cancelled = running.cancel.is_some();
        let until = running
            .cancel
            .map_or(Instant::now() + grace, |cancel| cancel.until);
        running.cancel = Some(Cancel { intent, until });
        running.told = told;
        if intent != Intent::Drain {
            running.timeline.stopped_by_people();
        }
        let is_prompted = matches!(running.stage, Stage::Prompted(_));
        let is_ending = matches!(running.stage, Stage::Ending { .. });
        if let Slot::Alive(alive) = &self.slot
            && is_prompted
            && !was_cancelled
        {
            // Before its questions are answered, or it would go on with the answers.
            alive.process.cancel(intent.canceller());
        }
        self.show();
        self.drop_asks().await;
        match &self.slot {
            _ if is_ending => {}
            Slot::Alive(_) if is_prompted => {}
            _ => self.conclude(&Ok(StopReason::Cancelled)).await,
        }
    }

    /// The agent did not hear the cancel, or did not say how it died: its worker is ended.
    pub(super) async fn out_of_patience(&mut self) {
        let Some(running) = &self.turn else {
            return;
        };
        if matches!(running.stage, Stage::Dying(_)) {
            let reason = "the agent's connection broke".to_owned();
            return self
                .gone(Gone {
                    exit: None,
                    reason,
                    stderr: String::new(),
                    broke_protocol: false,
                })
                .await;
        }
        warn!(turn = %running.turn.id, "the agent does not hear a cancel; its worker is ended");
        self.end_worker();
        self.conclude(&Ok(StopReason::Cancelled)).await;
    }

    /// The worker died by itself.
    pub(super) async fn gone(&mut self, gone: Gone) {
        let exit = gone.exit.as_deref().unwrap_or("its exit is not known");
        warn!(reason = %gone.reason, exit, "worker ended");
        let was_alive = matches!(self.slot, Slot::Alive(_));
        let intent = self
            .turn
            .as_ref()
            .and_then(|running| running.cancel)
            .map(|cancel| cancel.intent);
        if intent.is_some() {
            // It was asked to stop, and did so in its own way.
            self.end_worker();
            return self.conclude(&Err(PromptError::Gone)).await;
        }
        let begun = self.was_begun().await;
        let is_fresh = matches!(&self.slot, Slot::Alive(alive) if alive.is_fresh());
        let mut words = sentence(&gone.reason);
        if !gone.reason.contains(exit) {
            words = format!("{} ({exit}).", words.trim_end_matches('.'));
        }
        let mut verdict = None;
        if was_alive {
            // Nothing of it lives, but its handle may have something to clear away.
            self.clear_slot();
            verdict = Some(self.failed(Hope::Some, &words));
        }
        let is_open = verdict == Some(Verdict::Open);
        let reason = words.trim_end_matches('.').to_owned();
        if begun {
            words.push_str(&last_words(&gone.stderr));
            words.push_str(" The turn was cut.");
            if is_open {
                words.push_str(" It is not started again by itself: press Retry or send a message.");
            }
            let note = Body::Note {
                kind: NoteKind::Error,
                text: words,
                retry: self.turn_id(),
            };
            return self.finish(TurnEnd::Cut, Some(reason), Some(note)).await;
        }
        match verdict {
            // What was not begun waits for the next worker. One that ends after each answer is no news.
            Some(verdict) if self.is_wanted() && (is_open || is_fresh || gone.broke_protocol) => {
                words.push_str(&last_words(&gone.stderr));
                self.tell_failed(verdict, words, reason).await;
            }
            _ if is_open || gone.broke_protocol => {
                words.push_str(" It is started again with the next message.");
                self.note(NoteKind::Error, words, None).await;
            }
            _ => {}
        }
    }

    /// Whether the worker that died had got the turn, which may then have had effects, whatever was heard of it. One that
    /// did not reach it is put back.
    async fn was_begun(&mut self) -> bool {
        self.denials_told();
        let Some(running) = &mut self.turn else {
            return false;
        };
        if matches!(running.stage, Stage::Wanted | Stage::Ending { .. }) {
            return false;
        }
        let Slot::Alive(alive) = &mut self.slot else {
            return true;
        };
        if alive.process.got_prompt() {
            return true;
        }
        running.stage = Stage::Wanted;
        alive.prompts = alive.prompts.saturating_sub(1);
        if alive.is_fresh() && !alive.process.resumed() {
            // Nothing was said in it.
            self.name_session(None).await;
        }
        false
    }
}
