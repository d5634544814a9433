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

/// Threads without an answer that are named: the newest. (The others are a number, however long ago they failed.)
const NAMED_UNANSWERED: usize = 3;

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
    /// What needs attention in a thread, the worst first.
    pub async fn attention_of(&self, thread: &ThreadId) -> Result<Vec<Attention>> {
        let shared = self.shared();
        let board = shared.board(thread);
        let mut found = board.map_or_else(Vec::new, |board| of_board(thread, &board, Timestamp::now()));
        if found.is_empty() {
            let filter = ThreadFilter {
                only: Some(thread.clone()),
                ..ThreadFilter::default()
            };
            found.extend(of_summaries(shared.conversation.threads(filter).await?));
        }
        let stuck = shared.conversation.stuck_deliveries(Some(thread), NAMED).await?;
        found.extend(stuck.iter().map(of_delivery));
        Ok(sorted(found))
    }

    /// What needs attention, the worst first.
    pub async fn attention(&self) -> Result<Vec<Attention>> {
        let shared = self.shared();
        let now = Timestamp::now();
        let mut found: Vec<(Badness, Attention)> = Vec::new();
        for (thread, board) in shared.boards() {
            found.extend(of_board(&thread, &board, now));
        }
        found.sort_by(|(_, one), (_, other)| one.thread.cmp(&other.thread));
        let mut threads = shared.conversation.threads(ThreadFilter::default()).await?;
        // What stands in the way now says more than how the last turn ended.
        threads.retain(|summary| {
            let is_it = |about: &Attention| about.thread.as_ref() == Some(&summary.thread.id);
            !found.iter().any(|(_, about)| is_it(about))
        });
        found.extend(of_summaries(threads));
        found.extend(of_deliveries(&shared.conversation).await?);
        Ok(sorted(found))
    }
}

/// What needs attention in what a host left that does not run, the worst first.
pub async fn attention_offline(conversation: &Conversation) -> Result<Vec<Attention>> {
    let threads = conversation.threads(ThreadFilter::default()).await?;
    let mut found = of_summaries(threads);
    found.extend(of_deliveries(conversation).await?);
    Ok(sorted(found))
}

/// In how many threads the last turn failed or was cut, and nothing came after it.
pub async fn unanswered(conversation: &Conversation) -> Result<usize> {
    let threads = conversation.threads(ThreadFilter::default()).await?;
    Ok(threads.iter().filter(|summary| is_unanswered(summary)).count())
}

fn sorted(mut found: Vec<(Badness, Attention)>) -> Vec<Attention> {
    // What is said of several threads comes after what is said of one.
    found.sort_by_key(|(badness, about)| (*badness, about.thread.is_none()));
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
            here: None,
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
            here: match badness {
                Badness::Stuck => Some("Press Retry, or send a message."),
                Badness::Awaiting => Some("Whose thread this is has to answer, or who is listed for that."),
                _ => Some("Tell whoever runs this host if it goes on."),
            },
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

/// Threads whose last turn has no answer, the newest first: these by name, the others by number.
fn of_summaries(mut threads: Vec<ThreadSummary>) -> Vec<(Badness, Attention)> {
    threads.retain(is_unanswered);
    let others = threads.len().saturating_sub(NAMED_UNANSWERED);
    let named = threads.iter().take(NAMED_UNANSWERED).map(of_summary);
    let more = (others > 0).then(|| Attention {
        thread: None,
        what: format!(
            "{others} more {}: the last turn failed or was cut, and nobody asked for it again",
            if others == 1 { "thread" } else { "threads" }
        ),
        hint: Some(
            "`agent-host threads list` names them; `agent-host threads skip --all-failed` dismisses these notices, of all \
             threads"
                .to_owned(),
        ),
        here: None,
    });
    let found = named.chain(more);
    found.map(|attention| (Badness::Unanswered, attention)).collect()
}

/// Whether the last turn failed or was cut, and nothing came after it.
pub(super) fn is_unanswered(summary: &ThreadSummary) -> bool {
    let goes_on = summary.running || summary.queued > 0;
    !goes_on && matches!(summary.last_end, Some(TurnState::Cut | TurnState::Failed))
}

fn of_summary(summary: &ThreadSummary) -> Attention {
    let what = match summary.last_end {
        Some(TurnState::Cut) => "the last turn was cut, and nobody asked for it again",
        _ => "the last turn failed, and nobody asked for it again",
    };
    Attention {
        thread: Some(summary.thread.id.clone()),
        what: what.to_owned(),
        hint: Some(format!(
            "press Retry in the thread; `agent-host threads skip {}` dismisses this notice without an answer",
            summary.thread.id
        )),
        here: Some("Press Retry, or send a message."),
    }
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
            "look at what the chat lets the host do there (permissions, whether the thread is locked); `agent-host threads show {0}` tells it, `agent-host threads skip {0} --only deliveries` gives it up",
            delivery.thread
        )),
        here: Some("See what I may do in this channel; then `/queue retry:True` tries it again."),
    };
    (Badness::Undelivered, attention)
}
