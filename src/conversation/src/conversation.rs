//! The handle.

use std::path::Path;

use thiserror::Error;

use crate::id::{ItemId, SourceId, ThreadId, TurnId};
use crate::item::Item;
use crate::thread::{NewThread, Thread, ThreadChange, ThreadFilter, ThreadSummary};
use crate::turn::{Enqueued, NewTurn, Turn, TurnEnd};

/// What was said. A clonable handle on the one task that writes.
#[derive(Debug, Clone)]
pub struct Conversation {}

/// What was found at start-up.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// Turns that were running when the last host died; they are `cut` now.
    pub cut: Vec<Turn>,
    /// Threads that have queued turns.
    pub waiting: Vec<ThreadId>,
}

/// Why something could not be kept or found.
#[derive(Debug, Error)]
pub enum ConversationError {
    /// No such thread.
    #[error("there is no thread `{0}`")]
    NoThread(ThreadId),
    /// No such turn, or it is past the state that the call needs.
    #[error("turn {0} is not there, or no longer in the state this needs")]
    NoTurn(TurnId),
    /// The database refused.
    #[error("could not {what} in `{path}`: {cause}")]
    Database {
        /// What was tried.
        what: &'static str,
        /// The file.
        path: String,
        /// Its words.
        cause: String,
    },
    /// The writer has ended.
    #[error("the conversation is closed")]
    Closed,
}

type Result<T> = std::result::Result<T, ConversationError>;

#[expect(
    clippy::todo,
    clippy::unused_async,
    unused_variables,
    reason = "skeleton, being filled in"
)]
impl Conversation {
    /// Opens `conversation.db` in the state folder, creates or migrates it. Blocking; call it at start-up.
    pub fn open(state_folder: &Path) -> Result<(Self, Found)> {
        todo!()
    }

    /// Opens a thread, or gives back the one with that id.
    pub async fn open_thread(&self, new: NewThread) -> Result<Thread> {
        todo!()
    }

    /// A thread.
    pub async fn thread(&self, id: &ThreadId) -> Result<Thread> {
        todo!()
    }

    /// Threads, most recently active first.
    pub async fn threads(&self, filter: ThreadFilter) -> Result<Vec<ThreadSummary>> {
        todo!()
    }

    /// Changes a thread.
    pub async fn change_thread(&self, id: &ThreadId, change: ThreadChange) -> Result<Thread> {
        todo!()
    }

    /// Accepts a message: its turn and its entry in the timeline, in one transaction. When this returns, it is durable.
    pub async fn enqueue(&self, new: NewTurn) -> Result<Enqueued> {
        todo!()
    }

    /// The oldest queued turn of a thread becomes running; `None` if none waits or one runs already.
    pub async fn start_next(&self, thread: &ThreadId) -> Result<Option<Turn>> {
        todo!()
    }

    /// Ends a running or queued turn. Ending one that has ended changes nothing and is `NoTurn`.
    pub async fn finish(&self, turn: TurnId, end: TurnEnd, reason: Option<String>) -> Result<Turn> {
        todo!()
    }

    /// Steer: the text and files of the queued turn `from` are merged into the running turn `into` (whose attempt
    /// counter grows), and `from` ends as stopped with a reason that names `into`.
    pub async fn merge(&self, from: TurnId, into: TurnId) -> Result<Turn> {
        todo!()
    }

    /// Interrupt: ends every queued turn of a thread but `except` as stopped. Gives back which.
    pub async fn drop_queued(
        &self,
        thread: &ThreadId,
        except: Option<TurnId>,
        reason: &str,
    ) -> Result<Vec<Turn>> {
        todo!()
    }

    /// A turn that failed, was stopped or cut is queued again, as a new turn with a derived source id; asking twice for
    /// the same one gives the same new turn.
    pub async fn retry(&self, turn: TurnId) -> Result<Enqueued> {
        todo!()
    }

    /// A turn.
    pub async fn turn(&self, id: TurnId) -> Result<Turn> {
        todo!()
    }

    /// Turns of a thread that wait, in order.
    pub async fn queued(&self, thread: &ThreadId) -> Result<Vec<Turn>> {
        todo!()
    }

    /// A turn by the chat's name of its message.
    pub async fn by_source(&self, thread: &ThreadId, source: &SourceId) -> Result<Option<Turn>> {
        todo!()
    }

    /// A fresh id for an entry of a timeline; not durable by itself.
    pub fn new_item_id(&self) -> ItemId {
        todo!()
    }

    /// Writes entries of timelines, new ones and changed ones, in one transaction.
    pub async fn put_items(&self, items: Vec<Item>) -> Result<()> {
        todo!()
    }

    /// The newest `limit` entries of a timeline before `before` (or the newest of all), in order.
    pub async fn items(&self, thread: &ThreadId, before: Option<ItemId>, limit: usize) -> Result<Vec<Item>> {
        todo!()
    }

    /// Waits until everything accepted is durable, and ends the writer. Later calls are `Closed`.
    pub async fn close(&self) -> Result<()> {
        todo!()
    }
}
