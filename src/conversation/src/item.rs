//! The timeline of a thread: what people said, what the agent said and did, and the host's own words.

use credentials::{Timestamp, UserId};
use serde::{Deserialize, Serialize};

use crate::id::{ItemId, ThreadId, TurnId};

mod asking;
mod diff;
mod tool;

pub use asking::{Choice, ChoiceKind, Decision, LoginEnd};
pub use diff::Diff;
pub use tool::{ToolCall, ToolKind, ToolStatus};

/// One entry of a timeline. They are read turn by turn, and within a turn in the order of ids; its body may change while its
/// turn runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// Its id.
    pub id: ItemId,
    /// The thread it belongs to.
    pub thread: ThreadId,
    /// The turn it belongs to, if it belongs to one.
    pub turn: Option<TurnId>,
    /// When it began.
    pub at: Timestamp,
    /// What it says.
    pub body: Body,
}

/// How much of a timeline is looked at.
#[derive(Debug, Clone)]
pub struct Window {
    /// Entries, at most.
    pub entries: usize,
    /// Bytes of them as they are stored, at most; one entry comes in any case.
    pub bytes: usize,
    /// Entries that take no room.
    pub free: Vec<ItemId>,
}

/// What an entry of a timeline says. Stored as tagged JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "item", rename_all = "snake_case")]
pub enum Body {
    /// A person's message.
    Said {
        /// Who.
        by: UserId,
        /// The name they show; never an identity.
        name: String,
        /// Their words.
        text: String,
        /// Files that came with it.
        files: Vec<Attachment>,
    },
    /// The agent's words, Markdown.
    Answer {
        /// So far.
        text: String,
    },
    /// The agent's reasoning.
    Thought {
        /// So far.
        text: String,
    },
    /// Something the agent does.
    Tool(ToolCall),
    /// The agent's plan, whole each time.
    Plan {
        /// Its steps.
        entries: Vec<PlanEntry>,
    },
    /// The agent wants to do something, and asks.
    Permission {
        /// Names the request within this host's life.
        request: String,
        /// The tool call it is about.
        call: String,
        /// The name of the agent that asks, for people; empty for the built-in one.
        #[serde(default)]
        asker: String,
        /// What sort of thing it wants to do.
        #[serde(default)]
        kind: ToolKind,
        /// In a few words: `run a command`, `write notes.txt`.
        title: String,
        /// Exactly what will be executed or written: the command line, or the path and diff as text; then all else that the
        /// agent says of it.
        detail: String,
        /// The changes it would make to files.
        diffs: Vec<Diff>,
        /// The answers that the agent offers, in its order; it can be denied also where it offers no such answer.
        #[serde(default)]
        options: Vec<Choice>,
        /// When silence becomes a denial.
        until: Timestamp,
        /// What was decided; `None` while it is open.
        decision: Option<Decision>,
    },
    /// The agent can't go on without a login.
    Login {
        /// The service.
        service: String,
        /// Its name for people.
        title: String,
        /// Why, in words.
        reason: String,
        /// What became of it; `None` while a turn waits for it.
        ended: Option<LoginEnd>,
    },
    /// A file in the thread's workspace that the agent offers.
    File(Attachment),
    /// The host's own words: a crash, a cut, what happened to a message.
    Note {
        /// How bad.
        kind: NoteKind,
        /// The words.
        text: String,
        /// The turn that a Retry button would ask for again.
        retry: Option<TurnId>,
    },
    /// Context and cost of the session as the agent last reported it.
    Usage {
        /// Tokens in the context.
        used: u64,
        /// The context window in tokens; 0 if unknown.
        size: u64,
    },
}

impl Body {
    /// The host's own words that ask for nothing.
    pub fn told(text: impl Into<String>) -> Self {
        let (kind, text, retry) = (NoteKind::Info, text.into(), None);
        Self::Note { kind, text, retry }
    }

    /// Whether it waits for something that dies with the host: a call that runs, a question nobody has answered.
    pub(crate) fn is_unfinished(&self) -> bool {
        match self {
            Self::Tool(call) => matches!(call.status, ToolStatus::Pending | ToolStatus::Running),
            _ => self.waits(),
        }
    }

    /// Whether it waits for somebody's answer.
    pub fn waits(&self) -> bool {
        matches!(
            self,
            Self::Permission { decision: None, .. } | Self::Login { ended: None, .. }
        )
    }

    /// Whether a person who looks elsewhere would want to know that it is there: somebody spoke, something is asked, the
    /// host has something to say. A turn's end is such news, too, but no entry.
    pub(crate) fn is_news(&self) -> bool {
        matches!(
            self,
            Self::Said { .. } | Self::Permission { .. } | Self::Login { .. } | Self::Note { .. }
        )
    }

    /// About how many bytes it takes.
    pub fn size(&self) -> usize {
        let words = match self {
            Self::Said { text, .. }
            | Self::Answer { text }
            | Self::Thought { text }
            | Self::Note { text, .. } => text.len(),
            Self::Tool(call) => {
                let diffs = call.diffs.iter().map(Diff::size).sum::<usize>();
                call.call.len() + call.title.len() + call.input.len() + call.output.len() + diffs
            }
            Self::Plan { entries } => entries.iter().map(|entry| entry.text.len()).sum(),
            Self::Permission {
                call,
                asker,
                title,
                detail,
                diffs,
                options,
                ..
            } => {
                let options = options
                    .iter()
                    .map(|one| size_of::<Choice>() + one.id.len() + one.name.len());
                let diffs = diffs.iter().map(Diff::size).sum::<usize>();
                call.len() + asker.len() + title.len() + detail.len() + diffs + options.sum::<usize>()
            }
            // What these hold is short.
            Self::Login { .. } | Self::File(_) | Self::Usage { .. } => 0,
        };
        size_of::<Self>() + words
    }

    /// What has become of it when its host is gone. Leaves everything else as it is.
    pub(crate) fn cut(&mut self, now: Timestamp) {
        match self {
            Self::Tool(call) if matches!(call.status, ToolStatus::Pending | ToolStatus::Running) => {
                call.status = ToolStatus::Cut;
                call.ended = call.ended.or(Some(now));
            }
            Self::Permission { decision, .. } if decision.is_none() => *decision = Some(Decision::Gone),
            Self::Login { ended, .. } if ended.is_none() => *ended = Some(LoginEnd::Gone),
            _ => {}
        }
    }
}

/// A file of a thread, in its workspace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// Its name for people.
    pub name: String,
    /// Where it is, relative to the workspace.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// Media type.
    pub mime: String,
}

/// A step of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanEntry {
    /// In words.
    pub text: String,
    /// How it stands.
    pub status: PlanStatus,
}

/// How a step of a plan stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlanStatus {
    /// To do.
    Pending,
    /// Being done.
    Running,
    /// Done.
    Completed,
}

/// How bad a note is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoteKind {
    /// For information.
    Info,
    /// Something to know about.
    Warning,
    /// Something failed.
    Error,
}
