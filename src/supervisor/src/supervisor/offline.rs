//! What a tool does to a thread while no host runs, as the host would have done it.

use std::path::Path;

use conversation::{Conversation, Grant, GrantId, ThreadId};

use super::Result;
use crate::shared::session_folder;
use crate::task;
use crate::task::renewal::{RESET, WAS_RESET, clear_session};

/// Takes all that waits in a thread out of its queue, forgets the agent's session, and tells the thread. The timeline and
/// the files stay. A turn that a host left running is over. For the one who holds the state folder.
///
/// Errors: `Conversation`, such as `NoThread`; `System` if the session's folder can't be cleared. Cancelled, it may have
/// done a part; done again, it does the rest.
pub async fn reset_offline(
    conversation: &Conversation,
    state_folder: &Path,
    thread: &ThreadId,
) -> Result<()> {
    conversation.dismiss_left(thread).await?;
    conversation.reset(thread, WAS_RESET, RESET).await?;
    clear_session(session_folder(state_folder, thread)).await
}

/// Takes back what is always allowed in a thread: one, or all but what the agent remembers itself; and tells the thread. For
/// the one who holds the state folder. Gives back what was taken.
///
/// Errors: `Conversation`, such as `NoThread`.
pub async fn take_back_offline(
    conversation: &Conversation,
    thread: &ThreadId,
    which: Option<GrantId>,
) -> Result<Vec<Grant>> {
    task::take_back_offline(conversation, thread, which).await
}
