//! What was said: threads, the inbox of turns, the timeline of what people and agents said and did, and the outbox of
//! deliveries. Durable: what an awaited call has returned survives a SIGKILL and a loss of power.
//!
//! One thread writes, others read; callers hold a [`Conversation`] and await. What a turn and a delivery may become is
//! decided by pure functions beside their types; `tables` holds the SQL, `recovery` what happens at a start, and [`harmless`]
//! takes out of words what deceives their readers.
//! `adr/0004` says why it is built like this.

mod backlog;
mod columns;
mod conversation;
mod database;
mod delivery;
mod error;
mod grant;
pub mod harmless;
mod id;
mod item;
mod order;
mod reader;
mod recovery;
mod tables;
mod thread;
mod turn;
mod writer;

pub use backlog::{Backlog, BacklogFilter, Waiting, WaitingKind};
pub use conversation::{Conversation, Part, Spoke, Spoken};
pub use delivery::{Claim, Delivery, DeliveryState, MAX_TRIES, NewDelivery, Outcome};
pub use error::ConversationError;
pub use grant::{Grant, Keeper};
pub use id::{DeliveryId, GrantId, IdError, ItemId, SourceId, ThreadId, TurnId};
pub use item::{
    Attachment, Body, Choice, ChoiceKind, Decision, Diff, Item, LoginEnd, NoteKind, PlanEntry, PlanStatus,
    ToolCall, ToolKind, ToolStatus, Window,
};
pub use order::in_order;
pub use recovery::Found;
pub use thread::{
    Counts, Dispatch, NewThread, Permissions, Reset, Thread, ThreadChange, ThreadFilter, ThreadSummary,
};
pub use turn::{Dropped, Enqueued, Merged, NewTurn, Turn, TurnEnd, TurnState};
