//! What can be started is started.

use tokio::time::Instant;

use super::Task;
use super::slot::Slot;
use super::turn::Stage;
use crate::restart::{Asker, may_start};
use crate::state::Step;
use crate::status::WorkerState;

impl Task {
    /// Whether a turn waits for a worker.
    pub(super) fn is_wanted(&self) -> bool {
        match &self.turn {
            Some(running) => matches!(running.stage, Stage::Wanted),
            None => !self.queued.is_empty(),
        }
    }

    /// Starts whatever can be started. To be called after everything that happened.
    pub(super) async fn advance(&mut self, asker: Asker) {
        if self.clock.retry_write.is_some() {
            return;
        }
        if self.turn.is_none() && (self.renewal.is_some() || self.shared.is_draining()) {
            self.end_worker();
            if matches!(self.slot, Slot::Empty) {
                self.renew().await;
            }
            if self.renewal.is_some() || self.shared.is_draining() {
                return;
            }
        }
        if !self.is_wanted() {
            return self.stand_down();
        }
        if matches!(self.state, WorkerState::Failed { .. })
            && may_start(self.state, self.again, asker, Instant::now())
        {
            // It stays forgiven while the last of the old worker ends.
            self.step(Step::Forgiven);
        }
        if self.has_old_permissions() || self.has_lost_workspace().await {
            // The next one starts with what is there then.
            return self.end_worker();
        }
        let may_serve = match &self.slot {
            // Where it is over, its end is told in a moment, and then it is started anew.
            Slot::Alive(alive) => !alive.process.is_over(),
            Slot::Empty => self.state == WorkerState::Cold,
            _ => false,
        };
        if !may_serve {
            return;
        }
        // No place is taken before it is known that there is something to do in it.
        if self.turn.is_none() && !self.may_begin() {
            return self.wait_for_admission();
        }
        match &self.slot {
            Slot::Alive(_) if self.turn.is_some() => self.send_prompt().await,
            Slot::Alive(_) => self.begin_turn().await,
            _ => self.want_worker(),
        }
    }

    /// Nothing is wanted: a worker that does not live yet need not come.
    fn stand_down(&mut self) {
        if matches!(self.slot, Slot::Queueing(_) | Slot::Starting(_)) {
            self.end_worker();
        }
        if self.turn.is_none() {
            // What it came for may have been dropped.
            self.lie_idle();
        }
        if matches!(self.state, WorkerState::Failed { .. }) && self.turn.is_none() {
            self.forgive();
        }
    }
}
