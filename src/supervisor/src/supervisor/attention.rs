//! What a person should look at, the worst first.

use std::time::Duration;

use conversation::{BacklogFilter, Conversation, Delivery, ThreadFilter, ThreadId, ThreadSummary, TurnState};
use credentials::Timestamp;

use super::{Result, Supervisor};
use crate::shared::Board;
use crate::status::Attention;
use crate::update::ThreadPhase;

/// Somebody is waited for since so long that they may have missed it.
const MISSED: Duration = Duration::from_mins(5);

/// Deliveries that are named one by one.
const NAMED: usize = 20;

/// How bad it is; the order in which it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Badness {
    /// What happens can't be written.
    Unwritten,
    /// A thread stands still until somebody asks.
    Stuck,
    /// Something said does not reach the chat.
    Undelivered,
    /// The last turn has no answer, and nobody asked again.
    Unanswered,
    /// It is tried again by itself.
    Retrying,
    /// Somebody is waited for.
    Awaiting,
}

impl Supervisor {
    /// What needs attention, the worst first.
    pub async fn attention(&self) -> Result<Vec<Attention>> {
        let shared = self.shared();
        let now = Timestamp::now();
        let mut found: Vec<(Badness, Attention)> = Vec::new();
        for (thread, board) in shared.boards() {
            found.extend(of_board(&thread, &board, now));
        }
        for summary in shared.conversation.threads(ThreadFilter::default()).await? {
            // What stands in the way now says more than how the last turn ended.
            let known = found
                .iter()
                .any(|(_, about)| about.thread.as_ref() == Some(&summary.thread.id));
            found.extend(of_summary(&summary).filter(|_| !known));
        }
        found.extend(of_deliveries(&shared.conversation).await?);
        Ok(sorted(found))
    }
}

/// What needs attention in what a host left that does not run, the worst first.
pub async fn attention_offline(conversation: &Conversation) -> Result<Vec<Attention>> {
    let threads = conversation.threads(ThreadFilter::default()).await?;
    let mut found: Vec<_> = threads.iter().filter_map(of_summary).collect();
    found.extend(of_deliveries(conversation).await?);
    Ok(sorted(found))
}

fn sorted(mut found: Vec<(Badness, Attention)>) -> Vec<Attention> {
    found.sort_by(|(bad, one), (worse, other)| (bad, &one.thread).cmp(&(worse, &other.thread)));
    found.into_iter().map(|(_, attention)| attention).collect()
}

/// Deliveries that need attention: the oldest by name, the others by number.
async fn of_deliveries(conversation: &Conversation) -> Result<Vec<(Badness, Attention)>> {
    let stuck = conversation.stuck_deliveries(None, NAMED).await?;
    let in_all = conversation.backlog(BacklogFilter::default()).await?.deliveries;
    let mut found: Vec<_> = stuck.iter().map(of_delivery).collect();
    if in_all > stuck.len() {
        let attention = Attention {
            thread: None,
            what: format!("{} more messages could not be delivered", in_all - stuck.len()),
            hint: Some("`agent-host threads list` says where".to_owned()),
        };
        found.push((Badness::Undelivered, attention));
    }
    Ok(found)
}

fn of_board(thread: &ThreadId, board: &Board, now: Timestamp) -> Vec<(Badness, Attention)> {
    let about = |badness, what: String, hint: &str| {
        let attention = Attention {
            thread: Some(thread.clone()),
            what,
            hint: Some(hint.to_owned()),
        };
        (badness, attention)
    };
    let mut found = Vec::new();
    if let Some(words) = &board.unwritten {
        found.push(about(
            Badness::Unwritten,
            words.clone(),
            "make room on the disk; it is tried again every second",
        ));
    }
    let cause = board.failure.as_deref().unwrap_or("its worker failed");
    let cause = cause.lines().next().unwrap_or_default();
    match board.phase {
        ThreadPhase::Failed { until: None } => found.push(about(
            Badness::Stuck,
            format!("the worker failed and is not started again by itself: {cause}"),
            "press Retry in the thread, or send it a message",
        )),
        ThreadPhase::Failed { until: Some(_) } => found.push(about(
            Badness::Retrying,
            format!("the worker failed and is tried again: {cause}"),
            "look at its agent's configuration if this goes on",
        )),
        _ => {}
    }
    if let Some(since) = board.awaiting
        && now.since(since) >= MISSED
    {
        let minutes = now.since(since).as_secs() / 60;
        let what = match board.phase {
            ThreadPhase::AwaitingLogin => "a login",
            _ => "a permission",
        };
        let what = format!("a turn waits for {what} for {minutes} minutes");
        found.push(about(
            Badness::Awaiting,
            what,
            "its owner has to answer in the thread",
        ));
    }
    found
}

fn of_summary(summary: &ThreadSummary) -> Option<(Badness, Attention)> {
    let goes_on = summary.running || summary.queued > 0;
    let what = match summary.last_end {
        Some(TurnState::Cut) if !goes_on => "the last turn was cut, and nobody asked for it again",
        Some(TurnState::Failed) if !goes_on => "the last turn failed, and nobody asked for it again",
        _ => return None,
    };
    let attention = Attention {
        thread: Some(summary.thread.id.clone()),
        what: what.to_owned(),
        hint: Some(format!(
            "press Retry in the thread; `agent-host threads skip {}` leaves it as it is",
            summary.thread.id
        )),
    };
    Some((Badness::Unanswered, attention))
}

fn of_delivery(delivery: &Delivery) -> (Badness, Attention) {
    let cause = delivery.reason.as_deref().unwrap_or("no reason is known");
    let attention = Attention {
        thread: Some(delivery.thread.clone()),
        what: format!(
            "a message could not be delivered after {} tries: {cause}",
            delivery.tries
        ),
        hint: Some(format!(
            "look at the chat's permissions; `agent-host threads show {0}` tells it, `agent-host threads skip {0} --only deliveries` gives it up",
            delivery.thread
        )),
    };
    (Badness::Undelivered, attention)
}
