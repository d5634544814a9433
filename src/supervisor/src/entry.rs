//! Entries that are the host's own, not an agent's: of now, and with an id of their own. Whoever makes one writes it.

use conversation::{Body, Conversation, Item, ThreadId, TurnId};
use credentials::Timestamp;

/// An entry of a thread, about a turn of it or about none.
pub(crate) fn entry(
    conversation: &Conversation,
    thread: &ThreadId,
    turn: Option<TurnId>,
    body: Body,
) -> Item {
    Item {
        id: conversation.new_item_id(),
        thread: thread.clone(),
        turn,
        at: Timestamp::now(),
        body,
    }
}
