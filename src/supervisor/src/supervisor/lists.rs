//! Lists: threads and workers as they are now.

use conversation::ThreadFilter;

use super::{Result, Supervisor};
use crate::command::Command;
use crate::shared::Board;
use crate::status::{ThreadStatus, WorkerState, WorkerStatus};

impl Supervisor {
    /// Threads as lists show them.
    pub async fn threads(&self, filter: ThreadFilter) -> Result<Vec<ThreadStatus>> {
        let shared = self.shared();
        let mut threads = Vec::new();
        for summary in shared.conversation.threads(filter).await? {
            let Board { phase, doing, .. } = shared.board(&summary.thread.id).unwrap_or_default();
            threads.push(ThreadStatus {
                summary,
                phase,
                doing,
            });
        }
        Ok(threads)
    }

    /// All workers, and those that are being started or failed.
    pub async fn workers(&self) -> Vec<WorkerStatus> {
        let shared = self.shared();
        let mut workers = Vec::new();
        for (thread, board) in shared.boards() {
            if board.state == WorkerState::Cold {
                continue;
            }
            // A thread that ended meanwhile has none.
            if let Ok(Some(worker)) = shared.ask(&thread, Command::Worker).await {
                workers.push(worker);
            }
        }
        workers.sort_by(|one, other| one.thread.cmp(&other.thread));
        workers
    }
}
