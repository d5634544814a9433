//! The moments that a thread waits for, and what happens at them.

use std::time::Duration;

use conversation::{ConversationError, NoteKind};
use tokio::time::Instant;

use super::slot::Slot;
use super::turn::{Running, Stage};
use super::{LINGER, Task};
use crate::ending::Intent;
use crate::state::Step;
use crate::status::WorkerState;
use crate::update::ThreadPhase;

/// Between two publications of growing text: at most 20 a second.
const TICK: Duration = Duration::from_millis(50);

/// A changed entry is written at the latest after this.
const WRITE: Duration = Duration::from_secs(1);

/// Between two tries to write what could not be written.
const TRY_TO_WRITE: Duration = Duration::from_secs(1);

/// A tool that runs is taken for a sign of life so long: the longest of ours, which then ends what it started. Nobody knows
/// how long those of others may.
const LONGEST_TOOL: Duration = contract::LONGEST_TOOL.saturating_add(Duration::from_mins(1));

/// Moments.
pub(super) struct Clock {
    publish: Option<Instant>,
    published: Option<Instant>,
    write: Option<Instant>,
    /// What could not be written is tried again then; until then nothing new begins.
    pub(super) retry_write: Option<Instant>,
    look_for_login: Option<Instant>,
    /// The last write failed.
    is_stuck: bool,
    /// The last command.
    commanded: Instant,
}

impl Clock {
    pub(super) fn new() -> Self {
        Self {
            publish: None,
            published: None,
            write: None,
            retry_write: None,
            look_for_login: None,
            is_stuck: false,
            commanded: Instant::now(),
        }
    }

    /// Something of the timeline changed: it is published and written soon.
    pub(super) fn changed(&mut self) {
        let now = Instant::now();
        let tick = self.published.map_or(now, |last| (last + TICK).max(now));
        self.publish.get_or_insert(tick);
        self.write.get_or_insert(now + WRITE);
    }

    /// Something small changed: it is published soon.
    pub(super) fn show_soon(&mut self) {
        let tick = self.published.map_or_else(Instant::now, |last| last + TICK);
        self.publish.get_or_insert(tick);
    }

    /// All was published.
    pub(super) fn published(&mut self) {
        self.publish = None;
        self.published = Some(Instant::now());
    }

    /// Something small was published.
    pub(super) fn showed(&mut self) {
        self.published = Some(Instant::now());
    }

    /// Whether something small may be published now.
    pub(super) fn may_publish(&self) -> bool {
        self.published.is_none_or(|last| last + TICK <= Instant::now())
    }

    /// Nothing new begins for a moment.
    pub(super) fn try_later(&mut self) {
        self.retry_write = Some(Instant::now() + TRY_TO_WRITE);
    }

    /// All was written; or it was not, and is tried again.
    pub(super) fn wrote(&mut self, well: bool) {
        self.is_stuck = !well;
        self.write = (!well).then(|| Instant::now() + TRY_TO_WRITE);
    }

    /// Whether nothing can be written now.
    pub(super) fn is_stuck(&self) -> bool {
        self.is_stuck
    }

    pub(super) fn look_for_login(&mut self, at: Option<Instant>) {
        self.look_for_login = at;
    }

    pub(super) fn commanded(&mut self) {
        self.commanded = Instant::now();
    }

    /// Whether the last command is long enough ago.
    pub(super) fn lingered(&self) -> bool {
        self.commanded.elapsed() >= LINGER
    }
}

impl Task {
    /// The next moment at which something is to be done.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let clock = &self.clock;
        let moments = [
            clock.publish,
            clock.write,
            clock.retry_write,
            clock.look_for_login,
            self.asks.deadline(),
            self.turn_deadline(),
            self.idle_deadline(),
            self.admission_deadline(),
            self.restart_deadline(),
            self.linger_deadline(),
        ];
        moments.into_iter().flatten().min()
    }

    fn turn_deadline(&self) -> Option<Instant> {
        let running = self.turn.as_ref()?;
        let dying = match running.stage {
            Stage::Dying(until) => Some(until),
            _ => None,
        };
        let cancel = running
            .cancel
            .filter(|_| matches!(running.stage, Stage::Prompted(_)));
        let drain = self.drain.borrow().filter(|_| running.cancel.is_none());
        let moments = [
            dying,
            cancel.map(|cancel| cancel.until),
            drain,
            self.silence_deadline(),
        ];
        moments.into_iter().flatten().min()
    }

    fn silence_deadline(&self) -> Option<Instant> {
        let running = self.turn.as_ref()?;
        let is_prompted = matches!(running.stage, Stage::Prompted(_));
        let is_silent = !running.silence_told && !self.is_held();
        let is_due = is_prompted && is_silent && self.phase() == ThreadPhase::Working;
        is_due.then(|| running.heard + self.patience())
    }

    /// How long the agent of the running turn may be silent before its thread is told.
    fn patience(&self) -> Duration {
        let runs = |running: &Running| running.timeline.runs_a_tool();
        let runs = self.turn.as_ref().is_some_and(runs);
        patience(self.shared.config.limits.silence, runs)
    }

    fn idle_deadline(&self) -> Option<Instant> {
        match &self.slot {
            Slot::Alive(alive) => Some(alive.idle()? + self.shared.config.limits.idle),
            _ => None,
        }
    }

    fn restart_deadline(&self) -> Option<Instant> {
        match self.state {
            // Where its time would start nothing, it must not be waited for: once in the past, it would always be now.
            _ if self.clock.retry_write.is_some() => None,
            _ if self.turn.is_some() && !self.is_wanted() => None,
            WorkerState::Failed { .. } if matches!(self.slot, Slot::Empty) => self.again,
            _ => None,
        }
    }

    fn linger_deadline(&self) -> Option<Instant> {
        let is_quiet = self.turn.is_none()
            && self.queued.is_empty()
            && matches!(self.slot, Slot::Empty)
            && self.state == WorkerState::Cold
            && !self.feed.is_heard();
        // Never in the past, or somebody who holds a sender for long would keep this task busy.
        is_quiet.then(|| (self.clock.commanded + LINGER).max(Instant::now() + TICK))
    }

    /// Does what is due.
    pub(super) async fn on_time(&mut self) {
        let now = Instant::now();
        let is_due = |moment: Option<Instant>| moment.is_some_and(|moment| moment <= now);
        if is_due(self.clock.publish) {
            self.publish();
        }
        if is_due(self.clock.write) {
            self.write().await;
        }
        if is_due(self.clock.retry_write) {
            self.clock.retry_write = None;
            self.end_again().await;
        }
        if is_due(self.clock.look_for_login) {
            self.look_for_logins().await;
        }
        if is_due(self.asks.deadline()) {
            self.asks_on_time(now).await;
        }
        if is_due(self.idle_deadline()) {
            tracing::info!("the worker was idle for long enough");
            self.end_worker();
        }
        if is_due(self.admission_deadline()) {
            self.lie_idle();
        }
        self.turn_on_time(now).await;
    }

    async fn turn_on_time(&mut self, now: Instant) {
        if self.silence_deadline().is_some_and(|due| due <= now) {
            let limit = self.patience();
            if let Some(running) = &mut self.turn {
                running.silence_told = true;
            }
            let words = format!(
                "The agent has given no sign of life for {}. It may still be at work; you can stop it.",
                words_for(limit)
            );
            self.note(NoteKind::Warning, words, None).await;
        }
        let Some(running) = &self.turn else {
            return;
        };
        let at_once = *self.shared.at_once.borrow();
        let dying = matches!(running.stage, Stage::Dying(until) if at_once || until <= now);
        let deaf = matches!(running.stage, Stage::Prompted(_))
            && running
                .cancel
                .is_some_and(|cancel| at_once || cancel.until <= now);
        let drained = running.cancel.is_none() && self.drain.borrow().is_some_and(|until| until <= now);
        if dying || deaf {
            self.out_of_patience().await;
        } else if drained {
            self.cancel(Intent::Drain, None).await;
        }
    }

    /// The end of the turn could not be written: it is tried again.
    async fn end_again(&mut self) {
        let Some(running) = &mut self.turn else {
            return;
        };
        if let Stage::Ending { end, reason } = &running.stage {
            let (end, reason) = (*end, reason.clone());
            self.finish(end, reason, None).await;
        }
    }

    /// Something that has to be written could not be: nothing new begins until it can.
    pub(super) fn could_not_write(&mut self, error: &ConversationError) {
        self.stuck(error, "the conversation can't be written; it is tried again");
        self.clock.try_later();
        if self.is_out_of_drain() {
            // The next start finds the turn as it is, and tells its thread.
            self.turn = None;
            self.clock.retry_write = None;
        }
    }

    /// What has to be written was.
    pub(super) fn written(&mut self) {
        self.board().unwritten = None;
        self.clock.retry_write = None;
    }

    /// Whether the host is going down and its patience is over, with the time for a last try.
    pub(super) fn is_out_of_drain(&self) -> bool {
        let until = *self.drain.borrow();
        until.is_some_and(|until| until + TRY_TO_WRITE <= Instant::now())
    }

    /// Nobody wants the worker that failed: it is forgiven once its time has come.
    pub(super) fn forgive(&mut self) {
        let is_due = self.again.is_none_or(|again| again <= Instant::now());
        if is_due && matches!(self.state, WorkerState::Failed { .. }) {
            self.step(Step::Forgiven);
        }
    }
}

/// How long an agent may be silent, whether it runs a tool or not.
fn patience(silence: Duration, runs_a_tool: bool) -> Duration {
    if runs_a_tool {
        silence.max(LONGEST_TOOL)
    } else {
        silence
    }
}

/// A span of time in words.
fn words_for(span: Duration) -> String {
    match span.as_secs() {
        0 => format!("{} ms", span.as_millis()),
        1 => "1 second".to_owned(),
        seconds @ 2..120 => format!("{seconds} seconds"),
        seconds => format!("{} minutes", seconds / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tool_that_runs_is_a_sign_of_life_as_long_as_the_longest_may() {
        let (silence, longer) = (Duration::from_mins(2), Duration::from_mins(40));
        assert!(LONGEST_TOOL > contract::LONGEST_TOOL);
        for (silence, runs_a_tool, patience_then) in [
            (silence, false, silence),
            (silence, true, LONGEST_TOOL),
            (longer, true, longer),
        ] {
            assert_eq!(patience(silence, runs_a_tool), patience_then);
        }
    }
}
