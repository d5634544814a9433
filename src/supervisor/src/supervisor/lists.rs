//! Lists: threads and workers as they are now.

use conversation::ThreadFilter;

use super::{Result, Supervisor};
use crate::command::Command;
use crate::models::Offers;
use crate::shared::Board;
use crate::status::{ThreadStatus, WorkerState, WorkerStatus};

impl Supervisor {
    /// Names and titles of the agents.
    pub fn agents(&self) -> Vec<(String, String)> {
        let names = self.shared().config.agents.keys();
        names.map(|name| (name.clone(), self.title_of(name))).collect()
    }

    /// What people call an agent: its title, with its name where that is needed to tell it from another.
    pub fn title_of(&self, agent: &str) -> String {
        self.shared().config.title_of(agent)
    }

    /// What an agent of somebody else's offers to choose from. `None`: that is not known before it has run.
    pub fn offers(&self, agent: &str) -> Option<Offers> {
        self.shared().offers.get(agent).map(|offers| offers.clone())
    }

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
