//! What waits is taken out of the way while a host runs: the task of a thread has to know of its queue.

use conversation::{BacklogFilter, ConversationError, ThreadFilter, Waiting};
use credentials::UserId;

use super::attention::is_unanswered;
use super::{Result, Supervisor, SupervisorError};
use crate::update::ThreadPhase;

/// What was taken out of the way, and what is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Skipped {
    /// Queued turns that were.
    pub turns: usize,
    /// Deliveries that were.
    pub deliveries: usize,
    /// Whether the last turn of a thread that was named, which failed or was cut, needs no attention any more.
    pub dismissed: bool,
    /// Queued turns that are left.
    pub turns_left: usize,
    /// Deliveries that need attention and are left.
    pub deliveries_left: usize,
    /// Threads whose last turn failed or was cut, and that are left; counted only where no thread was named.
    pub unanswered: usize,
    /// Whether what is left goes away by itself, as long as a host runs.
    pub drains: bool,
}

impl Supervisor {
    /// The last turns that failed or were cut need no attention any more, in all threads that do nothing now. Says in how
    /// many.
    ///
    /// Errors: `Conversation`.
    pub async fn dismiss_all(&self) -> Result<usize> {
        let dismissed = self.shared().conversation.dismiss_all().await?;
        for thread in &dismissed {
            self.shared().list_changed(thread);
        }
        Ok(dismissed.len())
    }

    /// Takes what waits out of the way: turns are stopped and told, deliveries given up. What was faster (a turn that has
    /// begun, a delivery that is tried again) is left alone, and is not counted. In a thread that is named, a last turn that
    /// failed or was cut needs no attention any more.
    ///
    /// Errors: `Conversation`, such as `NoThread`; `Draining`. Then what came before it is done.
    pub async fn skip(&self, filter: BacklogFilter, by: &UserId) -> Result<Skipped> {
        let conversation = &self.shared().conversation;
        let mut skipped = Skipped::default();
        if let Some(thread) = filter.dismisses() {
            skipped.dismissed = conversation.dismiss(thread).await?;
            self.shared().list_changed(thread);
        }
        for waiting in conversation.backlog(filter.clone()).await?.entries {
            match waiting {
                Waiting::Turn(turn) => match self.drop_queued(&turn.thread, turn.id, by).await {
                    Ok(()) => skipped.turns += 1,
                    Err(SupervisorError::Gone(_)) => {}
                    Err(error) => return Err(error),
                },
                Waiting::Delivery(delivery) => match conversation.skip_delivery(delivery.id).await {
                    Ok(_) => skipped.deliveries += 1,
                    Err(ConversationError::NoDelivery(_)) => {}
                    Err(error) => return Err(error.into()),
                },
            }
        }
        let left = conversation
            .backlog(BacklogFilter {
                max: 0,
                ..filter.clone()
            })
            .await?;
        skipped.turns_left = left.turns;
        skipped.deliveries_left = left.deliveries;
        // A delivery that needs attention waits for a person, and so does a thread whose worker is not started any more.
        let mut threads = self.threads(ThreadFilter::default()).await?;
        threads.retain(|status| {
            filter
                .thread
                .as_ref()
                .is_none_or(|thread| *thread == status.summary.thread.id)
        });
        if filter.thread.is_none() {
            let summaries = threads.iter().map(|status| &status.summary);
            skipped.unanswered = summaries.filter(|summary| is_unanswered(summary)).count();
        }
        skipped.drains = left.deliveries == 0
            && !threads.iter().any(|status| {
                status.summary.queued > 0 && status.phase == ThreadPhase::Failed { until: None }
            });
        Ok(skipped)
    }
}
