//! Requests that nobody is asked, because nobody could look at them, or at all of them.

use agent_client_protocol::v1::schema::ToolCallUpdate;
use conversation::{Body, NoteKind};

use super::USE_A_TOOL;
use crate::process::Reply;
use crate::task::Task;
use crate::timeline::{LONGEST_ASKED, brief};
use crate::worker::PermissionAnswer;

/// Bytes of them all, together.
const MOST_OPEN_BYTES: usize = LONGEST_ASKED;

/// Bytes that people can be asked about in one turn: each request is kept as a whole.
const MOST_ASKED: usize = 64 * 1024 * 1024;

/// Questions of one turn that nobody was shown, and each of which is told.
const MOST_TOLD: u32 = 16;

/// Why nobody is asked.
#[derive(Debug, Clone, Copy)]
pub(super) enum Unseen {
    /// It alone is too long, or not known as a whole.
    Long,
    /// With what is open it is.
    MuchAtOnce,
    /// With what was asked in this turn it is.
    Much,
}

/// What a request takes beside its words.
const FRAME: usize = 16 * 1024;

impl Task {
    /// Why a request can't be shown, if it can't; else it is counted.
    pub(super) fn has_no_room_for(&mut self, body: &Body) -> Option<Unseen> {
        let size = body.size();
        let open = self.asks.permissions.iter().map(|open| open.item.body.size());
        let running = self.turn.as_mut()?;
        if size > LONGEST_ASKED + FRAME {
            return Some(Unseen::Long);
        }
        if open.sum::<usize>() + size > MOST_OPEN_BYTES + FRAME {
            return Some(Unseen::MuchAtOnce);
        }
        if running.asked + size > MOST_ASKED {
            return Some(Unseen::Much);
        }
        running.asked += size;
        None
    }

    /// Nobody can look at all of it, so nobody is asked.
    pub(super) async fn deny_unseen(
        &mut self,
        tool_call: &ToolCallUpdate,
        reply: Reply<PermissionAnswer>,
        unseen: Unseen,
    ) {
        let (why, told) = match unseen {
            Unseen::Long => (
                format!(
                    "nobody could look at it: it is longer than {} MiB, or the agent asked too late, when it was no longer \
                     known as a whole",
                    LONGEST_ASKED >> 20
                ),
                "it is too long to be looked at; do it in smaller steps",
            ),
            Unseen::MuchAtOnce => (
                format!(
                    "with what else it asks at the same time it is longer than {} MiB",
                    MOST_OPEN_BYTES >> 20
                ),
                "the open questions are too long to be looked at together; ask one after the other",
            ),
            Unseen::Much => (
                format!(
                    "what it asked for in this turn is longer than {} MiB in all; it can go on in the next turn",
                    MOST_ASKED >> 20
                ),
                "what was asked for in this turn is too much to be looked at; go on in the next turn",
            ),
        };
        if let Some(running) = &mut self.turn {
            running.unseen += 1;
            if running.unseen <= MOST_TOLD {
                let what = brief(tool_call.fields.title.as_deref().unwrap_or(USE_A_TOOL));
                let words =
                    format!("The agent asked whether it may do this: {what}. It was told no, because {why}.");
                self.note(NoteKind::Warning, words, None).await;
            }
        }
        reply.give(PermissionAnswer::Unanswered(told));
    }
}
