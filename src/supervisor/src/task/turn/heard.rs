//! What the worker tells while its turn runs.

use agent_client_protocol::v1::schema::SessionUpdate;
use credentials::Timestamp;
use tokio::time::Instant;

use crate::files;
use crate::process::Event;
use crate::task::Task;
use crate::task::asks::keeper;
use crate::task::slot::Slot;
use crate::worker::{Gone, PermissionAnswer};

impl Task {
    /// Something from the worker.
    pub(in crate::task) async fn told(&mut self, event: Option<Event>) {
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

    pub(super) async fn heard(&mut self, event: Event) {
        let Some(running) = &mut self.turn else {
            // Nothing runs: an agent may not speak or ask now, and its questions are dropped unanswered.
            return self.overheard().await;
        };
        running.heard = Instant::now();
        running.silence_told = false;
        match event {
            Event::Update(update) => {
                if let SessionUpdate::CurrentModeUpdate(_) | SessionUpdate::ConfigOptionUpdate(_) = *update {
                    self.follow_mode().await;
                }
                self.apply(*update).await;
            }
            Event::Status(words) => running.doing = crate::timeline::brief(&words),
            Event::NotTaken(setting, why) => self.not_taken(setting, &why).await,
            Event::Unsettled(setting, why) => self.unsettled(setting, &why).await,
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

    pub(in crate::task) async fn apply(&mut self, update: SessionUpdate) {
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
}
