//! What follows when a thread's task broke, which is a defect: nothing of its worker stays, its turn is cut, its thread is
//! told, and another task takes its place and goes on with what waits.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use conversation::{Body, ConversationError, Item, NoteKind, ThreadId, TurnId};
use credentials::Timestamp;
use tokio::sync::mpsc;

use super::{Board, Shared};

/// Between two tries to write down what happened.
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// Carries a task to its end. One that ends in a panic gets a successor.
pub(super) struct Bier {
    pub(super) shared: Arc<Shared>,
    pub(super) id: ThreadId,
    pub(super) number: u64,
    pub(super) board: Arc<Mutex<Board>>,
    pub(super) revision: Arc<AtomicU64>,
    /// Ends when nothing lives that the task has started. Taken once.
    pub(super) life: Option<mpsc::Receiver<()>>,
    pub(super) alive: mpsc::Sender<()>,
}

/// What a task left that broke.
#[derive(Debug)]
pub(crate) struct Fallen {
    thread: ThreadId,
    running: Option<TurnId>,
    life: mpsc::Receiver<()>,
}

impl Drop for Bier {
    fn drop(&mut self) {
        let life = self.life.take().filter(|_| std::thread::panicking());
        let Some(life) = life else {
            return self.shared.remove(&self.id, self.number);
        };
        let running = self.board.lock().unwrap_or_else(PoisonError::into_inner).running;
        tracing::error!(thread = %self.id, turn = ?running, "a thread's task broke; its worker is ended");
        // Before a successor can begin: who looked at the thread must not take what is new for old.
        let revision = self.revision.load(Ordering::Relaxed);
        self.shared.revision.fetch_max(revision, Ordering::Relaxed);
        let fallen = Fallen {
            thread: self.id.clone(),
            running,
            life,
        };
        if let Some(fallen) = self.shared.succeed(&self.id, fallen) {
            let (shared, alive) = (Arc::clone(&self.shared), self.alive.clone());
            drop(tokio::spawn(async move {
                fallen.bury(&shared).await;
                drop(alive);
            }));
        }
    }
}

impl Fallen {
    /// Returns when nothing of its worker lives, and what happened is written down; with a host that is going down, when
    /// that was tried. Whether a turn was cut.
    pub(crate) async fn bury(mut self, shared: &Shared) -> bool {
        // Nobody ever sends.
        while self.life.recv().await.is_some() {}
        let id = shared.conversation.new_item_id();
        loop {
            match self.tell(shared, id).await {
                // A thread or turn that is not there can't be told.
                Ok(()) | Err(ConversationError::NoThread(_) | ConversationError::NoTurn(_)) => break,
                Err(error) => {
                    tracing::error!(thread = %self.thread, %error, "could not tell a thread that its task broke");
                    if shared.is_draining() {
                        break;
                    }
                    tokio::time::sleep(TRY_AGAIN).await;
                }
            }
        }
        shared.saw_item(&self.thread, id);
        shared.list_changed(&self.thread);
        self.running.is_some()
    }

    async fn tell(&self, shared: &Shared, id: conversation::ItemId) -> Result<(), ConversationError> {
        let broke = "something in the host broke; its log says more";
        let waiting = shared.conversation.queued(&self.thread).await?;
        let (more, retry) = match (self.running, waiting.first()) {
            (Some(turn), _) => ("The turn was cut.", Some(turn)),
            // It may have broken on this very one: somebody has to ask for it.
            (None, Some(turn)) => (
                "What waits goes on when you press Retry, or send a message.",
                Some(turn.id),
            ),
            (None, None) => ("Nothing that was said is lost.", None),
        };
        let told = Item {
            id,
            thread: self.thread.clone(),
            turn: self.running,
            at: Timestamp::now(),
            body: Body::Note {
                kind: NoteKind::Error,
                text: format!("{} {more}", crate::ending::sentence(broke)),
                retry,
            },
        };
        match self.running {
            Some(turn) => shared.conversation.cut(turn, broke.to_owned(), told).await,
            None => shared.conversation.put_items(vec![told]).await,
        }
    }
}
