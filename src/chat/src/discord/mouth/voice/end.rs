//! Why a voice looks up from what it follows.

use std::panic::AssertUnwindSafe;

use conversation::{ConversationError, ItemId};
use futures_util::FutureExt as _;
use supervisor::SupervisorError;

/// Why a voice looks up.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Everything up to the newest entry is said. The first one of a turn whose message lacks its sign, as its thread is shut.
    Said {
        newest: ItemId,
        unsigned: Option<ItemId>,
    },
    /// It fell behind.
    Resync,
    /// What comes after this entry is looked at again.
    Again(ItemId),
    /// It could not be listened to, for this reason; it may be later.
    Broken(String),
    /// The bot was taken out of the thread.
    TakenOut,
    /// The host is stopping, or there is no such thread.
    Closed,
}

impl End {
    /// Of a thread that could not be listened to.
    pub(super) fn of(error: &SupervisorError) -> Self {
        match error {
            SupervisorError::Draining | SupervisorError::Conversation(ConversationError::NoThread(_)) => {
                Self::Closed
            }
            error => Self::Broken(error.to_string()),
        }
    }
}

/// How it ended; where it broke, which is a defect of ours, it is begun anew like after any other trouble.
pub(super) async fn unbroken(follow: impl Future<Output = End>) -> End {
    let followed = AssertUnwindSafe(follow).catch_unwind().await;
    followed.unwrap_or_else(|_| End::Broken("telling it broke, which is a defect".to_owned()))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::*;

    #[tokio::test]
    async fn a_voice_that_breaks_begins_anew() {
        let broken = unbroken(async {
            assert!(
                Instant::now() < Instant::now() - Duration::from_secs(1),
                "it breaks"
            );
            End::Closed
        });
        assert!(matches!(broken.await, End::Broken(why) if why.contains("defect")));
        assert_eq!(unbroken(async { End::Resync }).await, End::Resync);
    }
}
