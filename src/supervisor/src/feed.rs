//! The updates of one thread, numbered, to any number of subscribers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use conversation::ThreadId;
use tokio::sync::Notify;
use tokio::sync::broadcast::{self, error::RecvError};

use crate::update::{Change, Update};

/// Updates that a subscriber may be behind before it has to take a new snapshot. Each slot is some 300 bytes, and there
/// are none without a subscriber.
const BEHIND: usize = 128;

/// Bytes of an entry that are kept for those that are behind; a longer one they get with a snapshot.
const LONGEST: usize = 512 * 1024;

/// The sending end, owned by the thread's task.
#[derive(Debug)]
pub(crate) struct Feed {
    thread: ThreadId,
    revision: Arc<AtomicU64>,
    sender: Option<broadcast::Sender<Update>>,
    left: Arc<Notify>,
}

/// The receiving end.
#[derive(Debug)]
pub(crate) struct Tap {
    thread: ThreadId,
    revision: Arc<AtomicU64>,
    receiver: broadcast::Receiver<Update>,
    left: Arc<Notify>,
}

impl Feed {
    /// A feed whose next update has a revision above `revision`, which it counts up.
    pub(crate) fn new(thread: ThreadId, revision: Arc<AtomicU64>) -> Self {
        Self {
            thread,
            revision,
            sender: None,
            left: Arc::new(Notify::new()),
        }
    }

    /// The revision of the last update.
    pub(crate) fn revision(&self) -> u64 {
        self.revision.load(Ordering::Relaxed)
    }

    /// Whether anybody subscribes.
    pub(crate) fn is_heard(&self) -> bool {
        self.sender
            .as_ref()
            .is_some_and(|sender| sender.receiver_count() > 0)
    }

    /// Numbers and sends a change. Subscribers that are too slow for it lose it and are told so.
    pub(crate) fn publish(&mut self, change: Change) {
        let revision = self.revision.fetch_add(1, Ordering::Relaxed) + 1;
        if !self.is_heard() {
            self.sender = None;
            return;
        }
        let change = match change {
            Change::Item(item) if item.body.size() > LONGEST => Change::Resync,
            change => change,
        };
        if let Some(sender) = &self.sender {
            let thread = self.thread.clone();
            // An error means that the last subscriber left this very moment.
            let _ = sender.send(Update {
                thread,
                revision,
                change,
            });
        }
    }

    /// A new subscriber, who gets everything from now on.
    pub(crate) fn tap(&mut self) -> Tap {
        let sender = self.sender.get_or_insert_with(|| broadcast::Sender::new(BEHIND));
        Tap {
            thread: self.thread.clone(),
            revision: Arc::clone(&self.revision),
            receiver: sender.subscribe(),
            left: Arc::clone(&self.left),
        }
    }

    /// Tells when a subscriber leaves.
    pub(crate) fn left(&self) -> Arc<Notify> {
        Arc::clone(&self.left)
    }
}

impl Tap {
    /// The next update. Cancel safe.
    pub(crate) async fn next(&mut self) -> Option<Update> {
        match self.receiver.recv().await {
            Ok(update) => Some(update),
            Err(RecvError::Lagged(_)) => Some(Update {
                thread: self.thread.clone(),
                revision: self.revision.load(Ordering::Relaxed),
                change: Change::Resync,
            }),
            Err(RecvError::Closed) => None,
        }
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        // The receiver goes right after this; the task looks again a moment later, and not only now.
        self.left.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use conversation::{Body, Dispatch, Item, ItemId, TurnId};
    use credentials::Timestamp;

    use super::*;
    use crate::update::{Doing, ThreadPhase};

    fn feed() -> Feed {
        Feed::new(ThreadId::parse("web:a").unwrap(), Arc::new(AtomicU64::new(40)))
    }

    fn change(number: i64) -> Change {
        Change::Phase {
            phase: ThreadPhase::Working,
            doing: Some(Doing {
                turn: TurnId(number),
                what: "thinking".into(),
                since: Timestamp::ANCIENT,
                dispatch: Dispatch::Queue,
            }),
        }
    }

    #[tokio::test]
    async fn each_subscriber_gets_everything_from_its_beginning_on_with_growing_revisions() {
        let mut feed = feed();
        feed.publish(change(1));
        let mut early = feed.tap();
        feed.publish(change(2));
        let mut late = feed.tap();
        feed.publish(change(3));
        let revisions = [
            early.next().await.unwrap().revision,
            early.next().await.unwrap().revision,
        ];
        assert_eq!((revisions, late.next().await.unwrap().revision), ([42, 43], 43));
    }

    #[tokio::test]
    async fn a_subscriber_who_falls_behind_is_told_to_take_a_new_snapshot() {
        let mut feed = feed();
        let mut slow = feed.tap();
        for number in 0..1000 {
            feed.publish(change(number));
        }
        let first = slow.next().await.unwrap();
        assert!(matches!(first.change, Change::Resync), "{first:?}");
        assert_eq!(
            first.revision,
            feed.revision(),
            "the snapshot that it takes now has at least this revision"
        );
    }

    #[tokio::test]
    async fn an_entry_that_is_too_long_to_be_kept_for_all_is_had_with_a_snapshot() {
        let mut feed = feed();
        let mut tap = feed.tap();
        let note = |text: String| {
            Change::Item(Item {
                id: ItemId(1),
                thread: ThreadId::parse("web:a").unwrap(),
                turn: None,
                at: Timestamp::ANCIENT,
                body: Body::Answer { text },
            })
        };
        feed.publish(note("x".repeat(LONGEST)));
        feed.publish(note("x".into()));
        assert!(matches!(tap.next().await.unwrap().change, Change::Resync));
        assert!(matches!(tap.next().await.unwrap().change, Change::Item(_)));
    }

    #[tokio::test]
    async fn the_feed_knows_whether_anybody_listens_and_ends_with_its_owner() {
        let mut feed = feed();
        assert!(!feed.is_heard());
        let mut tap = feed.tap();
        assert!(feed.is_heard());
        let left = feed.left();
        drop(feed.tap());
        left.notified().await;
        assert!(feed.is_heard());
        drop(feed);
        assert!(tap.next().await.is_none());
    }
}
