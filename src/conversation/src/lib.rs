//! What was said: threads, the inbox of turns, the timeline of what people and agents said and did, and the outbox of
//! deliveries. Durable: what an awaited call has returned survives a SIGKILL and a loss of power.

mod conversation;
mod id;
mod item;
mod thread;
mod turn;

pub use conversation::{Conversation, ConversationError, Found};
pub use id::{DeliveryId, IdError, ItemId, SourceId, ThreadId, TurnId};
pub use item::{
    Attachment, Body, Decision, Diff, Item, NoteKind, PlanEntry, PlanStatus, ToolCall, ToolKind, ToolStatus,
};
pub use thread::{Dispatch, NewThread, Thread, ThreadChange, ThreadFilter, ThreadSummary};
pub use turn::{Enqueued, NewTurn, Turn, TurnEnd, TurnState};
