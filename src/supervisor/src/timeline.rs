//! The timeline of a running turn: what the agent reports becomes entries, which are published and written as they grow.
//! No I/O: it says what is to be published and written, and its owner does it.

use conversation::{
    Attachment, Body, Item, ItemId, PlanEntry, PlanStatus, ThreadId, ToolStatus, TurnId, harmless,
};
use credentials::Timestamp;

use agent_client_protocol::v1::schema::{Plan, PlanEntryStatus, ResourceLink, SessionUpdate};

use crate::update::Change;

mod aside;
mod chunk;
mod input;
mod original;
mod tool;

use original::Original;
pub(crate) use original::{Asked, LONGEST_ASKED};
pub use tool::describe_diffs;
pub(crate) use tool::{brief, call_name};

/// An answer or a thought that grows above so many bytes is continued in a new entry: one with room for a letter of four
/// bytes is whole.
pub const LONGEST_TEXT: usize = 256 * 1024;

/// Entries kept at hand for later changes; older ones that are finished are let go.
const KEPT: usize = 256;

/// Bytes of them.
const KEPT_BYTES: usize = 8 * 1024 * 1024;

/// Steps of a plan, and bytes of one.
const MOST_STEPS: usize = 200;
const LONGEST_STEP: usize = 2000;

/// Tool calls that may run at the same time; above it the oldest is taken for one that never ends.
const MOST_UNFINISHED: usize = 256;

/// What an entry costs beside its words.
const FRAME: usize = 512;

/// Gives ids to new entries.
pub(crate) type Ids<'a> = &'a mut dyn FnMut() -> ItemId;

/// What the owner has to do after an update was applied.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct After {
    /// Publish now, not at the next tick.
    pub(crate) publish: bool,
    /// Write now, not at the next tick.
    pub(crate) write: bool,
    /// What the agent is doing, if this says so.
    pub(crate) doing: Option<String>,
    /// A file that the agent offers; to be checked, and given back by [`Timeline::offer`].
    pub(crate) offered: Option<ResourceLink>,
}

/// The entries of a running turn.
#[derive(Debug)]
pub(crate) struct Timeline {
    thread: ThreadId,
    turn: TurnId,
    workspace: std::path::PathBuf,
    live: Vec<Live>,
    /// The answer or thought that is being written, and the agent's name of it.
    open: Option<(ItemId, Option<String>)>,
    has_words: bool,
    /// People stop it: calls that do not end well from now on did not fail.
    is_stopped: bool,
}

/// An entry that may still change.
#[derive(Debug)]
struct Live {
    item: Item,
    /// What it lacks, if it is a tool call.
    original: Original,
    /// Bytes of its text that subscribers have; `None`: they have not seen this state of it.
    published: Option<usize>,
    dirty: bool,
    stage: Stage,
    /// It was not allowed what it asked for: if its agent never says how it ended, it failed.
    is_denied: bool,
}

/// How far an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Growing,
    Done,
    /// Its prompt is over: an agent that uses its name again means something else.
    Sealed,
}

/// Which of the two growing texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Voice {
    Answer,
    Thought,
}

impl Timeline {
    /// An empty one.
    pub(crate) fn new(thread: ThreadId, turn: TurnId, workspace: std::path::PathBuf) -> Self {
        Self {
            thread,
            turn,
            workspace,
            live: Vec::new(),
            open: None,
            has_words: false,
            is_stopped: false,
        }
    }

    /// Whether the agent said something to people, or gave them a file: a thought alone is no answer.
    pub(crate) fn has_words(&self) -> bool {
        self.has_words
    }

    /// A person, or a message of one, stops what runs.
    pub(crate) fn stopped_by_people(&mut self) {
        self.is_stopped = true;
    }

    /// Applies what the agent reports.
    pub(crate) fn apply(&mut self, update: SessionUpdate, now: Timestamp, ids: Ids<'_>) -> After {
        match update {
            SessionUpdate::AgentMessageChunk(chunk) => self.chunk(Voice::Answer, chunk, now, ids),
            SessionUpdate::AgentThoughtChunk(chunk) => self.chunk(Voice::Thought, chunk, now, ids),
            SessionUpdate::ToolCall(call) => self.tool(call.into(), now, ids),
            SessionUpdate::ToolCallUpdate(update) => self.tool(update, now, ids),
            SessionUpdate::Plan(plan) => self.plan(&plan, now, ids),
            SessionUpdate::UsageUpdate(usage) => {
                let (used, size) = (usage.used, usage.size);
                let is_usage = |body: &Body| matches!(body, Body::Usage { .. });
                self.replace(is_usage, Body::Usage { used, size }, now, ids)
            }
            // The user's words are in the timeline already; the rest is not for it.
            _ => After::default(),
        }
    }

    /// A file that was found to lie in the workspace.
    pub(crate) fn offer(&mut self, file: Attachment, now: Timestamp, ids: Ids<'_>) -> After {
        self.has_words = true;
        let known = |live: &Live| matches!(&live.item.body, Body::File(known) if *known == file);
        if self.live.iter().any(known) {
            return After::default();
        }
        let mut after = self.close_text();
        self.add(Body::File(file), now, ids).stage = Stage::Done;
        after.publish = true;
        after.write = true;
        after
    }

    /// What subscribers have not seen, in order; afterwards they have.
    pub(crate) fn changes(&mut self) -> Vec<Change> {
        let mut changes = Vec::new();
        for live in &mut self.live {
            let length = text_of(&live.item.body).map_or(0, str::len);
            match (live.published, text_of(&live.item.body)) {
                (None, _) => changes.push(Change::Item(live.item.clone())),
                (Some(at), Some(text)) if at < text.len() => changes.push(Change::Append {
                    item: live.item.id,
                    at,
                    text: text[at..].to_owned(),
                }),
                _ => {}
            }
            live.published = Some(length);
        }
        changes
    }

    /// About how many bytes are not written as they are now.
    pub(crate) fn backlog(&self) -> usize {
        let dirty = self.live.iter().filter(|live| live.dirty);
        dirty.map(|live| FRAME + live.item.body.size()).sum()
    }

    /// Entries that are not written as they are now.
    pub(crate) fn unwritten(&self) -> Vec<Item> {
        let dirty = self.live.iter().filter(|live| live.dirty);
        dirty.map(|live| live.item.clone()).collect()
    }

    /// What [`unwritten`](Self::unwritten) gave is written; nothing was applied since.
    pub(crate) fn written(&mut self) {
        for live in &mut self.live {
            live.dirty = false;
        }
        let open = self.open.as_ref().map(|(id, _)| *id);
        let mut entries = self.live.len();
        let mut bytes = self.live.iter().map(|live| live.item.body.size()).sum::<usize>();
        self.live.retain(|live| {
            let is_spare =
                live.stage >= Stage::Done && live.published.is_some() && Some(live.item.id) != open;
            let is_kept = !is_spare || (entries <= KEPT && bytes <= KEPT_BYTES);
            if !is_kept {
                entries -= 1;
                bytes -= live.item.body.size();
            }
            is_kept
        });
    }

    /// All entries at hand, as they are now.
    pub(crate) fn items(&self) -> impl Iterator<Item = &Item> {
        self.live.iter().map(|live| &live.item)
    }

    /// Whether a tool runs, as far as the agent says.
    pub(crate) fn runs_a_tool(&self) -> bool {
        let runs =
            |live: &Live| matches!(&live.item.body, Body::Tool(tool) if tool.status == ToolStatus::Running);
        self.live.iter().any(runs)
    }

    /// The turn is over: tool calls that have not ended never will.
    pub(crate) fn end(&mut self, now: Timestamp) {
        self.open = None;
        for live in &mut self.live {
            if let Body::Tool(tool) = &mut live.item.body
                && matches!(tool.status, ToolStatus::Pending | ToolStatus::Running)
            {
                tool.status = match (live.is_denied, self.is_stopped) {
                    (true, _) => ToolStatus::Failed,
                    (false, true) => ToolStatus::Stopped,
                    (false, false) => ToolStatus::Cut,
                };
                tool.ended = Some(now);
                live.touch();
            }
            live.stage = Stage::Sealed;
            live.original = Original::default();
        }
    }

    /// The prompt is sent again: what is said now is a new answer.
    pub(crate) fn interrupted(&mut self, now: Timestamp) {
        self.end(now);
        (self.is_stopped, self.has_words) = (false, false);
    }

    fn say(
        &mut self,
        voice: Voice,
        name: Option<&String>,
        mut text: &str,
        now: Timestamp,
        ids: Ids<'_>,
    ) -> After {
        self.has_words |= voice == Voice::Answer && !harmless::dropped(text).trim().is_empty();
        let mut after = After {
            doing: Some(match voice {
                Voice::Answer => "writing".to_owned(),
                Voice::Thought => "thinking".to_owned(),
            }),
            ..After::default()
        };
        while !text.is_empty() {
            let room = self.room(voice, name);
            let Some((index, room)) = room else {
                let closed = self.close_text();
                after.write |= closed.write;
                after.publish = true;
                let body = match voice {
                    Voice::Answer => Body::Answer { text: String::new() },
                    Voice::Thought => Body::Thought { text: String::new() },
                };
                let id = self.add(body, now, ids).item.id;
                self.open = Some((id, name.cloned()));
                continue;
            };
            let (now_said, rest) = text.split_at(text.floor_char_boundary(room));
            let live = &mut self.live[index];
            if let Body::Answer { text } | Body::Thought { text } = &mut live.item.body {
                text.push_str(now_said);
            }
            live.dirty = true;
            text = rest;
            if !text.is_empty() {
                after.write |= self.close_text().write;
            }
        }
        after
    }

    /// The open text, if it is this voice's, the same message's, and there is room for at least one character in it.
    fn room(&self, voice: Voice, name: Option<&String>) -> Option<(usize, usize)> {
        let (id, open_name) = self.open.as_ref()?;
        let index = self.live.iter().rposition(|live| live.item.id == *id)?;
        let length = match (&self.live[index].item.body, voice) {
            (Body::Answer { text }, Voice::Answer) | (Body::Thought { text }, Voice::Thought) => text.len(),
            _ => return None,
        };
        let is_other = matches!((open_name, name), (Some(open), Some(name)) if open != name);
        let room = LONGEST_TEXT.saturating_sub(length);
        (!is_other && room >= 4).then_some((index, room))
    }

    /// Nothing more is added to the open text; it is to be written.
    fn close_text(&mut self) -> After {
        let Some((id, _)) = self.open.take() else {
            return After::default();
        };
        if let Some(live) = self.live.iter_mut().rfind(|live| live.item.id == id) {
            live.stage = Stage::Done;
        }
        After {
            write: true,
            ..After::default()
        }
    }

    fn plan(&mut self, plan: &Plan, now: Timestamp, ids: Ids<'_>) -> After {
        let entries = plan.entries.iter().take(MOST_STEPS).map(|entry| PlanEntry {
            text: entry.content[..entry.content.floor_char_boundary(LONGEST_STEP)].to_owned(),
            status: match entry.status {
                PlanEntryStatus::InProgress => PlanStatus::Running,
                PlanEntryStatus::Completed => PlanStatus::Completed,
                _ => PlanStatus::Pending,
            },
        });
        let mut entries: Vec<_> = entries.collect();
        if plan.entries.len() > MOST_STEPS {
            entries.push(PlanEntry {
                text: format!("… and {} more", plan.entries.len() - MOST_STEPS),
                status: PlanStatus::Pending,
            });
        }
        let body = Body::Plan { entries };
        let after = self.replace(|body| matches!(body, Body::Plan { .. }), body, now, ids);
        After { write: true, ..after }
    }

    /// Replaces the turn's only entry of a kind, or adds it.
    fn replace(&mut self, is_it: impl Fn(&Body) -> bool, body: Body, now: Timestamp, ids: Ids<'_>) -> After {
        match self.live.iter_mut().find(|live| is_it(&live.item.body)) {
            Some(live) if live.item.body == body => return After::default(),
            Some(live) => {
                live.item.body = body;
                live.touch();
            }
            None => {
                self.add(body, now, ids);
            }
        }
        After::default()
    }

    fn add(&mut self, body: Body, now: Timestamp, ids: Ids<'_>) -> &mut Live {
        self.live.push(Live {
            item: Item {
                id: ids(),
                thread: self.thread.clone(),
                turn: Some(self.turn),
                at: now,
                body,
            },
            original: Original::default(),
            published: None,
            dirty: true,
            stage: Stage::Growing,
            is_denied: false,
        });
        self.live.last_mut().expect("it was just pushed")
    }
}

impl Live {
    /// It has another body, to be published and written.
    fn touch(&mut self) {
        self.published = None;
        self.dirty = true;
    }
}

fn text_of(body: &Body) -> Option<&str> {
    match body {
        Body::Answer { text } | Body::Thought { text } => Some(text),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
