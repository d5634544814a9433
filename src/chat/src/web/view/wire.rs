//! What the page's script is sent: the data of server-sent events and the answers to its POSTs, as JSON.
//!
//! Events, by name: `snapshot` ([`SnapshotEvent`]), `item` ([`ItemEvent`]), `patch` ([`PatchEvent`]), `queue`
//! ([`QueueEvent`]), `phase` ([`PhaseView`]), `thread` ([`ThreadView`]), `list` ([`LineEvent`]), `beat` (nothing
//! else was to be said for a while). `hello` with `{"boot": "…", "now": 0}` (the host's clock, in milliseconds since 1970) is the first on every stream. An id
//! is `<boot>-<revision>`, on those events after which nothing older is missing. All carry the newest whole state of what they name, so the script may see one twice. It opens
//! `/events?thread=<local id>&last=<boot>-<revision>`; `last` is left out the first time, and the browser's own
//! `Last-Event-ID` wins over it.
//!
//! A `patch` of an entry that the page has not got makes it begin anew: send the `item` first, from [`item`](super::item())
//! of the very text that the [`TextStream`](super::TextStream) was brought up to.

use conversation::{Dispatch, Thread};
use serde::Serialize;

use super::phase::PhaseView;
use super::stream::Patch;

/// A whole thread; replaces what the page has, entry by entry.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct SnapshotEvent {
    /// The revision of this state.
    pub(crate) revision: u64,
    /// The newest entries, in order, and before them those that wait for an answer.
    pub(crate) items: Vec<ItemEvent>,
    /// The id from which on none is missing; 0: none is missing at all.
    pub(crate) from: i64,
    /// From [`queue`](super::queue).
    pub(crate) queue: String,
    /// What it is at.
    pub(crate) phase: PhaseView,
    /// The thread.
    pub(crate) thread: ThreadView,
}

/// An entry is new, or has changed as a whole.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct ItemEvent {
    /// Its id; entries stand in the order of turns, and in a turn in that of ids.
    pub(crate) id: i64,
    /// Its turn.
    pub(crate) turn: Option<i64>,
    /// From [`item`](super::item()): one element with the id `i<id>`.
    pub(crate) html: String,
    /// The script ignores one that is older than what it has.
    pub(crate) revision: u64,
}

/// Words were added to an answer or a thought.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct PatchEvent {
    /// The entry.
    pub(crate) id: i64,
    /// As in [`ItemEvent`].
    pub(crate) revision: u64,
    /// What changes.
    #[serde(flatten)]
    pub(crate) patch: Patch,
}

/// Turns wait, or no longer do.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct QueueEvent {
    /// From [`queue`](super::queue).
    pub(crate) html: String,
}

/// A line of the thread list.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct LineEvent {
    /// The thread's id, whole.
    pub(crate) id: String,
    /// From [`thread_line`](super::thread_line); empty: the thread is gone.
    pub(crate) html: String,
    /// When something new last happened in it, in milliseconds since 1970: the list is in this order, newest first.
    pub(crate) active: i64,
}

/// What the header and the composer show of a thread.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct ThreadView {
    /// Its id, whole.
    pub(crate) id: String,
    /// Its title; may be empty.
    pub(crate) title: String,
    /// Its agent, by name.
    pub(crate) agent: String,
    /// Its model, if it has one of its own.
    pub(crate) model: Option<String>,
    /// The mode of its agent, if one was chosen.
    pub(crate) mode: Option<String>,
    /// What a message does that comes while it works.
    pub(crate) dispatch: Dispatch,
}

impl ThreadView {
    /// Of a thread as it is kept.
    pub(crate) fn of(thread: &Thread) -> Self {
        Self {
            id: thread.id.to_string(),
            title: thread.title.clone(),
            agent: thread.agent.clone(),
            model: thread.model.clone(),
            mode: thread.mode.clone(),
            dispatch: thread.dispatch,
        }
    }
}

/// A file that was taken in; the script sends `id` with the message.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Uploaded {
    /// Names the upload.
    pub(crate) id: String,
    /// Its name as kept.
    pub(crate) name: String,
    /// Bytes.
    pub(crate) size: u64,
    /// Media type.
    pub(crate) mime: String,
}

/// The answer to a `/` command.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct CommandAnswer {
    /// What to say below the timeline, plain text; lines stay lines.
    pub(crate) words: String,
    /// A page of ours to go to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) open: Option<String>,
    /// Whether there is no such command: it may have been meant as text.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) unknown: bool,
    /// The command that was meant, perhaps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) nearest: Option<&'static str>,
}

/// The body of every answer that is not a success. Status 409, 429 and 5xx with `again` are tried again by the script.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Refusal {
    /// What went wrong, in words.
    pub(crate) error: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) hint: Option<String>,
    /// Whether the same request may be sent again, unchanged, in a moment.
    pub(crate) again: bool,
}
