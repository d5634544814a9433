//! Calls about threads.

use credentials::Timestamp;

use super::Conversation;
use crate::error::Result;
use crate::id::ThreadId;
use crate::tables::threads;
use crate::thread::{Counts, NewThread, Thread, ThreadChange, ThreadFilter, ThreadSummary};

impl Conversation {
    /// Opens a thread, or gives back the one with that id, unchanged.
    pub async fn open_thread(&self, new: NewThread) -> Result<Thread> {
        self.write("open a thread", move |database| {
            threads::open(database, &new, Timestamp::now())
        })
        .await
    }

    /// A thread.
    pub async fn thread(&self, id: &ThreadId) -> Result<Thread> {
        let id = id.clone();
        self.read("read a thread", move |database| threads::get(database, &id))
            .await
    }

    /// Threads, most recently active first.
    pub async fn threads(&self, filter: ThreadFilter) -> Result<Vec<ThreadSummary>> {
        self.read("list the threads", move |database| {
            threads::list(database, &filter)
        })
        .await
    }

    /// Changes a thread. Its place in lists stays.
    pub async fn change_thread(&self, id: &ThreadId, change: ThreadChange) -> Result<Thread> {
        let id = id.clone();
        self.write("change a thread", move |database| {
            threads::change(database, &id, &change)
        })
        .await
    }

    /// How many of what there are, from one moment.
    pub async fn counts(&self) -> Result<Counts> {
        self.read("count", threads::counts).await
    }
}
