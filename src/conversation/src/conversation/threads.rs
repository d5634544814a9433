//! Calls about threads.

use credentials::Timestamp;

use super::{Conversation, turns as inbox};
use crate::error::Result;
use crate::id::ThreadId;
use crate::item::{Body, Item};
use crate::tables::grants::{self, Ends};
use crate::tables::{items, threads, turns};
use crate::thread::{Counts, NewThread, Reset, Thread, ThreadChange, ThreadFilter, ThreadSummary};

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

    /// As [`change_thread`](Self::change_thread), and the thread is told by `told`; both or neither.
    pub async fn change_and_tell(&self, id: &ThreadId, change: ThreadChange, told: Item) -> Result<Thread> {
        self.shared.ids.used(told.id);
        let id = id.clone();
        self.write("change a thread", move |database| {
            threads::change(database, &id, &change)?;
            items::put(database, &told)?;
            threads::touch(database, &id, told.at)?;
            threads::get(database, &id)
        })
        .await
    }

    /// The agent begins anew in a thread: what waits is dropped for `reason`, the last turn is
    /// [dismissed](Self::dismiss), the session and all that was always allowed are forgotten, and the thread is told so in
    /// the words `told`; all of it or nothing. A turn that runs is its caller's to end.
    ///
    /// Errors: `NoThread`.
    pub async fn reset(&self, id: &ThreadId, reason: &str, told: &str) -> Result<Reset> {
        let (id, reason, told) = (id.clone(), reason.to_owned(), told.to_owned());
        let ids = self.shared.ids.clone();
        self.write("reset a thread", move |database| {
            threads::expect(database, &id)?;
            turns::dismiss(database, &id)?;
            let queued = turns::queued(database, &id)?;
            let dropped = inbox::drop_each(database, queued, (&reason, inbox::Again::Offered), &ids)?;
            let change = ThreadChange {
                session: Some(None),
                ..ThreadChange::default()
            };
            threads::change(database, &id, &change)?;
            grants::end(database, &id, Ends::All)?;
            let told = Item {
                id: ids.next(),
                thread: id.clone(),
                turn: None,
                at: Timestamp::now(),
                body: Body::told(&*told),
            };
            items::put(database, &told)?;
            threads::touch(database, &id, told.at)?;
            Ok(Reset {
                thread: threads::get(database, &id)?,
                dropped,
                told,
            })
        })
        .await
    }

    /// How many of what there are, from one moment.
    pub async fn counts(&self) -> Result<Counts> {
        self.read("count", threads::counts).await
    }
}
