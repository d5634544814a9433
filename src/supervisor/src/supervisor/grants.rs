//! What is always allowed in a thread: listed, and taken back.

use conversation::{Grant, GrantId, ThreadId};
use credentials::UserId;

use super::{Result, Supervisor};
use crate::command::{Command, TakenBack};

impl Supervisor {
    /// What is always allowed in a thread, the oldest first.
    ///
    /// Errors: `Conversation`, such as `NoThread`.
    pub async fn grants(&self, thread: &ThreadId) -> Result<Vec<Grant>> {
        Ok(self.shared().conversation.grants(thread).await?)
    }

    /// Takes back one of them, or all, but for those that the agent remembers itself; a running turn asks again, too. `name`
    /// is what the thread is told. Durable when it returns; gives back what was taken.
    ///
    /// Errors: `NotAllowed` but for the thread's owner and the operator; `Conversation`.
    pub async fn take_back(
        &self,
        thread: &ThreadId,
        which: Option<GrantId>,
        by: &UserId,
        name: &str,
    ) -> Result<Vec<Grant>> {
        let back = TakenBack {
            which,
            by: by.clone(),
            name: name.to_owned(),
        };
        self.shared()
            .ask(thread, |promise| Command::TakeBack(back, promise))
            .await
    }
}
